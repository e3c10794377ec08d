//! The archives that are crossed on the way back to a place of the history, and what they took out.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::engine::Id;
use crate::error::Result;
use crate::history::{Archived, Change};
use crate::store::Store;
use crate::store::checkpoint::archive::read_segment;

/// Archive segments, read when they are needed: for records that no log says anything of.
#[derive(Default)]
pub(super) struct Segments(HashMap<String, HashMap<Vec<u8>, Vec<u8>>>);

impl Segments {
    pub(super) fn get(&mut self, store: &Store, segment: &str, id: &[u8]) -> Result<Option<Vec<u8>>> {
        if !self.0.contains_key(segment) {
            let records = read_segment(&*store.disk, &store.root, segment)?;
            self.0.insert(segment.to_owned(), records.into_iter().collect());
        }
        Ok(self.0.get(segment).and_then(|records| records.get(id)).cloned())
    }

    /// Takes the records of a segment that was read elsewhere.
    pub(super) fn add(&mut self, segment: String, records: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) {
        self.0.insert(segment, records.collect());
    }
}

/// Archives, of which the first were crossed.
#[derive(Default)]
pub(super) struct Archives {
    /// Those behind which nothing was read yet come last.
    all: Vec<Archived>,
    crossed: usize,
    /// The ids of archives that were not crossed and were asked for.
    taken_out: HashMap<usize, HashSet<Id>>,
    /// The archives that each record was taken out by, the newest first.
    taken_out_by: HashMap<Id, Vec<usize>>,
}

impl Archives {
    pub(super) fn new(all: Vec<Archived>) -> Self {
        Self { all, ..Self::default() }
    }

    pub(super) fn push(&mut self, archive: Archived) {
        self.all.push(archive);
    }

    pub(super) fn get(&self, at: usize) -> Option<&Archived> {
        self.all.get(at)
    }

    /// Crosses the next archive, if it is behind. Returns its number and the records that it took out.
    pub(super) fn cross(&mut self, is_behind: impl Fn(usize, &Archived) -> bool) -> Option<(usize, Vec<Id>)> {
        let at = self.crossed;
        let archive = self.all.get_mut(at).filter(|archive| is_behind(at, archive))?;
        self.crossed += 1;
        Some((at, std::mem::take(&mut archive.ids)))
    }

    /// Notes that an archive that was crossed took a record out. Whether a later one took another value of it to the same segment.
    pub(super) fn take_out(&mut self, at: usize, id: &Id) -> bool {
        let later = self.taken_out_by.entry(Arc::clone(id)).or_default();
        let segment = |at: &usize| self.all.get(*at).map(|archive| &archive.segment);
        let is_overwritten = later.iter().any(|later| segment(later) == segment(&at));
        later.push(at);
        is_overwritten
    }

    /// Whether an archive between an operation and the place took the record out.
    pub(super) fn have_taken_out(&mut self, change: &Change<'_>) -> bool {
        let Self { all, crossed, taken_out, .. } = self;
        all.iter().enumerate().skip(*crossed).any(|(at, archive)| {
            let ids = || archive.ids.iter().cloned().collect();
            archive.is_after(change) && taken_out.entry(at).or_insert_with(ids).contains(&*change.line.id)
        })
    }

    /// The segments of some of them.
    pub(super) fn segments(&self, of: &HashSet<usize>) -> Vec<String> {
        let archives = self.all.iter().enumerate().filter(|(place, _)| of.contains(place));
        archives.map(|(_, archive)| archive.segment.clone()).collect()
    }
}
