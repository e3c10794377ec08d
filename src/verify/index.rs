//! Index files: every page is whole, every entry stands where a search comes by and points to a line with its id, and
//! every line that should have an entry has one. An index that belongs to another state of its log is none of
//! anybody's, and only its pages are checked.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{Remedy, Subject, Verifier};
use crate::disk::{DiskFile, OpenMode, read_exact_at};
use crate::engine::index::Hash;
use crate::error::{Error, Result};
use crate::format::index::{Header, Kind, PAGE, Page, Slot, TAIL, home, page_offset};
use crate::format::js_trim;
use crate::format::operation::parse_line;
use crate::format::snapshot::parse_record;
use crate::order;
use crate::wal::LineReader;
use crate::{index, layout};

/// How many pages are read at once.
const PAGES: u32 = 256;

/// An entry, and where it stands.
struct Entry {
    slot: Slot,
    at: u64,
    page: u32,
}

/// What an index is made from.
struct Source {
    relative: String,
    file: Arc<dyn DiskFile>,
    path: std::path::PathBuf,
}

impl Verifier<'_> {
    /// Checks an index file.
    pub(super) fn index(&mut self, subject: &Subject) -> Result<()> {
        let page = read_exact_at(&*subject.file, 0, PAGE.min(subject.len as usize))
            .map_err(|source| subject.failed(source))?;
        let header = [Kind::Snapshot, Kind::Log].into_iter().find_map(|kind| Header::parse(&page, kind));
        let Some(header) = header else {
            if !Header::is_of_another_format(&page) {
                self.damaged(subject, 0, Remedy::Rebuild, "the first page of the index is damaged");
            }
            return Ok(());
        };
        if subject.len != header.file_len() {
            let what = format!("the index should have {} bytes", header.file_len());
            self.damaged(subject, subject.len.min(header.file_len()), Remedy::Rebuild, what);
            return Ok(());
        }
        let Some((entries, full)) = self.entries(subject, &header)? else { return Ok(()) };
        self.report.entries += entries.len() as u64;
        let Some(source) = self.source_of(subject, &header)? else { return Ok(()) };
        self.find_unreachable(subject, &header, &entries, &full);
        let lines = lines_of(&source, &header)?;
        self.compare(subject, &source, entries, lines);
        Ok(())
    }

    /// All entries, and which pages are full; `None` if a page is damaged.
    fn entries(&mut self, subject: &Subject, header: &Header) -> Result<Option<(Vec<Entry>, Vec<bool>)>> {
        let (mut entries, mut full) = (Vec::new(), Vec::new());
        let mut is_whole = true;
        let mut number = 0;
        while number < header.pages {
            let count = PAGES.min(header.pages - number);
            let bytes = read_exact_at(&*subject.file, page_offset(number), count as usize * PAGE)
                .map_err(|source| subject.failed(source))?;
            for page in bytes.chunks_exact(PAGE) {
                match Page::parse(page, number) {
                    Some(parsed) => {
                        full.push(parsed.is_full());
                        entries.extend(parsed.all().map(|(at, slot)| Entry {
                            slot,
                            at: page_offset(number) + at as u64,
                            page: number,
                        }));
                    }
                    None => {
                        is_whole = false;
                        let what = format!("page {number} of the index is damaged");
                        self.damaged(subject, page_offset(number), Remedy::Rebuild, what);
                    }
                }
                number += 1;
            }
            self.reach(page_offset(number));
        }
        Ok(is_whole.then_some((entries, full)))
    }

    /// The file that an index was made from, if it still is as it was then.
    fn source_of(&mut self, subject: &Subject, header: &Header) -> Result<Option<Source>> {
        let folder = match header.kind {
            Kind::Snapshot => layout::SNAPSHOTS,
            Kind::Log => layout::OPS,
        };
        let Some(name) = layout::indexed_name(&subject.relative) else { return Ok(None) };
        let relative = format!("{folder}/{name}");
        let path = layout::at(self.root, &relative);
        let Ok(file) = self.disk.open(&path, OpenMode::Read) else { return Ok(None) };
        let len = file.info().map_err(|source| Error::io("fstat", &path, source))?.len;
        let source = Source { relative, file, path };
        let fingerprint = index::fingerprint(&*source.file, header.source.len, header.second, header.last);
        let fits = fingerprint.is_ok_and(|(found, _)| found == header.source);
        match header.kind {
            Kind::Log => {
                let context =
                    self.manifest.as_ref().map(|manifest| index::context(&manifest.current_snapshot));
                Ok((fits && subject.current && context == Some(header.context)).then_some(source))
            }
            Kind::Snapshot if fits && header.source.len == len => Ok(Some(source)),
            Kind::Snapshot => {
                self.changed_snapshot(subject, header, &source, len)?;
                Ok(None)
            }
        }
    }

    /// A snapshot never changes once it has an index: says where it did.
    fn changed_snapshot(
        &mut self,
        subject: &Subject,
        header: &Header,
        source: &Source,
        len: u64,
    ) -> Result<()> {
        let Source { relative, file, path } = source;
        let snapshot = Subject {
            path: path.clone(),
            relative: relative.clone(),
            file: Arc::clone(file),
            len,
            current: subject.current,
        };
        if len != header.source.len {
            let what = format!("the snapshot had {} bytes when it was indexed", header.source.len);
            self.damaged(&snapshot, len.min(header.source.len), Remedy::None, what);
            return Ok(());
        }
        let found = index::fingerprint(&**file, len, header.second, header.last);
        let (found, _) = found.map_err(|error| snapshot.failed(error))?;
        let (offset, part) = if found.head == header.source.head {
            (header.last.min(len.saturating_sub(TAIL)), "end")
        } else {
            (0, "first line")
        };
        self.damaged(
            &snapshot,
            offset,
            Remedy::None,
            format!("its {part} is not what it was when it was indexed"),
        );
        Ok(())
    }

    /// A search begins at the home of an entry's tag, and goes on only where pages are full.
    fn find_unreachable(&mut self, subject: &Subject, header: &Header, entries: &[Entry], full: &[bool]) {
        let passed = full_before(full);
        for entry in entries {
            let home = home(entry.slot.tag, header.pages);
            let distance = if home <= entry.page { 0 } else { header.pages } + entry.page - home;
            if passed.get(entry.page as usize).is_none_or(|passed| distance > *passed) {
                self.damaged(subject, entry.at, Remedy::Rebuild, "no search comes by this entry");
            }
        }
    }

    /// Compares entries with the lines that should have one.
    fn compare(&mut self, subject: &Subject, source: &Source, mut entries: Vec<Entry>, lines: Vec<Slot>) {
        order::sort_by_key(&mut entries, |entry| (entry.slot.offset, entry.at));
        let mut entries = entries.into_iter().peekable();
        let shown = &source.relative;
        for line in lines {
            while let Some(stray) = entries.next_if(|entry| entry.slot.offset < line.offset) {
                self.stray(subject, &stray, shown);
            }
            let mut has_entry = false;
            while let Some(entry) = entries.next_if(|entry| entry.slot.offset == line.offset) {
                if entry.slot == line && !has_entry {
                    has_entry = true;
                } else {
                    let what = format!(
                        "this entry points to byte {} of {shown}, where another record stands",
                        line.offset
                    );
                    self.damaged(subject, entry.at, Remedy::Rebuild, what);
                }
            }
            if !has_entry {
                let what = format!("there is no entry for the record at byte {} of {shown}", line.offset);
                self.damaged(subject, 0, Remedy::Rebuild, what);
            }
        }
        for stray in entries {
            self.stray(subject, &stray, shown);
        }
    }

    fn stray(&mut self, subject: &Subject, entry: &Entry, shown: &str) {
        let offset = entry.slot.offset;
        let what = format!(
            "this entry points to byte {offset} of {shown}, where no record begins that it could mean"
        );
        self.damaged(subject, entry.at, Remedy::Rebuild, what);
    }
}

