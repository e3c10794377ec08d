//! Which errors say that a file system lacks a call, rather than that the call has failed. EIO is none of them, nor is
//! ENOSPC or EACCES: what failed is never taken for what is not there.

use std::io;

#[cfg(unix)]
mod numbers {
    /// Of a sync of a folder. EBADF and EISDIR: for some a folder is nothing that can be synced.
    pub(super) const FOLDER_SYNC: &[i32] = &[
        libc::EINVAL,
        libc::ENOSYS,
        libc::ENOTSUP,
        libc::EOPNOTSUPP,
        libc::EBADF,
        libc::EISDIR,
        libc::ENOTTY,
    ];
    /// Of a sync of a file.
    pub(super) const FILE_SYNC: &[i32] =
        &[libc::EINVAL, libc::ENOSYS, libc::ENOTSUP, libc::EOPNOTSUPP, libc::ENOTTY];
    /// Of a kernel lock. ENOLCK: the lock service of a network file system does not answer.
    pub(super) const LOCK: &[i32] =
        &[libc::ENOSYS, libc::ENOTSUP, libc::EOPNOTSUPP, libc::ENOLCK, libc::EINVAL];
    /// Of a second name. FAT and some others say EPERM; EMLINK: not even two.
    pub(super) const LINK: &[i32] =
        &[libc::EPERM, libc::ENOSYS, libc::ENOTSUP, libc::EOPNOTSUPP, libc::EMLINK];
}

/// Codes of `GetLastError()`: invalid function, not supported.
#[cfg(windows)]
mod numbers {
    pub(super) const FOLDER_SYNC: &[i32] = &[1, 50];
    pub(super) const FILE_SYNC: &[i32] = &[1, 50];
    pub(super) const LOCK: &[i32] = &[1, 50];
    pub(super) const LINK: &[i32] = &[1, 50];
}

fn is_one_of(error: &io::Error, numbers: &[i32]) -> bool {
    match error.raw_os_error() {
        Some(number) => numbers.contains(&number),
        None => error.kind() == io::ErrorKind::Unsupported,
    }
}

/// Whether a folder could not be synced because its file system cannot do that.
pub fn folder_sync(error: &io::Error) -> bool {
    is_one_of(error, numbers::FOLDER_SYNC)
}

/// Whether a file could not be synced because its file system cannot do that.
pub fn file_sync(error: &io::Error) -> bool {
    is_one_of(error, numbers::FILE_SYNC)
}

/// Whether a file could not be locked because its file system has no kernel locks.
pub fn lock(error: &io::Error) -> bool {
    is_one_of(error, numbers::LOCK)
}

/// Whether a file could not get a second name because its file system has none.
pub fn link(error: &io::Error) -> bool {
    is_one_of(error, numbers::LINK)
}
