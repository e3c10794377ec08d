//! How much of the log its index file speaks of, and whether it may have another one.

/// What is known of the index of the log that is written.
#[derive(Debug)]
pub(in crate::store) struct Indexed {
    end: u64,
    /// Whether each line of the log is an operation: an index counts them.
    is_plain: bool,
}

impl Default for Indexed {
    fn default() -> Self {
        Self::up_to(0, true)
    }
}

impl Indexed {
    /// A log with an index up to here.
    pub(in crate::store) fn up_to(end: u64, is_plain: bool) -> Self {
        Self { end, is_plain }
    }

    /// Up to where the index speaks of the log; 0 without one.
    pub(in crate::store) fn end(&self) -> u64 {
        self.end
    }

    /// Whether the log may have an index.
    pub(in crate::store) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// An index up to here was written, or, with 0, is about to be removed.
    pub(in crate::store) fn set_end(&mut self, end: u64) {
        self.end = end;
    }

    /// The log may hold what is no operation.
    pub(in crate::store) fn note_mixed(&mut self) {
        self.is_plain = false;
    }
}