/// How many full pages come right before each one. Behind the last page comes the first.
fn full_before(full: &[bool]) -> Vec<u32> {
    let mut passed = vec![0; full.len()];
    let mut count = 0;
    for _ in 0..2 {
        for (before, is_full) in passed.iter_mut().zip(full) {
            *before = count;
            count = if *is_full { (count + 1).min(full.len() as u32 - 1) } else { 0 };
        }
    }
    passed
}

/// The lines that should have an entry, in order: each record of a snapshot, the last operation on each id in a log.
fn lines_of(source: &Source, header: &Header) -> Result<Vec<Slot>> {
    let hash = Hash::with_key(header.key);
    let mut lines = Vec::new();
    let mut newest: HashMap<Vec<u8>, usize> = HashMap::new();
    let from = if header.kind == Kind::Snapshot { header.second } else { 0 };
    let mut reader = LineReader::new(&*source.file, from);
    loop {
        let raw = match reader.next_line() {
            Ok(Some(raw)) if raw.offset < header.source.len => raw,
            Ok(_) => break,
            Err(error) => return Err(Error::io("read", &source.path, error)),
        };
        let line = js_trim(raw.bytes);
        let lead = line.as_ptr() as u64 - raw.bytes.as_ptr() as u64;
        let slot = |id: &[u8]| Slot { offset: raw.offset + lead, len: line.len() as u32, tag: hash.tag(id) };
        match header.kind {
            // What is no record is told where the snapshot is checked.
            Kind::Snapshot => lines.extend(parse_record(line).ok().map(|record| slot(&record.id))),
            Kind::Log => {
                let Ok(operation) = parse_line(line) else { continue };
                newest.insert(operation.id.to_vec(), lines.len());
                lines.push(slot(&operation.id));
            }
        }
    }
    if header.kind == Kind::Log {
        let mut kept: Vec<usize> = newest.into_values().collect();
        order::sort(&mut kept);
        lines = kept.into_iter().filter_map(|number| lines.get(number).copied()).collect();
    }
    Ok(lines)
}
