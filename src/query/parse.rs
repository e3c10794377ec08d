//! Reads a query. Each string in its text has a letter in front: `s` before what it is, `r` before the number of a pattern, for
//! which JSON has no spelling.

use super::choices::Choices;
use super::key;
use super::node::Node;
use super::operator::{Comparison, Condition, Element, Elements, FIELD, Operand, Operator, Simple, Test};
use super::path::Path;
use crate::json::Kind;
use crate::json::string::escape_into;

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Names and places from the outside in, as `query.price.$in[2]`.
    pub place: String,
    /// A clause about the place.
    pub what: String,
}

type Read<T> = Result<T, Refused>;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.place, self.what)
    }
}

impl From<Refused> for crate::error::Error {
    fn from(refused: Refused) -> Self {
        Self::InvalidArgument(refused.to_string())
    }
}

/// A value of the query, and where it stands.
struct Part<'a> {
    node: Node<'a>,
    place: String,
}

impl<'a> Part<'a> {
    fn refused<T>(&self, what: impl Into<String>) -> Read<T> {
        Err(Refused { place: self.place.clone(), what: what.into() })
    }

    fn fields(&self) -> Vec<(Vec<u8>, Part<'a>)> {
        let part = |(name, node): (std::borrow::Cow<'a, [u8]>, Node<'a>)| {
            let place = format!("{}.{}", self.place, String::from_utf8_lossy(&name));
            (name.into_owned(), Part { node, place })
        };
        self.node.entries().into_iter().map(part).collect()
    }

    fn elements(&self, wanted: &str) -> Read<Vec<Part<'a>>> {
        if !self.node.is_list() {
            return self.refused(wanted);
        }
        let elements = self.node.elements().into_iter().enumerate();
        Ok(elements.map(|(at, node)| Part { node, place: format!("{}[{at}]", self.place) }).collect())
    }

    /// The number of a pattern.
    fn pattern(&self) -> Option<u32> {
        pattern_in(&self.node.string()?)
    }

    /// Whether this is an object of operators.
    fn has_operators(&self) -> bool {
        self.node.entries().iter().any(|(name, _)| is_operator(name))
    }
}

/// Reads a whole query. Says also whether patterns are in it.
pub(super) fn query(text: &[u8]) -> Read<(Condition, bool)> {
    let query = Part { node: Node::read(text), place: "query".to_owned() };
    let nesting = nesting(text);
    if nesting > key::DEPTH {
        return query
            .refused(format!("is nested {nesting} levels deep; at most {} can be looked for", key::DEPTH));
    }
    let condition = condition(&query)?;
    // NOTE: there may be very many values, and mostly there is no pattern.
    let patterns = memchr::memmem::find(text, b"\"r").is_some() && has_patterns(&query.node);
    Ok((condition, patterns))
}

fn has_patterns(node: &Node<'_>) -> bool {
    let inner = node.entries().into_iter().map(|(_, node)| node).chain(node.elements());
    node.string().is_some_and(|string| pattern_in(&string).is_some())
        || inner.into_iter().any(|node| has_patterns(&node))
}

fn pattern_in(string: &[u8]) -> Option<u32> {
    std::str::from_utf8(string.strip_prefix(b"r")?).ok()?.parse().ok()
}

fn condition(part: &Part<'_>) -> Read<Condition> {
    if !part.node.is_object() {
        return part.refused("must be an object of conditions");
    }
    let mut tests = Vec::new();
    for (name, part) in part.fields() {
        match &*name {
            b"$and" => tests.push(Test::All(conditions(&part)?)),
            b"$or" => tests.push(Test::Any(conditions(&part)?)),
            b"$nor" => tests.push(Test::None(conditions(&part)?)),
            name if is_operator(name) => {
                return part.refused(if is_known(name) {
                    "belongs behind the name of a field"
                } else {
                    "is no operator that is known"
                });
            }
            name => field(name, &part, &mut tests)?,
        }
    }
    Ok(Condition { tests })
}

fn conditions(part: &Part<'_>) -> Read<Vec<Condition>> {
    part.elements("takes a list of queries")?.iter().map(condition).collect()
}

/// What is asked of the value at a path: a value that it must be, or operators.
fn field(path: &[u8], part: &Part<'_>, tests: &mut Vec<Test>) -> Read<()> {
    let Some(parsed) = Path::parse(path) else { return part.refused(too_long()) };
    if let Some(pattern) = part.pattern() {
        tests.push(Test::Field(parsed, Operator::Regex(pattern)));
    } else if part.has_operators() {
        for (operator, part) in part.fields() {
            tests.push(test(path, &parsed, &operator, &part)?);
        }
    } else {
        tests.push(Test::Field(parsed, Operator::Eq(operand(part))));
    }
    Ok(())
}

