//! A pass whose operations a protocol reads: that of a store without files.

use super::pass::Pass;
use crate::engine::Id;
use crate::error::Result;
use crate::history::{Archived, Change};
use crate::store::Manifest;
use crate::store::reading::log_versions::LogVersions;

/// What operations say that a protocol reads backward, those behind the place first.
pub struct Earlier(Pass);

impl Default for Earlier {
    /// Nothing was read. Values are shown as they were logged.
    fn default() -> Self {
        let versions = LogVersions::new(&Manifest::default(), u32::MAX);
        Self(Pass::new(versions, Vec::new()))
    }
}

impl Earlier {
    /// An operation behind the place.
    ///
    /// # Errors
    /// None, since nothing is read for it.
    pub fn behind(&mut self, change: &Change<'_>) -> Result<()> {
        self.0.take(change, None, |_| Ok(false))
    }

    /// One before it.
    pub fn before(&mut self, change: &Change<'_>) {
        self.0.correct(change);
    }

    /// An archive took records to a segment, behind all operations that are still to come and behind the place.
    pub fn taken_out_behind(&mut self, segment: String, ids: Vec<Id>) {
        self.0.cross_one(Archived::of(segment, ids));
    }

    /// As [`Earlier::taken_out_behind`], before the place: the records were not there.
    pub fn taken_out_before(&mut self, ids: &[Id]) {
        ids.iter().for_each(|id| self.0.settle_as_absent(id));
    }

    /// The segments that hold values of which no operation tells.
    pub fn segments(&self) -> Vec<String> {
        self.0.wanted_segments()
    }

    /// The records of such a segment.
    pub fn holds(&mut self, segment: String, records: Vec<(Id, Vec<u8>)>) {
        self.0.segments().add(segment, records.into_iter().map(|(id, text)| (id.to_vec(), text)));
    }

    /// Whether operations further back can say nothing more.
    pub fn is_settled(&self) -> bool {
        !self.0.has_claims()
    }

    /// There are no operations further back, and there never were.
    pub fn refuse_claims(&mut self) {
        self.0.refuse_claims();
    }
}

impl From<Earlier> for Pass {
    fn from(earlier: Earlier) -> Self {
        earlier.0
    }
}
