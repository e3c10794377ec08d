//! Waiting for what another process holds: the one place that looks at a clock and sleeps, besides the lock
//! file's protocol. It is never called on the thread that runs JS, and never under the store's mutex.

use std::time::{Duration, Instant};

/// How long a lock is waited for before its holder counts as stopped, in seconds.
pub const SECONDS: u64 = 10;
const PAUSE: Duration = Duration::from_micros(500);

/// A wait that ends.
pub struct Patience {
    deadline: Instant,
}

impl Patience {
    /// Waits up to `times` the usual time.
    pub fn new(times: u32) -> Self {
        Self { deadline: Instant::now() + times * Duration::from_secs(SECONDS) }
    }

    /// Pauses; `false` once the time is over.
    pub fn pause(&self) -> bool {
        self.pause_for(PAUSE)
    }

    /// As [`Patience::pause`], for what takes long and is not looked at for nothing.
    pub fn pause_long(&self) -> bool {
        self.pause_for(20 * PAUSE)
    }

    fn pause_for(&self, pause: Duration) -> bool {
        let is_left = Instant::now() < self.deadline;
        if is_left {
            std::thread::sleep(pause);
        }
        is_left
    }
}

/// A short pause while another thread of this process finishes.
pub fn nap() {
    std::thread::sleep(PAUSE / 2);
}
