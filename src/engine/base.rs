//! The current snapshot: an immutable file and an index over it (id hash -> offset, length), built in memory
//! while the file is read or written. Records are read by `read_at`, never mapped. The index holds no ids:
//! a lookup reads the record's line and compares, so a hash collision costs a read and nothing else.

use std::hash::BuildHasher;
use std::io;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::text::Text;
use crate::disk::{DiskFile, read_exact_at};
use crate::format::snapshot::parse_record;

/// Where a record's line is.
#[derive(Debug, Clone, Copy)]
struct Location {
    offset: u64,
    len: u32,
    tag: u32,
}

/// An immutable, indexed sequence of record lines.
pub struct Base {
    file: Option<Arc<dyn DiskFile>>,
    locations: Vec<Location>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// A record that was found in the base.
pub struct Found {
    /// Its position in snapshot order.
    pub position: u32,
    /// Where its value is.
    pub data: Text,
}

/// Builds the index of a [`Base`], record by record.
pub struct Builder {
    base: Base,
}

impl Base {
    /// A base without records.
    pub fn empty() -> Self {
        Self {
            file: None,
            locations: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.locations.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.locations.is_empty()
    }

    /// Looks a record up; costs one `pread` when the hash is there, none when it is not.
    ///
    /// # Errors
    /// Those of reading; `InvalidData` when the line is no record any more.
    pub fn find(&self, id: &[u8]) -> io::Result<Option<Found>> {
        let Some(file) = &self.file else { return Ok(None) };
        let tag = self.tag(id);
        for &position in self.table.iter_hash(spread(tag)) {
            let Some(location) = self.locations.get(position as usize) else { continue };
            if location.tag != tag {
                continue;
            }
            let line = read_exact_at(&**file, location.offset, location.len as usize)?;
            let record = parse_record(&line).map_err(|_| changed_underneath())?;
            if *record.id == *id {
                let data = Text::At {
                    file: Arc::clone(file),
                    offset: location.offset + record.data.start as u64,
                    len: record.data.len() as u32,
                };
                return Ok(Some(Found { position, data }));
            }
        }
        Ok(None)
    }

    /// A cursor that reads the lines from a position on, in order and in large blocks.
    pub fn lines(&self, from: usize) -> Lines<'_> {
        Lines { base: self, position: from, block: Vec::new(), block_start: 0 }
    }

    fn tag(&self, id: &[u8]) -> u32 {
        (self.hasher.hash_one(id) >> 32) as u32
    }
}

fn changed_underneath() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "snapshot record is not readable any more")
}

impl Builder {
    /// Begins an index over a file that is being read or written.
    pub fn new(file: Arc<dyn DiskFile>) -> Self {
        let mut base = Base::empty();
        base.file = Some(file);
        Self { base }
    }

    /// Adds the line of a record whose id is known to be new.
    pub fn push_new(&mut self, id: &[u8], offset: u64, len: usize) {
        self.insert(Location { offset, len: len as u32, tag: self.base.tag(id) });
    }

    /// Adds the line of a record. When the id was there before, the later line takes the earlier's
    /// position, as in a `Map`.
    ///
    /// # Errors
    /// Those of reading an earlier line with the same hash.
    pub fn push(&mut self, id: &[u8], offset: u64, len: usize) -> io::Result<()> {
        let location = Location { offset, len: len as u32, tag: self.base.tag(id) };
        if let Some(earlier) = self.base.find(id)? {
            if let Some(slot) = self.base.locations.get_mut(earlier.position as usize) {
                *slot = location;
            }
            return Ok(());
        }
        self.insert(location);
        Ok(())
    }

    fn insert(&mut self, location: Location) {
        let Base { locations, table, .. } = &mut self.base;
        let position = locations.len() as u32;
        locations.push(location);
        table.insert_unique(spread(location.tag), position, |&at| {
            locations.get(at as usize).map_or(0, |location| spread(location.tag))
        });
    }

    /// The finished index.
    pub fn finish(mut self) -> Base {
        self.base.locations.shrink_to_fit();
        self.base
    }
}

/// Makes a 64-bit hash of a tag, which is all that is kept when the table grows (Fibonacci hashing, Knuth
/// TAOCP 6.4).
fn spread(tag: u32) -> u64 {
    let product = u64::from(tag).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 29)
}

/// Reads record lines in snapshot order.
pub struct Lines<'a> {
    base: &'a Base,
    position: usize,
    block: Vec<u8>,
    block_start: u64,
}

/// How much is read at once.
const BLOCK: usize = 256 * 1024;

impl Lines<'_> {
    /// The next line, without its newline; `None` at the end.
    ///
    /// # Errors
    /// Those of reading.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(&Location { offset, len, .. }) = self.base.locations.get(self.position) else {
            return Ok(None);
        };
        let Some(file) = &self.base.file else { return Ok(None) };
        self.position += 1;
        let len = len as usize;
        let inside =
            |start: u64, block: &[u8]| offset >= start && offset + len as u64 <= start + block.len() as u64;
        if !inside(self.block_start, &self.block) {
            self.block.resize(BLOCK.max(len), 0);
            let mut filled = 0;
            while let Some(rest) = self.block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match file.read_at(rest, offset + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.block.truncate(filled);
            self.block_start = offset;
        }
        let from = (offset - self.block_start) as usize;
        match self.block.get(from..from + len) {
            Some(line) => Ok(Some(line)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Position of the line that comes next.
    pub fn position(&self) -> usize {
        self.position
    }
}
