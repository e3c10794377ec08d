//! The tree of an index over a snapshot: found by key, read leaf by leaf in either direction. Inner pages are kept once they were
//! read.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile, OpenMode, read_full_at};
use crate::engine::index::Hash;
use crate::format::index::checksum;
use crate::format::tree::{END, Entry, Header, PAGE, Source, child_at, entry_at, open_page, page_offset};
use crate::query::{Definition, Range};

/// The tree cannot be read, or is damaged: it is to be made again.
#[derive(Debug)]
pub struct Broken;

/// Why what stands in a tree cannot be had.
#[derive(Debug)]
pub enum Failed {
    /// The tree is damaged.
    Broken,
    /// Reading what it leads to failed.
    Io(io::Error),
}

impl From<Broken> for Failed {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A tree.
pub struct Tree {
    pages: Pages,
    header: Header,
    /// The first inner page, and those that were read.
    inner: (u32, Vec<OnceLock<Box<[u8]>>>),
    /// The leaf that was read last: either end of a range, and what stands between them, are often in one.
    last: Mutex<Option<(u32, Arc<Leaf>)>>,
}

enum Pages {
    File(Arc<dyn DiskFile>),
    Held(Vec<u8>),
}

/// Where an entry stands: its leaf, and its number there. Behind the last one of a leaf, the first of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The leaf.
    pub leaf: u32,
    /// The entry's number.
    pub number: usize,
}

/// A leaf that was read.
pub struct Leaf {
    page: Vec<u8>,
    starts: Vec<u16>,
}

impl Leaf {
    fn parse(page: Vec<u8>) -> Result<Self, Broken> {
        let (body, count) = count_of(&page).ok_or(Broken)?;
        let (mut starts, mut at) = (Vec::with_capacity(count), 0);
        for _ in 0..count {
            starts.push(at as u16);
            at = entry_at(body, at).ok_or(Broken)?.1;
        }
        Ok(Self { page, starts })
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// An entry.
    pub fn get(&self, number: usize) -> Option<Entry<'_>> {
        let at = usize::from(*self.starts.get(number)?);
        Some(entry_at(self.page.get(8..)?, at)?.0)
    }

    /// The number of the first entry from a key on; that of none if all are before.
    fn first_from(&self, key: &[u8]) -> usize {
        let before = |number: usize| self.get(number).is_some_and(|entry| entry.key < key);
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl Tree {
    /// The index in a file, if it is that of this definition and snapshot.
    pub fn open(
        disk: &dyn Disk,
        path: &Path,
        snapshot: &dyn DiskFile,
        definition: &Definition,
    ) -> Option<Self> {
        let file = disk.open(path, OpenMode::Read).ok()?;
        let mut page = vec![0; PAGE];
        let read = read_full_at(&*file, &mut page, 0).ok()?;
        let header = Header::parse(page.get(..read)?)?;
        let is_wanted = header.name == definition.name().as_bytes()
            && file.info().ok()?.len == header.file_len()
            && (source(snapshot).ok()? == header.source || planted!("tree-of-another-snapshot"));
        is_wanted.then(|| Self::new(Pages::File(file), header))
    }

    /// An index in memory: the pages behind its header.
    pub(super) fn held(pages: Vec<u8>, header: Header) -> Self {
        Self::new(Pages::Held(pages), header)
    }

    fn new(pages: Pages, header: Header) -> Self {
        let leaves = header.levels.first().copied().unwrap_or(0);
        let inner = header.pages().saturating_sub(u64::from(leaves)) as usize;
        let inner = (leaves, (0..inner).map(|_| OnceLock::new()).collect());
        Self { pages, header, inner, last: Mutex::new(None) }
    }

    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.header.entries
    }

    /// Whether each record has one key, which says all of its values: then the records stand in their order.
    pub fn is_plain(&self) -> bool {
        self.header.is_plain
    }

    /// The hash of ids.
    pub fn hash(&self) -> Hash {
        Hash::with_key(self.header.key)
    }

    /// How many leaves there are.
    pub fn leaves(&self) -> u32 {
        self.inner.0
    }

    /// Where the first entry from a key on stands.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn seek(&self, key: &[u8]) -> Result<At, Broken> {
        let (leaves, inner) = &self.inner;
        let mut page = leaves + inner.len() as u32 - u32::from(!inner.is_empty());
        if inner.is_empty() {
            page = 0;
        }
        for _ in 1..self.header.levels.len() {
            page = self.child_for(page, key)?;
            if page < *leaves {
                break;
            }
        }
        if page >= *leaves {
            return Err(Broken);
        }
        let number = self.leaf(page)?.first_from(key);
        Ok(At { leaf: page, number })
    }

