//! Queries over records: MongoDB's, the part that nedb and mingo share, read once and then tried on the raw text of one record
//! after the other. What an operator means is what mingo 7 makes of it; `docs/queries.md` lists where that is not so.
//!
//! Invariant: no text makes a query recurse deeper than the query itself is nested, or than [`key::DEPTH`].
//! Regular expressions are JavaScript's: a query asks an [`Oracle`] about them. No I/O, no clock.

mod bounds;
mod choices;
mod claims;
mod definition;
mod equal;
mod exact;
mod exists;
mod fields;
mod hint;
pub mod key;
mod node;
mod operator;
mod operators;
mod parse;
mod path;
mod selection;
#[cfg(test)]
mod tests;

pub use bounds::{Range, Search};
pub use claims::Claims;
pub use definition::{Definition, Keys, id_key, id_of_key};
pub use fields::Fields;
pub use parse::Refused;
pub use selection::{Selection, Sort};

use hint::{Hint, is_searchable};
use node::Node;
use operator::{Condition, Test};
use path::Path;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A query.
#[derive(Debug)]
pub struct Query {
    condition: Condition,
    hints: Vec<Hint>,
    patterns: bool,
}

/// What is known of how patterns fare with strings, and what is to be found out.
#[derive(Debug, Default)]
pub struct Oracle {
    known: HashMap<(u32, Box<[u8]>), bool>,
    asked: Vec<(u32, Box<[u8]>)>,
    cancelled: Arc<AtomicBool>,
}

impl Oracle {
    /// Nothing is known yet. Once `cancelled` is set, no condition is tried any more, in the middle of a record either: what the
    /// query then says of the record has no meaning.
    pub fn new(cancelled: Arc<AtomicBool>) -> Self {
        Self { cancelled, ..Self::default() }
    }

    /// Whether a pattern is found in a string. What is not known yet is asked, and taken for no meanwhile.
    fn ask(&mut self, pattern: u32, string: &[u8]) -> bool {
        let question = (pattern, Box::from(string));
        match self.known.get(&question) {
            Some(known) => *known,
            None => {
                self.known.insert(question.clone(), false);
                self.asked.push(question);
                false
            }
        }
    }

    /// What was asked since the last time: numbers of patterns, and strings.
    pub fn questions(&self) -> &[(u32, Box<[u8]>)] {
        &self.asked
    }

    /// Takes the answers to all questions, in their order.
    pub fn answer(&mut self, answers: impl IntoIterator<Item = bool>) {
        for (question, answer) in std::mem::take(&mut self.asked).into_iter().zip(answers) {
            self.known.insert(question, answer);
        }
    }

    /// Forgets the answers.
    pub fn forget(&mut self) {
        self.known.clear();
        self.asked.clear();
    }
}

impl Query {
    /// Reads a query from JSON text in which each string has a letter in front: `s` before what it is, `r` before the number of
    /// a pattern.
    ///
    /// # Errors
    /// [`Refused`], which names the place.
    pub fn parse(text: &[u8]) -> Result<Self, Refused> {
        let (condition, patterns) = parse::query(text)?;
        let hints = Hint::all(&condition.tests);
        Ok(Self { condition, hints, patterns })
    }

    /// Whether it has patterns, so that answers of the oracle count.
    pub fn has_patterns(&self) -> bool {
        self.patterns
    }

    /// Whether every record is wanted.
    pub fn is_empty(&self) -> bool {
        self.condition.tests.is_empty()
    }

    /// Whether a record's value, given as its text, is wanted. One that is no object, or no list, has no fields.
    pub fn matches(&self, text: &[u8], oracle: &mut Oracle) -> bool {
        if !self.hints.is_empty() && !self.may_match(text, oracle) {
            return false;
        }
        let node = match Node::read(text) {
            node if node.is_container() => node,
            _ => Node::Object(b"", None),
        };
        self.condition.holds(&node, oracle)
    }

    /// Whether a record may be wanted, as far as that is seen without taking its text apart.
    fn may_match(&self, text: &[u8], oracle: &mut Oracle) -> bool {
        !is_searchable(text)
            || self.hints.iter().all(|hint| match self.condition.tests.get(hint.test) {
                Some(test) => hint.may_hold(text, test, oracle),
                None => true,
            })
    }
}

impl Condition {
    fn holds(&self, node: &Node<'_>, oracle: &mut Oracle) -> bool {
        if oracle.cancelled.load(Ordering::Relaxed) {
            return false;
        }
        // Several operators on one field look for it once.
        let mut last: Option<(&Path, Node<'_>)> = None;
        self.tests.iter().all(|test| {
            let Test::Field(path, operator) = test else { return test.holds(node, oracle) };
            let known = last.take().filter(|(known, _)| known.names() == path.names());
            let (_, value) = last.insert(known.unwrap_or_else(|| (path, path.unwrapped(node))));
            operator.holds(value, path.dots(), oracle)
        })
    }
}

impl Test {
    fn holds(&self, node: &Node<'_>, oracle: &mut Oracle) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(node, oracle)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(node, oracle)),
            Self::None(conditions) => !conditions.iter().any(|condition| condition.holds(node, oracle)),
            Self::Not(condition) => !condition.holds(node, oracle),
            Self::Exists(path, wanted) => exists::exists(node, path) == *wanted,
            Self::Field(path, operator) => operator.holds(&path.unwrapped(node), path.dots(), oracle),
        }
    }
}
