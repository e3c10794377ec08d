//! One agent's log, as another agent or a reader goes through it: on from where it was left, and back where its
//! agent has undone something.

use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use super::{Known, Log};
use crate::disk::{DiskFile, FileInfo, OpenMode};
use crate::engine::{Check, Cut, Operation, Origin, Place, Rank, Text};
use crate::error::{Error, Result};
use crate::format::operation::Line;
use crate::store::Store;
use crate::store::following::followed::{Skipped, skipped_in};
use crate::store::following::seen::{SeenLine, are_all_in, count_in};
use crate::store::following::tail_queue::TailQueue;
use crate::wal::{Piece, replay, replay_unlocked, unread_from};

/// About how many bytes of a log are read and compared at once.
const PIECE: usize = 1 << 20;

/// What reading the logs brought.
#[derive(Default)]
pub(super) struct News {
    pub(super) added: Vec<Operation>,
    pub(super) removed: Vec<Cut>,
    pub(super) skipped: Vec<Skipped>,
}

impl News {
    /// Whether it changes no record.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// The highest schema version of what was added; 0 for nothing.
    pub(super) fn newest_version(&self) -> u32 {
        self.added.iter().map(|operation| operation.version).max().unwrap_or(0)
    }
}

impl Log {
    /// Reads what is new. Lines of others are held in memory, for their agent may cut them; those of the
    /// agent's own log stay in the `own` file.
    pub(super) fn read_on(
        &mut self,
        store: &Store,
        own: Option<&Arc<dyn DiskFile>>,
        is_held: bool,
        news: &mut News,
    ) -> Result<()> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => match store.disk.open(&self.path, OpenMode::Read) {
                Ok(file) => Arc::clone(self.file.insert(file)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(source) => return Err(Error::io("open", &self.path, source)),
            },
        };
        let hasher = &store.hasher;
        loop {
            self.drop_cut_lines(&*file, hasher, news)?;
            let last = self.lines.last().map(|last| last.line);
            if self.own_from == u64::MAX {
                let good = last.map_or(0, |last| last.end());
                self.end = unread_from(&*file, &self.path, good, self.end)?;
                self.told = self.told.min(self.end);
            }
            let Self { number, path, lines, end, version, is_mixed, .. } = self;
            // Nearly always one agent's, whose name need not be kept once for each line.
            let mut agent: Arc<[u8]> = Arc::default();
            let each = |offset: u64, bytes: &[u8], line: &Line<'_>| {
                let named = line.agent.as_deref().unwrap_or_default();
                if *named != *agent {
                    agent = named.into();
                }
                let text = match own {
                    Some(file) => Text::at(file, offset, bytes.len()),
                    None => Text::Held(bytes.into()),
                };
                let version = line.version.unwrap_or(*version);
                let operation = operation_of(text, bytes, (*number, version), line, &agent);
                if let Some(rank) = operation.rank() {
                    *is_mixed |= lines.last().is_some_and(|before| before.rank >= *rank);
                    lines.push(Known { line: SeenLine::new(hasher, offset, bytes), rank: rank.clone() });
                }
                news.added.push(operation);
                Ok(ControlFlow::Continue(()))
            };
            // NOTE: agents cut their logs only while they have the folder's lock alone, so an agent that shares it sees
            // none change; a reader has no lock.
            let piece = match store.gate {
                Some(_) if is_held => Some(Piece { tail: replay(&*file, path, *end, each)?, is_last: true }),
                _ => {
                    let still = || last.map_or(Ok(true), |last| last.is_in(hasher, &*file, path));
                    replay_unlocked(&*file, path, *end, PIECE, still, each)?
                }
            };
            if let Some(Piece { tail, is_last }) = piece {
                self.end = tail.good;
                news.skipped.extend(skipped_in(&self.path, &tail.skipped));
                if is_last {
                    return Ok(());
                }
            }
        }
    }

    /// How many bytes were appended to it since it was read. `None` where something was undone, or another file is in its place.
    pub(super) fn ahead(&self, store: &Store) -> Result<Option<u64>> {
        let at_path = self.at_path(store)?;
        let Some(file) = &self.file else {
            // One that was never opened has nothing that could have changed; of the own one, which is written, it is not known.
            let is_unread = self.end == 0 && self.own_from == u64::MAX;
            return Ok(at_path.map_or(Some(0), |info| is_unread.then_some(info.len)));
        };
        let held = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        if at_path.is_some_and(|info| info.identity != held.identity) {
            return Ok(None);
        }
        let is_whole = match self.lines.last() {
            Some(last) => last.line.is_in(&store.hasher, &**file, &self.path)?,
            None => true,
        };
        Ok(held.len.checked_sub(self.end).filter(|_| is_whole))
    }

    /// Whether another file stands in its place than the one that was read, and does not have what was read; or none,
    /// though a log that counts no more stays when operations were in it. A file that has all of it is gone over to: a copy
    /// of the folder that is brought up to date replaces files.
    pub(super) fn is_replaced(&mut self, store: &Store, is_named: bool) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let held = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        match self.at_path(store)? {
            Some(at_path) if held.identity == at_path.identity => Ok(false),
            Some(_) => Ok(!self.goes_over_to_copy(store)?),
            None => Ok(!is_named && held.len > 0),
        }
    }

    fn goes_over_to_copy(&mut self, store: &Store) -> Result<bool> {
        let file = match store.disk.open(&self.path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(Error::io("open", &self.path, source)),
        };
        let lines = self.lines.iter().map(|known| &known.line);
        let is_copy = are_all_in(lines, &store.hasher, &*file, &self.path)?;
        if is_copy {
            self.file = Some(file);
        }
        Ok(is_copy)
    }

    fn at_path(&self, store: &Store) -> Result<Option<FileInfo>> {
        match store.disk.info(&self.path) {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::io("stat", &self.path, source)),
        }
    }

    /// Finds out whether the log's agent has undone something, by looking at the last line that was read.
    fn drop_cut_lines(
        &mut self,
        file: &dyn DiskFile,
        hasher: &DefaultHashBuilder,
        news: &mut News,
    ) -> Result<()> {
        let mut is_cut = false;
        while let Some(last) = self.lines.last() {
            if last.line.is_in(hasher, file, &self.path)? {
                break;
            }
            is_cut = true;
            let log = self.number;
            news.removed.extend(self.lines.pop().map(|known| Cut { rank: known.rank, log }));
        }
        if is_cut {
            self.end = self.lines.last().map_or(0, |last| last.line.end());
            self.told = self.told.min(self.end);
        }
        Ok(())
    }

    /// Finds out how much of what was told still stands in the file that has its name now.
    pub(super) fn look_again(&mut self, store: &Store) -> Result<()> {
        let file = match store.disk.open(&self.path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::io("open", &self.path, source)),
        };
        let lines: Vec<SeenLine> = self.lines.iter().map(|known| known.line).collect();
        let count = count_in(&lines, &store.hasher, &*file, &self.path)?;
        self.lines.truncate(count);
        self.end = self.lines.last().map_or(0, |last| last.line.end());
        self.told = self.told.min(self.end);
        Ok(())
    }

    /// Leaves it behind. It may have more than was read.
    pub(super) fn leave(&self, tail_queue: &mut TailQueue, end: u64) {
        tail_queue.push(&self.relative, self.told..end.min(self.own_from), true);
        let lines = self.lines.iter().map(|known| known.line).collect();
        tail_queue.leave(&self.relative, (lines, Vec::new()));
    }

    /// The lines that are still to be told of.
    pub(super) fn queued(&self) -> &[Known] {
        let place = |offset| self.lines.partition_point(|known| known.line.offset < offset);
        self.lines.get(place(self.told)..place(self.own_from)).unwrap_or_default()
    }
}

/// The operation that a line of an agent's log says.
pub(in crate::store) fn operation_of(
    text: Text,
    bytes: &[u8],
    (log, version): (u32, u32),
    line: &Line<'_>,
    agent: &Arc<[u8]>,
) -> Operation {
    let rank = Rank { clock: line.clock.unwrap_or(0), agent: Arc::clone(agent) };
    let value = line.data.as_ref().map(|range| {
        // What is held in memory needs no check.
        let check = match text {
            Text::At { .. } => Check::of(bytes.get(range.clone()).unwrap_or_default()),
            _ => Check::NONE,
        };
        (range.start as u32..range.end as u32, check)
    });
    Operation {
        id: (&*line.id).into(),
        kind: line.kind,
        line: text,
        before: None,
        stood: Place::BELOW,
        batch: line.batch,
        origin: Some(Box::new(Origin { rank, log, value, placed: None, aged: None })),
        version,
    }
}
