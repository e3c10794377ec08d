//! How a lock file is won. If there is none, it is created, which fails if another process was faster. One that is
//! there is taken over in place, under its kernel lock, if its process is dead. Every answer of the disk
//! leads to an end or to a bounded number of new attempts, never to a spin.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{COMPACT_LOCK, HeldLock, Locking, ProcessProbe, leads_to};
use crate::disk::{Disk, DiskFile, OpenMode, lacks};
use crate::error::{NeedsLocks, Place};
use crate::{Error, Result};

/// How long a file without a pid is taken for one whose creator, a 0.8.1, is about to write it.
const WAITS: u32 = 100;
const WAIT: Duration = Duration::from_millis(20);
/// How often more one is looked at that another process of ours has just taken, until its pid is in it.
pub(super) const MORE_WAITS: u32 = 10;
/// How often the file may change under our hands. The first few times cost nothing, then a pause each.
pub(super) const RESTARTS: u32 = 100;
/// Longer than a process takes from its look at a stale file to its removal.
const SETTLING: Duration = Duration::from_millis(50);
/// `EBADF`.
const BAD_DESCRIPTOR: i32 = 9;
const RESTARTS_AT_ONCE: u32 = 5;
pub(super) const RESTART_PAUSE: Duration = Duration::from_millis(1);

/// One attempt at a time in this process: [`ProcessProbe::has_open`] counts the handles of a process, and
/// must not count those of other attempts.
static ATTEMPT: Mutex<()> = Mutex::new(());

/// Takes the lock file `name` in the folder `root`. Waits up to 2 s if the file holds no pid, so it is not
/// for a thread that must not block.
///
/// # Errors
/// `OPSLOG_LOCKED` if a process has it, this one included; `OPSLOG_IO` if the file or its folder cannot be
/// used, whatever the reason.
pub fn acquire(
    disk: &Arc<dyn Disk>,
    root: &Path,
    name: &str,
    pid: u32,
    probe: &dyn ProcessProbe,
) -> Result<HeldLock> {
    acquire_with(disk, root, name, pid, Locking::Kernel, probe)
}

/// As [`acquire`]. With [`Locking::Pid`], where the file system has no kernel locks, by the number in the file alone.
///
/// # Errors
/// As for [`acquire`]; `OPSLOG_UNSUPPORTED` without kernel locks, unless that is accepted.
pub fn acquire_with(
    disk: &Arc<dyn Disk>,
    root: &Path,
    name: &str,
    pid: u32,
    locking: Locking,
    probe: &dyn ProcessProbe,
) -> Result<HeldLock> {
    let contest = Contest { disk, root, name, path: root.join(name), pid, locking, probe };
    let mut waited = Waited::default();
    let mut settling = 0;
    let mut restarts = 0;
    loop {
        let outcome = {
            let _attempt = ATTEMPT.lock();
            contest.attempt(&waited)?
        };
        match outcome {
            Outcome::Won(lock) => match contest.settled(lock)? {
                Some(lock) => {
                    contest.remove_leftovers(&lock);
                    return Ok(lock);
                }
                None => restarts += 1,
            },
            Outcome::Taken(holder) => return Err(contest.locked(holder)),
            Outcome::Wait(_) if !probe.may_wait() => return Err(contest.busy()),
            Outcome::Wait(identity) if waited.identity == Some(identity) => {
                waited.times += 1;
                probe.sleep(WAIT);
            }
            // Another file than the one waited for: from the start, but not for ever.
            Outcome::Wait(identity) => {
                waited = Waited { identity: Some(identity), times: 0 };
                restarts += 1;
            }
            Outcome::Settling(holder) if settling == MORE_WAITS || !probe.may_wait() => {
                return Err(contest.locked(holder));
            }
            Outcome::Settling(_) => {
                settling += 1;
                probe.sleep(RESTART_PAUSE);
            }
            Outcome::Again => restarts += 1,
        }
        let most = if probe.may_wait() { RESTARTS } else { RESTARTS_AT_ONCE };
        if restarts > most {
            return Err(contest.busy());
        }
        if restarts > RESTARTS_AT_ONCE {
            probe.sleep(RESTART_PAUSE);
        }
    }
}

