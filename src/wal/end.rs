//! The end of a log, read without its head: however long the log is, that costs as much as its last lines.

use std::ops::ControlFlow;
use std::path::Path;

use super::{LineReader, Tail, replay};
use crate::disk::DiskFile;
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, batch_marker};

/// The place of an operation's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it begins.
    pub offset: u64,
    /// Where it ends, without its newline.
    pub end: u64,
    /// Where the value of its batch marker stands, if it says that its batch goes on.
    pub more_at: Option<u64>,
}

/// What a log ends with.
#[derive(Debug, Default)]
pub struct End {
    /// What a replay of the whole log finds there. Of malformed lines and cuts it knows only the last.
    pub tail: Tail,
    /// The last operation.
    pub last: Option<Place>,
    /// The operation before it.
    pub before: Option<Place>,
}

/// Reads as much of a log's end, from `span` bytes on, as it takes to know where the last good line ends.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn end_of(file: &dyn DiskFile, path: &Path, mut span: u64) -> Result<End> {
    let len = file.info().map_err(|source| Error::io("fstat", path, source))?.len;
    if len == 0 {
        // NOTE: a device says so, and may be read for ever.
        return Ok(End::default());
    }
    loop {
        let start = len.saturating_sub(span);
        let mut from = start;
        if start > 0 {
            let mut lines = LineReader::new(file, start);
            let first = lines.next_line().map_err(|source| Error::io("read", path, source))?;
            from = first.map_or(len, |line| line.offset + line.bytes.len() as u64 + u64::from(line.complete));
        }
        let mut end = End::default();
        // NOTE: a batch may begin before what is read. What comes behind its last line is judged alone all the same.
        end.tail = replay(file, path, from, |offset, bytes, line| {
            let marker = if line.batch == Some(BatchMark::More) { batch_marker(bytes) } else { None };
            let place = Place {
                offset,
                end: offset + bytes.len() as u64,
                more_at: marker.map(|at| offset + at as u64),
            };
            end.before = end.last.replace(place);
            Ok(ControlFlow::Continue(()))
        })?;
        if start == 0 || end.before.is_some() {
            return Ok(end);
        }
        span = span.saturating_mul(8);
    }
}
