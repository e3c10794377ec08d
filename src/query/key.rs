//! Values as keys: bytes that stand in the order of the values. That order is mingo's: `null`, numbers, strings by code units,
//! objects, lists, `false`, `true`; lists by their elements from the smallest on; objects by their names, then by their values.

use super::node::Node;
use crate::json::Kind;

/// How deep values are told apart.
pub const DEPTH: usize = 100;

const END: u8 = 0;
const DEEPER: u8 = 1;
const NULL: u8 = 2;
const NUMBER: u8 = 3;
const STRING: u8 = 4;
const OBJECT: u8 = 6;
const LIST: u8 = 7;
const FALSE: u8 = 8;
const TRUE: u8 = 9;

/// Appends a value's key.
pub(super) fn write(out: &mut Vec<u8>, node: &Node<'_>) {
    write_at(out, node, DEPTH);
}

/// Appends the key by which a record is sorted: where lists and other values meet, a value counts as a list of it alone.
pub(super) fn write_for_sort(out: &mut Vec<u8>, node: &Node<'_>) {
    match node.is_list() {
        true => write_elements(out, &node.elements(), DEPTH),
        false => {
            write(out, node);
            out.push(END);
        }
    }
}

/// Whether a key is that of `null` or of no value, or of a list in which there is nothing else.
pub(super) fn is_of_nothing(key: &[u8]) -> bool {
    key.iter().all(|byte| matches!(*byte, NULL | LIST | END))
}

/// Whether a key is that of a list.
pub(super) fn is_list(key: &[u8]) -> bool {
    key.first() == Some(&LIST)
}

/// With what keys begin of values that can be compared with the one of this key.
pub(super) fn type_bounds(key: &[u8]) -> Option<(u8, u8)> {
    match key.first()? {
        &FALSE | &TRUE => Some((FALSE, TRUE)),
        &first => Some((first, first)),
    }
}

fn write_at(out: &mut Vec<u8>, node: &Node<'_>, depth: usize) {
    let Some(deeper) = depth.checked_sub(1) else {
        out.push(DEEPER);
        return;
    };
    match node.kind() {
        None | Some(Kind::Null) => out.push(NULL),
        Some(Kind::False) => out.push(FALSE),
        Some(Kind::True) => out.push(TRUE),
        Some(Kind::Number) => write_number(out, node.number().unwrap_or_default()),
        Some(Kind::String) => write_string(out, &node.string().unwrap_or_default()),
        Some(Kind::Array) => {
            out.push(LIST);
            write_elements(out, &node.elements(), deeper);
        }
        Some(Kind::Object) => {
            out.push(OBJECT);
            write_object(out, node, deeper);
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: f64) {
    out.push(NUMBER);
    // -0 is 0.
    let bits = (number + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    out.extend_from_slice(&ordered.to_be_bytes());
}

/// Strings stand in the order of their UTF-16 code units: what lies above U+FFFF is written as the two surrogates that it is
/// in JavaScript.
fn write_string(out: &mut Vec<u8>, wtf8: &[u8]) {
    out.push(STRING);
    let mut at = 0;
    while let Some(&byte) = wtf8.get(at) {
        match byte {
            0 => out.extend_from_slice(&[0, 0xff]),
            0xf0.. => {
                if let Some(&[a, b, c, d]) = wtf8.get(at..at + 4) {
                    write_surrogates(out, [a, b, c, d]);
                }
                at += 3;
            }
            byte => out.push(byte),
        }
        at += 1;
    }
    out.extend_from_slice(&[0, 1]);
}

fn write_surrogates(out: &mut Vec<u8>, bytes: [u8; 4]) {
    let [a, b, c, d] = bytes.map(u32::from);
    let code = (a & 7) << 18 | (b & 0x3f) << 12 | (c & 0x3f) << 6 | d & 0x3f;
    let above = code.saturating_sub(0x10000);
    for unit in [0xd800 + (above >> 10), 0xdc00 + (above & 0x3ff)] {
        out.extend_from_slice(&[
            0xe0 | (unit >> 12) as u8,
            0x80 | (unit >> 6 & 0x3f) as u8,
            0x80 | (unit & 0x3f) as u8,
        ]);
    }
}

fn write_elements(out: &mut Vec<u8>, elements: &[Node<'_>], depth: usize) {
    let mut keys: Vec<Vec<u8>> = Vec::with_capacity(elements.len());
    for element in elements {
        let mut key = Vec::new();
        write_at(&mut key, element, depth);
        keys.push(key);
    }
    crate::order::sort(&mut keys);
    for key in keys {
        out.extend_from_slice(&key);
    }
    out.push(END);
}

fn write_object(out: &mut Vec<u8>, node: &Node<'_>, depth: usize) {
    let mut entries = Vec::new();
    for (name, value) in node.entries() {
        let mut key = Vec::new();
        write_string(&mut key, &name);
        entries.push((key, value));
    }
    crate::order::sort_by(&mut entries, |one, other| one.0.cmp(&other.0));
    for (key, _) in &entries {
        out.extend_from_slice(key);
    }
    out.push(END);
    for (_, value) in &entries {
        write_at(out, value, depth);
    }
}