/// Removes a lock file whose holder is dead, if there is one. Best effort: it is taken over, and given back.
pub fn remove_stale(disk: &Arc<dyn Disk>, root: &Path, name: &str, pid: u32, probe: &dyn ProcessProbe) {
    if disk.info(&root.join(name)).is_ok() {
        let _ = acquire(disk, root, name, pid, probe);
    }
}

/// How often a file without a pid was looked at.
#[derive(Debug, Default)]
struct Waited {
    identity: Option<(u64, u64)>,
    times: u32,
}

impl Waited {
    fn is_over(&self, identity: (u64, u64), limit: u32) -> bool {
        self.identity == Some(identity) && self.times >= limit
    }
}

/// The process that has a lock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pid: u32,
    place: Place,
}

/// What became of an attempt to take a file's kernel lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KernelLock {
    Held,
    Busy,
    /// The file system has none, and that is accepted.
    Lacking,
}

pub(super) enum Outcome {
    Won(HeldLock),
    /// Another holder has it; its pid is 0 if the file does not tell.
    Taken(Holder),
    /// The file holds no pid yet.
    Wait((u64, u64)),
    /// Another process has it than the one whose pid is in it: it may be about to write its own.
    Settling(Holder),
    /// The file changed meanwhile.
    Again,
}

pub(super) struct Contest<'a> {
    pub(super) disk: &'a Arc<dyn Disk>,
    pub(super) root: &'a Path,
    pub(super) name: &'a str,
    pub(super) path: PathBuf,
    pub(super) pid: u32,
    pub(super) locking: Locking,
    pub(super) probe: &'a dyn ProcessProbe,
}

