//! Reading one log backward, the last line first. What is no operation is passed over, as it is forward; so is an unfinished
//! batch at the end.

use std::path::Path;
use std::sync::Arc;

use super::position::Mark;
use super::reverse_lines::ReverseLines;
use super::trail::{LogName, open};
use crate::disk::{Disk, DiskFile};
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, js_trim, parse_line};
use crate::layout;

/// A line, and the first line of its batch.
pub(super) struct Found {
    pub(super) mark: Mark,
    pub(super) bytes: Vec<u8>,
    pub(super) batch: Option<Mark>,
}

/// A log that is read backward.
pub(super) struct ReverseLog {
    lines: ReverseLines,
    /// A line that was read, and found to be of no batch.
    seen: Option<(u64, Vec<u8>)>,
    /// Lines of a batch, the first one first.
    batch: Vec<Found>,
    /// Whether no operation was found yet.
    is_at_end: bool,
    /// Whether nothing but white space stands behind.
    is_last: bool,
}

impl ReverseLog {
    /// Begins at the end of a log, or at an offset.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT` for a path that leads elsewhere.
    pub(super) fn open(disk: &dyn Disk, root: &Path, name: &LogName, end: u64) -> Result<Self> {
        let path = layout::inside(root, layout::OPS, &name.relative)?;
        let file = open(disk, &path)?;
        let len = match &file {
            Some(file) => file.info().map_err(|source| Error::io("fstat", &path, source))?.len,
            None => 0,
        };
        let lines = ReverseLines::before(file, path, len.min(end));
        Ok(Self { lines, seen: None, batch: Vec::new(), is_at_end: true, is_last: true })
    }

    /// Begins at an offset of an open log.
    pub(super) fn before(file: &Arc<dyn DiskFile>, path: &Path, end: u64) -> Self {
        let lines = ReverseLines::before(Some(Arc::clone(file)), path.to_path_buf(), end);
        Self { lines, seen: None, batch: Vec::new(), is_at_end: false, is_last: false }
    }

    /// The first of the lines that belong to a batch and follow each other up to here.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn first_of_batch(mut self) -> Result<Option<Mark>> {
        let mut first = None;
        while let Some(line) = self.line()? {
            let (start, bytes) = self.placed(line)?;
            match parse_line(&bytes).map(|line| line.batch) {
                Ok(Some(BatchMark::More)) => first = Some(Mark::new(start, &bytes)),
                Ok(_) => break,
                Err(_) => {}
            }
        }
        Ok(first)
    }

    /// The operation before; `None` at the beginning.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn next(&mut self) -> Result<Option<Found>> {
        if let Some(found) = self.batch.pop() {
            return Ok(Some(found));
        }
        while let Some(line) = self.line()? {
            let (start, mut bytes) = self.placed(line)?;
            if self.is_last && parse_line(&bytes).is_err() {
                bytes.truncate(indent_of(&bytes) + js_trim(&bytes).len());
            }
            self.is_last &= js_trim(&bytes).is_empty();
            let Ok(line) = parse_line(&bytes) else { continue };
            let marked = line.batch;
            // Lines without their last one are a batch that a crash cut.
            if marked == Some(BatchMark::More) && self.is_at_end {
                continue;
            }
            self.is_at_end = false;
            let mark = Mark::new(start, &bytes);
            let found = Found { mark, bytes, batch: None };
            if marked.is_none() {
                return Ok(Some(found));
            }
            return self.whole_batch(found, marked == Some(BatchMark::More)).map(Some);
        }
        Ok(None)
    }

    /// Reads the other lines of a batch, of which this is the last. If that says that more come, a crash has cut the batch, and
    /// a process that knows of no batches has gone on.
    fn whole_batch(&mut self, last: Found, is_cut: bool) -> Result<Found> {
        let mut lines = vec![last];
        while let Some(line) = self.line()? {
            let (start, bytes) = self.placed(line)?;
            match parse_line(&bytes).map(|line| line.batch) {
                Ok(Some(BatchMark::More)) => {
                    let mark = Mark::new(start, &bytes);
                    lines.push(Found { mark, bytes, batch: None });
                }
                Ok(_) => {
                    self.seen = Some((start, bytes));
                    break;
                }
                Err(_) => {}
            }
        }
        let first = lines.last().filter(|_| lines.len() > 1 || is_cut).map(|found| found.mark);
        lines.iter_mut().for_each(|found| found.batch = first);
        lines.reverse();
        let last = lines.pop();
        self.batch = lines;
        last.ok_or_else(|| Error::corrupt(self.lines.path(), None, "a batch without lines"))
    }

    /// A line as a reader forward takes it: white space before the first one of a log is no part of it.
    fn placed(&self, (start, mut bytes): (u64, Vec<u8>)) -> Result<(u64, Vec<u8>)> {
        let indent = indent_of(&bytes);
        if indent == 0 || !self.lines.is_blank_before(start)? {
            return Ok((start, bytes));
        }
        Ok((start + indent as u64, bytes.split_off(indent)))
    }

    /// The line before, without its newline.
    fn line(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        match self.seen.take() {
            Some(seen) => Ok(Some(seen)),
            None => self.lines.next(),
        }
    }
}

/// How many bytes of white space a line begins with; none where there is nothing else.
fn indent_of(line: &[u8]) -> usize {
    let trimmed = js_trim(line);
    if trimmed.is_empty() { 0 } else { trimmed.as_ptr() as usize - line.as_ptr() as usize }
}
