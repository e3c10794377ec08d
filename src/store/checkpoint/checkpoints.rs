//! What is known of checkpoints.

use super::departures::Departures;
use super::holding::Holding;
use super::upkeep::Upkeep;

/// The checkpoint that is due or under way, and what the last one left.
#[derive(Default)]
pub(in crate::store) struct Checkpoints {
    /// Operations before this one belong to a checkpoint that is due but has not begun.
    pub(in crate::store) hidden: usize,
    pub(in crate::store) departures: Departures,
    pub(in crate::store) upkeep: Upkeep,
    pub(in crate::store) snapshot_bytes: u64,
    /// Keeps the history from being pruned that is still read.
    pub(in crate::store) holding: Holding,
    /// So many operations at the end of the log no checkpoint takes along, see [`crate::store::Store::keep_undoable`].
    pub(in crate::store) keep: usize,
}
