//! Counts of what went wrong in all worlds together.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// A step failed, and has no effect.
    Clean,
    /// A step failed after it took effect.
    After,
    /// A step failed, and takes effect later.
    LateSent,
    /// ... and did.
    Late,
    /// A step is carried out twice.
    Twice,
    /// A step is not answered within the time limit.
    Silent,
    /// A step is never answered, and there is no time limit.
    SilentForEver,
    /// A log was shown as it was before its last append.
    Stale,
    /// A process died.
    Death,
    /// A clock jumped.
    Clock,
    /// A lock ran out under its holder.
    Stolen,
    /// A single writer was replaced while it was at work.
    Replaced,
    /// A second store was opened with an agentId in use.
    SameAgent,
}

const NAMES: [&str; 13] = [
    "failed cleanly",
    "failed after taking effect",
    "failed, to take effect later",
    "took effect late",
    "carried out twice",
    "unanswered within the limit",
    "never answered, without a limit",
    "answered from an older listing",
    "process died",
    "clock jumped",
    "lock ran out",
    "single writer replaced",
    "agentId taken over",
];

static COUNTS: [AtomicU64; 13] = [const { AtomicU64::new(0) }; 13];

pub fn count(fault: Fault) {
    COUNTS[fault as usize].fetch_add(1, Ordering::Relaxed);
}

pub fn counts() -> Vec<(&'static str, u64)> {
    NAMES.iter().zip(&COUNTS).map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect()
}
