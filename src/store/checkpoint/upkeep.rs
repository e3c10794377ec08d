//! Work on the files of a store of which there is one at a time.

/// The work under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) enum Upkeep {
    /// None.
    #[default]
    None,
    /// A checkpoint, an archive, or a compaction of agents: the view is frozen.
    Checkpoint,
    /// A single writer deletes history, and no checkpoint begins.
    Prune,
}

impl Upkeep {
    /// Whether the view is frozen.
    pub(in crate::store) fn is_checkpoint(self) -> bool {
        self == Self::Checkpoint
    }

    /// Whether a checkpoint or a prune can begin.
    pub(in crate::store) fn is_free(self) -> bool {
        self == Self::None
    }
}
