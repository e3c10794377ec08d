//! Many writers in one folder. Each agent appends to a WAL of its own; the state is what all of them say, in
//! the total order (clock, agent). A manifest names the WALs. It changes in two short steps of a compaction
//! and when an agent registers, each under the folder's lock held alone; every append holds it shared and
//! checks that the manifest is the one it knows. docs/multi-writer.md has the protocol and its invariants.

mod compact;
mod follow;
mod load;
mod log;
mod open;
mod same_name;
mod take_over;
mod transaction;
mod trust;
mod undo;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{State, Store};
use crate::disk::{DiskFile, FileInfo};
use crate::engine::{Id, Operation, Origin, Rank, Text};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::gate::{Exclusive, Shared};
use crate::layout;
use crate::store::following::seen::SeenLine;
use crate::store::known::{ReadLines, StoodLog};
use crate::store::last_lines::Lines;

pub use compact::{ArchiveRequest, Begun, Compacted, Compaction, WantedCompaction};
pub(super) use log::operation_of;
pub(super) use open::open_agent;
pub use open::refuse_agents;
pub(super) use transaction::Alone;

/// The lock that says that an agent has the folder open. A process that is being started may hold a copy of its file for a
/// moment, so that the lock is given up, and not only the file closed.
pub(super) struct Presence(Arc<dyn DiskFile>);

