//! JavaScript strings as bytes. Inside the engine a string is WTF-8: UTF-8, with unpaired surrogates in
//! their three-byte form and pairs always joined, so that every JavaScript string has exactly one
//! spelling (<https://simonsapin.github.io/wtf-8/>).
//!
//! Expects bodies that a scan has accepted; broken escapes are copied as they stand.

use super::scan::skip_plain;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Decodes the body of a JSON string (what stands between its quotes). Bytes that are no UTF-8 become
/// U+FFFD, as when Node reads the file as text.
pub fn unescape(body: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', body) else {
        return decode(body);
    };
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    let mut next = Some(first);
    while let Some((plain, escape)) = next.and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(&decode(plain));
        let used = unescape_one(&mut out, escape);
        rest = escape.get(used..).unwrap_or_default();
        next = memchr::memchr(b'\\', rest);
    }
    out.extend_from_slice(&decode(rest));
    Cow::Owned(out)
}

fn decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.is_ascii() {
        return Cow::Borrowed(bytes);
    }
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Decodes the escape at the head of `escape` and returns its length.
fn unescape_one(out: &mut Vec<u8>, escape: &[u8]) -> usize {
    let byte = match escape.get(1) {
        Some(b'b') => 0x08,
        Some(b't') => b'\t',
        Some(b'n') => b'\n',
        Some(b'f') => 0x0c,
        Some(b'r') => b'\r',
        Some(b'u') => return unescape_unit(out, escape),
        Some(&other) => other,
        None => b'\\',
    };
    out.push(byte);
    2
}

