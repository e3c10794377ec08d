//! Where an operation stands, as text that callers keep: for each log that may still grow, or was read in part, the last line
//! that was read. Lines are told by place, length and checksum, so that a line that was undone and written again is another.

use super::reverse_log::ReverseLog;
use super::trail::LogName;
use crate::disk::{Disk, DiskFile, read_exact_at};
use crate::error::{Error, Result};
use crate::format::operation::without_marker;
use crate::json::number::push_integer;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// A line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) checksum: u32,
}

impl Mark {
    /// No line: the beginning of a log.
    pub(super) const BEGINNING: Self = Self { start: 0, len: 0, checksum: 0 };

    pub(super) fn is_beginning(&self) -> bool {
        self.len == 0
    }

    pub(super) fn new(start: u64, line: &[u8]) -> Self {
        Self { start, len: line.len() as u64, checksum: checksum(line) }
    }

    /// Where the line behind it begins.
    pub(super) fn end(&self) -> u64 {
        self.start + self.len + u64::from(self.len > 0)
    }

    /// The line, if it still stands there.
    pub(super) fn read(&self, file: &dyn DiskFile, path: &Path) -> Result<Option<Vec<u8>>> {
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        let size = file.info().map_err(|source| Error::io("fstat", path, source))?.len;
        if size < self.start.saturating_add(self.len) {
            return Ok(None);
        }
        match read_exact_at(file, self.start, len) {
            Ok(line) => Ok((checksum(&line) == self.checksum).then_some(line)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(source) => Err(Error::io("read", path, source)),
        }
    }
}

/// The checksum of a line, which an undo in its batch does not change.
fn checksum(line: &[u8]) -> u32 {
    let (head, tail) = without_marker(line);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(tail);
    hasher.finalize()
}

/// The last line that was read of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The time in the name of the log.
    pub(super) ms: u64,
    /// The agent in that name; empty for a single writer's.
    pub(super) agent: Arc<str>,
    pub(super) mark: Mark,
}

/// Up to where the operations of a folder were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// All logs with an earlier time in their names were read, and no others, unless `places` says more of an agent's.
    pub(super) floor: u64,
    /// Of these logs everything up to a line was read, and all earlier logs of the same agent.
    pub(super) places: Vec<Place>,
}

impl Position {
    /// Reads the text of a position.
    ///
    /// # Errors
    /// `OPSLOG_INVALID_ARGUMENT` when it is none.
    pub fn parse(text: &str) -> Result<Self> {
        parse(text).ok_or_else(|| {
            Error::InvalidArgument(format!(
                "{text:?} is no position of a store: pass one that the store gave"
            ))
        })
    }

    /// The time of the oldest log that is concerned.
    pub(super) fn oldest_ms(&self) -> u64 {
        self.places.iter().map(|place| place.ms).fold(self.floor, u64::min)
    }

    /// Whether a text looks like a position, and not like a time.
    pub fn is_one(text: &str) -> bool {
        parse(text).is_some()
    }

    /// Appends its text, which holds letters, digits and `.`, `-`, `_`, `~` alone.
    pub fn print_into(&self, out: &mut Vec<u8>) {
        print_into(out, self.floor, self.places.iter().map(|place| (place.ms, &*place.agent, place.mark)));
    }

    /// The position as text.
    pub fn print(&self) -> String {
        let mut out = Vec::new();
        self.print_into(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// The last line of an agent's logs, with the time of its log.
type Last = Option<(u64, Mark)>;

/// The position behind the first bytes of logs: all that a store shows. `is_of_agents` tells agents' logs, of which each may
/// still grow, from the log of a single writer.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn position_behind(
    disk: &dyn Disk,
    root: &Path,
    logs: &[(String, u64)],
    is_of_agents: bool,
) -> Result<String> {
    let mut lasts = Vec::new();
    for (relative, end) in logs {
        let last = ReverseLog::open(disk, root, &LogName::of(relative), *end)?.next()?;
        lasts.push((relative.as_str(), last.map(|found| found.mark)));
    }
    Ok(print_lasts(&lasts, is_of_agents))
}

/// The text of the position behind the last lines of logs.
pub(super) fn print_lasts(lasts: &[(&str, Option<Mark>)], is_of_agents: bool) -> String {
    let mut standings: Vec<(Arc<str>, u64, Last)> = Vec::new();
    for (relative, last) in lasts {
        let LogName { ms, agent, .. } = LogName::of(relative);
        let last = last.map(|mark| (ms, mark));
        let place = standings.partition_point(|(known, ..)| *known < agent);
        match standings.get_mut(place).filter(|(known, ..)| *known == agent) {
            Some((_, newest, known)) => {
                *newest = ms.max(*newest);
                *known = [*known, last].into_iter().flatten().max_by_key(|(ms, _)| *ms);
            }
            None => standings.insert(place, (agent, ms, last)),
        }
    }
    let lasts = standings.iter().filter_map(|(_, _, last)| last.map(|(ms, _)| ms));
    let floor = lasts.max().or(standings.iter().map(|(_, ms, _)| *ms).min()).unwrap_or_default();
    let mut out = Vec::new();
    let standings = standings.iter().map(|(agent, newest, last)| {
        let next_ms = is_of_agents.then_some(last.map_or(*newest, |(ms, _)| ms));
        Standing { agent, last: *last, next_ms, growing_ms: None }
    });
    print_standings(&mut out, floor, standings);
    String::from_utf8_lossy(&out).into_owned()
}

/// What is known of an agent's logs at an operation.
pub(super) struct Standing<'a> {
    pub(super) agent: &'a str,
    /// The last line up to there, with the time of its log.
    pub(super) last: Option<(u64, Mark)>,
    /// The time of the log of the line that comes next.
    pub(super) next_ms: Option<u64>,
    /// The time of the log that may still grow.
    pub(super) growing_ms: Option<u64>,
}

/// Appends the position of an operation in the log of a time, among those of agents.
pub(super) fn print_standings<'a>(
    out: &mut Vec<u8>,
    floor: u64,
    standings: impl Iterator<Item = Standing<'a>>,
) {
    let places = standings.filter_map(|Standing { agent, last, next_ms, growing_ms }| {
        let unread = next_ms.or(growing_ms).filter(|ms| *ms < floor);
        let is_told = last.is_some_and(|(ms, _)| ms >= floor) || unread.is_some();
        let (ms, mark) = is_told.then(|| last.or(unread.map(|ms| (ms, Mark::BEGINNING)))).flatten()?;
        Some((ms, agent, mark))
    });
    print_into(out, floor, places);
}

