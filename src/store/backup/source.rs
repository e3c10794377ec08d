//! One file of a copy: copied in blocks, and looked at once more when it is whole, for logs can be cut meanwhile.

use std::path::PathBuf;
use std::sync::Arc;

use super::target::Target;
use crate::disk::{DiskFile, append_all, read_exact_at, read_full_at};
use crate::error::{Error, Result};
use crate::format::operation::{parse_line, without_marker};
use crate::store::{Rejected, Store};
use crate::wal::{LineReader, Watch};

/// How much is read at once.
const BLOCK: u64 = 1 << 18;
/// How much of a log is read under the store's mutex at most, unless its end is cut again and again.
const UNDER_LOCK: u64 = 1 << 18;
/// How often the end of a log is copied again before its writer has to wait.
const PASSES: u32 = 8;

/// How the content of a file may change while it is copied.
pub(super) enum Guard {
    /// Not at all.
    Immutable,
    /// Only by this store, which tells.
    Watched(Watch),
    /// Other hands may cut it; these are the last bytes that it had.
    Foreign(Vec<u8>),
}

/// What [`Source::end`] found.
pub(super) enum Outcome {
    Complete,
    /// There is more to copy.
    More,
    /// What was copied is of no one moment.
    Changed,
}

pub(super) struct Source {
    pub(super) relative: String,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
    guard: Guard,
    copy: Option<Arc<dyn DiskFile>>,
    copied: u64,
    passes: u32,
}

/// The clock of an operation; `None` for what is none.
fn clock_of(line: &[u8]) -> Option<u64> {
    parse_line(line).ok()?.clock
}

impl Source {
    pub(super) fn new(
        store: &Store,
        relative: &str,
        file: Arc<dyn DiskFile>,
        len: u64,
        guard: Guard,
    ) -> Self {
        let (relative, path) = (relative.to_owned(), store.path(relative));
        Self { relative, path, file, len, guard, copy: None, copied: 0, passes: 0 }
    }

    /// Whether all bytes were copied that are known to belong to it.
    pub(super) fn is_copied(&self) -> bool {
        self.copy.is_some() && self.copied == self.len
    }

    /// Bytes that are still to be copied.
    pub(super) fn left(&self) -> u64 {
        self.len - self.copied
    }

    /// Whether it is a log.
    pub(super) fn is_log(&self) -> bool {
        !matches!(self.guard, Guard::Immutable)
    }

    /// It was copied while no process could change it.
    pub(super) fn trust(&mut self) {
        self.guard = Guard::Immutable;
    }

    /// Copies one block, or so many bytes if they are fewer. Returns how many it copied.
    pub(super) fn copy_on(&mut self, target: &mut Target, budget: u64) -> Result<u64> {
        let copy = match &self.copy {
            Some(copy) => Arc::clone(copy),
            None => Arc::clone(self.copy.insert(target.create(&self.relative)?)),
        };
        let want = self.left().min(BLOCK).min(budget);
        let mut block = vec![0; want as usize];
        let read = read_full_at(&*self.file, &mut block, self.copied);
        let read = read.map_err(|source| Error::io("read", &self.path, source))?;
        // NOTE: a log may have been cut. What is missing is filled up, and what was there must be kept: it counts.
        if read < block.len() && !self.is_log() {
            return Err(Error::io("read", &self.path, std::io::ErrorKind::UnexpectedEof.into()));
        }
        self.append(&*copy, &block)?;
        Ok(want)
    }