fn test(path: &[u8], parsed: &Path, operator: &[u8], part: &Part<'_>) -> Read<Test> {
    let compare = |comparison| Operator::Compare(comparison, operand(part));
    let operator = match operator {
        b"$not" => {
            let mut tests = Vec::new();
            field(path, part, &mut tests)?;
            return Ok(Test::Not(Condition { tests }));
        }
        b"$exists" => return Ok(Test::Exists(parsed.clone(), is_truthy(&part.node))),
        b"$eq" => Operator::Eq(operand(part)),
        b"$ne" => Operator::Ne(operand(part)),
        b"$gt" => compare(Comparison::Greater),
        b"$gte" => compare(Comparison::GreaterOrEqual),
        b"$lt" => compare(Comparison::Less),
        b"$lte" => compare(Comparison::LessOrEqual),
        b"$in" => Operator::In(operands(part)?),
        b"$nin" => Operator::Nin(operands(part)?),
        b"$regex" => match part.pattern() {
            Some(pattern) => Operator::Regex(pattern),
            None => return part.refused("takes a regular expression, or the source of one"),
        },
        b"$size" => match part.node.number() {
            Some(size) if size >= 0.0 && size.fract() == 0.0 => Operator::Size(size),
            _ => return part.refused("takes a number of elements, from 0 on"),
        },
        b"$all" => {
            Operator::All(part.elements("takes a list of values")?.iter().map(element).collect::<Read<_>>()?)
        }
        b"$elemMatch" => Operator::ElemMatch(elements(part)?),
        name if is_operator(name) => return part.refused("is no operator that is known"),
        _ => return part.refused("stands among operators; a value with such a field is looked for with $eq"),
    };
    Ok(Test::Field(parsed.clone(), operator))
}

fn element(part: &Part<'_>) -> Read<Element> {
    match part.fields().first() {
        Some((name, inner)) if name == b"$elemMatch" => elements(inner).map(Element::Matching),
        _ => Ok(Element::Equal(operand(part))),
    }
}

fn elements(part: &Part<'_>) -> Read<Elements> {
    if !part.node.is_object() {
        return part.refused("takes an object of conditions");
    }
    let fields = part.fields();
    if fields.is_empty() {
        return Ok(Elements::Object);
    }
    let are_operators = |name: &[u8]| is_operator(name) && !matches!(name, b"$and" | b"$or" | b"$nor");
    if fields.iter().all(|(name, _)| are_operators(name)) {
        let mut tests = Vec::new();
        field(FIELD, part, &mut tests)?;
        return Ok(Elements::Value(Condition { tests }));
    }
    condition(part).map(Elements::Of)
}

fn operands(part: &Part<'_>) -> Read<Choices> {
    if !part.node.is_list() {
        return part.refused("takes a list of values");
    }
    Ok(Choices::new(part.node.elements().iter().map(operand_of).collect()))
}

fn operand(part: &Part<'_>) -> Operand {
    operand_of(&part.node)
}

fn operand_of(node: &Node<'_>) -> Operand {
    let string = node.string();
    if let Some(pattern) = string.as_deref().and_then(pattern_in) {
        return Operand::Pattern(pattern);
    }
    let (mut text, mut sorted) = (Vec::new(), Vec::new());
    untag(node, &mut text);
    let simple = match string.as_deref().and_then(|string| string.strip_prefix(b"s")) {
        Some(string) => Simple::String(string.into()),
        None => simple(&Node::Raw(&text)),
    };
    key::write(&mut sorted, &Node::Raw(&text));
    Operand::Value { text: text.into(), key: sorted.into(), simple }
}

fn simple(node: &Node<'_>) -> Simple {
    match (node.number(), node.string()) {
        (Some(number), _) => Simple::Number(number),
        (_, Some(string)) => Simple::String(string.into()),
        _ => Simple::No,
    }
}

/// Writes a value without the letters in front of strings. A pattern within a value becomes what nothing is equal to.
fn untag(node: &Node<'_>, out: &mut Vec<u8>) {
    match node.kind() {
        Some(Kind::Object) => {
            out.push(b'{');
            for (at, (name, value)) in node.entries().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                escape_into(out, name);
                out.push(b':');
                untag(value, out);
            }
            out.push(b'}');
        }
        Some(Kind::Array) => {
            out.push(b'[');
            for (at, element) in node.elements().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                untag(element, out);
            }
            out.push(b']');
        }
        Some(Kind::String) => match node.string().unwrap_or_default().split_first() {
            Some((b's', string)) => escape_into(out, string),
            _ => out.extend_from_slice(b"?"),
        },
        _ => {
            if let Node::Raw(text) = node {
                out.extend_from_slice(text);
            }
        }
    }
}

/// What is wrong with a path of too many names.
pub(super) fn too_long() -> String {
    format!("is the path of more names than can be looked for, at most {}", key::DEPTH)
}

/// As JavaScript's `!!value`.
fn is_truthy(node: &Node<'_>) -> bool {
    match node.kind() {
        None | Some(Kind::Null | Kind::False) => false,
        Some(Kind::Number) => node.number() != Some(0.0),
        Some(Kind::String) => node.string().is_some_and(|string| string.len() > 1),
        Some(_) => true,
    }
}

fn is_operator(name: &[u8]) -> bool {
    name.strip_prefix(b"$").is_some_and(|rest| {
        !rest.is_empty() && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    })
}

fn is_known(name: &[u8]) -> bool {
    const FIELD_OPERATORS: [&[u8]; 15] = [
        b"$not",
        b"$exists",
        b"$eq",
        b"$ne",
        b"$gt",
        b"$gte",
        b"$lt",
        b"$lte",
        b"$in",
        b"$nin",
        b"$regex",
        b"$size",
        b"$all",
        b"$elemMatch",
        b"$options",
    ];
    FIELD_OPERATORS.contains(&name)
}

/// How many containers stand within each other, at most.
fn nesting(text: &[u8]) -> usize {
    let (mut deepest, mut depth, mut at) = (0, 0_usize, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = crate::json::scan::skip_string(text, at + 1).unwrap_or(text.len()).saturating_sub(1),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}
