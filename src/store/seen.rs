//! What a store that follows remembers of the lines that it has read: where each stands, and its hash, to see whether
//! its writer has cut the log and written it anew. The writer may do so at any time.

use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use crate::disk::{DiskFile, read_exact_at};
use crate::error::{Error, Result};
use crate::format::operation::without_marker;

/// A line that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenLine {
    pub(super) offset: u64,
    pub(super) len: u32,
    hash: u64,
}

impl SeenLine {
    pub(super) fn new(hasher: &DefaultHashBuilder, offset: u64, line: &[u8]) -> Self {
        Self { offset, len: line.len() as u32, hash: hash(hasher, line) }
    }

    /// Where the line behind it begins.
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.len) + 1
    }

    /// Whether this is the line.
    pub(super) fn is(&self, hasher: &DefaultHashBuilder, line: &[u8]) -> bool {
        self.hash == hash(hasher, line)
    }

    /// Whether it still stands in the file where it was.
    pub(super) fn is_in(
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
pub(super) fn count_in(
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

/// The lines of a single writer's log, one for each operation in memory.
#[derive(Default, Clone)]
pub struct Seen {
    pub(super) lines: Vec<SeenLine>,
    /// `tail()` need not tell any more of what stands before this offset.
    pub(super) told: u64,
    hasher: DefaultHashBuilder,
}

impl Seen {
    pub(super) fn new(hasher: &DefaultHashBuilder) -> Self {
        Self { lines: Vec::new(), told: 0, hasher: hasher.clone() }
    }

    pub(super) fn push(&mut self, offset: u64, line: &[u8]) {
        self.lines.push(SeenLine::new(&self.hasher, offset, line));
    }

    pub(super) fn pop(&mut self) {
        if let Some(last) = self.lines.pop() {
            self.told = self.told.min(last.offset);
        }
    }

    pub(super) fn last_is(&self, line: &[u8]) -> bool {
        self.lines.last().is_some_and(|last| last.is(&self.hasher, line))
    }

    /// Where the log goes on behind the last line.
    pub(super) fn end(&self) -> u64 {
        self.lines.last().map_or(0, SeenLine::end)
    }

    /// How many of the lines need not be told any more.
    pub(super) fn told_lines(&self) -> usize {
        self.lines.partition_point(|line| line.offset < self.told)
    }

    /// Tells whether the last line still is in the file where it was.
    pub(super) fn still_last(
        &self,
        file: &Arc<dyn DiskFile>,
        path: &Path,
    ) -> impl Fn() -> Result<bool> + use<> {
        let last = self.lines.last().copied();
        let (hasher, file, path) = (self.hasher.clone(), Arc::clone(file), path.to_path_buf());
        move || last.map_or(Ok(true), |last| last.is_in(&hasher, &*file, &path))
    }
}
