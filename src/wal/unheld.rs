//! Changes of a log that no [`Writer`] of a store holds: each opens the file, makes it end with a good line, and lets it go.
//! The rules are those of a held one. The caller lets one change follow the other.

use std::path::Path;

use super::{Writer, end, mend, repair};
use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::format::operation::BatchMark;

/// As much of the end as holds a few lines.
const SPAN: u64 = 1 << 12;

/// Appends complete lines, creating the log if it is missing. All of them are in the file afterwards, or none.
///
/// # Errors
/// `OPSLOG_IO`; `OPSLOG_FAILED` when a failed append could not be cut back.
pub fn append(disk: &dyn Disk, path: &Path, lines: &[u8]) -> Result<()> {
    loop {
        let (mut writer, _) = open(disk, path)?;
        match writer.append(disk, lines) {
            Ok(_) => return Ok(()),
            // Another process has created it just now.
            Err(error) if writer.file().is_none() && error.is_existing_file() => {}
            Err(error) => return Err(writer.failure().unwrap_or(error)),
        }
    }
}

/// Takes the last operation out. `false` if there is none, or no log.
///
/// # Errors
/// `OPSLOG_IO`; the operation is still there then.
pub fn cut_last(disk: &dyn Disk, path: &Path) -> Result<bool> {
    let (mut writer, end) = open(disk, path)?;
    let (Some(file), Some(last)) = (writer.file().cloned(), end.last) else { return Ok(false) };
    if last.end + 1 < writer.len() {
        mend::set_aside(disk, &*file, path, std::slice::from_ref(&(last.end + 1..writer.len())))?;
    }
    if let Some(marker) = end.before.and_then(|before| before.more_at) {
        // NOTE: durably, before the cut: without it the whole batch would look like one that a crash cut.
        writer.overwrite(disk, marker, BatchMark::Last.text())?;
        writer.sync()?;
    }
    match writer.cut(last.offset)? {
        true => Ok(true),
        false => Err(Error::io("ftruncate", path, std::io::ErrorKind::ResourceBusy.into())),
    }
}

/// Opens a log and mends its end.
fn open(disk: &dyn Disk, path: &Path) -> Result<(Writer, end::End)> {
    let writer = |file, len| Writer::new(path.to_path_buf(), String::new(), file, len);
    let file = match disk.open(path, OpenMode::Append) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((writer(None, 0), end::End::default()));
        }
        Err(source) => return Err(Error::io("open", path, source)),
    };
    let end = end::end_of(&*file, path, SPAN)?;
    let (len, _) = repair(disk, &*file, path, &end.tail)?;
    Ok((writer(Some(file), len), end))
}
