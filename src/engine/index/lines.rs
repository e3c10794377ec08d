//! Goes through indexed lines in order, reading large blocks.

use std::io;

use super::{LineIndex, Places};
use crate::disk::{DiskFile, read_full_at};

/// How much is read at once.
const BLOCK: usize = 256 * 1024;
/// How much is read first: about what a piece for V8 is made of, so that a walk in pieces reads little twice.
const FIRST: usize = 80 * 1024;

/// Reads lines in the order of the index, or where that lies in a file, of the lines' file.
pub struct Lines<'a> {
    lines: Option<&'a LineIndex>,
    /// The number of the next line, or, where the index lies in a file, its offset.
    next: u64,
    block: Vec<u8>,
    block_start: u64,
}

impl<'a> Lines<'a> {
    /// Begins at a place: 0, or what [`Lines::place`] said.
    pub fn new(lines: Option<&'a LineIndex>, from: u64) -> Self {
        Self { lines, next: from, block: Vec::new(), block_start: 0 }
    }

    /// The next line, without its newline, and where it begins in the file; `None` at the end.
    ///
    /// # Errors
    /// Those of reading; `UnexpectedEof` when the file is shorter than it was.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        let Some(lines) = self.lines else { return Ok(None) };
        let file = &**lines.file();
        let (offset, len) = match lines.places() {
            Places::Held(table) => {
                let Some(slot) = table.slots().get(self.next as usize) else { return Ok(None) };
                self.next += 1;
                let end = table.slots().last().map_or(0, |last| last.offset + u64::from(last.len));
                self.have(file, slot.offset, slot.len as usize, end)?;
                (slot.offset, slot.len as usize)
            }
            Places::Paged { paged, from } => {
                let offset = self.next.max(*from);
                if offset >= paged.end() {
                    return Ok(None);
                }
                let len = self.find_end(file, offset, self.up_to(paged.end(), offset))?;
                self.next = offset + len as u64 + 1;
                (offset, len)
            }
        };
        let from = (offset - self.block_start) as usize;
        match self.block.get(from..from + len) {
            Some(line) => Ok(Some((offset, line))),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Where the line begins that comes next, for [`Lines::new`].
    pub fn place(&self) -> u64 {
        self.next
    }

    /// Sees to it that the block holds this part of the file, the last line of which ends at `end`.
    fn have(&mut self, file: &dyn DiskFile, offset: u64, len: usize, end: u64) -> io::Result<()> {
        if self.rest_from(offset).len() < len {
            self.read_block(file, offset, self.up_to(end, offset).max(len))?;
        }
        Ok(())
    }

    /// The length of the line that begins at an offset. Afterwards the block holds it.
    fn find_end(&mut self, file: &dyn DiskFile, offset: u64, mut size: usize) -> io::Result<usize> {
        loop {
            let rest = self.rest_from(offset);
            if let Some(len) = memchr::memchr(b'\n', rest) {
                return Ok(len);
            }
            let had = rest.len();
            self.read_block(file, offset, size.max(2 * had))?;
            if self.block.len() <= had {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            size *= 2;
        }
    }

    fn rest_from(&self, offset: u64) -> &[u8] {
        let from = offset.checked_sub(self.block_start).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| self.block.get(from..)).unwrap_or_default()
    }

    fn read_block(&mut self, file: &dyn DiskFile, offset: u64, size: usize) -> io::Result<()> {
        self.block_start = offset;
        self.block.resize(size, 0);
        let read = read_full_at(file, &mut self.block, offset);
        self.block.truncate(*read.as_ref().unwrap_or(&0));
        read.map(|_| ())
    }

    /// How much to read at once, of a file of which so much is left. A small one costs no large block.
    fn up_to(&self, end: u64, offset: u64) -> usize {
        let most = if self.block.is_empty() { FIRST } else { BLOCK };
        end.saturating_sub(offset).min(most as u64) as usize
    }
}
