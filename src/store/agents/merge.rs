//! The second half of a compaction: what was sealed is written as a snapshot, which takes the place of the sealed logs. The folder's lock is
//! held alone from the plan until memory has gone over.

use std::sync::Arc;

use super::compact::{ArchiveRequest, Compacted};
use super::logs_of;
use super::seal::Frozen;
use crate::engine::Id;
use crate::error::{Error, Result};
use crate::format::manifest::{Descent, Generation, Manifest};
use crate::gate::Exclusive;
use crate::history::{Archived, index_sealed};
use crate::layout;
use crate::lock::HeldLock;
use crate::publish::Unnamed;
use crate::rules::archives::may_move;
use crate::sequence::checkpoint::{Moment, Plan, Publication, Steps, Unpublished as Failed};
use crate::snapshot::Written;
use crate::store::Store;
use crate::store::checkpoint::upkeep::Upkeep;
use crate::store::names::time_after;
use crate::store::open::read_manifest;
use crate::store::versions::{Versions, former_version};
use crate::transition::folder::{self as transition, Archived as Segment, Snapshot};
use crate::unpublished::Unpublished;

/// The steps after the seal.
pub(super) struct Merge {
    store: Arc<Store>,
    /// NOTE: its file goes when this is dropped. A compaction has taken effect, or has not, whatever becomes of that file: without its
    /// kernel lock it is stale, and the next compaction takes it over.
    lock: HeldLock,
    frozen: Frozen,
    archive: Option<ArchiveRequest>,
    left_out: LeftOut,
    files: Files,
    /// The folder's lock, while the manifest is changed.
    alone: Option<Exclusive<'static>>,
    now_ms: i64,
}

/// What goes to an archive.
#[derive(Default)]
struct LeftOut {
    ids: Vec<Id>,
    segment: Option<Segment>,
    /// Whether the records left memory.
    are_gone: bool,
}

/// Its files until the manifest names them, and those that it names no more.
struct Files {
    /// `None` once the manifest names them.
    list: Option<Unpublished>,
    superseded: Vec<String>,
}

/// The next manifest, and the number of changes of the manifest with it once it is published.
pub(super) struct Next<C> {
    manifest: Manifest,
    count: C,
}

impl Merge {
    pub(super) fn new(
        store: &Arc<Store>,
        (lock, list): (HeldLock, Option<Unpublished>),
        frozen: Frozen,
        archive: Option<ArchiveRequest>,
        now_ms: i64,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            lock,
            frozen,
            archive,
            left_out: LeftOut::default(),
            files: Files { list, superseded: Vec::new() },
            alone: None,
            now_ms,
        }
    }
}

impl Steps for Merge {
    type Error = Error;
    type Snapshot = (String, Written);
    type Plan = Next<()>;
    type Published = Next<u64>;
    type Made = Compacted;

    /// They go to the logs that the seal has given.
    fn changes_go_on(&self) -> bool {
        true
    }

    async fn check(&mut self) -> Result<()> {
        if self.store.needs_migration()? {
            return Err(Error::Failed("records are still to be migrated".into()));
        }
        // What was migrated since the seal is in it.
        self.frozen.view = self.store.lock().engine.frozen_view();
        Ok(())
    }

    async fn write_segment(&mut self) -> Result<bool> {
        let Some(request) = self.archive.take() else { return Ok(false) };
        let mut texts = Vec::new();
        for (id, chosen) in request.records {
            let text = self.frozen.view.get(&id).map_err(|source| self.store.read_failed(source))?;
            let Some(text) = text else { continue };
            let now = text.read().map_err(|source| self.store.read_failed(source))?;
            if may_move(Some(&now), &chosen) {
                drop(now);
                self.left_out.ids.push(Arc::clone(&id));
                texts.push((id, Some(text)));
            }
        }
        let (segment, added) = self.store.write_segment(texts, &request.period, self.now_ms)?;
        self.left_out.segment = Some(Segment { segment, added });
        Ok(true)
    }

    async fn note_archived(&mut self) -> Result<()> {
        let Some(archived) = &self.left_out.segment else { return Ok(()) };
        let logs: Vec<&str> = self.frozen.logs.iter().map(String::as_str).collect();
        Archived::note(&*self.store.disk, &self.store.root, &logs, &archived.segment, &self.left_out.ids)
    }

    fn leave_out(&mut self) -> Result<()> {
        self.frozen.view = self.store.leave_out(&self.frozen.view, &self.left_out.ids)?;
        self.left_out.are_gone = true;
        Ok(())
    }

    /// The seal has made it.
    async fn attach_next_log(&mut self, _: Option<&(String, Written)>) -> Result<()> {
        Ok(())
    }

    async fn write_snapshot(&mut self) -> Result<(String, Written)> {
        let after = time_after(Some(&self.store.manifest()), self.now_ms);
        let relative = layout::snapshot(self.store.free_snapshot(after)?);
        let (version, current) = {
            let state = self.store.lock();
            (state.writes(&self.store.options), state.manifest.current_snapshot.clone())
        };
        if let Some(list) = &self.files.list {
            list.add(&relative)?;
        }
        let view = &self.frozen.view;
        let written = self.store.write_view(view, &relative, &current, (version, self.now_ms))?;
        Ok((relative, written))
    }

