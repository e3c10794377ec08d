//! A snapshot of which single records are read, by ranges: a page of its index says where a record's line is.
//!
//! Invariant: the index is derived. A line counts only if it is a whole line of the snapshot and bears the id; that there is no
//! such record counts only if the index was made from this very snapshot. All else is a misfit, and the caller reads the snapshot.

use std::cell::Cell;
use std::sync::Arc;

use super::carrier::{Answer, Carrier};
use crate::engine::index::Hash;
use crate::format::document::Name;
use crate::format::index::{Header, Kind, PAGE, Search, Slot, TAIL, checksum, page_offset};
use crate::format::snapshot::{self, parse_header, parse_record};

/// A snapshot with its index.
pub struct Ranged {
    snapshot: Name,
    header: Header,
    version: Option<u64>,
    /// Whether the end of the snapshot was compared.
    is_same: Cell<bool>,
}

/// What became of looking for a record.
pub enum Looked {
    /// Its text.
    Found(Vec<u8>),
    /// There is none.
    Missing,
    /// The index is not one of this snapshot, or is damaged or gone.
    Misfit,
}

impl Ranged {
    /// A snapshot, if it has an index that may be one of it.
    ///
    /// # Errors
    /// Those of reading; a missing snapshot.
    pub async fn open(carrier: &impl Carrier, snapshot: &Name) -> Answer<Option<Self>> {
        let Some(page) = or_none(carrier.read_index(snapshot, 0, PAGE as u64).await)? else {
            return Ok(None);
        };
        let Some(header) = Header::parse(&page, Kind::Snapshot) else { return Ok(None) };
        if header.second > header.source.len {
            return Ok(None);
        }
        let start = carrier.read_range(snapshot, 0, header.second).await?;
        let line = start.strip_suffix(b"\n").filter(|_| start.len() as u64 == header.second);
        let Some(line) = line.filter(|line| checksum(&[line]) == header.source.head) else { return Ok(None) };
        let Ok(snapshot::Header::Jsonl { version }) = parse_header(line) else { return Ok(None) };
        let version = version.filter(|version| version.fract() == 0.0 && *version >= 0.0);
        Ok(Some(Self {
            snapshot: Arc::clone(snapshot),
            header,
            version: version.map(|version| version as u64),
            is_same: Cell::new(false),
        }))
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Name {
        &self.snapshot
    }

    /// The schema version of its records, if it says one.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// Looks for a record: a range of the index and one of the snapshot.
    ///
    /// # Errors
    /// Those of reading; a missing snapshot.
    pub async fn look(&self, carrier: &impl Carrier, id: &[u8]) -> Answer<Looked> {
        let hash = Hash::with_key(self.header.key);
        let tag = hash.tag(id);
        let mut search = Search::new(tag, self.header.pages);
        while let Some(page) = search.page() {
            let read = carrier.read_index(&self.snapshot, page_offset(page), PAGE as u64).await;
            let taken = or_none(read)?.and_then(|bytes| search.take_of(&bytes, &self.header));
            if taken.is_none() {
                return Ok(Looked::Misfit);
            }
        }
        for slot in search.found() {
            let Some(line) = self.line(carrier, slot).await? else { return Ok(Looked::Misfit) };
            let Ok(record) = parse_record(&line) else { return Ok(Looked::Misfit) };
            if *record.id == *id {
                return Ok(Looked::Found(line.get(record.data).unwrap_or_default().to_vec()));
            }
            if hash.tag(&record.id) != tag {
                return Ok(Looked::Misfit);
            }
        }
        Ok(if self.is_of_this(carrier).await? { Looked::Missing } else { Looked::Misfit })
    }

    /// A line of the snapshot, if there is one that begins and ends there.
    async fn line(&self, carrier: &impl Carrier, slot: Slot) -> Answer<Option<Vec<u8>>> {
        let Slot { offset, len, .. } = slot;
        let end = offset.checked_add(u64::from(len) + 1);
        if offset < self.header.second || end.is_none_or(|end| end > self.header.source.len) {
            return Ok(None);
        }
        // NOTE: with the newline before it and the one behind. Within a line there is none: what stands between two is a line,
        // whatever made the index say so.
        let mut bytes = carrier.read_range(&self.snapshot, offset - 1, u64::from(len) + 2).await?;
        let is_line = bytes.len() as u64 == u64::from(len) + 2
            && memchr::memchr_iter(b'\n', &bytes).eq([0, bytes.len().saturating_sub(1)]);
        if !is_line {
            return Ok(None);
        }
        bytes.pop();
        bytes.remove(0);
        Ok(Some(bytes))
    }

    /// Whether the index was made from this snapshot, which has no more bytes. The first line was compared before.
    async fn is_of_this(&self, carrier: &impl Carrier) -> Answer<bool> {
        if self.is_same.get() {
            return Ok(true);
        }
        let Header { source, last, .. } = self.header;
        let from = source.len.saturating_sub(TAIL);
        let mut tail = Vec::new();
        if last < from {
            tail = carrier.read_range(&self.snapshot, last, TAIL.min(from - last)).await?;
        }
        let end = carrier.read_range(&self.snapshot, from, source.len - from + 1).await?;
        tail.extend_from_slice(&end);
        let is_same = end.len() as u64 == source.len - from && checksum(&[&tail]) == source.tail;
        self.is_same.set(is_same);
        Ok(is_same)
    }
}

/// `None` for what is missing.
fn or_none<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Err(failure) if failure.is_missing => Ok(None),
        answer => answer.map(Some),
    }
}
