//! Writing a line. The body is built before it is known where the line goes; marks are added last.

use super::{BatchMark, Kind};
use crate::json::number::push_integer;
use crate::json::string::escape_into;
use crate::json::{self, kind};
use std::ops::Range;

/// The value before the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prev<'a> {
    /// There was none.
    Null,
    /// Its whole text. What is no object goes into a field of ours, because 0.8.1 refuses it in `prev`;
    /// the empty text (`undefined`) is written as `{}` alone.
    Full(&'a [u8]),
    /// A patch that leads back to it.
    Delta(&'a [u8]),
}

/// An operation to be written.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// When, as `toISOString` prints it.
    pub ts: &'a [u8],
    /// What it does.
    pub kind: Kind,
    /// The record's id.
    pub id: &'a [u8],
    /// The value before.
    pub prev: Prev<'a>,
    /// The new value's text; absent for deletes.
    pub data: Option<&'a [u8]>,
    /// Who wrote it, where many may write.
    pub agent: Option<&'a [u8]>,
    /// The Lamport clock, where many may write.
    pub clock: Option<u64>,
    /// The schema version of the new value, where that is not the log's.
    pub version: Option<u32>,
}

/// What [`write_body`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Where the new value stands, counted from the start of the line.
    pub data: Option<Range<usize>>,
}

/// Marks of our own at the end of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks<'a> {
    /// Place in a batch.
    pub batch: Option<BatchMark>,
    /// On the first line after a cut: how often this log has been cut so far. 0 for all others.
    pub cuts: u64,
    /// On the first line of a log: the log that it follows.
    pub after: Option<&'a str>,
}

/// About as much as a line has besides its id and its values.
const FRAME: usize = 128;

/// Appends everything up to, but without, the closing brace.
pub fn write_body(out: &mut Vec<u8>, draft: &Draft<'_>) -> Body {
    let start = out.len();
    // NOTE: at once: the line is put together of a dozen pieces, and as often its room would be looked at.
    let prev = match draft.prev {
        Prev::Null => 0,
        Prev::Delta(text) | Prev::Full(text) => text.len(),
    };
    out.reserve(FRAME + draft.id.len() + prev + draft.data.map_or(0, <[u8]>::len));
    out.extend_from_slice(b"{\"ts\":\"");
    out.extend_from_slice(draft.ts);
    out.extend_from_slice(match draft.kind {
        Kind::Set => b"\",\"op\":\"set\",\"id\":".as_slice(),
        Kind::Delete => b"\",\"op\":\"delete\",\"id\":".as_slice(),
    });
    escape_into(out, draft.id);
    let mut prev_value = None;
    match draft.prev {
        Prev::Null => out.extend_from_slice(b",\"prev\":null"),
        Prev::Delta(text) | Prev::Full(text) => {
            out.extend_from_slice(b",\"prev\":");
            if matches!(draft.prev, Prev::Delta(_)) || kind(text) == Some(json::Kind::Object) {
                out.extend_from_slice(text);
            } else {
                out.extend_from_slice(b"{}");
                prev_value = (!text.is_empty()).then_some(text);
            }
        }
    }
    let data = draft.data.map(|text| {
        out.extend_from_slice(b",\"data\":");
        let at = out.len() - start;
        out.extend_from_slice(text);
        at..at + text.len()
    });
    if let Some(agent) = draft.agent {
        out.extend_from_slice(b",\"agent\":");
        escape_into(out, agent);
    }
    if let Some(clock) = draft.clock {
        out.extend_from_slice(b",\"clock\":");
        push_integer(out, clock);
    }
    if let Prev::Delta(_) = draft.prev {
        out.extend_from_slice(b",\"encoding\":\"delta\"");
    }
    if let Some(text) = prev_value {
        out.extend_from_slice(b",\"prevValue\":");
        out.extend_from_slice(text);
    }
    if let Some(version) = draft.version {
        out.extend_from_slice(b",\"version\":");
        push_integer(out, u64::from(version));
    }
    Body { data }
}

/// Appends the marks, the closing brace and the newline. Returns where in `out` the four bytes of the
/// batch mark stand, if there is one.
pub fn finish_line(out: &mut Vec<u8>, marks: &Marks<'_>) -> Option<usize> {
    if *marks == (Marks { batch: Some(BatchMark::More), ..Marks::default() }) {
        // As nearly every line of a batch.
        out.extend_from_slice(b",\"batch\":\"more\"}\n");
        return Some(out.len() - 7);
    }
    let batch = marks.batch.map(|mark| {
        out.extend_from_slice(b",\"batch\":\"");
        let at = out.len();
        out.extend_from_slice(mark.text());
        out.push(b'"');
        at
    });
    if marks.cuts > 0 {
        out.extend_from_slice(b",\"cuts\":");
        push_integer(out, marks.cuts);
    }
    if let Some(after) = marks.after {
        out.extend_from_slice(b",\"after\":");
        escape_into(out, after.as_bytes());
    }
    out.extend_from_slice(b"}\n");
    batch
}
