//! What is wanted of the records that a query found: in which order, from which on, how many, which fields.

use super::fields::Fields;
use super::key;
use super::node::Node;
use super::parse::{Refused, too_long};
use super::path::Path;

/// By what records are sorted.
#[derive(Debug, Default)]
pub struct Sort {
    pub(super) paths: Vec<(Path, bool)>,
}

/// Order, bounds and fields.
#[derive(Debug, Default)]
pub struct Selection {
    /// The order; that of the store if there is none.
    pub sort: Sort,
    /// How many are passed over.
    pub skip: usize,
    /// How many are wanted at most.
    pub limit: Option<usize>,
    /// Which fields are wanted; all if there are none.
    pub fields: Option<Fields>,
}

impl Sort {
    /// Reads an order: an object of paths, each with 1 or -1.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn parse(text: &[u8]) -> Result<Self, Refused> {
        let node = Node::read(text);
        let refused = |place: &str, what: &str| Refused { place: place.to_owned(), what: what.to_owned() };
        if !node.is_object() {
            return Err(refused("sort", "must be an object of fields, each with 1 or -1"));
        }
        let mut paths = Vec::new();
        for (name, direction) in node.entries() {
            let is_down = match direction.number() {
                Some(1.0) => false,
                Some(-1.0) => true,
                _ => {
                    let place = format!("sort.{}", String::from_utf8_lossy(&name));
                    return Err(refused(&place, "must be 1 or -1"));
                }
            };
            let Some(path) = Path::parse(&name) else {
                let place = format!("sort.{}", String::from_utf8_lossy(&name));
                return Err(refused(&place, &too_long()));
            };
            paths.push((path, is_down));
        }
        Ok(Self { paths })
    }

    /// Whether there is no order but that of the store.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Bytes that stand in this order.
    pub fn key(&self, text: &[u8]) -> Vec<u8> {
        let node = Node::read(text);
        let mut out = Vec::new();
        for (path, is_down) in &self.paths {
            let start = out.len();
            let value = if node.is_container() { path.resolve(&node) } else { Node::Missing };
            key::write_for_sort(&mut out, &value);
            if *is_down {
                // NOTE: each key ends where it says so, so that the opposite of each byte is the opposite order.
                out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
            }
        }
        out
    }
}
