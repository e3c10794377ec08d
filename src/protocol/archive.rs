//! Archives: chosen records go to a segment, which a checkpoint names, and without which it is written; or, where nothing was loaded, records
//! are deleted once a manifest names the segment.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::carrier::{Carrier, Error, Lock, Phase, Records};
use super::flight::Change;
use super::lock::compaction_locked;
use super::session::{Session, missing};
use super::view::unreadable;
use crate::engine::Id;
use crate::error::Code;
use crate::format::document::{Manifest, Name};
use crate::rules::archives::may_move;
use crate::sequence::archive::{self, Aside};
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
            let mut aside = AsideOf { session: self, archive: &archive, lock: None, segment: None };
            return archive::aside(&mut aside).await;
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

/// The steps of an archive without a checkpoint: the records are deleted by operations.
struct AsideOf<'a, C> {
    session: &'a Session<C>,
    archive: &'a Archive,
    lock: Option<u64>,
    segment: Option<Archived>,
}

impl<C: Carrier> Aside for AsideOf<'_, C> {
    type Error = Error;
    type Made = u64;

    async fn lock(&mut self) -> Result<(), Error> {
        let session = self.session;
        if session.agent().is_some() && session.carrier.facts().compaction_lock {
            let lock = session.wait_for(Lock::Compaction, ARCHIVE_WAIT_MS).await?;
            self.lock = Some(lock.ok_or_else(compaction_locked)?);
        }
        Ok(())
    }

    async fn check(&mut self) -> Result<(), Error> {
        self.session.settle_doubt().await?;
        self.session.check_replaced()?;
        self.session.refuse_newer(&*self.session.known_rc()?)
    }

    async fn write_segment(&mut self) -> Result<(), Error> {
        let manifest = self.session.known_rc()?;
        let written = self.session.write_archive(self.archive, &manifest).await?;
        self.segment = Some(written.archived);
        Ok(())
    }

    async fn publish(&mut self) -> Result<(), Error> {
        let (session, Some(segment)) = (self.session, &self.segment) else { return Ok(()) };
        let known = if session.agent().is_some() {
            let named = async |manifest: Option<&Rc<Manifest>>, _| {
                Ok(Some(archived(&**manifest.ok_or_else(missing)?, segment)))
            };
            session.update(named).await?
        } else {
            session.replace_own(archived(&*session.known_rc()?, segment)).await?
        };
        session.take(known);
        Ok(())
    }

    async fn unlock(&mut self) {
        if let Some(lock) = self.lock.take() {
            self.session.give_back(Lock::Compaction, lock).await;
        }
    }

    async fn delete(&mut self) -> Result<u64, Error> {
        let (session, chosen) = (self.session, &self.archive.chosen);
        session.begin_batch();
        for (id, _) in chosen {
            let change = Change { id: Arc::clone(id), text: None, ms: session.carrier.now_ms() };
            if let Err(error) = session.change_in_batch(change)
                && error.code() != Some(Code::NotFound)
            {
                session.abandon_batch();
                return Err(error);
            }
        }
        session.commit_batch().await?;
        for (id, _) in chosen {
            session.view.touched(id);
        }
        Ok(chosen.len() as u64)
    }
}
