//! Temporary files: each belongs to the process that has its kernel lock, and is left over once none has. A number of a
//! process in its name says nothing across containers. So a writer that creates one takes its lock and then looks whether it
//! still has its name, and a writer that removes one holds that lock meanwhile.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode, lacks};
use crate::error::{Error, Result};
use crate::layout;

/// How many names are tried for a temporary file.
const ATTEMPTS: u32 = 100;

/// Creates a temporary file under the first of these names that is free, and takes its lock, which dies with the process.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn create(disk: &dyn Disk, mut name: impl FnMut() -> PathBuf) -> Result<(PathBuf, Arc<dyn DiskFile>)> {
    let mut path = name();
    for _ in 0..ATTEMPTS {
        match disk.open(&path, OpenMode::CreateNew) {
            Ok(file) => match hold(disk, &path, &*file) {
                Ok(true) => return Ok((path, file)),
                // It was taken for a left-over one before it was locked.
                Ok(false) => {}
                Err(error) => {
                    let _ = disk.unlink(&path);
                    return Err(error);
                }
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(Error::io("open", &path, source)),
        }
        path = name();
    }
    Err(Error::io("open", &path, io::ErrorKind::AlreadyExists.into()))
}

/// Takes the lock of a temporary file. `false` if another process was faster, which removes the file.
///
/// # Errors
/// `OPSLOG_IO`.
fn hold(disk: &dyn Disk, path: &Path, file: &dyn DiskFile) -> Result<bool> {
    match file.try_lock() {
        Ok(true) => leads_to(disk, path, file).map_err(|source| Error::io("lstat", path, source)),
        Ok(false) => Ok(false),
        // Where there are no locks, no process takes a file for left over by its lock.
        Err(error) if lacks::lock(&error) => Ok(true),
        Err(source) => Err(Error::io("flock", path, source)),
    }
}

fn leads_to(disk: &dyn Disk, path: &Path, file: &dyn DiskFile) -> io::Result<bool> {
    match disk.info(path) {
        Ok(info) => Ok(info.identity == file.info()?.identity),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the temporary files in a store's folders that no process holds. Best effort: they do no harm.
pub fn remove_left(disk: &dyn Disk, root: &Path) {
    let folders = [layout::SNAPSHOTS, layout::ARCHIVE, layout::INDEX].map(|folder| root.join(folder));
    for folder in folders.into_iter().chain([root.to_path_buf()]) {
        for name in disk.list(&folder).unwrap_or_default() {
            // A list is gone through before it is removed.
            if layout::is_temporary(&name) && !layout::is_list(&name) {
                remove_if_left(disk, &folder.join(name));
            }
        }
    }
}

/// Removes a temporary file if no process holds it.
fn remove_if_left(disk: &dyn Disk, path: &Path) {
    with_left(disk, path, |_| ());
}

/// Removes a temporary file if no process holds it, after `use_it`.
pub fn with_left(disk: &dyn Disk, path: &Path, use_it: impl FnOnce(&dyn DiskFile)) {
    let Ok(file) = disk.open(path, OpenMode::ReadWrite) else { return };
    if file.try_lock().unwrap_or(false) && leads_to(disk, path, &*file).unwrap_or(false) {
        use_it(&*file);
        let _ = disk.unlink(path);
    }
}
