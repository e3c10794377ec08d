//! Operations on their way to JS, as JSON. V8 has no string that holds a line in which a very large value takes the place
//! of another: such operations go over member by member.

use napi::Either;

use super::text;
use crate::error::{Error, Result};
use crate::json::array::elements;
use crate::json::string::unescape;
use crate::json::{Members, part};

/// The longest string of V8, in characters.
const LONGEST: usize = (1 << 29) - 24;

/// The name of a member and the text of its value.
type Member = Vec<String>;

/// A JSON list of operations, or, where that is too long, the members of each.
pub type Operations = Either<String, Vec<Vec<Member>>>;

/// What stands in `items`: operations, with commas between or behind them.
///
/// # Errors
/// `OPSLOG_CORRUPT` when a member alone is too long: 0.8.1, which V8 limits as well, cannot have written that.
pub fn operations(items: Vec<u8>) -> Result<Operations> {
    // A character takes a byte or more.
    if items.len() + 2 <= LONGEST {
        return Ok(Either::A(text::list(items)));
    }
    let items = closed(items);
    let list = elements(&items).unwrap_or_default();
    let members = list.into_iter().map(members_of);
    members.collect::<Result<_>>().map(Either::B)
}

/// The text of a JSON list, or, where that is too long, the texts of its items.
pub type Items = Either<String, Vec<String>>;

/// What stands in `items`: JSON texts, with commas between or behind them.
///
/// # Errors
/// As for [`operations`].
pub fn list(items: Vec<u8>) -> Result<Items> {
    if items.len() + 2 <= LONGEST {
        return Ok(Either::A(text::list(items)));
    }
    let items = closed(items);
    let texts = elements(&items).unwrap_or_default();
    texts.into_iter().map(|text| readable(text, items.len())).collect::<Result<_>>().map(Either::B)
}

fn closed(mut items: Vec<u8>) -> Vec<u8> {
    if items.last() == Some(&b',') {
        items.pop();
    }
    items.insert(0, b'[');
    items.push(b']');
    items
}

/// A value that V8 can have as a string.
fn readable(value: &[u8], of: usize) -> Result<String> {
    let value = String::from_utf8_lossy(value);
    if value.len() > LONGEST && value.encode_utf16().count() > LONGEST {
        let detail = format!("an operation of {of} bytes is too long to be read");
        return Err(Error::corrupt("ops".as_ref(), None, detail));
    }
    Ok(value.into_owned())
}

fn members_of(operation: &[u8]) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for member in Members::new(operation).map_while(std::result::Result::ok) {
        let key = String::from_utf8_lossy(&unescape(member.key)).into_owned();
        members.push(vec![key, readable(part(operation, member.value), operation.len())?]);
    }
    Ok(members)
}
