//! Snapshots: each line is a record and nothing else, no id comes twice, and there are as many as the manifest says.

use std::hash::{BuildHasher, RandomState};

use super::document::{NOT_UTF8, deepest};
use super::{Remedy, Subject, Verifier};
use crate::disk::read_exact_at;
use crate::error::Result;
use crate::format::snapshot::{Header, Record, parse_header, parse_legacy, parse_record, split_record};
use crate::format::{Invalid, js_trim};
use crate::json::Members;
use crate::order;
use crate::wal::LineReader;

/// How a line with a record begins.
const RECORD: &[u8] = b"{\"id\":";

/// Where records are, each with a hash of its id.
type Places = Vec<(u64, u64)>;

impl Verifier<'_> {
    /// Checks a snapshot in any of the formats.
    pub(super) fn snapshot(&mut self, snapshot: &Subject) -> Result<()> {
        let hasher = RandomState::new();
        let mut lines = LineReader::new(&*snapshot.file, 0);
        let first = lines.next_line().map_err(|source| snapshot.failed(source))?;
        let header = first.map(|line| (parse_header(line.bytes), std::str::from_utf8(line.bytes).err()));
        match header {
            Some((Ok(Header::Jsonl { version: Some(_) }), None)) => {}
            Some((Ok(Header::Jsonl { version: Some(_) }), Some(error))) => {
                self.damaged(snapshot, error.valid_up_to() as u64, Remedy::None, NOT_UTF8);
            }
            Some((Ok(Header::Jsonl { version: None }), _)) => {
                self.damaged(snapshot, 0, Remedy::None, "the header has no version");
            }
            _ => return self.legacy_snapshot(snapshot),
        }
        let mut places = Places::new();
        let mut found = 0;
        while let Some(raw) = lines.next_line().map_err(|source| snapshot.failed(source))? {
            let line = js_trim(raw.bytes);
            if found & 0x3FF == 0 {
                self.reach(raw.offset);
            }
            if line.is_empty() {
                continue;
            }
            found += 1;
            match parse_record(line) {
                Ok(record) => {
                    places.push((hasher.hash_one(&*record.id), raw.offset));
                    if let Some((at, what)) = flaw(line, &record) {
                        self.damaged(snapshot, raw.offset + at, Remedy::None, what);
                    }
                }
                Err(_) => self.damaged(snapshot, raw.offset, Remedy::None, "this line is no record"),
            }
        }
        self.report.records += places.len() as u64;
        self.count_records(snapshot, places.len() as u64);
        self.find_twice(snapshot, places)
    }

    fn legacy_snapshot(&mut self, snapshot: &Subject) -> Result<()> {
        let content = read_exact_at(&*snapshot.file, 0, snapshot.len as usize)
            .map_err(|source| snapshot.failed(source))?;
        if let Err(error) = std::str::from_utf8(&content) {
            self.damaged(snapshot, error.valid_up_to() as u64, Remedy::None, NOT_UTF8);
            return Ok(());
        }
        match parse_legacy(&content) {
            Ok(legacy) => {
                self.report.records += legacy.records.len() as u64;
                self.count_records(snapshot, legacy.records.len() as u64);
            }
            Err(Invalid::NotJson { offset }) => {
                // One record in a line: then it is the first line that cannot be read.
                let is_jsonl =
                    content.split(|&byte| byte == b'\n').skip(1).any(|line| line.starts_with(RECORD));
                let offset = if is_jsonl { 0 } else { deepest(&content, offset) };
                self.damaged(
                    snapshot,
                    offset,
                    Remedy::None,
                    "the snapshot, or its header, is not valid JSON",
                );
            }
            Err(Invalid::Rule(rule)) => {
                self.damaged(snapshot, 0, Remedy::None, format!("the snapshot is not valid: {rule}"));
            }
        }
        Ok(())
    }

    /// Compares with the number in the manifest, if it is of this snapshot.
    fn count_records(&mut self, snapshot: &Subject, found: u64) {
        let Some(manifest) = self.manifest.as_ref().filter(|_| snapshot.current) else { return };
        let expected = manifest.stats.active_records;
        // What 0.8.1 counted need not be the number of lines.
        if found < expected || (found > expected && manifest.generation > 0) {
            let what = format!("the snapshot holds {found} records, the manifest says {expected}");
            self.damaged(snapshot, snapshot.len, Remedy::None, what);
        }
    }

    fn find_twice(&mut self, snapshot: &Subject, mut places: Places) -> Result<()> {
        order::sort(&mut places);
        for pair in places.windows(2) {
            let [(one, first), (other, second)] = pair else { continue };
            if one == other && self.id_at(snapshot, *first)? == self.id_at(snapshot, *second)? {
                let what = format!("this record has the id of the one at byte {first}");
                self.damaged(snapshot, *second, Remedy::None, what);
            }
        }
        Ok(())
    }

    fn id_at(&self, snapshot: &Subject, offset: u64) -> Result<Option<Vec<u8>>> {
        let mut lines = LineReader::new(&*snapshot.file, offset);
        let line = lines.next_line().map_err(|source| snapshot.failed(source))?;
        Ok(line.and_then(|line| Some(parse_record(js_trim(line.bytes)).ok()?.id.into_owned())))
    }
}

/// What is wrong with a line that can be read as a record, and where.
fn flaw(line: &[u8], record: &Record<'_>) -> Option<(u64, &'static str)> {
    if let Err(error) = std::str::from_utf8(line) {
        return Some((error.valid_up_to() as u64, NOT_UTF8));
    }
    if split_record(line).is_some_and(|(_, data)| data == record.data) {
        return None;
    }
    let is_known = |key: &[u8]| key == b"id" || key == b"data";
    let keys: Vec<_> = Members::new(line).filter_map(|member| Some(member.ok()?.key)).collect();
    let all_known = keys.iter().all(|key| is_known(key)) && keys.len() <= 2;
    (!all_known).then_some((0, "this record holds more than an id and a value"))
}
