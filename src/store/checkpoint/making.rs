//! How a single writer carries out a checkpoint: next WAL created and durable -> late operations go to both WALs -> snapshot written, durable,
//! named -> manifest written, durable, named -> memory goes over -> superseded files removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive::Chosen;
use super::former_log;
use super::upkeep::Upkeep;
use crate::engine::{Id, Text, View};
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::format::operation::{finish_line, unmarked};
use crate::history::{Archived as Note, index_sealed};
use crate::layout;
use crate::publish::{Draft, sync_folder_of};
use crate::sequence::checkpoint::{Moment, Plan, Publication, Steps, Unpublished as Failed};
use crate::snapshot::Written;
use crate::store::names::time_after;
use crate::store::reading::indexed::Indexed;
use crate::store::versions::{Versions, former_version};
use crate::store::{Rejected, State, Store};
use crate::transition::folder::{self as transition, Archived, Snapshot};
use crate::unpublished::Unpublished;
use crate::wal::{Unsynced, Writer, first_line};

/// How often the next log is looked after before it is published, when another process appends all the time.
const SETTLINGS: u32 = 8;

/// The steps of a checkpoint.
pub(super) struct Making {
    store: Arc<Store>,
    frozen: Frozen,
    archive: Option<Chosen>,
    left_out: LeftOut,
    files: NewFiles,
    /// The manifest that was in force.
    left: Manifest,
    /// What the first line of the log should say of the log before, but another process wrote that line.
    unsaid: Option<String>,
    now_ms: i64,
}

/// What a checkpoint has frozen.
pub(super) struct Frozen {
    /// What the snapshot is written from: without what went to an archive.
    pub(super) view: View,
    /// What was frozen.
    pub(super) original: View,
    /// How much of the log belongs to it.
    pub(super) log_len: u64,
    pub(super) departures: u64,
    /// The snapshot is not what the log says: something was migrated.
    pub(super) migrates: bool,
}

/// What goes to an archive.
#[derive(Default)]
struct LeftOut {
    archived: Option<Archived>,
    ids: Vec<Id>,
    /// Whether the records left memory.
    are_gone: bool,
}

/// The files of a checkpoint, which go if it fails, and those that go once it is in force.
#[derive(Default)]
struct NewFiles {
    created: Vec<PathBuf>,
    /// What the next writer removes if this one is killed before the manifest has its name.
    list: Option<Unpublished>,
    /// The time in the names of the next log and of the snapshot.
    ms: u64,
    superseded: Vec<String>,
    /// Logs that can go if they are empty.
    logs: Vec<String>,
}

/// A manifest that is to be published, and what is to be synced of the log that it names.
pub(super) struct Next {
    manifest: Manifest,
    log: Option<Unsynced>,
}

impl Making {
    pub(super) fn new(store: &Arc<Store>, frozen: Frozen, archive: Option<Chosen>, now_ms: i64) -> Self {
        Self {
            store: Arc::clone(store),
            frozen,
            archive,
            left_out: LeftOut::default(),
            files: NewFiles::default(),
            left: Manifest::default(),
            unsaid: None,
            now_ms,
        }
    }