impl Drop for Presence {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// What a store of an agent, or a reader of agents, knows besides its own log.
#[derive(Clone)]
pub struct Agents {
    /// The agent; `None` for a reader.
    id: Option<Arc<[u8]>>,
    _presence: Option<Arc<Presence>>,
    /// The gate's count under which what is known of the manifest holds.
    count: u64,
    /// The manifest's file when it was read: a 0.8.1 changes it without the gate.
    manifest_file: Option<FileInfo>,
    logs: Vec<Log>,
    next_log: u32,
    /// The number of the agent's own log.
    pub(super) own: u32,
    /// What is in memory must be loaded anew before it can be trusted.
    stale: bool,
    /// The snapshot in memory is to be replaced by the current one.
    outdated: bool,
    /// It holds records that the current one does not, and that no operation has deleted.
    departed: bool,
    /// Lines of this agent, without their marks, that another hand's have swallowed: they are in no log.
    pub(super) swallowed: Vec<Vec<u8>>,
    /// Operations up to this one belong to a compaction that is due but has not sealed them.
    hidden: Option<Rank>,
    /// How many turns with an append ago what others wrote was measured.
    unmeasured: usize,
    /// For a store that loads nothing: by which operation records show what they do, once that is in no log any more.
    shown: HashMap<Id, Rank>,
}

/// A WAL that is being read.
#[derive(Clone)]
struct Log {
    number: u32,
    relative: String,
    path: PathBuf,
    /// The schema version of lines without a mark.
    version: u32,
    file: Option<Arc<dyn DiskFile>>,
    /// Up to where it was read.
    end: u64,
    /// Up to where `tail()` need not tell of it any more.
    told: u64,
    /// From where on it need not either: there stands what this agent has written since it opened.
    own_from: u64,
    /// The lines that were read, to find out whether the end was cut.
    lines: Lines<Known>,
    /// The lines do not stand in the order of their operations: another hand appended some of them.
    is_mixed: bool,
}

impl Log {
    /// Up to where it was read. Of one that this agent wrote, the lines were not.
    fn stood(&self) -> StoodLog {
        let (relative, number) = (self.relative.clone(), Some(self.number));
        if self.own_from != u64::MAX {
            return StoodLog::written(relative, self.end, number);
        }
        StoodLog::read(relative, self.end, number, ReadLines::OfAgent(self.lines.last_lines()))
    }
}

/// A line that was read.
#[derive(Clone)]
pub(in crate::store) struct Known {
    pub(in crate::store) line: SeenLine,
    pub(in crate::store) rank: Rank,
}

impl Agents {
    fn new(id: Option<Arc<[u8]>>, held: Option<Arc<dyn DiskFile>>) -> Self {
        Self {
            id,
            _presence: held.map(|file| Arc::new(Presence(file))),
            count: 0,
            manifest_file: None,
            logs: Vec::new(),
            next_log: 1,
            own: 0,
            stale: false,
            outdated: false,
            departed: false,
            swallowed: Vec::new(),
            hidden: None,
            unmeasured: 0,
            shown: HashMap::new(),
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
        self.stale = true;
    }

    fn add(&mut self, relative: &str, path: PathBuf, version: u32) -> u32 {
        let number = self.next_log;
        self.next_log += 1;
        let (lines, relative) = (Lines::default(), relative.to_owned());
        let own_from = match self.id.as_deref().is_some_and(|agent| layout::is_log_of(&relative, agent)) {
            true => 0,
            false => u64::MAX,
        };
        let (file, end, told, is_mixed) = (None, 0, 0, false);
        self.logs.push(Log { number, relative, path, version, file, end, told, own_from, lines, is_mixed });
        number
    }

    /// The own log goes on up to here. `is_mixed`: lines do not stand in the order of their operations.
    pub(super) fn own_log_grew(&mut self, end: u64, is_mixed: bool) {
        if let Some(log) = self.logs.iter_mut().find(|log| log.number == self.own) {
            log.end = end;
            log.is_mixed |= is_mixed;
        }
    }

    /// In how many turns with an append what others wrote is measured once.
    fn often(&self) -> usize {
        (self.logs.len() / 4).max(2)
    }

    /// The logs that are being read.
    pub(super) fn read_logs(&self) -> impl Iterator<Item = &str> {
        self.logs.iter().map(|log| log.relative.as_str())
    }

    /// All logs that count, and up to where each was read; of the own one, up to where it was written.
    pub(super) fn stood_logs(&self, own: String, own_end: u64) -> Vec<StoodLog> {
        let others = self.logs.iter().filter(|log| log.relative != own);
        let mut logs: Vec<_> = others.map(Log::stood).collect();
        if layout::agent_of(&own).is_some() {
            logs.push(StoodLog::written(own, own_end, Some(self.own)));
        }
        logs
    }

    /// Bytes in all logs that count: of the own one, which is not read, what was written to it; of the others, what
    /// was read of them.
    pub(super) fn logged(&self, own: u64) -> u64 {
        let others = self.logs.iter().filter(|log| log.number != self.own);
        others.map(|log| log.end).sum::<u64>() + own
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
            if self.manifest_file() != agents.manifest_file {
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
        Ok((is_current && self.manifest_file() == agents.manifest_file).then_some(exclusive))
    }

    fn is_current(&self, agents: &Agents, count: std::io::Result<u64>) -> Result<bool> {
        let count = count.map_err(|source| Error::io("read", &layout::folder_lock(&self.root), source))?;
        Ok(!agents.stale && count == agents.count)
    }

    fn manifest_file(&self) -> Option<FileInfo> {
        self.disk.info(&self.root.join(layout::MANIFEST)).ok()
    }
}

impl State {
    /// Where the operation that was just drafted comes from.
    pub(super) fn own_origin(&self) -> Option<Box<Origin>> {
        let agents = self.agents.as_ref()?;
        let agent = Arc::clone(agents.id.as_ref()?);
        let rank = Rank { clock: self.engine.clock(), agent };
        Some(Box::new(Origin { rank, log: agents.own, value: None, placed: None, aged: None }))
    }

    /// The number of the own log, and the version of its lines that have no mark.
    pub(super) fn own_log(&self) -> (u32, u32) {
        let Some(agents) = &self.agents else { return (0, 0) };
        let own = agents.logs.iter().find(|log| log.number == agents.own);
        (agents.own, own.map_or(self.versions.snapshot, |log| log.version))
    }

    /// The operations of the own log that are not hidden, and where each stands among all: the last of the log first.
    pub(super) fn last_written(&self) -> Box<dyn Iterator<Item = (usize, &Operation)> + '_> {
        let operations = self.engine.operations().iter().enumerate().skip(self.hidden_operations()).rev();
        let Some(agents) = &self.agents else { return Box::new(operations) };
        let own = operations.filter(|(_, operation)| operation.is_of_log(agents.own));
        if !agents.logs.iter().any(|log| log.number == agents.own && log.is_mixed) {
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
        let own = self.logs.wal.relative();
        if let Some(agents) = &mut self.agents
            && let Some(log) = agents.logs.iter_mut().find(|log| log.relative == own)
        {
            agents.own = log.number;
            log.end = self.logs.wal.len();
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
