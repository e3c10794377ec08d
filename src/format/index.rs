//! The index file of a snapshot or a log: a header page, then a hash table in pages. Each page has a checksum that
//! covers its number, so that a lost, stale or misplaced page is noticed when it is read. A page that is full
//! says so, and what belongs there goes on in the next one.
//!
//! Invariant: the file is derived. Whatever is wrong with it, what it was made from says what is true.

mod pages;
mod search;

pub use pages::Pages;
pub use search::Search;

/// Size of a page, and of the header, in bytes.
pub const PAGE: usize = 1024;
/// How much of the end of what is indexed the header speaks for.
pub const TAIL: u64 = 4096;

const FORMAT: u32 = 1;
/// Checksum, number of slots, whether the page is full, and which index it is a page of.
const PAGE_HEAD: usize = 16;
const SLOT: usize = 16;
const SLOTS: usize = (PAGE - PAGE_HEAD) / SLOT;
/// How many slots of a page are taken on average: then about one page in 500 overflows.
const FILLED: u64 = 44;

/// What lines are indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The records of a snapshot, each by its id.
    Snapshot,
    /// The operations of a log, for each id the last one.
    Log,
}

/// Which file, or which part of one, an index belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many bytes of it are indexed: of a snapshot all, of a log what was there.
    pub len: u64,
    /// Checksum of its first line, without the newline.
    pub head: u32,
    /// Checksum of the last [`TAIL`] of those bytes, and of as many where the last line begins, if that is before.
    pub tail: u32,
}

/// What the first page says.
///
/// One struct: its fields are those of a page on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What kind of file.
    pub kind: Kind,
    /// Which file.
    pub source: Fingerprint,
    /// The key of the hash.
    pub key: [u64; 2],
    /// Where the second line begins.
    pub second: u64,
    /// Where the last line begins.
    pub last: u64,
    /// Number of records: in a snapshot, or in the store once the operations are applied.
    pub records: u64,
    /// Of a log: number of operations.
    pub operations: u64,
    /// Of a log: how often it was cut.
    pub cuts: u64,
    /// Of a log: checksum of the name of the snapshot that it goes with.
    pub context: u32,
    /// Number of pages after the header.
    pub pages: u32,
}

/// Where a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length in bytes, without the newline.
    pub len: u32,
    /// The upper half of the id's hash.
    pub tag: u32,
}

/// A checksum (CRC-32, as in zlib).
pub fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

impl Header {
    /// The header page.
    pub fn print(&self) -> Vec<u8> {
        let mut page = magic(self.kind).to_vec();
        page.extend_from_slice(&FORMAT.to_le_bytes());
        page.extend_from_slice(&self.pages.to_le_bytes());
        let [k0, k1] = self.key;
        for number in [k0, k1, self.second, self.records, self.source.len] {
            page.extend_from_slice(&number.to_le_bytes());
        }
        page.extend_from_slice(&self.source.head.to_le_bytes());
        page.extend_from_slice(&self.source.tail.to_le_bytes());
        page.extend_from_slice(&self.operations.to_le_bytes());
        page.extend_from_slice(&self.cuts.to_le_bytes());
        page.extend_from_slice(&self.context.to_le_bytes());
        page.extend_from_slice(&self.last.to_le_bytes());
        page.resize(PAGE - 4, 0);
        let sum = checksum(&[&page]);
        page.extend_from_slice(&sum.to_le_bytes());
        page
    }

    /// Reads a header page; `None` if it is none, or damaged, or of another kind or format.
    pub fn parse(page: &[u8], kind: Kind) -> Option<Self> {
        let (body, sum) = page.split_at_checked(PAGE - 4)?;
        if sum != checksum(&[body]).to_le_bytes()
            || !body.starts_with(&magic(kind))
            || u32_at(body, 8)? != FORMAT
        {
            return None;
        }
        let header = Self {
            kind,
            pages: u32_at(body, 12)?,
            key: [u64_at(body, 16)?, u64_at(body, 24)?],
            second: u64_at(body, 32)?,
            records: u64_at(body, 40)?,
            source: Fingerprint { len: u64_at(body, 48)?, head: u32_at(body, 56)?, tail: u32_at(body, 60)? },
            operations: u64_at(body, 64)?,
            cuts: u64_at(body, 72)?,
            context: u32_at(body, 80)?,
            last: u64_at(body, 84)?,
        };
        (header.pages > 0).then_some(header)
    }

    /// Whether a page is whole and a header, only of a format that is not known here.
    pub fn is_of_another_format(page: &[u8]) -> bool {
        let Some((body, sum)) = page.split_at_checked(PAGE - 4) else { return false };
        let is_ours = [Kind::Snapshot, Kind::Log].iter().any(|kind| body.starts_with(&magic(*kind)));
        is_ours && sum == checksum(&[body]).to_le_bytes() && u32_at(body, 8) != Some(FORMAT)
    }

    /// What its pages have to tell them from those of another index: a part of the key, which is another one in each.
    pub fn seal(&self) -> u64 {
        let [seal, _] = self.key;
        seal
    }

