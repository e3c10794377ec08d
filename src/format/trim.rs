//! `String.prototype.trim` on bytes that Node would decode as UTF-8.

/// Strips at both ends what JavaScript calls whitespace or line terminators.
pub fn js_trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

pub(super) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let Some(width) = leading(bytes) {
        bytes = bytes.get(width..).unwrap_or_default();
    }
    bytes
}

pub(super) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let Some(width) = trailing(bytes) {
        bytes = bytes.get(..bytes.len() - width).unwrap_or_default();
    }
    bytes
}

fn leading(bytes: &[u8]) -> Option<usize> {
    (1..=3).find(|&width| bytes.get(..width).is_some_and(is_space))
}

/// A lead byte always starts a new character, so the last bytes decode alone as they do in their place.
fn trailing(bytes: &[u8]) -> Option<usize> {
    (1..=3).find(|&width| {
        let start = bytes.len().checked_sub(width);
        start.and_then(|start| bytes.get(start..)).is_some_and(is_space)
    })
}

fn is_space(character: &[u8]) -> bool {
    matches!(
        character,
        [b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ']
            | [0xc2, 0xa0]
            | [0xe1, 0x9a, 0x80]
            | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf]
            | [0xe2, 0x81, 0x9f]
            | [0xe3, 0x80, 0x80]
            | [0xef, 0xbb, 0xbf]
    )
}
