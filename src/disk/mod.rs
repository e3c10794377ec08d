//! The one door to the file system. Everything that the store does to files goes through [`Disk`] and
//! [`DiskFile`], so that a simulated disk can tear, drop, reorder and fail each call. Implementations keep
//! no policy: no retries of failed syncs, no fall-backs, no messages.

mod memory;
mod os;
#[cfg(any(test, feature = "simulation"))]
pub mod sim;

pub use memory::MemoryFile;
pub use os::{OsDisk, errno, lacks, process};

use std::io;
use std::path::Path;
use std::sync::Arc;

/// How to open a file. No mode follows a symbolic link in the last component, except `Read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Existing file, reading only.
    Read,
    /// As `Read`, but a symbolic link or a folder is refused.
    ReadNoFollow,
    /// Existing file; appends go to its end, whatever its length is by then; can be read too.
    Append,
    /// Existing file for reading and writing at offsets.
    ReadWrite,
    /// A file that must not exist yet (`O_EXCL`); opened as `Append`.
    CreateNew,
}

impl OpenMode {
    /// Whether the file can be read only.
    pub fn is_read_only(self) -> bool {
        matches!(self, Self::Read | Self::ReadNoFollow)
    }
}

/// What the system knows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    /// Device and inode (on Windows: volume and file index): equal means the same file.
    pub identity: (u64, u64),
    /// Length in bytes.
    pub len: u64,
    /// Modification time in nanoseconds since the epoch.
    pub modified_ns: i128,
    /// Number of names that the file has; 0 once it is deleted.
    pub links: u64,
    /// Whether any write permission bit is set.
    pub writable: bool,
    /// Whether it is a file: no folder, link, pipe or device.
    pub is_file: bool,
}

/// A folder tree. All paths are absolute.
pub trait Disk: Send + Sync {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;
    /// Creates a file that is as open to others as another one is, where there are permissions.
    fn create_like(&self, path: &Path, _model: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open(path, OpenMode::CreateNew)
    }
    /// What a path leads to, without following a last symbolic link.
    fn info(&self, path: &Path) -> io::Result<FileInfo>;
    /// Renames, replacing what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name; fails if that name exists.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no order. Names that are not UTF-8 are left out: none of ours are.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Creates a folder and those above it; nothing happens if it exists.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable. Nothing happens on systems without such a call.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Names of what the file system was found to lack.
    fn lacks(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Reads at an offset; fewer bytes than asked for only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Appends; may write fewer bytes than given.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Overwrites at an offset, for files opened as `ReadWrite`; may write fewer bytes than given.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts or extends to a length.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Cuts a file that has the length `from` to another; does nothing and says `false` if it has not.
    fn cut(&self, from: u64, to: u64) -> io::Result<bool> {
        // NOTE: no system call does both. What another process appends between these two would be lost.
        if self.info()?.len != from {
            return Ok(false);
        }
        self.set_len(to).map(|()| true)
    }
    /// Where the last append through this handle ended.
    fn appended_to(&self) -> io::Result<u64>;
    /// Makes the content durable (`fdatasync`; macOS: `F_FULLFSYNC`).
    fn sync(&self) -> io::Result<()>;
    /// Asks the system to begin writing out what was written so far, so that a later [`DiskFile::sync`] has less to
    /// wait for. Promises nothing.
    fn begin_sync(&self) {}
    /// What the system knows of it.
    fn info(&self) -> io::Result<FileInfo>;
    /// Tries to take an exclusive kernel lock that dies with the process; `false` if another handle has it.
    fn try_lock(&self) -> io::Result<bool>;
    /// Tries to take a kernel lock that others may share; `false` if another handle has it exclusively.
    fn try_lock_shared(&self) -> io::Result<bool>;
    /// Gives the kernel lock of this handle back.
    fn unlock(&self) -> io::Result<()>;
    /// Whether some process of this machine has the file open for writing, whatever container it runs in. Asked through
    /// a handle that cannot write. `None` where the system does not tell.
    fn is_open_for_writing(&self) -> Option<bool> {
        None
    }
    /// The system's descriptor, for those who must show one.
    fn descriptor(&self) -> Option<i32> {
        None
    }
}

/// Writes all bytes to the end of a file, going on after short writes and interrupts.
///
/// # Errors
/// The first failure; how much was written by then is unknown to the caller, who must cut back.
pub fn append_all(file: &dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) if planted!("short-write-is-whole") => break,
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Overwrites bytes at an offset, going on after short writes and interrupts.
///
/// # Errors
/// The first failure, with how many bytes were written by then.
pub fn write_all_at(file: &dyn DiskFile, bytes: &[u8], offset: u64) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write_at(rest, offset + written as u64) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

/// Fills a buffer from an offset on. Returns how much of it was filled: less than all only at the file's end.
///
/// # Errors
/// The first failure that is no interrupt.
pub fn read_full_at(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads exactly `len` bytes at an offset.
///
/// # Errors
/// `UnexpectedEof` if the file ends before.
pub fn read_exact_at(file: &dyn DiskFile, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_exact_into(file, offset, len, &mut bytes)?;
    Ok(bytes)
}

/// As [`read_exact_at`], appending to a buffer.
///
/// # Errors
/// As for [`read_exact_at`]; nothing is appended then.
pub fn read_exact_into(file: &dyn DiskFile, offset: u64, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    // NOTE: what a damaged or a hostile file says that it holds may be more memory than there is.
    out.try_reserve(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    out.resize(start + len, 0);
    let failed = match read_full_at(file, out.get_mut(start..).unwrap_or_default(), offset) {
        Ok(read) if read == len => return Ok(()),
        Ok(_) => io::ErrorKind::UnexpectedEof.into(),
        Err(error) => error,
    };
    out.truncate(start);
    Err(failed)
}
