//! When two values are equal: the same type, and the same value; objects whatever the order of their fields.

use super::node::Node;
use crate::json::Kind;
use crate::json::object::NARROW;

/// Whether two values are equal. One of them must be part of a query: what it is nested in limits how deep this looks.
pub(super) fn equal(one: &Node<'_>, other: &Node<'_>) -> bool {
    if one.kind() != other.kind() {
        return false;
    }
    match one.kind() {
        Some(Kind::Number) => one.number() == other.number(),
        Some(Kind::String) => one.string() == other.string(),
        Some(Kind::Array) => {
            let (one, other) = (one.elements(), other.elements());
            one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| equal(one, other))
        }
        Some(Kind::Object) => {
            let (mut entries, mut others) = (one.entries(), other.entries());
            if entries.len() != others.len() {
                return false;
            }
            if entries.len() > NARROW {
                for entries in [&mut entries, &mut others] {
                    crate::order::sort_by(entries, |one, other| one.0.cmp(&other.0));
                }
                return entries
                    .iter()
                    .zip(&others)
                    .all(|(one, other)| one.0 == other.0 && equal(&one.1, &other.1));
            }
            entries.iter().all(|(name, value)| {
                others.iter().any(|(other, second)| other == name && equal(value, second))
            })
        }
        Some(Kind::True | Kind::False | Kind::Null) | None => true,
    }
}
