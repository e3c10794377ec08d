//! The records to which an index leads, in the order in which they are wanted: in the store's, put together at once; or in that of
//! the index, read as they are needed.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::choice::Choice;
use crate::engine::index::Hash;
use crate::engine::{Id, Moment, Nearby, Standing, Text};
use crate::fields::{At, Broken, Failed, Leaves, Tree};
use crate::query::Definition;

/// Above so many records of which the log speaks, nothing is counted without a look at the record.
const MOST_TAGS: usize = 50_000;

/// A record that may be found.
#[derive(Clone)]
pub(super) struct Candidate {
    pub standing: Standing,
    pub found: Place,
}

/// Where its text is.
#[derive(Clone)]
pub(super) enum Place {
    /// In a line of the snapshot: its length, and the tag of its id.
    Line { len: u32, tag: u32 },
    /// The log has it.
    Said(Id, Text),
}

/// Which records of the snapshot the log may speak of, by their tags; `None` for any.
pub(super) struct Tags(Option<(Hash, HashSet<u32>)>);

impl Tags {
    pub fn of(moment: &Moment, tree: Option<&Tree>) -> Self {
        let Some(tree) = tree.filter(|_| moment.overlaid() <= MOST_TAGS) else { return Self(None) };
        let hash = tree.hash();
        Self(Some((hash, moment.overlaid_ids().iter().map(|id| hash.tag(id)).collect())))
    }

    /// Whether the log certainly says nothing of a record.
    pub fn lacks(&self, tag: u32) -> bool {
        self.0.as_ref().is_some_and(|(_, tags)| !tags.contains(&tag))
    }
}

/// The records that the log speaks of, each once, with their values.
pub(super) fn said(moment: &Moment, choice: &Choice) -> io::Result<Vec<Candidate>> {
    let ids = match &choice.overlaid {
        Some(ids) => ids.clone(),
        None => moment.overlaid_ids(),
    };
    let mut said = Vec::with_capacity(ids.len());
    for id in ids {
        // NOTE: of an id with several keys only one is wanted.
        if let Some((standing, text)) = moment.standing(&id)? {
            said.push(Candidate { standing, found: Place::Said(id, text) });
        }
    }
    crate::order::sort_by(&mut said, |one, other| one.standing.cmp(&other.standing));
    said.dedup_by(|one, other| one.standing == other.standing);
    Ok(said)
}

/// All records to which a choice leads, in the store's order, and how many keys were looked at. `None` if there are more than
/// `most` in the snapshot.
pub(super) fn listed(
    moment: &Moment,
    choice: &Choice,
    most: u64,
) -> Result<Option<(Vec<Candidate>, u64)>, Failed> {
    let mut lines = Vec::new();
    for way in &choice.ways {
        let Some((tree, places)) = &way.tree else { continue };
        for (from, to) in places {
            let mut steps = Steps::new(tree, *from, *to);
            while let Some(entry) = steps.next_entry()? {
                let found = Place::Line { len: entry.len, tag: entry.tag };
                lines.push(Candidate { standing: Standing::Base(entry.offset), found });
                if lines.len() as u64 > most {
                    return Ok(None);
                }
            }
        }
    }
    let keys = lines.len() as u64 + choice.overlaid.as_ref().map_or(0, |ids| ids.len() as u64);
    lines.extend(said(moment, choice)?);
    crate::order::sort_by(&mut lines, |one, other| one.standing.cmp(&other.standing));
    lines.dedup_by(|one, other| one.standing == other.standing);
    Ok(Some((lines, keys)))
}

/// An entry on the way.
pub(super) struct Step {
    pub offset: u64,
    pub len: u32,
    pub tag: u32,
}

/// Goes through the entries between two places.
#[derive(Clone)]
pub(super) struct Steps {
    leaves: Leaves,
    at: At,
    to: At,
}

impl Steps {
    pub fn new(tree: &Arc<Tree>, at: At, to: At) -> Self {
        Self { leaves: Leaves::of(Arc::clone(tree)), at, to }
    }

    /// The next entry, and its key if it is wanted.
    fn peek(&mut self, key: Option<&mut Vec<u8>>) -> Result<Option<Step>, Broken> {
        while self.at < self.to && self.at.leaf < self.leaves.tree().leaves() {
            let leaf = self.leaves.leaf(self.at.leaf)?;
            if let Some(entry) = leaf.get(self.at.number) {
                if let Some(key) = key {
                    key.clear();
                    key.extend_from_slice(entry.key);
                }
                return Ok(Some(Step { offset: entry.offset, len: entry.len, tag: entry.tag }));
            }
            self.at = At { leaf: self.at.leaf + 1, number: 0 };
        }
        Ok(None)
    }

