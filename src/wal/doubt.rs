//! Notes of logs of which a sync has failed, as files in the folder of what is ours. The system goes on showing what it
//! could not write, and no later sync writes it: only a power loss would tell. So the process that builds on such a log next must
//! know. The note itself need not be durable: after a power loss nothing is shown that is not on the disk.

use std::io::ErrorKind;
use std::path::Path;

use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::layout;

/// Notes that a sync of a log has failed. Best effort: the caller that waits for the sync is told of its own failure.
pub fn note(disk: &dyn Disk, log: &Path) {
    if planted!("failed-sync-not-noted") {
        return;
    }
    let note = layout::doubt(log);
    if let Some(folder) = note.parent() {
        let _ = disk.create_folder(folder);
    }
    let _ = disk.open(&note, OpenMode::CreateNew);
}

/// Whether a sync of a log has failed since it was written anew.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn is_noted(disk: &dyn Disk, log: &Path) -> Result<bool> {
    let note = layout::doubt(log);
    match disk.info(&note) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::io("stat", &note, source)),
    }
}

/// Removes the note: nothing builds on that log any more.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn forget(disk: &dyn Disk, log: &Path) -> Result<()> {
    let note = layout::doubt(log);
    disk.unlink(&note).map_err(|source| Error::io("unlink", &note, source))
}
