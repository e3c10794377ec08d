//! Writes a log anew of which a sync has failed: see [`crate::wal::doubt`]. It keeps its name and its bytes, and all of
//! them are durable then.

use std::io::ErrorKind;
use std::path::Path;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Error, Result};
use crate::layout;
use crate::publish::{Draft, sync_folder_of};
use crate::wal::doubt;

const BLOCK: usize = 1 << 16;

/// Writes a log anew if a sync of it has failed. No other process may write to it, or hold it open to read what comes.
///
/// # Errors
/// `OPSLOG_IO`; the log is what it was then.
pub(in crate::store) fn write_anew_if_in_doubt(disk: &dyn Disk, log: &Path) -> Result<()> {
    if planted!("doubtful-log-kept") || !doubt::is_noted(disk, log)? {
        return Ok(());
    }
    match disk.open(log, OpenMode::Read) {
        Ok(old) => {
            let draft = Draft::create(disk, &layout::beside_index(log))?;
            copy(&*old, &draft, log)?;
            draft.sync()?;
            draft.rename(log)?;
            sync_folder_of(disk, log)?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(Error::io("open", log, source)),
    }
    doubt::forget(disk, log)
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
