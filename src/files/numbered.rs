//! Files that are written once carry a number: the clock's milliseconds, but above every number in their folder. A store
//! goes by its manifest instead; here none need be in force.

use std::io::ErrorKind;
use std::path::Path;

use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::layout;
use crate::publish::{Draft, sync_folder_of};

/// Numbers from here on are no times, and no file is numbered above them.
const LIMIT: u64 = 1_000_000_000_000_000;

/// The number for the next file in a folder of a store.
fn next_number(disk: &dyn Disk, folder: &Path, now_ms: i64) -> Result<u64> {
    let names = disk.list(folder).map_err(|source| Error::io("scandir", folder, source))?;
    let numbers = names.iter().filter_map(|name| layout::time_of(name)).filter(|number| *number < LIMIT);
    Ok(layout::after(numbers.max().unwrap_or(0), now_ms))
}

/// Creates an empty log, an agent's if one is given. Returns its relative path.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn create_log(disk: &dyn Disk, root: &Path, agent: Option<&str>, now_ms: i64) -> Result<String> {
    let mut number = next_number(disk, &root.join(layout::OPS), now_ms)?;
    loop {
        let relative = agent.map_or_else(|| layout::wal(number), |agent| layout::agent_wal(agent, number));
        let path = layout::at(root, &relative);
        match disk.open(&path, OpenMode::CreateNew) {
            Ok(file) => {
                if let Err(source) = file.sync() {
                    let _ = disk.unlink(&path);
                    return Err(Error::io("fdatasync", &path, source));
                }
                sync_folder_of(disk, &path)?;
                return Ok(relative);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(Error::io("open", &path, source)),
        }
    }
}

/// A snapshot that has no number yet.
pub(super) fn draft_snapshot<'a>(disk: &'a dyn Disk, root: &Path, now_ms: i64) -> Result<(Draft<'a>, u64)> {
    let number = next_number(disk, &root.join(layout::SNAPSHOTS), now_ms)?;
    Ok((Draft::create(disk, &layout::at(root, &layout::snapshot(number)))?, number))
}

/// Gives a snapshot the first number that is free, durably. Returns its relative path.
pub(super) fn name_snapshot(
    disk: &dyn Disk,
    root: &Path,
    mut draft: Draft<'_>,
    mut number: u64,
) -> Result<String> {
    loop {
        let relative = layout::snapshot(number);
        let path = layout::at(root, &relative);
        if draft.claim(&path)? {
            sync_folder_of(disk, &path)?;
            return Ok(relative);
        }
        number += 1;
    }
}
