//! Records in the order of a store: an update keeps the place, a deleted record that comes again stands at the end. Values stay
//! in their files.

use hashbrown::HashMap;

use crate::engine::{Id, Text};

/// A record.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: Id,
    pub(super) text: Text,
    /// The schema version of its value; 0 if that is not known.
    pub(super) version: u32,
}

/// Records by id, in their order.
#[derive(Default)]
pub(super) struct Records {
    places: HashMap<Id, usize>,
    rows: Vec<Option<Row>>,
    /// The schema version that most of them have.
    pub(super) version: u32,
}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn contains(&self, id: &[u8]) -> bool {
        self.places.contains_key(id)
    }

    pub(super) fn set(&mut self, id: &Id, text: Text, version: u32) {
        let row = Some(Row { id: Id::clone(id), text, version });
        match self.places.get(id).and_then(|place| self.rows.get_mut(*place)) {
            Some(known) => *known = row,
            None => {
                self.places.insert(Id::clone(id), self.rows.len());
                self.rows.push(row);
            }
        }
    }

    pub(super) fn delete(&mut self, id: &[u8]) {
        if let Some(row) = self.places.remove(id).and_then(|place| self.rows.get_mut(place)) {
            *row = None;
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }
}
