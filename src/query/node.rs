//! A value as a query sees it: text that was not looked into yet, or what a path put together from several places.

use crate::json::scan::{skip_string, skip_value, skip_whitespace};
use crate::json::string::unescape;
use crate::json::{Kind, array, kind, number, string_body};
use std::borrow::Cow;

/// A value, or nothing.
#[derive(Debug, Clone)]
pub(super) enum Node<'a> {
    /// No value: JavaScript's `undefined`.
    Missing,
    /// A value's text.
    Raw(&'a [u8]),
    /// A list of values that a path came by.
    List(Vec<Node<'a>>),
    /// An object with one field, or none.
    Object(&'a [u8], Option<Box<Node<'a>>>),
}

impl<'a> Node<'a> {
    /// What a text says; the empty text is no value.
    pub fn read(text: &'a [u8]) -> Self {
        if text.is_empty() { Self::Missing } else { Self::Raw(text) }
    }

    /// What the value is; `None` for none.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Missing => None,
            Self::Raw(text) => kind(text),
            Self::List(_) => Some(Kind::Array),
            Self::Object(..) => Some(Kind::Object),
        }
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// No value, or `null`.
    pub fn is_nil(&self) -> bool {
        matches!(self.kind(), None | Some(Kind::Null))
    }

    pub fn is_list(&self) -> bool {
        self.kind() == Some(Kind::Array)
    }

    pub fn is_object(&self) -> bool {
        self.kind() == Some(Kind::Object)
    }

    pub fn is_container(&self) -> bool {
        self.is_list() || self.is_object()
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Raw(text) if self.kind() == Some(Kind::Number) => number::to_f64(trimmed(text)),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn string(&self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Raw(text) => string_body(trimmed(text)).map(unescape),
            _ => None,
        }
    }

    /// The values of a list; none for any other value.
    pub fn elements(&self) -> Vec<Node<'a>> {
        match self {
            Self::Raw(text) => array::elements(text).unwrap_or_default().into_iter().map(Node::Raw).collect(),
            Self::List(nodes) => nodes.clone(),
            Self::Missing | Self::Object(..) => Vec::new(),
        }
    }

    /// The fields of an object, decoded; of those with one name, the last.
    pub fn entries(&self) -> Vec<(Cow<'a, [u8]>, Node<'a>)> {
        match self {
            Self::Raw(text) => crate::json::object::entries(text)
                .unwrap_or_default()
                .into_iter()
                .map(|entry| (entry.key, Node::Raw(text.get(entry.value).unwrap_or_default())))
                .collect(),
            Self::Object(name, Some(value)) => vec![(Cow::Borrowed(*name), (**value).clone())],
            Self::Missing | Self::List(_) | Self::Object(_, None) => Vec::new(),
        }
    }

    /// A field of an object, or the value at a place of a list.
    pub fn child(&self, name: &[u8]) -> Node<'a> {
        match self {
            Self::Missing => Self::Missing,
            Self::Raw(text) => match self.kind() {
                Some(Kind::Object) => field(text, name).map_or(Self::Missing, Node::Raw),
                Some(Kind::Array) => place(name).map_or(Self::Missing, |place| element(text, place)),
                _ => Self::Missing,
            },
            Self::List(nodes) => {
                place(name).and_then(|place| nodes.get(place)).cloned().unwrap_or(Self::Missing)
            }
            Self::Object(own, Some(value)) if *own == name => (**value).clone(),
            Self::Object(..) => Self::Missing,
        }
    }
}

/// Which place of a list a name means; names of digits alone do.
pub(super) fn place(name: &[u8]) -> Option<usize> {
    if name.is_empty() {
        return Some(0);
    }
    if !is_digits(name) {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// Whether there is nothing but digits, also if there is nothing.
pub(super) fn is_digits(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_digit)
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

fn element(text: &[u8], place: usize) -> Node<'_> {
    // NOTE: looked for without a list of all elements: a list may be long.
    let mut at = skip_whitespace(text, skip_whitespace(text, 0) + 1);
    let mut passed = 0;
    while let Some(end) = skip_value(text, at) {
        if passed == place {
            return Node::Raw(text.get(at..end).unwrap_or_default());
        }
        passed += 1;
        at = skip_whitespace(text, end);
        if text.get(at) != Some(&b',') {
            break;
        }
        at = skip_whitespace(text, at + 1);
    }
    Node::Missing
}

/// The text of an object's field; of several with that name, the last.
fn field<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    let mut at = skip_whitespace(text, skip_whitespace(text, 0) + 1);
    while text.get(at) == Some(&b'"') {
        let closed = skip_string(text, at + 1)?;
        let key = text.get(at + 1..closed - 1)?;
        let colon = skip_whitespace(text, closed);
        let start = skip_whitespace(text, colon + 1);
        let end = skip_value(text, start)?;
        if is_name(key, name) {
            found = text.get(start..end);
        }
        at = skip_whitespace(text, end);
        if text.get(at) != Some(&b',') {
            break;
        }
        at = skip_whitespace(text, at + 1);
    }
    found
}

/// Whether a key, as it stands between its quotes, is a name. What is escaped is longer than what it stands for.
fn is_name(key: &[u8], name: &[u8]) -> bool {
    key == name || (key.len() > name.len() && key.contains(&b'\\') && *unescape(key) == *name)
}
