//! Archiving: the segment is written and durable before the records leave the store, and they leave it by a
//! checkpoint. A failure at any point leaves memory and the manifest as they were; a crash between the two
//! leaves the records in both places.

use std::path::Path;
use std::sync::Arc;

use crate::disk::Disk;
use crate::engine::{Id, Text, View};
use crate::error::{Error, Result};
use crate::files::segment;
use crate::format::Records;
use crate::layout;
use crate::lock::HeldLock;
use crate::progress::Phase;
use crate::publish::replace;
use crate::sequence::archive::{self, Aside};
use crate::sequence::complete;
use crate::store::Store;
use crate::store::checkpoint::{Checkpoint, waits};
use crate::transition::folder::{self as transition, Archived};

/// Records that are to go to an archive, as they are when the view is frozen.
pub(in crate::store) struct Chosen {
    pub(in crate::store) ids: Vec<Id>,
    /// The segment's period.
    pub(in crate::store) period: String,
}

impl Store {
    /// Freezes the view for a checkpoint without these records, which go to a segment. `None` while a checkpoint is under way.
    ///
    /// # Errors
    /// As for [`Store::begin_checkpoint`]; nothing is changed then.
    pub fn begin_archive(
        self: &Arc<Self>,
        ids: Vec<Id>,
        period: &str,
        now_ms: i64,
    ) -> Result<Option<Checkpoint>> {
        self.freeze_for_checkpoint(now_ms, true, Some(Chosen { ids, period: period.to_owned() }))
    }
}

impl Store {
    /// Writes records to an archive segment and names it in the manifest, without a checkpoint: for a store
    /// that does not hold all records. They leave the store by deletions that the caller logs afterwards.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`.
    pub fn archive_aside(&self, ids: &[Id], period: &str, now_ms: i64) -> Result<()> {
        let mut aside = AsideOf { store: self, ids, period, now_ms, lock: None, archived: None };
        complete(archive::aside(&mut aside), waits)
    }

    /// Merges records into a segment, durably. Returns its relative path and how many were not in it.
    pub(in crate::store) fn write_segment(
        &self,
        texts: Vec<(Id, Option<Text>)>,
        period: &str,
        now_ms: i64,
    ) -> Result<(String, u64)> {
        let relative = layout::archive(period);
        let path = layout::inside(&self.root, layout::ARCHIVE, &relative)?;
        let mut records = Vec::with_capacity(texts.len());
        self.options.progress.begin(Phase::Archive, texts.len() as u64);
        for (id, text) in texts {
            self.options.progress.reach(records.len() as u64);
            let Some(text) = text else { continue };
            let text = text.read().map_err(|source| self.read_failed(source))?.into_owned();
            records.push((id, if text.is_empty() { b"null".to_vec() } else { text }));
        }
        let added = segment::merge(&*self.disk, &path, period, now_ms, &records)?;
        Ok((relative, added))
    }
}

/// The steps of an archive without a checkpoint.
struct AsideOf<'a> {
    store: &'a Store,
    ids: &'a [Id],
    period: &'a str,
    now_ms: i64,
    lock: Option<HeldLock>,
    archived: Option<Archived>,
}

impl Aside for AsideOf<'_> {
    type Error = Error;
    type Made = ();

    async fn lock(&mut self) -> Result<()> {
        if self.store.gate.is_some() {
            self.lock = Some(self.store.wait_for_compaction_lock()?);
        }
        Ok(())
    }

    async fn check(&mut self) -> Result<()> {
        self.store.lock().writable()
    }

    async fn write_segment(&mut self) -> Result<()> {
        let (store, state) = (self.store, self.store.lock());
        let texts = self.ids.iter().map(|id| state.engine.get(id).map(|text| (Arc::clone(id), text)));
        let texts = texts.collect::<std::io::Result<Vec<_>>>().map_err(|source| store.read_failed(source))?;
        drop(state);
        let (segment, added) = store.write_segment(texts, self.period, self.now_ms)?;
        self.archived = Some(Archived { segment, added });
        Ok(())
    }

    async fn publish(&mut self) -> Result<()> {
        let (store, Some(archived)) = (self.store, &self.archived) else { return Ok(()) };
        if store.gate.is_some() {
            return store.amend_manifest(|current| transition::archived(current, archived));
        }
        let manifest = transition::archived(&store.manifest(), archived);
        replace(&*store.disk, &store.path(layout::MANIFEST), manifest.print().as_bytes())?;
        store.lock().manifest = manifest;
        Ok(())
    }

    async fn unlock(&mut self) {
        self.lock = None;
    }

    /// By a batch of the caller's.
    async fn delete(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Store {
    /// Takes records out of what was frozen, and out of memory. Returns what is left.
    pub(in crate::store) fn leave_out(&self, view: &View, ids: &[Id]) -> Result<View> {
        let view = view.without(ids).map_err(|source| self.read_failed(source))?;
        let mut state = self.lock();
        state.keep_showing();
        state.engine.refreeze(&view);
        state.tell_home_of(ids);
        Ok(view)
    }
}

/// The records of a segment; none if it is gone.
///
/// # Errors
/// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
pub(in crate::store) fn read_segment(disk: &dyn Disk, root: &Path, relative: &str) -> Result<Records> {
    Ok(segment::read(disk, &layout::inside(root, layout::ARCHIVE, relative)?)?.unwrap_or_default())
}

/// The records of a segment, see [`segment::load`].
///
/// # Errors
/// As for [`segment::load`].
pub fn load_segment(disk: &dyn Disk, root: &Path, relative: &str, limit: usize) -> Result<Vec<Vec<u8>>> {
    segment::load(disk, &layout::inside(root, layout::ARCHIVE, relative)?, limit)
}
