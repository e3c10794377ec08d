//! Snapshots: a header line, then one line per record. Also the two older spellings, one JSON document
//! with all records, on one line or pretty-printed.
//!
//! Invariant: what 0.8.1 loads, this reads with the same records in the same order.

use super::fields::Fields;
use super::timestamp::iso_into;
use super::trim::{trim_end, trim_start};
use super::{Invalid, Records};
use crate::json::number::{self, push_integer};
use crate::json::reformat::compact_into;
use crate::json::scan::skip_string;
use crate::json::string::{escape_into, unescape};
use crate::json::{self, Kind, Malformed, Members, part, skip_value, string_body};
use std::borrow::Cow;
use std::ops::Range;

/// Appends the header line.
pub fn write_header(out: &mut Vec<u8>, version: u32, ts_ms: i64) {
    out.extend_from_slice(b"{\"version\":");
    push_integer(out, u64::from(version));
    out.extend_from_slice(b",\"timestamp\":\"");
    iso_into(out, ts_ms);
    out.extend_from_slice(b"\"}\n");
}

/// Appends a record's line and returns where in `out` its value stands. No value (`undefined`) is written
/// as a line without `data`, and the range is empty.
pub fn write_record(out: &mut Vec<u8>, id: &[u8], data: &[u8]) -> Range<usize> {
    out.extend_from_slice(b"{\"id\":");
    escape_into(out, id);
    if !data.is_empty() {
        out.extend_from_slice(b",\"data\":");
    }
    let start = out.len();
    out.extend_from_slice(data);
    let end = out.len();
    out.extend_from_slice(b"}\n");
    start..end
}

/// What the first line of a snapshot says about the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Header {
    /// One record per line follows.
    Jsonl {
        /// The schema version; absent if the header has none, or one that is no number.
        version: Option<f64>,
    },
    /// All records in one document: read the whole content with [`parse_legacy`].
    Legacy,
}

/// Reads the first line of a snapshot, given without its newline.
///
/// # Errors
/// [`Malformed`] if it holds a lone string, number, boolean or null, which is no snapshot at all.
pub fn parse_header(first_line: &[u8]) -> Result<Header, Malformed> {
    match Fields::read(first_line) {
        Err(_) => Ok(Header::Legacy),
        Ok(Some(fields)) if fields.get("records").is_some() => Ok(Header::Legacy),
        Ok(Some(fields)) => Ok(Header::Jsonl { version: fields.get("version").and_then(double) }),
        Ok(None) if json::kind(first_line) == Some(Kind::Array) => Ok(Header::Jsonl { version: None }),
        Ok(None) => Err(Malformed { offset: 0 }),
    }
}

fn double(value: &[u8]) -> Option<f64> {
    (json::kind(value) == Some(Kind::Number)).then(|| number::to_f64(value))?
}

/// A record that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// The record's id.
    pub id: Cow<'a, [u8]>,
    /// Where the value's text stands in the line; empty if there is none (`undefined`).
    pub data: Range<usize>,
}

/// Reads a record's line, given with or without whitespace around it. Blank lines are for the caller to
/// skip: [`js_trim`](super::js_trim) leaves nothing of them.
///
/// # Errors
/// [`Malformed`] if it is no valid JSON object, or its id is no string.
pub fn parse_record(line: &[u8]) -> Result<Record<'_>, Malformed> {
    if let Some(record) = parse_plain_record(line) {
        return Ok(record);
    }
    let trimmed = trim_start(line);
    // Ranges and offsets count from the line.
    let lead = line.len() - trimmed.len();
    let trimmed = trim_end(trimmed);
    let mut id = None;
    let mut data = None;
    for member in Members::new(trimmed) {
        let member = member.map_err(|malformed| Malformed { offset: lead + malformed.offset })?;
        match &*unescape(member.key) {
            b"id" => id = Some(member.value),
            b"data" => data = Some(lead + member.value.start..lead + member.value.end),
            _ => {}
        }
    }
    let body = id.and_then(|id| string_body(part(trimmed, id)));
    let id = unescape(body.ok_or(Malformed { offset: lead })?);
    Ok(Record { id, data: data.unwrap_or(line.len()..line.len()) })
}

/// The spelling that both writers use: `{"id":"...","data":...}` and nothing else.
fn parse_plain_record(line: &[u8]) -> Option<Record<'_>> {
    const ID: &[u8] = b"{\"id\":\"";
    const DATA: &[u8] = b",\"data\":";
    if !line.starts_with(ID) {
        return None;
    }
    let closed = skip_string(line, ID.len())?;
    if !line.get(closed..)?.starts_with(DATA) {
        return None;
    }
    let start = closed + DATA.len();
    let end = skip_value(line, start)?;
    if line.get(end..)? != b"}" {
        return None;
    }
    Some(Record { id: unescape(line.get(ID.len()..closed - 1)?), data: start..end })
}

/// Takes a line apart that is spelled as both writers do, without looking into the value: where the id stands,
/// with its quotes, and where the value stands.
pub fn split_record(line: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    const ID: usize = b"{\"id\":".len();
    const DATA: &[u8] = b",\"data\":";
    if !line.starts_with(b"{\"id\":\"") || !line.ends_with(b"}") {
        return None;
    }
    let closed = skip_string(line, ID + 1)?;
    let data = closed + DATA.len()..line.len() - 1;
    (data.start < data.end && line.get(closed..)?.starts_with(DATA)).then_some((ID..closed, data))
}

/// A snapshot in one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Legacy {
    /// The schema version, a positive integer.
    pub version: f64,
    /// Ids and values without whitespace, in the order in which 0.8.1 loads them.
    pub records: Records,
}

/// Reads a whole legacy snapshot: its first line if that is a document by itself, else all of it.
///
/// # Errors
/// [`Invalid`] exactly when 0.8.1 refuses it.
pub fn parse_legacy(content: &[u8]) -> Result<Legacy, Invalid> {
    let first_line = content.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let document = if json::is_valid(first_line) { first_line } else { content };
    let fields = Fields::read(document)?.ok_or(Invalid::Rule("not an object"))?;
    let version = fields
        .get("version")
        .and_then(double)
        .filter(|version| version.is_finite() && version.fract() == 0.0 && *version >= 1.0)
        .ok_or(Invalid::Rule("version must be a positive finite integer"))?;
    fields.string("timestamp").ok_or(Invalid::Rule("timestamp must be a non-empty string"))?;
    let records = fields.object("records").ok_or(Invalid::Rule("records must be an object"))?;
    Ok(Legacy { version, records: compacted(&records) })
}

/// Ids and compacted texts, in JavaScript's order.
pub(super) fn compacted(records: &Fields<'_>) -> Records {
    let compact = |(id, text): (&[u8], &[u8])| {
        let mut out = Vec::with_capacity(text.len());
        compact_into(&mut out, text);
        (id.to_vec(), out)
    };
    records.iter().map(compact).collect()
}
