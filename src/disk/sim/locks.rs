//! Kernel locks of one file, as `flock` has them: many handles share it, or one has it alone. A handle that
//! takes the lock again changes how it holds it.

use std::collections::BTreeSet;

/// The handles that have the lock.
#[derive(Debug, Clone, Default)]
pub(super) struct Holders {
    shared: BTreeSet<u64>,
    exclusive: Option<u64>,
}

impl Holders {
    pub(super) fn try_exclusive(&mut self, handle: u64) -> bool {
        let others_share = self.shared.iter().any(|&holder| holder != handle);
        if others_share || self.exclusive.is_some_and(|holder| holder != handle) {
            return false;
        }
        self.shared.remove(&handle);
        self.exclusive = Some(handle);
        true
    }

    pub(super) fn try_shared(&mut self, handle: u64) -> bool {
        if self.exclusive.is_some_and(|holder| holder != handle) {
            return false;
        }
        self.exclusive = None;
        self.shared.insert(handle);
        true
    }

    pub(super) fn release(&mut self, handle: u64) {
        self.shared.remove(&handle);
        self.exclusive = self.exclusive.filter(|&holder| holder != handle);
    }
}
