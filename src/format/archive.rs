//! Archive segments: one pretty-printed JSON document each, in the layout and the key order of 0.8.1.
//!
//! Invariant: a segment only grows; records that it held and that are not replaced stay as they were.

use super::fields::Fields;
use super::snapshot::compacted;
use super::timestamp::iso_into;
use super::{Invalid, Records};
use crate::json::object::sort_keys;
use crate::json::reformat::{break_line, pretty_into};
use crate::json::string::escape_into;
use hashbrown::HashMap;

/// What [`merge_into`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// How many ids were not in the segment before.
    pub added: usize,
}

/// Appends the document of a segment that holds the existing file's records and the given ones; of
/// records with the same id, the given one. A record without value (empty text) cannot stand in JSON
/// and is left out, as 0.8.1 does.
///
/// # Errors
/// [`Invalid`] if the existing content is no segment; nothing is appended then.
pub fn merge_into<I, T>(
    out: &mut Vec<u8>,
    existing: Option<&[u8]>,
    period: &[u8],
    ts_ms: i64,
    records: impl Iterator<Item = (I, T)>,
) -> Result<Merged, Invalid>
where
    I: AsRef<[u8]>,
    T: AsRef<[u8]>,
{
    let mut merged = existing.map(parse_segment).transpose()?.unwrap_or_default();
    let before = merged.len();
    let mut places: HashMap<Vec<u8>, usize> =
        merged.iter().enumerate().map(|(place, (id, _))| (id.clone(), place)).collect();
    for (id, text) in records {
        let (id, text) = (id.as_ref(), text.as_ref().to_vec());
        match places.get(id).and_then(|&place| merged.get_mut(place)) {
            Some(record) => record.1 = text,
            None => {
                places.insert(id.to_vec(), merged.len());
                merged.push((id.to_vec(), text));
            }
        }
    }
    let added = merged.iter().skip(before).filter(|(_, text)| !text.is_empty()).count();
    merged.retain(|(_, text)| !text.is_empty());
    sort_keys(&mut merged, |(id, _)| id);
    write(out, period, ts_ms, &merged);
    Ok(Merged { added })
}

fn write(out: &mut Vec<u8>, period: &[u8], ts_ms: i64, records: &[(Vec<u8>, Vec<u8>)]) {
    out.extend_from_slice(b"{\n  \"version\": 1,\n  \"period\": ");
    escape_into(out, period);
    out.extend_from_slice(b",\n  \"timestamp\": \"");
    iso_into(out, ts_ms);
    out.extend_from_slice(b"\",\n  \"records\": {");
    for (place, (id, text)) in records.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        break_line(out, 2);
        escape_into(out, id);
        out.extend_from_slice(b": ");
        pretty_into(out, text, 2);
    }
    if !records.is_empty() {
        break_line(out, 1);
    }
    out.extend_from_slice(b"}\n}");
}

/// The period that a segment says it is of.
pub fn period(content: &[u8]) -> Option<String> {
    Fields::read(content).ok()??.string("period")
}

/// Reads a segment: ids and values without whitespace, in the order in which 0.8.1 loads them.
///
/// # Errors
/// [`Invalid`] exactly when 0.8.1 refuses it.
pub fn parse_segment(content: &[u8]) -> Result<Records, Invalid> {
    let fields = Fields::read(content)?.ok_or(Invalid::Rule("not an object"))?;
    fields
        .integer("version")
        .filter(|&version| version >= 1)
        .ok_or(Invalid::Rule("version must be a positive finite integer"))?;
    fields.string("period").ok_or(Invalid::Rule("period must be a non-empty string"))?;
    fields.string("timestamp").ok_or(Invalid::Rule("timestamp must be a non-empty string"))?;
    let records = fields.object("records").ok_or(Invalid::Rule("records must be an object"))?;
    Ok(compacted(&records))
}
