//! What differs on Windows: identity and number of names need a handle, the lock is one byte far past the
//! end (the whole-file lock of `std` would keep others from reading the pid), a rename waits for names that are in use,
//! a deleted file that is open loses its name at once only if that is asked for, and the check for symbolic links is made before the open, so it does not hold against a racing hand.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{FileInfo, OpenMode};
pub(super) use super::windows_errno::errno;

const FILE_ATTRIBUTE_READONLY: u32 = 0x1;
const FILE_ATTRIBUTE_DIRECTORY: u32 = 0x10;
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const FILE_ADD_FILE: u32 = 0x2;
const SYNCHRONIZE: u32 = 0x0010_0000;
const DELETE: u32 = 0x0001_0000;
const FILE_DISPOSITION_INFO_EX: u32 = 21;
/// Delete, with the semantics of POSIX, files that are read-only too.
const DELETE_NAME_NOW: u32 = 0x1 | 0x2 | 0x10;
const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_SHARING_VIOLATION: i32 = 32;
/// Invalid function, access denied, invalid handle, not supported, invalid parameter.
const NO_FOLDER_SYNC: [i32; 5] = [1, ERROR_ACCESS_DENIED, 6, 50, 87];
/// Pauses of 1, 2, 4, ... ms, none longer than this: a reader that opens the name over and over leaves it free for moments only.
const LONGEST_PAUSE_MS: u64 = 32;
const LONGEST_WAIT_MS: u64 = 2000;
const LOCKFILE_FAIL_IMMEDIATELY: u32 = 0x1;
const LOCKFILE_EXCLUSIVE_LOCK: u32 = 0x2;
const ERROR_LOCK_VIOLATION: i32 = 33;
const ERROR_IO_PENDING: i32 = 997;
/// Between 1601, where Windows counts from, and 1970, in units of 100 ns.
const EPOCH_DISTANCE: i128 = 116_444_736_000_000_000;
/// Writing at this offset appends, as one step.
const END_OF_FILE: u64 = u64::MAX;
/// No file is this long, so the lock is in no reader's way.
const LOCKED_BYTE: u64 = 0x7fff_ffff_ffff_fffe;

#[repr(C)]
#[derive(Default)]
struct FileTime {
    low: u32,
    high: u32,
}

/// One struct: Windows fills it in.
#[repr(C)]
#[derive(Default)]
struct ByHandleFileInformation {
    attributes: u32,
    created: FileTime,
    accessed: FileTime,
    modified: FileTime,
    volume: u32,
    size_high: u32,
    size_low: u32,
    links: u32,
    index_high: u32,
    index_low: u32,
}

#[repr(C)]
struct Overlapped {
    internal: usize,
    internal_high: usize,
    offset_low: u32,
    offset_high: u32,
    event: *mut std::ffi::c_void,
}

#[allow(unsafe_code)] // The signatures are those of the Windows SDK; kernel32 is linked by std.
#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetFileInformationByHandle(
        file: *mut std::ffi::c_void,
        information: *mut ByHandleFileInformation,
    ) -> i32;
    fn LockFileEx(
        file: *mut std::ffi::c_void,
        flags: u32,
        reserved: u32,
        bytes_low: u32,
        bytes_high: u32,
        overlapped: *mut Overlapped,
    ) -> i32;
    fn UnlockFileEx(
        file: *mut std::ffi::c_void,
        reserved: u32,
        bytes_low: u32,
        bytes_high: u32,
        overlapped: *mut Overlapped,
    ) -> i32;
    fn SetFileInformationByHandle(
        file: *mut std::ffi::c_void,
        class: u32,
        information: *const std::ffi::c_void,
        size: u32,
    ) -> i32;
}

pub(super) fn open(path: &Path, mode: OpenMode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    match mode {
        OpenMode::Read => {}
        OpenMode::ReadNoFollow => refuse_link(path)?,
        // Not `append(true)`: such a handle cannot be cut to a length.
        OpenMode::Append | OpenMode::ReadWrite => {
            refuse_link(path)?;
            options.write(true);
        }
        OpenMode::CreateNew => {
            options.write(true).create_new(true);
        }
    }
    options.open(path)
}

fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path)?.file_type().is_symlink() {
        true => Err(io::Error::new(io::ErrorKind::InvalidInput, "refused to follow a symbolic link")),
        false => Ok(()),
    }
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

pub(super) fn append(file: &File, bytes: &[u8]) -> io::Result<usize> {
    file.seek_write(bytes, END_OF_FILE)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}

pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    lock_byte(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY)
}

pub(super) fn try_lock_shared(file: &File) -> io::Result<bool> {
    lock_byte(file, LOCKFILE_FAIL_IMMEDIATELY)
}

