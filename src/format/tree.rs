//! The file of a declared index: a header page, then the pages of a tree that never changes. The leaves come first, in order, each
//! entry a key and where its record stands in the snapshot; above them, level by level, the first key of each page below; the
//! last page is the root. Each page has a checksum that covers its number.
//!
//! Invariant: the file is derived. Whatever is wrong with it, the snapshot says what is true.

use super::index::checksum;

/// Size of a page, and of the header, in bytes.
pub const PAGE: usize = 4096;
/// How much of either end of the snapshot the header speaks for.
pub const END: u64 = 4096;

const MAGIC: [u8; 8] = *b"opslogtx";
const FORMAT: u32 = 1;
/// Checksum, number of entries, and two bytes for later.
const PAGE_HEAD: usize = 8;

/// Which snapshot a tree belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its length in bytes.
    pub len: u64,
    /// Checksum of its first [`END`] bytes.
    pub head: u32,
    /// Checksum of its last [`END`] bytes.
    pub tail: u32,
}

/// What the first page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Which snapshot.
    pub source: Source,
    /// The key of the hash of ids.
    pub key: [u64; 2],
    /// How many entries there are.
    pub entries: u64,
    /// Whether each record has one key, which says all of its values.
    pub is_plain: bool,
    /// How many pages each level has, the leaves first.
    pub levels: Vec<u32>,
    /// What was declared: `{"unique":true}` or `{}`, and the name.
    pub name: Vec<u8>,
    /// Whether no two records may have the same values.
    pub is_unique: bool,
}

/// An entry of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where the record's line begins.
    pub offset: u64,
    /// The length of its line.
    pub len: u32,
    /// The upper half of the hash of its id.
    pub tag: u32,
}

impl Header {
    /// The header page.
    pub fn print(&self) -> Vec<u8> {
        let mut page = MAGIC.to_vec();
        page.extend_from_slice(&FORMAT.to_le_bytes());
        page.extend_from_slice(&[
            u8::from(self.is_plain),
            u8::from(self.is_unique),
            self.levels.len() as u8,
            0,
        ]);
        let [k0, k1] = self.key;
        for number in [k0, k1, self.entries, self.source.len] {
            page.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.source.head, self.source.tail].iter().chain(&self.levels) {
            page.extend_from_slice(&number.to_le_bytes());
        }
        page.extend_from_slice(&(self.name.len() as u32).to_le_bytes());
        page.extend_from_slice(&self.name);
        page.resize(PAGE - 4, 0);
        let sum = checksum(&[&page]);
        page.extend_from_slice(&sum.to_le_bytes());
        page
    }

    /// Reads a header page; `None` if it is none, or damaged, or of another format.
    pub fn parse(page: &[u8]) -> Option<Self> {
        let (body, sum) = page.split_at_checked(PAGE - 4)?;
        let is_whole = sum == checksum(&[body]).to_le_bytes() && body.starts_with(&MAGIC);
        if !is_whole || u32_at(body, 8)? != FORMAT {
            return None;
        }
        let &[is_plain, is_unique, count, _] = body.get(12..16)? else { return None };
        let levels: Option<Vec<u32>> =
            (0..usize::from(count)).map(|level| u32_at(body, 56 + 4 * level)).collect();
        let levels = levels.filter(|levels| levels.last() == Some(&1))?;
        let at = 56 + 4 * levels.len();
        let len = u32_at(body, at)? as usize;
        Some(Self {
            source: Source { len: u64_at(body, 40)?, head: u32_at(body, 48)?, tail: u32_at(body, 52)? },
            key: [u64_at(body, 16)?, u64_at(body, 24)?],
            entries: u64_at(body, 32)?,
            is_plain: is_plain != 0,
            levels,
            name: body.get(at + 4..at + 4 + len)?.to_vec(),
            is_unique: is_unique != 0,
        })
    }

    /// Whether a page is whole and a header, only of a format that is not known here.
    pub fn is_of_another_format(page: &[u8]) -> bool {
        let Some((body, sum)) = page.split_at_checked(PAGE - 4) else { return false };
        body.starts_with(&MAGIC) && sum == checksum(&[body]).to_le_bytes() && u32_at(body, 8) != Some(FORMAT)
    }

    /// How many pages come after the header.
    pub fn pages(&self) -> u64 {
        self.levels.iter().map(|&pages| u64::from(pages)).sum()
    }

    /// The length of the file that this header begins.
    pub fn file_len(&self) -> u64 {
        page_offset(self.pages() as u32)
    }
}

