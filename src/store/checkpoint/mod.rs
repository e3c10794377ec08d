//! A checkpoint of a single writer, which another thread carries out while appends go on. The order of its steps is in
//! [`crate::sequence::checkpoint`]. At every point a crash leaves a store that opens with every acknowledged write.

pub(in crate::store) mod archive;
pub(in crate::store) mod checkpoints;
pub(in crate::store) mod departures;
pub(in crate::store) mod holding;
mod making;
pub(in crate::store) mod prune;
pub(in crate::store) mod switch;
pub(in crate::store) mod upkeep;

use std::io;
use std::sync::Arc;

use self::archive::Chosen;
use self::making::{Frozen, Making};
use self::upkeep::Upkeep;
use crate::disk::{Disk, DiskFile, read_full_at};
use crate::engine::{Base, Text, View};
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::format::timestamp::iso_into;
use crate::layout;
use crate::publish::{self, sync_folder_of, sync_way_to};
use crate::retention::remove_unless_held;
use crate::sequence::checkpoint::Attempt;
use crate::sequence::complete;
use crate::store::names::time_after;
use crate::store::{Rejected, State, Store};
use crate::transition::folder as transition;
use crate::unpublished::{self, Unpublished};
use crate::wal::Writer;

/// A checkpoint under way. Dropped before [`Checkpoint::run`] succeeded, it gives up and the store shows what it
/// would if it had never begun; it goes on like that, unless the new manifest may be in force.
pub struct Checkpoint {
    attempt: Attempt<Making>,
}

impl Checkpoint {
    /// Carries the checkpoint out.
    ///
    /// # Errors
    /// `OPSLOG_IO`; the old generation stays in force and the frozen operations count again. `OPSLOG_CORRUPT` when an existing segment that
    /// is to be archived to cannot be read. `OPSLOG_FAILED` for an archive of which it is not known whether it took effect.
    pub fn run(self) -> Result<()> {
        complete(self.attempt.run(), waits)?.ok_or_else(overtaken)
    }
}

/// A step of a folder would have waited: none does.
pub(in crate::store) fn waits() -> Error {
    Error::Failed("a step of a store in a folder did not come to its end".into())
}

/// Another writer would have been faster: in a folder a lock keeps it out.
pub(in crate::store) fn overtaken() -> Error {
    Error::Failed("another writer was faster, although a lock was held".into())
}

impl Store {
    /// Freezes the view: the history starts anew. With `all`, it takes everything along; without, what was
    /// there when the history was hidden, if it was. `None` while another checkpoint is under way.
    ///
    /// # Errors
    /// `OPSLOG_FAILED`, `OPSLOG_IO` when buffered operations cannot be flushed, `OPSLOG_INVALID_ARGUMENT`
    /// under `skipLoad`.
    pub fn begin_checkpoint(self: &Arc<Self>, now_ms: i64, all: bool) -> Result<Option<Checkpoint>> {
        self.freeze_for_checkpoint(now_ms, all, None)
    }

    /// No checkpoint takes the last operations along from now on, so many of them: they are carried to the next log, where they
    /// are shown and can be undone. An archive and a migration take them along, for the records that they leave are others.
    pub fn keep_undoable(&self, operations: usize) {
        self.lock().checkpoints.set_keep(operations);
    }

    /// As [`Store::begin_checkpoint`]. With an archive, no operations stay in the log.
    pub(in crate::store) fn freeze_for_checkpoint(
        self: &Arc<Self>,
        now_ms: i64,
        all: bool,
        archive: Option<Chosen>,
    ) -> Result<Option<Checkpoint>> {
        if self.options.skip_load {
            return Err(Error::SkipLoadCompact);
        }
        let mut state = self.lock_replayed()?;
        state.writable()?;
        if !state.checkpoints.upkeep.is_free() || state.unwritten.has_batch() {
            return Ok(None);
        }
        if state.holds_buffered() {
            self.check_file(&mut state).map_err(Rejected::into_error)?;
            state.flush(self, None)?;
            self.wrote(&state);
        }
        // NOTE: what is frozen is read by where it stands in the log.
        self.check_former_log(&mut state)?;
        self.check_length(&mut state).map_err(Rejected::into_error)?;
        state.require_one_version(&self.options)?;
        let migrates = !state.is_of_one_version(&self.options);
        let keep = if archive.is_none() && !migrates { state.checkpoints.keep() } else { 0 };
        if all || !state.engine.is_apart() || keep < state.checkpoints.keep() {
            state.unhide();
            state.hide_but(keep);
            let everything = state.checkpoints.hidden();
            if everything == state.engine.operations().len() {
                state.engine.rejoin(everything);
            }
        }
        let log_len = match state.engine.operations().get(state.checkpoints.hidden()).map(|first| &first.line)
        {
            Some(Text::At { file, offset, .. }) => start_of_line(&**file, *offset)
                .map_err(|source| Error::io("read", state.logs.wal.path(), source))?,
            _ => state.logs.wal.len(),
        };
        let departures = state.checkpoints.departures.hidden();
        let hidden = state.checkpoints.take_hidden();
        let view = state.engine.freeze(hidden);
        state.checkpoints.upkeep = Upkeep::Checkpoint;
        state.note_all_written();
        let frozen = Frozen { original: view.clone(), view, log_len, departures, migrates };
        let attempt = Attempt::new(Making::new(self, frozen, archive, now_ms));
        Ok(Some(Checkpoint { attempt }))
    }

    /// Whether closing should write a checkpoint: there are operations, and it pays or was asked for.
    pub fn is_checkpoint_due_on_close(&self, explicit: bool) -> bool {
        let state = self.lock();
        let head = state.engine.head().map_or(0, |head| head.operations());
        let operations = head + state.engine.operations().len();
        let is_possible = !self.options.skip_load && state.require_one_version(&self.options).is_ok();
        is_possible && state.threshold(&self.options).is_due_on_close(operations, explicit, || state.pays())
    }