    pub fn next_entry(&mut self) -> Result<Option<Step>, Broken> {
        let step = self.peek(None)?;
        self.at.number += 1;
        Ok(step)
    }

    /// The key of the last entry, if there is one.
    fn last_key(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        while self.at < self.to {
            if self.to.number == 0 || self.to.leaf >= self.leaves.tree().leaves() {
                let Some(before) = self.to.leaf.checked_sub(1) else { return Ok(None) };
                let number = self.leaves.tree().leaf(before)?.len();
                self.to = At { leaf: before, number };
                continue;
            }
            let leaf = self.leaves.leaf(self.to.leaf)?;
            return Ok(leaf.get(self.to.number - 1).map(|entry| entry.key.to_vec()));
        }
        Ok(None)
    }
}

/// Records in the order of an index.
#[derive(Clone)]
pub(super) struct Ordered {
    is_down: bool,
    /// What is left of the tree, and of the entries of one key, which come in the store's order from either end.
    rest: Option<Steps>,
    group: Option<Steps>,
    said: Arc<[(Vec<u8>, Candidate)]>,
    next_said: usize,
    /// How many keys were looked at.
    pub keys: u64,
}

impl Ordered {
    /// `said` is what the log says, in the store's order.
    pub fn new(
        choice: &Choice,
        definition: &Definition,
        moment: &Moment,
        said: Vec<Candidate>,
    ) -> Result<Self, Failed> {
        let is_down = choice.order == Some(true);
        let mut keyed = Vec::with_capacity(said.len());
        let mut texts = Nearby::of(moment.kept());
        for candidate in said {
            let Place::Said(_, text) = &candidate.found else { continue };
            let key = definition.keys(b"", texts.read(text)?).keys.pop().unwrap_or_default();
            keyed.push((key, candidate));
        }
        crate::order::sort_by(
            &mut keyed,
            |one, other| {
                if is_down { other.0.cmp(&one.0) } else { one.0.cmp(&other.0) }
            },
        );
        let rest = choice.ways.iter().find_map(|way| {
            let (tree, places) = way.tree.as_ref()?;
            let (from, to) = places.first()?;
            Some(Steps::new(tree, *from, *to))
        });
        Ok(Self { is_down, rest, group: None, said: keyed.into(), next_said: 0, keys: 0 })
    }

    /// The next entries of the tree that come next.
    fn line(&mut self, key: &mut Vec<u8>) -> Result<Option<Step>, Broken> {
        if !self.is_down {
            return self.rest.as_mut().map_or(Ok(None), |rest| rest.peek(Some(key)));
        }
        loop {
            if let Some(group) = &mut self.group
                && let Some(step) = group.peek(Some(key))?
            {
                return Ok(Some(step));
            }
            let Some(rest) = &mut self.rest else { return Ok(None) };
            let Some(last) = rest.last_key()? else { return Ok(None) };
            let from = rest.leaves.tree().seek(&last)?.max(rest.at);
            let to = std::mem::replace(&mut rest.to, from);
            self.group = Some(Steps::new(rest.leaves.tree(), from, to));
        }
    }

    /// The next record.
    pub fn next_candidate(&mut self) -> Result<Option<Candidate>, Broken> {
        let mut key = Vec::new();
        let line = self.line(&mut key)?;
        let said = self.said.get(self.next_said);
        let is_said_first = match (&line, said) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(line), Some((said, candidate))) => {
                let order = if self.is_down { key.cmp(said) } else { said.cmp(&key) };
                order.then(candidate.standing.cmp(&Standing::Base(line.offset))).is_lt()
            }
        };
        self.keys += u64::from(line.is_some() || is_said_first);
        if is_said_first {
            self.next_said += 1;
            return Ok(said.map(|(_, candidate)| candidate.clone()));
        }
        let Some(Step { offset, len, tag }) = line else { return Ok(None) };
        let steps = if self.is_down { &mut self.group } else { &mut self.rest };
        if let Some(steps) = steps {
            steps.at.number += 1;
        }
        Ok(Some(Candidate { standing: Standing::Base(offset), found: Place::Line { len, tag } }))
    }
}