    async fn plan(&mut self, (path, _): &(String, Written)) -> Result<Plan<Next<()>, Next<u64>>> {
        let store = &self.store;
        let Some(gate) = &store.gate else { return Err(Error::AgentFolder) };
        self.alone = Some(gate.kept()?);
        // Others may have registered since the seal.
        let current = read_manifest(&*store.disk, &store.root)?.ok_or(Error::NoStore)?;
        if !self.lock.is_still_ours()? {
            return Err(Error::Failed("the compaction lock was taken away".into()));
        }
        self.frozen.must_lead_to(&current)?;
        let (before, version, departures) = {
            let state = store.lock();
            (state.versions.snapshot, state.writes(&store.options), state.checkpoints.departures.now())
        };
        let logs = &self.frozen.logs;
        let snapshot = Snapshot {
            path,
            version,
            former: former_version(logs.iter(), (before, version)),
            records: self.frozen.view.count() as u64,
            now_ms: self.now_ms,
            departures,
            migrates: self.frozen.migrates,
            archived: self.left_out.segment.as_ref(),
        };
        let is_empty = |log: &str| store.disk.info(&store.root.join(log)).is_ok_and(|info| info.len == 0);
        let came = Generation::new(Vec::new());
        let (manifest, gone) = transition::published(&current, &snapshot, logs, (before, is_empty), came);
        self.files.superseded = store.superseded_files(&gone, &current);
        if let Some(list) = &self.files.list {
            list.add_superseded(&[self.files.superseded.as_slice(), logs].concat())?;
        }
        Ok(Plan::Publish(Next { manifest, count: () }))
    }

    async fn publish(
        &mut self,
        Next { manifest, .. }: Next<()>,
        moment: &mut Moment,
    ) -> Result<Publication<Next<u64>>, Failed<Error>> {
        let Some(alone) = &self.alone else { return Err(Failed::Not(Error::AgentFolder)) };
        moment.is_here();
        match self.store.change_manifest(alone, &manifest) {
            Ok(count) => Ok(Publication::InForce(Next { manifest, count })),
            Err(Unnamed { error, is_uncertain: true }) => Err(Failed::Uncertain(error)),
            Err(Unnamed { error, .. }) => Err(Failed::Not(error)),
        }
    }

    async fn go_over(
        &mut self,
        Next { manifest: next, count }: Next<u64>,
        (_, written): (String, Written),
    ) -> Result<()> {
        let (store, logs) = (&self.store, &self.frozen.logs);
        let mut state = store.lock();
        let version = state.writes(&store.options);
        state.checkpoints.departures.set(next.departures);
        let freed = state.engine.rebase(written.base, version);
        state.checkpoints.set_snapshot_bytes(written.bytes);
        state.checkpoints.upkeep = Upkeep::None;
        state.drop_logs(logs);
        state.versions.take_snapshot(Versions::of_manifest(&next));
        // NOTE: an agent may have registered since the seal. This manifest is known from now on, and so must be its log: the
        // next look asks only for logs that came later.
        for relative in logs_of(&next) {
            store.add_log(&mut state, relative, next.log_version(relative, version))?;
        }
        state.take_log_versions(&next, version);
        state.knows(next, count, store);
        drop(state);
        self.alone = None;
        drop(freed);
        Ok(())
    }

    async fn clear_away(&mut self) -> Compacted {
        self.store.remove_superseded(&self.files.superseded);
        self.store.remove_empty_logs(&self.frozen.logs);
        let archived = std::mem::take(&mut self.left_out.ids);
        self.store.renew_changed(&archived);
        for log in &self.frozen.logs {
            index_sealed(&*self.store.disk, &self.store.root, log);
        }
        Compacted { archived }
    }

    fn take_back(&mut self) {
        self.alone = None;
        let mut state = self.store.lock();
        state.keep_showing();
        state.count_frozen_again(&self.frozen.original);
        state.unhide();
        state.tell_home_of(if self.left_out.are_gone { &self.left_out.ids } else { &[] });
        if let Some(agents) = &mut state.agents {
            agents.distrust();
        }
        drop(state);
        if let Some(list) = self.files.list.take() {
            self.store.give_up(list);
        }
    }

    /// The next look finds out which manifest is in force; what that names does not go.
    fn stop(&mut self) {
        self.take_back();
    }

    fn uncertain(&mut self, error: Error) -> Error {
        self.alone = None;
        // What others see by now, or the next look of this agent's, may be that it took effect.
        match &self.left_out.segment {
            Some(_) => self.store.lock().uncertain("an archive", "it was stopped at its end", &error),
            None => error,
        }
    }
}

impl Frozen {
    /// Refuses a manifest that did not come from the seal: what was sealed is not what that folder holds.
    fn must_lead_to(&self, current: &Manifest) -> Result<()> {
        let is_of_agents = current.active_agent_ops.is_some();
        if is_of_agents && current.descent_from(&self.manifest) != Descent::Diverges {
            return Ok(());
        }
        Err(Error::Failed("the folder was put back to another state during the compaction".into()))
    }
}

impl Store {
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
}
