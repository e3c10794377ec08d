//! An index in a file: a lookup reads one page. One that is not large is held in memory once much was looked up.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Hash, Table};
use crate::disk::{DiskFile, read_full_at};
use crate::format::index::{Header, PAGE, Search, Slot, page_offset};

/// An open index file.
pub struct Paged {
    file: Arc<dyn DiskFile>,
    header: Header,
    /// What takes the file's place once a page of it was found damaged.
    rebuilt: OnceLock<Table>,
    /// How many pages were read.
    reads: AtomicU32,
    /// All pages, if they are held.
    held: OnceLock<Vec<u8>>,
}

/// So many pages are held at most: 4 MB.
const MOST_HELD: u32 = 4096;
/// An index is held once one in so many of its pages was read, or as many pages as that.
const HELD_FROM: u32 = 8;
const FEWEST_READS: u32 = 64;

impl Paged {
    /// An index file whose header was read and fits.
    pub fn new(file: Arc<dyn DiskFile>, header: Header) -> Self {
        Self { file, header, rebuilt: OnceLock::new(), reads: AtomicU32::new(0), held: OnceLock::new() }
    }

    pub(super) fn hash(&self) -> Hash {
        Hash::with_key(self.header.key)
    }

    pub(super) fn records(&self) -> usize {
        self.header.records as usize
    }

    /// Where the second line begins.
    pub fn second(&self) -> u64 {
        self.header.second
    }

    /// Where the last line ends.
    pub(super) fn end(&self) -> u64 {
        self.header.source.len
    }

    /// Whether there can be a line in this place.
    pub(super) fn may_hold(&self, slot: Slot) -> bool {
        slot.offset.checked_add(u64::from(slot.len)).is_some_and(|end| end <= self.end())
    }

    /// Of a log: its length, number of operations, and of cuts.
    pub fn log(&self) -> (u64, usize, u64) {
        (self.header.source.len, self.header.operations as usize, self.header.cuts)
    }

    pub(super) fn rebuilt(&self) -> Option<&Table> {
        self.rebuilt.get()
    }

    pub(super) fn rebuild(&self, table: impl FnOnce() -> io::Result<Table>) -> io::Result<&Table> {
        let table = table()?;
        Ok(self.rebuilt.get_or_init(|| table))
    }

    /// The lines with this tag; `None` if a page is damaged or cannot be read.
    pub(super) fn with_tag(&self, tag: u32) -> Option<Vec<Slot>> {
        let mut bytes = [0; PAGE];
        let mut search = Search::new(tag, self.header.pages);
        while let Some(number) = search.page() {
            match self.held().and_then(|held| held.get(range_of(number))) {
                Some(held) => search.take(held)?,
                None => {
                    let read = read_full_at(&*self.file, &mut bytes, page_offset(number)).ok()?;
                    search.take(bytes.get(..read)?)?;
                }
            }
        }
        Some(search.found())
    }

    /// All pages, once so many were read that reading all costs little beside that.
    fn held(&self) -> Option<&Vec<u8>> {
        if let Some(held) = self.held.get() {
            return Some(held);
        }
        let pages = self.header.pages;
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        if pages > MOST_HELD || reads < FEWEST_READS.max(pages / HELD_FROM) {
            return None;
        }
        let mut bytes = vec![0; pages as usize * PAGE];
        let read = read_full_at(&*self.file, &mut bytes, page_offset(0)).ok()?;
        (read == bytes.len()).then(|| self.held.get_or_init(|| bytes))
    }
}

/// Where a page stands among all.
fn range_of(page: u32) -> Range<usize> {
    let start = page as usize * PAGE;
    start..start + PAGE
}
