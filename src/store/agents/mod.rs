//! Many writers in one folder. Each agent appends to a WAL of its own; the state is what all of them say, in
//! the total order (clock, agent). A manifest names the WALs. It changes in two short steps of a compaction
//! and when an agent registers, each under the folder's lock held alone; every append holds it shared and
//! checks that the manifest is the one it knows. docs/multi-writer.md has the protocol and its invariants.

mod compact;
mod follow;
mod identity;
mod known_manifest;
mod load;
mod log;
mod logs;
mod merge;
mod open;
mod same_name;
mod seal;
mod take_over;
mod told;
mod transaction;
mod trust;
mod undo;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use identity::Identity;
use known_manifest::KnownManifest;
use log::Log;
use logs::Logs;
use trust::Trust;

use super::{State, Store};
use crate::disk::FileInfo;
use crate::engine::{Id, Operation, Origin, Rank, Text};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::gate::{Exclusive, Shared};
use crate::layout;
use crate::store::known::StoodLog;

pub use compact::{ArchiveRequest, Begun, Compacted, Compaction, WantedCompaction};
pub(super) use log::{Known, operation_of};
pub(super) use open::open_agent;
pub use open::refuse_agents;
pub(super) use transaction::Alone;

/// What a store of an agent, or a reader of agents, knows besides its own log.
#[derive(Clone)]
pub struct Agents {
    identity: Identity,
    manifest: KnownManifest,
    logs: Logs,
    trust: Trust,
    /// Lines of this agent, without their marks, that another hand's have swallowed: they are in no log.
    swallowed: Vec<Vec<u8>>,
    /// Operations up to this one belong to a compaction that is due but has not sealed them.
    hidden: Option<Rank>,
    /// How many turns with an append ago what others wrote was measured.
    unmeasured: usize,
    /// For a store that loads nothing: by which operation records show what they do, once that is in no log any more.
    shown: HashMap<Id, Rank>,
}

impl Agents {
    fn new(identity: Identity, manifest: KnownManifest) -> Self {
        Self {
            identity,
            manifest,
            logs: Logs::none(),
            trust: Trust::default(),
            swallowed: Vec::new(),
            hidden: None,
            unmeasured: 0,
            shown: HashMap::new(),
        }
    }

    /// The same agent before it has read a log, and before what is in memory was distrusted.
    fn unloaded(&self) -> Self {
        Self {
            identity: self.identity.clone(),
            manifest: self.manifest.clone(),
            logs: self.logs.none_after(),
            trust: Trust::default(),
            swallowed: self.swallowed.clone(),
            hidden: self.hidden.clone(),
            unmeasured: self.unmeasured,
            shown: self.shown.clone(),
        }
    }

    /// How many of the operations are hidden.
    pub(super) fn hidden(&self, operations: &[Operation]) -> usize {
        let Some(hidden) = &self.hidden else { return 0 };
        operations.partition_point(|operation| operation.rank() <= Some(hidden))
    }

    /// Hides the operations up to one of them, or none.
    pub(super) fn hide(&mut self, newest: Option<&Operation>) {
        self.hidden = newest.and_then(Operation::rank).cloned();
    }

    /// Has everything loaded anew before anything is appended.
    pub(super) fn distrust(&mut self) {
        self.trust.distrust();
    }

    fn add(&mut self, relative: &str, path: PathBuf, version: u32) {
        self.logs.add(relative, path, version, self.identity.owns(relative));
    }

    /// The number of the agent's own log.
    pub(super) fn own(&self) -> u32 {
        self.logs.own_number()
    }

    /// The own log goes on up to here. `is_mixed`: lines do not stand in the order of their operations.
    pub(super) fn own_log_grew(&mut self, end: u64, is_mixed: bool) {
        if let Some(log) = self.logs.own_mut() {
            log.grew(end, is_mixed);
        }
    }

    /// Takes note of lines, without their marks, that another hand's have swallowed.
    pub(super) fn add_swallowed(&mut self, lines: impl Iterator<Item = Vec<u8>>) {
        self.swallowed.extend(lines);
    }

    /// The first line of this agent that is in no log.
    pub(super) fn swallowed(&self) -> Option<&Vec<u8>> {
        self.swallowed.first()
    }

    /// That line was appended again; the own log ends here.
    pub(super) fn appended_swallowed(&mut self, end: u64) {
        self.swallowed.remove(0);
        self.own_log_grew(end, true);
    }

    /// Counts an append. Whether it is time to measure what others wrote.
    fn is_to_measure(&mut self) -> bool {
        self.unmeasured += 1;
        let is_time = self.unmeasured >= self.often();
        if is_time {
            self.unmeasured = 0;
        }
        is_time
    }

    /// In how many turns with an append what others wrote is measured once.
    fn often(&self) -> usize {
        (self.logs.len() / 4).max(2)
    }

    /// The logs that are being read.
    pub(super) fn read_logs(&self) -> impl Iterator<Item = &str> {
        self.logs.iter().map(Log::relative)
    }

    /// All logs that count, and up to where each was read; of the own one, up to where it was written.
    pub(super) fn stood_logs(&self, own: String, own_end: u64) -> Vec<StoodLog> {
        let others = self.logs.iter().filter(|log| !log.is(&own));
        let mut logs: Vec<_> = others.map(Log::stood).collect();
        if layout::agent_of(&own).is_some() {
            logs.push(StoodLog::written(own, own_end, Some(self.own())));
        }
        logs
    }

