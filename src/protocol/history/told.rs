//! The operations of an era that a feed has told, in the order in which it told them.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::walk::Walk;
use crate::engine::Id;
use crate::format::document::{Manifest, Name};
use crate::protocol::entry::{Entry, logs_of};

/// An operation that was told.
pub(super) struct Told {
    pub(super) identity: Arc<[u8]>,
    pub(super) agent: Name,
    pub(super) id: Id,
    pub(super) position: Box<[u8]>,
    /// The log that it was seen in; `None` until it is seen where a checkpoint has left it.
    pub(super) log: Option<Name>,
    /// It was told in an earlier era.
    pub(super) is_copy: bool,
}

impl Told {
    pub(super) fn new(entry: &Entry, position: Vec<u8>, is_copy: bool) -> Self {
        Self {
            is_copy,
            identity: Arc::clone(&entry.identity),
            agent: Arc::clone(&entry.agent),
            id: Arc::clone(&entry.id),
            position: position.into(),
            log: Some(Arc::clone(&entry.log)),
        }
    }
}

/// The operations of an era that were told.
#[derive(Default)]
pub(super) struct ToldInEra {
    all: Vec<Told>,
    known: HashSet<Arc<[u8]>>,
    /// Those among them that a checkpoint has left to the next era.
    kept: HashSet<Arc<[u8]>>,
}

impl ToldInEra {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Told> {
        self.all.iter()
    }

    /// How many they are, and the last of them.
    pub(super) fn end(&self) -> Option<(usize, &Arc<[u8]>)> {
        Some((self.all.len(), &self.all.last()?.identity))
    }

    pub(super) fn knows(&self, identity: &Arc<[u8]>) -> bool {
        self.known.contains(identity)
    }

    pub(super) fn push(&mut self, told: Told) {
        self.known.insert(Arc::clone(&told.identity));
        self.all.push(told);
    }

    /// Takes an operation out.
    pub(super) fn remove(&mut self, identity: &Arc<[u8]>) -> Option<Told> {
        let place = self.all.iter().rposition(|told| told.identity == *identity)?;
        self.known.remove(identity);
        Some(self.all.remove(place))
    }

    /// Says which of them a checkpoint has left to the next era.
    pub(super) fn keep(&mut self, kept: HashSet<Arc<[u8]>>) {
        self.kept = kept;
    }

    /// An operation was told that a checkpoint has left to the next era.
    pub(super) fn push_kept(&mut self, told: Told) {
        self.kept.insert(Arc::clone(&told.identity));
        self.push(told);
    }

    /// Goes over to the next era with those that are in it.
    pub(super) fn advance(&mut self, walk: &mut Walk) {
        // What was told and has gone over to the next era has been told of that one.
        self.all.retain(|told| self.kept.contains(&told.identity));
        walk.enter_next_era(!self.all.is_empty());
        self.known.clear();
        for told in &mut self.all {
            told.log = None;
            self.known.insert(Arc::clone(&told.identity));
            walk.read.entry(Arc::clone(&told.agent)).or_default().add(&told.identity);
        }
        self.kept.clear();
    }

    /// What a checkpoint has left to this era stands in the log of its single writer.
    pub(super) fn finds_log(&mut self, manifest: &Manifest) {
        let logs = logs_of(manifest);
        let [log] = logs.as_slice() else { return };
        for told in self.all.iter_mut().filter(|told| told.log.is_none()) {
            told.log = Some(Arc::clone(&log.path));
        }
    }

    /// Those that were told and are not among these.
    pub(super) fn lacking(&self, entries: &[Entry]) -> HashSet<Arc<[u8]>> {
        let there: HashSet<&Arc<[u8]>> = entries.iter().map(|entry| &entry.identity).collect();
        let told = self.all.iter().map(|told| &told.identity);
        told.filter(|identity| !there.contains(identity)).map(Arc::clone).collect()
    }

    /// Which operations were told before others of their agent that stand before them: an older listing of a log lacked those. They are
    /// to be told again, so that of each agent what was told is how its operations begin, as a position says.
    pub(super) fn moved(&self, entries: &[Entry], there: &HashSet<&Arc<[u8]>>) -> HashSet<Arc<[u8]>> {
        let mut expected: HashMap<&Name, VecDeque<&Arc<[u8]>>> = HashMap::new();
        for told in self.all.iter().filter(|told| there.contains(&told.identity)) {
            expected.entry(&told.agent).or_default().push_back(&told.identity);
        }
        let mut moved = HashSet::new();
        for entry in entries {
            let Some(expected) = expected.get_mut(&entry.agent) else { continue };
            match expected.front() == Some(&&entry.identity) {
                true => drop(expected.pop_front()),
                false => moved.extend(expected.drain(..).map(Arc::clone)),
            }
        }
        moved
    }
}