    fn list(&self) -> Result<&Unpublished> {
        self.files.list.as_ref().ok_or_else(|| Error::Failed("a checkpoint has no list of its files".into()))
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
            archived: self.left_out.archived.as_ref(),
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
            .add(u64::from(self.left_out.archived.is_some()) + u64::from(self.frozen.migrates));
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

impl Steps for Making {
    type Error = Error;
    type Snapshot = (String, Written);
    type Plan = Next;
    type Published = Manifest;
    type Made = ();

    /// To both logs.
    fn changes_go_on(&self) -> bool {
        true
    }

    async fn check(&mut self) -> Result<()> {
        self.left = self.store.manifest();
        Ok(())
    }

    async fn write_segment(&mut self) -> Result<bool> {
        let Some(Chosen { ids, period }) = self.archive.take() else { return Ok(false) };
        // NOTE: they were chosen as they are in what is frozen.
        let mut texts = Vec::with_capacity(ids.len());
        for id in &ids {
            let text = self.frozen.view.get(id).map_err(|source| self.store.read_failed(source))?;
            texts.push((Arc::clone(id), text));
        }
        let (segment, added) = self.store.write_segment(texts, &period, self.now_ms)?;
        self.left_out = LeftOut { archived: Some(Archived { segment, added }), ids, are_gone: false };
        Ok(true)
    }

    async fn note_archived(&mut self) -> Result<()> {
        let Some(archived) = &self.left_out.archived else { return Ok(()) };
        let (store, log) = (&self.store, &self.left.active_ops);
        Note::note(&*store.disk, &store.root, &[log], &archived.segment, &self.left_out.ids)
    }

    fn leave_out(&mut self) -> Result<()> {
        self.frozen.view = self.store.leave_out(&self.frozen.view, &self.left_out.ids)?;
        self.left_out.are_gone = !self.left_out.ids.is_empty();
        Ok(())
    }

    /// Creates the next WAL and sends late operations to it, those that came meanwhile first.
    async fn attach_next_log(&mut self, _: Option<&(String, Written)>) -> Result<()> {
        let store = &self.store;
        let list = Unpublished::begin(&store.disk, &store.root, self.left.generation)?;
        let from = time_after(Some(&self.left), self.now_ms);
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
        let (mut writer, ms) = store.create_log(&list, from, after.as_deref())?;
        let path = writer.path().to_path_buf();
        self.files.created.push(path.clone());
        (self.files.list, self.files.ms) = (Some(list), ms);
        writer.sync()?;
        sync_folder_of(&*store.disk, &path)?;
        let mut state = store.lock();
        store.check_length(&mut state).map_err(Rejected::into_error)?;
        state.logs.switch.begin(writer);
        if !planted!("late-operations-not-carried") {
            state.carry(store, 0)?;
        }
        Ok(())
    }

    async fn write_snapshot(&mut self) -> Result<(String, Written)> {
        let store = Arc::clone(&self.store);
        let relative = layout::snapshot(self.files.ms);
        self.list()?.add(&relative)?;
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

    async fn plan(&mut self, (snapshot, _): &(String, Written)) -> Result<Plan<Next, Manifest>> {
        let store = Arc::clone(&self.store);
        let mut state = store.lock();
        // What a panic left half done may be in one of the two logs only.
        if let Some(found) = store.version_on_disk() {
            state.look_for_newer(&store.options, found);
        }
        state.writable()?;
        store.check_length(&mut state).map_err(Rejected::into_error)?;
        let (active_ops, log) = state.begin_publication(&store)?;
        let (manifest, gone) = self.next_manifest(&state, snapshot, active_ops, state.writes(&store.options));
        let left = &state.manifest;
        self.files.logs = former_log(left, &manifest);
        self.files.superseded = store.superseded_files(&gone, left);
        drop(state);
        self.list()?.add_superseded(&[self.files.superseded.as_slice(), &self.files.logs].concat())?;
        Ok(Plan::Publish(Next { manifest, log }))
    }

    async fn publish(
        &mut self,
        Next { manifest, log }: Next,
        moment: &mut Moment,
    ) -> Result<Publication<Manifest>, Failed<Error>> {
        let store = &self.store;
        let path = store.path(layout::MANIFEST);
        let draft = self.draft(&path, &manifest, log).map_err(Failed::Not)?;
        // NOTE: from here on the manifest may have its name, whatever happens: a file that it names must not go.
        moment.is_here();
        if let Err(unnamed) = draft.rename(&path) {
            let failed = if unnamed.is_uncertain { Failed::Uncertain } else { Failed::Not };
            return Err(failed(unnamed.error));
        }
        if !planted!("manifest-name-unsynced") {
            sync_folder_of(&*store.disk, &path).map_err(Failed::Uncertain)?;
        }
        Ok(Publication::InForce(manifest))
    }

    async fn go_over(&mut self, manifest: Manifest, (_, written): (String, Written)) -> Result<()> {
        self.switch(manifest, written)
    }

    async fn clear_away(&mut self) {
        self.store.remove_superseded(&self.files.superseded);
        self.store.remove_empty_logs(&self.files.logs);
        self.files.list = None;
        index_sealed(&*self.store.disk, &self.store.root, &self.left.active_ops);
    }

    fn take_back(&mut self) {
        let mut state = self.store.lock();
        if !state.checkpoints.upkeep.is_checkpoint() {
            return;
        }
        state.logs.switch.end();
        self.count_again(&mut state);
        drop(state);
        for path in self.files.created.drain(..) {
            let _ = self.store.disk.unlink(&path);
        }
    }

    fn stop(&mut self) {
        let mut state = self.store.lock();
        if !state.checkpoints.upkeep.is_checkpoint() {
            return;
        }
        state.failed.get_or_insert_with(|| "a checkpoint stopped after it was published".into());
        // NOTE: with the log, which late operations are in too and which is still synced, what the manifest may name stays.
        self.count_again(&mut state);
    }

    /// The next open decides: until then memory is as it was before, and nothing more is written.
    fn uncertain(&mut self, error: Error) -> Error {
        let mut state = self.store.lock();
        match &self.left_out.archived {
            Some(_) => state.uncertain("an archive", "it was stopped at its end", &error),
            // Of any other checkpoint no caller sees whether it took effect.
            None => {
                state.failed.get_or_insert_with(|| format!("a checkpoint was stopped at its end: {error}"));
                error
            }
        }
    }
}

impl Making {
    fn count_again(&self, state: &mut State) {
        if self.left_out.are_gone {
            state.keep_showing();
            state.tell_home_of(&self.left_out.ids);
        }
        state.count_frozen_again(&self.frozen.original);
    }

    /// Writes the manifest under a temporary name, and makes it durable, and the log that it names. Then this writer must still hold its lock.
    fn draft(&self, path: &Path, manifest: &Manifest, log: Option<Unsynced>) -> Result<Draft<'_>> {
        let store = &self.store;
        let draft = Draft::create(&*store.disk, path)?;
        draft.write(manifest.print().as_bytes())?;
        if !planted!("manifest-unsynced") {
            draft.sync()?;
        }
        self.settle_next_log(log)?;
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
        Ok(draft)
    }
}

impl State {
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

/// What the first line of a log should say of the log before, if it does not: another process wrote that line.
fn unsaid_after(wal: &Writer) -> Result<Option<String>> {
    let (Some(after), Some(file)) = (wal.after(), wal.file()) else { return Ok(None) };
    let first = first_line(&**file).map_err(|source| Error::io("read", wal.path(), source))?;
    let is_said = first.is_some_and(|first| first.after().as_deref() == Some(after));
    Ok(if is_said { None } else { Some(after.to_owned()) })
}
