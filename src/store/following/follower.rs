//! How far a follower has come: the manifest that it read, the log that it entered, and whether records may be out of place.

use super::chain::Entered;

/// The place of a follower.
#[derive(Clone, Default)]
pub(in crate::store) struct Follower {
    /// The manifest's file as it was read.
    text: Vec<u8>,
    /// Where a look that failed had come to, if that is not where the manifest in memory says.
    entered: Option<Entered>,
    /// A look that failed took a deletion back, whose record may stand elsewhere in the files.
    misplaced: bool,
}

impl Follower {
    /// Whether everything in memory is as the files say as long as the manifest has this text.
    pub(in crate::store) fn is_at(&self, text: &[u8]) -> bool {
        !self.misplaced && self.text == text
    }

    /// Whether the manifest that was read last has this text.
    pub(in crate::store) fn has_read(&self, text: &[u8]) -> bool {
        self.text == text
    }

    /// Takes note of the manifest that was read, which does not lead to another log.
    pub(in crate::store) fn read(&mut self, text: Vec<u8>) {
        self.text = text;
    }

    /// Takes note of the manifest that was read, whose log is the one that is followed.
    pub(in crate::store) fn arrive(&mut self, text: Vec<u8>) {
        self.text = text;
        self.entered = None;
    }

    /// Everything was loaded anew.
    pub(in crate::store) fn reloaded(&mut self) {
        self.entered = None;
        self.misplaced = false;
    }

    /// The log that was entered since the manifest was read.
    pub(in crate::store) fn entered(&self) -> Option<&Entered> {
        self.entered.as_ref()
    }

    /// Takes note of a log that is followed from now on.
    pub(in crate::store) fn enter(&mut self, entered: Entered) {
        self.entered = Some(entered);
    }

    /// Whether records may stand elsewhere in the files.
    pub(in crate::store) fn is_misplaced(&self) -> bool {
        self.misplaced
    }

    /// A look that failed took a deletion back.
    pub(in crate::store) fn misplace(&mut self) {
        self.misplaced = true;
    }
}
