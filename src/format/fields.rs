//! Rules that the validators of whole-file documents share, on the text of values.

use crate::json::object::Entry;
use crate::json::{self, number, part, string, string_body};

/// The members of one object, looked up by name.
pub(super) struct Fields<'a> {
    text: &'a [u8],
    entries: Vec<Entry<'a>>,
}

impl<'a> Fields<'a> {
    /// `Ok(None)` if the text is valid JSON but no object.
    pub(super) fn read(text: &'a [u8]) -> Result<Option<Self>, json::Malformed> {
        if json::kind(text) == Some(json::Kind::Object) {
            let entries = json::object::entries(text)?;
            return Ok(Some(Self { text, entries }));
        }
        if json::is_valid(text) { Ok(None) } else { Err(json::Malformed { offset: 0 }) }
    }

    /// The value's text.
    pub(super) fn get(&self, name: &str) -> Option<&'a [u8]> {
        let entry = self.entries.iter().find(|entry| *entry.key == *name.as_bytes())?;
        Some(part(self.text, entry.value.clone()))
    }

    /// A nested object's fields.
    pub(super) fn object(&self, name: &str) -> Option<Fields<'a>> {
        Self::read(self.get(name)?).ok().flatten()
    }

    /// A string that is not empty.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.get(name).and_then(non_empty_string)
    }

    /// A non-negative integer.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(integer)
    }

    /// What counts something of ours.
    pub(super) fn counter(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(counter)
    }

    /// Each member's key and text, in JavaScript's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &'a [u8])> {
        let text = self.text;
        self.entries.iter().map(move |entry| (&*entry.key, part(text, entry.value.clone())))
    }
}

/// A string that is not empty, lone surrogates replaced.
pub(super) fn non_empty_string(value: &[u8]) -> Option<String> {
    let body = string_body(value).filter(|body| !body.is_empty())?;
    Some(lossy(&string::unescape(body)))
}

/// WTF-8 as a Rust string: each lone surrogate becomes one U+FFFD.
pub(super) fn lossy(wtf8: &[u8]) -> String {
    match std::str::from_utf8(wtf8) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf16_lossy(&string::to_utf16(wtf8)),
    }
}

/// A non-negative integer.
pub(super) fn integer(value: &[u8]) -> Option<u64> {
    (json::kind(value) == Some(json::Kind::Number)).then(|| number::to_integer(value))?
}

/// A non-negative integer that can still be counted up.
pub(super) fn counter(value: &[u8]) -> Option<u64> {
    integer(value).filter(|&count| number::is_countable(count))
}
