//! A checkpoint, in steps that another thread carries out while appends go on. Publish order: next WAL
//! created and durable -> late operations go to both WALs -> snapshot written, durable, named -> manifest
//! written, durable, named -> switch in memory -> superseded files removed. At every point a crash leaves a
//! store that opens with every acknowledged write.

pub(in crate::store) mod archive;
pub(in crate::store) mod checkpoints;
pub(in crate::store) mod departures;
pub(in crate::store) mod holding;
pub(in crate::store) mod prune;
pub(in crate::store) mod switch;
pub(in crate::store) mod upkeep;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use self::upkeep::Upkeep;
use crate::disk::{Disk, DiskFile, read_full_at};
use crate::engine::{Base, Id, Text, View};
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::format::operation::{finish_line, unmarked};
use crate::format::timestamp::iso_into;
use crate::history::index_sealed;
use crate::layout;
use crate::publish::{self, Draft, sync_folder_of, sync_way_to};
use crate::retention::remove_unless_held;
use crate::snapshot::Written;
use crate::store::names::time_after;
use crate::store::reading::indexed::Indexed;
use crate::store::versions::{Versions, former_version};
use crate::store::{Rejected, State, Store};
use crate::transition::folder::{self as transition, Archived, Snapshot};
use crate::unpublished::{self, Unpublished};
use crate::wal::{Unsynced, Writer, first_line};

/// How often the next log is looked after before it is published, when another process appends all the time.
const SETTLINGS: u32 = 8;

/// A checkpoint under way. Dropped before [`Checkpoint::run`] succeeded, it gives up and the store shows what it
/// would if it had never begun; it goes on like that, unless the new manifest may be in force.
pub struct Checkpoint {
    store: Arc<Store>,
    frozen: Frozen,
    archived: Option<Archived>,
    /// The records that it has taken out in memory.
    gone: Vec<Id>,
    files: NewFiles,
    /// What the first line of the log should say of the log before, but another process wrote that line.
    unsaid: Option<String>,
    now_ms: i64,
    published: bool,
}

/// What a checkpoint has frozen.
struct Frozen {
    /// What the snapshot is written from: without what went to an archive.
    view: View,
    /// What was frozen.
    original: View,
    /// How much of the log belongs to it.
    log_len: u64,
    departures: u64,
    /// The snapshot is not what the log says: something was migrated.
    migrates: bool,
}

/// The files of a checkpoint, which go if it fails.
#[derive(Default)]
struct NewFiles {
    created: Vec<PathBuf>,
    /// What the next writer removes if this one is killed before the manifest has its name.
    list: Option<Unpublished>,
}

impl Store {
    /// Freezes the view: the history starts anew. With `all`, it takes everything along; without, what was
    /// there when the history was hidden, if it was. `None` while another checkpoint is under way.
    ///
    /// # Errors
    /// `OPSLOG_FAILED`, `OPSLOG_IO` when buffered operations cannot be flushed, `OPSLOG_INVALID_ARGUMENT`
    /// under `skipLoad`.
    pub fn begin_checkpoint(self: &Arc<Self>, now_ms: i64, all: bool) -> Result<Option<Checkpoint>> {
        self.freeze_for_checkpoint(now_ms, all, true)
    }

    /// No checkpoint takes the last operations along from now on, so many of them: they are carried to the next log, where they
    /// are shown and can be undone. An archive and a migration take them along, for the records that they leave are others.
    pub fn keep_undoable(&self, operations: usize) {
        self.lock().checkpoints.set_keep(operations);
    }

