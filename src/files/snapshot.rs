//! Snapshot files, written and read in pieces, so that none is ever held whole. What 0.8.1 wrote as one document is handed
//! out as its text: V8 parses it, and finds the words for what is wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::each_record;
use super::numbered::{draft_snapshot, name_snapshot};
use crate::disk::{Disk, DiskFile, MemoryFile, OpenMode, read_exact_at};
use crate::error::{Document, Error, Result};
use crate::format::js_trim;
use crate::format::snapshot::{Header, parse_header, parse_record, write_header, write_record};
use crate::json;
use crate::publish::Draft;
use crate::wal::LineReader;

/// As much is read at once, and written.
const PIECE: usize = 1 << 20;
/// The longest string of V8, in characters.
const LONGEST: usize = (1 << 29) - 24;

/// A snapshot that is being written.
pub struct SnapshotDraft<'a> {
    disk: &'a dyn Disk,
    root: PathBuf,
    draft: Draft<'a>,
    number: u64,
    block: Vec<u8>,
}

impl<'a> SnapshotDraft<'a> {
    /// Begins a snapshot in a store's folder.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn begin(disk: &'a dyn Disk, root: &Path, version: u32, now_ms: i64) -> Result<Self> {
        let (draft, number) = draft_snapshot(disk, root, now_ms)?;
        let mut block = Vec::new();
        write_header(&mut block, version, now_ms);
        Ok(Self { disk, root: root.to_path_buf(), draft, number, block })
    }

    /// Adds the records of a list of `{"id", "data"}` as JSON text.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_INVALID_ARGUMENT`.
    pub fn add(&mut self, list: &[u8]) -> Result<()> {
        let block = &mut self.block;
        each_record(list, |id, text| {
            write_record(block, id, text);
        })?;
        if self.block.len() >= PIECE {
            self.draft.write(&self.block)?;
            self.block.clear();
        }
        Ok(())
    }

    /// Gives the snapshot its name, durably. Returns its relative path.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn publish(self) -> Result<String> {
        self.draft.write(&self.block)?;
        self.draft.sync()?;
        name_snapshot(self.disk, &self.root, self.draft, self.number)
    }
}

/// A snapshot that is being read.
pub struct SnapshotReader {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    head: Vec<u8>,
    is_document: bool,
    /// Where the next line begins.
    next: u64,
}

impl SnapshotReader {
    /// Opens a snapshot. One that is small is read, and its file is let go.
    ///
    /// # Errors
    /// `OPSLOG_IO`, also when it is missing.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self> {
        let failed = |source| Error::io("read", path, source);
        let mut file = disk.open(path, OpenMode::Read).map_err(|source| Error::io("open", path, source))?;
        let len = file.info().map_err(|source| Error::io("fstat", path, source))?.len;
        if len <= PIECE as u64 {
            file = Arc::new(MemoryFile(read_exact_at(&*file, 0, len as usize).map_err(failed)?));
        }
        let mut lines = LineReader::new(&*file, 0);
        let (mut head, mut next) = (Vec::new(), 0);
        if let Some(line) = lines.next_line().map_err(failed)? {
            head.extend_from_slice(line.bytes);
            next = line.bytes.len() as u64 + u64::from(line.complete);
        }
        let is_document = !matches!(parse_header(&head), Ok(Header::Jsonl { .. }));
        if is_document && !json::is_valid(&head) {
            // Over many lines.
            head = read_exact_at(&*file, 0, len as usize).map_err(failed)?;
        }
        Ok(Self { path: path.to_path_buf(), file, head, is_document, next })
    }

    /// The text of the header, or of the document that is all there is.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether the snapshot is one document.
    pub fn is_document(&self) -> bool {
        self.is_document
    }

    /// The next records as the texts of their lines, each with a comma behind it; nothing at the end.
    ///
    /// # Errors
    /// `OPSLOG_IO`; `OPSLOG_CORRUPT` for a line that is no record, once those before it were given.
    pub fn next_piece(&mut self) -> Result<Vec<u8>> {
        let mut piece = Vec::new();
        let mut lines = LineReader::new(&*self.file, self.next);
        while piece.len() < PIECE {
            let Some(raw) = lines.next_line().map_err(|source| Error::io("read", &self.path, source))? else {
                break;
            };
            let line = js_trim(raw.bytes);
            let end = raw.offset + raw.bytes.len() as u64 + u64::from(raw.complete);
            if line.is_empty() {
                self.next = end;
                continue;
            }
            let is_long = piece.len() + line.len() + 2 > LONGEST;
            let is_record = !is_long && parse_record(line).is_ok();
            if !is_record && !piece.is_empty() {
                break; // It is read again, and refused alone if it must be.
            }
            if is_long {
                let detail = format!("a line of {} bytes is too long to be read", line.len());
                return Err(Error::corrupt(&self.path, raw.offset, detail));
            }
            if !is_record {
                return Err(Error::Unreadable {
                    document: Document::Record,
                    path: self.path.clone(),
                    offset: Some(raw.offset),
                    content: line.to_vec(),
                    detail: format!("no record at byte {}", raw.offset),
                });
            }
            piece.extend_from_slice(line);
            piece.push(b',');
            self.next = end;
        }
        Ok(piece)
    }
}
