//! What is found, as the JSON text that callers are shown: each operation with the full value before it.

use std::borrow::Cow;

use super::{Change, Event};
use crate::engine::delta::apply_delta;
use crate::format::operation::{Kind, Line};
use crate::json::number::push_integer;
use crate::json::part;
use crate::json::string::escape_into;

/// The full value before an operation, as text; `null` where there was none.
pub fn before_into<'a>(bytes: &'a [u8], line: &Line<'_>) -> Cow<'a, [u8]> {
    let prev = part(bytes, line.prev_value.clone().unwrap_or_else(|| line.prev.clone()));
    match (line.encoding_delta, &line.data) {
        (true, Some(data)) => match apply_delta(part(bytes, data.clone()), prev) {
            Some(before) => Cow::Owned(before),
            None => Cow::Borrowed(b"null"),
        },
        _ => Cow::Borrowed(prev),
    }
}

/// Appends the JSON of what was found.
pub fn event_into(out: &mut Vec<u8>, event: &Event<'_>) {
    match event {
        Event::Change(change) => change_into(out, change),
        Event::Undone { position, after, id } => {
            out.extend_from_slice(b"{\"type\":\"undone\",\"position\":\"");
            out.extend_from_slice(position);
            out.extend_from_slice(b"\",\"after\":\"");
            out.extend_from_slice(after);
            out.extend_from_slice(b"\",\"id\":");
            escape_into(out, id);
            out.push(b'}');
        }
    }
}

fn change_into(out: &mut Vec<u8>, change: &Change<'_>) {
    let Change { bytes, line, position, batch, .. } = change;
    out.extend_from_slice(b"{\"position\":\"");
    out.extend_from_slice(position);
    out.extend_from_slice(b"\",\"ts\":\"");
    out.extend_from_slice(part(bytes, line.ts.clone()));
    out.extend_from_slice(match line.kind {
        Kind::Set => b"\",\"type\":\"set\",\"id\":".as_slice(),
        Kind::Delete => b"\",\"type\":\"delete\",\"id\":",
    });
    escape_into(out, &line.id);
    if let Some(data) = &line.data {
        out.extend_from_slice(b",\"value\":");
        out.extend_from_slice(part(bytes, data.clone()));
    }
    out.extend_from_slice(b",\"before\":");
    out.extend_from_slice(&before_into(bytes, line));
    if let Some(agent) = &line.agent {
        out.extend_from_slice(b",\"agent\":");
        escape_into(out, agent);
    }
    if let Some(clock) = line.clock {
        out.extend_from_slice(b",\"clock\":");
        push_integer(out, clock);
    }
    if let Some(batch) = batch {
        out.extend_from_slice(b",\"batch\":\"");
        out.extend_from_slice(batch);
        out.push(b'"');
    }
    out.push(b'}');
}
