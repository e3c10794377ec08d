//! An index in a file: a lookup reads one page. Nothing of it is held in memory.

use std::io;
use std::sync::{Arc, OnceLock};

use super::{Hash, Table};
use crate::disk::{DiskFile, read_full_at};
use crate::format::index::{Header, PAGE, Page, Slot, home, next_page, page_offset};

/// An open index file.
pub struct Paged {
    file: Arc<dyn DiskFile>,
    header: Header,
    /// What takes the file's place once a page of it was found damaged.
    rebuilt: OnceLock<Table>,
}

impl Paged {
    /// An index file whose header was read and fits.
    pub fn new(file: Arc<dyn DiskFile>, header: Header) -> Self {
        Self { file, header, rebuilt: OnceLock::new() }
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
        let mut found = Vec::new();
        let mut bytes = [0; PAGE];
        let mut number = home(tag, self.header.pages);
        for _ in 0..self.header.pages {
            let read = read_full_at(&*self.file, &mut bytes, page_offset(number)).ok()?;
            let page = Page::parse(bytes.get(..read)?, number).filter(|_| read == PAGE)?;
            found.extend(page.slots(tag));
            if !page.is_full() {
                break;
            }
            number = next_page(number, self.header.pages);
        }
        Some(found)
    }
}
