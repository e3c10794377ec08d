//! What differs on Unix: `O_NOFOLLOW`, positioned reads and writes, `flock`, folders that can be synced.

use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::super::{FileInfo, OpenMode};

pub(super) fn open(path: &Path, mode: OpenMode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    let opened = match mode {
        // A pipe of that name would be waited for until a process writes to it; to a file the flag means nothing.
        OpenMode::Read => options.custom_flags(libc::O_NONBLOCK),
        OpenMode::ReadNoFollow => options.custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW),
        OpenMode::Append => options.append(true).custom_flags(libc::O_NOFOLLOW),
        OpenMode::ReadWrite => options.write(true).custom_flags(libc::O_NOFOLLOW),
        OpenMode::CreateNew => {
            options.append(true).create_new(true).mode(0o666).custom_flags(libc::O_NOFOLLOW)
        }
    }
    .open(path)?;
    match mode == OpenMode::ReadNoFollow && opened.metadata()?.is_dir() {
        true => Err(io::Error::from_raw_os_error(libc::EISDIR)),
        false => Ok(opened),
    }
}

/// Creates a file with the permissions of the first of these that is a file, whatever the process's own mask is.
pub(super) fn create_like(path: &Path, models: &[PathBuf]) -> io::Result<File> {
    let found = models.iter().filter_map(|model| fs::symlink_metadata(model).ok()).find(Metadata::is_file);
    let Some(mode) = found.map(|found| found.mode() & 0o777) else { return open(path, OpenMode::CreateNew) };
    let mut options = OpenOptions::new();
    // NOTE: never wider than it is to be, not for a moment. The owner writes to it in any case.
    let mode = mode | 0o600;
    options.read(true).append(true).create_new(true).mode(mode).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(path)?;
    if file.metadata()?.mode() & 0o777 != mode {
        // Best effort: some file systems have one mode for all files.
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
    Ok(file)
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

pub(super) fn unlink(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Node's number for the system's: they are the same but for the sign.
pub(super) fn errno(code: i32) -> i32 {
    -code
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = File::open(folder)?;
    or_plain_sync(&folder, folder.sync_all())
}

/// `fdatasync`; on Apple systems `F_FULLFSYNC`, which also has the disk write its cache.
pub(super) fn sync(file: &File) -> io::Result<()> {
    or_plain_sync(file, file.sync_data())
}

/// Apple's file systems of other machines, and some drivers, know no `F_FULLFSYNC`, but do know `fsync`.
#[cfg(target_vendor = "apple")]
fn or_plain_sync(file: &File, synced: io::Result<()>) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    match synced {
        Err(error) if super::lacks::file_sync(&error) => {
            // SAFETY: the descriptor is open as long as `file` is borrowed, and nothing is passed by address.
            #[allow(unsafe_code)]
            let synced = unsafe { libc::fsync(file.as_raw_fd()) };
            match synced {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
        synced => synced,
    }
}

#[cfg(not(target_vendor = "apple"))]
fn or_plain_sync(_: &File, synced: io::Result<()>) -> io::Result<()> {
    synced
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

/// Numbers of the file systems on which a lease answers for every process of this kernel. Others refuse leases for
/// reasons of their own, or have writers on other machines: NFS, CIFS.
#[cfg(target_os = "linux")]
const ANSWERING: [u32; 9] = [
    0xEF53,      // ext2, ext3, ext4
    0x0102_1994, // tmpfs
    0x5846_5342, // XFS
    0x9123_683E, // Btrfs
    0x794C_7630, // overlayfs
    0xF2F5_2010, // F2FS
    0x2FC1_2FC1, // ZFS
    0x6573_5546, // FUSE, virtiofs
    0xCA45_1A4E, // bcachefs
];

/// Not in `libc`.
#[cfg(target_os = "linux")]
const F_SETSIG: libc::c_int = 10;

/// Asks for a lease for reading, which the kernel refuses while a process has the file open for writing, whatever
/// namespace that is in; and gives it back at once.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub(super) fn is_open_for_writing(file: &File) -> Option<bool> {
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(file);
    let mut system = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is open while `file` is borrowed, and the structure is filled if the call succeeds.
    let kind = unsafe {
        if libc::fstatfs(descriptor, system.as_mut_ptr()) != 0 {
            return None;
        }
        system.assume_init().f_type as u32
    };
    if !ANSWERING.contains(&kind) {
        return None;
    }
    // NOTE: an open for writing in the moment of the lease is told by a signal. SIGIO, the default, would end the process;
    // SIGURG is ignored by one that has no handler for it.
    // SAFETY: the calls take numbers only.
    let leased = unsafe {
        if libc::fcntl(descriptor, F_SETSIG, libc::SIGURG) != 0 {
            return None;
        }
        libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_RDLCK) == 0
    };
    if !leased {
        return (io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)).then_some(true);
    }
    // SAFETY: as above.
    unsafe { libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_UNLCK) };
    Some(false)
}

/// This system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_open_for_writing(_: &File) -> Option<bool> {
    None
}