    /// Where the first entry behind a range stands.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn seek_past(&self, range: &Range) -> Result<At, Broken> {
        match range.end() {
            Some(end) => self.seek(&end),
            None => Ok(At { leaf: self.leaves(), number: 0 }),
        }
    }

    /// About how many entries stand between two places.
    pub fn between(&self, from: At, to: At) -> u64 {
        let each = (self.entries() / u64::from(self.leaves().max(1))).max(1);
        let place = |at: At| u64::from(at.leaf) * each + (at.number as u64).min(each);
        if from.leaf == to.leaf {
            return to.number.saturating_sub(from.number) as u64;
        }
        place(to).saturating_sub(place(from))
    }

    /// A leaf, read if it is not the one that was read last.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn leaf(&self, page: u32) -> Result<Arc<Leaf>, Broken> {
        if let Some((_, leaf)) = self.last.lock().as_ref().filter(|(last, _)| *last == page) {
            return Ok(Arc::clone(leaf));
        }
        let leaf = Arc::new(Leaf::parse(self.read(page)?)?);
        *self.last.lock() = Some((page, Arc::clone(&leaf)));
        Ok(leaf)
    }

    /// The page below in which a key would first stand.
    fn child_for(&self, page: u32, key: &[u8]) -> Result<u32, Broken> {
        let (leaves, inner) = &self.inner;
        let kept = page.checked_sub(*leaves).and_then(|number| inner.get(number as usize)).ok_or(Broken)?;
        let bytes = match kept.get() {
            Some(bytes) => bytes,
            None => {
                let read = self.read(page)?;
                kept.get_or_init(|| read.into())
            }
        };
        let (body, count) = count_of(bytes).ok_or(Broken)?;
        let (mut at, mut found) = (0, None);
        for _ in 0..count {
            let ((first, child), next) = child_at(body, at).ok_or(Broken)?;
            // NOTE: entries of the same key may stand before the page whose first key it is.
            if found.is_some() && first >= key {
                break;
            }
            (found, at) = (Some(child), next);
        }
        found.filter(|child| *child < page).ok_or(Broken)
    }

    /// Reads a page and checks it.
    fn read(&self, page: u32) -> Result<Vec<u8>, Broken> {
        let bytes = match &self.pages {
            Pages::File(file) => {
                let mut bytes = vec![0; PAGE];
                let read = read_full_at(&**file, &mut bytes, page_offset(page)).map_err(|_| Broken)?;
                bytes.truncate(read);
                bytes
            }
            Pages::Held(pages) => {
                let at = page as usize * PAGE;
                return pages.get(at..at + PAGE).map(<[u8]>::to_vec).ok_or(Broken);
            }
        };
        if bytes.len() < PAGE || open_page(&bytes, page).is_none() {
            return Err(Broken);
        }
        Ok(bytes)
    }
}

/// The body and the number of entries of a page that was checked.
fn count_of(page: &[u8]) -> Option<(&[u8], usize)> {
    let count = u16::from_le_bytes(page.get(4..6)?.try_into().ok()?);
    Some((page.get(8..)?, usize::from(count)))
}

/// What tells a snapshot from another.
pub(super) fn source(file: &dyn DiskFile) -> std::io::Result<Source> {
    let len = file.info()?.len;
    let mut sums = [0; 2];
    for (sum, from) in sums.iter_mut().zip([0, len.saturating_sub(END)]) {
        let mut bytes = vec![0; END.min(len) as usize];
        let read = read_full_at(file, &mut bytes, from)?;
        *sum = checksum(&[bytes.get(..read).unwrap_or_default()]);
    }
    let [head, tail] = sums;
    Ok(Source { len, head, tail })
}
