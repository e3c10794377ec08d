//! A compaction among agents, as callers begin and finish it; the order of its steps is in [`crate::sequence::compaction`]. It SEALS: with
//! the folder's lock held alone it gives every agent a new WAL and keeps the old ones as extra entries (`seal`). Then, without the lock, it
//! writes the merged state as a snapshot. Then it PUBLISHES: with the lock again, it names the snapshot and drops the sealed WALs (`merge`).
//! Whatever an agent logs after the seal has a clock above all that was sealed, so it sorts behind the snapshot.

use std::sync::Arc;
use std::time::Duration;

use super::known_manifest::KnownManifest;
use super::merge::Merge;
use super::seal::Sealing;
use crate::engine::Id;
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::gate::Exclusive;
use crate::layout;
use crate::lock::{self, HeldLock, OsProbe};
use crate::patience::{Patience, rest};
use crate::retention::remove_unless_held;
use crate::sequence::checkpoint::Attempt;
use crate::sequence::compaction::{self, Begun as Sealed};
use crate::sequence::complete;
use crate::store::Store;
use crate::store::checkpoint::{overtaken, waits};
use crate::store::open::read_manifest;
use crate::transition::folder as transition;
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

    /// Another agent compacts: how long to pause before the next attempt. `None` once patience ends.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let pause = self.patience.next_pause(self.times)?;
        self.times += 1;
        Some(pause)
    }

    pub(super) fn take_archive(&mut self) -> Option<ArchiveRequest> {
        self.archive.take()
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
    attempt: Attempt<Merge>,
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
        wanted: WantedCompaction,
        if_due: bool,
    ) -> Result<Begun> {
        if self.gate.is_none() {
            return Ok(Begun::NotNeeded);
        }
        let mut sealing = Sealing::new(self, wanted, if_due, now_ms);
        Ok(match complete(compaction::begin(&mut sealing), waits)? {
            Sealed::Sealed(attempt) => Begun::Compaction(Box::new(Compaction { attempt })),
            Sealed::NotNeeded => Begun::NotNeeded,
            Sealed::Held => sealing.tried_again(),
        })
    }

    /// Removes the files that no manifest has come to name.
    pub(super) fn give_up(&self, list: Unpublished) {
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
    pub(super) fn is_compacted(&self) -> Result<bool> {
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

    pub(super) fn try_compaction_lock(&self) -> Result<HeldLock> {
        let pid = std::process::id();
        lock::acquire(&self.disk, &self.root, layout::COMPACT_LOCK, pid, &OsProbe)
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

    pub(super) fn drop_logs(&mut self, relatives: &[String]) {
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
    pub fn finish(self) -> Result<Compacted> {
        complete(self.attempt.run(), waits)?.ok_or_else(overtaken)
    }
}
