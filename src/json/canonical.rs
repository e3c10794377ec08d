//! Canonical text: byte for byte what V8 prints for `JSON.stringify(JSON.parse(text))`. Only between
//! canonical texts does equality of text mean equality of values.
//!
//! Invariant: never says yes wrongly. A no may be wrong (nesting beyond [`MAX_DEPTH`], which V8 may or
//! may not be able to print), and then only costs a trip through V8.

use super::number;
use super::object::{NARROW, array_index};
use super::scan::{skip_number, skip_plain};
use super::string::hex_unit;

use crate::order;

/// Deeper texts are not taken for canonical: printing them overflows V8's stack at some depth.
pub const MAX_DEPTH: usize = 1000;

/// Tells whether the text is what V8 would print for the value that it holds.
pub fn is_canonical(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && Walk::default().run(text) == Some(text.len())
}

#[derive(Default)]
struct Walk<'a> {
    /// The containers around the current place, outermost first.
    open: Vec<Container>,
    /// The keys that are no array indices, of all objects in `open`.
    names: Vec<&'a [u8]>,
}

/// `None` in `object` for arrays.
struct Container {
    object: Option<Keys>,
}

struct Keys {
    /// Where this object's names start.
    first_name: usize,
    last_index: Option<u32>,
    /// A bit per kind of name seen: only names that share one need comparing.
    seen: u64,
}

impl<'a> Walk<'a> {
    fn run(&mut self, text: &'a [u8]) -> Option<usize> {
        let mut at = 0;
        'value: loop {
            match *text.get(at)? {
                b'"' => at = skip_canonical_string(text, at + 1)?,
                b'-' | b'0'..=b'9' => {
                    let end = skip_number(text, at)?;
                    if !number::is_canonical(text.get(at..end)?) {
                        return None;
                    }
                    at = end;
                }
                b'{' if text.get(at + 1) == Some(&b'}') => at += 2,
                b'[' if text.get(at + 1) == Some(&b']') => at += 2,
                bracket @ (b'{' | b'[') if self.open.len() < MAX_DEPTH => {
                    let object = (bracket == b'{').then_some(Keys {
                        first_name: self.names.len(),
                        last_index: None,
                        seen: 0,
                    });
                    self.open.push(Container { object });
                    at = self.skip_key(text, at + 1)?;
                    continue 'value;
                }
                b't' => at = skip_word(text, at, b"true")?,
                b'f' => at = skip_word(text, at, b"false")?,
                b'n' => at = skip_word(text, at, b"null")?,
                _ => return None,
            }
            while let Some(container) = self.open.last() {
                match (*text.get(at)?, &container.object) {
                    (b',', _) => {
                        at = self.skip_key(text, at + 1)?;
                        continue 'value;
                    }
                    (b'}', Some(keys)) => {
                        let first_name = keys.first_name;
                        if has_duplicates(self.names.get(first_name..)?) {
                            return None;
                        }
                        self.names.truncate(first_name);
                    }
                    (b']', None) => {}
                    _ => return None,
                }
                self.open.pop();
                at += 1;
            }
            return Some(at);
        }
    }

    /// Skips `"key":` if the innermost container is an object, and notes the key.
    fn skip_key(&mut self, text: &'a [u8], at: usize) -> Option<usize> {
        let Some(keys) = &mut self.open.last_mut()?.object else {
            return Some(at);
        };
        if *text.get(at)? != b'"' {
            return None;
        }
        let closed = skip_canonical_string(text, at + 1)?;
        let key = text.get(at + 1..closed - 1)?;
        if *text.get(closed)? != b':' {
            return None;
        }
        let names = self.names.get(keys.first_name..)?;
        if let Some(index) = array_index(key) {
            // Ascending also means distinct.
            if !names.is_empty() || keys.last_index.is_some_and(|last| last >= index) {
                return None;
            }
            keys.last_index = Some(index);
            return Some(closed + 1);
        }
        let bit = 1u64 << (fingerprint(key) & 63);
        if names.len() < NARROW && keys.seen & bit != 0 && names.contains(&key) {
            return None;
        }
        keys.seen |= bit;
        self.names.push(key);
        Some(closed + 1)
    }
}

fn fingerprint(key: &[u8]) -> usize {
    let first = key.first().copied().map_or(0, usize::from);
    let last = key.last().copied().map_or(0, usize::from);
    first.wrapping_mul(7) ^ last.wrapping_mul(31) ^ key.len().wrapping_mul(13)
}

/// Narrow objects were checked key by key; sorting keeps the wide ones from being quadratic.
fn has_duplicates(names: &[&[u8]]) -> bool {
    if names.len() <= NARROW {
        return false;
    }
    let mut names = names.to_vec();
    order::sort(&mut names);
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

fn skip_word(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text.get(at..)?.starts_with(word).then_some(at + word.len())
}

/// From just behind the opening quote to just behind the closing one.
fn skip_canonical_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = skip_plain(text, at);
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += canonical_escape(text.get(at..)?)?,
            _ => return None,
        }
    }
}

/// The length of the escape at the head of the text, if V8 would print it so.
fn canonical_escape(escape: &[u8]) -> Option<usize> {
    match *escape.get(1)? {
        b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => {
            let unit = hex_unit(escape)?;
            let lower = !escape.get(2..6)?.iter().any(u8::is_ascii_uppercase);
            let printed = match unit {
                0x08 | 0x09 | 0x0a | 0x0c | 0x0d => false,
                0..0x20 | 0xdc00..0xe000 => true,
                // Followed by its other half it would be a character, printed as such.
                0xd800..0xdc00 => !matches!(escape.get(6..).and_then(hex_unit), Some(0xdc00..0xe000)),
                _ => false,
            };
            (lower && printed).then_some(6)
        }
        _ => None,
    }
}
