//! What another hand wrote, as the facade hears of it.

use std::path::{Path, PathBuf};

use crate::engine::Id;
use crate::format::operation::Kind;

/// A malformed line of a log that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The log.
    pub path: PathBuf,
    /// Where the line begins.
    pub offset: u64,
}

/// The lines of a log at these offsets.
pub(in crate::store) fn skipped_in(path: &Path, offsets: &[u64]) -> impl Iterator<Item = Skipped> {
    offsets.iter().map(|offset| Skipped { path: path.to_path_buf(), offset: *offset })
}

/// What became visible. The operations themselves are told by [`Store::take_tail`](crate::store::Store::take_tail).
#[derive(Debug, Default)]
pub struct Followed {
    /// The records of operations that were added behind all others, in order.
    pub applied: Vec<(Id, Kind)>,
    /// Records that changed otherwise.
    pub changed: Vec<Id>,
    /// How many operations were taken back.
    pub undone: usize,
    /// Whether a deletion was among them.
    pub(in crate::store) undeleted: bool,
    /// Records changed that no operation tells of: look at everything anew.
    pub reloaded: bool,
    /// Whether records may stand elsewhere than where the operations alone would put them.
    pub reordered: bool,
    /// Whether `Store::renew` should follow.
    pub outdated: bool,
    /// Malformed lines that were skipped.
    pub skipped: Vec<Skipped>,
}

impl Followed {
    /// Whether there is nothing to hear of.
    pub fn is_empty(&self) -> bool {
        let is_same = self.applied.is_empty() && self.changed.is_empty() && self.undone == 0;
        is_same && self.skipped.is_empty() && !self.departs()
    }

    fn departs(&self) -> bool {
        self.undeleted || self.reloaded || self.reordered || self.outdated
    }

    /// Adds what a second look brought.
    pub(in crate::store) fn append(&mut self, other: Self) {
        self.applied.extend(other.applied);
        self.changed.extend(other.changed);
        self.undone += other.undone;
        self.undeleted |= other.undeleted;
        self.reloaded |= other.reloaded;
        self.reordered |= other.reordered;
        self.outdated |= other.outdated;
        self.skipped.extend(other.skipped);
    }
}
