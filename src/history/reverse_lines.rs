//! The lines of a file from the last one on, read in blocks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{DiskFile, read_full_at};
use crate::error::{Error, Result};
use crate::format::operation::js_trim;
use crate::wal::LineReader;

/// How much is read at once: little at first, for often a few lines are wanted.
const FIRST_BLOCK: usize = 4 << 10;
const BLOCK: usize = 256 << 10;

/// A file whose lines are read backward.
pub(super) struct ReverseLines {
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    /// Bytes of the file before `start` are still to be read.
    start: u64,
    /// How much is read next.
    size: usize,
    block: Vec<u8>,
}

impl ReverseLines {
    /// The lines before an offset. A file that is missing has none.
    pub(super) fn before(file: Option<Arc<dyn DiskFile>>, path: PathBuf, end: u64) -> Self {
        Self { path, file, start: end, size: FIRST_BLOCK, block: Vec::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing but white space stands before an offset.
    pub(super) fn is_blank_before(&self, end: u64) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(true) };
        let mut lines = LineReader::new(&**file, 0);
        loop {
            let line = lines.next_line().map_err(|source| Error::io("read", &self.path, source))?;
            match line.filter(|line| line.offset < end) {
                None => return Ok(true),
                Some(line) if !js_trim(line.bytes).is_empty() => return Ok(false),
                Some(_) => {}
            }
        }
    }

    /// The line before, without its newline. Blank ones are passed over.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let mut searched = self.block.len();
        loop {
            while self.block.last() == Some(&b'\n') {
                self.block.pop();
            }
            searched = searched.min(self.block.len());
            let head = self.block.get(..searched).unwrap_or_default();
            if let Some(newline) = memchr::memrchr(b'\n', head) {
                let line = self.block.split_off(newline + 1);
                return Ok(Some((self.start + newline as u64 + 1, line)));
            }
            if self.start == 0 {
                let line = std::mem::take(&mut self.block);
                return Ok((!line.is_empty()).then_some((0, line)));
            }
            searched = self.read_block()?;
        }
    }

    /// Reads the bytes before those that were read. Returns how many.
    fn read_block(&mut self) -> Result<usize> {
        let Some(file) = &self.file else { return Ok(0) };
        // A long line is read in ever larger blocks.
        let size = (self.size.max(self.block.len()) as u64).min(self.start) as usize;
        self.size = BLOCK.min(4 * self.size);
        let from = self.start - size as u64;
        let mut block = vec![0; size];
        let read = read_full_at(&**file, &mut block, from);
        let read = read.map_err(|source| Error::io("read", &self.path, source))?;
        if read < size {
            // It was cut meanwhile: what stood behind was undone.
            self.block.clear();
            block.truncate(read);
            let whole = memchr::memrchr(b'\n', &block).map_or(0, |newline| newline + 1);
            block.truncate(whole);
        }
        let more = block.len();
        block.append(&mut self.block);
        self.block = block;
        self.start = from;
        Ok(more)
    }
}
