//! Snapshot files: loading one into a [`Base`], writing the next. Loading goes by the index file if there is one
//! that fits; else, as writing, it goes through the file once, in blocks, and builds the index on the way.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, MemoryFile, OpenMode};
use crate::engine::base::{Base, Builder};
use crate::engine::index::Hash;
use crate::engine::{Cursor, View};
use crate::error::{Error, Result};
use crate::format::index::{Kind, Slot};
use crate::format::snapshot::{self, Header, parse_header, parse_legacy, parse_record, split_record};
use crate::format::{Invalid, js_trim};
use crate::index::{self, Contents};
use crate::progress::{Phase, Progress};
use crate::publish::{Draft, sync_folder_of};
use crate::wal::LineReader;

const BLOCK: usize = 1 << 20;
/// After so many bytes the system is asked to begin writing them out.
const SYNC_EVERY: u64 = 8 << 20;

/// A snapshot that was read.
pub struct Loaded {
    /// Its records.
    pub base: Base,
    /// The schema version in its header; `None` if that is no number.
    pub version: Option<f64>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it was read from one end to the other, for want of an index file.
    pub scanned: bool,
}

/// Where a snapshot's index file is, and what is done with it.
#[derive(Debug, Clone)]
pub struct Indexing {
    /// The index file.
    pub path: PathBuf,
    /// The size in bytes from which on a snapshot has one.
    pub from_bytes: u64,
    /// Whether a missing one is written.
    pub write: bool,
    /// How far reading or writing the snapshot has come.
    pub progress: Arc<Progress>,
}

impl Indexing {
    /// Writes the index file, if this snapshot should have one, and returns the base that goes by it. `None` as well
    /// when it cannot be written: then the index is held in memory, and no call fails for it.
    fn paged(
        &self,
        disk: &dyn Disk,
        (file, path): (&Arc<dyn DiskFile>, &Path),
        hash: Hash,
        slots: &[Slot],
        bytes: u64,
    ) -> Option<Base> {
        if !self.write || bytes < self.from_bytes || slots.is_empty() {
            return None;
        }
        let contents = Contents {
            kind: Kind::Snapshot,
            len: bytes,
            records: slots.len() as u64,
            operations: 0,
            cuts: 0,
            context: 0,
        };
        let paged = index::write(disk, &self.path, &**file, contents, hash, slots).ok()?;
        Some(Base::paged(Arc::clone(file), path, paged))
    }
}

/// Reads a snapshot in any of the three formats: JSONL, single-line JSON, pretty-printed JSON. With an index
/// file, only its first line is read.
///
/// # Errors
/// `OPSLOG_IO`; `OPSLOG_CORRUPT` with the offset of the first line that is no record.
pub fn load(disk: &dyn Disk, path: &Path, indexing: &Indexing) -> Result<Loaded> {
    let file = disk.open(path, OpenMode::Read).map_err(|source| Error::io("open", path, source))?;
    let bytes = file.info().map_err(|source| Error::io("fstat", path, source))?.len;
    if bytes >= indexing.from_bytes
        && let Some((paged, first_line)) =
            index::open(disk, &indexing.path, (Kind::Snapshot, 0), &*file, bytes)
        && let Ok(Header::Jsonl { version }) = parse_header(&first_line)
    {
        return Ok(Loaded { base: Base::paged(file, path, paged), version, bytes, scanned: false });
    }
    scan(disk, path, indexing, &file, bytes)
}

/// Whether a snapshot has an index file by which it can be loaded.
pub fn is_indexed(disk: &dyn Disk, path: &Path, index: &Path) -> bool {
    let opened = disk.open(path, OpenMode::Read).and_then(|file| Ok((file.info()?.len, file)));
    opened.is_ok_and(|(bytes, file)| {
        let opened = index::open(disk, index, (Kind::Snapshot, 0), &*file, bytes);
        opened.is_some_and(|(_, line)| matches!(parse_header(&line), Ok(Header::Jsonl { .. })))
    })
}

/// The schema version in a snapshot's header, from its first line alone; `None` of what it holds means a header without
/// a number, `None` at all that it is a document of the older formats.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn header_version(disk: &dyn Disk, path: &Path) -> Result<Option<Option<f64>>> {
    let file = disk.open(path, OpenMode::Read).map_err(|source| Error::io("open", path, source))?;
    let mut lines = LineReader::new(&*file, 0);
    let first = lines.next_line().map_err(|source| Error::io("read", path, source))?;
    Ok(match first.and_then(|line| parse_header(line.bytes).ok()) {
        Some(Header::Jsonl { version }) => Some(version),
        _ => None,
    })
}

