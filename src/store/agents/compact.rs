//! A compaction among agents. It SEALS: with the folder's lock held alone it gives every agent a new WAL and
//! keeps the old ones as extra entries. Then, without the lock, it writes the merged state as a snapshot. Then
//! it PUBLISHES: with the lock again, it names the snapshot and drops the sealed WALs. Whatever an agent logs
//! after the seal has a clock above all that was sealed, so it sorts behind the snapshot. A crash in between
//! leaves the sealed WALs named, and they are read like the others.

use std::sync::Arc;
use std::time::Duration;

use super::known_manifest::KnownManifest;
use super::logs_of;
use super::seal::Sealed;
use crate::engine::{Id, View};
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::gate::{Exclusive, Gate};
use crate::history::{Archived, index_sealed};
use crate::layout;
use crate::lock::{self, HeldLock, OsProbe};
use crate::patience::{Patience, rest};
use crate::publish::Unnamed;
use crate::retention::remove_unless_held;
use crate::rules::archives::may_move;
use crate::snapshot::Written;
use crate::store::Store;
use crate::store::checkpoint::upkeep::Upkeep;
use crate::store::names::time_after;
use crate::store::open::read_manifest;
use crate::store::versions::{Versions, former_version};
use crate::transition::folder::{self as transition, Archived as Segment, Snapshot};
use crate::unpublished::Unpublished;

/// Records that are to go to an archive, with the texts that they had when they were chosen.
pub struct ArchiveRequest {
    /// The records.
    pub records: Vec<(Id, Vec<u8>)>,
    /// The segment's period.
    pub period: String,
}

/// A compaction that is to begin once no other agent compacts.
pub struct WantedCompaction {
    archive: Option<ArchiveRequest>,
    patience: Patience,
    /// How often another agent was found to compact.
    times: u32,
}

impl WantedCompaction {
    /// With `archive`, one without those records.
    pub fn new(archive: Option<ArchiveRequest>) -> Self {
        // A compaction writes everything there is: more patience than for a lock.
        Self { archive, patience: Patience::new(2), times: 0 }
    }
}

/// What became of a compaction that is wanted.
pub enum Begun {
    /// All logs are sealed.
    Compaction(Box<Compaction>),
    /// There is none to be made.
    NotNeeded,
    /// Another agent compacts: it is to be tried again after a pause.
    Later(WantedCompaction, Duration),
}

/// What a compaction did.
#[derive(Debug, Default)]
pub struct Compacted {
    /// The records that went to the archive. One that changed meanwhile stays.
    pub archived: Vec<Id>,
}

/// A compaction that has sealed all logs. Dropped before [`Compaction::finish`] succeeded, it is given up; its seal stays.
pub struct Compaction {
    store: Arc<Store>,
    lock: HeldLock,
    /// Its files until the manifest names them; `None` once it does.
    list: Option<Unpublished>,
    sealed: Sealed,
    archive: Option<ArchiveRequest>,
    /// The records that it has taken out in memory.
    gone: Vec<Id>,
    now_ms: i64,
    done: bool,
}

