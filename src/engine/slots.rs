//! A map from ids to values that lie in one vector, in the order in which they came. So a new id touches little
//! memory: the table holds numbers only, and growing it reads no id. A slot keeps its number until it is removed.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

/// An id, shared between the maps that hold it.
pub type Id = Arc<[u8]>;

/// Values by id.
#[derive(Debug, Clone)]
pub struct Slots<T> {
    table: HashTable<u32>,
    slots: Vec<Option<Slot<T>>>,
    free: Vec<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Clone)]
struct Slot<T> {
    hash: u64,
    id: Id,
    value: T,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<T> Slots<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The value of an id.
    pub fn get(&self, id: &[u8]) -> Option<&T> {
        let hash = self.hasher.hash_one(id);
        let number = *self.table.find(hash, is(&self.slots, hash, id))?;
        self.at(number).map(|(_, value)| value)
    }

    /// The value of an id, to be changed, and the number of its slot.
    pub fn get_mut(&mut self, id: &[u8]) -> Option<(u32, &mut T)> {
        let hash = self.hasher.hash_one(id);
        let number = *self.table.find(hash, is(&self.slots, hash, id))?;
        let slot = self.slots.get_mut(number as usize)?.as_mut()?;
        Some((number, &mut slot.value))
    }

    /// The id and value in a slot.
    pub fn at(&self, number: u32) -> Option<(&Id, &T)> {
        let slot = self.slots.get(number as usize)?.as_ref()?;
        Some((&slot.id, &slot.value))
    }

    /// Adds an id that is not there, and returns the number of its slot.
    pub fn add(&mut self, id: Id, value: T) -> u32 {
        let hash = self.hasher.hash_one(&*id);
        let slot = Some(Slot { hash, id, value });
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(vacant) = self.slots.get_mut(number as usize) {
                    *vacant = slot;
                }
                number
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        let slots = &self.slots;
        let hash_of =
            |&number: &u32| slots.get(number as usize).and_then(Option::as_ref).map_or(0, |s| s.hash);
        self.table.insert_unique(hash, number, hash_of);
        number
    }

    /// Removes an id.
    pub fn remove(&mut self, id: &[u8]) -> Option<T> {
        let hash = self.hasher.hash_one(id);
        let slots = &self.slots;
        let found = self.table.find_entry(hash, is(slots, hash, id)).ok()?;
        let (number, _) = found.remove();
        self.free.push(number);
        self.slots.get_mut(number as usize)?.take().map(|slot| slot.value)
    }

    /// All of them, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, &T)> {
        self.slots.iter().flatten().map(|slot| (&slot.id, &slot.value))
    }
}

/// Whether a slot is that of an id. NOTE: the hash is compared first: the id lies elsewhere in memory.
fn is<'s, T>(slots: &'s [Option<Slot<T>>], hash: u64, id: &'s [u8]) -> impl Fn(&u32) -> bool + 's {
    move |&number| {
        let slot = slots.get(number as usize).and_then(Option::as_ref);
        slot.is_some_and(|slot| slot.hash == hash && *slot.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> Id {
        number.to_string().into_bytes().into()
    }

    #[test]
    fn what_was_added_is_found_until_it_is_removed() {
        let mut slots = Slots::default();
        for number in 0..1000 {
            slots.add(id(number), number);
        }
        for number in (0..1000).step_by(3) {
            assert_eq!(slots.remove(&id(number)), Some(number));
            assert_eq!(slots.remove(&id(number)), None);
        }
        for number in 0..1000 {
            assert_eq!(slots.get(&id(number)), (number % 3 != 0).then_some(&number));
        }
        assert_eq!(slots.len(), 666);
        assert_eq!(slots.iter().count(), 666);
    }

    #[test]
    fn a_slot_that_was_removed_is_used_again_and_the_others_keep_their_numbers() {
        let mut slots = Slots::default();
        let numbers: Vec<u32> = (0..10).map(|number| slots.add(id(number), number)).collect();
        slots.remove(&id(4));
        assert_eq!(slots.add(id(77), 77), numbers[4]);
        assert_eq!(slots.get_mut(&id(9)), Some((numbers[9], &mut 9)));
        assert_eq!(slots.at(numbers[4]), Some((&id(77), &77)));
    }
}