/// Where a page begins in the file.
pub fn page_offset(page: u32) -> u64 {
    (u64::from(page) + 1) * PAGE as u64
}

/// A page that is being filled.
#[derive(Default)]
pub struct Filling {
    body: Vec<u8>,
    count: u16,
}

impl Filling {
    /// Appends an entry of a leaf; says `false` if there is no room for it.
    pub fn push(&mut self, entry: &Entry<'_>) -> bool {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&entry.offset.to_le_bytes());
        place[8..12].copy_from_slice(&entry.len.to_le_bytes());
        place[12..].copy_from_slice(&entry.tag.to_le_bytes());
        self.push_bytes(entry.key, &place)
    }

    /// Appends the first key of a page below; says `false` if there is no room for it.
    pub fn push_child(&mut self, key: &[u8], page: u32) -> bool {
        self.push_bytes(key, &page.to_le_bytes())
    }

    fn push_bytes(&mut self, key: &[u8], rest: &[u8]) -> bool {
        if PAGE_HEAD + self.body.len() + 2 + key.len() + rest.len() > PAGE {
            return false;
        }
        self.body.extend_from_slice(&(key.len() as u16).to_le_bytes());
        self.body.extend_from_slice(key);
        self.body.extend_from_slice(rest);
        self.count += 1;
        true
    }

    /// Appends the page to `out`, and begins another.
    pub fn finish(&mut self, number: u32, out: &mut Vec<u8>) {
        let mut page = Vec::with_capacity(PAGE);
        page.extend_from_slice(&self.count.to_le_bytes());
        page.extend_from_slice(&[0; 2]);
        page.append(&mut self.body);
        page.resize(PAGE - 4, 0);
        self.count = 0;
        let sum = checksum(&[&number.to_le_bytes(), &page]);
        out.extend_from_slice(&sum.to_le_bytes());
        out.append(&mut page);
    }
}

/// The body of a page and the number of its entries; `None` if it is damaged.
pub fn open_page(bytes: &[u8], number: u32) -> Option<(&[u8], usize)> {
    let (sum, body) = bytes.split_at_checked(4)?;
    let is_whole = sum == checksum(&[&number.to_le_bytes(), body]).to_le_bytes();
    if !is_whole && !planted!("tree-page-unchecked") {
        return None;
    }
    let count = u16::from_le_bytes(body.get(..2)?.try_into().ok()?);
    Some((body.get(4..)?, usize::from(count)))
}

/// The entry of a leaf that begins at a place of the body, and where the next one does.
pub fn entry_at(body: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let (key, rest) = key_at(body, at)?;
    let entry = Entry {
        key,
        offset: u64_at(body, rest)?,
        len: u32_at(body, rest + 8)?,
        tag: u32_at(body, rest + 12)?,
    };
    Some((entry, rest + 16))
}

/// The first key of a page below and its number, and where the next one begins.
pub fn child_at(body: &[u8], at: usize) -> Option<((&[u8], u32), usize)> {
    let (key, rest) = key_at(body, at)?;
    Some(((key, u32_at(body, rest)?), rest + 4))
}

fn key_at(body: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let len = usize::from(u16::from_le_bytes(body.get(at..at + 2)?.try_into().ok()?));
    Some((body.get(at + 2..at + 2 + len)?, at + 2 + len))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_printed_and_refused_when_damaged() {
        let header = Header {
            source: Source { len: 1 << 40, head: 1, tail: 2 },
            key: [3, 4],
            entries: 5,
            is_plain: true,
            levels: vec![6, 1],
            name: b"a.b,c".to_vec(),
            is_unique: true,
        };
        let page = header.print();
        assert_eq!(page.len(), PAGE);
        assert_eq!(Header::parse(&page), Some(header));
        for at in 0..PAGE {
            let mut damaged = page.clone();
            damaged[at] ^= 0x10;
            assert_eq!(Header::parse(&damaged), None, "{at}");
        }
    }

    #[test]
    fn a_page_is_read_as_it_was_filled_and_refused_in_another_place() {
        let mut filling = Filling::default();
        let entry = Entry { key: b"key", offset: 7, len: 8, tag: 9 };
        let mut count = 0;
        while filling.push(&entry) {
            count += 1;
        }
        let mut page = Vec::new();
        filling.finish(3, &mut page);
        assert_eq!(page.len(), PAGE);
        let (body, found) = open_page(&page, 3).unwrap();
        assert_eq!(found, count);
        assert_eq!(entry_at(body, 0).unwrap().0, entry);
        assert!(open_page(&page, 4).is_none());
        page[2000] ^= 1;
        assert!(open_page(&page, 3).is_none());
    }
}
