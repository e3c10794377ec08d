//! What the operators say of a value.

use super::Oracle;
use super::choices::Choices;
use super::equal::equal;
use super::exact::{ExactSet, FEW};
use super::key;
use super::node::Node;
use super::operator::{Comparison, Element, Elements, FIELD, Operand, Operator, Simple};
use crate::json::Kind;
use std::cmp::Ordering;

impl Operator {
    /// Whether the value meets the operator; `dots` is how many the path to it has.
    pub(super) fn holds(&self, value: &Node<'_>, dots: usize, oracle: &mut Oracle) -> bool {
        match self {
            Self::Eq(operand) => equals(value, operand, dots),
            Self::Ne(operand) => !equals(value, operand, dots),
            Self::Compare(comparison, operand) => compares(value, *comparison, operand),
            Self::In(operands) => is_in(value, operands, oracle),
            Self::Nin(operands) => !is_in(value, operands, oracle),
            Self::Regex(pattern) => fits(value, *pattern, oracle),
            Self::Size(size) => value.is_list() && value.elements().len() as f64 == *size,
            Self::All(wanted) => has_all(value, wanted, oracle),
            Self::ElemMatch(wanted) => value.elements().iter().any(|element| wanted.holds(element, oracle)),
        }
    }
}

impl Elements {
    fn holds(&self, element: &Node<'_>, oracle: &mut Oracle) -> bool {
        match self {
            Self::Object => element.is_object(),
            Self::Of(condition) => condition.holds(element, oracle),
            Self::Value(condition) => {
                condition.holds(&Node::Object(FIELD, Some(Box::new(element.clone()))), oracle)
            }
        }
    }
}

impl Operand {
    pub(super) fn node(&self) -> Node<'_> {
        match self {
            Self::Value { text, .. } => Node::Raw(text),
            Self::Pattern(_) => Node::Missing,
        }
    }

    /// A pattern is equal to nothing that JSON can hold.
    pub(super) fn equals(&self, value: &Node<'_>) -> bool {
        match self {
            Self::Pattern(_) => false,
            Self::Value { simple: Simple::Number(number), .. } => value.number() == Some(*number),
            Self::Value { simple: Simple::String(string), .. } => {
                value.string().is_some_and(|value| *value == **string)
            }
            Self::Value { simple: Simple::No, .. } => equal(&self.node(), value),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.node().kind() == Some(Kind::Null)
    }
}

fn equals(value: &Node<'_>, operand: &Operand, dots: usize) -> bool {
    if operand.equals(value) || (value.is_missing() && operand.is_null()) {
        return true;
    }
    if !value.is_list() {
        return false;
    }
    let elements = value.elements();
    elements.iter().any(|element| operand.equals(element))
        || any_within(&elements, dots, &mut |element| operand.equals(element))
}

/// Whether one holds of the values of a list from which so many levels of lists were taken away.
fn any_within(elements: &[Node<'_>], levels: usize, holds: &mut dyn FnMut(&Node<'_>) -> bool) -> bool {
    elements.iter().any(|element| match levels.checked_sub(1) {
        Some(levels) if element.is_list() => any_within(&element.elements(), levels, holds),
        _ => holds(element),
    })
}

/// Calls for a value that is no list, or for each of a list's.
fn any_of(value: &Node<'_>, mut holds: impl FnMut(&Node<'_>) -> bool) -> bool {
    if value.is_list() { value.elements().iter().any(holds) } else { holds(value) }
}

fn compares(value: &Node<'_>, comparison: Comparison, operand: &Operand) -> bool {
    let Operand::Value { text: _, key, simple } = operand else { return false };
    let kind = operand.node().kind().map(type_of);
    any_of(value, |value| {
        if value.is_missing() || value.kind().map(type_of) != kind {
            return false;
        }
        let order = match (simple, value.number()) {
            (Simple::Number(number), Some(value)) => value.partial_cmp(number).unwrap_or(Ordering::Equal),
            _ => {
                let mut own = Vec::new();
                key::write(&mut own, value);
                own.as_slice().cmp(key)
            }
        };
        comparison.allows(order)
    })
}

/// `true` and `false` are of one type.
fn type_of(kind: Kind) -> Kind {
    if kind == Kind::True { Kind::False } else { kind }
}

impl Comparison {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

fn is_in(value: &Node<'_>, choices: &Choices, oracle: &mut Oracle) -> bool {
    if value.is_nil() {
        return choices.has_null();
    }
    if any_of(value, |value| choices.has(value)) {
        return true;
    }
    if !choices.has_patterns() {
        return false;
    }
    any_of(value, |value| {
        choices.all().iter().any(|operand| match operand {
            Operand::Pattern(pattern) => is_found(value, *pattern, oracle),
            Operand::Value { .. } => false,
        })
    })
}

fn is_found(value: &Node<'_>, pattern: u32, oracle: &mut Oracle) -> bool {
    value.string().is_some_and(|string| oracle.ask(pattern, &string))
}

fn fits(value: &Node<'_>, pattern: u32, oracle: &mut Oracle) -> bool {
    if !value.is_list() {
        return is_found(value, pattern, oracle);
    }
    let elements = value.elements();
    any_within(&elements, 1, &mut |element| is_found(element, pattern, oracle))
}

fn has_all(value: &Node<'_>, wanted: &[Element], oracle: &mut Oracle) -> bool {
    let elements = value.elements();
    if elements.is_empty() || wanted.is_empty() {
        return false;
    }
    let is_long = wanted.len() > FEW && elements.len() > FEW;
    let exact = is_long.then(|| elements.iter().cloned().collect::<ExactSet>());
    wanted.iter().all(|wanted| match (&exact, wanted) {
        (Some(exact), Element::Equal(operand @ Operand::Value { .. })) => exact.has(&operand.node()),
        _ => elements.iter().any(|element| match wanted {
            Element::Matching(wanted) => wanted.holds(element, oracle),
            Element::Equal(Operand::Pattern(pattern)) => is_found(element, *pattern, oracle),
            Element::Equal(operand) => operand.equals(element),
        }),
    })
}
