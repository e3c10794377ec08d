//! Splitting an object's text into its top-level members, in one pass that also checks all of it.

use super::scan::{skip_string, skip_value, skip_whitespace};
use std::ops::Range;

/// Text that `JSON.parse` would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Byte offset of the token at which the text stops making sense.
    pub offset: usize,
}

/// One member of an object's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key as it stands between its quotes, escapes included.
    pub key: &'a [u8],
    /// Where the value's text stands.
    pub value: Range<usize>,
}

/// Iterates over the top-level members of an object's text, duplicates included, in the text's order.
/// Once it has ended without an error, the whole text was one valid object.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    text: &'a [u8],
    at: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Inside,
    Ended,
}

impl<'a> Members<'a> {
    /// Starts before the first member.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, state: State::Start }
    }

    /// `Some(None)` is the object's proper end, `None` is malformed text at `self.at`.
    #[inline]
    fn step(&mut self) -> Option<Option<Member<'a>>> {
        let text = self.text;
        self.at = skip_whitespace(text, self.at);
        let byte = *text.get(self.at)?;
        match (self.state, byte) {
            (State::Start, b'{') => {
                self.at = skip_whitespace(text, self.at + 1);
                if text.get(self.at) == Some(&b'}') {
                    return self.end();
                }
            }
            (State::Inside, b',') => self.at = skip_whitespace(text, self.at + 1),
            (State::Inside, b'}') => return self.end(),
            _ => return None,
        }
        self.state = State::Inside;
        let opening = self.at;
        if *text.get(opening)? != b'"' {
            return None;
        }
        let closed = skip_string(text, opening + 1)?;
        self.at = skip_whitespace(text, closed);
        if *text.get(self.at)? != b':' {
            return None;
        }
        self.at = skip_whitespace(text, self.at + 1);
        let start = self.at;
        self.at = skip_value(text, start)?;
        let key = text.get(opening + 1..closed - 1)?;
        Some(Some(Member { key, value: start..self.at }))
    }

    fn end(&mut self) -> Option<Option<Member<'a>>> {
        self.at = skip_whitespace(self.text, self.at + 1);
        (self.at == self.text.len()).then_some(None)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        match self.step() {
            Some(Some(member)) => Some(Ok(member)),
            Some(None) => {
                self.state = State::Ended;
                None
            }
            None => {
                self.state = State::Ended;
                Some(Err(Malformed { offset: self.at }))
            }
        }
    }
}
