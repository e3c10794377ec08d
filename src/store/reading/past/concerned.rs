//! The records that operations behind a place of the history concern, and what is known of each. What an operation says may be a
//! *claim*: one further back may say otherwise.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::engine::Id;

/// What the operations behind the place say of a record.
pub(super) struct Known {
    /// Its value before the first of them; `None` where there was none.
    pub(super) before: Option<Vec<u8>>,
    /// The schema version of that value.
    pub(super) version: u32,
    /// An operation further back may say otherwise.
    pub(super) is_claim: bool,
    /// The snapshot may say otherwise.
    pub(super) is_unseen: bool,
    /// An archive took it out, to the segment of this note.
    pub(super) archived: Option<usize>,
    /// A later archive took a later value of it to the same segment.
    pub(super) is_overwritten: bool,
    /// Whether the record is there now, as the last operation on it says; `None` if that is to be looked for.
    pub(super) exists: Option<bool>,
}

impl Known {
    /// Puts what an earlier operation says in its place. Of whether the record is there now it says nothing.
    fn put_earlier(&mut self, earlier: Self) -> Self {
        std::mem::replace(self, Self { exists: self.exists, ..earlier })
    }

    /// What was claimed is settled: an operation before the place says what the value was.
    fn settle(&mut self, before: Option<Vec<u8>>) {
        (self.is_claim, self.is_unseen, self.archived, self.before) = (false, false, None, before);
    }
}

/// The records.
#[derive(Default)]
pub(super) struct Concerned {
    known: HashMap<Id, Known>,
    /// In the order in which they were come upon.
    order: Vec<Id>,
    claims: usize,
}

impl Concerned {
    /// Whether operations further back may say something else of a record.
    pub(super) fn has_claims(&self) -> bool {
        self.claims > 0
    }

    /// Takes what an operation says, or an archive, behind which nothing earlier was read.
    pub(super) fn put(&mut self, id: impl AsRef<[u8]> + Into<Id>, known: Known) {
        self.claims += usize::from(known.is_claim);
        match self.known.get_mut(id.as_ref()) {
            Some(later) => self.claims -= usize::from(later.put_earlier(known).is_claim),
            None => {
                let id: Id = id.into();
                self.order.push(Arc::clone(&id));
                self.known.insert(id, known);
            }
        }
    }

    /// Whether something is claimed of a record.
    pub(super) fn is_claimed(&self, id: &[u8]) -> bool {
        self.known.get(id).is_some_and(|known| known.is_claim)
    }

    /// Settles what is claimed of a record, if anything is. `version`: the schema version of the value, where that is known.
    pub(super) fn settle(&mut self, id: &[u8], before: Option<Vec<u8>>, version: Option<u32>) {
        let Some(known) = self.known.get_mut(id).filter(|known| known.is_claim) else { return };
        known.settle(before);
        known.version = version.unwrap_or(known.version);
        self.claims -= 1;
    }

    /// No operation confirms what agents knew: it was undone, and they did not know of that.
    pub(super) fn refuse_claims(&mut self) {
        for known in self.known.values_mut().filter(|known| known.is_claim && known.archived.is_none()) {
            known.is_claim = false;
            if !known.is_unseen {
                known.before = None;
            }
        }
    }

    /// What is known of each.
    pub(super) fn known(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// What is known of each, the last that was come upon first.
    pub(super) fn rev(&self) -> impl Iterator<Item = (&Id, &Known)> {
        self.order.iter().rev().filter_map(|id| Some((id, self.known.get(id)?)))
    }

    /// The records in the order in which they were come upon.
    pub(super) fn into_order(self) -> Vec<Id> {
        self.order
    }
}
