//! Lock files for `acquireLock()` and `FsBackend`.

use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::catch::plain;
use super::tasks::Work;
use crate::disk::{Disk, OsDisk};
use crate::file_system::FileSystem;
use crate::lock::{HeldLock, Locking, OsProbe, acquire_with};
use crate::permissions::StoreDisk;
use crate::temporary;

/// What is accepted where there are no kernel locks.
pub(super) fn locking(by_pid: Option<bool>) -> Locking {
    if by_pid == Some(true) { Locking::Pid } else { Locking::Kernel }
}

/// A held lock file.
#[napi(custom_finalize)]
pub struct NativeLock {
    held: Arc<Mutex<Option<HeldLock>>>,
    descriptor: i32,
}

#[napi]
impl NativeLock {
    /// The descriptor; -1 where the system has none.
    #[napi(getter)]
    pub fn fd(&self) -> napi::Result<i32> {
        plain(|| self.descriptor)
    }

    /// Removes the file and gives the lock up.
    #[napi]
    pub fn release(&self) -> AsyncTask<Work> {
        let held = Arc::clone(&self.held);
        AsyncTask::new(Work::new(move || held.lock().take().map_or(Ok(()), HeldLock::release), |()| ()))
    }

    /// Gives the lock up and leaves the file.
    #[napi]
    pub fn close(&self) -> AsyncTask<Work> {
        let held = Arc::clone(&self.held);
        AsyncTask::new(Work::new(
            move || {
                if let Some(held) = held.lock().take() {
                    held.abandon();
                }
                Ok(())
            },
            |()| (),
        ))
    }
}

/// Takes the lock file `name` in a folder.
#[napi]
pub fn lock_acquire(root: String, name: String, by_pid: Option<bool>) -> AsyncTask<Work> {
    let locking = locking(by_pid);
    AsyncTask::new(Work::new(
        move || {
            let disk: Arc<dyn Disk> = Arc::new(StoreDisk);
            acquire_with(&disk, &PathBuf::from(root), &name, std::process::id(), locking, &OsProbe)
        },
        |held| NativeLock {
            descriptor: held.descriptor().unwrap_or(-1),
            held: Arc::new(Mutex::new(Some(held))),
        },
    ))
}

/// Removes the temporary files in a store's folders that no process holds.
#[napi]
pub fn temporary_remove_left(root: String, by_pid: Option<bool>) -> AsyncTask<Work> {
    let locking = locking(by_pid);
    AsyncTask::new(Work::new(
        move || {
            let root = PathBuf::from(root);
            temporary::remove_left(&FileSystem::new(Arc::new(OsDisk), &root, locking, true), &root);
            Ok(())
        },
        |()| (),
    ))
}
