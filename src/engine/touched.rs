//! Which records have changed, for an index that follows them: ids in order, some more than once. What is forgotten before it was
//! asked for begins another history, so that a follower notices.

use std::sync::atomic::{AtomicU64, Ordering};

use super::slots::Id;

/// So many ids are kept at least.
const KEPT: usize = 4096;

/// The histories of all records: no two are the same.
static HISTORIES: AtomicU64 = AtomicU64::new(1);

/// The ids of records that have changed.
#[derive(Debug)]
pub struct Touched {
    is_noted: bool,
    history: u64,
    first: u64,
    ids: Vec<Id>,
}

impl Default for Touched {
    fn default() -> Self {
        Self { is_noted: false, history: next(), first: 0, ids: Vec::new() }
    }
}

impl Clone for Touched {
    /// A copy goes its own way.
    fn clone(&self) -> Self {
        Self { is_noted: self.is_noted, ..Self::default() }
    }
}

impl Touched {
    /// Begins to note them.
    pub fn begin(&mut self) {
        self.is_noted = true;
    }

    /// Notes one, of records of which so many are overlaid.
    pub(super) fn note(&mut self, id: &Id, overlaid: usize) {
        if !self.is_noted {
            return;
        }
        if self.ids.len() >= KEPT && self.ids.len() > 2 * overlaid {
            self.turn();
        }
        self.ids.push(Id::clone(id));
    }

    /// Any record may have changed.
    pub(super) fn turn(&mut self) {
        self.history = next();
        self.first = 0;
        self.ids = Vec::new();
    }

    /// Which history this is, and how many ids were noted in it.
    pub fn now(&self) -> (u64, u64) {
        (self.history, self.first + self.ids.len() as u64)
    }

    /// The ids that were noted since then; `None` if that is not known any more.
    pub fn since(&self, (history, from): (u64, u64)) -> Option<&[Id]> {
        let from = from.checked_sub(self.first).filter(|_| history == self.history)?;
        self.ids.get(from as usize..)
    }

    /// Forgets what all have asked for.
    pub fn forget(&mut self) {
        self.first += self.ids.len() as u64;
        self.ids.clear();
    }
}

fn next() -> u64 {
    HISTORIES.fetch_add(1, Ordering::Relaxed)
}
