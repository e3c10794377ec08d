//! What a store that follows remembers of the lines that it has read.

use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use crate::disk::{DiskFile, read_exact_at};
use crate::error::{Error, Result};
use crate::format::operation::without_marker;

/// For a store that follows: where the line of each operation stands, and its hash, to see whether the writer
/// has cut and written anew. As he may do so at any time, the lines themselves are held in memory.
#[derive(Default, Clone)]
pub struct Seen {
    pub(super) lines: Vec<SeenLine>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone)]
pub(super) struct SeenLine {
    pub(super) offset: u64,
    pub(super) len: usize,
    hash: u64,
}

impl SeenLine {
    pub(super) fn end(&self) -> u64 {
        self.offset + self.len as u64 + 1
    }
}

impl Seen {
    pub(super) fn push(&mut self, offset: u64, line: &[u8]) {
        self.lines.push(SeenLine { offset, len: line.len(), hash: self.hash(line) });
    }

    pub(super) fn last_is(&self, line: &[u8]) -> bool {
        self.lines.last().is_some_and(|last| last.hash == self.hash(line))
    }

    /// Tells whether the last line still is in the file where it was.
    pub(super) fn still_last(
        &self,
        file: &Arc<dyn DiskFile>,
        path: &Path,
    ) -> impl Fn() -> Result<bool> + use<> {
        let last = self.lines.last().map(|last| (last.offset, last.len, last.hash));
        let (hasher, file, path) = (self.hasher.clone(), Arc::clone(file), path.to_path_buf());
        move || {
            let Some((offset, len, hash)) = last else { return Ok(true) };
            match read_exact_at(&*file, offset, len) {
                Ok(line) => Ok(hasher.hash_one(without_marker(&line)) == hash),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
                Err(source) => Err(Error::io("read", &path, source)),
            }
        }
    }

    /// Leaves the value of a batch marker out: an undo in the batch overwrites it, and it is the same line.
    fn hash(&self, line: &[u8]) -> u64 {
        self.hasher.hash_one(without_marker(line))
    }
}
