//! An index in memory: where the lines are, in order, and a hash table of their numbers.

use std::io;

use hashbrown::HashTable;

use crate::format::index::Slot;

/// Where lines are, by number and by tag.
#[derive(Default)]
pub struct Table {
    slots: Vec<Slot>,
    numbers: HashTable<u32>,
}

impl Table {
    /// A table of lines whose ids are all different.
    pub fn new(mut slots: Vec<Slot>) -> Self {
        slots.shrink_to_fit();
        let mut numbers = HashTable::with_capacity(slots.len());
        for (number, slot) in slots.iter().enumerate() {
            numbers.insert_unique(spread(slot.tag), number as u32, |&other| hash_of(&slots, other));
        }
        Self { slots, numbers }
    }

    /// A table in which the last of several lines with the same id has the place of the first.
    ///
    /// # Errors
    /// Those of `same_id`.
    pub fn checked(lines: Vec<Slot>, same_id: impl Fn(&Slot, &Slot) -> io::Result<bool>) -> io::Result<Self> {
        let mut slots: Vec<Slot> = Vec::with_capacity(lines.len());
        let mut numbers = HashTable::with_capacity(lines.len());
        for line in lines {
            let mut earlier = None;
            for &number in numbers.iter_hash(spread(line.tag)) {
                let Some(slot) = slots.get(number as usize) else { continue };
                if slot.tag == line.tag && same_id(slot, &line)? {
                    earlier = Some(number as usize);
                    break;
                }
            }
            if let Some(slot) = earlier.and_then(|number| slots.get_mut(number)) {
                *slot = line;
                continue;
            }
            numbers.insert_unique(spread(line.tag), slots.len() as u32, |&other| hash_of(&slots, other));
            slots.push(line);
        }
        slots.shrink_to_fit();
        Ok(Self { slots, numbers })
    }

    /// The lines in order.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The lines with this tag.
    pub fn with_tag(&self, tag: u32) -> impl Iterator<Item = Slot> {
        let slots = self.numbers.iter_hash(spread(tag)).filter_map(|&number| self.slots.get(number as usize));
        slots.filter(move |slot| slot.tag == tag).copied()
    }
}

fn hash_of(slots: &[Slot], number: u32) -> u64 {
    slots.get(number as usize).map_or(0, |slot| spread(slot.tag))
}

/// Makes a 64-bit hash of a tag, which is all that is kept when the table grows (Fibonacci hashing, Knuth
/// TAOCP 6.4).
fn spread(tag: u32) -> u64 {
    let product = u64::from(tag).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 29)
}
