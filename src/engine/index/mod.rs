//! Lines of a file, found by the ids in them: an index (id hash -> offset, length), in memory or in a file of its
//! own. It holds no ids: a lookup reads the line and compares, so a hash collision costs a read and nothing else.

mod ahead;
mod lines;
mod paged;
mod stream;
mod table;

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use siphasher::sip::SipHasher13;

use ahead::Ahead;
pub use lines::Lines;
pub use paged::Paged;
pub use stream::{Printing, Stream};
pub use table::Table;

use crate::damage::Damage;
use crate::disk::{DiskFile, read_exact_at};
use crate::format::index::Slot;
use crate::format::js_trim;

/// The keyed hash of ids: SipHash-1-3 (Aumasson, Bernstein 2012), so that no writer can choose ids that collide.
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

    /// The half of an id's hash that an index keeps.
    pub fn tag(self, id: &[u8]) -> u32 {
        let [k0, k1] = self.key;
        (SipHasher13::new_with_keys(k0, k1).hash(id) >> 32) as u32
    }
}

/// An indexed file of lines.
pub struct LineIndex {
    file: Arc<dyn DiskFile>,
    path: Arc<Path>,
    hash: Hash,
    places: Places,
    /// Of a file that nothing changes any more.
    ahead: Option<Mutex<Ahead>>,
}

/// Where the lines are.
enum Places {
    Held(Table),
    Paged {
        paged: Paged,
        /// Where the first line begins.
        from: u64,
    },
}

impl LineIndex {
    /// Lines whose places are in memory.
    pub fn held(file: Arc<dyn DiskFile>, path: Arc<Path>, hash: Hash, table: Table) -> Self {
        Self { file, path, hash, places: Places::Held(table), ahead: None }
    }

    /// Lines from an offset on whose places are in a file.
    pub fn paged(file: Arc<dyn DiskFile>, path: Arc<Path>, paged: Paged, from: u64) -> Self {
        Self { file, path, hash: paged.hash(), places: Places::Paged { paged, from }, ahead: None }
    }

    /// The same, of a file that nothing changes any more: where lookups follow each other in it, it is read ahead.
    pub fn read_ahead(self) -> Self {
        Self { ahead: Some(Mutex::default()), ..self }
    }

    fn read(&self, slot: Slot) -> io::Result<Vec<u8>> {
        match &self.ahead {
            Some(ahead) => ahead.lock().read(&*self.file, slot.offset, slot.len as usize),
            None => read_exact_at(&*self.file, slot.offset, slot.len as usize),
        }
    }

    /// The file with the lines.
    pub fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// Says that a line is damaged.
    pub fn damaged(&self, offset: u64, detail: &str) -> io::Error {
        Damage::error(&self.path, offset, detail)
    }

    fn places(&self) -> &Places {
        &self.places
    }

    /// Number of records: see [`Header`](crate::format::index::Header).
    pub fn records(&self) -> usize {
        match &self.places {
            Places::Held(table) => table.slots().len(),
            Places::Paged { paged, .. } => paged.records(),
        }
    }

    /// Where the lines are, in order, and the hash by which they are found, if that is in memory.
    pub fn slots(&self) -> Option<(Hash, &[Slot])> {
        match &self.places {
            Places::Held(table) => Some((self.hash, table.slots())),
            Places::Paged { .. } => None,
        }
    }

    /// Visits the lines that may hold an id; the visitor says whether a line does. When a page of the index is damaged, or
    /// leads to what is no such line or to one of an id that has another tag, the index does not fit the file: it is built
    /// anew in memory, once, by `id_of` each line.
    ///
    /// # Errors
    /// Those of reading and of the visitor, who says `InvalidData` for what is no line. `InvalidData` as well when an index
    /// in memory does not fit any more: the file was changed.
    pub fn visit(
        &self,
        id: &[u8],
        id_of: impl Fn(&[u8]) -> Option<Cow<'_, [u8]>>,
        mut visitor: impl FnMut(Slot, &[u8]) -> io::Result<bool>,
    ) -> io::Result<()> {
        let tag = self.hash.tag(id);
        let mut read = |slot: Slot| {
            let line = self.read(slot)?;
            let fits = visitor(slot, &line)? || id_of(&line).is_some_and(|id| self.hash.tag(&id) == tag);
            if fits {
                Ok(())
            } else {
                Err(self.damaged(slot.offset, "this line is another one than when it was indexed"))
            }
        };
        let paged = match &self.places {
            Places::Held(table) => return table.with_tag(tag).try_for_each(read),
            Places::Paged { paged, .. } => paged,
        };
        if let Some(table) = paged.rebuilt() {
            return table.with_tag(tag).try_for_each(read);
        }
        let slots = paged.with_tag(tag).filter(|slots| slots.iter().all(|slot| paged.may_hold(*slot)));
        let led_astray = match slots.map(|slots| slots.into_iter().try_for_each(&mut read)) {
            Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Some(error),
            Some(visited) => return visited,
            None => None,
        };
        match paged.rebuild(|| self.table(&id_of)) {
            Ok(table) => table.with_tag(tag).try_for_each(read),
            // It was not the index that was wrong.
            Err(error) => Err(led_astray.unwrap_or(error)),
        }
    }

    /// The index in memory, from the lines themselves.
    fn table(&self, id_of: impl Fn(&[u8]) -> Option<Cow<'_, [u8]>>) -> io::Result<Table> {
        // NOTE: how many there are only the index says, which may be what is wrong.
        let mut slots = Vec::new();
        let mut lines = Lines::new(Some(self), 0);
        while let Some((offset, line)) = lines.next_line()? {
            let trimmed = js_trim(line);
            // A log may have blank lines, and white space or a mark before its first one.
            if trimmed.is_empty() {
                continue;
            }
            let id = id_of(trimmed).ok_or_else(|| self.damaged(offset, "this line cannot be read"))?;
            let lead = trimmed.as_ptr() as u64 - line.as_ptr() as u64;
            slots.push(Slot { offset: offset + lead, len: trimmed.len() as u32, tag: self.hash.tag(&id) });
        }
        Ok(Table::new(slots))
    }
}
