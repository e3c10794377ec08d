//! One append to a log, and taking it off again when it fails. Another hand may append at any moment: its lines must
//! neither be cut off nor be glued to a part of ours.

use std::io;
use std::ops::Range;
use std::path::Path;

use crate::disk::{Disk, DiskFile, OpenMode, read_exact_at, write_all_at};
use crate::format::operation::{js_trim, parse_line};

/// How often an append is tried that another hand has split.
const ATTEMPTS: u32 = 3;
const BLOCK: usize = 1 << 16;

/// Why an append has failed.
pub(super) struct Failure {
    pub(super) source: io::Error,
    /// What was written could not be taken off again.
    pub(super) uncut: Option<io::Error>,
}

impl Failure {
    fn uncut(kind: io::ErrorKind, error: io::Error) -> Self {
        Self { source: kind.into(), uncut: Some(error) }
    }
}

impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self { source, uncut: None }
    }
}

/// Appends bytes in one piece to a file that is believed to have the length `at`. After a failure nothing of them counts.
pub(super) fn append_whole(
    disk: &dyn Disk,
    path: &Path,
    file: &dyn DiskFile,
    at: u64,
    bytes: &[u8],
) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        let mut parts = Vec::new();
        let Err(source) = write(file, bytes, &mut parts) else {
            if parts.windows(2).all(|pair| matches!(pair, [one, next] if one.end == next.start)) {
                return Ok(());
            }
            blank(disk, path, &parts).map_err(|error| Failure::uncut(io::ErrorKind::ResourceBusy, error))?;
            continue;
        };
        if planted!("failed-append-not-cut") {
            return Err(source.into());
        }
        let uncut = take_off(disk, path, file, at, &parts, bytes).err();
        return Err(Failure { source, uncut });
    }
    Err(io::Error::from(io::ErrorKind::ResourceBusy).into())
}

/// Appends bytes. If that takes more than one write, `parts` says where they went.
fn write(file: &dyn DiskFile, mut bytes: &[u8], parts: &mut Vec<Range<u64>>) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) if planted!("short-write-is-whole") => break,
            Ok(written) if written == bytes.len() && parts.is_empty() => break,
            Ok(written) => {
                let end = file.appended_to()?;
                parts.push(end - written as u64..end);
                bytes = bytes.get(written..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes what a failed append has written off the file. What the last write has written, although it failed, only the
/// file says.
fn take_off(
    disk: &dyn Disk,
    path: &Path,
    file: &dyn DiskFile,
    at: u64,
    parts: &[Range<u64>],
    bytes: &[u8],
) -> io::Result<()> {
    let len = file.info()?.len;
    let added = read_exact_at(file, at, len.saturating_sub(at) as usize)?;
    if bytes.starts_with(&added) && (added.is_empty() || cut(file, len, at)?) {
        return Ok(());
    }
    // Another hand has appended: its lines stay where they are.
    let written: u64 = parts.iter().map(|part| part.end - part.start).sum();
    let rest = bytes.get(written as usize..).unwrap_or_default();
    let behind = parts.last().map_or(at, |part| part.end);
    let added = read_exact_at(file, behind, file.info()?.len.saturating_sub(behind) as usize)?;
    let mut parts = parts.to_vec();
    parts.extend(part_of(&added, rest).map(|part| behind + part.start as u64..behind + part.end as u64));
    blank(disk, path, &parts)
}

/// Where the beginning of some lines stands among those of others: the last place that holds such a line, or begins like
/// one and is no line.
fn part_of(added: &[u8], lines: &[u8]) -> Option<Range<usize>> {
    let mut found = None;
    let mut start = 0;
    for line in added.split_inclusive(|byte| *byte == b'\n') {
        let from = added.get(start..).unwrap_or_default();
        let common = from.iter().zip(lines).take_while(|(one, other)| one == other).count();
        let is_ours = common >= line.len() || parse_line(js_trim(line)).is_err();
        if common > 0 && is_ours {
            found = Some(start..start + common);
        }
        start += line.len();
    }
    found
}

/// Makes blank lines of parts of a file.
fn blank(disk: &dyn Disk, path: &Path, parts: &[Range<u64>]) -> io::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let file = disk.open(path, OpenMode::ReadWrite)?;
    let block = vec![b'\n'; BLOCK];
    for part in parts {
        let mut at = part.start;
        while at < part.end {
            let len = (part.end - at).min(BLOCK as u64);
            let bytes = block.get(..len as usize).unwrap_or_default();
            write_all_at(&*file, bytes, at).map_err(|(_, error)| error)?;
            at += len;
        }
    }
    Ok(())
}

/// Cuts a file that has the length `from`; says whether it has. One that has the new length, whatever the system said
/// of cutting it, is cut.
pub(super) fn cut(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<bool> {
    file.cut(from, to).or_else(|error| match file.info() {
        Ok(info) if info.len == to => Ok(true),
        _ => Err(error),
    })
}
