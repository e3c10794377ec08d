//! Arrays, split into the texts of their elements.

use super::scan::{skip_value, skip_whitespace};

/// The elements' texts; `None` if the text does not begin with an array.
pub fn elements(text: &[u8]) -> Option<Vec<&[u8]>> {
    let opening = skip_whitespace(text, 0);
    if *text.get(opening)? != b'[' {
        return None;
    }
    let mut elements = Vec::new();
    let mut at = skip_whitespace(text, opening + 1);
    if *text.get(at)? == b']' {
        return Some(elements);
    }
    loop {
        let end = skip_value(text, at)?;
        elements.push(text.get(at..end)?);
        at = skip_whitespace(text, end);
        match *text.get(at)? {
            b',' => at = skip_whitespace(text, at + 1),
            b']' => return Some(elements),
            _ => return None,
        }
    }
}
