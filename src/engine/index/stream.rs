//! Builds the index of a snapshot from its bytes, as they pass by on their way to a place that this crate does not write to.

use super::Hash;
use crate::format::index::{Fingerprint, Header, Kind, PAGE, Pages, Slot, TAIL, checksum, pages_for};
use crate::format::snapshot::{self, parse_header, parse_record};

/// An index that grows with its snapshot.
pub struct Stream {
    hash: Hash,
    slots: Vec<Slot>,
    /// How many bytes came before those that are held.
    offset: u64,
    /// The beginning of a line that has not ended.
    held: Vec<u8>,
    /// Checksum of the first line, and where the second begins.
    first: Option<(u32, u64)>,
    /// Where the last line begins, and its first bytes if it is longer than the tail.
    last: (u64, Vec<u8>),
    /// The last [`TAIL`] bytes.
    tail: Vec<u8>,
    /// Whether all lines are those of a snapshot.
    is_sound: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            hash: Hash::random(),
            slots: Vec::new(),
            offset: 0,
            held: Vec::new(),
            first: None,
            last: (0, Vec::new()),
            tail: Vec::new(),
            is_sound: true,
        }
    }
}

impl Stream {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_sound {
            return;
        }
        self.keep_tail(bytes);
        let mut rest = bytes;
        while let Some(newline) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(newline);
            rest = behind.get(1..).unwrap_or_default();
            let mut held = std::mem::take(&mut self.held);
            let line = if held.is_empty() {
                line
            } else {
                held.extend_from_slice(line);
                &held
            };
            if self.line(line).is_none() {
                self.is_sound = false;
                self.slots = Vec::new();
                return;
            }
            self.offset += line.len() as u64 + 1;
            // NOTE: its memory is used again, unless it was a huge line's.
            held.clear();
            held.shrink_to(1 << 20);
            self.held = held;
        }
        self.held.extend_from_slice(rest);
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let most = TAIL as usize;
        let newest = bytes.get(bytes.len().saturating_sub(most)..).unwrap_or_default();
        let kept = most - newest.len();
        self.tail.drain(..self.tail.len().saturating_sub(kept));
        self.tail.extend_from_slice(newest);
    }

    fn line(&mut self, line: &[u8]) -> Option<()> {
        let start = line.get(..TAIL as usize).unwrap_or_default();
        self.last = (self.offset, start.to_vec());
        if self.first.is_none() {
            let snapshot::Header::Jsonl { .. } = parse_header(line).ok()? else { return None };
            self.first = Some((checksum(&[line]), line.len() as u64 + 1));
            return Some(());
        }
        let record = parse_record(line).ok()?;
        let tag = self.hash.tag(&record.id);
        self.slots.push(Slot { offset: self.offset, len: u32::try_from(line.len()).ok()?, tag });
        Some(())
    }

    /// The index file, to be printed. `None` for a snapshot shorter than so many bytes, and if the bytes were not those of a snapshot.
    pub fn finish(self, shortest: u64) -> Option<Printing> {
        let (head, second) = self.first.filter(|_| self.is_sound && self.held.is_empty())?;
        let len = self.offset;
        if len < shortest || self.slots.is_empty() {
            return None;
        }
        let (last, start) = self.last;
        let from = len.saturating_sub(TAIL);
        let before = usize::try_from(from.saturating_sub(last)).ok()?;
        let start = start.get(..before.min(start.len())).unwrap_or_default();
        let header = Header {
            kind: Kind::Snapshot,
            source: Fingerprint { len, head, tail: checksum(&[start, &self.tail]) },
            key: self.hash.key(),
            second,
            last,
            records: self.slots.len() as u64,
            operations: 0,
            cuts: 0,
            context: 0,
            pages: pages_for(self.slots.len() as u64),
        };
        Some(Printing {
            pages: Pages::new(self.slots, header.seal()),
            len: header.file_len(),
            header: Some(header),
        })
    }
}

/// An index file that is printed piece by piece.
pub struct Printing {
    /// `None` once it is printed.
    header: Option<Header>,
    pages: Pages,
    len: u64,
}

impl Printing {
    /// The length of the file in bytes.
    pub fn file_len(&self) -> u64 {
        self.len
    }

    /// Prints the next part of the file: as many whole pages as there is room for. Returns the number of bytes; 0 at the end.
    pub fn print(&mut self, out: &mut [u8]) -> usize {
        let Some((first, rest)) = out.split_at_mut_checked(PAGE) else { return 0 };
        let Some(header) = self.header.take() else { return self.pages.print(out) };
        first.copy_from_slice(&header.print());
        PAGE + self.pages.print(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::index::{Search, page_offset};
    use crate::format::snapshot::{write_header, write_record};

    fn snapshot(count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(&mut out, 1, 0);
        for n in 0..count {
            write_record(&mut out, format!("id-{n}").as_bytes(), format!("{{\"n\":{n}}}").as_bytes());
        }
        out
    }

    fn index_of(pieces: &[&[u8]]) -> Option<Vec<u8>> {
        let mut stream = Stream::default();
        pieces.iter().for_each(|piece| stream.push(piece));
        stream.finish(0).map(whole)
    }

    fn whole(mut printing: Printing) -> Vec<u8> {
        let mut bytes = vec![0; printing.file_len() as usize];
        assert_eq!(printing.print(&mut bytes), bytes.len());
        assert_eq!(printing.print(&mut [0; PAGE]), 0);
        bytes
    }

    #[test]
    fn every_record_is_found_however_the_bytes_were_cut() {
        let bytes = snapshot(200);
        for size in [1, 7, 64, 4095, 4096, 4097, bytes.len()] {
            let index = index_of(&bytes.chunks(size).collect::<Vec<_>>()).unwrap();
            let header = Header::parse(&index[..PAGE], Kind::Snapshot).unwrap();
            assert_eq!((header.records, header.source.len), (200, bytes.len() as u64));
            assert_eq!(header.file_len(), index.len() as u64);
            for n in 0..200 {
                let id = format!("id-{n}");
                let mut search = Search::new(Hash::with_key(header.key).tag(id.as_bytes()), header.pages);
                while let Some(page) = search.page() {
                    let at = page_offset(page) as usize;
                    search.take(&index[at..at + PAGE]).unwrap();
                }
                let lines = search.found().into_iter().map(|slot| {
                    let line = &bytes[slot.offset as usize..][..slot.len as usize];
                    parse_record(line).unwrap().id.into_owned()
                });
                assert!(lines.collect::<Vec<_>>().contains(&id.into_bytes()), "{size} {n}");
            }
        }
    }

    #[test]
    fn what_is_no_snapshot_of_lines_has_no_index() {
        let bytes = snapshot(3);
        assert!(index_of(&[&bytes]).is_some());
        assert!(index_of(&[&bytes[..bytes.len() - 1]]).is_none());
        assert!(index_of(&[&bytes, b"\n"]).is_none());
        assert!(index_of(&[&bytes, b"{\"id\":1}\n"]).is_none());
        assert!(index_of(&[b"{\"version\":1,\"records\":{}}\n"]).is_none());
        assert!(index_of(&[&snapshot(0)]).is_none());
        assert!(index_of(&[]).is_none());
    }

    #[test]
    fn a_snapshot_that_is_shorter_than_wanted_has_none() {
        let bytes = snapshot(3);
        let finish = |shortest| {
            let mut stream = Stream::default();
            stream.push(&bytes);
            stream.finish(shortest)
        };
        assert!(finish(bytes.len() as u64).is_some());
        assert!(finish(bytes.len() as u64 + 1).is_none());
    }
}