    /// Lets the history shown start anew, because a checkpoint was asked for while another is under way.
    pub fn hide_history(&self) {
        let mut state = self.lock();
        state.hide();
    }

    /// Shows the history again that was hidden for a checkpoint that failed.
    pub fn show_history(&self) {
        self.lock().unhide();
    }

    /// Whether the threshold was crossed while another checkpoint was under way.
    pub fn is_checkpoint_pending(&self) -> bool {
        let state = self.lock();
        let waits_for_replay =
            state.checkpoints.keep() > 0 && state.engine.head().is_some() && state.is_due(&self.options);
        state.engine.is_apart() || waits_for_replay || state.agents.is_some() && state.hidden_operations() > 0
    }

    /// Deletes files that no manifest names any more. Best effort: the list of the caller has them, and what a reader claims
    /// stays until it is pruned.
    pub(in crate::store) fn remove_superseded(&self, files: &[String]) {
        for relative in files {
            if let Err(Error::NoLocks { .. }) = remove_unless_held(&*self.disk, &self.root, relative) {
                let _ = self.disk.unlink(&layout::at(&self.root, relative));
            }
        }
        // NOTE: the folder is listed for it, which a store without declared indexes does without: what an earlier program
        // declared goes with `prune()`.
        if !self.fields.lock().definitions.is_empty() {
            unpublished::remove_trees(&*self.disk, &self.root, files);
        }
    }

    /// What can be deleted once the manifest that follows `left` is in force: the snapshots that are `gone`, and the index
    /// files of those, and of files that `left` was the last to name, or the manifest before it.
    pub(in crate::store) fn superseded_files(&self, gone: &[String], left: &Manifest) -> Vec<String> {
        let before = left.superseded.last().map(|(relative, _)| relative);
        let snapshots = gone.iter().chain(before).chain([&left.current_snapshot]);
        let logs = left.previous_ops.iter().chain([&left.active_ops]);
        let is_inside = |folder: &str, relative: &str| layout::inside(&self.root, folder, relative).is_ok();
        let indexed = snapshots
            .filter(|relative| is_inside(layout::SNAPSHOTS, relative))
            .chain(logs.filter(|relative| is_inside(layout::OPS, relative)));
        let indexes = indexed.map(|relative| format!("{}/{}", layout::INDEX, layout::index_name(relative)));
        let gone = gone.iter().filter(|relative| is_inside(layout::SNAPSHOTS, relative)).cloned();
        indexes.chain(gone).collect()
    }
}

/// The log of agents that a manifest named as the one before, where the next one names another. A take-over names one even if it is
/// empty, and nothing else names it later.
pub(in crate::store) fn former_log(left: &Manifest, next: &Manifest) -> Vec<String> {
    let is_former = |path: &&String| {
        layout::agent_milliseconds(path).is_some() && next.previous_ops.as_ref() != Some(path)
    };
    left.previous_ops.iter().filter(is_former).cloned().collect()
}

impl State {
    /// Lets the operations count again that a checkpoint, which failed, had frozen; or those of a later checkpoint with
    /// them, if one was asked for meanwhile. A batch may be put together: it is in no file yet.
    pub(in crate::store) fn take_frozen_back(&mut self) {
        let frozen = self.engine.thaw(self.checkpoints.hidden());
        self.came_before(frozen, self.engine.is_apart());
    }

    /// What a checkpoint, which failed, had frozen is as it was.
    pub(in crate::store) fn count_frozen_again(&mut self, original: &View) {
        self.checkpoints.upkeep = Upkeep::None;
        self.engine.refreeze(original);
        self.take_frozen_back();
    }
}

/// Where the line of an operation begins: white space before the first operation of a log is none of it.
fn start_of_line(file: &dyn DiskFile, offset: u64) -> io::Result<u64> {
    let Some(before) = offset.checked_sub(1) else { return Ok(0) };
    let mut last = [0];
    let is_start = read_full_at(file, &mut last, before)? == 1 && last == *b"\n";
    Ok(if is_start { offset } else { 0 })
}

/// Writes the files of a store that does not exist yet and returns its manifest.
pub(in crate::store) fn create_files(
    store: &Store,
    now_ms: i64,
    version: u32,
) -> Result<(Manifest, Writer, Base, u64)> {
    let disk: &dyn Disk = &*store.disk;
    if !planted!("folders-unsynced") {
        sync_way_to(disk, &store.root)?;
    }
    let list = Unpublished::begin(&store.disk, &store.root, 0)?;
    let (mut wal, ms) = store.create_log(&list, time_after(None, now_ms), None)?;
    wal.sync()?;
    sync_folder_of(disk, wal.path())?;
    let snapshot_relative = layout::snapshot(ms);
    list.add(&snapshot_relative)?;
    let path = store.path(&snapshot_relative);
    let mut header = Vec::new();
    crate::format::snapshot::write_header(&mut header, version, now_ms);
    publish::replace(disk, &path, &header)?;
    let relative = wal.relative().to_owned();
    let mut iso = Vec::new();
    iso_into(&mut iso, now_ms);
    let created = String::from_utf8_lossy(&iso).into_owned();
    let came = Generation::new(Vec::new());
    let manifest = transition::fresh(snapshot_relative, relative, created, came);
    publish::replace(disk, &store.path(layout::MANIFEST), manifest.print().as_bytes())?;
    // Of a writer that was killed as it created the store.
    unpublished::remove_left(disk, &store.root, Some(&manifest));
    Ok((manifest, wal, Base::empty(), header.len() as u64))
}
