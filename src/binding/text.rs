//! Strings across the border. Ids may hold lone surrogates, which N-API's UTF-8 turns into U+FFFD: a string
//! in which that character shows up is fetched once more as UTF-16.

use napi::JsString;

use crate::json::string::from_utf16;

/// An id as WTF-8.
pub fn id(value: JsString<'_>) -> napi::Result<Vec<u8>> {
    let utf8 = value.into_utf8()?;
    let bytes = utf8.as_slice();
    if memchr::memmem::find(bytes, "\u{FFFD}".as_bytes()).is_none() {
        return Ok(bytes.to_vec());
    }
    // NOTE: what N-API hands over ends with a NUL that is not part of the string.
    let len = value.utf16_len()?;
    let units = value.into_utf16()?;
    Ok(from_utf16(units.as_slice().get(..len).unwrap_or_default()))
}

/// JSON text, as V8 prints it: always well formed.
pub fn json(value: JsString<'_>) -> napi::Result<Vec<u8>> {
    Ok(value.into_utf8()?.as_slice().to_vec())
}

/// Text for JS; what is not UTF-8 is shown as U+FFFD, as `fs.readFile` would.
pub fn to_js(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A JSON list of what stands in `items`, each followed by a comma.
pub fn list(mut items: Vec<u8>) -> String {
    if items.last() == Some(&b',') {
        items.pop();
    }
    items.insert(0, b'[');
    items.push(b']');
    to_js(items)
}
