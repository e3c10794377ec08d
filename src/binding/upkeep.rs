//! Checkpoints, archives and compactions: begun by a call, carried out by a task.

use std::sync::Arc;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::CHUNK;
use super::catch::{caught, plain};
use super::json;
use super::store::NativeStore;
use super::tasks::Work;
use super::text;
use crate::disk::OsDisk;
use crate::store::{Begun, Checkpoint, Compaction, WantedCompaction, load_segment};

/// What was begun and waits for its task.
#[derive(Default)]
pub(super) struct Upkeep {
    checkpoint: Arc<Mutex<Option<Checkpoint>>>,
    pub(super) compaction: Arc<Mutex<Option<Compaction>>>,
    /// A compaction that another agent's kept from beginning.
    wanted: Arc<Mutex<Option<WantedCompaction>>>,
}

#[napi]
impl NativeStore {
    /// Compacts a folder of agents; with ids, given as a JSON list, these records go to an archive segment.
    /// Returns what was archived, as a JSON list, or `null` when records must be migrated before `finishCompaction`; what
    /// others wrote is for `takeForeign`. With `if_due` nothing is done where another agent's compaction has taken all along. While another
    /// agent compacts it returns a number: after so many milliseconds `compactAgain` tries once more.
    #[napi]
    pub fn compact_agents(
        &self,
        now: f64,
        ids: Option<JsString<'_>>,
        period: Option<String>,
        if_due: Option<bool>,
    ) -> napi::Result<AsyncTask<Work>> {
        let ids = ids.map(text::json).transpose()?;
        caught(|| {
            let archive = match (ids, period) {
                (Some(ids), Some(period)) => {
                    Some(self.store.choose_for_archive(json::parse_ids(&ids), period)?)
                }
                _ => None,
            };
            Ok(self.compact(WantedCompaction::new(archive), now, if_due))
        })
    }

    /// Tries again what `compactAgents` or this has come back from.
    #[napi]
    pub fn compact_again(&self, now: f64, if_due: Option<bool>) -> napi::Result<AsyncTask<Work>> {
        let wanted =
            plain(|| self.upkeep.wanted.lock().take().unwrap_or_else(|| WantedCompaction::new(None)))?;
        plain(|| self.compact(wanted, now, if_due))
    }

    fn compact(&self, wanted: WantedCompaction, now: f64, if_due: Option<bool>) -> AsyncTask<Work> {
        let (store, slot) = (Arc::clone(&self.store), Arc::clone(&self.upkeep.compaction));
        let still_wanted = Arc::clone(&self.upkeep.wanted);
        let compact = move || {
            let begun = match store.try_compaction(now as i64, wanted, if_due == Some(true))? {
                Begun::NotNeeded => return Ok(Some(json::ids(&[]))),
                Begun::Later(wanted, pause) => {
                    *still_wanted.lock() = Some(wanted);
                    return Ok(Some(pause.as_millis().to_string()));
                }
                Begun::Compaction(begun) => *begun,
            };
            if store.needs_migration()? {
                *slot.lock() = Some(begun);
                return Ok(None);
            }
            begun.finish().map(|done| Some(json::ids(&done.archived)))
        };
        AsyncTask::new(Work::new(compact, |result| result))
    }

    /// Freezes the view for a checkpoint; `false` while another is under way.
    #[napi]
    pub fn begin_checkpoint(&self, now: f64, all: bool) -> napi::Result<bool> {
        caught(|| {
            let begun = self.store.begin_checkpoint(now as i64, all)?;
            let is_begun = begun.is_some();
            if is_begun {
                *self.upkeep.checkpoint.lock() = begun;
            }
            Ok(is_begun)
        })
    }

    /// Carries the checkpoint out.
    #[napi]
    pub fn run_checkpoint(&self) -> AsyncTask<Work> {
        let slot = Arc::clone(&self.upkeep.checkpoint);
        AsyncTask::new(Work::new(
            move || {
                let begun = slot.lock().take();
                begun.map_or(Ok(()), Checkpoint::run)
            },
            |()| (),
        ))
    }

    /// Lets the history start anew for a checkpoint that comes after the one under way.
    #[napi]
    pub fn hide_history(&self) -> napi::Result<()> {
        plain(|| self.store.hide_history())
    }

    /// Shows the history again that was hidden for a checkpoint that failed.
    #[napi]
    pub fn show_history(&self) -> napi::Result<()> {
        plain(|| self.store.show_history())
    }

    /// Whether crossings of the threshold wait for a checkpoint.
    #[napi]
    pub fn is_checkpoint_pending(&self) -> napi::Result<bool> {
        plain(|| self.store.is_checkpoint_pending())
    }

    /// Whether closing should write a checkpoint.
    #[napi]
    pub fn is_due_on_close(&self, explicit: bool) -> napi::Result<bool> {
        plain(|| self.store.is_checkpoint_due_on_close(explicit))
    }

    /// Moves records, given as a JSON list of ids, to an archive segment; `null` while a checkpoint is under
    /// way.
    #[napi]
    pub fn archive(
        &self,
        ids: JsString<'_>,
        period: String,
        now: f64,
    ) -> napi::Result<Option<AsyncTask<Work>>> {
        let ids = json::parse_ids(&text::json(ids)?);
        caught(|| {
            let plan = self.store.begin_archive(ids, &period, now as i64)?;
            Ok(plan.map(|plan| AsyncTask::new(Work::new(move || plan.run(), |()| ()))))
        })
    }

    /// Writes records to an archive segment without a checkpoint; their deletion is logged by the caller.
    #[napi]
    pub fn archive_aside(
        &self,
        ids: JsString<'_>,
        period: String,
        now: f64,
    ) -> napi::Result<AsyncTask<Work>> {
        let ids = json::parse_ids(&text::json(ids)?);
        let store = Arc::clone(&self.store);
        Ok(AsyncTask::new(Work::new(move || store.archive_aside(&ids, &period, now as i64), |()| ())))
    }

    /// The records of an archive segment, as JSON lists of ids and values in turn.
    #[napi]
    pub fn load_archive(&self, relative: String) -> AsyncTask<Work> {
        let root = self.store.root().to_path_buf();
        AsyncTask::new(Work::new(
            move || load_segment(&OsDisk, &root, &relative, CHUNK),
            |chunks| chunks.into_iter().map(text::list).collect::<Vec<_>>(),
        ))
    }
}
