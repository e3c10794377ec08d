//! A strict scanner over JSON text.
//!
//! Invariant: the accepted language is that of V8's `JSON.parse`; bytes from 0x80 pass opaquely inside
//! strings (whatever a UTF-8 decoder makes of them, it makes no ASCII) and are refused outside. Depth
//! costs one bit per level, never stack. Does not decode anything.

pub use super::members::{Malformed, Member, Members};

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{...}`
    Object,
    /// `[...]`
    Array,
    /// `"..."`
    String,
    /// Any number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// Tells what a valid text holds, by its first byte after whitespace; `None` if no value starts so.
pub fn kind(text: &[u8]) -> Option<Kind> {
    Some(match text.get(skip_whitespace(text, 0))? {
        b'{' => Kind::Object,
        b'[' => Kind::Array,
        b'"' => Kind::String,
        b'-' | b'0'..=b'9' => Kind::Number,
        b't' => Kind::True,
        b'f' => Kind::False,
        b'n' => Kind::Null,
        _ => return None,
    })
}

/// Returns the offset of the first byte from `at` that is no JSON whitespace.
#[inline]
pub fn skip_whitespace(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Tells whether the text is one JSON value, with whitespace around it or not.
pub fn is_valid(text: &[u8]) -> bool {
    skip_value(text, skip_whitespace(text, 0)).is_some_and(|end| skip_whitespace(text, end) == text.len())
}

/// Returns the end of the value that begins exactly at `at`, or `None` if there is none.
pub fn skip_value(text: &[u8], mut at: usize) -> Option<usize> {
    let mut nesting = Nesting::default();
    'value: loop {
        match *text.get(at)? {
            b'"' => at = skip_string(text, at + 1)?,
            b'-' | b'0'..=b'9' => at = skip_number(text, at)?,
            b'{' => {
                at = skip_whitespace(text, at + 1);
                if text.get(at) == Some(&b'}') {
                    at += 1;
                } else {
                    nesting.push(true);
                    at = skip_key(text, at)?;
                    continue 'value;
                }
            }
            b'[' => {
                at = skip_whitespace(text, at + 1);
                if text.get(at) == Some(&b']') {
                    at += 1;
                } else {
                    nesting.push(false);
                    continue 'value;
                }
            }
            b't' => at = skip_word(text, at, b"true")?,
            b'f' => at = skip_word(text, at, b"false")?,
            b'n' => at = skip_word(text, at, b"null")?,
            _ => return None,
        }
        while nesting.depth > 0 {
            at = skip_whitespace(text, at);
            match (*text.get(at)?, nesting.in_object()) {
                (b',', true) => {
                    at = skip_key(text, skip_whitespace(text, at + 1))?;
                    continue 'value;
                }
                (b',', false) => {
                    at = skip_whitespace(text, at + 1);
                    continue 'value;
                }
                (b'}', true) | (b']', false) => {
                    nesting.pop();
                    at += 1;
                }
                _ => return None,
            }
        }
        return Some(at);
    }
}

/// Skips `"key"`, the colon, and whitespace around it.
#[inline]
fn skip_key(text: &[u8], at: usize) -> Option<usize> {
    if *text.get(at)? != b'"' {
        return None;
    }
    let colon = skip_whitespace(text, skip_string(text, at + 1)?);
    if *text.get(colon)? != b':' {
        return None;
    }
    Some(skip_whitespace(text, colon + 1))
}

fn skip_word(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text.get(at..)?.starts_with(word).then_some(at + word.len())
}

/// From just behind the opening quote to just behind the closing one.
#[inline]
pub(crate) fn skip_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = skip_plain(text, at);
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = skip_escape(text, at)?,
            _ => return None,
        }
    }
}

/// Returns the offset of the first byte from `at` that is a quote, a backslash or a control character.
#[inline]
pub(crate) fn skip_plain(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let hits = special_bytes(u64::from_le_bytes(*chunk));
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while text.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

/// Marks the high bit of each byte that ends a plain run. Marks above the lowest one may be false (a
/// subtraction borrows upwards), so only the lowest counts.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & (ONES * 0x80)
}

#[inline]
fn skip_escape(text: &[u8], at: usize) -> Option<usize> {
    match *text.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => text.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 6),
        _ => None,
    }
}

#[inline]
pub(crate) fn skip_number(text: &[u8], mut at: usize) -> Option<usize> {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match *text.get(at)? {
        b'0' => at + 1,
        b'1'..=b'9' => skip_digits(text, at + 1),
        _ => return None,
    };
    if text.get(at) == Some(&b'.') {
        at = skip_some_digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = skip_some_digits(text, at)?;
    }
    Some(at)
}

fn skip_some_digits(text: &[u8], at: usize) -> Option<usize> {
    let end = skip_digits(text, at);
    (end > at).then_some(end)
}

#[inline]
fn skip_digits(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// One bit per open container: set for objects. The innermost 64 live in a register.
#[derive(Default)]
struct Nesting {
    innermost: u64,
    outer: Vec<u64>,
    depth: usize,
}

impl Nesting {
    #[inline]
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.innermost);
        }
        self.innermost = self.innermost << 1 | u64::from(object);
        self.depth += 1;
    }

    #[inline]
    fn in_object(&self) -> bool {
        self.innermost & 1 == 1
    }

    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.innermost = self.outer.pop().unwrap_or_default();
        } else {
            self.innermost >>= 1;
        }
    }
}
