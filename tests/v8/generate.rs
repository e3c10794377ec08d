//! Random JSON text: valid, canonical, or damaged. Deterministic for a seed.

use crate::pools::{CANONICAL_STRINGS, DAMAGE, KEYS, NUMBERS, RAW, STRINGS, VALID_NUMBERS};

/// A splitmix64 generator (<https://prng.di.unimi.it/splitmix64.c>).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// How the generated text is spelled.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    /// As V8 prints it, except for what is asked for.
    Printed { keys: Keys, odd_strings: bool },
    /// Any valid spelling, with raw bytes that are no UTF-8 now and then.
    Any,
}

/// As V8 prints it.
pub const CANONICAL: Style = Style::Printed { keys: Keys::Proper, odd_strings: false };

/// How the keys of an object go together.
#[derive(Clone, Copy, PartialEq)]
pub enum Keys {
    /// Distinct and in V8's order.
    Proper,
    /// In V8's order, at times one twice.
    Repeated,
    /// Anything.
    Any,
}

pub fn space(random: &mut Random, out: &mut Vec<u8>, style: Style) {
    while style == Style::Any && random.one_in(6) {
        out.extend_from_slice(random.pick(&[b" ".as_slice(), b"\n", b"\t", b"\r", b"  "]));
    }
}

/// A quoted string.
pub fn string(random: &mut Random, out: &mut Vec<u8>, style: Style) {
    out.push(b'"');
    let canonical = matches!(style, Style::Printed { odd_strings: false, .. });
    for _ in 0..[0, 1, 1, 2, 5][random.below(5)] {
        let from = if canonical { CANONICAL_STRINGS } else { STRINGS.len() };
        let piece = STRINGS[random.below(from)];
        // Two halves that meet would be a character.
        if !(canonical
            && piece.starts_with("\\ud")
            && out.len() >= 6
            && out[out.len() - 6..].starts_with(b"\\ud"))
        {
            out.extend_from_slice(piece.as_bytes());
        }
        if style == Style::Any && random.one_in(20) {
            out.extend_from_slice(random.pick(RAW));
        }
    }
    out.push(b'"');
}

fn number(random: &mut Random, out: &mut Vec<u8>, style: Style) {
    if style == Style::Any && random.one_in(2) {
        out.extend_from_slice(NUMBERS[random.below(VALID_NUMBERS)].as_bytes());
        return;
    }
    let value = match random.below(4) {
        0 => random.below(100) as f64,
        1 => random.next() as i64 as f64,
        2 => f64::from_bits(random.next()),
        _ => random.below(1_000_000) as f64 / 1000.0 - 500.0,
    };
    let value = if value.is_finite() { value } else { 1.0 };
    out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
}

fn keys(random: &mut Random, style: Style) -> Vec<Vec<u8>> {
    let wide = random.one_in(15);
    let count = if wide { 10 + random.below(40) } else { random.below(6) };
    let mut keys: Vec<Vec<u8>> = (0..count)
        .map(|_| match random.below(5) {
            0 => random.below(30).to_string().into_bytes(),
            1 if wide => format!("w{}", random.below(500)).into_bytes(),
            _ => random.pick(KEYS).as_bytes().to_vec(),
        })
        .collect();
    let Style::Printed { keys: how @ (Keys::Proper | Keys::Repeated), .. } = style else {
        return keys;
    };
    let mut seen = std::collections::HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    if how == Keys::Repeated && !keys.is_empty() && random.one_in(3) {
        keys.push(keys[random.below(keys.len())].clone());
    }
    opslog::json::object::sort_keys(&mut keys, |key| key);
    keys
}

pub fn object(random: &mut Random, out: &mut Vec<u8>, style: Style, depth: usize) {
    out.push(b'{');
    space(random, out, style);
    for (place, key) in keys(random, style).into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        space(random, out, style);
        out.push(b'"');
        // Any key can also be spelled with an escape.
        match key.split_first() {
            Some((first, rest))
                if style == Style::Any && *first != b'\\' && first.is_ascii() && random.one_in(8) =>
            {
                out.extend_from_slice(format!("\\u{first:04x}").as_bytes());
                out.extend_from_slice(rest);
            }
            _ => out.extend_from_slice(&key),
        }
        out.push(b'"');
        space(random, out, style);
        out.push(b':');
        space(random, out, style);
        value(random, out, style, depth + 1);
        space(random, out, style);
    }
    out.push(b'}');
}

pub fn value(random: &mut Random, out: &mut Vec<u8>, style: Style, depth: usize) {
    match random.below(if depth > 4 { 6 } else { 9 }) {
        0 => out.extend_from_slice(b"true"),
        1 => out.extend_from_slice(b"false"),
        2 => out.extend_from_slice(b"null"),
        3 => number(random, out, style),
        4 | 5 => string(random, out, style),
        6 => {
            out.push(b'[');
            space(random, out, style);
            for place in 0..random.below(4) {
                if place > 0 {
                    out.push(b',');
                }
                space(random, out, style);
                value(random, out, style, depth + 1);
                space(random, out, style);
            }
            out.push(b']');
        }
        _ => object(random, out, style, depth),
    }
}

/// A few random edits.
pub fn damage(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..1 + random.below(3) {
        let from = if random.one_in(4) { RAW } else { DAMAGE };
        let piece = random.pick(from);
        let at = random.below(text.len() + 1);
        let end = (at + random.below(6)).min(text.len());
        match random.below(5) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, piece.iter().copied())),
            2 => drop(text.splice(at..end, piece.iter().copied())),
            3 if at < text.len() => text[at] = random.next() as u8,
            3 => text.truncate(at),
            _ => {
                let piece = NUMBERS[random.below(NUMBERS.len())].bytes();
                drop(text.splice(at..end, piece));
            }
        }
    }
}

/// A canonical object's text with distinct, ordered keys.
pub fn canonical_object(random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    object(random, &mut out, CANONICAL, 2);
    out
}

/// An id in WTF-8, from a small pool so that ids repeat.
pub fn id(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    match random.below(4) {
        0 => text.extend_from_slice(random.below(20).to_string().as_bytes()),
        1 => text.extend_from_slice(random.pick(KEYS).as_bytes()),
        2 => {
            string(random, &mut text, CANONICAL);
            text = text[1..text.len() - 1].to_vec();
        }
        _ => text.extend_from_slice(format!("id-{}", random.below(20)).as_bytes()),
    }
    opslog::json::string::unescape(&text).into_owned()
}
