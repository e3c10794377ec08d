//! Values as bytes that two values share if and only if they are equal: to look a value up among very many.

use super::key::DEPTH;
use super::node::Node;
use crate::json::Kind;
use hashbrown::HashSet;

const MISSING: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const NUMBER: u8 = 4;
const STRING: u8 = 5;
const LIST: u8 = 6;
const OBJECT: u8 = 7;
const DEEPER: u8 = 8;

/// Up to so many values are compared one by one.
pub(super) const FEW: usize = 8;

/// The exact forms of many values.
#[derive(Debug, Default)]
pub(super) struct ExactSet(HashSet<Box<[u8]>>);

impl ExactSet {
    /// Whether a value is equal to one of them.
    pub fn has(&self, value: &Node<'_>) -> bool {
        self.0.contains(&*of(value))
    }
}

impl<'a> FromIterator<Node<'a>> for ExactSet {
    fn from_iter<T: IntoIterator<Item = Node<'a>>>(values: T) -> Self {
        Self(values.into_iter().map(|value| of(&value)).collect())
    }
}

/// The exact form of a value. A value of a query is never nested deeper than this looks, so that no deeper value is taken for one.
fn of(value: &Node<'_>) -> Box<[u8]> {
    let mut out = Vec::new();
    write(&mut out, value, DEPTH + 1);
    out.into()
}

fn write(out: &mut Vec<u8>, node: &Node<'_>, depth: usize) {
    let Some(deeper) = depth.checked_sub(1) else {
        out.push(DEEPER);
        return;
    };
    match node.kind() {
        None => out.push(MISSING),
        Some(Kind::Null) => out.push(NULL),
        Some(Kind::False) => out.push(FALSE),
        Some(Kind::True) => out.push(TRUE),
        Some(Kind::Number) => {
            out.push(NUMBER);
            // NOTE: the sum makes one number of the two zeros.
            let number = node.number().unwrap_or_default() + 0.0;
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Some(Kind::String) => {
            out.push(STRING);
            write_bytes(out, &node.string().unwrap_or_default());
        }
        Some(Kind::Array) => {
            let elements = node.elements();
            out.push(LIST);
            write_length(out, elements.len());
            for element in &elements {
                write(out, element, deeper);
            }
        }
        Some(Kind::Object) => {
            let mut entries = node.entries();
            crate::order::sort_by(&mut entries, |one, other| one.0.cmp(&other.0));
            out.push(OBJECT);
            write_length(out, entries.len());
            for (name, value) in &entries {
                write_bytes(out, name);
                write(out, value, deeper);
            }
        }
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::equal::equal;
    use super::*;

    #[test]
    fn two_values_have_one_exact_form_if_they_are_equal_and_only_then() {
        let texts = [
            "",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "0.0",
            "1",
            "1e0",
            "1e400",
            "-1e400",
            "\"\"",
            "\"a\"",
            "\"\\u0061\"",
            "\"1\"",
            "\"\\ud83d\"",
            "[]",
            "[[]]",
            "[null]",
            "[1,2]",
            "[2,1]",
            "[ 1 , 2 ]",
            "[[1],2]",
            "[[1,2]]",
            "{}",
            "{\"a\":1}",
            "{\"a\":1,\"b\":2}",
            "{\"b\":2,\"a\":1}",
            "{\"a\":2,\"b\":1}",
            "{\"a\":3,\"b\":2,\"a\":1}",
            "{\"a\":{\"b\":2}}",
            "{\"a\":[\"b\",2]}",
            "{\"__proto__\":1}",
            "{\"\":null}",
            "{\"ab\":1}",
            "{\"a\":null}",
        ];
        for one in texts {
            for other in texts {
                let (first, second) = (Node::read(one.as_bytes()), Node::read(other.as_bytes()));
                assert_eq!(of(&first) == of(&second), equal(&first, &second), "{one} and {other}");
            }
        }
    }
}
