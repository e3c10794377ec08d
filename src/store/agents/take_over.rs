//! A folder of agents becomes a single writer's again. Everything goes into a snapshot, with an empty log behind it; where
//! there are values of several schema versions, which no snapshot can hold, into one log behind the snapshot that is there.

use std::sync::Arc;

use super::logs_of;
use super::open::refuse_while_open;
use crate::disk::append_all;
use crate::engine::Operation;
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::format::operation::{Kind, Marks, finish_line, parse_line, unmarked};
use crate::gate::Gate;
use crate::json::number::push_integer;
use crate::layout;
use crate::publish::sync_folder_of;
use crate::store::checkpoint::former_log;
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
        let exclusive = gate.exclusive()?;
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
        let mut state = loader.lock();
        loader.load_first(&mut state, manifest, &mut Report::default())?;
        self.options.refuse_newer(state.engine.schema().newest())?;
        let list = Unpublished::begin(&self.disk, &self.root, manifest.generation)?;
        let (mut log, ms) = self.create_log(&list, time_after(Some(manifest), self.options.now_ms), None)?;
        let mut written = None;
        if state.is_of_one_version(&loader.options) {
            written = Some(self.write_taken_over(&mut state, &list, ms)?);
        } else if let Some(file) = log.file() {
            let appended = append_all(&**file, &one_log(&state)?);
            appended.map_err(|source| Error::io("write", log.path(), source))?;
        }
        log.sync()?;
        sync_folder_of(&*self.disk, log.path())?;
        let snapshot = written.as_ref().map(|(path, version, records)| Snapshot {
            path,
            version: *version,
            former: None,
            records: *records,
            now_ms: self.options.now_ms,
            departures: manifest.departures,
            migrates: false,
            archived: None,
        });
        let previous = newest_of_agents(manifest);
        let own = TakenOver { log: log.relative(), previous, clock: state.engine.clock() };
        let came = Generation::new(vec![ms]);
        let (next, gone) = transition::taken_over(manifest, &own, snapshot.as_ref(), came);
        let logs = agents.iter().map(|(_, path)| path.clone()).chain(former_log(manifest, &next));
        let logs: Vec<_> = logs.filter(|path| next.previous_ops.as_ref() != Some(path)).collect();
        let superseded = self.superseded_files(&gone, manifest);
        list.add_superseded(&[superseded.as_slice(), &logs].concat())?;
        self.change_manifest(&exclusive, &next)?;
        self.remove_superseded(&superseded);
        self.remove_empty_logs(&logs);
        for (agent, _) in agents.iter().filter(|(agent, _)| !is_sealed(agent.as_bytes())) {
            closing::forget(&*self.disk, &self.root, Some(agent));
        }
        Ok(())
    }

    /// Writes the snapshot. Returns its path, and the version and the number of its records.
    fn write_taken_over(&self, state: &mut State, list: &Unpublished, ms: u64) -> Result<(String, u32, u64)> {
        let (version, now_ms) = (state.versions.snapshot, self.options.now_ms);
        let view = state.engine.freeze(usize::MAX);
        let relative = layout::snapshot(ms);
        list.add(&relative)?;
        self.write_view(&view, &relative, &state.manifest.current_snapshot, (version, now_ms))?;
        Ok((relative, version, view.count() as u64))
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
