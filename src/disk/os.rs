//! The real file system, over `std`. Keeps the promises of [`Disk`]: appends go to the end whatever the
//! length is by then, and no file that is written is reached through a symbolic link in its last
//! component. Handles are not inherited by child processes. It never retries, hides or rewords a failure.

pub mod lacks;
pub mod process;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
mod windows_errno;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::fs::{self, File};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile, FileInfo, OpenMode};

/// The number that Node has for a failed system call (`errno`, negative). `None` when the system said nothing.
pub fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error().map(system::errno)
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

/// A file of the real file system.
#[derive(Debug)]
struct OsFile {
    file: File,
    mode: OpenMode,
}

impl OsDisk {
    /// Creates a file with the permissions of the first of these that is there, or those of any new file.
    ///
    /// # Errors
    /// As for [`Disk::open`].
    pub fn create_like(&self, path: &Path, models: &[PathBuf]) -> io::Result<Arc<dyn DiskFile>> {
        let file = system::create_like(path, models)?;
        Ok(Arc::new(OsFile { file, mode: OpenMode::CreateNew }))
    }
}

impl Disk for OsDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = system::open(path, mode)?;
        Ok(Arc::new(OsFile { file, mode }))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        system::info_of_path(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        system::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        system::unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        system::sync_folder(folder)
    }
}

impl DiskFile for OsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        system::read_at(&self.file, buffer, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.mode {
            OpenMode::Append | OpenMode::CreateNew => system::append(&self.file, bytes),
            // Without O_APPEND the bytes would land wherever the handle happens to stand.
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.mode {
            OpenMode::ReadWrite => system::write_at(&self.file, bytes, offset),
            // With O_APPEND Linux would ignore the offset.
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn appended_to(&self) -> io::Result<u64> {
        // An append leaves the handle's position at its end; on Unix nothing else here moves it.
        (&self.file).stream_position()
    }

    fn sync(&self) -> io::Result<()> {
        system::sync(&self.file)
    }

    fn begin_sync(&self) {
        system::begin_sync(&self.file);
    }

    fn info(&self) -> io::Result<FileInfo> {
        system::info_of_file(&self.file)
    }

    fn try_lock(&self) -> io::Result<bool> {
        system::try_lock(&self.file)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        system::try_lock_shared(&self.file)
    }

    fn unlock(&self) -> io::Result<()> {
        system::unlock(&self.file)
    }

    fn is_open_for_writing(&self) -> Option<bool> {
        self.mode.is_read_only().then(|| system::is_open_for_writing(&self.file)).flatten()
    }

    fn descriptor(&self) -> Option<i32> {
        system::descriptor(&self.file)
    }
}
