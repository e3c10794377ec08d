//! Raw JSON text: validity, splitting at the top level, strings, canonical form, layout.
//!
//! Invariant: accepts exactly what V8's `JSON.parse` accepts, at any depth, without recursion.
//! Does not build values: a value is its text, kept byte for byte. No I/O, no clock.

pub mod array;
pub mod canonical;
mod members;
pub mod number;
pub mod object;
pub mod reformat;
pub mod scan;
pub mod string;
#[cfg(test)]
mod tests;

pub use canonical::is_canonical;
pub use scan::{Kind, Malformed, Member, Members, is_valid, kind, skip_value, skip_whitespace};

use std::ops::Range;

/// The bytes of `range`, or nothing where `text` is shorter: ranges come from a scan of the same text.
pub(crate) fn part(text: &[u8], range: Range<usize>) -> &[u8] {
    text.get(range).unwrap_or_default()
}

/// The raw body between the quotes of a string's text; `None` for any other value.
pub(crate) fn string_body(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}
