//! How a lock file comes to be: under a name of its own, complete and with its kernel lock, then by `link`
//! under the name that counts. And how the temporary files of those who died on the way are removed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::HeldLock;
use super::contest::{Contest, KernelLock, MORE_WAITS, Outcome, RESTART_PAUSE, RESTARTS};
use crate::disk::{DiskFile, OpenMode, lacks};
use crate::{Error, Result, layout};

impl Contest<'_> {
    /// Creates the file under another name, complete and locked, and gives it its own name.
    pub(super) fn create(&self) -> Result<Outcome> {
        let (temporary, file) = self.create_temporary()?;
        let outcome = self.fill_and_link(&temporary, file);
        // What stays after a failure is removed by the next who wins.
        let _ = self.disk.unlink(&temporary);
        match outcome {
            Err(error) if has_no_links(&error) => self.create_in_place(),
            outcome => outcome,
        }
    }

    fn create_temporary(&self) -> Result<(PathBuf, Arc<dyn DiskFile>)> {
        for _ in 0..RESTARTS {
            let temporary = layout::temporary(&self.path);
            match self.disk.open(&temporary, OpenMode::CreateNew) {
                Ok(file) => return Ok((temporary, file)),
                // Left by a dead process that had our pid.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.failed("open", error)),
            }
        }
        Err(self.failed("open", io::ErrorKind::AlreadyExists.into()))
    }

    fn fill_and_link(&self, temporary: &Path, file: Arc<dyn DiskFile>) -> Result<Outcome> {
        // A process that cleans up may look at it in this moment.
        let kernel_lock = self.try_lock(&*file)?;
        if kernel_lock == KernelLock::Busy {
            return Ok(Outcome::Again);
        }
        self.append_pid(&*file)?;
        let identity = self.identity(&*file)?;
        match self.disk.link(temporary, &self.path) {
            Ok(()) => self.confirm(file, identity, kernel_lock),
            Err(error) => match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => Ok(Outcome::Again),
                _ => Err(self.failed("link", error)),
            },
        }
    }

    /// For file systems without hard links: as 0.8.1 does it, so for a moment the file is there without pid
    /// and kernel lock, and others wait for the pid.
    fn create_in_place(&self) -> Result<Outcome> {
        let file = match self.disk.open(&self.path, OpenMode::CreateNew) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(Outcome::Again);
            }
            Err(error) => return Err(self.failed("open", error)),
        };
        let identity = self.identity(&*file)?;
        if let Err(error) = self.append_pid(&*file) {
            // Without a pid it would keep all other processes waiting.
            let _ = self.disk.unlink(&self.path);
            return Err(error);
        }
        for _ in 0..MORE_WAITS {
            let kernel_lock = self.try_lock(&*file)?;
            if kernel_lock != KernelLock::Busy {
                return self.confirm(file, identity, kernel_lock);
            }
            self.probe.sleep(RESTART_PAUSE);
        }
        Ok(Outcome::Again)
    }

    /// Removes the temporary files of processes that died in `create`.
    pub(super) fn remove_leftovers(&self, lock: &HeldLock) {
        let start = format!("{}.", self.name);
        let is_temporary = |name: &String| name.starts_with(&start) && layout::is_temporary(name);
        let names = self.disk.list(self.root).unwrap_or_default();
        for name in names.into_iter().filter(is_temporary) {
            let path = self.root.join(name);
            let Ok(file) = self.disk.open(&path, OpenMode::ReadWrite) else {
                continue;
            };
            // A second name of the lock file itself, or one that no process has locked.
            let second = file.info().is_ok_and(|info| info.identity == lock.identity);
            if second || file.try_lock().unwrap_or(false) {
                let _ = self.disk.unlink(&path);
            }
        }
    }
}

/// Whether a link failed because the file system has none.
fn has_no_links(error: &Error) -> bool {
    matches!(error, Error::Io { syscall: "link", source, .. } if lacks::link(source))
}
