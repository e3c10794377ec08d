//! Reads the operations of a WAL in pieces, as the API shows them. The state of a store is not involved. The writer may
//! cut the WAL between two pieces: reading goes on behind the last line that is still where it was read.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use crate::disk::{Disk, DiskFile, OpenMode, read_exact_at};
use crate::error::{Error, Result};
use crate::format::operation::{public_text_into, without_marker};
use crate::wal::{Piece, replay_unlocked};

/// How many lines are remembered: so many undone operations leave no gap.
const REMEMBERED: usize = 4096;

/// A place in a WAL.
pub struct WalCursor {
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    offset: u64,
    lines: VecDeque<SeenLine>,
    hasher: DefaultHashBuilder,
    skipped: u64,
    with_marks: bool,
}

/// A line that was read.
#[derive(Clone, Copy)]
struct SeenLine {
    offset: u64,
    len: usize,
    hash: u64,
}

impl WalCursor {
    /// Begins at the head of a WAL. A missing one reads as empty.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self> {
        let file = match disk.open(path, OpenMode::Read) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(Error::io("open", path, source)),
        };
        let (lines, hasher) = (VecDeque::new(), DefaultHashBuilder::default());
        let path = path.to_path_buf();
        Ok(Self { path, file, offset: 0, lines, hasher, skipped: 0, with_marks: false })
    }

    /// Leaves the lines as they are, with the marks that the API does not show.
    pub fn with_marks(mut self) -> Self {
        self.with_marks = true;
        self
    }

    /// The next operations, comma-separated, from about `limit` bytes; empty at the end.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn next_chunk(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        while let Some(file) = self.file.clone() {
            self.rewind(&*file)?;
            let Self { path, lines, hasher, offset, with_marks, .. } = self;
            let last = lines.back().copied();
            let still = || last.map_or(Ok(true), |last| is_there(&*file, path, hasher, last));
            let piece = replay_unlocked(&*file, path, *offset, limit, still, |offset, bytes, line| {
                let (len, hash) = (bytes.len(), hasher.hash_one(without_marker(bytes)));
                if lines.len() == REMEMBERED {
                    lines.pop_front();
                }
                lines.push_back(SeenLine { offset, len, hash });
                match with_marks {
                    true => out.extend_from_slice(bytes),
                    false => public_text_into(&mut out, bytes, line),
                }
                out.push(b',');
                Ok(ControlFlow::Continue(()))
            })?;
            let Some(Piece { tail, is_last }) = piece else { continue };
            self.offset = tail.good;
            self.skipped += tail.skipped.len() as u64;
            if !out.is_empty() {
                break;
            }
            if is_last {
                self.skipped += tail.torn_lines;
                self.file = None;
            }
        }
        Ok(out)
    }

    /// Lets go of the file: nothing comes any more.
    pub fn let_go(&mut self) {
        self.file = None;
    }

    /// Goes back to the end of the last line that still is where it was read.
    fn rewind(&mut self, file: &dyn DiskFile) -> Result<()> {
        while let Some(last) = self.lines.back().copied() {
            if is_there(file, &self.path, &self.hasher, last)? {
                return Ok(());
            }
            self.offset = last.offset;
            self.lines.pop_back();
        }
        let len = file.info().map_err(|source| Error::io("fstat", &self.path, source))?.len;
        self.offset = self.offset.min(len);
        Ok(())
    }

    /// How many malformed lines were skipped so far, a torn end included once it was reached.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

fn is_there(
    file: &dyn DiskFile,
    path: &Path,
    hasher: &DefaultHashBuilder,
    SeenLine { offset, len, hash }: SeenLine,
) -> Result<bool> {
    match read_exact_at(file, offset, len) {
        // An undo in a batch overwrites the value of its marker, and it is the same line.
        Ok(line) => Ok(hasher.hash_one(without_marker(&line)) == hash),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(Error::io("read", path, source)),
    }
}
