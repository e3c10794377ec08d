//! The store's own lines, found again among those of others. They stand in the log in the order in which they were
//! appended, and are told from others by their text.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::engine::{Id, Operation, Text};
use crate::format::operation::{Kind, unmarked};
use crate::store::State;

/// A line of this store's own that was not looked for in the file since it was appended.
pub(super) struct Own {
    pub(super) id: Id,
    kind: Kind,
    len: usize,
    /// Its text without marks, if that is still in memory.
    pub(super) text: Option<Vec<u8>>,
}

/// The store's own lines, which are looked for in the file in their order.
pub(super) struct OwnLines {
    lines: Vec<Own>,
    /// Where lines with this text, or, if that is not known, of this record and length, come.
    places: HashMap<Vec<u8>, VecDeque<usize>>,
    /// Which of them were found.
    found: Vec<bool>,
    next: usize,
}

impl OwnLines {
    pub(super) fn new(lines: Vec<Own>) -> Self {
        let mut places: HashMap<Vec<u8>, VecDeque<usize>> = HashMap::new();
        for (at, own) in lines.iter().enumerate() {
            let key = own.text.clone().unwrap_or_else(|| shape(&own.id, own.len, own.kind));
            places.entry(key).or_default().push_back(at);
        }
        Self { found: vec![false; lines.len()], lines, places, next: 0 }
    }

    /// Whether a line that was found is the next of them, or one behind it.
    pub(super) fn find(&mut self, line: &[u8], id: &[u8], kind: Kind) -> bool {
        if self.next == self.lines.len() {
            return false;
        }
        for key in [unmarked(line), shape(id, line.len(), kind).into()] {
            let Some(places) = self.places.get_mut(&*key) else { continue };
            places.retain(|at| *at >= self.next);
            if let Some(at) = places.pop_front() {
                self.next = at + 1;
                if let Some(found) = self.found.get_mut(at) {
                    *found = true;
                }
                return true;
            }
        }
        false
    }

    /// Those that were not found, unless a later one of the same record was.
    pub(super) fn missing(self) -> Vec<Own> {
        let mut is_superseded = HashSet::new();
        let mut missing = Vec::new();
        for (own, found) in self.lines.into_iter().zip(self.found).rev() {
            if found {
                is_superseded.insert(own.id);
            } else if !is_superseded.contains(&own.id) {
                missing.push(own);
            }
        }
        missing.reverse();
        missing
    }
}

fn shape(id: &[u8], len: usize, kind: Kind) -> Vec<u8> {
    let kind = if kind == Kind::Set { b's' } else { b'd' };
    let mut key = vec![kind];
    key.extend_from_slice(&len.to_le_bytes());
    key.extend_from_slice(id);
    key
}

impl State {
    /// The first operation of which it is not sure where its line is.
    pub(super) fn first_unsure(&self) -> usize {
        let Some(own) = self.logs.wal.file() else { return self.unwritten.buffered() };
        let sure = self.logs.wal.contents().sure();
        let logged = self.engine.operations().get(..self.unwritten.buffered()).unwrap_or_default();
        logged.partition_point(|operation| match &operation.line {
            Text::At { file, offset, .. } => !Arc::ptr_eq(file, own) || *offset < sure,
            _ => true,
        })
    }

    pub(super) fn own_lines(&self, from: usize) -> Vec<Own> {
        self.as_own_lines(
            self.engine.operations().get(from..self.unwritten.buffered()).unwrap_or_default().iter(),
        )
    }

    pub(super) fn as_own_lines<'a>(&self, logged: impl Iterator<Item = &'a Operation>) -> Vec<Own> {
        let own = logged.map(|operation| {
            let len = operation.line.len();
            let text = match operation.line {
                Text::At { offset, .. } => self.logs.wal.recent(offset, len),
                _ => None,
            };
            let text = text.map(|text| unmarked(text).into_owned());
            Own { id: Arc::clone(&operation.id), kind: operation.kind, len, text }
        });
        own.collect()
    }
}
