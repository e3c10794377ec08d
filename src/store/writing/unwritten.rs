//! Changes that are in memory and in no file yet.

use super::change::Scratch;
use super::drafts::Drafts;

/// Operations in a buffer or a batch, and what is drafted behind them.
#[derive(Default)]
pub(in crate::store) struct Unwritten {
    /// Changes behind the operations, which are in no file yet either.
    pub(in crate::store) drafts: Drafts,
    /// Operations from this one on are in no file yet.
    pub(in crate::store) buffered: usize,
    /// Where the batch that is being put together begins.
    pub(in crate::store) batch: Option<usize>,
    /// Whether that batch is none of the user's, but changes that share a write.
    pub(in crate::store) shared: bool,
    /// The bytes that the lines of those take.
    pub(in crate::store) held_bytes: usize,
    /// Memory that is used again.
    pub(in crate::store) scratch: Scratch,
}