impl Contest<'_> {
    fn attempt(&self, waited: &Waited) -> Result<Outcome> {
        match self.disk.open(&self.path, OpenMode::ReadNoFollow) {
            Ok(file) => self.take_over(file, waited),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create(),
            Err(error) => Err(self.failed("open", error)),
        }
    }

    /// Takes over a file that is there, if its process is dead.
    fn take_over(&self, file: Arc<dyn DiskFile>, waited: &Waited) -> Result<Outcome> {
        let identity = self.identity(&*file)?;
        // Without the kernel lock, so that those who wait are not in each other's way.
        if self.read_pid(&*file)?.is_none() && !waited.is_over(identity, WAITS) {
            return Ok(Outcome::Wait(identity));
        }
        let (file, kernel_lock) = self.try_lock_found(file)?;
        if kernel_lock == KernelLock::Busy {
            return Ok(match self.read_pid(&*file)? {
                Some(pid) if self.has_open(pid, identity) => self.taken(pid, identity),
                Some(pid) => Outcome::Settling(self.holder(pid, identity)),
                None if waited.is_over(identity, WAITS + MORE_WAITS) => self.taken(0, identity),
                None => Outcome::Wait(identity),
            });
        }
        // Its holder may have removed it between our open and our lock.
        if self.identity(&*file)? != identity || !leads_to(&**self.disk, &self.path, identity)? {
            return Ok(Outcome::Again);
        }
        let pid = self.read_pid(&*file)?;
        // NOTE: asked before this process opens it for writing: only a holder that knows no kernel locks can have it open so.
        let is_held =
            file.is_open_for_writing().unwrap_or_else(|| pid.is_some_and(|pid| self.has_open(pid, identity)));
        if is_held {
            return Ok(self.taken(pid.unwrap_or(0), identity));
        }
        if kernel_lock == KernelLock::Lacking {
            // As 0.8.1 does. A process that has seen the same removes ours instead: see `settled`.
            return match self.disk.unlink(&self.path) {
                Ok(()) => self.create(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Outcome::Again),
                Err(error) => Err(self.failed("unlink", error)),
            };
        }
        let writable = self.open_to_write()?;
        if self.identity(&*writable)? != identity {
            return Ok(Outcome::Again);
        }
        self.overwrite(&*writable)?;
        self.confirm(file, identity, kernel_lock)
    }

    /// Won, if the path leads to the file that we have locked.
    pub(super) fn confirm(
        &self,
        file: Arc<dyn DiskFile>,
        identity: (u64, u64),
        kernel_lock: KernelLock,
    ) -> Result<Outcome> {
        Ok(match planted!("lock-without-inode-check") || leads_to(&**self.disk, &self.path, identity)? {
            true => Outcome::Won(HeldLock::new(self.disk, &self.path, identity, file, kernel_lock)),
            false => Outcome::Again,
        })
    }

    /// Whether a process lives and has the file open, as far as can be seen from here. A process in another container
    /// has another number there, if it has one here at all.
    fn has_open(&self, pid: u32, identity: (u64, u64)) -> bool {
        if !self.probe.is_alive(pid) {
            return false;
        }
        // NOTE: asked again: one that ends between the two questions cannot be looked into either.
        let unknown = || pid != self.pid && self.probe.is_alive(pid);
        self.probe.has_open(pid, identity).unwrap_or_else(unknown)
    }

    fn taken(&self, pid: u32, identity: (u64, u64)) -> Outcome {
        Outcome::Taken(self.holder(pid, identity))
    }

    /// The process that a held file names.
    fn holder(&self, pid: u32, identity: (u64, u64)) -> Holder {
        let place = match self.probe.has_open(pid, identity) {
            _ if pid == 0 => Place::Unknown,
            Some(false) => Place::Elsewhere,
            None if !self.probe.is_alive(pid) => Place::Elsewhere,
            _ if pid == self.pid => Place::ThisProcess,
            _ => Place::Here,
        };
        Holder { pid, place }
    }

    pub(super) fn identity(&self, file: &dyn DiskFile) -> Result<(u64, u64)> {
        file.info().map(|info| info.identity).map_err(|error| self.failed("fstat", error))
    }

    /// Tries to lock a file that was found, opened for reading. NFS and CIFS want a handle that can write.
    fn try_lock_found(&self, file: Arc<dyn DiskFile>) -> Result<(Arc<dyn DiskFile>, KernelLock)> {
        match file.try_lock() {
            Err(error) if error.raw_os_error() == Some(BAD_DESCRIPTOR) => {
                let writable = self.open_to_write()?;
                let kernel_lock = self.try_lock(&*writable)?;
                Ok((writable, kernel_lock))
            }
            tried => self.kernel_lock(tried).map(|kernel_lock| (file, kernel_lock)),
        }
    }

    /// A lock without a kernel lock may just have been removed by one that took over what was there before: time for that
    /// passes, and then it is looked whether the file is still there. Any other lock is held at once.
    fn settled(&self, lock: HeldLock) -> Result<Option<HeldLock>> {
        if lock.has_kernel_lock() {
            return Ok(Some(lock));
        }
        self.probe.sleep(SETTLING);
        Ok(if lock.is_still_ours()? { Some(lock) } else { None })
    }

    fn open_to_write(&self) -> Result<Arc<dyn DiskFile>> {
        self.disk.open(&self.path, OpenMode::ReadWrite).map_err(|error| self.failed("open", error))
    }

    pub(super) fn try_lock(&self, file: &dyn DiskFile) -> Result<KernelLock> {
        self.kernel_lock(file.try_lock())
    }

    fn kernel_lock(&self, tried: io::Result<bool>) -> Result<KernelLock> {
        match tried {
            Ok(true) => Ok(KernelLock::Held),
            Ok(false) => Ok(KernelLock::Busy),
            Err(error) if !lacks::lock(&error) => Err(self.failed("flock", error)),
            Err(_) if self.locking == Locking::Pid => Ok(KernelLock::Lacking),
            Err(source) => {
                let needed_by =
                    if self.name == COMPACT_LOCK { NeedsLocks::Agents } else { NeedsLocks::Writer };
                Err(Error::NoLocks { needed_by, path: self.path.clone(), source })
            }
        }
    }

    fn busy(&self) -> Error {
        Error::io("open", &self.path, io::ErrorKind::ResourceBusy.into())
    }

    fn locked(&self, Holder { pid, place }: Holder) -> Error {
        let path = self.path.clone();
        match self.name {
            COMPACT_LOCK => Error::CompactionLocked { path },
            _ => Error::Locked { pid, place, path },
        }
    }

    pub(super) fn failed(&self, syscall: &'static str, error: io::Error) -> Error {
        Error::io(syscall, &self.path, error)
    }
}