fn scan(
    disk: &dyn Disk,
    path: &Path,
    indexing: &Indexing,
    file: &Arc<dyn DiskFile>,
    bytes: u64,
) -> Result<Loaded> {
    let mut lines = LineReader::new(&**file, 0);
    let first = lines.next_line().map_err(|source| Error::io("read", path, source))?;
    let header = first.and_then(|line| parse_header(line.bytes).ok());
    let Some(Header::Jsonl { version }) = header else {
        return load_legacy(file, path, bytes, &indexing.progress);
    };
    let mut builder = Builder::new(Arc::clone(file), path);
    indexing.progress.begin(Phase::ReadSnapshot, bytes);
    // An index file goes by lines of which each is a record, and there is nothing between them.
    let mut is_plain = true;
    let mut holds_no_more = true;
    while let Some(raw) = lines.next_line().map_err(|source| Error::io("read", path, source))? {
        if builder.slots().len() & 0xFFF == 0 {
            indexing.progress.reach(raw.offset);
        }
        let line = js_trim(raw.bytes);
        is_plain &= line.len() == raw.bytes.len() && raw.complete && !line.is_empty();
        if line.is_empty() {
            continue;
        }
        let record = parse_record(line)
            .map_err(|_| Error::corrupt(path, raw.offset, "this line of the snapshot is no record"))?;
        holds_no_more &= split_record(line).is_none_or(|(_, data)| data == record.data);
        let lead = (line.as_ptr() as usize - raw.bytes.as_ptr() as usize) as u64;
        builder.push(&record.id, raw.offset + lead, line.len());
    }
    indexing.progress.reach(bytes);
    let finished = builder.finish_checked(holds_no_more);
    let (mut base, had_twice) = finished.map_err(|source| Error::io("read", path, source))?;
    if is_plain
        && holds_no_more
        && !had_twice
        && let Some((hash, slots)) = base.slots()
        && let Some(paged) = indexing.paged(disk, (file, path), hash, slots, bytes)
    {
        base = paged;
    }
    Ok(Loaded { base, version, bytes, scanned: true })
}

/// A legacy document becomes record lines in memory, so that everything else sees one format.
fn load_legacy(file: &Arc<dyn DiskFile>, path: &Path, bytes: u64, progress: &Progress) -> Result<Loaded> {
    progress.begin(Phase::ReadSnapshot, bytes);
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
        if places.len() & 0xFFF == 0 {
            progress.reach(lines.len() as u64);
        }
    }
    let mut builder = Builder::new(Arc::new(MemoryFile(lines)), path);
    for ((id, _), (offset, len)) in legacy.records.iter().zip(places) {
        builder.push(id, offset as u64, len);
    }
    Ok(Loaded { base: builder.finish(), version: Some(legacy.version), bytes, scanned: true })
}

/// A snapshot that was written.
pub struct Written {
    /// Its records.
    pub base: Base,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Writes the records of a view as a new snapshot, durably, and its index file.
///
/// # Errors
/// `OPSLOG_IO`; the file may be there all the same if only its folder could not be synced.
pub fn write(
    disk: &dyn Disk,
    path: &Path,
    indexing: &Indexing,
    view: &View,
    version: u32,
    now_ms: i64,
) -> Result<Written> {
    let draft = Draft::create(disk, path)?;
    let mut builder = Builder::new(Arc::clone(draft.file()), path);
    let mut block = Vec::with_capacity(BLOCK + 4096);
    snapshot::write_header(&mut block, version, now_ms);
    let (mut bytes, mut announced) = (0u64, 0u64);
    let mut cursor = Cursor::Base(0);
    indexing.progress.begin(Phase::WriteSnapshot, view.count() as u64);
    while cursor != Cursor::End {
        cursor = view
            .visit(cursor, |row| {
                let offset = block.len();
                row.print_line(&mut block);
                builder.push(&row.id(), bytes + offset as u64, block.len() - offset - 1);
                if block.len() < BLOCK { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .map_err(|source| Error::io("read", path, source))?;
        draft.write(&block)?;
        indexing.progress.reach(builder.slots().len() as u64);
        bytes += block.len() as u64;
        if bytes - announced >= SYNC_EVERY {
            draft.file().begin_sync();
            announced = bytes;
        }
        block.clear();
    }
    if builder.slots().len() != view.count() {
        let detail = format!(
            "of {} records, {} were found: a line of the snapshot before this one is damaged",
            view.count(),
            builder.slots().len()
        );
        return Err(Error::corrupt(path, None, detail));
    }
    if !planted!("snapshot-unsynced") {
        draft.sync()?;
    }
    let base = match indexing.paged(disk, (draft.file(), path), builder.hash(), builder.slots(), bytes) {
        Some(base) => base,
        None => builder.finish(),
    };
    draft.rename(path)?;
    if !planted!("snapshot-name-unsynced") {
        sync_folder_of(disk, path)?;
    }
    Ok(Written { base, bytes })
}
