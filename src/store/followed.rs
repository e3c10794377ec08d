//! What another hand wrote, as the facade hears of it.

use crate::engine::{Id, Rank};
use crate::format::operation::{Line, public_text_into};

/// What became visible.
#[derive(Debug, Default)]
pub struct Followed {
    /// The operations, as a list of JSON texts separated by commas.
    pub operations: Vec<u8>,
    /// Records that changed, in order; those of undone operations too.
    pub changed: Vec<Id>,
    /// How many operations were taken back.
    pub undone: usize,
    /// Which, where agents write.
    pub removed: Vec<Rank>,
    /// Whether a deletion was among them.
    pub(super) undeleted: bool,
    /// Records changed that no operation tells of: look at everything anew.
    pub reloaded: bool,
    /// Whether records may stand elsewhere than where the operations alone would put them.
    pub reordered: bool,
    /// Whether `Store::renew` should follow.
    pub outdated: bool,
    /// Where malformed lines were skipped.
    pub skipped: Vec<u64>,
}

impl Followed {
    /// Whether there is nothing to hear of.
    pub fn is_empty(&self) -> bool {
        let is_same = self.operations.is_empty() && self.changed.is_empty() && self.undone == 0;
        is_same && self.removed.is_empty() && self.skipped.is_empty() && !self.departs()
    }

    fn departs(&self) -> bool {
        self.undeleted || self.reloaded || self.reordered || self.outdated
    }

    /// Adds what a second look brought.
    pub(super) fn append(&mut self, other: Self) {
        if !self.operations.is_empty() && !other.operations.is_empty() {
            self.operations.push(b',');
        }
        self.operations.extend(other.operations);
        self.changed.extend(other.changed);
        self.undone += other.undone;
        self.removed.extend(other.removed);
        self.undeleted |= other.undeleted;
        self.reloaded |= other.reloaded;
        self.reordered |= other.reordered;
        self.outdated |= other.outdated;
        self.skipped.extend(other.skipped);
    }

    pub(super) fn add(&mut self, bytes: &[u8], line: &Line<'_>) {
        if !self.operations.is_empty() {
            self.operations.push(b',');
        }
        public_text_into(&mut self.operations, bytes, line);
    }
}
