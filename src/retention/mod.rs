//! What of a folder's history is kept, and what goes. Sealed logs go oldest first, so that what is left is always an unbroken
//! end of the history; superseded snapshots go with the history that they stand in. A log that a process holds, and every
//! later one, stays. Nothing here decides what is current: that is the manifest's.

mod deleting;
mod files;
mod hold;
mod plan;

pub use deleting::Deleting;
pub use files::{Found, Sealed, Superseded};
pub use hold::{Hold, remove_unless_held};
pub(crate) use plan::first_kept;
pub use plan::{Limits, Part, Plan, plan};

/// What was deleted, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}
