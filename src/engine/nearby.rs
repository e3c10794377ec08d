//! Reads many texts one after the other.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use super::kept::Kept;
use super::text::Text;
use crate::disk::{DiskFile, read_full_at};

/// Reads texts one after the other. Where they follow each other in a file, many are read at once.
#[derive(Default)]
pub struct Nearby {
    kept: Option<Arc<Kept>>,
    /// What was read last, if it was kept.
    line: Arc<[u8]>,
    file: Option<Arc<dyn DiskFile>>,
    start: u64,
    block: Vec<u8>,
}

/// How much is read at once where texts follow each other.
const BLOCK: usize = 96 * 1024;
/// How far apart two texts are that follow each other: lines hold more than the value.
const GAP: u64 = 4096;

impl Nearby {
    /// For the texts of a moment: what was cut off the log since then is read from what is kept of it.
    pub fn of(kept: &Arc<Kept>) -> Self {
        Self { kept: Some(Arc::clone(kept)), ..Self::default() }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As for [`Text::read`].
    pub fn read<'a>(&'a mut self, text: &'a Text) -> io::Result<&'a [u8]> {
        let text = match text {
            Text::Aged(aged) if !aged.is_migrated() => aged.raw(),
            text => text,
        };
        let Text::At { file, offset, len, check } = text else {
            return match text.read()? {
                Cow::Borrowed(bytes) => Ok(bytes),
                Cow::Owned(_) => Err(io::ErrorKind::Unsupported.into()),
            };
        };
        let len = *len as usize;
        if let Some((line, from)) = self.kept.as_ref().and_then(|kept| kept.find(file, *offset, len)) {
            self.line = line;
            return self.line.get(from..from + len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
        let end = self.start + self.block.len() as u64;
        let is_same = self.file.as_ref().is_some_and(|known| Arc::ptr_eq(known, file));
        if !is_same || *offset < self.start || offset + len as u64 > end {
            let follows = is_same && (self.start..end + GAP).contains(offset);
            self.block.resize(if follows { BLOCK.max(len) } else { len }, 0);
            self.file = Some(Arc::clone(file));
            self.start = *offset;
            let read = read_full_at(&**file, &mut self.block, *offset);
            self.block.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let from = (offset - self.start) as usize;
        let found = self.block.get(from..from + len).ok_or(io::ErrorKind::UnexpectedEof)?;
        check.must_fit(found)?;
        Ok(found)
    }
}
