//! A folder of agents becomes a single writer's again. Everything goes into a snapshot, with an empty log behind it; where
//! there are values of several schema versions, which no snapshot can hold, into one log behind the snapshot that is there.
//!
//! No agent is open, and the folder's lock is held alone: so nothing is sealed, and the steps are those of a checkpoint.

use std::sync::Arc;

use super::logs_of;
use super::open::refuse_while_open;
use crate::disk::append_all;
use crate::engine::Operation;
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::format::operation::{Kind, Marks, finish_line, parse_line, unmarked};
use crate::gate::{Exclusive, Gate};
use crate::json::number::push_integer;
use crate::layout;
use crate::publish::{Unnamed, sync_folder_of};
use crate::sequence::checkpoint::{Attempt, Moment, Plan, Publication, Steps, Unpublished as Failed};
use crate::sequence::complete;
use crate::store::checkpoint::{former_log, overtaken, waits};
use crate::store::closing;
use crate::store::names::time_after;
use crate::store::open::Report;
use crate::store::{Options, State, Store};
use crate::transition::folder::{self as transition, Snapshot, TakenOver};
use crate::transition::shared::is_sealed;
use crate::unpublished::Unpublished;

impl Store {
    /// Makes a folder of agents a single writer's again. The caller holds `.lock`.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` while an agent has the folder open; `OPSLOG_NEWER_VERSION`, `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(in crate::store) fn take_over(&self, manifest: &Manifest) -> Result<()> {
        let path = self.root.join(layout::INDEX);
        self.disk.create_folder(&path).map_err(|source| Error::io("mkdir", &path, source))?;
        let gate = Gate::open(&self.disk, &self.root)?;
        let alone = gate.exclusive()?;
        let agents = manifest.active_agent_ops.as_deref().unwrap_or_default();
        refuse_while_open(&*self.disk, &self.root, agents)?;
        let raw = Options {
            skip_load: false,
            version: 1,
            version_given: false,
            agent: None,
            ..self.options.clone()
        };
        let loader = Store::closed(Arc::clone(&self.disk), &self.root, raw, None);
        let files = Files { list: None, superseded: Vec::new(), logs: Vec::new() };
        let (log, ms) = (String::new(), 0);
        let taking = TakingOver { store: self, manifest, alone, loader, log, ms, files };
        complete(Attempt::new(taking).run(), waits)?.ok_or_else(overtaken)
    }
}

/// The steps of a take-over.
struct TakingOver<'a> {
    store: &'a Store,
    /// The manifest of the agents.
    manifest: &'a Manifest,
    alone: Exclusive<'a>,
    /// A store that takes values as they are.
    loader: Store,
    /// The log that the single writer begins with, and the time in its name.
    log: String,
    ms: u64,
    files: Files,
}

/// The new files until the manifest names them, and those that it names no more.
struct Files {
    list: Option<Unpublished>,
    superseded: Vec<String>,
    /// Logs that can go if they are empty.
    logs: Vec<String>,
}

/// A snapshot that was written.
struct Written {
    path: String,
    version: u32,
    records: u64,
}

impl TakingOver<'_> {
    fn list(&self) -> Result<&Unpublished> {
        self.files.list.as_ref().ok_or_else(|| Error::Failed("a take-over has no list of its files".into()))
    }
}

