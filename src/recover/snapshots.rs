//! What a snapshot still gives, line by line. A line that is no record costs that record, not the others: also where the damage
//! joined two lines to one.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashSet;

use super::records::Records;
use super::{Loss, Recovered, Work};
use crate::disk::{DiskFile, OpenMode};
use crate::engine::{Cursor, Engine, Id, Text};
use crate::error::{Error, Result};
use crate::format::js_trim;
use crate::format::snapshot::{Header, parse_header, parse_record};
use crate::json::scan::skip_string;
use crate::json::string::unescape;
use crate::layout;
use crate::snapshot::{self, Indexing};
use crate::wal::LineReader;

const ID: &[u8] = b"{\"id\":\"";

/// What was found in a snapshot.
pub(super) struct Salvaged {
    pub(super) records: Records,
    /// The schema version in its header; 0 if that cannot be read.
    pub(super) version: u32,
    /// The records whose lines are damaged, where that can be read.
    pub(super) lost_ids: HashSet<Vec<u8>>,
    /// Damaged places of which it cannot.
    pub(super) unnamed: u64,
    /// The time in its name.
    pub(super) from: Option<u64>,
}

impl Salvaged {
    /// For want of a snapshot.
    pub(super) fn nothing() -> Self {
        Self { records: Records::default(), version: 0, lost_ids: HashSet::new(), unnamed: 1, from: None }
    }

    /// Whether it may have held more than was found.
    pub(super) fn is_doubtful(&self) -> bool {
        self.unnamed > 0 || !self.lost_ids.is_empty()
    }
}

impl Work<'_> {
    /// Reads a snapshot as far as it can be read.
    pub(super) fn salvage(&self, relative: &str, report: &mut Recovered) -> Result<Salvaged> {
        let path = layout::at(self.root, relative);
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) => {
                report.lose_file(path, format!("this snapshot cannot be read: {error}"));
                return Ok(Salvaged::nothing());
            }
        };
        report.use_file(relative);
        let mut lines = LineReader::new(&*file, 0);
        let first = match lines.next_line() {
            Ok(first) => first.map(|raw| raw.bytes.to_vec()).unwrap_or_default(),
            Err(error) => {
                report.lose_file(path, format!("this snapshot cannot be read: {error}"));
                return Ok(Salvaged::nothing());
            }
        };
        let version = match parse_header(&first) {
            Ok(Header::Jsonl { version }) => version.filter(|n| *n >= 1.0 && *n <= f64::from(u32::MAX)),
            _ if is_jsonl(&file) => {
                report.lose(Loss {
                    path: path.clone(),
                    offset: Some(0),
                    what: "the header of the snapshot is damaged".into(),
                    id: None,
                });
                None
            }
            _ => return self.salvage_document(relative, &path, report),
        };
        let mut salvaged = Salvaged { unnamed: 0, ..Salvaged::nothing() };
        // The manifest has the version as well, of a store that did not migrate since.
        let named = self.sources.manifest.as_ref().map_or(0, |manifest| manifest.version as u32);
        salvaged.version = version.map_or(named, |version| version as u32);
        let is_header = parse_record(&first).is_err();
        let start = if is_header { first.len() as u64 + 1 } else { 0 };
        let mut lines = LineReader::new(&*file, start);
        loop {
            let raw = match lines.next_line() {
                Ok(Some(raw)) => raw,
                Ok(None) => break,
                Err(error) => {
                    salvaged.unnamed += 1;
                    report
                        .lose_file(path.clone(), format!("the rest of the snapshot cannot be read: {error}"));
                    break;
                }
            };
            self.progress.reach(raw.offset);
            let line = js_trim(raw.bytes);
            if line.is_empty() {
                continue;
            }
            let lead = line.as_ptr() as usize - raw.bytes.as_ptr() as usize;
            // What was cut off behind a line without an end may have been any records.
            salvaged.unnamed += u64::from(!raw.complete && parse_record(line).is_err());
            salvaged.take_line(&file, &path, raw.offset + lead as u64, line, report);
        }
        Ok(salvaged)
    }

    /// A snapshot of the older formats is one document: it is whole, or nothing.
    fn salvage_document(&self, relative: &str, path: &Path, report: &mut Recovered) -> Result<Salvaged> {
        let indexing = Indexing {
            path: layout::index(self.root, relative),
            from_bytes: u64::MAX,
            write: false,
            progress: Arc::default(),
        };
        let loaded = match snapshot::load(self.disk, path, &indexing) {
            Ok(loaded) => loaded,
            Err(error) => {
                report.lose_file(path.to_path_buf(), format!("this snapshot cannot be read: {error}"));
                return Ok(Salvaged::nothing());
            }
        };
        let version = loaded.version.filter(|n| *n >= 1.0).map_or(1, |version| version as u32);
        let mut salvaged = Salvaged { unnamed: 0, version, ..Salvaged::nothing() };
        let view = Engine::new(loaded.base, None).freeze(0);
        let visited = view.visit(Cursor::Base(0), |row| {
            let id: Id = (&*row.id()).into();
            salvaged.records.set(&id, Text::Held(row.text().into()), version);
            std::ops::ControlFlow::Continue(())
        });
        visited.map_err(|source| Error::io("read", path, source))?;
        Ok(salvaged)
    }
}

