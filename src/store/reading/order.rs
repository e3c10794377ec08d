//! The order of ids: a tree over the snapshot as those of declared indexes, from which scans of a few ids are answered. Made in the
//! background once such a scan was asked for, and kept by checkpoints from then on.
//!
//! Invariant: derived, as all trees. Where it is missing, damaged or of no use, every id is looked at.

use std::io;
use std::sync::Arc;

use crate::disk::OpenMode;
use crate::engine::{Id, Moment, Nearby, Text};
use crate::fields::{At, Failed, Tree};
use crate::layout;
use crate::query::{Definition, Range as Keys, id_key, id_of_key};
use crate::store::reading::walk::Range;
use crate::store::{State, Store};

/// An order is of use to a scan that is after one in so many records at most.
const PART: u64 = 8;
/// Each of so many records is looked at without an order.
const FEW: usize = 5_000;

type Rows = Vec<(Id, Text)>;

impl Store {
    /// The records of a range, more than are wanted perhaps, by the order of ids. `None` where there is none, or it is of no use.
    pub(in crate::store) fn by_order(&self, moment: &Moment, range: &Range) -> io::Result<Option<Rows>> {
        if moment.base().len() <= FEW || !range.is_bounded() {
            return Ok(None);
        }
        let tree = {
            let mut state = self.lock();
            if !state.engine.is_indexable() || state.detached {
                return Ok(None);
            }
            self.tree_of_ids(&mut state, moment)
        };
        let Some(tree) = tree.filter(|tree| tree.is_plain()) else { return Ok(None) };
        match rows(&tree, moment, range) {
            Ok(rows) => Ok(rows),
            Err(Failed::Broken) => {
                self.fields.lock().forget(moment.base());
                Ok(None)
            }
            Err(Failed::Io(error)) => Err(error),
        }
    }

    fn tree_of_ids(&self, state: &mut State, moment: &Moment) -> Option<Arc<Tree>> {
        self.fields.lock().add_order();
        self.look_for_trees(state);
        let fields = self.fields.lock();
        let number = fields.definitions.iter().position(Definition::is_of_ids)?;
        fields.tree(number, moment.base()).cloned()
    }

    /// The next snapshot gets an order of ids if this one, which is in force, has one.
    pub(in crate::store) fn keep_order(&self, snapshot: &str) {
        let name = layout::tree_name(snapshot, Definition::of_ids().name());
        let path = self.path(&format!("{}/{name}", layout::INDEX));
        if !self.options.read_only && self.disk.open(&path, OpenMode::Read).is_ok() {
            self.fields.lock().add_order();
        }
    }
}

fn rows(tree: &Tree, moment: &Moment, range: &Range) -> Result<Option<Rows>, Failed> {
    let base = moment.base();
    let Some(file) = base.file() else { return Ok(None) };
    let (first, end) = bounds(range);
    let from = tree.seek(&first)?;
    let to = match end {
        Some(end) => tree.seek(&end)?,
        None => At { leaf: tree.leaves(), number: 0 },
    };
    let most = range.limit.unwrap_or(usize::MAX);
    let estimate = if from < to { tree.between(from, to).min(most as u64) } else { 0 };
    if estimate.saturating_mul(PART) > base.len() as u64 {
        return Ok(None);
    }
    let mut rows = Rows::new();
    let mut lines = Nearby::default();
    let mut take = |key: &[u8], offset: u64, len: u32| -> Result<bool, Failed> {
        let id = id_of_key(key);
        if rows.len() < most && range.has(&id) && moment.says_nothing_of(&id) {
            let line = Text::at(file, offset, len as usize);
            let record = base.record(offset, lines.read(&line)?)?;
            if *record.id != *id {
                return Err(Failed::Broken);
            }
            let text = Text::at(file, offset + record.data.start as u64, record.data.len());
            rows.push((id.as_slice().into(), text));
        }
        Ok(rows.len() < most)
    };
    let leaves: &mut dyn Iterator<Item = u32> =
        if range.reverse { &mut (from.leaf..=to.leaf).rev() } else { &mut (from.leaf..=to.leaf) };
    'leaves: for page in leaves {
        if from >= to || page >= tree.leaves() {
            continue;
        }
        let leaf = tree.leaf(page)?;
        let first = if page == from.leaf { from.number } else { 0 };
        let end = if page == to.leaf { to.number } else { leaf.len() };
        for step in 0..end.saturating_sub(first) {
            let number = if range.reverse { end - 1 - step } else { first + step };
            let Some(entry) = leaf.get(number) else { continue };
            if !take(entry.key, entry.offset, entry.len)? {
                break 'leaves;
            }
        }
    }
    for id in moment.overlaid_ids() {
        if range.has(&id)
            && let Some((_, text)) = moment.standing(&id)?
        {
            rows.push((id, text));
        }
    }
    Ok(Some(rows))
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
