//! Index files of snapshots and logs: found, or written. They are derived: whatever is wrong with one, what it was
//! made from is read instead, and no call fails for it.

use std::path::Path;

use crate::disk::{Disk, DiskFile, OpenMode, read_exact_at};
use crate::engine::index::{Hash, Paged};
use crate::error::{Error, Result};
use crate::format::index::{Fingerprint, Header, Kind, PAGE, Pages, Slot, TAIL, checksum, pages_for};
use crate::publish::Draft;

/// About how many bytes of an index are printed at once.
const PRINTED: usize = 1 << 20;

/// What an index says besides where lines are.
#[derive(Debug, Clone, Copy)]
pub struct Contents {
    /// What kind of file is indexed.
    pub kind: Kind,
    /// How many bytes of it.
    pub len: u64,
    /// Number of records: in a snapshot, or in the store once the operations are applied.
    pub records: u64,
    /// Of a log: number of operations.
    pub operations: u64,
    /// Of a log: how often it was cut.
    pub cuts: u64,
    /// Of a log: see [`context`].
    pub context: u32,
}

/// Stands for the snapshot that a log goes with.
pub fn context(snapshot: &str) -> u32 {
    checksum(&[snapshot.as_bytes()])
}

/// The index of a file of which `len` bytes are there, if there is one that fits, and the file's first line. That of a
/// log may be of less than all of it.
pub fn open(
    disk: &dyn Disk,
    path: &Path,
    (kind, context): (Kind, u32),
    source: &dyn DiskFile,
    len: u64,
) -> Option<(Paged, Vec<u8>)> {
    let file = disk.open(path, OpenMode::Read).ok()?;
    let header = Header::parse(&read_exact_at(&*file, 0, PAGE).ok()?, kind)?;
    let is_of_this = match kind {
        Kind::Snapshot => header.source.len == len,
        Kind::Log => {
            header.source.len <= len && (header.context == context || planted!("index-of-older-snapshot"))
        }
    };
    if !is_of_this || file.info().ok()?.len != header.file_len() {
        return None;
    }
    // NOTE: a reader of the lines one by one, as for another index when this one is wrong, begins at the second.
    if second_line_at(source, header.source.len).ok()? != header.second {
        return None;
    }
    let (found, first_line) = fingerprint(source, header.source.len, header.second, header.last).ok()?;
    (found == header.source || planted!("index-of-another-file"))
        .then(|| (Paged::new(file, header), first_line))
}

/// Writes an index file, given where the lines are.
///
/// # Errors
/// `OPSLOG_IO`; there is no index then, or the one that was there before.
pub fn write(
    disk: &dyn Disk,
    path: &Path,
    source: &dyn DiskFile,
    contents: Contents,
    hash: Hash,
    slots: &[Slot],
) -> Result<Paged> {
    let failed = |source| Error::io("read", path, source);
    let second = second_line_at(source, contents.len).map_err(failed)?;
    let last = slots.iter().map(|slot| slot.offset).max().unwrap_or_default();
    let Contents { kind, len, records, operations, cuts, context } = contents;
    let (source, _) = fingerprint(source, len, second, last).map_err(failed)?;
    let pages = pages_for(slots.len() as u64);
    let key = hash.key();
    let header = Header { kind, source, key, second, last, records, operations, cuts, context, pages };
    if let Some(folder) = path.parent() {
        disk.create_folder(folder).map_err(|source| Error::io("mkdir", folder, source))?;
    }
    let draft = Draft::create(disk, path)?;
    draft.write(&header.print())?;
    let mut pages = Pages::new(slots.to_vec(), 0);
    let mut piece = vec![0; PRINTED];
    while let len @ 1.. = pages.print(&mut piece) {
        draft.write(piece.get(..len).unwrap_or_default())?;
    }
    draft.sync()?;
    let file = draft.rename(path)?;
    Ok(Paged::new(file, header))
}

fn second_line_at(file: &dyn DiskFile, len: u64) -> std::io::Result<u64> {
    let mut span = 4096.min(len);
    loop {
        let start = read_exact_at(file, 0, span as usize)?;
        if let Some(newline) = memchr::memchr(b'\n', &start) {
            return Ok(newline as u64 + 1);
        }
        if span == len {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        span = (span * 8).min(len);
    }
}

/// What tells a file from another, and its first line without the newline. A log that was cut and went on has another
/// time in its last line, however much of that is the same.
///
/// # Errors
/// Those of reading; `UnexpectedEof` if the file is shorter.
pub fn fingerprint(
    file: &dyn DiskFile,
    len: u64,
    second: u64,
    last: u64,
) -> std::io::Result<(Fingerprint, Vec<u8>)> {
    let from = len.saturating_sub(TAIL);
    let last = last.min(from);
    let mut tail = read_exact_at(file, last, TAIL.min(from - last) as usize)?;
    tail.extend(read_exact_at(file, from, (len - from) as usize)?);
    let line = read_exact_at(file, 0, second.min(len).saturating_sub(1) as usize)?;
    Ok((Fingerprint { len, head: checksum(&[&line]), tail: checksum(&[&tail]) }, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryFile;
    use crate::engine::index::Stream;
    use crate::format::snapshot::{write_header, write_record};

    /// An index that was built from passing bytes is the one that is built from the file.
    #[test]
    fn the_fingerprint_of_passing_bytes_is_that_of_the_file() {
        for last in [0, 1, 4078, 4079, 4080, 4081, 4082, 5000, 8180, 20_000] {
            let mut bytes = Vec::new();
            write_header(&mut bytes, 1, 0);
            write_record(&mut bytes, b"a", &b"1".repeat(100));
            write_record(&mut bytes, b"b", format!("\"{}\"", "x".repeat(last)).as_bytes());
            for size in [3, 1000, 5000, bytes.len()] {
                let mut stream = Stream::default();
                bytes.chunks(size).for_each(|chunk| stream.push(chunk));
                let mut index = [0; PAGE];
                assert_eq!(stream.finish(0).unwrap().print(&mut index), PAGE);
                let header = Header::parse(&index, Kind::Snapshot).unwrap();
                let file = MemoryFile(bytes.clone());
                assert_eq!(header.second, second_line_at(&file, bytes.len() as u64).unwrap());
                let found = fingerprint(&file, header.source.len, header.second, header.last).unwrap().0;
                assert_eq!(found, header.source, "{last} {size}");
            }
        }
    }
}
