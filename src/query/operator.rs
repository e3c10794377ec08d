//! A query, taken apart.

use super::choices::Choices;
use super::path::Path;

/// What must all hold.
#[derive(Debug, Default)]
pub(super) struct Condition {
    pub tests: Vec<Test>,
}

/// One thing that must hold.
#[derive(Debug)]
pub(super) enum Test {
    /// `$and`
    All(Vec<Condition>),
    /// `$or`
    Any(Vec<Condition>),
    /// `$nor`
    None(Vec<Condition>),
    /// `$not`
    Not(Condition),
    /// `$exists`
    Exists(Path, bool),
    /// Any other operator, and where its value stands.
    Field(Path, Operator),
}

/// An operator on one value.
#[derive(Debug)]
pub(super) enum Operator {
    Eq(Operand),
    Ne(Operand),
    Compare(Comparison, Operand),
    In(Choices),
    Nin(Choices),
    Regex(u32),
    Size(f64),
    All(Vec<Element>),
    ElemMatch(Elements),
}

/// How a value must stand to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What one member of `$all` asks for.
#[derive(Debug)]
pub(super) enum Element {
    Equal(Operand),
    Matching(Elements),
}

/// What an element of a list must be.
#[derive(Debug)]
pub(super) enum Elements {
    /// An object.
    Object,
    /// One that meets a condition itself.
    Of(Condition),
    /// A value that meets operators; they are put to a field of this name.
    Value(Condition),
}

/// The field to which the operators of an `$elemMatch` without names are put.
pub(super) const FIELD: &[u8] = b"field";

/// A value that stands in a query.
#[derive(Debug)]
pub(super) enum Operand {
    /// JSON text, and what of it is looked at for each record.
    Value { text: Box<[u8]>, key: Box<[u8]>, simple: Simple },
    /// A pattern, by its number.
    Pattern(u32),
}

/// A value that can be compared without looking into a text each time.
#[derive(Debug)]
pub(super) enum Simple {
    Number(f64),
    String(Box<[u8]>),
    No,
}
