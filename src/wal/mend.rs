//! Mends a WAL: its end, before anything is appended to it, and lines that are no operations. What is taken out of it is
//! set aside first, durably, as `<wal>.torn`.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::append::cut;
use super::{LineReader, Tail, doubt, replay};
use crate::disk::{Disk, DiskFile, OpenMode, append_all, read_exact_at, write_all_at};
use crate::error::{Error, Result};
use crate::layout;

/// How much is copied at once.
const BLOCK: u64 = 1 << 20;

/// Makes a WAL end where its last good line ends, with a newline. What is cut is set aside first, as
/// `<wal>.torn`. Returns the file's length now and how many bytes were set aside.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn repair(disk: &dyn Disk, file: &dyn DiskFile, path: &Path, tail: &Tail) -> Result<(u64, u64)> {
    if planted!("torn-tail-kept") && tail.torn {
        return Ok((tail.end, 0));
    }
    let mut aside = 0;
    if tail.torn {
        aside = tail.end - tail.good;
        set_aside(disk, file, path, std::slice::from_ref(&(tail.good..tail.end)))?;
    }
    if tail.end > tail.good {
        // NOTE: another process may have gone on behind what was read: that is not cut off.
        let cut = cut(file, tail.end, tail.good)
            .and_then(|cut| if cut { Ok(()) } else { Err(std::io::ErrorKind::ResourceBusy.into()) });
        cut.map_err(|source| Error::io("ftruncate", path, source))?;
    }
    let mut len = tail.good;
    if tail.needs_newline {
        append_all(file, b"\n").map_err(|source| Error::io("write", path, source))?;
        len += 1;
    }
    if tail.end != len {
        // NOTE: a line end that is lost while what follows it is kept would take both lines along.
        sync(disk, file, path)?;
    }
    Ok((len, aside))
}

/// Overwrites all lines that are no operations with line ends, so that nothing behind them moves. What stood there is set
/// aside first, as a torn end is. Returns where.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn blank_lines(disk: &dyn Disk, path: &Path) -> Result<PathBuf> {
    let file = disk.open(path, OpenMode::ReadWrite).map_err(|source| Error::io("open", path, source))?;
    let found = replay(&*file, path, 0, |_, _, _| Ok(ControlFlow::Continue(())))?;
    let mut lines = Vec::with_capacity(found.skipped.len());
    for offset in found.skipped {
        let mut reader = LineReader::new(&*file, offset);
        let line = reader.next_line().map_err(|source| Error::io("read", path, source))?;
        lines.push(offset..offset + line.map_or(0, |line| line.bytes.len() as u64));
    }
    set_aside(disk, &*file, path, &lines)?;
    for line in lines {
        let blank = vec![b'\n'; (line.end - line.start) as usize];
        write_all_at(&*file, &blank, line.start).map_err(|(_, source)| Error::io("pwrite", path, source))?;
    }
    sync(disk, &*file, path)?;
    Ok(layout::torn(path))
}

fn sync(disk: &dyn Disk, file: &dyn DiskFile, path: &Path) -> Result<()> {
    file.sync().map_err(|source| {
        doubt::note(disk, path);
        Error::io("fdatasync", path, source)
    })
}

/// Appends parts of a WAL to what was set aside of it, each with a newline behind it.
pub(super) fn set_aside(
    disk: &dyn Disk,
    file: &dyn DiskFile,
    path: &Path,
    parts: &[Range<u64>],
) -> Result<()> {
    let aside = layout::torn(path);
    let (target, is_new) = match disk.open(&aside, OpenMode::CreateNew) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            (disk.open(&aside, OpenMode::Append), false)
        }
        created => (created, true),
    };
    let target = target.map_err(|source| Error::io("open", &aside, source))?;
    let kept = copy(file, path, parts, &target, &aside)
        .and_then(|()| target.sync().map_err(|source| Error::io("fdatasync", &aside, source)))
        // NOTE: without its name it would be lost with what is now taken out of the log.
        .and_then(|()| if is_new { sync_name(disk, &aside) } else { Ok(()) });
    if kept.is_err() && is_new {
        // NOTE: the next attempt must not sync a file again whose sync has failed.
        let _ = disk.unlink(&aside);
    }
    kept
}

fn sync_name(disk: &dyn Disk, path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    disk.sync_folder(folder).map_err(|source| Error::io("fsync", folder, source))
}

fn copy(
    file: &dyn DiskFile,
    path: &Path,
    parts: &[Range<u64>],
    target: &Arc<dyn DiskFile>,
    aside: &Path,
) -> Result<()> {
    let mut block = Vec::new();
    for part in parts {
        let mut at = part.start;
        while at < part.end {
            let len = BLOCK.min(part.end - at);
            let bytes = read_exact_at(file, at, len as usize);
            block.extend(bytes.map_err(|source| Error::io("read", path, source))?);
            at += len;
            if at == part.end {
                block.push(b'\n');
            }
            if block.len() as u64 >= BLOCK {
                append_all(&**target, &block).map_err(|source| Error::io("write", aside, source))?;
                block.clear();
            }
        }
    }
    append_all(&**target, &block).map_err(|source| Error::io("write", aside, source))
}
