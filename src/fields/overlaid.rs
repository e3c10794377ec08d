//! What the records say that stand above the snapshot, by key. Follows the records: each that has changed is looked at again
//! before an index is asked. One that cannot follow any more is made anew.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use crate::engine::{Engine, Id, Moment, Nearby};
use crate::query::{Definition, Keys, Range};

/// Keys of records above the snapshot, for several definitions.
pub struct Overlaid {
    definitions: Arc<[Definition]>,
    /// Up to which change of the records it has come.
    at: (u64, u64),
    /// For each definition the keys, and the records that have them.
    keys: Vec<BTreeSet<(Arc<[u8]>, Id)>>,
    /// For each definition, how many records are not plain: see [`Keys::is_plain`].
    odd: Vec<usize>,
    said: HashMap<Id, Box<[Own]>>,
}

/// The keys of a record in one index.
struct Own {
    keys: Box<[Arc<[u8]>]>,
    is_plain: bool,
}

/// A record, and a key of it.
pub type Said = (Arc<[u8]>, Id);

impl Overlaid {
    /// What a moment's records above the snapshot say. `at` is what was noted of changes then.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of(definitions: &Arc<[Definition]>, moment: &Moment, at: (u64, u64)) -> io::Result<Self> {
        let mut overlaid = Self {
            definitions: Arc::clone(definitions),
            at,
            keys: definitions.iter().map(|_| BTreeSet::new()).collect(),
            odd: vec![0; definitions.len()],
            said: HashMap::new(),
        };
        let mut texts = Nearby::of(moment.kept());
        for id in moment.overlaid_ids() {
            if let Some((_, text)) = moment.standing(&id)? {
                overlaid.add(&id, texts.read(&text)?);
            }
        }
        Ok(overlaid)
    }

    /// Looks at the records that have changed; `false` if it cannot follow, or there are more than `most`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn follow(&mut self, engine: &mut Engine, most: usize) -> io::Result<bool> {
        let Some(ids) = engine.touched().since(self.at) else { return Ok(false) };
        if ids.len() > most {
            return Ok(false);
        }
        let ids = ids.to_vec();
        for id in ids {
            self.remove(&id);
            if let Some(Some(text)) = engine.overlaid_text(&id) {
                self.add(&id, &text.read()?);
            }
        }
        self.at = engine.touched().now();
        engine.touched().forget();
        Ok(true)
    }

    /// Up to which change of the records it has come.
    pub fn at(&self) -> (u64, u64) {
        self.at
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Whether each record has one key in an index, which says all of its values.
    pub fn is_plain(&self, number: usize) -> bool {
        self.odd.get(number).is_none_or(|odd| *odd == 0)
    }

    /// Visits what stands in a range, in order, from the end on or not, until told to stop.
    pub fn visit(&self, number: usize, range: &Range, is_down: bool, visitor: &mut dyn FnMut(&Said) -> bool) {
        let Some(keys) = self.keys.get(number) else { return };
        let place = |key: &[u8]| -> Said { (key.into(), Id::default()) };
        let end = range.end().map_or(Bound::Unbounded, |end| Bound::Excluded(place(&end)));
        let mut within = keys.range((Bound::Included(place(&range.from)), end));
        while let Some(said) = if is_down { within.next_back() } else { within.next() } {
            if !visitor(said) {
                break;
            }
        }
    }

    fn add(&mut self, id: &Id, text: &[u8]) {
        let mut all = Vec::with_capacity(self.definitions.len());
        for (number, definition) in self.definitions.iter().enumerate() {
            let Keys { keys, is_plain } = definition.keys(id, text);
            let keys: Box<[Arc<[u8]>]> = keys.into_iter().map(Arc::from).collect();
            if let Some(tree) = self.keys.get_mut(number) {
                tree.extend(keys.iter().map(|key| (Arc::clone(key), Arc::clone(id))));
            }
            if let Some(odd) = self.odd.get_mut(number) {
                *odd += usize::from(!is_plain);
            }
            all.push(Own { keys, is_plain });
        }
        self.said.insert(Arc::clone(id), all.into());
    }

    fn remove(&mut self, id: &Id) {
        let Some(all) = self.said.remove(id) else { return };
        for ((own, tree), odd) in all.into_iter().zip(&mut self.keys).zip(&mut self.odd) {
            for key in own.keys {
                tree.remove(&(key, Arc::clone(id)));
            }
            *odd -= usize::from(!own.is_plain);
        }
    }
}
