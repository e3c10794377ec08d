//! Archiving: the segment is written and durable before the records leave the store, and they leave it by a
//! checkpoint. A failure at any point leaves memory and the manifest as they were; a crash between the two
//! leaves the records in both places.

use std::path::Path;
use std::sync::Arc;

use crate::disk::Disk;
use crate::engine::{Id, Text, View};
use crate::error::Result;
use crate::files::segment;
use crate::format::Records;
use crate::layout;
use crate::progress::Phase;
use crate::publish::replace;
use crate::store::Store;
use crate::store::checkpoint::Checkpoint;
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
        // NOTE: among agents the lock of a compaction also guards the segments: each is read and replaced.
        let _lock = self.gate.is_some().then(|| self.wait_for_compaction_lock()).transpose()?;
        let texts = {
            let state = self.lock();
            state.writable()?;
            ids.iter()
                .map(|id| state.engine.get(id).map(|text| (Arc::clone(id), text)))
                .collect::<std::io::Result<Vec<_>>>()
                .map_err(|source| self.read_failed(source))?
        };
        let (segment, added) = self.write_segment(texts, period, now_ms)?;
        let archived = Archived { segment, added };
        if self.gate.is_some() {
            return self.amend_manifest(|current| transition::archived(current, &archived));
        }
        let manifest = transition::archived(&self.manifest(), &archived);
        replace(&*self.disk, &self.path(layout::MANIFEST), manifest.print().as_bytes())?;
        self.lock().manifest = manifest;
        Ok(())
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
