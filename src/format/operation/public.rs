//! A line without marks: for the API, which shows none, and for the next log, which brings its own.

use super::{BatchMark, Line};
use crate::json::{Members, part, string};
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::OnceLock;

/// Appends the operation's JSON without our fields, with the true previous value in `prev`; all other
/// fields, also unknown ones, stay in their order.
pub fn public_text_into(out: &mut Vec<u8>, line: &[u8], parsed: &Line<'_>) {
    if !parsed.has_ours {
        out.extend_from_slice(line);
        return;
    }
    let start = out.len();
    for member in Members::new(line).map_while(Result::ok) {
        let key = string::unescape(member.key);
        if is_mark(&key) || matches!(&*key, b"prevValue" | b"version") {
            continue;
        }
        let value = match &parsed.prev_value {
            Some(prev_value) if &*key == b"prev" => prev_value.clone(),
            _ => member.value,
        };
        push_member(out, start, member.key, part(line, value));
    }
    out.push(b'}');
}

/// The line up to, but without, its closing brace, and without marks: what [`super::write_body`] wrote,
/// to be finished again, and without the white space that another process may have put before it. Expects a line that
/// [`super::parse_line`] has accepted.
pub fn unmarked(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.trim_ascii_start();
    let mut kept_end = 0;
    let mut marked = false;
    for member in Members::new(line).map_while(Result::ok) {
        if is_mark(&string::unescape(member.key)) {
            marked = true;
        } else if marked {
            return Cow::Owned(rebuilt(line));
        } else {
            kept_end = member.value.end;
        }
    }
    Cow::Borrowed(part(line, 0..kept_end))
}

/// For lines of another hand, where other fields follow the marks.
fn rebuilt(line: &[u8]) -> Vec<u8> {
    without(line, is_mark)
}

/// The line without the marks that differ from log to log, and with that of its batch: a line without such marks is as it
/// was, but for white space around it. Expects a line that [`super::parse_line`] has accepted.
pub fn unplaced(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.trim_ascii();
    let mut members = Members::new(line).map_while(Result::ok);
    if !members.any(|member| is_mark_of_place(&string::unescape(member.key))) {
        return Cow::Borrowed(line);
    }
    let mut out = without(line, is_mark_of_place);
    out.push(b'}');
    Cow::Owned(out)
}

fn without(line: &[u8], leaves_out: fn(&[u8]) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    for member in Members::new(line).map_while(Result::ok) {
        if !leaves_out(&string::unescape(member.key)) {
            push_member(&mut out, 0, member.key, part(line, member.value));
        }
    }
    out
}

/// The line without the value of its batch marker, in two pieces: an undo in the batch overwrites it, and it
/// is the same line.
pub fn without_marker(line: &[u8]) -> (&[u8], &[u8]) {
    let cut = batch_marker(line).and_then(|at| line.split_at_checked(at));
    let (head, tail) = cut.unwrap_or((line, &[]));
    (head, tail.get(BatchMark::Last.text().len()..).unwrap_or_default())
}

/// Where in a line the value of its batch marker stands.
pub fn batch_marker(line: &[u8]) -> Option<usize> {
    const FIELD: &[u8] = b",\"batch\":\"";
    static FINDER: OnceLock<Finder<'static>> = OnceLock::new();
    // Few lines have one, and that is found out much faster forward.
    FINDER.get_or_init(|| Finder::new(FIELD)).find(line)?;
    // NOTE: marks stand behind all fields of the user's, so the last match is the marker.
    memchr::memmem::rfind(line, FIELD).map(|at| at + FIELD.len())
}

fn push_member(out: &mut Vec<u8>, start: usize, key: &[u8], value: &[u8]) {
    out.extend_from_slice(if out.len() == start { b"{\"" } else { b",\"" });
    out.extend_from_slice(key);
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value);
}

/// The fields of ours that say where a line stands, not what it says.
fn is_mark(key: &[u8]) -> bool {
    key == b"batch" || is_mark_of_place(key)
}

fn is_mark_of_place(key: &[u8]) -> bool {
    matches!(key, b"cuts" | b"after" | b"again")
}
