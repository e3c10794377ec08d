//! What a store that follows remembers of the lines that it has read: where each stands, and its hash, to see whether
//! its writer has cut the log and written it anew. The writer may do so at any time.

use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use crate::disk::{DiskFile, read_exact_at};
use crate::error::{Error, Result};
use crate::format::operation::{unplaced, without_marker};
use crate::store::last_lines::Lines;
use crate::wal::LineReader;

/// A line that was read.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct SeenLine {
    pub(in crate::store) offset: u64,
    pub(in crate::store) len: u32,
    hash: u64,
}

impl SeenLine {
    pub(in crate::store) fn new(hasher: &DefaultHashBuilder, offset: u64, line: &[u8]) -> Self {
        Self { offset, len: line.len() as u32, hash: hash(hasher, line) }
    }

    /// Where the line behind it begins.
    pub(in crate::store) fn end(&self) -> u64 {
        self.offset + u64::from(self.len) + 1
    }

    /// Whether this is the line.
    pub(in crate::store) fn is(&self, hasher: &DefaultHashBuilder, line: &[u8]) -> bool {
        self.hash == hash(hasher, line)
    }

    pub(in crate::store) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether it still stands in the file where it was.
    pub(in crate::store) fn is_in(
        &self,
        hasher: &DefaultHashBuilder,
        file: &dyn DiskFile,
        path: &Path,
    ) -> Result<bool> {
        match read_exact_at(file, self.offset, self.len as usize) {
            Ok(line) => Ok(self.is(hasher, &line)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(source) => Err(Error::io("read", path, source)),
        }
    }
}

/// Leaves the value of a batch marker out: an undo in the batch overwrites it, and it is the same line.
fn hash(hasher: &DefaultHashBuilder, line: &[u8]) -> u64 {
    hasher.hash_one(without_marker(line))
}

/// How many of the lines still stand in a file, if those before one that does all do.
pub(in crate::store) fn count_in(
    lines: &[SeenLine],
    hasher: &DefaultHashBuilder,
    file: &dyn DiskFile,
    path: &Path,
) -> Result<usize> {
    for (place, line) in lines.iter().enumerate().rev() {
        if line.is_in(hasher, file, path)? {
            return Ok(place + 1);
        }
    }
    Ok(0)
}

/// The hash of a line in whichever log it stands.
pub(in crate::store) fn hash_unplaced(hasher: &DefaultHashBuilder, line: &[u8]) -> u64 {
    hash(hasher, &unplaced(line))
}

/// So many lines at the head of a log have marks that say where they stand, at most.
const HEAD: usize = 256;

/// Whether all of the lines stand in a file where they were, with nothing between them but what was skipped.
pub(in crate::store) fn are_all_in<'l>(
    lines: impl Iterator<Item = &'l SeenLine>,
    hasher: &DefaultHashBuilder,
    file: &dyn DiskFile,
    path: &Path,
) -> Result<bool> {
    let mut reader = LineReader::new(file, 0);
    for known in lines {
        let line = loop {
            let line = reader.next_line().map_err(|source| Error::io("read", path, source))?;
            match line {
                Some(line) if line.offset < known.offset => {}
                line => break line,
            }
        };
        let is_there = line
            .is_some_and(|line| line.offset == known.offset && line.complete && known.is(hasher, line.bytes));
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The lines of a single writer's log, one for each operation in memory.
#[derive(Default, Clone)]
pub struct Seen {
    pub(in crate::store) lines: Lines<SeenLine>,
    /// Of the first lines, what [`hash_unplaced`] makes of each.
    head: Vec<u64>,
    /// `tail()` need not tell any more of what stands before this offset.
    told: u64,
    hasher: DefaultHashBuilder,
}

impl Seen {
    pub(in crate::store) fn new(hasher: &DefaultHashBuilder) -> Self {
        Self { hasher: hasher.clone(), ..Self::default() }
    }

    pub(in crate::store) fn push(&mut self, offset: u64, line: &[u8]) {
        self.lines.push(SeenLine::new(&self.hasher, offset, line));
        if self.lines.len() <= HEAD {
            self.head.push(hash_unplaced(&self.hasher, line));
        }
    }

    pub(in crate::store) fn pop(&mut self) {
        if let Some(last) = self.lines.pop() {
            self.told = self.told.min(last.offset);
            self.head.truncate(self.lines.len());
        }
    }

    /// Its lines, of which nothing is left behind, and the hashes of the first ones.
    pub(in crate::store) fn take(&mut self) -> (Vec<SeenLine>, Vec<u64>) {
        self.told = 0;
        let mut head = std::mem::take(&mut self.head);
        head.truncate(self.lines.len());
        (self.lines.take(), head)
    }

    /// All of its lines need not be told any more.
    pub(in crate::store) fn all_told(&mut self) {
        self.told = self.end();
    }

    /// What stands from an offset on is to be told, if it is not already.
    pub(in crate::store) fn tell_from(&mut self, offset: u64) {
        self.told = self.told.min(offset);
    }

    /// What stands before an offset need not be told any more, and nothing else.
    pub(in crate::store) fn set_told(&mut self, offset: u64) {
        self.told = offset;
    }

    pub(in crate::store) fn last_is(&self, line: &[u8]) -> bool {
        self.lines.last().is_some_and(|last| last.is(&self.hasher, line))
    }

    /// Where the log goes on behind the last line.
    pub(in crate::store) fn end(&self) -> u64 {
        self.lines.last().map_or(0, SeenLine::end)
    }

    /// How many of the lines need not be told any more.
    pub(in crate::store) fn told_lines(&self) -> usize {
        self.lines.partition_point(|line| line.offset < self.told)
    }

    /// Tells whether the last line still is in the file where it was.
    pub(in crate::store) fn still_last(
        &self,
        file: &Arc<dyn DiskFile>,
        path: &Path,
    ) -> impl Fn() -> Result<bool> + use<> {
        let last = self.lines.last().copied();
        let (hasher, file, path) = (self.hasher.clone(), Arc::clone(file), path.to_path_buf());
        move || last.map_or(Ok(true), |last| last.is_in(&hasher, &*file, &path))
    }
}
