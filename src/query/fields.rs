//! Records with some of their fields only.

use super::key::DEPTH;
use super::node::{Node, is_digits};
use super::parse::{Refused, too_long};
use super::path::Path;
use crate::json::Kind;
use crate::json::string::escape_into;

/// Which fields are wanted, or which are not.
#[derive(Debug)]
pub struct Fields {
    tree: Tree,
    excluded: bool,
}

/// The names of a level, and what is wanted below each.
#[derive(Debug, Default)]
struct Tree {
    names: Vec<(Box<[u8]>, Tree)>,
}

impl Tree {
    fn insert(&mut self, path: &[u8]) -> bool {
        let mut tree = self;
        let mut is_new = false;
        for name in path.split(|&byte| byte == b'.') {
            let at = match tree.names.iter().position(|(known, _)| **known == *name) {
                // The whole of it is named already.
                Some(at) if tree.names.get(at).is_some_and(|(_, below)| below.names.is_empty()) => {
                    return false;
                }
                Some(at) => at,
                None => {
                    is_new = true;
                    tree.names.push((name.into(), Self::default()));
                    tree.names.len() - 1
                }
            };
            let Some((_, below)) = tree.names.get_mut(at) else { return false };
            tree = below;
        }
        is_new
    }

    fn below(&self, name: &[u8]) -> Option<&Self> {
        self.names.iter().find(|(known, _)| **known == *name).map(|(_, below)| below)
    }

    fn is_end(&self) -> bool {
        self.names.is_empty()
    }
}

impl Fields {
    /// Reads which fields are wanted: a list of paths, or an object of paths, each with 1, or each with 0.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn parse(text: &[u8]) -> Result<Option<Self>, Refused> {
        let node = Node::read(text);
        let refused = |place: String, what: &str| Refused { place, what: what.to_owned() };
        let mut paths = Vec::new();
        if node.is_list() {
            for (at, element) in node.elements().iter().enumerate() {
                let Some(path) = element.string() else {
                    return Err(refused(format!("fields[{at}]"), "must be the path of a field"));
                };
                paths.push((format!("fields[{at}]"), path.into_owned(), false));
            }
        } else if node.is_object() {
            for (name, wanted) in node.entries() {
                let place = format!("fields.{}", String::from_utf8_lossy(&name));
                let is_excluded = match (wanted.number(), wanted.kind()) {
                    (Some(1.0), _) | (_, Some(Kind::True)) => false,
                    (Some(0.0), _) | (_, Some(Kind::False)) => true,
                    _ => return Err(refused(place, "must be 1 or 0")),
                };
                paths.push((place, name.into_owned(), is_excluded));
            }
        } else {
            return Err(refused("fields".to_owned(), "must be a list of fields, or an object of them"));
        }
        let Some(excluded) = paths.first().map(|(_, _, excluded)| *excluded) else { return Ok(None) };
        let mut tree = Tree::default();
        for (place, path, is_excluded) in paths {
            if is_excluded != excluded {
                return Err(refused(
                    place,
                    "cannot stand beside the others: name what you want, or what you do not",
                ));
            }
            if Path::parse(&path).is_none() {
                return Err(refused(place, &too_long()));
            }
            if !tree.insert(&path) {
                return Err(refused(place, "names what another one has named"));
            }
        }
        Ok(Some(Self { tree, excluded }))
    }

    /// Appends the text of a value with these fields.
    pub fn print(&self, text: &[u8], out: &mut Vec<u8>) {
        let node = Node::read(text);
        if !node.is_container() || !self.write(&node, &self.tree, DEPTH, out) {
            out.extend_from_slice(text);
        }
    }

    /// Writes what is wanted of a value, so many levels deep. Returns whether anything is: of a value without fields nothing is.
    fn write(&self, node: &Node<'_>, tree: &Tree, depth: usize, out: &mut Vec<u8>) -> bool {
        let deeper = depth.saturating_sub(1);
        match node.kind() {
            Some(Kind::Object) if depth > 0 => self.write_object(node, tree, deeper, out),
            Some(Kind::Array) if depth > 0 => self.write_list(node, tree, deeper, out),
            _ if self.excluded => {
                write_whole(node, out);
                true
            }
            _ => false,
        }
    }

    fn write_object(&self, node: &Node<'_>, tree: &Tree, depth: usize, out: &mut Vec<u8>) -> bool {
        out.push(b'{');
        let start = out.len();
        for (name, value) in node.entries() {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            escape_into(out, &name);
            out.push(b':');
            let is_written = match tree.below(&name) {
                None if self.excluded => {
                    write_whole(&value, out);
                    true
                }
                None => false,
                Some(below) if below.is_end() => {
                    if !self.excluded {
                        write_whole(&value, out);
                    }
                    !self.excluded
                }
                Some(below) => self.write(&value, below, depth, out),
            };
            if !is_written {
                out.truncate(before);
            }
        }
        out.push(b'}');
        true
    }

    fn write_list(&self, node: &Node<'_>, tree: &Tree, depth: usize, out: &mut Vec<u8>) -> bool {
        // A list has no fields of its own: its elements may.
        if tree.names.iter().any(|(name, _)| is_digits(name)) && !self.excluded {
            out.extend_from_slice(b"[]");
            return true;
        }
        out.push(b'[');
        let start = out.len();
        for element in node.elements() {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            if !self.write(&element, tree, depth, out) {
                out.truncate(before);
            }
        }
        out.push(b']');
        true
    }
}

fn write_whole(node: &Node<'_>, out: &mut Vec<u8>) {
    if let Node::Raw(text) = node {
        out.extend_from_slice(text);
    }
}
