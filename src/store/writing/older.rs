//! What else must be durable for what is in the current log to count: the name of the manifest that was found, and logs that writes went to
//! before.

use std::path::Path;

use crate::wal::Unsynced;

/// Files and names that are still to be synced.
#[derive(Default)]
pub(in crate::store) struct Older(Vec<Unsynced>);

impl Older {
    /// The names of a folder: of the manifest that was found there.
    pub(in crate::store) fn names(root: &Path) -> Self {
        Self(vec![Unsynced::names(root)])
    }

    /// These are to be synced as well.
    pub(in crate::store) fn add(&mut self, more: impl IntoIterator<Item = Unsynced>) {
        self.0.extend(more);
    }

    /// The names of a folder are to be synced.
    pub(in crate::store) fn add_names(&mut self, root: &Path) {
        if !self.0.iter().any(|known| known.is_names(root)) {
            self.0.push(Unsynced::names(root));
        }
    }

    /// Takes them, to be synced.
    pub(in crate::store) fn take(&mut self) -> Vec<Unsynced> {
        std::mem::take(&mut self.0)
    }

    /// Why one of them can never be durable, if that is so.
    pub(in crate::store) fn why_lost(&self) -> Option<&str> {
        self.0.iter().find_map(Unsynced::why_lost)
    }

    /// Lets go of logs that count no more.
    pub(in crate::store) fn retain_logs(&mut self, counts: impl Fn(&Path) -> bool) {
        self.0.retain(|known| known.held_log().is_none_or(&counts));
    }
}