    /// As [`Store::begin_checkpoint`]; `keeps` says whether operations stay in the log.
    pub(in crate::store) fn freeze_for_checkpoint(
        self: &Arc<Self>,
        now_ms: i64,
        all: bool,
        keeps: bool,
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
        let keep = if keeps && !migrates { state.checkpoints.keep() } else { 0 };
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
        Ok(Some(Checkpoint {
            store: Arc::clone(self),
            frozen: Frozen { original: view.clone(), view, log_len, departures, migrates },
            archived: None,
            gone: Vec::new(),
            files: NewFiles::default(),
            unsaid: None,
            now_ms,
            published: false,
        }))
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

impl Checkpoint {
    /// Leaves records out, which are in an archive segment by now.
    pub(in crate::store) fn take_along(&mut self, archived: Archived, ids: &[Id]) -> Result<()> {
        self.frozen.view = self.frozen.view.without(ids).map_err(|source| self.store.read_failed(source))?;
        let mut state = self.store.lock();
        state.keep_showing();
        state.engine.refreeze(&self.frozen.view);
        state.tell_home_of(ids);
        drop(state);
        self.gone = ids.to_vec();
        self.archived = Some(archived);
        Ok(())
    }

    pub(in crate::store) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(in crate::store) fn view(&self) -> &View {
        &self.frozen.view
    }

    /// Carries the checkpoint out.
    ///
    /// # Errors
    /// `OPSLOG_IO`; the old generation stays in force and the frozen operations count again. `OPSLOG_FAILED` for an
    /// archive of which it is not known whether it took effect.
    pub fn run(mut self) -> Result<()> {
        self.carry_out().map_err(|error| self.outcome(error))
    }

    fn carry_out(&mut self) -> Result<()> {
        let left = self.store.manifest();
        let list = Unpublished::begin(&self.store.disk, &self.store.root, left.generation)?;
        let ms = self.attach_wal(&list, time_after(Some(&left), self.now_ms))?;
        let (relative, written) = self.write_snapshot(&list, ms)?;
        self.files.list = Some(list);
        let (manifest, superseded, log) = self.publish(&relative)?;
        self.switch(manifest, written)?;
        self.store.remove_superseded(&superseded);
        self.store.remove_empty_logs(&log);
        self.files.list = None;
        index_sealed(&*self.store.disk, &self.store.root, &left.active_ops);
        Ok(())
    }

    /// What a failure means. Once the new manifest may be in force, the next open decides: until then memory is as it
    /// was before, and nothing more is written.
    fn outcome(&self, error: Error) -> Error {
        if !self.published {
            return error;
        }
        let mut state = self.store.lock();
        match &self.archived {
            Some(_) => state.uncertain("an archive", "it was stopped at its end", &error),
            // Of any other checkpoint no caller sees whether it took effect.
            None => {
                state.failed.get_or_insert_with(|| format!("a checkpoint was stopped at its end: {error}"));
                error
            }
        }
    }

    /// Creates the next WAL and sends late operations to it, those that came meanwhile first. Returns the time that its
    /// name has, and the snapshot gets.
    fn attach_wal(&mut self, list: &Unpublished, from: u64) -> Result<u64> {
        let store = Arc::clone(&self.store);
        let after = {
            let state = store.lock();
            // An empty WAL is left out of the chain: nothing in it could say what it follows.
            match self.frozen.log_len {
                0 => state.logs.wal.after().map(str::to_owned),
                end => {
                    self.unsaid = unsaid_after(&state.logs.wal)?;
                    Some(format!("{}:{end}", state.logs.wal.relative()))
                }
            }
        };
        let (mut writer, ms) = store.create_log(list, from, after.as_deref())?;
        let path = writer.path().to_path_buf();
        self.files.created.push(path.clone());
        writer.sync()?;
        sync_folder_of(&*store.disk, &path)?;
        let mut state = store.lock();
        store.check_length(&mut state).map_err(Rejected::into_error)?;
        state.logs.switch.begin(writer);
        if !planted!("late-operations-not-carried") {
            state.carry(&store, 0)?;
        }
        Ok(ms)
    }

    fn write_snapshot(&mut self, list: &Unpublished, ms: u64) -> Result<(String, Written)> {
        let store = Arc::clone(&self.store);
        let relative = layout::snapshot(ms);
        list.add(&relative)?;
        let path = store.path(&relative);
        let (version, current) = {
            let state = store.lock();
            (state.writes(&store.options), state.manifest.current_snapshot.clone())
        };
        self.files.created.extend([path, layout::index(&store.root, &relative)]);
        store.keep_order(&current);
        self.files.created.extend(store.tree_paths(&relative));
        let written = store.write_view(&self.frozen.view, &relative, &current, (version, self.now_ms));
        let written = written.inspect_err(|error| {
            // The log gets no index with a number of records that is not sure.
            if matches!(error, Error::Corrupt { .. }) {
                store.lock().logs.indexed.note_mixed();
            }
        })?;
        Ok((relative, written))
    }

    /// Makes the new generation the one that counts. Returns its manifest, the files that can go, and a log that can, if it is
    /// empty.
    fn publish(&mut self, snapshot: &str) -> Result<(Manifest, Vec<String>, Vec<String>)> {
        let store = Arc::clone(&self.store);
        let (manifest, superseded, log, next) = {
            let mut state = store.lock();
            // What a panic left half done may be in one of the two logs only.
            if let Some(found) = store.version_on_disk() {
                state.look_for_newer(&store.options, found);
            }
            state.writable()?;
            store.check_length(&mut state).map_err(Rejected::into_error)?;
            let (active_ops, next) = state.begin_publication(&store)?;
            let (manifest, gone) =
                self.next_manifest(&state, snapshot, active_ops, state.writes(&store.options));
            let left = &state.manifest;
            let log = former_log(left, &manifest);
            (manifest, store.superseded_files(&gone, left), log, next)
        };
        if let Some(list) = &self.files.list {
            list.add_superseded(&[superseded.as_slice(), &log].concat())?;
        }
        let path = store.path(layout::MANIFEST);
        let draft = Draft::create(&*store.disk, &path)?;
        draft.write(manifest.print().as_bytes())?;
        if !planted!("manifest-unsynced") {
            draft.sync()?;
        }
        self.settle_next_log(next)?;
        // NOTE: it may have been a sync of the next log, and that this one succeeded says nothing then.
        store.must_not_have_failed_to_sync()?;
        if let Some(lock) = &store.lock().lock
            && !lock.is_still_ours()?
        {
            return Err(Error::Failed("the lock file was taken away".into()));
        }
        if planted!("superseded-before-manifest") {
            store.remove_superseded(&[store.manifest().current_snapshot]);
        }
        // NOTE: from here on the manifest may have its name, whatever happens: a file that it names must not go.
        self.published = true;
        if let Err(unnamed) = draft.rename(&path) {
            self.published = unnamed.is_uncertain;
            return Err(unnamed.error);
        }
        if !planted!("manifest-name-unsynced") {
            sync_folder_of(&*store.disk, &path)?;
        }
        Ok((manifest, superseded, log))
    }

    /// Makes the next log durable. What another process appends meanwhile to the one in force goes to both before the
    /// manifest can name the next one.
    fn settle_next_log(&self, mut next: Option<Unsynced>) -> Result<()> {
        for _ in 0..SETTLINGS {
            if let Some(next) = next.take() {
                next.sync(&*self.store.disk)?;
            }
            let mut state = self.store.lock();
            if !state.is_to_be_read() {
                break;
            }
            state.logs.switch.unpublish();
            self.store.check_length(&mut state).map_err(Rejected::into_error)?;
            (_, next) = state.begin_publication(&self.store)?;
        }
        // A last sync; what comes from now on is found when the next log takes the place of this one.
        next.map_or(Ok(()), |next| next.sync(&*self.store.disk))
    }

    fn next_manifest(
        &self,
        state: &State,
        snapshot: &str,
        active_ops: String,
        version: u32,
    ) -> (Manifest, Vec<String>) {
        let noted = self.unsaid.as_ref().map(|after| transition::noted_after(&state.manifest, after));
        let current = noted.as_ref().unwrap_or(&state.manifest);
        let versions = (state.versions.snapshot, version);
        let snapshot = Snapshot {
            path: snapshot,
            version,
            former: former_version([&current.active_ops].into_iter(), versions),
            records: self.frozen.view.count() as u64,
            now_ms: self.now_ms,
            departures: self.frozen.departures,
            migrates: self.frozen.migrates,
            archived: self.archived.as_ref(),
        };
        let came = Generation::new(layout::milliseconds(&active_ops).into_iter().collect());
        let is_carried_on = state.logs.wal.len() > self.frozen.log_len;
        // What was carried on to the log since the last one that counts is left out of the chain.
        let former_ms = current.previous_ops.as_ref().and_then(|log| layout::time_of(log));
        let is_explained = |log: &str| layout::time_of(log) > former_ms;
        let log = (active_ops, self.frozen.log_len, is_carried_on);
        transition::checkpointed(current, &snapshot, log, is_explained, came)
    }

    /// Goes over to the new generation in memory: manifest, log and records in one moment.
    fn switch(&self, manifest: Manifest, Written { base, bytes }: Written) -> Result<()> {
        let mut state = self.store.lock();
        state.writable()?;
        let late = self.store.late_lines(&mut state)?;
        let Some(next_log) = state.logs.switch.end() else {
            return Err(Error::Failed("the next log went away after it was published".into()));
        };
        let (writer, places) = next_log.into_parts();
        if let Some(file) = writer.file() {
            for (operation, (offset, len)) in state.engine.operations_mut().iter_mut().zip(places) {
                operation.line = Text::at(file, offset, len);
            }
        }
        state
            .checkpoints
            .departures
            .add(u64::from(self.archived.is_some()) + u64::from(self.frozen.migrates));
        let former = std::mem::replace(&mut state.logs.wal, writer);
        state.note_former(&former);
        state.versions.take_snapshot(Versions::of_manifest(&manifest));
        state.manifest = manifest;
        state.take_log_version();
        state.logs.indexed = Indexed::default();
        state.checkpoints.set_snapshot_bytes(bytes);
        state.checkpoints.upkeep = Upkeep::None;
        let version = state.versions.snapshot;
        let freed = state.engine.rebase(base, version);
        let taken = late.map_or(Ok(()), |late| self.store.carry_late_lines(&mut state, late));
        drop(state);
        drop(freed);
        taken
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        let mut state = self.store.lock();
        if !state.checkpoints.upkeep.is_checkpoint() {
            return;
        }
        if self.published {
            state.failed.get_or_insert_with(|| "a checkpoint stopped after it was published".into());
        } else {
            state.logs.switch.end();
        }
        state.checkpoints.upkeep = Upkeep::None;
        if !self.gone.is_empty() {
            state.keep_showing();
            state.tell_home_of(&self.gone);
        }
        state.engine.refreeze(&self.frozen.original);
        state.take_frozen_back();
        drop(state);
        // NOTE: with the log, which late operations are in too and which is still synced, what the manifest may name stays.
        if self.published {
            return;
        }
        for path in self.files.created.drain(..) {
            let _ = self.store.disk.unlink(&path);
        }
    }
}

impl State {
    /// Lets the operations count again that a checkpoint, which failed, had frozen; or those of a later checkpoint with
    /// them, if one was asked for meanwhile. A batch may be put together: it is in no file yet.
    pub(in crate::store) fn take_frozen_back(&mut self) {
        let frozen = self.engine.thaw(self.checkpoints.hidden());
        self.came_before(frozen, self.engine.is_apart());
    }

    /// From now on, what is logged must be in both logs. Returns the next one's name, and what is to be synced of it.
    fn begin_publication(&mut self, store: &Store) -> Result<(String, Option<Unsynced>)> {
        if let Some(next_log) = self.logs.switch.publish() {
            let writer = next_log.writer();
            return Ok((writer.relative().to_owned(), writer.take_unsynced()));
        }
        Err(self.logs.switch.take_loss().unwrap_or_else(|| {
            let source = std::io::Error::other("a late operation did not reach the next log");
            Error::io("write", &store.path(layout::OPS), source)
        }))
    }

    /// Copies operations that are in the WAL, from this one on, to the next WAL, if there is one.
    pub(in crate::store) fn carry(&mut self, store: &Store, from: usize) -> Result<()> {
        let Some(next_log) = self.logs.switch.next() else { return Ok(()) };
        let mut bytes = Vec::new();
        let mut starts = Vec::new();
        for operation in self.engine.operations().get(from..self.unwritten.buffered()).unwrap_or_default() {
            let text =
                operation.line.read().map_err(|source| Error::io("read", self.logs.wal.path(), source))?;
            operation.parse(&text).map_err(|source| Error::io("read", self.logs.wal.path(), source))?;
            starts.push(bytes.len() as u64);
            bytes.extend_from_slice(&unmarked(&text));
            let mut marks = next_log.writer().marks();
            if starts.len() > 1 {
                marks.after = None;
                marks.cuts = 0;
            }
            marks.batch = operation.batch;
            finish_line(&mut bytes, &marks);
        }
        if bytes.is_empty() { Ok(()) } else { next_log.append(store, &bytes, &starts) }
    }
}

/// Where the line of an operation begins: white space before the first operation of a log is none of it.
fn start_of_line(file: &dyn DiskFile, offset: u64) -> io::Result<u64> {
    let Some(before) = offset.checked_sub(1) else { return Ok(0) };
    let mut last = [0];
    let is_start = read_full_at(file, &mut last, before)? == 1 && last == *b"\n";
    Ok(if is_start { offset } else { 0 })
}

/// What the first line of a log should say of the log before, if it does not: another process wrote that line.
fn unsaid_after(wal: &Writer) -> Result<Option<String>> {
    let (Some(after), Some(file)) = (wal.after(), wal.file()) else { return Ok(None) };
    let first = first_line(&**file).map_err(|source| Error::io("read", wal.path(), source))?;
    let is_said = first.is_some_and(|first| first.after().as_deref() == Some(after));
    Ok(if is_said { None } else { Some(after.to_owned()) })
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
