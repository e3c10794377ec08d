//! The current snapshot: an immutable file and an index over it (id hash -> offset, length), in memory or in a
//! file of its own. Records are read by `read_at`, never mapped. The index holds no ids: a lookup reads the
//! record's line and compares, so a hash collision costs a read and nothing else.

mod lines;
mod paged;
mod table;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

pub use lines::Lines;
pub use paged::Paged;
use table::Table;

use super::text::Text;
use crate::disk::{DiskFile, read_exact_at};
use crate::format::index::Slot;
use crate::format::snapshot::parse_record;

/// An immutable, indexed sequence of record lines.
pub struct Base {
    file: Option<Arc<dyn DiskFile>>,
    hash: Hash,
    places: Places,
}

/// Where the lines are.
enum Places {
    Held(Table),
    Paged(Paged),
}

/// The keyed hash of ids: SipHash-1-3 (Aumasson, Bernstein 2012), so that nobody can choose ids that collide.
#[derive(Debug, Clone, Copy)]
pub struct Hash {
    key: [u64; 2],
}

impl Hash {
    /// A hash with a random key.
    pub fn random() -> Self {
        Self { key: [RandomState::new().hash_one(0), RandomState::new().hash_one(1)] }
    }

    /// The hash with this key.
    pub fn with_key(key: [u64; 2]) -> Self {
        Self { key }
    }

    /// The key.
    pub fn key(self) -> [u64; 2] {
        self.key
    }

    fn tag(self, id: &[u8]) -> u32 {
        let [k0, k1] = self.key;
        (SipHasher13::new_with_keys(k0, k1).hash(id) >> 32) as u32
    }
}

impl Base {
    /// A base without records.
    pub fn empty() -> Self {
        Self { file: None, hash: Hash::random(), places: Places::Held(Table::default()) }
    }

    /// A base whose index lies in a file.
    pub fn paged(file: Arc<dyn DiskFile>, paged: Paged) -> Self {
        Self { file: Some(file), hash: paged.hash(), places: Places::Paged(paged) }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        match &self.places {
            Places::Held(table) => table.slots().len(),
            Places::Paged(paged) => paged.records(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks a record up; costs one `pread` when the hash is there, and one more when the index lies in a file.
    /// When a page of that is damaged, the index is built anew in memory, once.
    ///
    /// # Errors
    /// Those of reading; `InvalidData` when the line is no record any more.
    pub fn find(&self, id: &[u8]) -> io::Result<Option<Text>> {
        let Some(file) = &self.file else { return Ok(None) };
        let tag = self.hash.tag(id);
        match &self.places {
            Places::Held(table) => find_among(file, table.with_tag(tag), id),
            Places::Paged(paged) => {
                let rebuilt = match paged.rebuilt() {
                    None => match paged.with_tag(tag) {
                        Some(slots) => return find_among(file, slots.into_iter(), id),
                        None => paged.rebuild(|| self.table())?,
                    },
                    Some(table) => table,
                };
                find_among(file, rebuilt.with_tag(tag), id)
            }
        }
    }

    /// A cursor that reads the lines from a place on, in order and in large blocks. The first place is 0, others
    /// are what [`Lines::place`] said.
    pub fn lines(&self, from: u64) -> Lines<'_> {
        Lines::new(self, from)
    }

    /// Where the lines are, in order, if the index is in memory.
    pub fn slots(&self) -> Option<&[Slot]> {
        match &self.places {
            Places::Held(table) => Some(table.slots()),
            Places::Paged(_) => None,
        }
    }

    /// The hash by which lines are found.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Where the first line begins that is no record; `None` if there is none.
    ///
    /// # Errors
    /// Those of reading.
    pub fn first_damaged(&self) -> io::Result<Option<u64>> {
        let mut lines = self.lines(0);
        while let Some((offset, line)) = lines.next_line()? {
            if parse_record(line).is_err() {
                return Ok(Some(offset));
            }
        }
        Ok(None)
    }

    /// The index in memory, from the lines themselves.
    fn table(&self) -> io::Result<Table> {
        let mut slots = Vec::with_capacity(self.len());
        let mut lines = self.lines(0);
        while let Some((offset, line)) = lines.next_line()? {
            let record = parse_record(line).map_err(|_| unreadable())?;
            slots.push(Slot { offset, len: line.len() as u32, tag: self.hash.tag(&record.id) });
        }
        Ok(Table::new(slots))
    }
}

fn find_among(
    file: &Arc<dyn DiskFile>,
    slots: impl Iterator<Item = Slot>,
    id: &[u8],
) -> io::Result<Option<Text>> {
    for slot in slots {
        let line = read_exact_at(&**file, slot.offset, slot.len as usize)?;
        let record = parse_record(&line).map_err(|_| unreadable())?;
        if *record.id == *id {
            return Ok(Some(Text::At {
                file: Arc::clone(file),
                offset: slot.offset + record.data.start as u64,
                len: record.data.len() as u32,
            }));
        }
    }
    Ok(None)
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "snapshot record is not readable any more")
}

/// Builds the index of a [`Base`], record by record.
pub struct Builder {
    file: Arc<dyn DiskFile>,
    hash: Hash,
    slots: Vec<Slot>,
}

impl Builder {
    /// Begins an index over a file that is being read or written.
    pub fn new(file: Arc<dyn DiskFile>) -> Self {
        Self { file, hash: Hash::random(), slots: Vec::new() }
    }

    /// Adds the line of a record.
    pub fn push(&mut self, id: &[u8], offset: u64, len: usize) {
        self.slots.push(Slot { offset, len: len as u32, tag: self.hash.tag(id) });
    }

    /// Where the lines are that were added.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The hash by which they are found.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The finished index, when no id was there twice.
    pub fn finish(self) -> Base {
        let Self { file, hash, slots } = self;
        Base { file: Some(file), hash, places: Places::Held(Table::new(slots)) }
    }

    /// The finished index, when ids may be there several times: then the last line takes the place of the
    /// first, as in a `Map`. Also says whether that happened.
    ///
    /// # Errors
    /// Those of reading lines with the same hash.
    pub fn finish_checked(self) -> io::Result<(Base, bool)> {
        let Self { file, hash, slots } = self;
        let same_id = |one: &Slot, other: &Slot| -> io::Result<bool> {
            let one = read_exact_at(&*file, one.offset, one.len as usize)?;
            let other = read_exact_at(&*file, other.offset, other.len as usize)?;
            let one = parse_record(&one).map_err(|_| unreadable())?;
            Ok(one.id == parse_record(&other).map_err(|_| unreadable())?.id)
        };
        let count = slots.len();
        let table = Table::checked(slots, same_id)?;
        let had_twice = table.slots().len() < count;
        Ok((Base { file: Some(file), hash, places: Places::Held(table) }, had_twice))
    }
}
