//! Reading a line: the rules of 0.8.1's `validateOp` on the text, without building the value.

use super::{BatchMark, Kind};
use crate::json::{self, Members, number, part, string, string_body};
use std::borrow::Cow;
use std::ops::Range;

/// Why a line is no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// `JSON.parse` refuses it.
    NotJson,
    /// It is no object, or a field is missing or wrong.
    NotAnOperation,
}

/// An operation that has been read. Ranges are offsets into the line that was given.
///
/// One struct: its fields are the members of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The timestamp as it stands between its quotes; see [`Line::ts`].
    pub ts: Range<usize>,
    /// What it does.
    pub kind: Kind,
    /// The record's id, never empty.
    pub id: Cow<'a, [u8]>,
    /// The new value's text; present exactly for [`Kind::Set`].
    pub data: Option<Range<usize>>,
    /// The text of `prev`: an object or `null`.
    pub prev: Range<usize>,
    /// Whether `prev` is a patch.
    pub encoding_delta: bool,
    /// Who wrote it.
    pub agent: Option<Cow<'a, [u8]>>,
    /// The Lamport clock; `u64::MAX` where it is larger.
    pub clock: Option<u64>,
    /// Place in a batch.
    pub batch: Option<BatchMark>,
    /// How often the log had been cut; 0 if the line does not say.
    pub cuts: u64,
    /// The log that this one follows.
    pub after: Option<Cow<'a, str>>,
    /// The clock that the operation had when it was appended for the first time, if it was appended again.
    pub again: Option<u64>,
    /// The value before, where it was no object; `prev` is `{}` then.
    pub prev_value: Option<Range<usize>>,
    /// The schema version of the value, where that is not its log's.
    pub version: Option<u32>,
    /// Whether any field of ours is there, sensible or not.
    pub(super) has_ours: bool,
}

impl Line<'_> {
    /// The timestamp, decoded, given the line that this was read from.
    pub fn ts<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        string::unescape(part(line, self.ts.clone()))
    }

    /// The same, for use with a copy of the line.
    pub fn into_owned(self) -> Line<'static> {
        let owned = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        Line {
            id: owned(self.id),
            agent: self.agent.map(owned),
            after: self.after.map(|after| Cow::Owned(after.into_owned())),
            ..self
        }
    }
}

/// Where the last member of each name stands.
///
/// One struct: its fields are the members of a line.
#[derive(Default)]
struct Fields {
    ts: Option<Range<usize>>,
    op: Option<Range<usize>>,
    id: Option<Range<usize>>,
    prev: Option<Range<usize>>,
    data: Option<Range<usize>>,
    encoding: Option<Range<usize>>,
    agent: Option<Range<usize>>,
    clock: Option<Range<usize>>,
    prev_value: Option<Range<usize>>,
    version: Option<Range<usize>>,
    batch: Option<Range<usize>>,
    cuts: Option<Range<usize>>,
    after: Option<Range<usize>>,
    again: Option<Range<usize>>,
}

impl Fields {
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<Range<usize>>> {
        Some(match key {
            b"ts" => &mut self.ts,
            b"op" => &mut self.op,
            b"id" => &mut self.id,
            b"prev" => &mut self.prev,
            b"data" => &mut self.data,
            b"encoding" => &mut self.encoding,
            b"agent" => &mut self.agent,
            b"clock" => &mut self.clock,
            b"prevValue" => &mut self.prev_value,
            b"version" => &mut self.version,
            b"batch" => &mut self.batch,
            b"cuts" => &mut self.cuts,
            b"after" => &mut self.after,
            b"again" => &mut self.again,
            _ => return None,
        })
    }

    fn read(line: &[u8]) -> Result<Self, json::Malformed> {
        let mut fields = Self::default();
        for member in Members::new(line) {
            let member = member?;
            let key = if member.key.contains(&b'\\') {
                string::unescape(member.key)
            } else {
                Cow::Borrowed(member.key)
            };
            if let Some(slot) = fields.slot(&key) {
                *slot = Some(member.value);
            }
        }
        Ok(fields)
    }
}

