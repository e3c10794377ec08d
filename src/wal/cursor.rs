//! Reads the operations of a WAL in pieces, as the API shows them. The state of a store is not involved.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Error, Result};
use crate::format::operation::public_text_into;
use crate::wal::replay;

/// A place in a WAL.
pub struct WalCursor {
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    offset: u64,
    skipped: u64,
}

impl WalCursor {
    /// Begins at the head of a WAL. A missing one reads as empty.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self> {
        let file = match disk.open(path, OpenMode::Read) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::io("open", path, source)),
        };
        Ok(Self { path: path.to_path_buf(), file, offset: 0, skipped: 0 })
    }

    /// The next operations, comma-separated, about `limit` bytes; empty at the end.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn next_chunk(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let Some(file) = &self.file else { return Ok(out) };
        let tail = replay(&**file, &self.path, self.offset, |_, bytes, line| {
            public_text_into(&mut out, bytes, line);
            out.push(b',');
            Ok(if out.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        self.offset = tail.good;
        self.skipped += tail.skipped.len() as u64;
        if out.is_empty() {
            self.skipped += u64::from(tail.torn);
            self.file = None;
        }
        Ok(out)
    }

    /// How many malformed lines were skipped so far, a torn end included once it was reached.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}
