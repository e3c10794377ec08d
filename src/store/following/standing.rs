//! What is known of what others write.

use super::followed::Followed;
use super::follower::Follower;
use super::seen::Seen;
use super::tail_queue::TailQueue;
use crate::engine::Moments;

/// How far a store follows, and what it has still to tell.
#[derive(Default)]
pub(in crate::store) struct Following {
    /// For a store that follows: how far it has come.
    pub(in crate::store) follower: Follower,
    /// For a store that follows: the lines of the operations.
    pub(in crate::store) seen: Seen,
    /// What others wrote in logs that were left behind, and `tail()` has still to tell of.
    pub(in crate::store) tail_queue: TailQueue,
    /// What others read without the lock.
    pub(in crate::store) moments: Moments,
    /// What a write, or work on another thread, came upon that another hand wrote.
    foreign: Vec<Followed>,
}

impl Following {
    /// These lines were seen.
    pub(in crate::store) fn of_seen(seen: Seen) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Keeps what was come upon that another hand wrote for [`crate::store::Store::take_foreign`].
    pub(in crate::store) fn came_upon(&mut self, followed: Followed) {
        self.foreign.push(followed);
    }

    /// How often something was.
    pub(in crate::store) fn foreign(&self) -> usize {
        self.foreign.len()
    }

    /// Takes what was come upon since it was so often.
    pub(in crate::store) fn take_foreign(&mut self, since: usize) -> Vec<Followed> {
        if since == 0 {
            return std::mem::take(&mut self.foreign);
        }
        self.foreign.split_off(since.min(self.foreign.len()))
    }
}
