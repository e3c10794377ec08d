//! Reads lines of an immutable file where lookups ask for one after the other: then the lines behind are read with the one that is
//! asked for.

use std::io;

use crate::disk::{DiskFile, read_exact_at, read_full_at};

/// So many lines must have followed each other.
const RUN: u32 = 16;
/// How far apart two lines are at most that follow each other.
const GAP: u64 = 1024;
/// How much is read at once then.
const BLOCK: usize = 16 * 1024;

/// What was read ahead.
#[derive(Default)]
pub struct Ahead {
    /// Where the last line ended.
    end: u64,
    run: u32,
    start: u64,
    block: Vec<u8>,
}

impl Ahead {
    /// Reads a line.
    ///
    /// # Errors
    /// Those of reading; `UnexpectedEof` when the file is shorter than it was.
    pub fn read(&mut self, file: &dyn DiskFile, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let follows = (self.end..=self.end + GAP).contains(&offset);
        self.end = offset + len as u64;
        if !follows {
            *self = Self { end: self.end, ..Self::default() };
        }
        self.run += 1;
        if self.run <= RUN {
            return read_exact_at(file, offset, len);
        }
        if let Some(line) = self.part(offset, len) {
            return Ok(line.to_vec());
        }
        self.start = offset;
        self.block.resize(BLOCK.max(len), 0);
        let read = read_full_at(file, &mut self.block, offset);
        self.block.truncate(*read.as_ref().unwrap_or(&0));
        read?;
        self.part(offset, len).map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn part(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.block.get(from..from.checked_add(len)?)
    }
}
