//! A pass over operations, from the last one back to a place of the history and, for what is only claimed, further back.

use std::sync::Arc;

use hashbrown::HashSet;

use super::archives::{Archives, Segments};
use super::concerned::{Concerned, Known};
use super::{When, is_later};
use crate::engine::overlay::Overlay;
use crate::engine::{Id, Moment, Text};
use crate::error::{Error, Result};
use crate::format::operation::Kind;
use crate::history::{Archived, Change, before_into};
use crate::json::part;
use crate::store::Store;
use crate::store::reading::log_versions::LogVersions;

/// What was read backward.
#[derive(Default)]
pub(super) struct Pass {
    versions: LogVersions,
    records: Concerned,
    archives: Archives,
    segments: Segments,
}

/// What a pass found.
pub(super) struct Before {
    /// What the records were, over those of now.
    pub(super) layer: Overlay,
    pub(super) concerned: Vec<Id>,
    /// The records whose values are of an older schema version than the program's, and which one.
    pub(super) due: Vec<(Id, u32)>,
}

impl Pass {
    pub(super) fn new(versions: LogVersions, archives: Vec<Archived>) -> Self {
        Self { versions, archives: Archives::new(archives), ..Self::default() }
    }

    /// Whether operations further back may say something else of a record.
    pub(super) fn has_claims(&self) -> bool {
        self.records.has_claims()
    }

    /// An operation behind the place: each that comes later here is an earlier one.
    pub(super) fn take(
        &mut self,
        change: &Change<'_>,
        exists: Option<bool>,
        is_stored: impl Fn(&Change<'_>) -> Result<bool>,
    ) -> Result<()> {
        let Change { bytes, line, .. } = change;
        let before = before_into(bytes, line);
        let before = (&*before != b"null").then(|| before.into_owned());
        let is_unseen = before.is_none() && line.agent.is_none() && is_stored(change)?;
        let is_claim = is_unseen || line.agent.is_some();
        let version = if is_unseen { self.versions.snapshot } else { self.versions.of(change) };
        let known =
            Known { before, version, is_claim, is_unseen, archived: None, is_overwritten: false, exists };
        self.records.put(&*line.id, known);
        Ok(())
    }

    /// An operation before the place: what it says counts more than what a later writer knew.
    pub(super) fn correct(&mut self, change: &Change<'_>) {
        let Change { bytes, line, .. } = change;
        if !self.records.is_claimed(&line.id) {
            return;
        }
        let (is_gone, version) = (self.archives.have_taken_out(change), self.versions.of(change));
        let before = match (&line.kind, &line.data) {
            (Kind::Set, Some(data)) if !is_gone => Some(part(bytes, data.clone()).to_vec()),
            _ => None,
        };
        self.records.settle(&line.id, before, Some(version));
    }

    /// No operation confirms what agents knew: it was undone, and they did not know of that.
    pub(super) fn refuse_claims(&mut self) {
        self.records.refuse_claims();
    }

    /// The first operation from before an archive brings back what that took out: with the value that the operation before
    /// gave it, which is still to be found.
    pub(super) fn cross_archives(&mut self, change: &Change<'_>) {
        self.cross(|_, archive| archive.is_after(change));
    }

    /// Brings back what archives took out that stand directly behind the place, and so behind the operation before it. `times` are theirs.
    pub(super) fn cross_behind(&mut self, when: &When, times: &[Vec<u8>], before: Option<&Change<'_>>) {
        self.cross(|at, archive| match when {
            When::At(position) => archive.is_behind(position),
            When::Time(place) => {
                times.get(at).is_some_and(|time| is_later(time, place.as_bytes()))
                    && before.is_none_or(|change| archive.is_after(change))
            }
        });
    }

    fn cross(&mut self, is_behind: impl Fn(usize, &Archived) -> bool) {
        while let Some((at, ids)) = self.archives.cross(&is_behind) {
            let last_ms = self.archives.get(at).and_then(Archived::last_ms);
            let version = last_ms.map_or(self.versions.snapshot, |ms| self.versions.behind(ms));
            for id in ids {
                let is_overwritten = self.archives.take_out(at, &id);
                let known = Known {
                    before: None,
                    version,
                    is_claim: true,
                    is_unseen: false,
                    archived: Some(at),
                    is_overwritten,
                    exists: None,
                };
                self.records.put(id, known);
            }
        }
    }

    /// An archive took records out behind the place, and behind all operations that are still to come.
    pub(super) fn cross_one(&mut self, archive: Archived) {
        self.archives.push(archive);
        self.cross(|_, _| true);
    }

    /// An archive took a record out before the place: it was not there.
    pub(super) fn settle_as_absent(&mut self, id: &Id) {
        self.records.settle(id, None, None);
    }

    /// The segments that hold values of which no operation tells.
    pub(super) fn wanted_segments(&self) -> Vec<String> {
        let wanted = self.records.known().filter(|known| known.before.is_none());
        let at: HashSet<usize> = wanted.filter_map(|known| known.archived).collect();
        self.archives.segments(&at)
    }

    /// The segments that were read.
    pub(super) fn segments(&mut self) -> &mut Segments {
        &mut self.segments
    }

    /// What the records were at the place, over those of now.
    pub(super) fn before(self, store: &Store, moment: &Moment) -> Result<Before> {
        let Self { records, archives, mut segments, .. } = self;
        let mut layer = Overlay::default();
        let failed = |source| store.read_failed(source);
        let (wanted, mut due) = (store.options.version, Vec::new());
        // The records that are there no more come last, in the order in which they were first changed behind the place.
        for (id, known) in records.rev() {
            let archive = known.archived.and_then(|at| archives.get(at));
            let before = match (known.before.as_deref(), archive) {
                (None, Some(_)) if known.is_overwritten => {
                    return Err(Error::PositionGone(
                        "a later archive has overwritten a value whose operation was pruned",
                    ));
                }
                (None, Some(archive)) => {
                    segments.get(store, &archive.segment, id)?.map(|text| Text::Held(text.into()))
                }
                (None, None) if known.is_unseen => moment.stored(id).map_err(failed)?,
                (before, _) => before.map(|text| Text::Held(text.into())),
            };
            let exists = || match known.exists {
                Some(exists) => Ok(exists),
                None => moment.get(id).map(|found| found.is_some()),
            };
            match before {
                Some(text) => {
                    if known.version < wanted {
                        due.push((Arc::clone(id), known.version));
                    }
                    layer.set(id, text, exists).map_err(failed)?;
                }
                None => layer.delete(id, exists).map_err(failed)?,
            }
        }
        Ok(Before { layer, concerned: records.into_order(), due })
    }
}
