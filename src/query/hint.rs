//! What an object's text must have in it for a test to hold, which is seen without taking the text apart: a field of the path's name,
//! wherever it stands, with a value for which the operator holds. Of most records that tells that they are not wanted.

use super::Oracle;
use super::node::Node;
use super::operator::{Operand, Operator, Simple, Test};
use crate::json::{skip_value, skip_whitespace};
use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter};

/// A field that must be there.
#[derive(Debug)]
pub(super) struct Hint {
    /// Finds the first name of the path, with the quotes around it.
    first: Finder<'static>,
    /// The same for its last name, if it has several.
    last: Option<Finder<'static>>,
    /// The number of the test among those of the query.
    pub test: usize,
}

impl Hint {
    /// The hints of tests that must all hold.
    pub fn all(tests: &[Test]) -> Vec<Self> {
        let hint = |(test, made): (usize, &Test)| {
            let Test::Field(path, operator) = made else { return None };
            if !needs_value(operator) {
                return None;
            }
            let (first, last) = (path.names().first()?, path.names().last()?);
            let last = if path.dots() > 0 { Some(finder(last)?) } else { None };
            Some(Self { first: finder(first)?, last, test })
        };
        tests.iter().enumerate().filter_map(hint).collect()
    }

    /// Whether the test may hold for an object in whose text no character is spelled by its number.
    pub fn may_hold(&self, text: &[u8], test: &Test, oracle: &mut Oracle) -> bool {
        let Test::Field(path, operator) = test else { return true };
        let mut holds = |value: &[u8]| operator.holds(&Node::Raw(value), path.dots(), oracle);
        any_field(&self.first, text, &mut |value| match &self.last {
            None => holds(value),
            // What lists do to a path is for the one who looks closely.
            Some(last) => memchr(b'[', value).is_some() || any_field(last, value, &mut holds),
        })
    }
}

/// Calls for the value of each field of a name, wherever it stands in a text, until one is what is looked for.
fn any_field(name: &Finder<'_>, text: &[u8], is_it: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let len = name.needle().len();
    name.find_iter(text).any(|at| {
        let colon = skip_whitespace(text, at + len);
        if text.get(colon) != Some(&b':') {
            return false;
        }
        let start = skip_whitespace(text, colon + 1);
        match skip_value(text, start).and_then(|end| text.get(start..end)) {
            Some(value) => is_it(value),
            None => true,
        }
    })
}

/// Whether a text is that of an object in which names are found as they are.
pub(super) fn is_searchable(text: &[u8]) -> bool {
    text.first() == Some(&b'{') && !has_numbered(text)
}

/// Whether a character of a text may be spelled by its number, so that a name is not found as it is.
fn has_numbered(text: &[u8]) -> bool {
    memchr_iter(b'\\', text).any(|at| text.get(at + 1) == Some(&b'u'))
}

/// Whether the operator holds of no record in which the path leads to no number or string that it holds of.
fn needs_value(operator: &Operator) -> bool {
    match operator {
        Operator::Eq(operand) | Operator::Compare(_, operand) => is_simple(operand),
        Operator::In(choices) => choices.all().iter().all(is_simple),
        _ => false,
    }
}

fn is_simple(operand: &Operand) -> bool {
    matches!(operand, Operand::Value { simple: Simple::Number(_) | Simple::String(_), .. })
}

/// Finds a name with the quotes around it, if it has one spelling but for numbered characters, and is found nowhere else than between
/// the quotes of one string.
fn finder(name: &[u8]) -> Option<Finder<'static>> {
    let first = *name.first()?;
    let is_behind_string = matches!(first, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' | b'}' | b']');
    let is_plain = name.iter().all(|byte| *byte >= 0x20 && !matches!(byte, b'"' | b'\\' | b'/'));
    (is_plain && !is_behind_string).then(|| Finder::new(&[b"\"", name, b"\""].concat()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Query;
    use super::*;

    /// What a query says of a text, which must be the same without hints.
    fn matches(query: &str, text: &str) -> bool {
        let query = Query::parse(query.as_bytes()).unwrap();
        assert!(!query.hints.is_empty());
        let found = query.matches(text.as_bytes(), &mut Oracle::default());
        let without = query.condition.holds(&Node::read(text.as_bytes()), &mut Oracle::default());
        assert_eq!(found, without, "{text}");
        found
    }

    #[test]
    fn a_field_is_found_where_it_stands() {
        assert!(matches(r#"{"a":{"$gt":1}}"#, r#"{"b":[1],"a":2}"#));
        assert!(matches(r#"{"a":{"$gt":1,"$lt":3}}"#, r#"{ "a" : [0, 2] }"#));
        assert!(!matches(r#"{"a":{"$gt":1}}"#, r#"{"a":1}"#));
        assert!(!matches(r#"{"a":{"$gt":1}}"#, r#"{"b":"a","c":{"a":2}}"#));
        assert!(!matches(r#"{"a":"sx"}"#, r#"{"b":"\"a\":\"x\""}"#));
        assert!(!matches(r#"{"a":"sx"}"#, "5"));
    }

    #[test]
    fn a_name_in_another_spelling_is_found() {
        assert!(matches(r#"{"a":"sx"}"#, r#"{"\u0061":"x"}"#));
        assert!(matches(r#"{"a":"sx"}"#, r#"{"a":"\u0078"}"#));
        assert!(matches(r#"{"a":"sx"}"#, r#"{"b":"\\u","a":"x"}"#));
    }

    #[test]
    fn the_last_of_several_fields_counts() {
        assert!(!matches(r#"{"a":1}"#, r#"{"a":1,"a":2}"#));
        assert!(matches(r#"{"a":2}"#, r#"{"a":1,"a":2}"#));
    }

    #[test]
    fn paths_lead_through_lists() {
        assert!(matches(r#"{"a.b":{"$in":["sx","sy"]}}"#, r#"{"a":[{"b":"z"},{"b":"y"}]}"#));
        assert!(matches(r#"{"a.0.b":1}"#, r#"{"a":[{"b":1}]}"#));
        assert!(!matches(r#"{"a.b":1}"#, r#"{"a":2,"b":1}"#));
        assert!(matches(r#"{"a.b.c":1}"#, r#"{"a":{"b":{"c":1}}}"#));
        assert!(matches(r#"{"a.0":1}"#, r#"{"a":[1]}"#));
        // As mingo: what a path finds in a list of lists is that list.
        assert!(matches(r#"{"b.b.c":"sa"}"#, r#"{"b":[[{"0":1},"a"]]}"#));
        assert!(matches(r#"{"c":"sa"}"#, r#"[["a"]]"#));
    }

    #[test]
    fn what_has_no_one_spelling_or_needs_no_value_has_no_hint() {
        for query in [
            r#"{"a":null}"#,
            r#"{"a":{"$ne":1}}"#,
            r#"{"a":{"$in":[null,1]}}"#,
            r#"{"a":[1]}"#,
            r#"{",":1}"#,
            r#"{"a/b":1}"#,
            r#"{"a.,":1}"#,
            r#"{"":1}"#,
            r#"{"$or":[{"a":1}]}"#,
            r#"{"a":{"$exists":true}}"#,
        ] {
            assert!(Query::parse(query.as_bytes()).unwrap().hints.is_empty(), "{query}");
        }
    }
}