    /// The length of the file that this header begins.
    pub fn file_len(&self) -> u64 {
        page_offset(self.pages)
    }
}

fn magic(kind: Kind) -> [u8; 8] {
    match kind {
        Kind::Snapshot => *b"opslogix",
        Kind::Log => *b"opslogwx",
    }
}

/// How many pages hold so many slots.
pub fn pages_for(slots: u64) -> u32 {
    u32::try_from(slots.div_ceil(FILLED).max(1)).unwrap_or(u32::MAX)
}

/// The page in which the search for a tag begins.
pub fn home(tag: u32, pages: u32) -> u32 {
    ((u64::from(tag) * u64::from(pages)) >> 32) as u32
}

/// The page in which it goes on.
pub fn next_page(page: u32, pages: u32) -> u32 {
    if page + 1 < pages { page + 1 } else { 0 }
}

/// Where a page begins in the file.
pub fn page_offset(page: u32) -> u64 {
    (u64::from(page) + 1) * PAGE as u64
}

/// A page that was read and is whole.
pub struct Page<'a> {
    slots: &'a [u8],
    is_full: bool,
    seal: u64,
}

impl<'a> Page<'a> {
    /// Reads a page; `None` if it is damaged.
    pub fn parse(bytes: &'a [u8], number: u32) -> Option<Self> {
        let (sum, body) = bytes.split_at_checked(4)?;
        let is_whole = sum == checksum(&[&number.to_le_bytes(), body]).to_le_bytes();
        if !is_whole && !planted!("index-page-unchecked") {
            return None;
        }
        let count = usize::from(u16::from_le_bytes(array(bytes, 4)?));
        let is_full = u16::from_le_bytes(array(bytes, 6)?) != 0;
        let seal = u64_at(bytes, 8)?;
        Some(Self { slots: bytes.get(PAGE_HEAD..PAGE_HEAD + count * SLOT)?, is_full, seal })
    }

    /// Whether it is a page of the index with this header, as far as it says so.
    pub fn is_of(&self, header: &Header) -> bool {
        [0, header.seal()].contains(&self.seal)
    }

    /// The slots with this tag.
    pub fn slots(&self, tag: u32) -> impl Iterator<Item = Slot> + 'a {
        let wanted = tag.to_le_bytes();
        let (slots, _) = self.slots.as_chunks::<SLOT>();
        slots.iter().filter(move |slot| slot.starts_with(&wanted)).filter_map(parse_slot)
    }

    /// All slots, and where in the page each begins.
    pub fn all(&self) -> impl Iterator<Item = (usize, Slot)> + 'a {
        let (slots, _) = self.slots.as_chunks::<SLOT>();
        let parsed = slots.iter().enumerate();
        parsed.filter_map(|(number, slot)| Some((PAGE_HEAD + number * SLOT, parse_slot(slot)?)))
    }

    /// Whether the search goes on in the next page.
    pub fn is_full(&self) -> bool {
        self.is_full
    }
}

fn parse_slot(slot: &[u8; SLOT]) -> Option<Slot> {
    Some(Slot { tag: u32_at(slot, 0)?, len: u32_at(slot, 4)?, offset: u64_at(slot, 8)? })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(n: u32) -> Slot {
        Slot { tag: n.wrapping_mul(0x9E37_79B9), len: n, offset: u64::from(n) * 100 }
    }

    #[test]
    fn a_damaged_lost_or_misplaced_page_is_noticed() {
        let bytes = Pages::new((0..100).map(slot).collect(), 0).whole();
        assert!(bytes.len() >= 2 * PAGE);
        assert!(Page::parse(&bytes[..PAGE], 0).is_some());
        assert!(Page::parse(&bytes[..PAGE], 1).is_none());
        assert!(Page::parse(&[0; PAGE], 0).is_none());
        for at in [0, 4, 5, 6, 16, 100, PAGE - 1] {
            let mut damaged = bytes[..PAGE].to_vec();
            damaged[at] ^= 1;
            assert!(Page::parse(&damaged, 0).is_none(), "{at}");
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_printed_and_refused_when_damaged() {
        let header = Header {
            kind: Kind::Log,
            source: Fingerprint { len: 1 << 40, head: 1, tail: 2 },
            key: [3, 4],
            second: 5,
            last: 11,
            records: 6,
            operations: 7,
            cuts: 8,
            context: 9,
            pages: 10,
        };
        let page = header.print();
        assert_eq!(page.len(), PAGE);
        assert_eq!(Header::parse(&page, Kind::Log), Some(header));
        assert_eq!(Header::parse(&page, Kind::Snapshot), None);
        for at in 0..PAGE {
            let mut damaged = page.clone();
            damaged[at] ^= 0x10;
            assert_eq!(Header::parse(&damaged, Kind::Log), None, "{at}");
        }
        assert_eq!(Header::parse(&page[..PAGE - 1], Kind::Log), None);
    }
}