/// Appends the text of a position.
pub(super) fn print_into<'a>(
    out: &mut Vec<u8>,
    floor: u64,
    places: impl Iterator<Item = (u64, &'a str, Mark)>,
) {
    out.push(b'p');
    push_integer(out, floor);
    for (ms, agent, mark) in places {
        out.push(b'-');
        if ms < floor {
            out.push(b'_');
        }
        push_integer(out, ms.abs_diff(floor));
        out.push(b'.');
        push_escaped(out, agent.as_bytes());
        for number in [mark.start, mark.len, u64::from(mark.checksum)] {
            out.push(b'.');
            push_integer(out, number);
        }
    }
}

/// Appends a name in which all but letters, digits and `_` is written as `~` and two hex digits.
pub(crate) fn push_escaped(out: &mut Vec<u8>, name: &[u8]) {
    for &byte in name {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(byte);
        } else {
            out.push(b'~');
            for digit in [byte >> 4, byte & 15] {
                out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
            }
        }
    }
}

fn unescape(name: &str) -> Option<Arc<str>> {
    String::from_utf8(unescape_bytes(name)?).ok().map(Into::into)
}

/// What [`push_escaped`] was given.
pub(crate) fn unescape_bytes(name: &str) -> Option<Vec<u8>> {
    let mut parts = name.split('~');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

fn parse(text: &str) -> Option<Position> {
    let mut parts = text.strip_prefix('p')?.split('-');
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    let floor = number(parts.next()?)?;
    let mut places = Vec::new();
    for part in parts {
        let mut fields = part.split('.');
        let ms = fields.next()?;
        let ms = match ms.strip_prefix('_') {
            Some(before) => floor.checked_sub(number(before)?)?,
            None => floor.checked_add(number(ms)?)?,
        };
        let agent = unescape(fields.next()?)?;
        let (start, len) = (number(fields.next()?)?, number(fields.next()?)?);
        let checksum = u32::try_from(number(fields.next()?)?).ok()?;
        start.checked_add(len)?.checked_add(1)?;
        if fields.next().is_some() {
            return None;
        }
        places.push(Place { ms, agent, mark: Mark { start, len, checksum } });
    }
    let is_single = places.iter().any(|place| place.agent.is_empty());
    // NOTE: what stands for the beginning no store has given.
    let is_beginning = floor == 0 && places.is_empty();
    (!is_beginning && (!is_single || places.len() == 1)).then_some(Position { floor, places })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_printed() {
        let place = |ms, agent: &str, start| Place {
            ms,
            agent: agent.into(),
            mark: Mark { start, len: 7, checksum: u32::MAX },
        };
        for places in
            [vec![], vec![place(17, "", 0)], vec![place(16, "a-b.c~ \u{e9}", 5), place(20, "z", 1 << 52)]]
        {
            let position = Position { floor: 17, places };
            let text = position.print();
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte)),
                "{text}"
            );
            assert_eq!(Position::parse(&text).unwrap(), position, "{text}");
        }
    }

    #[test]
    fn other_text_is_no_position() {
        for text in [
            "",
            "p",
            "p-",
            "2026-01-01",
            "p0",
            "p1-",
            "p1-0..1.2",
            "p1-0..1.2.3.4",
            "p1-0..1.2.+3",
            "p1-0.~4.1.2.3",
            "p1-0..18446744073709551615.2.3",
            "p1-0..1.2.3-0.a.1.2.3",
            "p\u{e9}",
            "p1-0.~\u{e9}.1.2.3",
        ] {
            assert!(Position::parse(text).is_err(), "{text}");
        }
    }
}