impl Salvaged {
    fn take_line(
        &mut self,
        file: &Arc<dyn DiskFile>,
        path: &Path,
        offset: u64,
        line: &[u8],
        report: &mut Recovered,
    ) {
        for piece in pieces(line) {
            let Some(bytes) = line.get(piece.clone()) else { continue };
            let at = offset + piece.start as u64;
            let Ok(record) = parse_record(bytes) else {
                let id = id_of(bytes);
                match &id {
                    Some(id) => drop(self.lost_ids.insert(id.clone())),
                    None => self.unnamed += 1,
                }
                let what = "this line of the snapshot is no record".into();
                report.lose(Loss { path: path.to_path_buf(), offset: Some(at), what, id });
                continue;
            };
            let id: Id = (&*record.id).into();
            let text = Text::at(file, at + record.data.start as u64, record.data.len());
            self.records.set(&id, text, self.version);
        }
    }
}

/// The lines that may stand in one: where a newline was damaged, two do.
fn pieces(line: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    if parse_record(line).is_ok() {
        pieces.push(0..line.len());
        return pieces;
    }
    let starts = (1..line.len()).filter(|at| line.get(*at..).is_some_and(|rest| rest.starts_with(ID)));
    let mut from = 0;
    for start in starts {
        // What stood between the two is one byte, or none.
        let ends = [start - 1, start];
        let is_record = |end: &usize| line.get(from..*end).is_some_and(|piece| parse_record(piece).is_ok());
        let rest_is_record = line.get(start..).is_some_and(|rest| parse_record(rest).is_ok());
        let end = ends.into_iter().find(is_record).or(rest_is_record.then_some(start - 1));
        if let Some(end) = end {
            pieces.push(from..end);
            from = start;
        }
    }
    pieces.push(from..line.len());
    pieces
}

/// The id with which a damaged line begins.
fn id_of(line: &[u8]) -> Option<Vec<u8>> {
    if !line.starts_with(ID) {
        return None;
    }
    let closed = skip_string(line, ID.len())?;
    line.get(closed..)?.starts_with(b",\"data\"").then_some(())?;
    Some(unescape(line.get(ID.len()..closed - 1)?).into_owned())
}

/// Whether the second line of a file is a record: then its first is a header, whatever stands there.
fn is_jsonl(file: &Arc<dyn DiskFile>) -> bool {
    let mut lines = LineReader::new(&**file, 0);
    let mut records = 0;
    for _ in 0..4 {
        match lines.next_line() {
            Ok(Some(raw)) => records += u32::from(parse_record(js_trim(raw.bytes)).is_ok()),
            _ => break,
        }
    }
    records > 0
}
