//! Where in an index the records stand that a query can find. Bounds are generous: each record that the query finds has a key
//! within them, and each one that is found is tried.

use super::Query;
use super::definition::{Definition, LONGEST};
use super::key;
use super::operator::{Comparison, Condition, Element, Operand, Operator, Simple, Test};
use super::path::Path;
use super::selection::Sort;

/// How many ranges a search has at most.
const MOST: usize = 256;

/// Keys from one on, up to one and all that begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first key.
    pub from: Vec<u8>,
    /// The last key, or what it begins with.
    pub to: Vec<u8>,
}

impl Range {
    /// One key, or what is left of it in an index.
    pub fn of(key: &[u8]) -> Self {
        let key = key.get(..LONGEST).unwrap_or(key).to_vec();
        Self { from: key.clone(), to: key }
    }

    /// The empty key alone: no other begins with a 0.
    pub fn of_empty() -> Self {
        Self { from: Vec::new(), to: vec![0] }
    }

    /// The first key behind the end; `None` if there is none.
    pub fn end(&self) -> Option<Vec<u8>> {
        let mut next = self.to.clone();
        while let Some(last) = next.pop() {
            if let Some(more) = last.checked_add(1) {
                next.push(more);
                return Some(next);
            }
        }
        None
    }

    /// All keys.
    pub fn all() -> Self {
        Self { from: Vec::new(), to: Vec::new() }
    }
}

/// A search in an index.
#[derive(Debug)]
pub struct Search {
    /// Where it looks: in order, and no key is in two of them.
    pub ranges: Vec<Range>,
    /// How many of the index's paths, from the first on, have one value.
    fixed: usize,
    /// Whether every record with a key there, that says all of its values, is one that the query finds.
    pub is_exact: bool,
}

/// What a query says of a path.
enum Limit<'a> {
    Points(Vec<&'a [u8]>),
    Span(Vec<u8>, Vec<u8>),
}

impl Query {
    /// The search for this query in an index; `None` if the index is of no use. `is_plain`: no record has several keys.
    pub fn search(&self, definition: &Definition, is_plain: bool) -> Option<Search> {
        search(&self.condition, definition, is_plain)
    }

    /// How many branches a query has that is nothing but `$or`.
    pub fn branches(&self) -> usize {
        match self.condition.tests.as_slice() {
            [Test::Any(branches)] => branches.len(),
            _ => 0,
        }
    }

    /// As [`Query::search`], for one branch.
    pub fn search_branch(&self, branch: usize, definition: &Definition, is_plain: bool) -> Option<Search> {
        match self.condition.tests.as_slice() {
            [Test::Any(branches)] => search(branches.get(branch)?, definition, is_plain),
            _ => None,
        }
    }

    /// The search for all records.
    pub fn search_all(definition: &Definition, is_plain: bool) -> Option<Search> {
        search(&Condition::default(), definition, is_plain)
    }

    /// Whether records stand in an index in the order of `sort`, within a search; and whether from the end on.
    pub fn is_sorted(search: &Search, definition: &Definition, sort: &Sort) -> Option<bool> {
        let paths = definition.paths.get(search.fixed..)?;
        let (_, is_down) = sort.paths.first()?;
        let is_same = paths.len() == sort.paths.len()
            && paths
                .iter()
                .zip(&sort.paths)
                .all(|(path, (other, down))| path.names() == other.names() && down == is_down);
        (is_same && search.ranges.len() == 1).then_some(*is_down)
    }
}

