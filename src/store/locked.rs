//! The lock of a store's state. Invariant: what a panic has left half changed is not written to any more: a caller that
//! opens the store again finds what the log says, which is whole at every moment.

use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, MutexGuard};

use super::State;

/// The state, locked; what was drafted is applied, but for callers that ask for the drafts.
pub(super) struct Locked<'a>(MutexGuard<'a, State>);

impl<'a> Locked<'a> {
    pub(super) fn new(state: &'a Mutex<State>) -> Self {
        Self::drafting(state).applied()
    }

    /// What was drafted is not applied.
    pub(super) fn drafting(state: &'a Mutex<State>) -> Self {
        Self(state.lock())
    }

    fn applied(mut self) -> Self {
        self.apply();
        self
    }

    fn apply(&mut self) {
        if !self.0.unwritten.drafts.is_empty() {
            self.0.apply_drafts();
        }
    }

    /// `None` if another thread has the lock.
    pub(super) fn try_new(state: &'a Mutex<State>) -> Option<Self> {
        state.try_lock().map(|state| Self(state).applied())
    }

    /// Gives the lock up while a function runs.
    pub(super) fn unlocked<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let given = MutexGuard::unlocked(&mut self.0, run);
        self.apply();
        given
    }

    /// Lets another thread go first that waits for the lock.
    pub(super) fn bump(&mut self) {
        MutexGuard::bump(&mut self.0);
        self.apply();
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.0
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed.get_or_insert_with(|| "a defect of this package: a change panicked".to_owned());
        }
    }
}
