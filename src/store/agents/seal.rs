//! The seal of a compaction: with the folder's lock held alone every agent gets a new log, and what the old ones say is frozen.

use super::logs_of;
use super::open::is_agent_open;
use crate::engine::View;
use crate::error::{Error, Result};
use crate::format::manifest::{Descent, Generation, Manifest};
use crate::gate::Gate;
use crate::layout;
use crate::order;
use crate::publish::sync_folder_of;
use crate::store::Store;
use crate::store::checkpoint::upkeep::Upkeep;
use crate::store::names::time_after;
use crate::store::open::{Report, open_own_wal};
use crate::transition::folder::{self as transition, NextLogs};
use crate::transition::shared::goes_on;
use crate::unpublished::Unpublished;

/// What was sealed.
pub(super) struct Sealed {
    /// What the snapshot is written from: without what goes to an archive.
    pub(super) view: View,
    /// What was frozen.
    pub(super) original: View,
    pub(super) logs: Vec<String>,
    /// The manifest that the seal has published.
    manifest: Manifest,
    /// Whether the snapshot is not what snapshot and logs before it say: something is migrated.
    pub(super) migrates: bool,
}

impl Sealed {
    /// Refuses a manifest that did not come from the seal: what was sealed is not what that folder holds.
    pub(super) fn must_lead_to(&self, current: &Manifest) -> Result<()> {
        let is_of_agents = current.active_agent_ops.is_some();
        if is_of_agents && current.descent_from(&self.manifest) != Descent::Diverges {
            return Ok(());
        }
        Err(Error::Failed("the folder was put back to another state during the compaction".into()))
    }
}

/// The logs that the agents go over to at a seal. They are made before the folder's lock is held alone: others wait for it, and each
/// is synced.
struct NextOf {
    /// The generation of the manifest whose agents they are for.
    generation: u64,
    /// Agents and their logs.
    logs: Vec<(String, String)>,
    /// Whether the folder of the logs was synced since the last of them was made.
    has_names_synced: bool,
}

impl NextOf {
    /// Makes the logs for the agents that are open.
    fn prepare(store: &Store, list: &Unpublished, now_ms: i64) -> Result<Self> {
        let current = store.manifest();
        let mut next = Self { generation: current.generation, logs: Vec::new(), has_names_synced: true };
        next.complete(store, list, &current, now_ms)?;
        if let Some((_, log)) = next.logs.first() {
            sync_folder_of(&*store.disk, &layout::at(&store.root, log))?;
        }
        next.has_names_synced = true;
        Ok(next)
    }

    /// These, if nothing was published since; else none: a log that was named meanwhile may have a later time.
    fn meant_for(self, current: &Manifest, store: &Store) -> Self {
        if self.generation == current.generation {
            return self;
        }
        self.discard(store);
        Self { generation: current.generation, logs: Vec::new(), has_names_synced: true }
    }

    /// Makes the logs of open agents that have none here, and removes those of agents that are gone.
    fn complete(&mut self, store: &Store, list: &Unpublished, current: &Manifest, now_ms: i64) -> Result<()> {
        let mut known = std::mem::take(&mut self.logs);
        let from = time_after(Some(current), now_ms);
        for (agent, _) in current.active_agent_ops.iter().flatten() {
            // NOTE: one that never took the lock may be a 0.8.1.
            let is_gone = is_agent_open(&*store.disk, &store.root, agent)? == Some(false);
            if !goes_on(agent.as_bytes(), is_gone) {
                continue;
            }
            if let Some(place) = known.iter().position(|(of, _)| of == agent) {
                self.logs.push(known.swap_remove(place));
                continue;
            }
            let mut log = store.create_agent_log(list, agent, from)?;
            log.sync()?;
            self.logs.push((agent.clone(), log.relative().to_owned()));
            self.has_names_synced = false;
        }
        remove_all(store, &known);
        Ok(())
    }

    fn discard(self, store: &Store) {
        remove_all(store, &self.logs);
    }
}

/// Removes logs that no manifest came to name. Best effort.
fn remove_all(store: &Store, logs: &[(String, String)]) {
    for (_, log) in logs {
        let _ = store.disk.unlink(&layout::at(&store.root, log));
    }
}

impl Store {
    /// Seals all logs, with the newest snapshot in memory.
    pub(super) fn seal_all(&self, gate: &Gate, list: &Unpublished, now_ms: i64) -> Result<Sealed> {
        loop {
            self.look_before_compaction()?;
            let next = NextOf::prepare(self, list, now_ms)?;
            if let Some(sealed) = self.seal(gate, list, next, now_ms)? {
                return Ok(sealed);
            }
        }
    }

    /// Gives every agent a new WAL and freezes what the old ones say. `None` if the snapshot in memory is not the
    /// current one.
    fn seal(&self, gate: &Gate, list: &Unpublished, next: NextOf, now_ms: i64) -> Result<Option<Sealed>> {
        let exclusive = gate.exclusive()?;
        let followed = self.look_alone(&exclusive)?;
        self.lock().following.came_upon(followed);
        let (current, clock) = {
            let state = self.lock();
            state.writable()?;
            state.require_one_version(&self.options)?;
            if state.is_outdated() || state.is_stale() {
                next.discard(self);
                return Ok(None);
            }
            (state.manifest.clone(), state.engine.clock())
        };
        let mut next = next.meant_for(&current, self);
        let mut logs: Vec<String> =
            current.active_agent_ops.iter().flatten().map(|(_, path)| path.clone()).collect();
        next.complete(self, list, &current, now_ms)?;
        let mut agents = std::mem::take(&mut next.logs);
        logs.extend(logs_of(&current).into_iter().map(str::to_owned));
        order::sort(&mut logs);
        logs.dedup();
        let own = self.options.agent.as_ref().and_then(|own| agents.iter().find(|(agent, _)| agent == own));
        let Some((_, own)) = own.cloned() else { return Err(Error::Failed("the agent lost its log".into())) };
        let mut times: Vec<u64> =
            agents.iter().filter_map(|(_, log)| layout::agent_milliseconds(log)).collect();
        times.dedup();
        let mut empty = Vec::new();
        for path in &logs {
            let info = self.disk.info(&layout::at(&self.root, path));
            match info.is_ok_and(|info| info.len > 0) {
                true => agents.push((layout::sealed_key(path), path.clone())),
                false => empty.push(path.clone()),
            }
        }
        list.add_superseded(&empty)?;
        if !next.has_names_synced {
            sync_folder_of(&*self.disk, &layout::at(&self.root, &own))?;
        }
        let next_logs = NextLogs { agents, own: own.clone(), clock };
        let next = transition::sealed(&current, next_logs, Generation::new(times));
        let count = self.change_manifest(&exclusive, &next)?;
        // NOTE: no agent can append before the lock is let go, this agent neither.
        let wal = open_own_wal(self, &own, &mut Report::default())?;
        let mut state = self.lock_without_batch()?;
        state.go_over_to(wal, &self.root);
        for relative in logs_of(&next) {
            let version = next.log_version(relative, state.versions.snapshot);
            self.add_log(&mut state, relative, version)?;
        }
        state.number_own_log();
        state.knows(next.clone(), count, self);
        state.unhide();
        let migrates = !state.is_of_one_version(&self.options);
        let view = state.engine.freeze(usize::MAX);
        state.unwritten.set_buffered(0);
        state.checkpoints.upkeep = Upkeep::Checkpoint;
        Ok(Some(Sealed { original: view.clone(), view, logs, manifest: next, migrates }))
    }
}
