//! How far a long piece of work has come: three numbers that the work sets and anybody may read at any time. It
//! promises nothing about what is seen together, and costs the work one store in memory per block.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing yet.
    Idle,
    /// A snapshot is read from one end to the other, in bytes.
    ReadSnapshot,
    /// A log is replayed, in bytes.
    ReadLog,
    /// Records are put into an archive segment, in records.
    Archive,
    /// A snapshot is written, in records.
    WriteSnapshot,
    /// Files are checked, in bytes.
    Verify,
}

impl Phase {
    /// Its name and unit.
    pub fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Idle => ("idle", "bytes"),
            Self::ReadSnapshot => ("read-snapshot", "bytes"),
            Self::ReadLog => ("read-log", "bytes"),
            Self::Archive => ("archive", "records"),
            Self::WriteSnapshot => ("write-snapshot", "records"),
            Self::Verify => ("verify", "bytes"),
        }
    }

    fn of(number: u8) -> Self {
        let all = [Self::ReadSnapshot, Self::ReadLog, Self::Archive, Self::WriteSnapshot, Self::Verify];
        all.into_iter().find(|phase| *phase as u8 == number).unwrap_or(Self::Idle)
    }
}

/// How far a piece of work has come.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Begins a phase with so much to do.
    pub fn begin(&self, phase: Phase, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Says how much of it is done.
    pub fn reach(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// Phase, what is done, and what there is to do. What is done is never more.
    pub fn read(&self) -> (Phase, u64, u64) {
        let total = self.total.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed).min(total);
        (Phase::of(self.phase.load(Ordering::Relaxed)), done, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_read_as_it_was_begun_and_never_beyond_its_end() {
        let progress = Progress::default();
        assert_eq!(progress.read(), (Phase::Idle, 0, 0));
        for phase in
            [Phase::ReadSnapshot, Phase::ReadLog, Phase::Archive, Phase::WriteSnapshot, Phase::Verify]
        {
            progress.begin(phase, 10);
            assert_eq!(progress.read(), (phase, 0, 10));
            progress.reach(7);
            assert_eq!(progress.read(), (phase, 7, 10));
            progress.reach(11);
            assert_eq!(progress.read(), (phase, 10, 10));
        }
    }
}