fn lock_byte(file: &File, flags: u32) -> io::Result<bool> {
    let mut place = locked_place();
    // SAFETY: the handle is open for as long as `file` is borrowed, and `place` outlives the call, which
    // is synchronous because the handle was not opened for overlapped work.
    #[allow(unsafe_code)]
    let locked = unsafe { LockFileEx(file.as_raw_handle().cast(), flags, 0, 1, 0, &mut place) };
    if locked != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}

pub(super) fn unlock(file: &File) -> io::Result<()> {
    let mut place = locked_place();
    // SAFETY: as for locking.
    #[allow(unsafe_code)]
    let unlocked = unsafe { UnlockFileEx(file.as_raw_handle().cast(), 0, 1, 0, &mut place) };
    if unlocked != 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn locked_place() -> Overlapped {
    Overlapped {
        internal: 0,
        internal_high: 0,
        offset_low: LOCKED_BYTE as u32,
        offset_high: (LOCKED_BYTE >> 32) as u32,
        event: std::ptr::null_mut(),
    }
}

/// Renames. A name that another program has open for a moment (a reader, a virus scanner, a share) refuses to be
/// replaced: then it tries again for about two seconds.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (mut pause_ms, mut waited_ms) = (1, 0);
    loop {
        match fs::rename(from, to) {
            Err(error) if is_in_use(&error) && waited_ms < LONGEST_WAIT_MS => {
                std::thread::sleep(Duration::from_millis(pause_ms));
                waited_ms += pause_ms;
                pause_ms = LONGEST_PAUSE_MS.min(pause_ms * 2);
            }
            renamed => return renamed,
        }
    }
}

/// Deletes a file. Its name goes at once, also while it is open: with `DeleteFileW` alone it stays until the last handle is
/// closed on older systems, and its folder can be neither deleted nor put back. File systems that lack the call have that.
pub(super) fn unlink(path: &Path) -> io::Result<()> {
    let file =
        OpenOptions::new().access_mode(DELETE).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
    // SAFETY: the handle is open for as long as `file` is, and the call reads one u32, which outlives it.
    #[allow(unsafe_code)]
    let deleted = unsafe {
        let information = std::ptr::from_ref(&DELETE_NAME_NOW).cast();
        SetFileInformationByHandle(file.as_raw_handle().cast(), FILE_DISPOSITION_INFO_EX, information, 4)
    };
    drop(file);
    if deleted != 0 { Ok(()) } else { fs::remove_file(path) }
}

fn is_in_use(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION | ERROR_LOCK_VIOLATION))
}

/// Creates a file: permissions are those of its folder.
pub(super) fn create_like(path: &Path, _: &[PathBuf]) -> io::Result<File> {
    open(path, OpenMode::CreateNew)
}

/// `FlushFileBuffers`.
pub(super) fn sync(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// Writes the journal of the file system, and so the names in a folder. FAT and some network shares have no such call
/// for folders, and say so in different words.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let opened = OpenOptions::new()
        .access_mode(FILE_ADD_FILE | SYNCHRONIZE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(folder);
    match opened.and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.raw_os_error(), Some(code) if NO_FOLDER_SYNC.contains(&code)) => Ok(()),
        synced => synced,
    }
}

pub(super) fn info_of_path(path: &Path) -> io::Result<FileInfo> {
    let file = OpenOptions::new()
        .access_mode(0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    info_of_file(&file)
}

pub(super) fn info_of_file(file: &File) -> io::Result<FileInfo> {
    let mut found = ByHandleFileInformation::default();
    // SAFETY: the handle is open for as long as `file` is borrowed, and `found` is a writable structure of
    // the layout that the call fills.
    #[allow(unsafe_code)]
    let filled = unsafe { GetFileInformationByHandle(file.as_raw_handle().cast(), &mut found) };
    if filled == 0 {
        return Err(io::Error::last_os_error());
    }
    let wide = |high: u32, low: u32| (u64::from(high) << 32) | u64::from(low);
    let modified = i128::from(wide(found.modified.high, found.modified.low));
    Ok(FileInfo {
        identity: (u64::from(found.volume), wide(found.index_high, found.index_low)),
        len: wide(found.size_high, found.size_low),
        modified_ns: (modified - EPOCH_DISTANCE) * 100,
        links: u64::from(found.links),
        writable: found.attributes & FILE_ATTRIBUTE_READONLY == 0,
        is_file: found.attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT) == 0,
    })
}

/// Windows has handles, not descriptors.
pub fn descriptor(_: &File) -> Option<i32> {
    None
}

pub(super) fn begin_sync(_: &File) {}

/// Windows does not tell.
pub(super) fn is_open_for_writing(_: &File) -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlink_of_a_file_that_is_open_frees_its_name_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "text").unwrap();
        let file = open(&path, OpenMode::Read).unwrap();
        unlink(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(read_at(&file, &mut [0; 8], 0).unwrap(), 4);
        fs::write(&path, "another").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another");
    }

    #[test]
    fn unlink_of_what_is_not_there_or_is_a_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = unlink(&folder.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(unlink(folder.path()).is_err());
        assert!(folder.path().is_dir());
    }
}
