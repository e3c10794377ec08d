//! Reads a WAL line by line, in blocks, so that nothing depends on the file's size. A line is complete when
//! its newline is there. Deciding what a torn end means is left to the caller.

use std::io;

use crate::disk::DiskFile;

const BLOCK: usize = 1 << 20;

/// Goes through the lines of a file.
pub struct LineReader<'a> {
    file: &'a dyn DiskFile,
    buffer: Vec<u8>,
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
        Self { file, buffer: Vec::new(), start: offset, next: 0, searched: 0, at_end: false }
    }

    /// The next line; an incomplete one only at the end of the file.
    ///
    /// # Errors
    /// Those of reading.
    pub fn next_line(&mut self) -> io::Result<Option<RawLine<'_>>> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unsearched) {
                let from = self.next;
                let to = self.searched + found;
                self.next = to + 1;
                self.searched = to + 1;
                return Ok(Some(self.line(from, to, true)));
            }
            if self.at_end {
                let (from, to) = (self.next, self.buffer.len());
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
        self.buffer.drain(..self.next);
        self.start += self.next as u64;
        self.next = 0;
        let filled = self.buffer.len();
        self.searched = filled;
        self.buffer.resize(filled + BLOCK, 0);
        let read = loop {
            let space = self.buffer.get_mut(filled..).unwrap_or_default();
            match self.file.read_at(space, self.start + filled as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        self.at_end = read? == 0;
        Ok(())
    }
}