impl Store {
    /// Remembers what records say now that are to go to an archive.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn choose_for_archive(&self, ids: Vec<Id>, period: String) -> Result<ArchiveRequest> {
        let state = self.lock();
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            // As it is shown, which is how the caller chose it.
            let text = state.shown_engine().get(&id).map_err(|source| self.read_failed(source))?;
            if let Some(text) = text {
                let text = text.read().map_err(|source| self.read_failed(source))?.into_owned();
                records.push((id, text));
            }
        }
        Ok(ArchiveRequest { records, period })
    }

    /// Changes the manifest as it is by now, with the folder's lock held alone.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_LOCKED`.
    pub(in crate::store) fn amend_manifest(&self, amend: impl FnOnce(&Manifest) -> Manifest) -> Result<()> {
        let Some(gate) = &self.gate else { return Ok(()) };
        let exclusive = gate.exclusive()?;
        self.look_alone(&exclusive)?;
        let current = read_manifest(&*self.disk, &self.root)?.ok_or(Error::NoStore)?;
        let next = transition::succeeded(amend(&current), Generation::new(Vec::new()));
        let count = self.change_manifest(&exclusive, &next)?;
        self.lock().knows(next, count, self);
        Ok(())
    }

    /// Publishes a manifest that differs from the one in force in what no other agent goes by.
    pub(in crate::store) fn publish_alone(&self, exclusive: &Exclusive<'_>, next: Manifest) -> Result<()> {
        let count = self.change_manifest(exclusive, &next)?;
        self.lock().knows(next, count, self);
        Ok(())
    }

    /// Compacts a folder of agents; with `archive`, without those records. Waits for another agent's
    /// compaction to end.
    ///
    /// # Errors
    /// As for [`Store::begin_compaction`] and [`Compaction::finish`].
    pub fn compact_agents(
        self: &Arc<Self>,
        now_ms: i64,
        archive: Option<ArchiveRequest>,
    ) -> Result<Compacted> {
        self.begin_compaction(now_ms, archive, false)?.map_or(Ok(Compacted::default()), Compaction::finish)
    }

    /// Seals all logs of a folder of agents, once no other agent compacts. What is to be migrated must be before
    /// [`Compaction::finish`]. `None` where there are no agents; with `if_due` also where another agent's compaction has taken all
    /// along by then that was hidden for this one.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` when the others do not let go in time, `OPSLOG_IO`, `OPSLOG_FAILED`, `OPSLOG_NEWER_VERSION`.
    pub fn begin_compaction(
        self: &Arc<Self>,
        now_ms: i64,
        archive: Option<ArchiveRequest>,
        if_due: bool,
    ) -> Result<Option<Compaction>> {
        let mut wanted = WantedCompaction::new(archive);
        loop {
            match self.try_compaction(now_ms, wanted, if_due)? {
                Begun::Compaction(begun) => return Ok(Some(*begun)),
                Begun::NotNeeded => return Ok(None),
                Begun::Later(still_wanted, pause) => {
                    wanted = still_wanted;
                    rest(pause);
                }
            }
        }
    }

    /// As [`Store::begin_compaction`], without waiting for another agent's compaction: the thread that would wait may be one that others
    /// need to come to their end.
    ///
    /// # Errors
    /// As for [`Store::begin_compaction`].
    pub fn try_compaction(
        self: &Arc<Self>,
        now_ms: i64,
        mut wanted: WantedCompaction,
        if_due: bool,
    ) -> Result<Begun> {
        let Some(gate) = &self.gate else { return Ok(Begun::NotNeeded) };
        let lock = match self.try_compaction_lock() {
            Err(error @ (Error::CompactionLocked { .. } | Error::Locked { .. })) => {
                if let Some(pause) = wanted.patience.next_pause(wanted.times) {
                    wanted.times += 1;
                    return Ok(Begun::Later(wanted, pause));
                }
                Err(error)
            }
            lock => lock,
        };
        let sealed = lock.and_then(|lock| {
            if if_due && self.is_compacted()? {
                return Ok(None);
            }
            let list = Unpublished::begin(&self.disk, &self.root, self.manifest().generation)?;
            match self.seal_all(gate, &list, now_ms) {
                Ok(sealed) => Ok(Some((lock, Some(list), sealed))),
                Err(error) => {
                    self.give_up(list);
                    Err(error)
                }
            }
        });
        // What waited for it counts again if it fails.
        let Some((lock, list, sealed)) = sealed.inspect_err(|_| self.show_history())? else {
            return Ok(Begun::NotNeeded);
        };
        let (store, archive) = (Arc::clone(self), wanted.archive);
        let (gone, done) = (Vec::new(), false);
        let compaction = Compaction { store, lock, list, sealed, archive, gone, now_ms, done };
        Ok(Begun::Compaction(Box::new(compaction)))
    }

    /// Removes the files that no manifest has come to name.
    fn give_up(&self, list: Unpublished) {
        let manifest = read_manifest(&*self.disk, &self.root).ok().flatten();
        list.give_up(&self.root, manifest.as_ref());
    }

    /// Takes in what others wrote, also a snapshot.
    pub(super) fn look_before_compaction(&self) -> Result<()> {
        // NOTE: what is in memory may be older than the snapshot, and still hold what went to an archive. No other
        // agent publishes a snapshot while this one holds the compaction lock.
        let followed = self.catch_up()?;
        self.lock().following.came_upon(followed);
        let followed = self.renew()?;
        self.lock().following.came_upon(followed);
        Ok(())
    }

    /// Whether the snapshot holds all by now that was hidden for a compaction.
    fn is_compacted(&self) -> Result<bool> {
        self.look_before_compaction()?;
        let state = self.lock();
        Ok(!state.is_outdated() && !state.is_stale() && state.hidden_operations() == 0)
    }

    /// Waits for another agent's compaction to end, and keeps others from beginning one.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` once patience ends; `OPSLOG_IO`.
    pub(in crate::store) fn wait_for_compaction_lock(&self) -> Result<HeldLock> {
        // A compaction writes everything there is: more patience than for a lock.
        let patience = Patience::new(2);
        let mut times = 0;
        loop {
            match self.try_compaction_lock() {
                Err(Error::CompactionLocked { .. } | Error::Locked { .. })
                    if patience.pause_longer(times) =>
                {
                    times += 1;
                }
                acquired => return acquired,
            }
        }
    }

    fn try_compaction_lock(&self) -> Result<HeldLock> {
        let pid = std::process::id();
        lock::acquire(&self.disk, &self.root, layout::COMPACT_LOCK, pid, &OsProbe)
    }

    fn archive_sealed(
        &self,
        view: &View,
        request: ArchiveRequest,
        now_ms: i64,
    ) -> Result<(String, u64, Vec<Id>)> {
        let mut ids = Vec::new();
        let mut texts = Vec::new();
        for (id, chosen) in request.records {
            let Some(text) = view.get(&id).map_err(|source| self.read_failed(source))? else { continue };
            let now = text.read().map_err(|source| self.read_failed(source))?;
            if may_move(Some(&now), &chosen) {
                drop(now);
                texts.push((Arc::clone(&id), Some(text)));
                ids.push(id);
            }
        }
        let (path, added) = self.write_segment(texts, &request.period, now_ms)?;
        Ok((path, added, ids))
    }

    /// Loads the snapshot if one of these records, which went to an archive, was written again since the seal: its
    /// operations were taken in over the record. If that fails, the next look does it.
    fn renew_changed(&self, archived: &[Id]) {
        let mut state = self.lock();
        if !state.engine.operations().iter().any(|operation| archived.contains(&operation.id)) {
            return;
        }
        if let Some(agents) = &mut state.agents {
            agents.trust.note_snapshot(true, false);
        }
        drop(state);
        if let Ok(followed) = self.renew() {
            self.lock().following.came_upon(followed);
        }
    }

    fn publish_sealed(
        &self,
        gate: &Gate,
        (lock, list): (&HeldLock, Option<&Unpublished>),
        sealed: &Sealed,
        (relative, written): (String, Written),
        segment: Option<Segment>,
        now_ms: i64,
    ) -> Result<()> {
        let exclusive = gate.exclusive()?;
        // Others may have registered since the seal.
        let current = read_manifest(&*self.disk, &self.root)?.ok_or(Error::NoStore)?;
        if !lock.is_still_ours()? {
            return Err(Error::Failed("the compaction lock was taken away".into()));
        }
        sealed.must_lead_to(&current)?;
        let (before, version, departures) = {
            let state = self.lock();
            (state.versions.snapshot, state.writes(&self.options), state.checkpoints.departures.now())
        };
        let snapshot = Snapshot {
            path: &relative,
            version,
            former: former_version(sealed.logs.iter(), (before, version)),
            records: sealed.view.count() as u64,
            now_ms,
            departures,
            migrates: sealed.migrates,
            archived: segment.as_ref(),
        };
        let is_empty = |log: &str| self.disk.info(&self.root.join(log)).is_ok_and(|info| info.len == 0);
        let came = Generation::new(Vec::new());
        let (next, gone) = transition::published(&current, &snapshot, &sealed.logs, (before, is_empty), came);
        let is_archive = segment.is_some();
        let superseded = self.superseded_files(&gone, &current);
        if let Some(list) = list {
            list.add_superseded(&[superseded.as_slice(), &sealed.logs].concat())?;
        }
        let count = self.change_manifest(&exclusive, &next).map_err(|Unnamed { error, is_uncertain }| {
            // What others see by now, or the next look of this agent's, may be that it took effect.
            if is_archive && is_uncertain {
                return self.lock().uncertain("an archive", "it was stopped at its end", &error);
            }
            error
        })?;
        let mut state = self.lock();
        state.checkpoints.departures.set(next.departures);
        let freed = state.engine.rebase(written.base, version);
        state.checkpoints.set_snapshot_bytes(written.bytes);
        state.checkpoints.upkeep = Upkeep::None;
        state.drop_logs(&sealed.logs);
        state.versions.take_snapshot(Versions::of_manifest(&next));
        // NOTE: an agent may have registered since the seal. This manifest is known from now on, and so must be its log: the
        // next look asks only for logs that came later.
        for relative in logs_of(&next) {
            self.add_log(&mut state, relative, next.log_version(relative, version))?;
        }
        state.take_log_versions(&next, version);
        state.knows(next, count, self);
        drop(state);
        drop(exclusive);
        drop(freed);
        self.remove_superseded(&superseded);
        self.remove_empty_logs(&sealed.logs);
        Ok(())
    }
}

