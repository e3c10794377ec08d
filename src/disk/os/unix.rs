//! What differs on Unix: `O_NOFOLLOW`, positioned reads and writes, `flock`, folders that can be synced.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::super::{FileInfo, OpenMode};

pub(super) fn open(path: &Path, mode: OpenMode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    match mode {
        // A pipe of that name would be waited for until somebody writes to it; to a file the flag means nothing.
        OpenMode::Read => options.custom_flags(libc::O_NONBLOCK),
        OpenMode::Append => options.append(true).custom_flags(libc::O_NOFOLLOW),
        OpenMode::ReadWrite => options.write(true).custom_flags(libc::O_NOFOLLOW),
        OpenMode::CreateNew => {
            options.append(true).create_new(true).mode(0o666).custom_flags(libc::O_NOFOLLOW)
        }
    }
    .open(path)
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub(super) fn append(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    file.write(bytes)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub(super) fn try_lock_shared(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub(super) fn unlock(file: &File) -> io::Result<()> {
    file.unlock()
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Node's number for the system's: they are the same but for the sign.
pub(super) fn errno(code: i32) -> i32 {
    -code
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) fn info_of_path(path: &Path) -> io::Result<FileInfo> {
    fs::symlink_metadata(path).map(|metadata| info(&metadata))
}

pub(super) fn info_of_file(file: &File) -> io::Result<FileInfo> {
    file.metadata().map(|metadata| info(&metadata))
}

fn info(metadata: &Metadata) -> FileInfo {
    FileInfo {
        identity: (metadata.dev(), metadata.ino()),
        len: metadata.len(),
        modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        links: metadata.nlink(),
        writable: metadata.mode() & 0o222 != 0,
        is_file: metadata.is_file(),
    }
}

/// The file's descriptor.
pub fn descriptor(file: &File) -> Option<i32> {
    Some(std::os::fd::AsRawFd::as_raw_fd(file))
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub(super) fn begin_sync(file: &File) {
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(file);
    // SAFETY: the descriptor is open while `file` is borrowed, and the call takes no pointer. 0, 0: all of the file.
    unsafe { libc::sync_file_range(descriptor, 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

#[cfg(not(target_os = "linux"))]
pub(super) fn begin_sync(_: &File) {}