impl Steps for TakingOver<'_> {
    type Error = Error;
    /// `None` where no snapshot can hold all values.
    type Snapshot = Option<Written>;
    type Plan = Manifest;
    type Published = ();
    type Made = ();

    /// There are none; the log gets its lines before a snapshot is written.
    fn changes_go_on(&self) -> bool {
        true
    }

    async fn check(&mut self) -> Result<()> {
        let mut state = self.loader.lock();
        self.loader.load_first(&mut state, self.manifest, &mut Report::default())?;
        self.store.options.refuse_newer(state.engine.schema().newest())
    }

    async fn write_segment(&mut self) -> Result<bool> {
        Ok(false)
    }

    async fn note_archived(&mut self) -> Result<()> {
        Ok(())
    }

    fn leave_out(&mut self) -> Result<()> {
        Ok(())
    }

    async fn attach_next_log(&mut self, _: Option<&Option<Written>>) -> Result<()> {
        let store = self.store;
        let list = Unpublished::begin(&store.disk, &store.root, self.manifest.generation)?;
        let list = self.files.list.insert(list);
        let from = time_after(Some(self.manifest), store.options.now_ms);
        let (mut log, ms) = store.create_log(list, from, None)?;
        (self.log, self.ms) = (log.relative().to_owned(), ms);
        let state = self.loader.lock();
        if !state.is_of_one_version(&self.loader.options)
            && let Some(file) = log.file()
        {
            let appended = append_all(&**file, &one_log(&state)?);
            appended.map_err(|source| Error::io("write", log.path(), source))?;
        }
        drop(state);
        log.sync()?;
        sync_folder_of(&*store.disk, log.path())
    }

    async fn write_snapshot(&mut self) -> Result<Option<Written>> {
        let (store, mut state) = (self.store, self.loader.lock());
        if !state.is_of_one_version(&self.loader.options) {
            return Ok(None);
        }
        let (version, now_ms) = (state.versions.snapshot, store.options.now_ms);
        let view = state.engine.freeze(usize::MAX);
        let path = layout::snapshot(self.ms);
        self.list()?.add(&path)?;
        store.write_view(&view, &path, &state.manifest.current_snapshot, (version, now_ms))?;
        Ok(Some(Written { path, version, records: view.count() as u64 }))
    }

    async fn plan(&mut self, written: &Option<Written>) -> Result<Plan<Manifest, ()>> {
        let manifest = self.manifest;
        let snapshot = written.as_ref().map(|Written { path, version, records }| Snapshot {
            path,
            version: *version,
            former: None,
            records: *records,
            now_ms: self.store.options.now_ms,
            departures: manifest.departures,
            migrates: false,
            archived: None,
        });
        let (previous, clock) = (newest_of_agents(manifest), self.loader.lock().engine.clock());
        let own = TakenOver { log: &self.log, previous, clock };
        let came = Generation::new(vec![self.ms]);
        let (next, gone) = transition::taken_over(manifest, &own, snapshot.as_ref(), came);
        let agents = manifest.active_agent_ops.iter().flatten();
        let logs = agents.map(|(_, path)| path.clone()).chain(former_log(manifest, &next));
        self.files.logs = logs.filter(|path| next.previous_ops.as_ref() != Some(path)).collect();
        self.files.superseded = self.store.superseded_files(&gone, manifest);
        self.list()?.add_superseded(&[self.files.superseded.as_slice(), &self.files.logs].concat())?;
        Ok(Plan::Publish(next))
    }

    async fn publish(
        &mut self,
        next: Manifest,
        moment: &mut Moment,
    ) -> Result<Publication<()>, Failed<Error>> {
        moment.is_here();
        match self.store.change_manifest(&self.alone, &next) {
            Ok(_) => Ok(Publication::InForce(())),
            Err(Unnamed { error, is_uncertain: true }) => Err(Failed::Uncertain(error)),
            Err(Unnamed { error, .. }) => Err(Failed::Not(error)),
        }
    }

    /// The store is loaded from what is in force.
    async fn go_over(&mut self, (): (), _: Option<Written>) -> Result<()> {
        Ok(())
    }

    async fn clear_away(&mut self) {
        let store = self.store;
        store.remove_superseded(&self.files.superseded);
        store.remove_empty_logs(&self.files.logs);
        let agents = self.manifest.active_agent_ops.iter().flatten();
        for (agent, _) in agents.filter(|(agent, _)| !is_sealed(agent.as_bytes())) {
            closing::forget(&*store.disk, &store.root, Some(agent));
        }
    }

    fn take_back(&mut self) {
        if let Some(list) = self.files.list.take() {
            self.store.give_up(list);
        }
    }

    /// What the manifest in force names does not go.
    fn stop(&mut self) {
        self.take_back();
    }

    /// The folder does not open then, and the next open goes by what is in force.
    fn uncertain(&mut self, error: Error) -> Error {
        error
    }
}

fn newest_of_agents(manifest: &Manifest) -> Option<&str> {
    let logs = logs_of(manifest).into_iter().filter(|log| layout::agent_milliseconds(log).is_some());
    logs.max_by_key(|log| layout::agent_milliseconds(log))
}

/// All operations in their order, as the lines of one log. Each has a mark whose version is not that of the snapshot.
fn one_log(state: &State) -> Result<Vec<u8>> {
    let snapshot = state.versions.snapshot;
    let mut out = Vec::new();
    for operation in state.engine.operations() {
        let line = operation.line.read().map_err(|source| Error::io("read", "ops".as_ref(), source))?;
        out.extend_from_slice(&unmarked(&line));
        if needs_mark(operation, &line, snapshot) {
            out.extend_from_slice(b",\"version\":");
            push_integer(&mut out, u64::from(operation.version));
        }
        finish_line(&mut out, &Marks::default());
    }
    Ok(out)
}

fn needs_mark(operation: &Operation, line: &[u8], snapshot: u32) -> bool {
    let has_mark = parse_line(line).is_ok_and(|line| line.version.is_some());
    operation.kind == Kind::Set && operation.version != snapshot && !has_mark
}
