//! Deleting history that nothing needs any more: the manifest first stops naming what goes, and says up to where logs may be
//! missing; then the files go, oldest first. A crash in between leaves files that no manifest names, and the next call deletes.
//! No checkpoint runs meanwhile, so that every file without a name in the manifest is history. Appends go on.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::timestamp::iso_into;
use crate::lock::{self, HeldLock, OsProbe};
use crate::progress::{Phase, Progress};
use crate::retention::{Deleting, Found, Hold, Limits, Pruned, plan};
use crate::store::Store;
use crate::store::checkpoint::upkeep::Upkeep;
use crate::store::open::read_manifest;
use crate::transition::folder::pruned;
use crate::{layout, publish, temporary, unpublished};

/// What is to be pruned, and how.
#[derive(Debug, Clone, Default)]
pub struct Prune {
    /// What stays.
    pub limits: Limits,
    /// Superseded snapshots and leftovers of dead processes go as well, also those of 0.8.1.
    pub with_snapshots: bool,
    /// Nothing is deleted.
    pub dry_run: bool,
    /// Another agent's compaction is not waited for: then nothing goes.
    pub at_once: bool,
    /// The time in milliseconds since the epoch.
    pub now_ms: i64,
    /// How far it has come, in files; deleting stops once it is abandoned.
    pub progress: Arc<Progress>,
}

/// Keeps checkpoints out of a single writer's folder.
struct Exclusion<'a>(&'a Store);

impl Drop for Exclusion<'_> {
    fn drop(&mut self) {
        self.0.lock().checkpoints.upkeep = Upkeep::None;
    }
}

impl Store {
    /// Deletes the history that is beyond the limits and that nothing on this machine needs. `None` while a checkpoint is under
    /// way.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_FAILED`, `OPSLOG_LOCKED`; `OPSLOG_UNSUPPORTED` without kernel locks. What is left is an unbroken end
    /// of the history.
    pub fn prune(&self, prune: &Prune) -> Result<Option<Pruned>> {
        if self.disk.lacks().contains(&"kernel-locks") {
            let source = std::io::ErrorKind::Unsupported.into();
            return Err(Error::history_lock(&self.path(layout::OPS), source));
        }
        if self.options.read_only && prune.dry_run {
            let manifest = read_manifest(&*self.disk, &self.root)?.ok_or(Error::NoStore)?;
            let found = Found::look(&*self.disk, &self.root, &manifest)?;
            return Ok(Some(self.choose(found, &manifest, prune)?.0.all()));
        }
        if self.gate.is_some() {
            return self.prune_among_agents(prune);
        }
        {
            let mut state = self.lock();
            state.writable()?;
            if !state.checkpoints.upkeep.is_free() {
                return Ok(None);
            }
            if !state.lock.as_ref().map_or(Ok(false), HeldLock::is_still_ours)? {
                return Err(Error::Failed("the lock file was taken away".into()));
            }
            state.checkpoints.upkeep = Upkeep::Prune;
        }
        let _exclusion = Exclusion(self);
        let manifest = self.manifest();
        let found = Found::look(&*self.disk, &self.root, &manifest)?;
        let (mut deleting, next) = self.choose(found, &manifest, prune)?;
        if let Some(next) = next.filter(|_| !prune.dry_run) {
            let path = self.path(layout::MANIFEST);
            publish::replace(&*self.disk, &path, next.print().as_bytes()).map_err(Error::from)?;
            self.lock().manifest = next;
        }
        self.delete(&mut deleting, prune).map(Some)
    }

    fn prune_among_agents(&self, prune: &Prune) -> Result<Option<Pruned>> {
        let Some(gate) = &self.gate else { return Ok(None) };
        let Some(_compaction) = self.keep_compactions_out(prune.at_once)? else { return Ok(None) };
        let known = read_manifest(&*self.disk, &self.root)?.ok_or(Error::NoStore)?;
        let mut found = Found::look(&*self.disk, &self.root, &known)?;
        let mut deleting = {
            let exclusive = gate.exclusive()?;
            let followed = self.look_alone(&exclusive)?;
            self.lock().following.came_upon(followed);
            self.lock().writable()?;
            let current = read_manifest(&*self.disk, &self.root)?.ok_or(Error::NoStore)?;
            found.forget_named(&current);
            let (deleting, next) = self.choose(found, &current, prune)?;
            if let Some(next) = next.filter(|_| !prune.dry_run) {
                self.publish_alone(&exclusive, next)?;
            }
            deleting
        };
        self.delete(&mut deleting, prune).map(Some)
    }

    /// Takes the lock around a compaction. `None` if another agent has it and is not to be waited for.
    fn keep_compactions_out(&self, at_once: bool) -> Result<Option<HeldLock>> {
        if !at_once {
            return self.wait_for_compaction_lock().map(Some);
        }
        match lock::acquire(&self.disk, &self.root, layout::COMPACT_LOCK, std::process::id(), &OsProbe) {
            Err(Error::CompactionLocked { .. } | Error::Locked { .. }) => Ok(None),
            acquired => acquired.map(Some),
        }
    }

    /// Chooses what goes, as far as nothing claims it, and what the manifest says then, if that is something else.
    fn choose<'a>(
        &'a self,
        found: Found,
        manifest: &Manifest,
        prune: &Prune,
    ) -> Result<(Deleting<'a>, Option<Manifest>)> {
        let mut now = Vec::new();
        iso_into(&mut now, prune.now_ms);
        let orphans = if prune.with_snapshots { found.orphans.clone() } else { Vec::new() };
        let chosen =
            plan(found, manifest, &prune.limits, &String::from_utf8_lossy(&now), prune.with_snapshots);
        let deleting = Deleting::new(&*self.disk, &self.root, chosen, orphans)?;
        let plan = deleting.plan();
        let next = pruned(manifest, |path| plan.has_snapshot(path), plan.newest.clone());
        Ok((deleting, (next != *manifest).then_some(next)))
    }

    fn delete(&self, deleting: &mut Deleting<'_>, prune: &Prune) -> Result<Pruned> {
        prune.progress.begin(Phase::Prune, deleting.files());
        if prune.dry_run {
            return Ok(deleting.all());
        }
        let mut pruned = Pruned::default();
        while !prune.progress.is_abandoned() && deleting.step(&mut pruned)? {
            prune.progress.reach(pruned.files);
        }
        if prune.with_snapshots {
            self.remove_leftovers();
        }
        Ok(pruned)
    }

    /// Removes temporary files that no process has locked, and what a killed process had named and not published.
    fn remove_leftovers(&self) {
        temporary::remove_left(&*self.disk, &self.root);
        if self.gate.is_none() {
            unpublished::remove_left(&*self.disk, &self.root, Some(&self.manifest()));
        }
    }

    /// Keeps a log and all history behind it from being pruned. `None` if it is gone.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn hold(&self, relative: &str) -> Result<Option<Hold>> {
        layout::inside(&self.root, layout::OPS, relative)?;
        Hold::take(&*self.disk, &self.root, relative)
    }
}
