//! What the lock protocol asks of the machine around it. A trait, so that tests have processes that live and
//! die as they like, and a time that passes at once.

use std::thread;
use std::time::Duration;

use crate::disk::process;

/// Other processes, and time.
pub trait ProcessProbe: Send + Sync {
    /// Whether a process with this number lives. One that may not be asked counts as alive.
    fn is_alive(&self, pid: u32) -> bool;
    /// Whether a process has the file with this identity open. For the asking process itself: whether it
    /// has it open twice, since it asks through a handle of its own. `None` where that cannot be told.
    fn has_open(&self, pid: u32, identity: (u64, u64)) -> Option<bool>;
    /// Lets time pass.
    fn sleep(&self, duration: Duration);
    /// Whether the caller has time. One that has none is refused where another would wait.
    fn may_wait(&self) -> bool {
        true
    }
}

/// The machine that this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsProbe;

impl ProcessProbe for OsProbe {
    fn is_alive(&self, pid: u32) -> bool {
        process::is_alive(pid)
    }

    fn has_open(&self, pid: u32, identity: (u64, u64)) -> Option<bool> {
        process::has_open(pid, identity)
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}

/// The same machine, for a caller that must not wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct HastyProbe;

impl ProcessProbe for HastyProbe {
    fn is_alive(&self, pid: u32) -> bool {
        OsProbe.is_alive(pid)
    }

    fn has_open(&self, pid: u32, identity: (u64, u64)) -> Option<bool> {
        OsProbe.has_open(pid, identity)
    }

    fn sleep(&self, duration: Duration) {
        OsProbe.sleep(duration);
    }

    fn may_wait(&self) -> bool {
        false
    }
}
