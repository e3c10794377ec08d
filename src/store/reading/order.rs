//! The order of ids: a tree over the snapshot as those of declared indexes, by which scans find their rows. Made in the
//! background once a scan of a few ids was asked for, and kept by checkpoints from then on.
//!
//! Invariant: derived, as all trees. Where it is missing, damaged or of no use, every id is looked at.

use std::sync::Arc;

use crate::disk::OpenMode;
use crate::engine::Moment;
use crate::fields::{At, Broken, Leaves, Tree};
use crate::layout;
use crate::query::{Definition, Range as Keys, id_key, id_of_key};
use crate::store::Store;
use crate::store::reading::sorted::Head;
use crate::store::reading::walk::Range;

/// Each of so many records is looked at without an order.
const FEW: usize = 5_000;

impl Store {
    /// The records of the snapshot in a range, by the order of ids, if that is there.
    pub(super) fn by_order(&self, moment: &Moment, range: &Range) -> Option<Ordered> {
        let tree = self.tree_of_ids(moment, range).filter(|tree| tree.is_plain())?;
        let ordered = Ordered::new(tree, range.clone());
        if ordered.is_err() {
            self.fields.lock().forget(moment.base());
        }
        ordered.ok()
    }

    /// The order of ids, if it is there. One that is not is made in the background for a scan that leaves records out.
    fn tree_of_ids(&self, moment: &Moment, range: &Range) -> Option<Arc<Tree>> {
        let mut state = self.lock();
        if moment.base().len() <= FEW || !state.engine.is_indexable() || state.detached {
            return None;
        }
        let snapshot = &state.manifest.current_snapshot;
        if range.is_bounded() || self.has_order(snapshot) {
            self.fields.lock().add_order();
        }
        self.look_for_trees(&mut state);
        let fields = self.fields.lock();
        let number = fields.definitions.iter().position(Definition::is_of_ids)?;
        fields.tree(number, moment.base()).cloned()
    }

    fn has_order(&self, snapshot: &str) -> bool {
        let name = layout::tree_name(snapshot, Definition::of_ids().name());
        let path = self.path(&format!("{}/{name}", layout::INDEX));
        self.disk.open(&path, OpenMode::Read).is_ok()
    }

    /// The next snapshot gets an order of ids if this one, which is in force, has one.
    pub(in crate::store) fn keep_order(&self, snapshot: &str) {
        if !self.options.read_only && self.has_order(snapshot) {
            self.fields.lock().add_order();
        }
    }
}

/// The records of a snapshot by the order of ids.
pub(super) struct Ordered {
    leaves: Leaves,
    range: Range,
    /// Between which places of the tree the rest stands.
    rest: (At, At),
    head: Option<Head>,
}

impl Ordered {
    fn new(tree: Arc<Tree>, range: Range) -> Result<Self, Broken> {
        let (begin, end) = bounds(&range);
        let from = tree.seek(&begin)?;
        let to = match end {
            Some(end) => tree.seek(&end)?,
            None => At { leaf: tree.leaves(), number: 0 },
        };
        Ok(Self { leaves: Leaves::of(tree), range, rest: (from, to), head: None })
    }

    /// Looks for the next record, if it is not known.
    pub fn find_next(&mut self, moment: &Moment) -> Result<(), Broken> {
        while self.head.is_none() {
            let Some(At { leaf, number }) = self.step()? else { break };
            let leaf = self.leaves.leaf(leaf)?;
            let Some(entry) = leaf.get(number) else { continue };
            let id = id_of_key(entry.key);
            if self.range.has(&id) && moment.says_nothing_of(&id) {
                let (offset, len) = (entry.offset, entry.len);
                self.head = Some(Head { id: id.into(), offset, len, line: Vec::new() });
            }
        }
        Ok(())
    }

    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    pub fn take(&mut self) -> Option<Head> {
        self.head.take()
    }

    /// Takes the next place off the rest.
    fn step(&mut self) -> Result<Option<At>, Broken> {
        loop {
            let (mut from, mut to) = self.rest;
            if from >= to {
                return Ok(None);
            }
            let taken;
            if self.range.reverse {
                if let Some(number) = to.number.checked_sub(1) {
                    to.number = number;
                    taken = Some(to);
                } else {
                    let Some(leaf) = to.leaf.checked_sub(1) else { return Ok(None) };
                    to = At { leaf, number: self.leaves.leaf(leaf)?.len() };
                    taken = None;
                }
            } else if from.number < self.leaves.leaf(from.leaf)?.len() {
                taken = Some(from);
                from.number += 1;
            } else {
                from = At { leaf: from.leaf + 1, number: 0 };
                taken = None;
            }
            self.rest = (from, to);
            if taken.is_some() {
                return Ok(taken);
            }
        }
    }
}

/// The first key of a range, and the first one behind it, if there is one. A few more may stand between them than are wanted.
fn bounds(range: &Range) -> (Vec<u8>, Option<Vec<u8>>) {
    let prefix = id_key(&range.prefix);
    let from = range.from.as_ref().map(|(from, _)| id_key(from)).unwrap_or_default();
    // NOTE: behind an id itself, not behind all that begin with it.
    let to = range.to.as_ref().map(|(to, _)| [&*id_key(to), &[0]].concat());
    let end = if prefix.is_empty() { None } else { Keys::of(&prefix).end() };
    let end = match (end, to) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    (prefix.max(from), end)
}
