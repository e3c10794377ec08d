//! Logs of which a sync has failed. The system goes on showing what it could not write, and no later sync writes it:
//! only a power loss would tell. So such a log is noted, by a file in the folder of what is ours, and the next writer
//! writes it anew from what the system still shows, before it builds on it. The note itself need not be durable:
//! after a power loss nothing is shown that is not on the disk.

use std::io::ErrorKind;
use std::path::Path;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Error, Result};
use crate::layout;
use crate::publish::{Draft, sync_folder_of};

const BLOCK: usize = 1 << 16;

/// Notes that a sync of a log has failed. Best effort: whoever waits for the sync is told of its own failure.
pub fn note(disk: &dyn Disk, log: &Path) {
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

/// Writes a log anew if a sync of it has failed. Nobody else may write to it, or hold it open to read what comes.
///
/// # Errors
/// `OPSLOG_IO`; the log is what it was then.
pub fn resolve(disk: &dyn Disk, log: &Path) -> Result<()> {
    if !is_noted(disk, log)? {
        return Ok(());
    }
    match disk.open(log, OpenMode::Read) {
        Ok(old) => {
            let draft = Draft::create(disk, log)?;
            copy(&*old, &draft, log)?;
            draft.sync()?;
            draft.rename(log)?;
            sync_folder_of(disk, log)?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(Error::io("open", log, source)),
    }
    forget(disk, log)
}

/// Removes the note: nothing builds on that log any more.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn forget(disk: &dyn Disk, log: &Path) -> Result<()> {
    let note = layout::doubt(log);
    disk.unlink(&note).map_err(|source| Error::io("unlink", &note, source))
}

fn copy(old: &dyn DiskFile, draft: &Draft<'_>, log: &Path) -> Result<()> {
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    loop {
        let read = old.read_at(&mut block, at).map_err(|source| Error::io("read", log, source))?;
        if read == 0 {
            return Ok(());
        }
        draft.write(block.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
}
