//! The seal of a compaction: with the folder's lock held alone every agent gets a new log, and what the old ones say is frozen.

use std::sync::Arc;
use std::time::Duration;

use super::compact::{Begun, WantedCompaction};
use super::logs_of;
use super::merge::Merge;
use super::open::is_agent_open;
use crate::engine::View;
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::gate::Exclusive;
use crate::layout;
use crate::lock::HeldLock;
use crate::order;
use crate::publish::sync_folder_of;
use crate::sequence::compaction::Seal;
use crate::store::Store;
use crate::store::checkpoint::upkeep::Upkeep;
use crate::store::names::time_after;
use crate::store::open::{Report, open_own_wal};
use crate::transition::folder::{self as transition, NextLogs};
use crate::transition::shared::goes_on;
use crate::unpublished::Unpublished;

/// What was sealed.
pub(super) struct Frozen {
    /// What the snapshot is written from: without what goes to an archive.
    pub(super) view: View,
    /// What was frozen.
    pub(super) original: View,
    pub(super) logs: Vec<String>,
    /// The manifest that the seal has published.
    pub(super) manifest: Manifest,
    /// Whether the snapshot is not what snapshot and logs before it say: something is migrated.
    pub(super) migrates: bool,
}

/// The steps up to the seal.
pub(super) struct Sealing<'a> {
    store: &'a Arc<Store>,
    wanted: WantedCompaction,
    /// Nothing is to be done where another agent's compaction has taken all along that was hidden.
    if_due: bool,
    now_ms: i64,
    lock: Option<HeldLock>,
    /// How long to wait for another agent's compaction.
    pause: Duration,
    /// The files that no manifest names yet.
    list: Option<Unpublished>,
    next: NextOf,
}

/// The manifest, with the folder's lock held alone.
pub(super) struct Turn {
    alone: Exclusive<'static>,
    current: Manifest,
    clock: u64,
}

/// The logs that take the place of these.
pub(super) struct Logs {
    next: NextLogs,
    sealed: Vec<String>,
    times: Vec<u64>,
}

/// A seal that is in force.
pub(super) struct Sealed {
    own: String,
    sealed: Vec<String>,
    manifest: Manifest,
    count: u64,
}

/// The logs that the agents go over to at a seal. They are made before the folder's lock is held alone: others wait for it, and each
/// is synced.
#[derive(Default)]
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

impl<'a> Sealing<'a> {
    pub(super) fn new(store: &'a Arc<Store>, wanted: WantedCompaction, if_due: bool, now_ms: i64) -> Self {
        let (pause, next) = (Duration::ZERO, NextOf::default());
        Self { store, wanted, if_due, now_ms, lock: None, pause, list: None, next }
    }

    /// Another agent compacts.
    pub(super) fn tried_again(self) -> Begun {
        Begun::Later(self.wanted, self.pause)
    }

    fn list(&self) -> Result<&Unpublished> {
        self.list.as_ref().ok_or_else(|| Error::Failed("a compaction has no list of its files".into()))
    }
}

