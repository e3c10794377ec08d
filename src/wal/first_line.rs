//! The first line of a log: it says which log its writer went on from, unless another process wrote it.

use std::borrow::Cow;
use std::io;

use super::LineReader;
use crate::disk::{DiskFile, read_full_at};
use crate::format::operation::parse_line;

/// How much is read first.
const FIRST: usize = 1024;

/// The first line of a log that is not empty.
pub struct FirstLine {
    /// Where it begins. Blank lines before it stand for what was taken out.
    pub offset: u64,
    /// Without its newline.
    pub bytes: Vec<u8>,
}

/// Reads the first line that is not empty; `None` if there is none.
///
/// # Errors
/// Those of reading.
pub fn first_line(file: &dyn DiskFile) -> io::Result<Option<FirstLine>> {
    let mut head = vec![0; FIRST];
    let read = read_full_at(file, &mut head, 0)?;
    head.truncate(read);
    if let Some(newline) = memchr::memchr(b'\n', &head).filter(|newline| *newline > 0) {
        head.truncate(newline);
        return Ok(Some(FirstLine { offset: 0, bytes: head }));
    }
    let mut reader = LineReader::new(file, 0);
    while let Some(line) = reader.next_line()? {
        if !line.bytes.is_empty() {
            return Ok(Some(FirstLine { offset: line.offset, bytes: line.bytes.to_vec() }));
        }
    }
    Ok(None)
}

/// Reads the first line that is an operation, as two logs begin alike if it is the same; `None` if there is none.
///
/// # Errors
/// Those of reading.
pub fn first_operation(file: &dyn DiskFile) -> io::Result<Option<Vec<u8>>> {
    let mut reader = LineReader::new(file, 0);
    while let Some(line) = reader.next_line()? {
        if parse_line(line.bytes).is_ok() {
            return Ok(Some(line.bytes.to_vec()));
        }
    }
    Ok(None)
}

impl FirstLine {
    /// What it says of the log before: `<path>:<bytes>`.
    pub fn after(&self) -> Option<String> {
        parse_line(&self.bytes).ok().and_then(|line| line.after.map(Cow::into_owned))
    }
}

/// The log that a log follows, and up to where, from what its first line or the manifest says.
pub fn parse_after(after: &str) -> Option<(String, u64)> {
    let (path, end) = after.rsplit_once(':')?;
    Some((path.to_owned(), end.parse().ok()?))
}
