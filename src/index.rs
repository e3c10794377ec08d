//! Index files: found for a snapshot, or written for one. They are derived: whatever is wrong with one, the
//! snapshot is read instead, and nobody fails for it.

use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode, read_exact_at};
use crate::engine::base::{Hash, Paged};
use crate::error::{Error, Result};
use crate::format::index::{Fingerprint, Header, PAGE, Slot, TAIL, checksum, pages_for, print_pages};
use crate::publish::Draft;

/// The index of a snapshot, if there is one that fits, and the snapshot's first line.
///
/// # Errors
/// None: an index that cannot be read is as good as none.
pub fn open(disk: &dyn Disk, path: &Path, snapshot: &dyn DiskFile, len: u64) -> Option<(Paged, Vec<u8>)> {
    let file = disk.open(path, OpenMode::Read).ok()?;
    let header = Header::parse(&read_exact_at(&*file, 0, PAGE).ok()?)?;
    if header.snapshot.len != len || file.info().ok()?.len != header.file_len() {
        return None;
    }
    let (found, first_line) = fingerprint(snapshot, len, header.first).ok()?;
    (found == header.snapshot).then(|| (Paged::new(file, header), first_line))
}

/// Writes the index file of a snapshot, given where its lines are, in order.
///
/// # Errors
/// `OPSLOG_IO`; there is no index then, or the one that was there before.
pub fn write(
    disk: &dyn Disk,
    path: &Path,
    snapshot: &Arc<dyn DiskFile>,
    hash: Hash,
    slots: &[Slot],
) -> Result<Paged> {
    let failed = |source| Error::io("read", path, source);
    let len = snapshot.info().map_err(failed)?.len;
    let first = slots.first().map_or(0, |slot| slot.offset);
    let (fingerprint, _) = fingerprint(&**snapshot, len, first).map_err(failed)?;
    let records = slots.len() as u64;
    let header = Header { snapshot: fingerprint, key: hash.key(), first, records, pages: pages_for(records) };
    if let Some(folder) = path.parent() {
        disk.create_folder(folder).map_err(|source| Error::io("mkdir", folder, source))?;
    }
    let draft = Draft::create(disk, path)?;
    draft.write(&header.print())?;
    draft.write(&print_pages(slots))?;
    draft.sync()?;
    let file = draft.rename(path)?;
    Ok(Paged::new(file, header))
}

/// What tells a snapshot from another, and its first line without the newline.
fn fingerprint(snapshot: &dyn DiskFile, len: u64, first: u64) -> std::io::Result<(Fingerprint, Vec<u8>)> {
    let from = len.saturating_sub(TAIL);
    let tail = read_exact_at(snapshot, from, (len - from) as usize)?;
    let line = read_exact_at(snapshot, 0, first.min(len).saturating_sub(1) as usize)?;
    Ok((Fingerprint { len, head: checksum(&[&line]), tail: checksum(&[&tail]) }, line))
}
