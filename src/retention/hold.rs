//! A claim on a log and all later ones. It is a shared kernel lock on the log's file: a reader can take it on a read-only file
//! system, it dies with its process, and a pruner, which deletes oldest first and takes each lock alone, stops there. Where
//! there are no kernel locks it claims nothing, and nothing is pruned.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode, lacks};
use crate::error::{Error, Result};
use crate::{layout, patience};

/// How often a lock is tried that a pruner has: it keeps one for a few system calls.
const ATTEMPTS: u32 = 4000;

/// Keeps a file, and all history behind it, from being pruned until it is dropped.
pub struct Hold {
    relative: String,
    _file: Arc<dyn DiskFile>,
}

impl Hold {
    /// Claims a log or a snapshot, given by its relative path, and all history behind it. `None` if it is gone, or about to go.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn take(disk: &dyn Disk, root: &Path, relative: &str) -> Result<Option<Self>> {
        let path = layout::at(root, relative);
        for _ in 0..ATTEMPTS {
            let file = match disk.open(&path, OpenMode::Read) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(Error::io("open", &path, source)),
            };
            match file.try_lock_shared() {
                Ok(true) if leads_to(disk, &path, &*file)? => {
                    return Ok(Some(Self { relative: relative.to_owned(), _file: file }));
                }
                // It was deleted, and perhaps made anew, before it was locked.
                Ok(true) => {}
                Ok(false) => patience::nap(),
                Err(error) if lacks::lock(&error) => {
                    return Ok(Some(Self { relative: relative.to_owned(), _file: file }));
                }
                Err(source) => return Err(Error::io("flock", &path, source)),
            }
        }
        Ok(None)
    }

    /// The file that is claimed, by its relative path.
    pub fn relative(&self) -> &str {
        &self.relative
    }
}

/// A file that no process claims, locked until it is deleted or this is dropped.
pub(super) struct Unclaimed<'a> {
    disk: &'a dyn Disk,
    path: std::path::PathBuf,
    _file: Arc<dyn DiskFile>,
}

/// Whether a file is claimed.
pub(super) enum Claim<'a> {
    Claimed,
    Free(Unclaimed<'a>),
    Missing,
}

impl<'a> Unclaimed<'a> {
    /// Finds out whether a file is claimed, and keeps others from claiming it.
    ///
    /// # Errors
    /// `OPSLOG_IO`; `OPSLOG_UNSUPPORTED` without kernel locks, for there nothing tells of readers.
    pub(super) fn find(disk: &'a dyn Disk, root: &Path, relative: &str) -> Result<Claim<'a>> {
        let path = layout::at(root, relative);
        let opened = match disk.open(&path, OpenMode::ReadWrite) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => disk.open(&path, OpenMode::Read),
            opened => opened,
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Claim::Missing),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        match file.try_lock() {
            Ok(true) if leads_to(disk, &path, &*file)? => Ok(Claim::Free(Self { disk, path, _file: file })),
            // Another file has the name by now: that is none that was to go.
            Ok(_) => Ok(Claim::Claimed),
            Err(source) => Err(Error::history_lock(&path, source)),
        }
    }

    /// Deletes the file.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn delete(self) -> Result<()> {
        match self.disk.unlink(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("unlink", &self.path, error))
            }
            _ => Ok(()),
        }
    }
}

/// Deletes a file, unless a process claims it, or nothing can be claimed.
///
/// # Errors
/// `OPSLOG_IO`, `OPSLOG_UNSUPPORTED`.
pub fn remove_unless_held(disk: &dyn Disk, root: &Path, relative: &str) -> Result<()> {
    match Unclaimed::find(disk, root, relative)? {
        Claim::Free(file) => file.delete(),
        Claim::Claimed | Claim::Missing => Ok(()),
    }
}

fn leads_to(disk: &dyn Disk, path: &Path, file: &dyn DiskFile) -> Result<bool> {
    let failed = |source| Error::io("lstat", path, source);
    match disk.info(path) {
        Ok(info) => Ok(info.identity == file.info().map_err(failed)?.identity),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}
