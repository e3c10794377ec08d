//! Waiting for what another process holds: the one place that looks at a clock and sleeps, besides the lock
//! file's protocol. But for a moment, it is never called on the thread that runs JS, nor
//! under the store's mutex.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a lock is waited for before its holder counts as stopped, in seconds.
pub const SECONDS: u64 = 10;
const PAUSE: Duration = Duration::from_micros(500);
/// A pause that is made by a timer.
const SHORT: Duration = Duration::from_millis(2);
const MOMENT: Duration = Duration::from_micros(200);
/// The most that one pause counts for. A process that was itself stopped, or starved, while it waited has not
/// looked meanwhile: what it missed says nothing about the holder.
const PAUSE_COUNTS: Duration = Duration::from_millis(100);

/// A wait that ends.
pub struct Patience {
    left: Cell<Duration>,
    /// Since when the caller pauses elsewhere.
    paused: Cell<Option<Instant>>,
}

impl Patience {
    /// Waits up to `times` the usual time.
    pub fn new(times: u32) -> Self {
        Self::of(times * Duration::from_secs(SECONDS))
    }

    /// Waits up to a second, for what only saves time.
    pub fn short() -> Self {
        Self::of(Duration::from_secs(1))
    }

    /// Waits no longer than a thread may that must not wait.
    pub fn moment() -> Self {
        Self::of(MOMENT)
    }

    fn of(left: Duration) -> Self {
        Self { left: Cell::new(left), paused: Cell::new(None) }
    }

    /// The caller pauses elsewhere, until [`Patience::goes_on`].
    pub fn pauses_elsewhere(&self) {
        self.paused.set(Some(Instant::now()));
    }

    /// The caller is back. What it took to come back counts too: where the processors are busy, that is most of the time.
    pub fn goes_on(&self) {
        if let Some(since) = self.paused.take() {
            self.count(since.elapsed());
        }
    }

    /// Lets other threads have the processor, without a pause; `false` once the time is over.
    pub fn yields(&self) -> bool {
        self.wait(std::thread::yield_now)
    }

    /// Pauses; `false` once the time is over.
    pub fn pause(&self) -> bool {
        self.pause_for(PAUSE)
    }

    /// As [`Patience::pause`], for what is soon over.
    pub fn pause_shortly(&self) -> bool {
        self.pause_for(PAUSE / 5)
    }

    /// As [`Patience::pause`], for what takes long and is not looked at for nothing.
    pub fn pause_long(&self) -> bool {
        self.pause_for(20 * PAUSE)
    }

    /// As [`Patience::pause_long`], ever longer: each look at whether it is over costs the processor time, of which what is waited for
    /// may be in need.
    pub fn pause_longer(&self, times: u32) -> bool {
        self.pause_for(20 * PAUSE * (1 << times.min(3)))
    }

    /// How long it lasts still.
    #[cfg(test)]
    pub(crate) fn left(&self) -> Duration {
        self.left.get()
    }

    /// How long the caller is to pause elsewhere, as [`Patience::pause_longer`] would here; `None` once the time is over.
    pub fn next_pause(&self, times: u32) -> Option<Duration> {
        if self.left.get().is_zero() {
            return None;
        }
        let pause = 20 * PAUSE * (1 << times.min(3));
        self.count(pause);
        Some(pause)
    }

    /// As [`Patience::next_pause`], for what is soon over. The pause counts as long as it was.
    pub fn next_short_pause(&self) -> Option<Duration> {
        self.goes_on();
        if self.left.get().is_zero() {
            return None;
        }
        self.pauses_elsewhere();
        Some(SHORT)
    }

    fn pause_for(&self, pause: Duration) -> bool {
        self.wait(|| std::thread::sleep(pause))
    }

    fn wait(&self, wait: impl FnOnce()) -> bool {
        if self.left.get().is_zero() {
            return false;
        }
        let begun = Instant::now();
        wait();
        self.count(begun.elapsed());
        true
    }

    fn count(&self, passed: Duration) {
        self.left.set(self.left.get().saturating_sub(passed.min(PAUSE_COUNTS)));
    }
}

/// A pause of [`Patience::next_pause`], made here after all.
pub fn rest(pause: Duration) {
    std::thread::sleep(pause);
}

/// A short pause while another thread of this process finishes.
pub fn nap() {
    std::thread::sleep(PAUSE / 2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_a_holder_never_lets_go_ends_after_the_time() {
        let patience = Patience::new(1);
        patience.count(PAUSE_COUNTS);
        assert_eq!(patience.left.get(), Duration::from_secs(SECONDS) - PAUSE_COUNTS);
        for _ in 0..(Duration::from_secs(SECONDS).as_millis() / PAUSE_COUNTS.as_millis()) {
            patience.count(PAUSE_COUNTS);
        }
        assert!(!patience.pause());
    }

    #[test]
    fn a_pause_elsewhere_counts_as_long_as_it_was() {
        let patience = Patience::new(1);
        assert_eq!(patience.next_short_pause(), Some(SHORT));
        patience.paused.set(Instant::now().checked_sub(PAUSE_COUNTS / 2));
        assert_eq!(patience.next_short_pause(), Some(SHORT));
        assert!(patience.left() <= Duration::from_secs(SECONDS) - PAUSE_COUNTS / 2);
        // It was itself stopped.
        let before = patience.left();
        patience.paused.set(Instant::now().checked_sub(PAUSE_COUNTS * 5));
        patience.goes_on();
        assert_eq!(patience.left(), before - PAUSE_COUNTS);
        patience.goes_on();
        assert_eq!(patience.left(), before - PAUSE_COUNTS);
    }

    #[test]
    fn pause_this_process_was_stopped_meanwhile_looks_again() {
        let patience = Patience::new(1);
        patience.count(Duration::from_secs(3600));
        assert!(patience.pause());
    }
}
