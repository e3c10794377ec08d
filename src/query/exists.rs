//! `$exists`.

use super::key::DEPTH;
use super::node::{Node, is_digits, place};
use super::path::{Path, resolve};

/// Whether there is a value at the end of a path, in one element of a list at least.
pub(super) fn exists(node: &Node<'_>, path: &Path) -> bool {
    if path.dots() == 0 || path.ends_at_place() {
        return !path.resolve(node).is_missing();
    }
    let (parent, _) = resolve(&graph(node, path.names(), DEPTH), path.parent());
    match parent.is_list() {
        true => parent.elements().iter().any(|element| !element.is_missing()),
        false => !parent.is_missing(),
    }
}

/// The value with nothing in it but what is on the path. An element of a list without that is missing, and keeps its place.
fn graph<'a>(node: &Node<'a>, names: &'a [Box<[u8]>], depth: usize) -> Node<'a> {
    let Some((name, rest)) = names.split_first() else { return node.clone() };
    let Some(depth) = depth.checked_sub(1) else { return Node::Missing };
    if !node.is_list() {
        return match graph(&node.child(name), rest, depth) {
            Node::Missing => Node::Missing,
            found => Node::Object(name, Some(Box::new(found))),
        };
    }
    let mut elements = node.elements();
    if !is_digits(name) {
        return Node::List(elements.iter().map(|element| graph(element, names, depth)).collect());
    }
    if let Some(element) = place(name).and_then(|place| elements.get_mut(place)) {
        *element = graph(element, rest, depth);
    }
    Node::List(elements)
}
