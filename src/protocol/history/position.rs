//! Where an operation stands, as text that callers keep: the era that it belongs to, and of each agent, how many operations were
//! read since that era began, with a checksum of them. It names no log, so that copies of logs do not matter. An agent's operations
//! have one order, whichever operations of others stand between them, so that their number says which they are.

use std::collections::BTreeMap;

use crate::format::document::Name;
use crate::history::{push_escaped, unescape_bytes};
use crate::json::number::push_integer;

/// How many operations of an agent were read, and the sum of their checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) count: u64,
    pub(super) sum: u32,
}

impl Count {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    pub(super) fn add(&mut self, identity: &[u8]) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(crc32fast::hash(identity));
    }

    pub(super) fn take(&mut self, identity: &[u8]) {
        self.count = self.count.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(crc32fast::hash(identity));
    }
}

/// The operations that were read since an era began, by agent; a single writer has no name.
pub(super) type Read = BTreeMap<Name, Count>;

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub(super) era: u64,
    /// A checksum of the path of the snapshot with which the era began.
    pub(super) origin: u32,
    pub(super) read: Read,
    /// The agent whose operation it is of; of a position that is behind none, any.
    pub(super) last: Option<Name>,
}

impl Position {
    /// Reads the text of a position.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u64>().ok(),
            false => None,
        };
        let small = |text: &str| u32::try_from(number(text)?).ok();
        let mut parts = text.strip_prefix('b')?.split('-');
        let (era, origin) = parts.next()?.split_once('.')?;
        let (mut read, mut last) = (Read::new(), None);
        for part in parts {
            let mut fields = part.split('.');
            let agent = Name::from(unescape_bytes(fields.next()?)?);
            let count = Count { count: number(fields.next()?)?, sum: small(fields.next()?)? };
            if fields.next().is_some() || count.count == 0 {
                return None;
            }
            last = Some(Name::clone(&agent));
            read.insert(agent, count);
        }
        Some(Self { era: number(era)?, origin: small(origin)?, read, last })
    }

    /// The position as text, which holds letters, digits and `.`, `-`, `_`, `~` alone.
    pub fn print(&self) -> Vec<u8> {
        print(self.era, self.origin, &self.read, self.last.as_ref())
    }
}

/// The text of a position. The agent whose operation it is of comes last: so no two operations have one text, whatever of other agents was
/// read when it was printed.
pub(super) fn print(era: u64, origin: u32, read: &Read, last: Option<&Name>) -> Vec<u8> {
    let mut out = b"b".to_vec();
    push_integer(&mut out, era);
    out.push(b'.');
    push_integer(&mut out, u64::from(origin));
    let others = read.iter().filter(|(agent, _)| Some(*agent) != last);
    let own = last.and_then(|last| read.get_key_value(last));
    for (agent, Count { count, sum }) in others.chain(own).filter(|(_, count)| count.count > 0) {
        out.push(b'-');
        push_escaped(&mut out, agent);
        for number in [*count, u64::from(*sum)] {
            out.push(b'.');
            push_integer(&mut out, number);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_printed() {
        let agents: [&[&str]; 3] = [&[], &[""], &["z", "a-b.c~ \u{e9}"]];
        for agents in agents {
            let count = |agent: &str| Count { count: agent.len() as u64 + 1, sum: u32::MAX };
            let read = agents.iter().map(|agent| (Name::from(agent.as_bytes()), count(agent))).collect();
            let last = agents.last().map(|agent| Name::from(agent.as_bytes()));
            let position = Position { era: 17, origin: u32::MAX, read, last };
            let text = String::from_utf8(position.print()).unwrap();
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte)),
                "{text}"
            );
            assert_eq!(Position::parse(&text), Some(position), "{text}");
        }
    }

    #[test]
    fn other_text_is_no_position() {
        for text in [
            "",
            "b",
            "b1",
            "b1.",
            "b.1",
            "b1.4294967296",
            "b1.2-",
            "b1.2-a",
            "b1.2-a.1",
            "b1.2-a.0.1",
            "b1.2-a.1.2.3",
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
