//! What the operators mean, in small. The bulk is compared with mingo from JS.

use super::{Oracle, Query};

fn matches(query: &str, text: &str) -> bool {
    Query::parse(query.as_bytes()).unwrap().matches(text.as_bytes(), &mut Oracle::default())
}

#[test]
fn matches_a_value_an_operator_and_a_path() {
    assert!(matches(r#"{"a":"sx"}"#, r#"{"a":"x"}"#));
    assert!(!matches(r#"{"a":"sx"}"#, r#"{"a":"y"}"#));
    assert!(matches(r#"{"a.b":{"$gt":2}}"#, r#"{"a":[{"b":1},{"b":3}]}"#));
    assert!(matches(r#"{"a":null}"#, r#"{}"#));
    assert!(matches(r#"{"a":1e400}"#, r#"{"a":1e999}"#));
}
