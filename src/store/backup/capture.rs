//! What belongs to a copy: the manifest, and every file that it names, opened at one moment, so that no checkpoint
//! can take one away. Where other hands write too, the moment is found by locking them out for a moment, or, by a
//! reader, by looking twice and finding the same.

use std::collections::{HashSet, VecDeque};
use std::io::ErrorKind;
use std::sync::Arc;

use super::source::{Guard, Source};
use crate::disk::{DiskFile, OpenMode, read_exact_at};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::retention::Hold;
use crate::store::agents::logs_of;
use crate::store::open::read_manifest;
use crate::store::{Rejected, Store};
use crate::{layout, patience};

/// How much of the end of a log tells it from what is written after a cut.
const TAIL: u64 = 1 << 16;
/// How often a reader looks for two looks that find the same manifest.
const LOOKS: u32 = 2000;
/// After so many looks, logs need not be what they were.
const LOOKS_AT_LOGS: u32 = 20;

/// Sealed logs, and their lengths.
type Trail = Vec<(String, u64)>;

pub(super) struct Capture {
    pub(super) manifest: String,
    sources: VecDeque<Source>,
    trail: Trail,
    /// Keeps these logs from being pruned.
    _hold: Option<Hold>,
}

impl Capture {
    /// The file that is to be copied; `None` when all are.
    pub(super) fn next_source(&mut self, store: &Store) -> Result<Option<&mut Source>> {
        while self.sources.is_empty()
            && let Some((relative, _)) = self.trail.pop()
        {
            let folder = relative.split('/').next().unwrap_or_default();
            if let Some((file, len)) = open(store, folder, &relative)? {
                self.sources.push_back(Source::new(store, &relative, file, len, Guard::Immutable));
            }
        }
        Ok(self.sources.front_mut())
    }

    pub(super) fn drop_source(&mut self) {
        self.sources.pop_front();
    }

    pub(super) fn logs(&mut self) -> impl Iterator<Item = &mut Source> {
        self.sources.iter_mut().filter(|source| source.is_log())
    }

    /// Bytes that are still to be copied.
    pub(super) fn left(&self) -> u64 {
        let trail: u64 = self.trail.iter().map(|(_, len)| len).sum();
        trail + self.sources.iter().map(Source::left).sum::<u64>()
    }
}

impl Store {
    /// Opens all that belongs to the copy of a moment, which is now.
    pub(super) fn capture(&self, with_trail: bool) -> Result<Capture> {
        if let Some(capture) = self.capture_own(with_trail)? {
            return Ok(capture);
        }
        match &self.gate {
            Some(gate) => {
                let _alone = gate.exclusive()?;
                self.capture_locked(with_trail)
            }
            None => self.capture_twice(with_trail),
        }
    }

    /// For the only writer of a folder.
    fn capture_own(&self, with_trail: bool) -> Result<Option<Capture>> {
        let mut state = self.lock();
        if state.manifest.current_snapshot.is_empty() {
            return Err(Error::Failed("it was closed".into()));
        }
        if state.lock.is_none() {
            return Ok(None);
        }
        self.check_length(&mut state).map_err(Rejected::into_error)?;
        let manifest = state.manifest.clone();
        let mut capture = self.capture_immutable(&manifest)?;
        let (file, len) = (state.logs.wal.file().cloned(), state.logs.wal.len());
        if let Some(file) = file {
            let guard = Guard::Watched(state.logs.wal.watch());
            capture.sources.insert(1, Source::new(self, &manifest.active_ops, file, len, guard));
        }
        drop(state);
        if with_trail {
            // The next log, while a checkpoint is under way, is newer than the one in use.
            let newest = layout::milliseconds(&manifest.active_ops);
            (capture.trail, capture._hold) = self.trail(&[&manifest.active_ops], newest)?;
        }
        Ok(Some(capture))
    }

    /// While no process can append, or whatever comes of it otherwise.
    pub(super) fn capture_locked(&self, with_trail: bool) -> Result<Capture> {
        let manifest = read_manifest(&*self.disk, &self.root)?.ok_or(Error::NoStore)?;
        let mut capture = self.capture_immutable(&manifest)?;
        let logs = logs_of(&manifest);
        for relative in &logs {
            let Some((file, len)) = open(self, layout::OPS, relative)? else { continue };
            let tail = tail(self, relative, &*file, len)?;
            let at = capture.sources.len().min(1);
            capture.sources.insert(at, Source::new(self, relative, file, len, Guard::Foreign(tail)));
        }
        if with_trail {
            (capture.trail, capture._hold) = self.trail(&logs, None)?;
        }
        Ok(capture)
    }

    /// For a reader, which can lock no writer out. Writers may never rest: what they cut meanwhile is left out in the end, and
    /// of agents' logs what may follow from something that is left out.
    fn capture_twice(&self, with_trail: bool) -> Result<Capture> {
        for look in 0..LOOKS {
            match self.capture_locked(with_trail) {
                Ok(mut capture) => {
                    if self.still_holds(&mut capture, look)? {
                        return Ok(capture);
                    }
                }
                // A checkpoint may have superseded it.
                Err(error) if error.is_missing_file() => {}
                Err(error) => return Err(error),
            }
            patience::nap();
        }
        let source = ErrorKind::ResourceBusy.into();
        Err(Error::io("read", &self.path(layout::OPS), source))
    }

