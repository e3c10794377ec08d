//! Reads a WAL line by line, in blocks, so that nothing depends on the file's size. A line is complete when
//! its newline is there. Deciding what a torn end means is left to the caller.

use std::io;

use crate::disk::DiskFile;

/// How much is read at once: little at first, for most logs that are read have little that is new.
const FIRST_BLOCK: usize = 16 << 10;
const BLOCK: usize = 1 << 20;

/// Goes through the lines of a file, or of a part of one that was read before.
pub struct LineReader<'a> {
    file: Option<&'a dyn DiskFile>,
    buffer: Vec<u8>,
    /// How much of the buffer holds what was read.
    filled: usize,
    /// How much is read next.
    block: usize,
    /// Offset in the file of the buffer's first byte.
    start: u64,
    /// Where in the buffer the next line begins.
    next: usize,
    /// Up to where in the buffer there is no newline.
    searched: usize,
    at_end: bool,
}

/// A line of a file.
#[derive(Debug, Clone, Copy)]
pub struct RawLine<'a> {
    /// Where it begins.
    pub offset: u64,
    /// Its bytes, without the newline.
    pub bytes: &'a [u8],
    /// Whether its newline is there.
    pub complete: bool,
}

impl<'a> LineReader<'a> {
    /// Begins at an offset, which must be the start of a line.
    pub fn new(file: &'a dyn DiskFile, offset: u64) -> Self {
        let (file, buffer) = (Some(file), Vec::new());
        Self {
            file,
            buffer,
            filled: 0,
            block: FIRST_BLOCK,
            start: offset,
            next: 0,
            searched: 0,
            at_end: false,
        }
    }

    /// Goes through bytes that were read from a file at an offset, which must be the start of a line.
    pub fn over(bytes: Vec<u8>, offset: u64) -> Self {
        let (filled, buffer) = (bytes.len(), bytes);
        Self { file: None, buffer, filled, block: 0, start: offset, next: 0, searched: 0, at_end: true }
    }

    /// The next line; an incomplete one only at the end of the file.
    ///
    /// # Errors
    /// Those of reading.
    pub fn next_line(&mut self) -> io::Result<Option<RawLine<'_>>> {
        loop {
            let unsearched = self.buffer.get(self.searched..self.filled).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unsearched) {
                let from = self.next;
                let to = self.searched + found;
                self.next = to + 1;
                self.searched = to + 1;
                return Ok(Some(self.line(from, to, true)));
            }
            if self.at_end {
                let (from, to) = (self.next, self.filled);
                self.next = to;
                self.searched = to;
                return Ok((from < to).then(|| self.line(from, to, false)));
            }
            self.fill()?;
        }
    }

    fn line(&self, from: usize, to: usize, complete: bool) -> RawLine<'_> {
        RawLine {
            offset: self.start + from as u64,
            bytes: self.buffer.get(from..to).unwrap_or_default(),
            complete,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let Some(file) = self.file else {
            self.at_end = true;
            return Ok(());
        };
        self.buffer.copy_within(self.next..self.filled, 0);
        self.start += self.next as u64;
        self.filled -= self.next;
        self.next = 0;
        self.searched = self.filled;
        let end = self.filled + self.block;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let asked = self.buffer.len() - self.filled;
        let read = loop {
            let space = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match file.read_at(space, self.start + self.filled as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.filled += read;
        // Behind less than was asked for is the end: no more space is made for it.
        self.block = if read < asked { FIRST_BLOCK } else { BLOCK.min(self.block * 8) };
        self.at_end = read == 0;
        Ok(())
    }
}
