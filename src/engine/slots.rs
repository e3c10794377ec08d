//! A map from ids to values that lie in one vector, in the order in which they came. So a new id touches little
//! memory: the table holds numbers only, and growing it reads no id. A slot keeps its number until it is removed.

use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock};

use hashbrown::{DefaultHashBuilder, HashTable};

/// An id, shared between the maps that hold it.
pub type Id = Arc<[u8]>;

/// The hash of an id, the same in all tables of a process: a caller that asks several of them hashes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdHash(u32);

impl IdHash {
    /// Hashes an id.
    #[inline]
    pub fn of(id: &[u8]) -> Self {
        static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);
        Self((HASHER.hash_one(id) >> 32) as u32)
    }

    /// As a table takes it, which goes by the lowest bits and the uppermost.
    pub fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

/// Values by id.
#[derive(Debug, Clone)]
pub struct Slots<T> {
    table: HashTable<Numbered>,
    slots: Vec<Option<Slot<T>>>,
    free: Vec<u32>,
}

/// The number of a slot, and the hash of its id. NOTE: in the table: so growing it goes through no slots.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    hash: IdHash,
    number: u32,
}

#[derive(Debug, Clone)]
struct Slot<T> {
    id: Id,
    value: T,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { table: HashTable::new(), slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.table.reserve(more, |known| known.hash.spread());
        self.slots.reserve(more);
    }

    /// The value of an id.
    pub fn get(&self, id: &[u8]) -> Option<&T> {
        self.get_hashed(id, IdHash::of(id))
    }

    /// As [`Slots::get`], with the hash of the id.
    pub fn get_hashed(&self, id: &[u8], hash: IdHash) -> Option<&T> {
        let Numbered { number, .. } = *self.table.find(hash.spread(), is(&self.slots, hash, id))?;
        self.at(number).map(|(_, value)| value)
    }

    /// The value of an id, to be changed, and the number of its slot.
    pub fn get_mut(&mut self, id: &[u8]) -> Option<(u32, &mut T)> {
        self.get_mut_hashed(id, IdHash::of(id))
    }

    /// As [`Slots::get_mut`], with the hash of the id.
    pub fn get_mut_hashed(&mut self, id: &[u8], hash: IdHash) -> Option<(u32, &mut T)> {
        let Numbered { number, .. } = *self.table.find(hash.spread(), is(&self.slots, hash, id))?;
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
        let hash = IdHash::of(&id);
        self.add_hashed(id, hash, value)
    }

    /// As [`Slots::add`], with the hash of the id.
    pub fn add_hashed(&mut self, id: Id, hash: IdHash, value: T) -> u32 {
        let slot = Some(Slot { id, value });
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
        self.table.insert_unique(hash.spread(), Numbered { hash, number }, |known| known.hash.spread());
        number
    }

    /// Adds ids that are not there, each once; `added` gets the number of each slot.
    pub fn add_all(&mut self, values: impl Iterator<Item = (Id, IdHash, T)>, mut added: impl FnMut(u32, &T)) {
        if !self.free.is_empty() {
            for (id, hash, value) in values {
                let number = self.add_hashed(id, hash, value);
                if let Some((_, value)) = self.at(number) {
                    added(number, value);
                }
            }
            return;
        }
        let Self { table, slots, .. } = self;
        let first = slots.len();
        let mut hashes = Vec::with_capacity(values.size_hint().0);
        // NOTE: the slots first, and the table behind: one by one, each slot would wait for the memory of the table.
        slots.extend(values.map(|(id, hash, value)| {
            hashes.push(hash);
            Some(Slot { id, value })
        }));
        table.reserve(hashes.len(), |known| known.hash.spread());
        for (hash, number) in hashes.into_iter().zip(first as u32..) {
            table.insert_unique(hash.spread(), Numbered { hash, number }, |known| known.hash.spread());
        }
        let new = slots.get(first..).unwrap_or_default();
        for (slot, number) in new.iter().flatten().zip(first as u32..) {
            added(number, &slot.value);
        }
    }

    /// Removes an id.
    pub fn remove(&mut self, id: &[u8]) -> Option<T> {
        let hash = IdHash::of(id);
        let found = self.table.find_entry(hash.spread(), is(&self.slots, hash, id)).ok()?;
        let (Numbered { number, .. }, _) = found.remove();
        self.free.push(number);
        self.slots.get_mut(number as usize)?.take().map(|slot| slot.value)
    }

    /// All of them, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, &T)> {
        self.slots.iter().flatten().map(|slot| (&slot.id, &slot.value))
    }
}

/// Whether a slot is that of an id. NOTE: the hash is compared first: slot and id lie elsewhere in memory.
fn is<'s, T>(slots: &'s [Option<Slot<T>>], hash: IdHash, id: &'s [u8]) -> impl Fn(&Numbered) -> bool + 's {
    move |known| {
        known.hash == hash
            && slots.get(known.number as usize).and_then(Option::as_ref).is_some_and(|slot| *slot.id == *id)
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
