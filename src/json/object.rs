//! Objects as JavaScript orders them: array indices first and ascending, then keys in the order of
//! their first appearance; of duplicates, the last value counts.
//!
//! Keys are own properties whatever their name: `__proto__`, `constructor` and the like are plain.

use super::scan::{Malformed, Members};
use super::string::unescape;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::ops::Range;

use crate::order;

/// Objects wider than this are looked up through a hash table.
pub(crate) const NARROW: usize = 16;

/// One own property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key, decoded.
    pub key: Cow<'a, [u8]>,
    /// Where the value's text stands.
    pub value: Range<usize>,
}

/// What `Object.entries(JSON.parse(text))` gives for the text of an object.
///
/// # Errors
/// [`Malformed`] if the text is not one valid object.
pub fn entries(text: &[u8]) -> Result<Vec<Entry<'_>>, Malformed> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for member in Members::new(text) {
        let member = member?;
        entries.push(Entry { key: unescape(member.key), value: member.value });
    }
    let mut entries = keep_first_place_and_last_value(entries);
    sort_keys(&mut entries, |entry| &entry.key);
    Ok(entries)
}

fn keep_first_place_and_last_value(entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    let mut kept: Vec<Entry<'_>> = Vec::with_capacity(entries.len());
    let mut places: HashMap<Cow<'_, [u8]>, usize> = HashMap::new();
    let wide = entries.len() > NARROW;
    for entry in entries {
        let place = if wide {
            *places.entry(entry.key.clone()).or_insert(kept.len())
        } else {
            kept.iter().position(|earlier| earlier.key == entry.key).unwrap_or(kept.len())
        };
        match kept.get_mut(place) {
            Some(earlier) => earlier.value = entry.value,
            None => kept.push(entry),
        }
    }
    kept
}

/// Brings distinct keys, given in the order in which they were added, into JavaScript's order.
pub fn sort_keys<T>(entries: &mut Vec<T>, key: impl Fn(&T) -> &[u8]) {
    let place = |entry: &T| array_index(key(entry)).map_or(u64::MAX, u64::from);
    if entries.iter().any(|entry| place(entry) != u64::MAX) {
        order::sort_by_key(entries, place);
    }
}

/// The index if the key is an array index in its canonical spelling: 0 to 2^32 - 2. Such keys come first.
pub fn array_index(key: &[u8]) -> Option<u32> {
    let canonical = match key {
        b"0" => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 10 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    let index: u32 = std::str::from_utf8(key).ok()?.parse().ok()?;
    (index < u32::MAX).then_some(index)
}
