//! One agent's log, as another agent or a reader goes through it: on from where it was left, and back where its
//! agent has undone something.

use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use super::{Known, Log};
use crate::disk::{DiskFile, OpenMode, read_exact_at};
use crate::engine::{Check, Operation, Origin, Place, Rank, Text};
use crate::error::{Error, Result};
use crate::format::operation::Line;
use crate::store::Store;
use crate::wal::{Piece, replay, replay_unlocked};

/// About how many bytes of a log are read and compared at once.
const PIECE: usize = 1 << 20;

/// What reading the logs brought.
#[derive(Default)]
pub(super) struct News {
    pub(super) added: Vec<Operation>,
    pub(super) removed: Vec<Rank>,
    pub(super) skipped: Vec<u64>,
}

impl Log {
    /// Reads what is new. Lines of others are held in memory, for their agent may cut them; those of the
    /// agent's own log stay in the `own` file.
    pub(super) fn read_on(
        &mut self,
        store: &Store,
        own: Option<&Arc<dyn DiskFile>>,
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
            let last = self.lines.last().map(|last| (last.offset, last.len, last.hash));
            let Self { number, path, lines, end, version, .. } = self;
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
                    let (len, hash) = (bytes.len() as u32, line_hash(hasher, bytes));
                    lines.push(Known { offset, len, hash, rank: rank.clone() });
                }
                news.added.push(operation);
                Ok(ControlFlow::Continue(()))
            };
            // NOTE: agents cut their logs only while they have the folder's lock alone, so whoever shares it sees
            // none change; a reader has no lock.
            let piece = match store.gate {
                Some(_) => Some(Piece { tail: replay(&*file, path, *end, each)?, is_last: true }),
                None => {
                    let still = || match last {
                        None => Ok(true),
                        Some((offset, len, hash)) => is_line(&*file, path, hasher, offset, len, hash),
                    };
                    replay_unlocked(&*file, path, *end, PIECE, still, each)?
                }
            };
            if let Some(Piece { tail, is_last }) = piece {
                self.end = tail.good;
                news.skipped.extend(tail.skipped);
                if is_last {
                    return Ok(());
                }
            }
        }
    }

    /// Whether there is nothing new in it, and nothing undone.
    pub(super) fn is_quiet(&self, store: &Store) -> Result<bool> {
        let Some(file) = &self.file else {
            return match store.disk.info(&self.path) {
                Ok(_) => Ok(false),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
                Err(source) => Err(Error::io("stat", &self.path, source)),
            };
        };
        let info = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        match self.lines.last() {
            _ if info.len != self.end => Ok(false),
            Some(last) => is_line(&**file, &self.path, &store.hasher, last.offset, last.len, last.hash),
            None => Ok(true),
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
            if is_line(file, &self.path, hasher, last.offset, last.len, last.hash)? {
                break;
            }
            is_cut = true;
            news.removed.extend(self.lines.pop().map(|known| known.rank));
        }
        if is_cut {
            self.end = self.lines.last().map_or(0, |last| last.offset + u64::from(last.len) + 1);
        }
        Ok(())
    }
}

/// Whether a line that was read still is where it was.
fn is_line(
    file: &dyn DiskFile,
    path: &Path,
    hasher: &DefaultHashBuilder,
    offset: u64,
    len: u32,
    hash: u64,
) -> Result<bool> {
    match read_exact_at(file, offset, len as usize) {
        Ok(bytes) => Ok(line_hash(hasher, &bytes) == hash),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(Error::io("read", path, source)),
    }
}

fn operation_of(
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

/// Leaves the value of a batch marker out, as [`crate::store::Seen`] does.
fn line_hash(hasher: &DefaultHashBuilder, line: &[u8]) -> u64 {
    hasher.hash_one(crate::format::operation::without_marker(line))
}
