//! The values of `$in` and `$nin`. There may be very many: those that are numbers or strings are found by halving, the others by their
//! exact form, in an order that the first look makes, on the thread that looks.

use std::sync::OnceLock;

use super::exact::{ExactSet, FEW};
use super::node::Node;
use super::operator::{Operand, Simple};

/// Values, of which one must be there, or none.
#[derive(Debug)]
pub(super) struct Choices {
    operands: Vec<Operand>,
    has_patterns: bool,
    has_null: bool,
    order: OnceLock<Order>,
}

#[derive(Debug)]
struct Order {
    /// In order.
    numbers: Vec<f64>,
    /// Of the operands that are strings, in their order.
    strings: Vec<usize>,
    /// Of all others.
    rest: Vec<usize>,
    /// Those, if they are many.
    exact: Option<ExactSet>,
}

impl Choices {
    pub(super) fn new(operands: Vec<Operand>) -> Self {
        let has_patterns = operands.iter().any(|operand| matches!(operand, Operand::Pattern(_)));
        let has_null = operands.iter().any(Operand::is_null);
        Self { operands, has_patterns, has_null, order: OnceLock::new() }
    }

    /// Whether `null` is among them.
    pub(super) fn has_null(&self) -> bool {
        self.has_null
    }

    /// Whether there are patterns among them.
    pub(super) fn has_patterns(&self) -> bool {
        self.has_patterns
    }

    /// All of them, patterns included.
    pub(super) fn all(&self) -> &[Operand] {
        &self.operands
    }

    /// Whether one of the values is equal to another value.
    pub(super) fn has(&self, value: &Node<'_>) -> bool {
        let order = self.order.get_or_init(|| Order::of(&self.operands));
        if let Some(number) = value.number() {
            return order.numbers.binary_search_by(|known| known.total_cmp(&(number + 0.0))).is_ok();
        }
        if let Some(string) = value.string() {
            return order.strings.binary_search_by(|&at| string_at(&self.operands, at).cmp(&*string)).is_ok();
        }
        if let Some(exact) = &order.exact {
            return exact.has(value);
        }
        order.rest.iter().filter_map(|&at| self.operands.get(at)).any(|operand| operand.equals(value))
    }
}

impl Order {
    fn of(operands: &[Operand]) -> Self {
        let (mut numbers, mut strings, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for (at, operand) in operands.iter().enumerate() {
            match operand {
                // NOTE: the sum makes one number of the two zeros.
                Operand::Value { simple: Simple::Number(number), .. } => numbers.push(number + 0.0),
                Operand::Value { simple: Simple::String(_), .. } => strings.push(at),
                Operand::Value { .. } => rest.push(at),
                Operand::Pattern(_) => {}
            }
        }
        crate::order::sort_by(&mut numbers, f64::total_cmp);
        crate::order::sort_by(&mut strings, |&one, &other| {
            string_at(operands, one).cmp(string_at(operands, other))
        });
        let nodes = rest.iter().filter_map(|&at| operands.get(at)).map(Operand::node);
        let exact = (rest.len() > FEW).then(|| nodes.collect());
        Self { numbers, strings, rest, exact }
    }
}

fn string_at(operands: &[Operand], at: usize) -> &[u8] {
    match operands.get(at) {
        Some(Operand::Value { simple: Simple::String(string), .. }) => string,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::key;
    use super::*;

    fn operand(text: &str) -> Operand {
        let node = Node::Raw(text.as_bytes());
        let simple = match (node.number(), node.string()) {
            (Some(number), _) => Simple::Number(number),
            (_, Some(string)) => Simple::String(string.into()),
            _ => Simple::No,
        };
        let mut sorted = Vec::new();
        key::write(&mut sorted, &node);
        Operand::Value { text: text.as_bytes().into(), key: sorted.into(), simple }
    }

    #[test]
    fn what_is_one_of_many_values_is_what_is_equal_to_one_of_them() {
        let values = [
            "0",
            "-0",
            "1",
            "-1",
            "1e0",
            "1.5",
            "1e400",
            "-1e400",
            "\"\"",
            "\"a\"",
            "\"\\u0061\"",
            "\"b\"",
            "\"10\"",
            "10",
            "true",
            "false",
            "null",
            "[]",
            "[1]",
            "[\"a\"]",
            "{}",
            "{\"a\":1}",
            "{\"a\":1,\"b\":2}",
            "{\"b\":2,\"a\":1}",
            "[1,{}]",
            "[[1]]",
            "{\"a\":null}",
            "{\"a\":[]}",
        ];
        let mut state = 1_u64;
        for round in 0..2000 {
            let mut chosen = Vec::new();
            for value in values {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // With most of them, those are many that are no numbers and no strings.
                if state >> 62 < round % 4 {
                    chosen.push(operand(value));
                }
            }
            chosen.push(Operand::Pattern(0));
            let choices = Choices::new(chosen);
            for value in values {
                let node = Node::Raw(value.as_bytes());
                let is_there = choices.all().iter().any(|operand| operand.equals(&node));
                assert_eq!(choices.has(&node), is_there, "{value}");
            }
        }
    }
}