    /// Whether the log still has the length and the end that it had.
    pub(super) fn is_as_captured(&self) -> Result<bool> {
        let failed = |source| Error::io("read", &self.path, source);
        let Guard::Foreign(tail) = &self.guard else { return Ok(true) };
        if self.file.info().map_err(failed)?.len != self.len {
            return Ok(false);
        }
        match read_exact_at(&*self.file, self.len - tail.len() as u64, tail.len()) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            now => Ok(now.map_err(failed)? == *tail),
        }
    }

    /// The lowest clock of the operations that have come since it was captured; the highest of all where there are none. `None`
    /// where more was taken back than is known of its end.
    pub(super) fn clock_since(&self) -> Result<Option<u64>> {
        let failed = |source| Error::io("read", &self.path, source);
        let Guard::Foreign(tail) = &self.guard else { return Ok(Some(u64::MAX)) };
        let from = self.len - tail.len() as u64;
        let len = self.file.info().map_err(failed)?.len;
        let mut now = vec![0; len.saturating_sub(from) as usize];
        let read = read_full_at(&*self.file, &mut now, from).map_err(failed)?;
        now.truncate(read);
        let common = tail.iter().zip(&now).take_while(|(one, other)| one == other).count();
        let line = now.get(..common).unwrap_or_default().iter().rposition(|byte| *byte == b'\n');
        let start = match line {
            Some(end) => end + 1,
            None if from == 0 => 0,
            None => return Ok(None),
        };
        let new = now.get(start..).unwrap_or_default();
        // The end of a line that is only being written is one that no agent has seen.
        let clocks =
            new.split_inclusive(|byte| *byte == b'\n').filter_map(|line| clock_of(line.strip_suffix(b"\n")?));
        Ok(Some(clocks.min().unwrap_or(u64::MAX)))
    }

    /// Leaves out the lines at its end that do not stand below a clock. `false` where these may be more than is known of it.
    pub(super) fn end_below(&mut self, clock: u64) -> bool {
        let Guard::Foreign(tail) = &mut self.guard else { return true };
        while let Some(last) = tail.len().checked_sub(1) {
            let before = tail.get(..last).unwrap_or_default();
            let is_whole = tail.last() == Some(&b'\n');
            let start = match before.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => end + 1,
                None if self.len == tail.len() as u64 => 0,
                None => return false,
            };
            if is_whole && clock_of(before.get(start..).unwrap_or_default()).is_none_or(|its| its < clock) {
                return true;
            }
            self.len -= (tail.len() - start) as u64;
            tail.truncate(start);
        }
        self.len == 0
    }

    /// Finds out whether what was copied is what the log held at one moment, and makes it durable.
    pub(super) fn end(&mut self, store: &Store) -> Result<Outcome> {
        let Some(copy) = self.copy.clone() else { return Ok(Outcome::More) };
        match &self.guard {
            Guard::Immutable => {}
            Guard::Foreign(tail) => {
                if !self.is_same(&*copy, tail)? {
                    return Ok(Outcome::Changed);
                }
            }
            Guard::Watched(watch) => {
                let watch = Arc::clone(watch);
                if !self.catch_up(store, &watch, &*copy)? {
                    return Ok(Outcome::More);
                }
            }
        }
        copy.sync().map_err(|source| Error::io("fdatasync", &self.path, source))?;
        Ok(Outcome::Complete)
    }

    /// Copies again what was cut or overwritten meanwhile, under the store's mutex if it is little. `false` if there
    /// is much of it: then it is copied as before, up to a later moment.
    fn catch_up(&mut self, store: &Store, watch: &Watch, copy: &dyn DiskFile) -> Result<bool> {
        let mut state = store.lock();
        if state.lock.is_some() {
            store.check_length(&mut state).map_err(Rejected::into_error)?;
        }
        let from = {
            let mut extent = watch.lock();
            if extent.intact >= self.len {
                return Ok(true);
            }
            self.len = extent.len;
            self.file = extent.file.clone().unwrap_or_else(|| Arc::clone(&self.file));
            std::mem::replace(&mut extent.intact, u64::MAX)
        };
        self.passes += 1;
        let is_last = self.len - from <= UNDER_LOCK || self.passes > PASSES;
        let end = match is_last {
            true => read_exact_at(&*self.file, from, (self.len - from) as usize)
                .map_err(|source| Error::io("read", &self.path, source))?,
            false => Vec::new(),
        };
        drop(state);
        copy.set_len(from).map_err(|source| Error::io("ftruncate", &self.path, source))?;
        self.copied = from;
        self.append(copy, &end)?;
        Ok(is_last)
    }

    /// Shortens the copy of another writer's log to lines that stood in it together at one moment of this copying, and makes
    /// it durable. The writer takes operations back from the end only: what was copied and is still there behind it was
    /// there all the time, and the first line that is gone was the last one when it went.
    pub(super) fn settle(&mut self) -> Result<()> {
        let Some(copy) = self.copy.clone() else { return Ok(()) };
        let (starts, mut end) = self.common_lines(&*copy)?;
        for start in starts.into_iter().rev() {
            // An undo in a batch marks the line before as its last one, and only then cuts. Should this line have gone too
            // since it was compared, the one before it is the last.
            let line = match read_exact_at(&*self.file, start, (end - start) as usize) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Vec::new(),
                line => line.map_err(|source| self.read_failed(source))?,
            };
            let copied = read_exact_at(&*copy, start, (end - start) as usize);
            let copied = copied.map_err(|source| self.read_failed(source))?;
            if without_marker(&line) == without_marker(&copied) {
                return self.end_with(&*copy, start, &line);
            }
            end = start;
        }
        self.end_with(&*copy, 0, &[])
    }

    fn end_with(&mut self, copy: &dyn DiskFile, at: u64, line: &[u8]) -> Result<()> {
        copy.set_len(at).map_err(|source| Error::io("ftruncate", &self.path, source))?;
        self.copied = at;
        self.append(copy, line)?;
        self.len = self.copied;
        self.trust();
        Ok(())
    }

    /// Where the first lines begin that the copy and the file have in common, and where the last of them ends. It may differ
    /// in the marker of its batch.
    fn common_lines(&self, copy: &dyn DiskFile) -> Result<(Vec<u64>, u64)> {
        let (mut copied, mut now) = (LineReader::new(copy, 0), LineReader::new(&*self.file, 0));
        let (mut starts, mut end) = (Vec::new(), 0);
        while let Some(line) = copied.next_line().map_err(|source| self.read_failed(source))?
            && let Some(other) = now.next_line().map_err(|source| self.read_failed(source))?
            && line.complete
            && other.complete
            && without_marker(line.bytes) == without_marker(other.bytes)
        {
            starts.push(line.offset);
            end = line.offset + line.bytes.len() as u64 + 1;
            if line.bytes != other.bytes {
                break;
            }
        }
        Ok((starts, end))
    }

    fn read_failed(&self, source: std::io::Error) -> Error {
        Error::io("read", &self.path, source)
    }

    fn append(&mut self, copy: &dyn DiskFile, bytes: &[u8]) -> Result<()> {
        append_all(copy, bytes).map_err(|source| Error::io("write", &self.path, source))?;
        self.copied += bytes.len() as u64;
        Ok(())
    }

    /// Whether the copy ends with these bytes, and the file still holds what was copied. Both together say that
    /// nothing was cut since the length was looked at.
    fn is_same(&self, copy: &dyn DiskFile, tail: &[u8]) -> Result<bool> {
        let failed = |source| Error::io("read", &self.path, source);
        let at = self.len - tail.len() as u64;
        if read_exact_at(copy, at, tail.len()).map_err(failed)? != tail {
            return Ok(false);
        }
        let mut at = 0;
        while at < self.len {
            let want = (self.len - at).min(BLOCK) as usize;
            let now = match read_exact_at(&*self.file, at, want) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
                now => now.map_err(failed)?,
            };
            if now != read_exact_at(copy, at, want).map_err(failed)? {
                return Ok(false);
            }
            at += want as u64;
        }
        Ok(true)
    }
}
