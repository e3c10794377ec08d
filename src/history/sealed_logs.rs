//! The sealed logs of an agent of which only the lines on one record are read. A position names the last line of every agent up to an
//! operation, whatever record it is on: it is searched here, for the clocks in the logs of an agent rise.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::position::Mark;
use super::trail::{LogName, open};
use crate::disk::{Disk, DiskFile, read_full_at};
use crate::engine::compare_ranks;
use crate::error::{Error, Result};
use crate::format::operation::{js_trim, parse_line};
use crate::layout;

/// So much is read at once to find a line.
const BLOCK: usize = 1 << 10;

/// Where the logs of an agent are read up to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ReadUpTo {
    /// The last line, with the time of its log.
    pub(super) last: Option<(u64, Mark)>,
    /// The time of the log of the line behind it, if one of these logs has it.
    pub(super) next_ms: Option<u64>,
}

/// Sealed logs, oldest first.
#[derive(Default)]
pub(super) struct SealedLogs {
    logs: Vec<Sealed>,
    held: Option<Held>,
}

struct Sealed {
    name: LogName,
    /// The clock of its first operation, once it was read; `None` in it when there is none.
    first: Option<Option<u64>>,
}

/// The log that was searched last.
struct Held {
    ms: u64,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
}

impl SealedLogs {
    pub(super) fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// Takes note of a log that is newer than those that are known.
    pub(super) fn note(&mut self, name: &LogName) {
        if self.logs.last().is_none_or(|last| last.name.ms < name.ms) {
            self.logs.push(Sealed { name: name.clone(), first: None });
        }
    }

    /// Finds the last line of the agent's that comes before an operation.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(super) fn before(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        agent: &str,
        rank: (u64, &[u8]),
    ) -> Result<ReadUpTo> {
        let is_before = |clock: u64| compare_ranks((clock, agent.as_bytes()), rank).is_lt();
        let (mut low, mut high) = (0, self.logs.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first_clock(disk, root, middle)? {
                Some(clock) if !is_before(clock) => high = middle,
                _ => low = middle + 1,
            }
        }
        let ms_of = |place: usize| self.logs.get(place).map(|log| log.name.ms);
        let next_ms = ms_of(low);
        for place in (0..low).rev() {
            let Some(held) = self.hold(disk, root, place)? else { continue };
            if let Some((mark, is_last)) = held.last_before(is_before)? {
                let ms = held.ms;
                return Ok(ReadUpTo {
                    last: Some((ms, mark)),
                    next_ms: if is_last { next_ms } else { Some(ms) },
                });
            }
        }
        Ok(ReadUpTo { last: None, next_ms })
    }

    fn first_clock(&mut self, disk: &dyn Disk, root: &Path, place: usize) -> Result<Option<u64>> {
        if let Some(known) = self.logs.get(place).and_then(|log| log.first) {
            return Ok(known);
        }
        let first = match self.hold(disk, root, place)? {
            Some(held) => held.operation_from(0)?.map(|found| found.clock),
            None => None,
        };
        if let Some(log) = self.logs.get_mut(place) {
            log.first = Some(first);
        }
        Ok(first)
    }

    fn hold(&mut self, disk: &dyn Disk, root: &Path, place: usize) -> Result<Option<&Held>> {
        let Some(name) = self.logs.get(place).map(|log| &log.name) else { return Ok(None) };
        if self.held.as_ref().is_none_or(|held| held.ms != name.ms) {
            let path = layout::inside(root, layout::OPS, &name.relative)?;
            let Some(file) = open(disk, &path)? else { return Ok(None) };
            let len = file.info().map_err(|source| Error::io("fstat", &path, source))?.len;
            self.held = Some(Held { ms: name.ms, path, file, len });
        }
        Ok(self.held.as_ref())
    }
}

/// An operation that was found in a log.
struct Found {
    start: u64,
    line: Vec<u8>,
    clock: u64,
}

impl Held {
    /// The last operation whose clock is told to come before, and whether it is the last of the log.
    fn last_before(&self, is_before: impl Fn(u64) -> bool) -> Result<Option<(Mark, bool)>> {
        let Some(mut last) = self.operation_from(0)?.filter(|first| is_before(first.clock)) else {
            return Ok(None);
        };
        // No line that begins at `high` or behind it comes before.
        let (mut high, mut is_last) = (self.len, true);
        loop {
            let next = last.start + last.line.len() as u64 + 1;
            if next >= high {
                return Ok(Some((Mark::new(last.start, &last.line), is_last)));
            }
            let from = next.max(last.start + (high - last.start) / 2);
            match self.operation_from(from)?.filter(|found| found.start < high) {
                Some(found) if is_before(found.clock) => last = found,
                found => {
                    is_last &= found.is_none();
                    high = from;
                }
            }
        }
    }

    /// The first operation whose line begins at an offset, or behind it.
    fn operation_from(&self, from: u64) -> Result<Option<Found>> {
        let at = from.saturating_sub(1);
        let mut size = BLOCK;
        loop {
            let mut bytes = vec![0; size];
            let read = read_full_at(&*self.file, &mut bytes, at);
            bytes.truncate(read.map_err(|source| Error::io("read", &self.path, source))?);
            let is_whole = bytes.len() < size;
            let begin = match from {
                0 => Some(0),
                _ => memchr::memchr(b'\n', &bytes).map(|newline| newline + 1),
            };
            let mut rest = begin.and_then(|begin| bytes.get(begin..)).unwrap_or_default();
            while !rest.is_empty() {
                let newline = memchr::memchr(b'\n', rest);
                // The last line may lack its newline.
                let line = match newline {
                    Some(newline) => rest.get(..newline).unwrap_or_default(),
                    None if is_whole => js_trim(rest),
                    None => break,
                };
                if let Ok(parsed) = parse_line(line) {
                    let start = at + (bytes.len() - rest.len()) as u64;
                    return Ok(Some(Found { start, line: line.to_vec(), clock: parsed.clock.unwrap_or(0) }));
                }
                rest = newline.and_then(|newline| rest.get(newline + 1..)).unwrap_or_default();
            }
            if is_whole {
                return Ok(None);
            }
            size *= 4;
        }
    }
}
