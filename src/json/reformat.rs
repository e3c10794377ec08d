//! Layout of JSON text: without whitespace, or as `JSON.stringify(value, null, 2)` lays it out.
//!
//! Tokens are copied verbatim, so numbers and escapes keep their spelling. Expects valid JSON; other
//! text gives output without meaning, never a panic.

use super::scan::skip_string;

/// Appends the text without insignificant whitespace.
pub fn compact_into(out: &mut Vec<u8>, text: &[u8]) {
    let mut start = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = skip_string(text, at + 1).unwrap_or(text.len()),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.extend_from_slice(text.get(start..at).unwrap_or_default());
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    out.extend_from_slice(text.get(start..).unwrap_or_default());
}

/// Appends the text laid out with two spaces per level. The first line is not indented; the others are
/// as deep as inside a value that stands at `indent_level`.
pub fn pretty_into(out: &mut Vec<u8>, text: &[u8], indent_level: usize) {
    let mut level = indent_level;
    let mut at = 0;
    // An opening bracket gets its line break only once it turns out not to be empty.
    let mut opened = false;
    while let Some(&byte) = text.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b'}' | b']' => {
                level = level.saturating_sub(1);
                if !opened {
                    break_line(out, level);
                }
                opened = false;
                out.push(byte);
                continue;
            }
            _ => {}
        }
        if opened {
            break_line(out, level);
            opened = false;
        }
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                level += 1;
                opened = true;
            }
            b',' => {
                out.push(byte);
                break_line(out, level);
            }
            b':' => out.extend_from_slice(b": "),
            b'"' => {
                at = skip_string(text, at).unwrap_or(text.len());
                out.extend_from_slice(text.get(start..at).unwrap_or_default());
            }
            _ => out.push(byte),
        }
    }
}

/// Starts a new line at a level.
pub(crate) fn break_line(out: &mut Vec<u8>, level: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * level, b' ');
}