fn search(condition: &Condition, definition: &Definition, is_plain: bool) -> Option<Search> {
    if definition.is_of_ids() {
        return None;
    }
    let mut limits = Vec::new();
    gather(condition, &mut limits);
    let mut prefixes: Vec<Vec<u8>> = vec![Vec::new()];
    let (mut span, mut fixed, mut points, mut used) = (None, 0, 0, false);
    for (number, path) in definition.paths.iter().enumerate() {
        match limit_of(path, &limits, is_plain) {
            Some(Limit::Points(keys)) if prefixes.len().saturating_mul(keys.len()) <= MOST => {
                if keys.len() == 1 && fixed == number {
                    fixed += 1;
                }
                points += 1;
                let longer =
                    prefixes.iter().flat_map(|prefix| keys.iter().map(move |key| [prefix, *key].concat()));
                prefixes = longer.collect();
                used = true;
            }
            Some(Limit::Span(from, to)) => {
                span = Some((from, to));
                used = true;
                break;
            }
            _ => break,
        }
    }
    let is_empty = condition.tests.is_empty();
    if !used && !is_empty {
        return None;
    }
    let range = |prefix: &Vec<u8>| {
        let (from, to) = span.as_ref().map_or((&[][..], &[][..]), |(from, to)| (from, to));
        let [mut from, mut to] = [from, to].map(|end| [prefix.as_slice(), end].concat());
        from.truncate(LONGEST);
        to.truncate(LONGEST);
        Range { from, to }
    };
    let mut ranges: Vec<Range> = prefixes.iter().map(range).collect();
    crate::order::sort_by(&mut ranges, |one, other| one.from.cmp(&other.from));
    ranges.dedup();
    // What must be above one value and below a lower one is nowhere.
    ranges.retain(|range| range.end().is_none_or(|end| range.from < end));
    let is_simple = |test: &Test| matches!(test, Test::Field(_, Operator::Eq(Operand::Value { simple, .. })) if !matches!(simple, Simple::No));
    let is_exact = is_plain
        && condition.tests.iter().all(is_simple)
        && condition.tests.len() == points
        && points == limits.len()
        && span.is_none();
    Some(Search { ranges, fixed, is_exact })
}

/// What must hold of single paths.
fn gather<'a>(condition: &'a Condition, limits: &mut Vec<(&'a Path, Limit<'a>)>) {
    for test in &condition.tests {
        match test {
            Test::All(conditions) => conditions.iter().for_each(|condition| gather(condition, limits)),
            Test::Field(path, operator) => limits.extend(limit(operator).map(|limit| (path, limit))),
            Test::Any(_) | Test::None(_) | Test::Not(_) | Test::Exists(..) => {}
        }
    }
}

fn limit(operator: &Operator) -> Option<Limit<'_>> {
    match operator {
        Operator::Eq(operand) => Some(Limit::Points(vec![key_of(operand)?])),
        Operator::In(choices) => {
            let keys: Option<Vec<&[u8]>> = choices.all().iter().map(key_of).collect();
            Some(Limit::Points(keys?))
        }
        Operator::Compare(comparison, operand) => {
            let key = key_of(operand)?;
            let (first, last) = key::type_bounds(key)?;
            Some(match comparison {
                Comparison::Greater | Comparison::GreaterOrEqual => Limit::Span(key.to_vec(), vec![last]),
                Comparison::Less | Comparison::LessOrEqual => Limit::Span(vec![first], key.to_vec()),
            })
        }
        Operator::All(elements) => elements.iter().find_map(|element| match element {
            Element::Equal(operand) => Some(Limit::Points(vec![key_of(operand)?])),
            Element::Matching(_) => None,
        }),
        Operator::Ne(_)
        | Operator::Nin(_)
        | Operator::Regex(_)
        | Operator::Size(_)
        | Operator::ElemMatch(_) => None,
    }
}

fn key_of(operand: &Operand) -> Option<&[u8]> {
    match operand {
        Operand::Value { key, .. } => Some(key),
        Operand::Pattern(_) => None,
    }
}

/// What is said of a path: the fewest values, else a span. Where a record has several keys, each limit may be met by another
/// one of them, so that one limit alone counts.
fn limit_of<'a>(path: &Path, limits: &[(&Path, Limit<'a>)], is_plain: bool) -> Option<Limit<'a>> {
    let mut points: Option<&Vec<&[u8]>> = None;
    let mut span: Option<(&[u8], &[u8])> = None;
    for (_, limit) in limits.iter().filter(|(other, _)| other.names() == path.names()) {
        match limit {
            Limit::Points(keys) => {
                if points.is_none_or(|known| keys.len() < known.len()) {
                    points = Some(keys);
                }
            }
            Limit::Span(from, to) => {
                span = Some(match span {
                    // NOTE: the end of a type is a prefix of its keys, and stands before them.
                    Some((known_from, known_to)) if is_plain => (
                        known_from.max(from),
                        if known_to.len() == 1 {
                            to
                        } else if to.len() == 1 {
                            known_to
                        } else {
                            known_to.min(to)
                        },
                    ),
                    Some(known) => known,
                    None => (from, to),
                });
            }
        }
    }
    match (points, span) {
        (Some(keys), _) => {
            let mut keys = keys.clone();
            crate::order::sort(&mut keys);
            keys.dedup();
            Some(Limit::Points(keys))
        }
        (None, span) => span.map(|(from, to)| Limit::Span(from.to_vec(), to.to_vec())),
    }
}
