//! The lock files `.lock` and `.compact-lock`: who may write to a folder. A file holds exactly the pid of its
//! holder, as 0.8.1 writes it, and the holder has a kernel lock on it, which dies with the process. So a file
//! without a kernel lock was left by a dead process, or belongs to a 0.8.1 that lives. It is never emptied
//! (0.8.1 takes an empty file for stale), and it never appears without its pid and its kernel lock. It does
//! not protect against a 0.8.1 that removes the file: before publishing, ask [`HeldLock::is_still_ours`].

mod content;
mod contest;
mod create;
mod probe;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use crate::disk::{Disk, DiskFile};
use crate::{Error, Result};
use contest::KernelLock;

pub use crate::layout::{COMPACT_LOCK, LOCK};
pub use contest::{acquire, acquire_with, remove_stale};
pub use probe::{HastyProbe, OsProbe, ProcessProbe};

/// What keeps a second writer out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Locking {
    /// Kernel locks, and nothing less.
    #[default]
    Kernel,
    /// Kernel locks where the file system has them; elsewhere the number in the file, as in 0.8.1.
    Pid,
}

/// A lock that this process holds. Dropping it releases it; [`HeldLock::release`] also says what failed.
pub struct HeldLock {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    identity: (u64, u64),
    /// `None` once released. The kernel lock lives as long as this handle.
    file: Option<Arc<dyn DiskFile>>,
    has_kernel_lock: bool,
}

impl HeldLock {
    fn new(
        disk: &Arc<dyn Disk>,
        path: &Path,
        identity: (u64, u64),
        file: Arc<dyn DiskFile>,
        kernel_lock: KernelLock,
    ) -> Self {
        let (disk, path) = (Arc::clone(disk), path.to_path_buf());
        let has_kernel_lock = kernel_lock == KernelLock::Held;
        Self { disk, path, identity, file: Some(file), has_kernel_lock }
    }

    /// Whether the kernel keeps others out, or the number in the file does.
    pub fn has_kernel_lock(&self) -> bool {
        self.has_kernel_lock
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's descriptor, where the system has such.
    pub fn descriptor(&self) -> Option<i32> {
        self.file.as_ref()?.descriptor()
    }

    /// Whether the lock file's path still leads to our file. Costs one system call.
    ///
    /// # Errors
    /// `OPSLOG_IO` if the system does not tell.
    pub fn is_still_ours(&self) -> Result<bool> {
        leads_to(&*self.disk, &self.path, self.identity)
    }

    /// Removes the file, if it still is ours, and then gives the kernel lock back: a process that waits for it
    /// finds that the file has lost its name.
    ///
    /// # Errors
    /// `OPSLOG_IO` if the file could not be removed; the kernel lock is given back all the same.
    pub fn release(mut self) -> Result<()> {
        self.let_go()
    }

    /// Gives the kernel lock back and leaves the file where it is.
    pub fn abandon(mut self) {
        self.file = None;
    }

    fn let_go(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let mut removed = Ok(());
        if self.is_still_ours()? {
            removed = match self.disk.unlink(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::io("unlink", &self.path, error))
                }
                _ => Ok(()),
            };
        }
        drop(file);
        removed
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // No caller could be told of a failure, and the kernel lock is gone either way.
        let _ = self.let_go();
    }
}

impl fmt::Debug for HeldLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLock").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Whether a path leads to the file with this identity.
fn leads_to(disk: &dyn Disk, path: &Path, identity: (u64, u64)) -> Result<bool> {
    match disk.info(path) {
        Ok(info) => Ok(info.identity == identity),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("lstat", path, error)),
    }
}
