//! Archives: chosen records go to a segment, which a checkpoint names, and without which it is written; or, where nothing was loaded, records
//! are deleted once a manifest names the segment.

use std::cell::RefCell;
use std::sync::Arc;

use super::carrier::{Carrier, Error, Phase, Records};
use super::flight::Change;
use super::lock::compaction_locked;
use super::session::{Session, missing};
use super::view::unreadable;
use crate::engine::Id;
use crate::error::Code;
use crate::format::document::{Manifest, Name};
use crate::rules::archives::may_move;
use crate::transition::backend::{Archived, archived};

/// How long an archive waits for another agent's compaction.
const ARCHIVE_WAIT_MS: u64 = 20_000;

/// Records that are to be archived.
pub(super) struct Archive {
    period: Name,
    /// The records as they were when they were chosen.
    chosen: Vec<(Id, Vec<u8>)>,
    /// What was in the segment before the first attempt.
    before: RefCell<Option<Vec<Id>>>,
}

/// A segment that was written for the checkpoint under way.
pub(super) struct Written {
    pub archived: Archived,
    pub ids: Vec<Id>,
}

/// What a checkpoint has written for an archive.
#[derive(Default)]
pub(super) struct LeftOut {
    pub written: Option<Written>,
    /// The note on it, where the carrier keeps notes.
    pub note: Option<Name>,
}

impl LeftOut {
    /// The records that went.
    pub fn ids(&self) -> &[Id] {
        self.written.as_ref().map(|written| written.ids.as_slice()).unwrap_or_default()
    }
}

impl<C: Carrier> Session<C> {
    /// Moves records to an archive segment. Returns how many: a record that another agent has changed stays.
    ///
    /// # Errors
    /// As for [`Session::checkpoint`].
    pub async fn archive(&self, ids: &[Id], period: &Name) -> Result<u64, Error> {
        let chosen = self.chosen(ids)?;
        let archive = Archive { period: Arc::clone(period), chosen, before: RefCell::default() };
        if self.options.skip_load {
            return self.archive_aside(archive).await;
        }
        match self.make_checkpoint(Some(&archive), ARCHIVE_WAIT_MS).await? {
            Some(count) => Ok(count),
            None => Err(compaction_locked()),
        }
    }

    fn chosen(&self, ids: &[Id]) -> Result<Vec<(Id, Vec<u8>)>, Error> {
        let mut chosen = Vec::new();
        for id in ids {
            if let Some(text) = self.view.store().text_of(id).map_err(unreadable)? {
                chosen.push((Arc::clone(id), text));
            }
        }
        Ok(chosen)
    }

    /// Adds the chosen records to the segment, without those that have changed since.
    pub(super) async fn write_archive(
        &self,
        archive: &Archive,
        manifest: &Manifest,
    ) -> Result<Written, Error> {
        let mut ids = Vec::new();
        for (id, chosen) in &archive.chosen {
            let now = self.view.store().text_of(id).map_err(unreadable)?;
            if may_move(now.as_deref(), chosen) || planted!("world-archive-unchecked") {
                ids.push(Arc::clone(id));
            }
        }
        let name = [b"archive-", &*archive.period, b".json"].concat();
        let segment = manifest.list("archiveSegments").into_iter().find(|path| path.ends_with(&name));
        if archive.before.borrow().is_none() {
            let before = match segment {
                Some(segment) => self.carrier.segment_ids(&segment).await?,
                None => Vec::new(),
            };
            *archive.before.borrow_mut() = Some(before);
        }
        let added = archive.missing_of(&ids);
        self.carrier.begins(Phase::Archive, ids.len() as u64);
        let records = Records { store: self.view.store(), earlier: None, only: Some(&ids), without: &[] };
        let path = self.carrier.write_segment(&archive.period, records).await;
        self.carrier.ends();
        Ok(Written { archived: Archived { path: path?, added }, ids })
    }

    /// Archives without a checkpoint: the records are deleted by operations.
    async fn archive_aside(&self, archive: Archive) -> Result<u64, Error> {
        self.settle_doubt().await?;
        self.check_replaced()?;
        self.refuse_newer(&*self.known_rc()?)?;
        let ids: Vec<Id> = archive.chosen.iter().map(|(id, _)| Arc::clone(id)).collect();
        let Written { archived: segment, .. } = self.write_archive(&archive, &*self.known_rc()?).await?;
        let known = if self.agent().is_some() {
            self.changing(async || {
                self.update(async |manifest, _| {
                    Ok(Some(archived(&**manifest.ok_or_else(missing)?, &segment)))
                })
                .await
            })
            .await?
        } else {
            self.replace_own(archived(&*self.known_rc()?, &segment)).await?
        };
        self.take(known);
        self.begin_batch();
        for id in &ids {
            let change = Change { id: Arc::clone(id), text: None, ms: self.carrier.now_ms() };
            if let Err(error) = self.change_in_batch(change)
                && error.code() != Some(Code::NotFound)
            {
                self.abandon_batch();
                return Err(error);
            }
        }
        self.commit_batch().await?;
        for id in &ids {
            self.view.touched(id);
        }
        Ok(ids.len() as u64)
    }
}

impl<C: Carrier> Session<C> {
    /// Writes the segment of a checkpoint's archive, if it has one.
    pub(super) async fn write_for(
        &self,
        archive: Option<&Archive>,
        manifest: &Manifest,
        left_out: &mut LeftOut,
    ) -> Result<bool, Error> {
        let Some(archive) = archive else { return Ok(false) };
        left_out.written = Some(self.write_archive(archive, manifest).await?);
        Ok(true)
    }

    /// Notes which records that segment took out.
    pub(super) async fn note_for(&self, left_out: &mut LeftOut) -> Result<(), Error> {
        if let Some(Written { archived, ids }) = &left_out.written {
            left_out.note = self.noted_archive(&archived.path, ids).await?;
        }
        Ok(())
    }
}

impl Archive {
    /// How many of these records were not in the segment before.
    fn missing_of(&self, ids: &[Id]) -> u64 {
        let before = self.before.borrow();
        let known: hashbrown::HashSet<&Id> = before.iter().flatten().collect();
        ids.iter().filter(|id| !known.contains(id)).count() as u64
    }
}
