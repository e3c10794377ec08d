//! Finds the operations on one record in a sealed log by an index of the ids in it. The index is built when a log is sealed, and
//! again where it is missing, stale or damaged. It holds no ids: the line that it leads to says whether it is the record's.
//!
//! Invariant: no call fails for an index. Where none can be had, the log is read.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::position::Mark;
use super::reverse_log::Found;
use crate::disk::{Disk, DiskFile, OpenMode, read_exact_at};
use crate::engine::index::Hash;
use crate::error::{Error, Result};
use crate::format::ids::{BLOCK, Entry, HEADER, Header, LARGEST, NO_BATCH, TAIL, block_offset, print_blocks};
use crate::format::index::checksum;
use crate::format::operation::{js_trim, parse_line};
use crate::publish::Draft;
use crate::rules::batches::OpenBatch;
use crate::wal::{LineReader, replay};
use crate::{layout, order};

/// A log of fewer bytes is read as fast without an index.
pub const FROM_BYTES: u64 = 16 << 10;

/// The record of which operations are wanted.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its id.
    pub id: Vec<u8>,
    /// Whether an index that is missing is written.
    pub writes: bool,
    /// Smaller logs are read without an index.
    pub from_bytes: u64,
}

/// Where in a log an operation may be, and the first one of its batch, as in an [`Entry`].
pub(super) type Place = (u32, u32);

/// Where in a log there may be operations on a record, in order.
pub(super) struct Places {
    pub(super) offsets: Vec<Place>,
    /// Whether the whole log was read for it.
    pub(super) is_built: bool,
}

/// Builds the index of a sealed log, unless there is one, or the log is small. Without one the log is read.
pub fn index_sealed(disk: &dyn Disk, root: &Path, relative: &str) {
    let Ok(path) = layout::inside(root, layout::OPS, relative) else { return };
    let Ok(log) = disk.open(&path, OpenMode::Read) else { return };
    let index = layout::ids(root, relative);
    if log.info().is_ok_and(|info| info.len >= FROM_BYTES) && open(disk, &index, &*log).is_none() {
        let _ = build(&*log, &path, Hash::random()).map(|built| built.map(|built| built.write(disk, &index)));
    }
}

impl Record {
    /// Finds its operations in a sealed log. `None` if the log has no index, and is to be read.
    ///
    /// # Errors
    /// `OPSLOG_IO` of the log.
    pub(super) fn places(
        &self,
        disk: &dyn Disk,
        root: &Path,
        (relative, path): (&str, &Path),
        log: &dyn DiskFile,
    ) -> Result<Option<Places>> {
        let info = log.info().map_err(|source| Error::io("fstat", path, source))?;
        if info.len < self.from_bytes {
            return Ok(None);
        }
        let index = layout::ids(root, relative);
        if let Some(offsets) = self.search(disk, &index, log) {
            return Ok(Some(Places { offsets, is_built: false }));
        }
        let Some(built) = build(log, path, Hash::random())? else { return Ok(None) };
        if self.writes {
            let _ = built.write(disk, &index);
        }
        Ok(Some(Places { offsets: built.offsets(&self.id), is_built: true }))
    }

    /// `None` if there is no index that fits the log.
    fn search(&self, disk: &dyn Disk, index: &Path, log: &dyn DiskFile) -> Option<Vec<Place>> {
        let (file, header) = open(disk, index, log)?;
        let hash = Hash::with_key(header.key);
        let tag = hash.tag(&self.id);
        let offsets = Search { file: &*file, header: &header, read: None }.offsets(tag)?;
        let is_led_to = |(offset, _): &Place| {
            let line = line_at(log, u64::from(*offset)).ok().flatten();
            line.is_some_and(|line| parse_line(&line).is_ok_and(|line| hash.tag(&line.id) == tag))
        };
        offsets.first().into_iter().chain(offsets.last()).all(is_led_to).then_some(offsets)
    }

    /// The operation that begins at an offset, if it is on the record, with the first line of its batch.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn read(
        &self,
        log: &Arc<dyn DiskFile>,
        path: &Path,
        (start, first): Place,
    ) -> Result<Option<Found>> {
        let start = u64::from(start);
        let Some(bytes) = line_at(&**log, start).map_err(|source| Error::io("read", path, source))? else {
            return Ok(None);
        };
        let Ok(line) = parse_line(&bytes) else { return Ok(None) };
        if *line.id != *self.id {
            return Ok(None);
        }
        let mark = Mark::new(start, &bytes);
        let batch = match first {
            NO_BATCH => None,
            first if u64::from(first) == start => Some(mark),
            first => {
                let line =
                    line_at(&**log, u64::from(first)).map_err(|source| Error::io("read", path, source))?;
                line.map(|line| Mark::new(u64::from(first), &line))
            }
        };
        Ok(Some(Found { mark, bytes, batch }))
    }
}

