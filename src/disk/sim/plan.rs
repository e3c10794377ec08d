//! The script of failures at work: counts the calls, and decides whether and how far each is carried out.
//! Knows nothing of what is on the disk, and not what a crash leaves behind.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::counts::FaultCounts;
use super::fault::{CallKind, Fault, Times};

/// The error of every call after the process died.
#[derive(Debug)]
struct SimulatedCrash;

impl std::fmt::Display for SimulatedCrash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("simulated crash")
    }
}

impl std::error::Error for SimulatedCrash {}

fn crash_error() -> io::Error {
    io::Error::other(SimulatedCrash)
}

/// Whether this is the error of a call after the simulated crash.
pub fn is_simulated_crash(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<SimulatedCrash>())
}

/// How far a call is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Portion {
    All,
    Half,
    /// A random part; the number is the source of randomness.
    Random(u64),
}

/// What becomes of a call: how far it is carried out, and with what error it then fails.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) portion: Portion,
    pub(super) then: Option<io::Error>,
}

/// When the process dies.
#[derive(Debug, Clone)]
struct CrashPoint {
    changes_left: u64,
    /// Randomness for what happens of the last call, if it may happen in part.
    partly: Option<u64>,
}

/// The script of failures, and the counts of calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    calls: BTreeMap<CallKind, u64>,
    crash: Option<CrashPoint>,
    faults: Vec<Fault>,
    pub(super) crashed: bool,
}

impl Plan {
    pub(super) fn calls(&self, kind: CallKind) -> u64 {
        self.calls.get(&kind).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
        self.crash = None;
    }

    pub(super) fn crash_after(&mut self, changes: u64, partly: Option<u64>) {
        self.crash = Some(CrashPoint { changes_left: changes.max(1), partly });
    }

    /// Counts a call and says what becomes of it.
    pub(super) fn judge(
        &mut self,
        kind: CallKind,
        paths: &[&Path],
        counts: &mut FaultCounts,
    ) -> io::Result<Verdict> {
        if self.crashed {
            return Err(crash_error());
        }
        *self.calls.entry(kind).or_default() += 1;
        if kind.changes()
            && let Some(point) = &mut self.crash
        {
            point.changes_left -= 1;
            if point.changes_left == 0 {
                self.crashed = true;
                let Some(random) = point.partly else {
                    return Err(crash_error());
                };
                counts.partly_at_crash += 1;
                return Ok(Verdict { portion: Portion::Random(random), then: Some(crash_error()) });
            }
        }
        self.strike(kind, paths, counts)
    }

    fn strike(&mut self, kind: CallKind, paths: &[&Path], counts: &mut FaultCounts) -> io::Result<Verdict> {
        let mut struck = None;
        for (position, fault) in self.faults.iter_mut().enumerate() {
            let meant = fault.kinds.contains(&kind) && paths.iter().any(|path| fault.is_about(path));
            if meant {
                fault.nth = fault.nth.saturating_sub(1);
                if fault.nth == 0 && struck.is_none() {
                    struck = Some(position);
                }
            }
        }
        let all = Verdict { portion: Portion::All, then: None };
        let Some(position) = struck else {
            return Ok(all);
        };
        let Some(fault) = self.faults.get(position).cloned() else {
            return Ok(all);
        };
        if fault.times == Times::Once {
            self.faults.remove(position);
        }
        match fault.says {
            None => {
                counts.short_write += 1;
                Ok(Verdict { portion: Portion::Half, then: None })
            }
            Some(says) if fault.after_half => {
                counts.half_write += 1;
                Ok(Verdict { portion: Portion::Half, then: Some(says.error()) })
            }
            Some(says) => {
                counts.failed_call += 1;
                Err(says.error())
            }
        }
    }
}