    /// Whether the manifest, and the lengths and ends of all logs, are what they were. After some looks, whether the logs could
    /// be shortened to what belongs together.
    fn still_holds(&self, capture: &mut Capture, look: u32) -> Result<bool> {
        let manifest = read_manifest(&*self.disk, &self.root)?;
        if manifest.is_none_or(|manifest| manifest.print() != capture.manifest) {
            return Ok(false);
        }
        let mut logs: Vec<&mut Source> = capture.logs().collect();
        if look >= LOOKS_AT_LOGS {
            return if logs.len() == 1 { Ok(true) } else { shorten(&mut logs) };
        }
        for source in logs {
            if !source.is_as_captured()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The snapshot, which comes first, and the archive segments.
    fn capture_immutable(&self, manifest: &Manifest) -> Result<Capture> {
        let mut sources = VecDeque::new();
        let relative = &manifest.current_snapshot;
        let (file, len) = open(self, layout::SNAPSHOTS, relative)?.ok_or_else(|| Error::SnapshotMissing {
            relative: relative.clone(),
            source: ErrorKind::NotFound.into(),
        })?;
        sources.push_back(Source::new(self, relative, file, len, Guard::Immutable));
        let mut named = HashSet::new();
        for relative in manifest.archive_segments.iter().filter(|relative| named.insert(relative.as_str())) {
            let (file, len) = open(self, layout::ARCHIVE, relative)?
                .ok_or_else(|| Error::io("open", &self.path(relative), ErrorKind::NotFound.into()))?;
            sources.push_back(Source::new(self, relative, file, len, Guard::Immutable));
        }
        Ok(Capture { manifest: manifest.print(), sources, trail: Vec::new(), _hold: None })
    }

    /// The logs that are no longer written to, held until they are copied.
    fn trail(&self, active: &[&str], newest: Option<u64>) -> Result<(Trail, Option<Hold>)> {
        loop {
            let trail = self.logs_of_trail(active, newest)?;
            let logs = trail.iter().map(|(relative, _)| relative).filter(|name| layout::is_log_path(name));
            let Some(oldest) = logs.min_by_key(|log| layout::time_of(log)) else { return Ok((trail, None)) };
            if let Some(hold) = Hold::take(&*self.disk, &self.root, oldest)? {
                return Ok((trail, Some(hold)));
            }
            // It was pruned meanwhile.
        }
    }

    /// The logs that are no longer written to. Folders, symbolic links and temporary files are none.
    fn logs_of_trail(&self, active: &[&str], newest: Option<u64>) -> Result<Trail> {
        let folder = self.path(layout::OPS);
        let names = self.disk.list(&folder).map_err(|source| Error::io("scandir", &folder, source))?;
        let mut trail = Vec::new();
        for name in names {
            let relative = format!("{}/{name}", layout::OPS);
            let is_newer =
                layout::milliseconds(&name).is_some_and(|ms| newest.is_some_and(|newest| ms > newest));
            if active.contains(&&*relative)
                || is_newer
                || layout::is_temporary(&name)
                || layout::is_left_by_others(&name)
            {
                continue;
            }
            if let Ok(Some((file, len))) = open(self, layout::OPS, &relative)
                && let (Ok(named), Ok(opened)) = (self.disk.info(&folder.join(&name)), file.info())
                && named.identity == opened.identity
                && opened.is_file
            {
                trail.push((relative, len));
            }
        }
        // What archives noted of the records that they took out of these logs.
        for name in self.disk.list(&self.path(layout::INDEX)).unwrap_or_default() {
            let relative = format!("{}/{name}", layout::INDEX);
            if layout::time_of_archived(&name).is_some()
                && let Ok(info) = self.disk.info(&self.path(&relative))
                && info.is_file
            {
                trail.push((relative, info.len));
            }
        }
        Ok(trail)
    }
}

/// Leaves out of agents' logs what may follow from operations that came after the log with those was looked at. An operation
/// has a higher clock than all that its agent had seen, and what comes from now on is seen by none that was captured: so
/// what stands below the lowest clock of those that have come by now belongs together. `false` where it cannot be told.
fn shorten(logs: &mut [&mut Source]) -> Result<bool> {
    let mut lowest = u64::MAX;
    for log in logs.iter() {
        let Some(clock) = log.clock_since()? else { return Ok(false) };
        lowest = lowest.min(clock);
    }
    Ok(logs.iter_mut().all(|log| log.end_below(lowest)))
}

/// Opens a file that the manifest names, and its length. `None` if it is not there.
fn open(store: &Store, folder: &str, relative: &str) -> Result<Option<(Arc<dyn DiskFile>, u64)>> {
    let path = layout::inside(&store.root, folder, relative)?;
    let file = match store.disk.open(&path, OpenMode::Read) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|source| Error::io("open", &path, source))?,
    };
    let info = file.info().map_err(|source| Error::io("fstat", &path, source))?;
    Ok(Some((file, info.len)))
}

/// The last bytes of a log. One that shrinks meanwhile has none that could be found again.
fn tail(store: &Store, relative: &str, file: &dyn DiskFile, len: u64) -> Result<Vec<u8>> {
    let count = len.min(TAIL);
    match read_exact_at(file, len - count, count as usize) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(vec![0; count as usize]),
        tail => tail.map_err(|source| Error::io("read", &store.path(relative), source)),
    }
}