fn line_at(log: &dyn DiskFile, start: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut reader = LineReader::new(log, start);
    let Some(raw) = reader.next_line()? else { return Ok(None) };
    // White space behind the last line is no part of it.
    let line = if parse_line(raw.bytes).is_ok() { raw.bytes } else { js_trim(raw.bytes) };
    Ok(Some(line.to_vec()))
}

/// The index of a log, if it is that of this log as it is.
fn open(disk: &dyn Disk, index: &Path, log: &dyn DiskFile) -> Option<(Arc<dyn DiskFile>, Header)> {
    let file = disk.open(index, OpenMode::ReadNoFollow).ok()?;
    let header = Header::parse(&read_exact_at(&*file, 0, HEADER).ok()?)?;
    let is_whole = file.info().ok()?.len == header.file_len();
    let fits = log.info().ok()?.len == header.len && tail_of(log, header.len).ok()? == header.tail;
    (is_whole && fits).then_some((file, header))
}

fn tail_of(log: &dyn DiskFile, len: u64) -> std::io::Result<u32> {
    let from = len.saturating_sub(TAIL);
    Ok(checksum(&[&read_exact_at(log, from, (len - from) as usize)?]))
}

/// An index in memory.
pub(crate) struct Built {
    pub(crate) header: Header,
    pub(crate) entries: Vec<Entry>,
}

/// Reads a log for its index. `None` if the log is too large for one.
///
/// # Errors
/// `OPSLOG_IO`.
pub(crate) fn build(log: &dyn DiskFile, path: &Path, hash: Hash) -> Result<Option<Built>> {
    let failed = |source| Error::io("read", path, source);
    let len = log.info().map_err(failed)?.len;
    if len > LARGEST {
        return Ok(None);
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut batch = OpenBatch::default();
    replay(log, path, 0, |offset, _, line| {
        let offset = offset as u32;
        let first = batch.pass(line.batch, || offset);
        entries.push((hash.tag(&line.id), offset, first.unwrap_or(NO_BATCH)));
        Ok(ControlFlow::Continue(()))
    })?;
    let tail = tail_of(log, len).map_err(failed)?;
    order::sort(&mut entries);
    let header = Header { len, tail, key: hash.key(), count: entries.len() as u64 };
    Ok(Some(Built { header, entries }))
}

impl Built {
    fn offsets(&self, id: &[u8]) -> Vec<Place> {
        let tag = Hash::with_key(self.header.key).tag(id);
        let from = self.entries.partition_point(|(other, ..)| *other < tag);
        let same = self.entries.iter().skip(from).take_while(|(other, ..)| *other == tag);
        same.map(|(_, offset, first)| (*offset, *first)).collect()
    }

    /// NOTE: not synced: what a crash leaves of it does not fit its checksums.
    fn write(&self, disk: &dyn Disk, index: &Path) -> Result<()> {
        if let Some(folder) = index.parent() {
            disk.create_folder(folder).map_err(|source| Error::io("mkdir", folder, source))?;
        }
        let draft = Draft::create(disk, index)?;
        draft.write(&[self.header.print(), print_blocks(&self.entries)].concat())?;
        draft.rename(index)?;
        Ok(())
    }
}

/// A search in an index file.
struct Search<'a> {
    file: &'a dyn DiskFile,
    header: &'a Header,
    /// The block that was read last.
    read: Option<(u64, Vec<Entry>)>,
}

impl Search<'_> {
    /// The offsets of a tag; `None` if a block is damaged or cannot be read.
    fn offsets(&mut self, tag: u32) -> Option<Vec<Place>> {
        let blocks = self.header.blocks();
        let (mut low, mut high) = (0, blocks);
        // Hashes are spread evenly, unless a few records have most operations: the first look is where the tag should be, the
        // next ones beside it, and then in the middle of what is left.
        let mut next = ((u128::from(tag) * u128::from(blocks)) >> 32) as u64;
        for look in 0.. {
            if low >= high {
                break;
            }
            let block = self.block(next)?;
            let (first, last) = (block.first()?.0, block.last()?.0);
            let is_behind = last < tag;
            if is_behind {
                low = next + 1;
            } else {
                high = next;
                low = if first < tag { next } else { low };
            }
            next = match (look < 2, is_behind) {
                (true, true) => low,
                (true, false) => high.saturating_sub(1),
                (false, _) => low + (high - low) / 2,
            };
        }
        let mut offsets = Vec::new();
        for number in low..blocks {
            let block = self.block(number)?;
            let same = block.iter().filter(|(other, ..)| *other == tag);
            offsets.extend(same.map(|(_, offset, first)| (*offset, *first)));
            if block.last()?.0 > tag {
                break;
            }
        }
        Some(offsets)
    }

    fn block(&mut self, number: u64) -> Option<&[Entry]> {
        if self.read.as_ref().is_none_or(|(read, _)| *read != number) {
            let bytes = read_exact_at(self.file, block_offset(number), BLOCK).ok()?;
            self.read = Some((number, self.header.block(number, &bytes)?));
        }
        self.read.as_ref().map(|(_, block)| &**block)
    }
}
