//! What is found, as the JSON text that callers are shown: each operation with the full value before it. Or flat: one list of all that is
//! in a piece, from which `lib/history/pieces.js` puts the operations together in less time than V8 parses them.

use std::borrow::Cow;

use super::{Change, Event};
use crate::engine::delta::apply_delta;
use crate::format::operation::{Kind, Line};
use crate::json::number::push_integer;
use crate::json::string::escape_into;
use crate::json::{Members, part};

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

/// What stands behind the flags of an operation, and what of it is left out.
mod flag {
    pub const DELETE: u64 = 1;
    pub const NOTHING_BEFORE: u64 = 2;
    /// Instead of the value before: its fields that differ from the value.
    pub const FIELDS_BEFORE: u64 = 4;
    pub const SAME_TIME: u64 = 8;
    pub const AGENT: u64 = 16;
    pub const CLOCK: u64 = 32;
    pub const BATCH: u64 = 64;
    pub const SAME_BATCH: u64 = 128;
    /// It was undone.
    pub const UNDONE: u64 = 256;
}

/// A piece of a history as one JSON list: of each operation flags, and then what these say.
#[derive(Default)]
pub struct Flat {
    out: Vec<u8>,
    ts: Vec<u8>,
    batch: Vec<u8>,
}

impl Flat {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The text of the items, with a comma behind each.
    pub fn into_text(self) -> Vec<u8> {
        self.out
    }

    /// Adds what was found.
    pub fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Change(change) => self.add_change(change),
            Event::Undone { position, after, id } => {
                self.number(flag::UNDONE);
                self.plain(position);
                self.plain(after);
                self.string(id);
            }
        }
    }

    fn add_change(&mut self, change: &Change<'_>) {
        let Change { bytes, line, position, batch, .. } = change;
        let ts = part(bytes, line.ts.clone());
        let before = Before::of(bytes, line);
        let mut flags = match (line.kind, &before) {
            (Kind::Delete, _) => flag::DELETE,
            (Kind::Set, Before::Fields(_)) => flag::FIELDS_BEFORE,
            (Kind::Set, _) => 0,
        };
        let mut set = |flag: u64, is_set: bool| flags |= if is_set { flag } else { 0 };
        set(flag::NOTHING_BEFORE, matches!(before, Before::Nothing));
        set(flag::SAME_TIME, self.ts == ts);
        set(flag::AGENT, line.agent.is_some());
        set(flag::CLOCK, line.clock.is_some());
        set(flag::BATCH, batch.is_some());
        set(flag::SAME_BATCH, batch.is_some_and(|batch| self.batch == batch));
        self.number(flags);
        self.plain(position);
        if flags & flag::SAME_TIME == 0 {
            self.plain(ts);
            self.ts.clear();
            self.ts.extend_from_slice(ts);
        }
        self.string(&line.id);
        if let Some(data) = &line.data {
            self.item(part(bytes, data.clone()));
        }
        match before {
            Before::Nothing => {}
            Before::Fields(text) => self.item(text),
            Before::Value(text) => self.item(&text),
        }
        if let Some(agent) = &line.agent {
            self.string(agent);
        }
        if let Some(clock) = line.clock {
            self.number(clock);
        }
        if let Some(batch) = batch.filter(|_| flags & flag::SAME_BATCH == 0) {
            self.plain(batch);
            self.batch.clear();
            self.batch.extend_from_slice(batch);
        }
    }

    fn number(&mut self, number: u64) {
        push_integer(&mut self.out, number);
        self.out.push(b',');
    }

    /// A string that needs no escapes, or has them.
    fn plain(&mut self, text: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\",");
    }

    fn string(&mut self, text: &[u8]) {
        escape_into(&mut self.out, text);
        self.out.push(b',');
    }

    fn item(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.out.push(b',');
    }
}

/// The value before an operation.
enum Before<'a> {
    Nothing,
    /// The fields of the value that were different, as an object.
    Fields(&'a [u8]),
    Value(Cow<'a, [u8]>),
}

impl<'a> Before<'a> {
    fn of(bytes: &'a [u8], line: &Line<'_>) -> Self {
        if let Some(fields) = changed_fields(bytes, line) {
            return Self::Fields(fields);
        }
        match before_into(bytes, line) {
            text if *text == *b"null" => Self::Nothing,
            text => Self::Value(text),
        }
    }
}

/// What a patch sets that does nothing else, of a set of an object. Which fields the object has makes no difference: others come
/// behind them, in JS as in [`apply_delta`].
fn changed_fields<'a>(bytes: &'a [u8], line: &Line<'_>) -> Option<&'a [u8]> {
    let data = line.data.as_ref().filter(|_| line.encoding_delta && line.kind == Kind::Set)?;
    if part(bytes, data.clone()).first() != Some(&b'{') {
        return None;
    }
    let patch = part(bytes, line.prev.clone());
    let mut members = Members::new(patch);
    let set = members.next()?.ok().filter(|member| member.key == b"$set")?;
    let set = part(patch, set.value);
    (set.first() == Some(&b'{') && members.next().is_none()).then_some(set)
}