    /// Bytes in all logs that count: of the own one, which is not read, what was written to it; of the others, what
    /// was read of them.
    pub(super) fn logged(&self, own: u64) -> u64 {
        self.logs.bytes(own)
    }
}

impl Store {
    /// Takes the folder's lock for an append of this agent, if what it knows of the manifest still holds.
    /// `None` means: not now, follow first. Without agents there is nothing to take.
    pub(super) fn enter_gate(&self, state: &State, check: bool) -> Result<Option<Option<Shared<'_>>>> {
        let (Some(gate), Some(agents)) = (&self.gate, &state.agents) else { return Ok(Some(None)) };
        // A transaction of this store has the lock alone, and what it found holds until it gives it up.
        if self.alone.lock().is_some() {
            return Ok(Some(None));
        }
        let Some(shared) = gate.try_shared_for_a_moment()? else { return Ok(None) };
        if planted!("generation-unchecked") {
            return Ok(Some(Some(shared)));
        }
        if !self.is_current(agents, shared.count())? {
            return Ok(None);
        }
        if check {
            gate.check(&shared)?;
            if !agents.manifest.is_of(self.manifest_file()) {
                return Ok(None);
            }
        }
        Ok(Some(Some(shared)))
    }
}

impl Store {
    /// Tells other agents that an append of this store waits for the folder's lock, or waits no more: they let it pass.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn append_waits(&self, waits: bool) -> Result<()> {
        match &self.gate {
            Some(gate) if waits => gate.waits(),
            Some(gate) => {
                gate.arrived();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes the folder's lock alone for an undo of this agent, if what it knows of the manifest still holds.
    /// `None` means: not now.
    pub(super) fn enter_gate_alone(&self, state: &State) -> Result<Option<Exclusive<'_>>> {
        let (Some(gate), Some(agents)) = (&self.gate, &state.agents) else { return Ok(None) };
        let Some(exclusive) = gate.try_exclusive()? else { return Ok(None) };
        let is_current = self.is_current(agents, exclusive.count())?;
        Ok((is_current && agents.manifest.is_of(self.manifest_file())).then_some(exclusive))
    }

    fn is_current(&self, agents: &Agents, count: std::io::Result<u64>) -> Result<bool> {
        let count = count.map_err(|source| Error::io("read", &layout::folder_lock(&self.root), source))?;
        Ok(!agents.trust.is_stale() && count == agents.manifest.count())
    }

    fn manifest_file(&self) -> Option<FileInfo> {
        self.disk.info(&self.root.join(layout::MANIFEST)).ok()
    }
}

impl State {
    /// Where the operation that was just drafted comes from.
    pub(super) fn own_origin(&self) -> Option<Box<Origin>> {
        let agents = self.agents.as_ref()?;
        let agent = Arc::clone(agents.identity.id()?);
        let rank = Rank { clock: self.engine.clock(), agent };
        Some(Box::new(Origin { rank, log: agents.own(), value: None, placed: None, aged: None }))
    }

    /// The number of the own log, and the version of its lines that have no mark.
    pub(super) fn own_log(&self) -> (u32, u32) {
        let Some(agents) = &self.agents else { return (0, 0) };
        (agents.own(), agents.logs.own().map_or(self.versions.snapshot, Log::version))
    }

    /// The operations of the own log that are not hidden, and where each stands among all: the last of the log first.
    pub(super) fn last_written(&self) -> Box<dyn Iterator<Item = (usize, &Operation)> + '_> {
        let operations = self.engine.operations().iter().enumerate().skip(self.hidden_operations()).rev();
        let Some(agents) = &self.agents else { return Box::new(operations) };
        let own = operations.filter(|(_, operation)| operation.is_of_log(agents.own()));
        if !agents.logs.own().is_some_and(Log::is_mixed) {
            return Box::new(own);
        }
        // NOTE: a line that stands before others must not be cut off with them, however late its operation comes.
        let mut own: Vec<_> = own.collect();
        own.sort_by_key(|(_, operation)| match operation.line {
            Text::At { offset, .. } => Reverse(offset),
            _ => Reverse(u64::MAX),
        });
        Box::new(own.into_iter())
    }

    /// Finds the number of the agent's own log among those that were read.
    fn number_own_log(&mut self) {
        if let Some(agents) = &mut self.agents {
            agents.logs.set_own(self.logs.wal.relative(), self.logs.wal.len());
        }
    }
}

/// The WALs that a manifest names, each once. One of a single writer counts too: a 0.8.1 forgets it once the
/// folder has agents.
pub(super) fn logs_of(manifest: &Manifest) -> Vec<&str> {
    let agents = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path.as_str());
    let mut logs: Vec<&str> = agents.chain([manifest.active_ops.as_str()]).collect();
    let mut seen = std::collections::HashSet::new();
    logs.retain(|path| seen.insert(*path));
    logs
}

/// The agent's own WAL.
pub(in crate::store) fn own_path<'m>(manifest: &'m Manifest, agent: &str) -> Option<&'m str> {
    let agents = manifest.active_agent_ops.as_ref()?;
    agents.iter().find(|(id, _)| id == agent).map(|(_, path)| path.as_str())
}
