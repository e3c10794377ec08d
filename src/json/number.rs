//! Numbers as V8 reads and prints them. Expects the text of one valid JSON number; never fails on other
//! text, but then means nothing.

/// The number's value, as JavaScript sees it: the nearest double, infinite where it overflows.
pub fn to_f64(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The value if it is a non-negative integer; `u64::MAX` from there on.
pub fn to_integer(text: &[u8]) -> Option<u64> {
    // Up to 15 digits are exact in a double, so there is no need to go through one.
    if text.len() <= 15 && !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    let value = to_f64(text)?;
    // `as` saturates, which is what is wanted for clocks beyond any real one.
    (value.is_finite() && value.fract() == 0.0 && value >= 0.0).then_some(value as u64)
}

/// Whether a double can still add one to it.
pub fn is_countable(number: u64) -> bool {
    number < 1 << 53
}

/// Tells whether V8 prints the number back as it stands.
pub fn is_canonical(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.len() <= 15 && digits.iter().all(u8::is_ascii_digit) {
        return text != b"-0";
    }
    to_f64(text).is_some_and(|value| {
        value.is_finite() && ryu_js::Buffer::new().format_finite(value).as_bytes() == text
    })
}

/// Appends an unsigned integer as V8 prints it: from 2^53 on, the digits of the nearest double.
pub fn push_integer(out: &mut Vec<u8>, mut value: u64) {
    if value > 1 << 53 {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(value as f64).as_bytes());
        return;
    }
    let mut digits = [0u8; 20];
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}
