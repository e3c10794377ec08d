//! What is known of checkpoints.

use super::departures::Departures;
use super::holding::Holding;
use super::upkeep::Upkeep;

/// The checkpoint that is due or under way, and what the last one left.
#[derive(Default)]
pub(in crate::store) struct Checkpoints {
    /// Operations before this one belong to a checkpoint that is due but has not begun.
    hidden: usize,
    pub(in crate::store) departures: Departures,
    pub(in crate::store) upkeep: Upkeep,
    snapshot_bytes: u64,
    /// Keeps the history from being pruned that is still read.
    pub(in crate::store) holding: Holding,
    /// So many operations at the end of the log no checkpoint takes along, see [`crate::store::Store::keep_undoable`].
    keep: usize,
}

impl Checkpoints {
    /// None is due. `snapshot_bytes`: how long the snapshot is that was loaded.
    pub(in crate::store) fn behind(departures: Departures, snapshot_bytes: u64) -> Self {
        Self { departures, snapshot_bytes, ..Self::default() }
    }

    /// Operations before this one belong to a checkpoint that is due but has not begun.
    pub(in crate::store) fn hidden(&self) -> usize {
        self.hidden
    }

    pub(in crate::store) fn set_hidden(&mut self, hidden: usize) {
        self.hidden = hidden;
    }

    /// The operations that are hidden go, with the checkpoint that they belong to.
    pub(in crate::store) fn take_hidden(&mut self) -> usize {
        std::mem::take(&mut self.hidden)
    }

    /// There are no more operations than these.
    pub(in crate::store) fn cut_hidden(&mut self, operations: usize) {
        self.hidden = self.hidden.min(operations);
    }

    /// How long the current snapshot is.
    pub(in crate::store) fn snapshot_bytes(&self) -> u64 {
        self.snapshot_bytes
    }

    pub(in crate::store) fn set_snapshot_bytes(&mut self, bytes: u64) {
        self.snapshot_bytes = bytes;
    }

    /// How many operations at the end of the log no checkpoint takes along.
    pub(in crate::store) fn keep(&self) -> usize {
        self.keep
    }

    pub(in crate::store) fn set_keep(&mut self, operations: usize) {
        self.keep = operations;
    }
}
