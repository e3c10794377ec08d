//! Paths to values: `a.b.0.c`. A name that meets a list looks into each of its elements, and what it finds there is a list.

use super::key::DEPTH;
use super::node::{Node, is_digits};

/// A path.
#[derive(Debug, Clone)]
pub(super) struct Path {
    names: Box<[Box<[u8]>]>,
}

impl Path {
    /// Takes a path apart; `None` if it has more names than can be looked for.
    pub fn parse(path: &[u8]) -> Option<Self> {
        let names: Box<[Box<[u8]>]> = path.split(|&byte| byte == b'.').map(Box::from).collect();
        (names.len() <= DEPTH).then_some(Self { names })
    }

    pub fn names(&self) -> &[Box<[u8]>] {
        &self.names
    }

    /// How many dots it has.
    pub fn dots(&self) -> usize {
        self.names.len() - 1
    }

    /// The path to what the last name stands in; empty where there is one name.
    pub fn parent(&self) -> &[Box<[u8]>] {
        self.names.get(..self.dots()).unwrap_or_default()
    }

    /// Whether its last name is a place of a list.
    pub fn ends_at_place(&self) -> bool {
        self.names.last().is_some_and(|name| !name.is_empty() && is_digits(name))
    }

    /// What stands there.
    pub fn resolve<'a>(&self, node: &Node<'a>) -> Node<'a> {
        resolve(node, &self.names).0
    }

    /// As [`Path::resolve`]: lists of one list, which only the path has made, count as that list.
    pub fn unwrapped<'a>(&self, node: &Node<'a>) -> Node<'a> {
        let (mut found, mut depth) = resolve(node, &self.names);
        while depth > 0 && found.is_list() {
            depth -= 1;
            let mut elements = match &found {
                Node::List(nodes) if nodes.len() != 1 => break,
                found => found.elements(),
            };
            match elements.pop() {
                Some(only) if elements.is_empty() && only.is_list() => found = only,
                _ => break,
            }
        }
        found
    }
}

/// What stands at the end of a path, and how many lists its names have looked into.
pub(super) fn resolve<'a>(node: &Node<'a>, names: &[Box<[u8]>]) -> (Node<'a>, usize) {
    if !node.is_container() {
        return (node.clone(), 0);
    }
    let mut depth = 0;
    let found = walk(node, names, &mut depth);
    (found, depth)
}

fn walk<'a>(node: &Node<'a>, names: &[Box<[u8]>], depth: &mut usize) -> Node<'a> {
    let mut value = node.clone();
    for (passed, name) in names.iter().enumerate() {
        if is_digits(name) || !value.is_list() {
            value = value.child(name);
        } else if passed == 0 && *depth > 0 {
            return value;
        } else {
            *depth += 1;
            let rest = names.get(passed..).unwrap_or_default();
            let found = value.elements().iter().map(|element| walk(element, rest, depth)).collect::<Vec<_>>();
            return Node::List(found.into_iter().filter(|node| !node.is_missing()).collect());
        }
        if value.is_missing() {
            break;
        }
    }
    value
}