fn unescape_unit(out: &mut Vec<u8>, escape: &[u8]) -> usize {
    let Some(unit) = hex_unit(escape) else {
        out.push(b'u');
        return 2;
    };
    if let 0xd800..0xdc00 = unit
        && let Some(low @ 0xdc00..0xe000) = escape.get(6..).and_then(hex_unit)
    {
        push_code_point(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        return 12;
    }
    push_code_point(out, unit);
    6
}

/// The code unit of a `\uXXXX` at the head of the text.
pub(crate) fn hex_unit(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    let mut unit = 0;
    for &digit in digits {
        unit = unit << 4 | (digit as char).to_digit(16)?;
    }
    Some(unit)
}

/// Generalised UTF-8: surrogates are encoded like any other code point.
fn push_code_point(out: &mut Vec<u8>, code: u32) {
    let continuation = |shift: u32| 0x80 | (code >> shift & 0x3f) as u8;
    match code {
        0..0x80 => out.push(code as u8),
        0x80..0x800 => out.extend_from_slice(&[0xc0 | (code >> 6) as u8, continuation(0)]),
        0x800..0x10000 => {
            out.extend_from_slice(&[0xe0 | (code >> 12) as u8, continuation(6), continuation(0)])
        }
        _ => out.extend_from_slice(&[
            0xf0 | (code >> 18) as u8,
            continuation(12),
            continuation(6),
            continuation(0),
        ]),
    }
}

/// Appends the string as `JSON.stringify` prints it, quotes included.
pub fn escape_into(out: &mut Vec<u8>, wtf8: &[u8]) {
    out.push(b'"');
    if is_short_and_plain(wtf8) {
        out.extend_from_slice(wtf8);
        out.push(b'"');
        return;
    }
    let mut start = 0;
    let mut at = 0;
    // Nearly all text has no byte 0xED, the lead of surrogates; a look ahead keeps the loop simple.
    let mut surrogate = next_surrogate(wtf8, 0);
    loop {
        at = skip_plain(wtf8, at);
        if surrogate < at {
            at = surrogate;
        }
        out.extend_from_slice(wtf8.get(start..at).unwrap_or_default());
        let Some(&byte) = wtf8.get(at) else { break };
        if at == surrogate {
            push_surrogate(out, wtf8.get(at + 1..at + 3).unwrap_or_default());
            at += 3;
            surrogate = next_surrogate(wtf8, at);
        } else {
            push_escape(out, byte);
            at += 1;
        }
        start = at;
    }
    out.push(b'"');
}

/// Whether a text is as short as most ids, and needs no look for anything that is escaped.
fn is_short_and_plain(wtf8: &[u8]) -> bool {
    let is_plain = |byte: u8| (0x20..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\');
    wtf8.len() <= 64 && wtf8.iter().fold(true, |plain, &byte| plain & is_plain(byte))
}

/// The offset of the next surrogate in three-byte form, or the length.
fn next_surrogate(wtf8: &[u8], from: usize) -> usize {
    let rest = wtf8.get(from..).unwrap_or_default();
    memchr::memchr_iter(0xed, rest)
        .map(|at| from + at)
        .find(|at| wtf8.get(at + 1).is_some_and(|&byte| byte >= 0xa0))
        .unwrap_or(wtf8.len())
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex_digit(value: u8) -> u8 {
    HEX.get(usize::from(value & 15)).copied().unwrap_or_default()
}

fn push_surrogate(out: &mut Vec<u8>, continuation: &[u8]) {
    let &[high, low] = continuation else { return };
    out.extend_from_slice(b"\\ud");
    out.extend_from_slice(&[
        hex_digit(high >> 2),
        hex_digit((high & 3) << 2 | (low >> 4 & 3)),
        hex_digit(low),
    ]);
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// What JavaScript's `length` says of the string.
pub fn utf16_len(wtf8: &[u8]) -> usize {
    if wtf8.is_ascii() {
        return wtf8.len();
    }
    // Every character has one byte that is no continuation; those above U+FFFF have two units.
    wtf8.iter().map(|&byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum()
}

/// Encodes UTF-16 code units, paired or not.
pub fn from_utf16(units: &[u16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(units.len());
    for decoded in char::decode_utf16(units.iter().copied()) {
        let code = decoded.map_or_else(|lone| u32::from(lone.unpaired_surrogate()), u32::from);
        push_code_point(&mut out, code);
    }
    out
}

/// Decodes into UTF-16 code units.
pub fn to_utf16(wtf8: &[u8]) -> Vec<u16> {
    Units::new(wtf8).collect()
}

/// Orders two strings as JavaScript's `<` does: by UTF-16 code units.
pub fn compare_utf16(a: &[u8], b: &[u8]) -> Ordering {
    let mut same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    while same > 0 && is_continuation(a.get(same)).max(is_continuation(b.get(same))) {
        same -= 1;
    }
    let tail = |text| Units::new(<[u8]>::get(text, same..).unwrap_or_default());
    tail(a).cmp(tail(b))
}

fn is_continuation(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// The UTF-16 code units of WTF-8.
struct Units<'a> {
    bytes: std::slice::Iter<'a, u8>,
    low: Option<u16>,
}

impl<'a> Units<'a> {
    fn new(wtf8: &'a [u8]) -> Self {
        Self { bytes: wtf8.iter(), low: None }
    }

    fn continuation(&mut self) -> u32 {
        self.bytes.next().map_or(0, |byte| u32::from(byte & 0x3f))
    }
}

impl Iterator for Units<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if let Some(low) = self.low.take() {
            return Some(low);
        }
        let lead = u32::from(*self.bytes.next()?);
        let code = match lead {
            0..0x80 => lead,
            0x80..0xe0 => (lead & 0x1f) << 6 | self.continuation(),
            0xe0..0xf0 => (lead & 0x0f) << 12 | self.continuation() << 6 | self.continuation(),
            _ => {
                let above = (lead & 0x07) << 18
                    | self.continuation() << 12
                    | self.continuation() << 6
                    | self.continuation();
                let offset = above.saturating_sub(0x10000);
                self.low = Some((0xdc00 | (offset & 0x3ff)) as u16);
                0xd800 | (offset >> 10 & 0x3ff)
            }
        };
        Some(code as u16)
    }
}
