//! Snapshot files: loading one into a [`Base`], writing the next. Both go through the file once, in blocks,
//! and build the index on the way.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, FileInfo, OpenMode};
use crate::engine::base::{Base, Builder};
use crate::engine::{Cursor, View};
use crate::error::{Error, Result};
use crate::format::snapshot::{self, Header, parse_header, parse_legacy, parse_record};
use crate::format::{Invalid, js_trim};
use crate::publish::Draft;
use crate::wal::LineReader;

const BLOCK: usize = 1 << 20;

/// A snapshot that was read.
pub struct Loaded {
    /// Its records.
    pub base: Base,
    /// The schema version in its header; `None` if that is no number.
    pub version: Option<f64>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Reads a snapshot in any of the three formats: JSONL, single-line JSON, pretty-printed JSON.
///
/// # Errors
/// `OPSLOG_IO`; `OPSLOG_CORRUPT` with the offset of the first line that is no record.
pub fn load(disk: &dyn Disk, path: &Path) -> Result<Loaded> {
    let file = disk.open(path, OpenMode::Read).map_err(|source| Error::io("open", path, source))?;
    let bytes = file.info().map_err(|source| Error::io("fstat", path, source))?.len;
    let mut lines = LineReader::new(&*file, 0);
    let first = lines.next_line().map_err(|source| Error::io("read", path, source))?;
    let header = first.and_then(|line| parse_header(line.bytes).ok());
    let Some(Header::Jsonl { version }) = header else { return load_legacy(&file, path, bytes) };
    let mut builder = Builder::new(Arc::clone(&file));
    while let Some(raw) = lines.next_line().map_err(|source| Error::io("read", path, source))? {
        let line = js_trim(raw.bytes);
        if line.is_empty() {
            continue;
        }
        let record = parse_record(line)
            .map_err(|_| Error::corrupt(path, raw.offset, "this line of the snapshot is no record"))?;
        let lead = (line.as_ptr() as usize - raw.bytes.as_ptr() as usize) as u64;
        builder
            .push(&record.id, raw.offset + lead, line.len())
            .map_err(|source| Error::io("read", path, source))?;
    }
    Ok(Loaded { base: builder.finish(), version, bytes })
}

/// A legacy document becomes record lines in memory, so that everything else sees one format.
fn load_legacy(file: &Arc<dyn DiskFile>, path: &Path, bytes: u64) -> Result<Loaded> {
    let content = crate::disk::read_exact_at(&**file, 0, bytes as usize)
        .map_err(|source| Error::io("read", path, source))?;
    let legacy = parse_legacy(&content).map_err(|invalid| match invalid {
        Invalid::NotJson { offset } => Error::corrupt(path, offset as u64, "the snapshot is not valid JSON"),
        Invalid::Rule(rule) => {
            Error::Invalid { path: path.to_path_buf(), message: format!("Invalid snapshot: {rule}") }
        }
    })?;
    let mut lines = Vec::with_capacity(content.len());
    let mut places = Vec::with_capacity(legacy.records.len());
    for (id, text) in &legacy.records {
        let from = lines.len();
        snapshot::write_record(&mut lines, id, text);
        places.push((from, lines.len() - from - 1));
    }
    let mut builder = Builder::new(Arc::new(MemoryFile(lines)));
    for ((id, _), (offset, len)) in legacy.records.iter().zip(places) {
        builder.push_new(id, offset as u64, len);
    }
    Ok(Loaded { base: builder.finish(), version: Some(legacy.version), bytes })
}

/// Writes the records of a view into a draft and returns the base that stands for it.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn write(draft: &Draft<'_>, view: &View, version: u32, now_ms: i64, path: &Path) -> Result<(Base, u64)> {
    let mut builder = Builder::new(Arc::clone(draft.file()));
    let mut block = Vec::with_capacity(BLOCK + 4096);
    snapshot::write_header(&mut block, version, now_ms);
    let mut written = 0u64;
    let mut cursor = Cursor::Base(0);
    while cursor != Cursor::End {
        cursor = view
            .visit(cursor, |id, text| {
                let offset = block.len();
                snapshot::write_record(&mut block, id, text);
                builder.push_new(id, written + offset as u64, block.len() - offset - 1);
                if block.len() < BLOCK { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .map_err(|source| Error::io("read", path, source))?;
        draft.write(&block)?;
        written += block.len() as u64;
        block.clear();
    }
    Ok((builder.finish(), written))
}

/// Bytes in memory that are read like a file.
struct MemoryFile(Vec<u8>);

impl DiskFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn append(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn info(&self) -> io::Result<FileInfo> {
        Ok(FileInfo { identity: (0, 0), len: self.0.len() as u64, modified_ns: 0, links: 1, writable: false })
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}