impl Seal for Sealing<'_> {
    type Error = Error;
    type Turn = Turn;
    type Logs = Logs;
    type Published = Sealed;
    type Attempt = Merge;

    /// Each log is synced, and an append waits for the lock.
    fn others_wait(&self) -> bool {
        true
    }

    async fn lock(&mut self) -> Result<bool> {
        match self.store.try_compaction_lock() {
            Err(error @ (Error::CompactionLocked { .. } | Error::Locked { .. })) => {
                self.pause = self.wanted.pause().ok_or(error)?;
                Ok(false)
            }
            lock => {
                self.lock = Some(lock?);
                Ok(true)
            }
        }
    }

    async fn is_needless(&mut self) -> Result<bool> {
        Ok(self.if_due && self.store.is_compacted()?)
    }

    async fn look(&mut self) -> Result<()> {
        self.store.look_before_compaction()
    }

    async fn make_logs_ahead(&mut self) -> Result<()> {
        let store = self.store;
        if self.list.is_none() {
            self.list = Some(Unpublished::begin(&store.disk, &store.root, store.manifest().generation)?);
        }
        self.next = NextOf::prepare(store, self.list()?, self.now_ms)?;
        Ok(())
    }

    async fn turn(&mut self) -> Result<Option<Turn>> {
        let store = self.store;
        let Some(gate) = &store.gate else { return Err(Error::AgentFolder) };
        let alone = gate.kept()?;
        let followed = store.look_alone(&alone)?;
        store.lock().following.came_upon(followed);
        let state = store.lock();
        state.writable()?;
        state.require_one_version(&store.options)?;
        if state.is_outdated() || state.is_stale() {
            std::mem::take(&mut self.next).discard(store);
            return Ok(None);
        }
        let (current, clock) = (state.manifest.clone(), state.engine.clock());
        drop(state);
        Ok(Some(Turn { alone, current, clock }))
    }

    async fn make_logs(&mut self, Turn { current, clock, .. }: &Turn) -> Result<Logs> {
        let store = self.store;
        let mut next = std::mem::take(&mut self.next).meant_for(current, store);
        let mut sealed: Vec<String> =
            current.active_agent_ops.iter().flatten().map(|(_, path)| path.clone()).collect();
        next.complete(store, self.list()?, current, self.now_ms)?;
        let mut agents = std::mem::take(&mut next.logs);
        sealed.extend(logs_of(current).into_iter().map(str::to_owned));
        order::sort(&mut sealed);
        sealed.dedup();
        let own = store.options.agent.as_ref().and_then(|own| agents.iter().find(|(agent, _)| agent == own));
        let Some((_, own)) = own.cloned() else { return Err(Error::Failed("the agent lost its log".into())) };
        let mut times: Vec<u64> =
            agents.iter().filter_map(|(_, log)| layout::agent_milliseconds(log)).collect();
        times.dedup();
        let mut empty = Vec::new();
        for path in &sealed {
            let info = store.disk.info(&layout::at(&store.root, path));
            match info.is_ok_and(|info| info.len > 0) {
                true => agents.push((layout::sealed_key(path), path.clone())),
                false => empty.push(path.clone()),
            }
        }
        self.list()?.add_superseded(&empty)?;
        if !next.has_names_synced {
            sync_folder_of(&*store.disk, &layout::at(&store.root, &own))?;
        }
        Ok(Logs { next: NextLogs { agents, own, clock: *clock }, sealed, times })
    }

    async fn publish(&mut self, turn: &Turn, logs: Logs) -> Result<Option<Sealed>> {
        let Logs { next, sealed, times } = logs;
        let own = next.own.clone();
        let manifest = transition::sealed(&turn.current, next, Generation::new(times));
        let count = self.store.change_manifest(&turn.alone, &manifest)?;
        Ok(Some(Sealed { own, sealed, manifest, count }))
    }

    async fn go_over(&mut self, turn: Turn, published: Sealed) -> Result<Merge> {
        let (store, Sealed { own, sealed: logs, manifest, count }) = (self.store, published);
        let Some(lock) = self.lock.take() else { return Err(Error::AgentFolder) };
        // NOTE: no agent can append before the lock is let go, this agent neither.
        let wal = open_own_wal(store, &own, &mut Report::default())?;
        let mut state = store.lock_without_batch()?;
        state.go_over_to(wal, &store.root);
        for relative in logs_of(&manifest) {
            let version = manifest.log_version(relative, state.versions.snapshot);
            store.add_log(&mut state, relative, version)?;
        }
        state.number_own_log();
        state.knows(manifest.clone(), count, store);
        state.unhide();
        let migrates = !state.is_of_one_version(&store.options);
        let view = state.engine.freeze(usize::MAX);
        state.unwritten.set_buffered(0);
        state.checkpoints.upkeep = Upkeep::Checkpoint;
        drop(state);
        drop(turn);
        let frozen = Frozen { original: view.clone(), view, logs, manifest, migrates };
        Ok(Merge::new(store, (lock, self.list.take()), frozen, self.wanted.take_archive(), self.now_ms))
    }

    fn take_back(&mut self) {
        if let Some(list) = self.list.take() {
            self.store.give_up(list);
        }
        self.store.show_history();
    }

    async fn unlock(&mut self) {
        self.lock = None;
    }
}
