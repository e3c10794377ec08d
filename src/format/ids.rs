//! The index of the ids in a sealed log: for each operation the hash of its record's id, where its line begins, and where that of
//! the first operation of its batch does, sorted. A header, then blocks, each with a checksum that covers its number.
//!
//! Invariant: the file is derived. Whatever is wrong with it, the log says what is true.

use super::index::checksum;

/// Size of the header in bytes.
pub const HEADER: usize = 56;
/// Size of a block in bytes.
pub const BLOCK: usize = 2048;
/// How much of the end of the log the header speaks for.
pub const TAIL: u64 = 512;

const MAGIC: &[u8; 8] = b"opslogI2";
/// The upper half of the hash of an id, and two offsets.
const ENTRY: usize = 12;
const ENTRIES: usize = (BLOCK - 4) / ENTRY;
/// A log of more bytes has no such index.
pub const LARGEST: u64 = 1 << 30;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How many bytes the log has.
    pub len: u64,
    /// Checksum of its last [`TAIL`] bytes.
    pub tail: u32,
    /// The key of the hash.
    pub key: [u64; 2],
    /// Number of operations.
    pub count: u64,
}

/// An operation: the upper half of the hash of its id, where its line begins, and where that of the first operation of its batch
/// begins, or [`NO_BATCH`].
pub type Entry = (u32, u32, u32);

/// The operation is of no batch.
pub const NO_BATCH: u32 = u32::MAX;

impl Header {
    /// The header.
    pub fn print(&self) -> Vec<u8> {
        let [k0, k1] = self.key;
        let mut out = MAGIC.to_vec();
        for number in [self.len, k0, k1, self.count, u64::from(self.tail)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let sum = checksum(&[&out]);
        out.extend_from_slice(&u64::from(sum).to_le_bytes());
        out
    }

    /// Reads a header; `None` if it is none, or damaged.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let body = bytes.get(..HEADER - 8).filter(|body| body.starts_with(MAGIC))?;
        let number = |place: usize| u64_at(bytes, 8 + 8 * place);
        if number(5)? != u64::from(checksum(&[body])) {
            return None;
        }
        let tail = u32::try_from(number(4)?).ok()?;
        Some(Self { len: number(0)?, key: [number(1)?, number(2)?], count: number(3)?, tail })
    }

    /// How many blocks follow.
    pub fn blocks(&self) -> u64 {
        self.count.div_ceil(ENTRIES as u64)
    }

    /// How many bytes the file has.
    pub fn file_len(&self) -> u64 {
        self.blocks().saturating_mul(BLOCK as u64).saturating_add(HEADER as u64)
    }

    /// The entries of a block; `None` if it is damaged.
    pub fn block(&self, number: u64, bytes: &[u8]) -> Option<Vec<Entry>> {
        let (sum, body) = bytes.split_at_checked(4).filter(|_| bytes.len() == BLOCK)?;
        if sum != checksum(&[&number.to_le_bytes(), body]).to_le_bytes() {
            return None;
        }
        let before = number.checked_mul(ENTRIES as u64)?;
        let count = self.count.checked_sub(before)?.min(ENTRIES as u64) as usize;
        let entry = |bytes: &[u8]| {
            let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
            Some((number(0)?, number(4)?, number(8)?))
        };
        body.chunks_exact(ENTRY).take(count).map(entry).collect()
    }
}

/// The blocks of sorted entries.
pub fn print_blocks(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, block) in entries.chunks(ENTRIES).enumerate() {
        let start = out.len() + 4;
        out.resize(start, 0);
        for (tag, offset, first) in block {
            for number in [tag, offset, first] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out.resize(start - 4 + BLOCK, 0);
        let sum = checksum(&[&(number as u64).to_le_bytes(), out.get(start..).unwrap_or_default()]);
        if let Some(place) = out.get_mut(start - 4..start) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }
    out
}

/// Where a block begins.
pub fn block_offset(number: u64) -> u64 {
    HEADER as u64 + number * BLOCK as u64
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_they_are_printed() {
        let entries: Vec<Entry> = (0..500u32).map(|n| (n * 7, n << 20, NO_BATCH - n)).collect();
        let header = Header { len: 9, tail: 8, key: [7, u64::MAX], count: 500 };
        assert_eq!(Header::parse(&header.print()), Some(header));
        assert_eq!(header.print().len(), HEADER);
        let blocks = print_blocks(&entries);
        assert_eq!(header.file_len(), (HEADER + blocks.len()) as u64);
        let mut found = Vec::new();
        for (number, block) in blocks.chunks(BLOCK).enumerate() {
            found.extend(header.block(number as u64, block).unwrap());
        }
        assert_eq!(found, entries);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let entries: Vec<Entry> = (0..3).map(|n| (n, 5, 4)).collect();
        let header = Header { len: 9, tail: 8, key: [7, 6], count: 3 };
        let (text, block) = (header.print(), print_blocks(&entries));
        for at in 0..text.len() {
            let mut text = text.clone();
            text[at] ^= 1;
            assert_eq!(Header::parse(&text), None, "{at}");
        }
        for at in 0..block.len() {
            let mut block = block.clone();
            block[at] ^= 1;
            assert_eq!(header.block(0, &block), None, "{at}");
        }
        assert_eq!(header.block(1, &block), None);
    }
}