impl Store {
    /// Deletes logs of agents in which nothing stands, and that no manifest names any more. Best effort.
    pub(in crate::store) fn remove_empty_logs(&self, relatives: &[String]) {
        for relative in relatives {
            let Ok(path) = layout::inside(&self.root, layout::OPS, relative) else { continue };
            if self.disk.info(&path).is_ok_and(|info| info.len == 0) {
                let _ = remove_unless_held(&*self.disk, &self.root, relative);
            }
        }
    }
}

impl crate::store::State {
    /// Takes note of a manifest that this store has just published.
    pub(super) fn knows(&mut self, manifest: Manifest, count: u64, store: &Store) {
        self.manifest = manifest;
        self.take_log_version();
        if let Some(agents) = &mut self.agents {
            agents.manifest = KnownManifest::new(count, store.manifest_file());
        }
    }

    fn drop_logs(&mut self, relatives: &[String]) {
        let Some(agents) = &mut self.agents else { return };
        for log in agents.logs.take(|log| relatives.iter().any(|relative| log.is(relative))) {
            log.leave(&mut self.following.tail_queue, log.end());
            self.let_logs_go(|path| *path != *log.path());
        }
    }
}

impl Compaction {
    /// Writes the snapshot and publishes it.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_LOCKED`, `OPSLOG_FAILED`; what was sealed is read until the next compaction then.
    pub fn finish(mut self) -> Result<Compacted> {
        let Self { store, now_ms, .. } = &self;
        let (store, now_ms) = (Arc::clone(store), *now_ms);
        let Some(gate) = &store.gate else { return Err(Error::AgentFolder) };
        if store.needs_migration()? {
            return Err(Error::Failed("records are still to be migrated".into()));
        }
        // What was migrated since the seal is in it.
        self.sealed.view = store.lock().engine.frozen_view();
        let mut compacted = Compacted::default();
        let mut segment = None;
        if let Some(request) = self.archive.take() {
            let (path, added, ids) = store.archive_sealed(&self.sealed.view, request, now_ms)?;
            self.sealed.view = self.sealed.view.without(&ids).map_err(|source| store.read_failed(source))?;
            let mut state = store.lock();
            state.keep_showing();
            state.engine.refreeze(&self.sealed.view);
            state.tell_home_of(&ids);
            drop(state);
            self.gone = ids.clone();
            let logs: Vec<&str> = self.sealed.logs.iter().map(String::as_str).collect();
            Archived::note(&*store.disk, &store.root, &logs, &path, &ids)?;
            segment = Some(Segment { segment: path, added });
            compacted.archived = ids;
        }
        let after = time_after(Some(&store.manifest()), now_ms);
        let relative = layout::snapshot(store.free_snapshot(after)?);
        let (version, current) = {
            let state = store.lock();
            (state.writes(&store.options), state.manifest.current_snapshot.clone())
        };
        if let Some(list) = &self.list {
            list.add(&relative)?;
        }
        let written = store.write_view(&self.sealed.view, &relative, &current, (version, now_ms))?;
        let held = (&self.lock, self.list.as_ref());
        store.publish_sealed(gate, held, &self.sealed, (relative, written), segment, now_ms)?;
        self.done = true;
        store.renew_changed(&compacted.archived);
        for log in &self.sealed.logs {
            index_sealed(&*store.disk, &store.root, log);
        }
        // NOTE: it has taken effect, or has not, whatever becomes of the lock's file: without its kernel lock that is
        // stale, and the next compaction takes it over.
        Ok(compacted)
    }
}

impl Drop for Compaction {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut state = self.store.lock();
        state.checkpoints.upkeep = Upkeep::None;
        state.keep_showing();
        state.engine.refreeze(&self.sealed.original);
        state.take_frozen_back();
        state.unhide();
        state.tell_home_of(&self.gone);
        if let Some(agents) = &mut state.agents {
            agents.distrust();
        }
        drop(state);
        if let Some(list) = self.list.take() {
            self.store.give_up(list);
        }
    }
}
