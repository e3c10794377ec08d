//! How far a long piece of work has come: three numbers that the work sets and any thread may read at any time. It
//! promises nothing about what is seen together, and costs the work one store in memory per block.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

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
    /// History is deleted, in files.
    Prune,
    /// A store is put together from what is sound of another, in bytes.
    Recover,
    /// A declared index is made, in records.
    BuildIndex,
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
            Self::Prune => ("prune", "files"),
            Self::Recover => ("recover", "bytes"),
            Self::BuildIndex => ("build-index", "records"),
        }
    }

    fn of(number: u8) -> Self {
        let reading = [Self::ReadSnapshot, Self::ReadLog, Self::Verify, Self::Recover];
        let writing = [Self::Archive, Self::WriteSnapshot, Self::Prune, Self::BuildIndex];
        let all = [reading.as_slice(), &writing].concat();
        all.into_iter().find(|phase| *phase as u8 == number).unwrap_or(Self::Idle)
    }
}

/// How far a piece of work has come.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
    abandoned: AtomicBool,
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

    /// Asks the work to stop where it can.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to stop.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
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
        let reading = [Phase::ReadSnapshot, Phase::ReadLog, Phase::Verify, Phase::Recover];
        for phase in reading.into_iter().chain([Phase::Archive, Phase::WriteSnapshot, Phase::Prune]) {
            progress.begin(phase, 10);
            assert_eq!(progress.read(), (phase, 0, 10));
            progress.reach(7);
            assert_eq!(progress.read(), (phase, 7, 10));
            progress.reach(11);
            assert_eq!(progress.read(), (phase, 10, 10));
        }
    }
}