/// Reads a line, given without its newline.
///
/// # Errors
/// [`Invalid`] exactly when 0.8.1 skips the line as malformed.
pub fn parse_line(line: &[u8]) -> Result<Line<'_>, Invalid> {
    match Fields::read(line) {
        Ok(fields) => interpret(line, fields).ok_or(Invalid::NotAnOperation),
        Err(_) if json::is_valid(line) => Err(Invalid::NotAnOperation),
        Err(_) => Err(Invalid::NotJson),
    }
}

fn interpret(line: &[u8], fields: Fields) -> Option<Line<'_>> {
    let text = |range: &Option<Range<usize>>| range.clone().map(|range| part(line, range));
    let ts = fields.ts?;
    non_empty_string(part(line, ts.clone()))?;
    let kind = match &*string::unescape(string_body(text(&fields.op)?)?) {
        b"set" => Kind::Set,
        b"delete" => Kind::Delete,
        _ => return None,
    };
    let id = string::unescape(non_empty_string(text(&fields.id)?)?);
    let prev_kind = json::kind(text(&fields.prev)?)?;
    let prev = fields.prev?;
    let data_kind = text(&fields.data).map(json::kind);
    match (kind, prev_kind, data_kind) {
        (_, prev, _) if !matches!(prev, json::Kind::Object | json::Kind::Null) => return None,
        (Kind::Set, _, None | Some(Some(json::Kind::Null))) => return None,
        (Kind::Delete, json::Kind::Null, _) | (Kind::Delete, _, Some(_)) => return None,
        _ => {}
    }
    let encoding_delta = match text(&fields.encoding) {
        None => false,
        Some(encoding) => match &*string::unescape(string_body(encoding)?) {
            b"delta" => true,
            b"full" => false,
            _ => return None,
        },
    };
    let agent = match text(&fields.agent) {
        None => None,
        Some(agent) => Some(string::unescape(non_empty_string(agent)?)),
    };
    let clock = match text(&fields.clock) {
        None => None,
        Some(clock) => Some(integer(clock)?),
    };
    let ours =
        [&fields.prev_value, &fields.version, &fields.batch, &fields.cuts, &fields.after, &fields.again];
    let has_ours = ours.iter().any(|field| field.is_some());
    let prev_value = fields.prev_value.clone().filter(|value| {
        !encoding_delta
            && json::kind(part(line, value.clone())) != Some(json::Kind::Object)
            && is_empty_object(part(line, prev.clone()))
    });
    Some(Line {
        ts: ts.start + 1..ts.end - 1,
        kind,
        id,
        data: fields.data.clone(),
        prev,
        encoding_delta,
        agent,
        clock,
        batch: text(&fields.batch).and_then(batch_mark),
        cuts: text(&fields.cuts)
            .and_then(integer)
            .filter(|&cuts| number::is_countable(cuts))
            .unwrap_or_default(),
        after: text(&fields.after).and_then(after),
        again: text(&fields.again).and_then(integer),
        prev_value,
        version: text(&fields.version).and_then(schema_version),
        has_ours,
    })
}

fn non_empty_string(value: &[u8]) -> Option<&[u8]> {
    string_body(value).filter(|body| !body.is_empty())
}

fn integer(value: &[u8]) -> Option<u64> {
    (json::kind(value) == Some(json::Kind::Number)).then(|| number::to_integer(value))?
}

fn schema_version(value: &[u8]) -> Option<u32> {
    integer(value).and_then(|version| u32::try_from(version).ok()).filter(|&version| version >= 1)
}

fn is_empty_object(value: &[u8]) -> bool {
    Members::new(value).next().is_none()
}

fn batch_mark(value: &[u8]) -> Option<BatchMark> {
    match string_body(value)? {
        b"more" => Some(BatchMark::More),
        b"last" => Some(BatchMark::Last),
        _ => None,
    }
}

/// Names of logs are plain: one that needs decoding is none of ours.
fn after(value: &[u8]) -> Option<Cow<'_, str>> {
    let body = non_empty_string(value)?;
    if body.contains(&b'\\') { None } else { std::str::from_utf8(body).ok().map(Cow::Borrowed) }
}
