//! Loading snapshot and logs of agents: for the first time, or anew in the place of what is in memory.

use std::path::PathBuf;

use super::identity::Identity;
use super::known_manifest::KnownManifest;
use super::log::News;
use super::logs::newest;
use super::{Agents, logs_of};
use crate::engine::{Base, Engine, Operation};
use crate::error::Result;
use crate::format::manifest::Manifest;
use crate::layout;
use crate::progress::Phase;
use crate::store::following::tail_queue::TailQueue;
use crate::store::open::{Report, load_snapshot};
use crate::store::versions::{Versions, with_schema};
use crate::store::{Followed, Skipped, State, Store};
use crate::wal::Writer;

/// Everything that a manifest names, loaded.
pub(in crate::store) struct All {
    engine: Engine,
    agents: Agents,
    bytes: u64,
    versions: Versions,
    /// The highest version of a line.
    newest: u32,
    is_scanned: bool,
    skipped: Vec<Skipped>,
}

impl Store {
    /// Loads snapshot and logs anew, in the place of what is in memory.
    pub(super) fn load_anew(
        &self,
        state: &mut State,
        manifest: &Manifest,
        is_put_back: bool,
        followed: &mut Followed,
    ) -> Result<()> {
        if state.checkpoints.upkeep.is_checkpoint() {
            // The view of a compaction under way must stay; the next look comes back to this.
            state.distrust();
            return Ok(());
        }
        let All { engine, mut agents, versions, .. } = self.load_all(state, manifest)?;
        self.go_on_telling(state, &mut agents, manifest, is_put_back)?;
        state.take_engine(engine, self.options.skip_load && !is_put_back);
        state.versions.take_snapshot(versions);
        state.agents = Some(agents);
        state.number_own_log();
        followed.reloaded = true;
        Ok(())
    }

    /// Lets logs that were loaded anew be told from where they were told before, and what was not told of those that are
    /// left behind be told as well.
    fn go_on_telling(
        &self,
        state: &mut State,
        agents: &mut Agents,
        manifest: &Manifest,
        is_put_back: bool,
    ) -> Result<()> {
        let named = logs_of(manifest);
        // Of the own log only what another hand wrote is told, and where that stands is known.
        let own = state.logs.wal.relative().to_owned();
        let found = if is_put_back { Vec::new() } else { state.following.tail_queue.take_of(&own) };
        let before = state.agents.as_mut().map(|agents| agents.logs.take(|_| true)).unwrap_or_default();
        let passed = if is_put_back {
            Vec::new()
        } else {
            self.passed_since(newest(&before), &state.manifest, manifest)?
        };
        for mut log in before {
            if let Some(again) = agents.logs.find(log.relative()) {
                again.follows(&log);
            }
            let is_named = named.contains(&log.relative());
            log.look_again(self)?;
            if is_put_back && !is_named {
                log.tell_nothing();
            }
            // Of one that counts no more there may be more than was read.
            log.leave(&mut state.following.tail_queue, if is_named { log.end() } else { u64::MAX });
        }
        state.following.tail_queue.extend(passed);
        if is_put_back {
            state.following.tail_queue.put_back(&named);
        }
        self.tell_logs(&mut state.following.tail_queue, agents)?;
        state.following.tail_queue.extend(found);
        Ok(())
    }

    /// Finds out up to where logs were told that were read before.
    fn tell_logs(&self, tail_queue: &mut TailQueue, agents: &mut Agents) -> Result<()> {
        agents.logs.iter_mut().try_for_each(|log| log.go_on_telling(tail_queue, &self.hasher))
    }

    /// Snapshot and all logs of a manifest.
    fn load_all(&self, state: &State, manifest: &Manifest) -> Result<All> {
        let mut agents = match &state.agents {
            Some(agents) => agents.unloaded(),
            None => Agents::new(Identity::reader(), KnownManifest::default()),
        };
        let snapshot = if self.options.skip_load { None } else { Some(load_snapshot(self, manifest)?) };
        let bytes = snapshot.as_ref().map_or(0, |snapshot| snapshot.bytes);
        let is_scanned = snapshot.as_ref().is_some_and(|snapshot| snapshot.scanned);
        let versions = match &snapshot {
            Some(snapshot) => Versions::of_header(snapshot.version, &self.options),
            None => self.snapshot_version(manifest)?,
        };
        let base = snapshot.map_or_else(Base::empty, |snapshot| snapshot.base);
        let is_scanned = is_scanned && !base.is_empty();
        let mut engine =
            with_schema(Engine::new(base, agents.identity.id().map(|id| &**id)), &self.options, versions);
        for relative in logs_of(manifest) {
            let version = manifest.log_version(relative, versions.snapshot);
            agents.add(relative, layout::inside(&self.root, layout::OPS, relative)?, version);
        }
        let mut news = News::default();
        let sizes = agents.logs.iter().map(|log| self.disk.info(log.path()).map_or(0, |info| info.len));
        let progress = &self.options.progress;
        progress.begin(Phase::ReadLog, sizes.sum());
        let mut read = 0;
        for log in agents.logs.iter_mut() {
            let before = news.skipped.len();
            let own = state.logs.wal.file().filter(|_| log.is(state.logs.wal.relative()));
            log.read_on(self, own, true, &mut news)?;
            let malformed = news.skipped.get(before..).unwrap_or_default();
            let offsets: Vec<u64> = malformed.iter().map(|skipped| skipped.offset).collect();
            self.refuse_malformed(log.path(), &offsets)?;
            read += log.end();
            progress.reach(read);
        }
        let newest = news.added.iter().map(|operation| operation.version).max().unwrap_or(0);
        if self.options.skip_load {
            let highest = news.added.iter().filter_map(Operation::rank).map(|rank| rank.clock).max();
            engine.see_clock(highest.unwrap_or(0));
        } else {
            engine.integrate_all(news.added).map_err(|source| self.read_failed(source))?;
        }
        engine.see_clock(manifest.clock);
        Ok(All { engine, agents, bytes, versions, newest, is_scanned, skipped: news.skipped })
    }

    /// Opens the logs of agents for reading only.
    pub(in crate::store) fn read_agents(&self, manifest: &Manifest, report: &mut Report) -> Result<()> {
        let mut state = self.lock();
        state.agents = Some(Agents::new(Identity::reader(), KnownManifest::default()));
        self.load_first(&mut state, manifest, report)
    }

    /// Loads everything for the first time.
    pub(in crate::store) fn load_first(
        &self,
        state: &mut State,
        manifest: &Manifest,
        report: &mut Report,
    ) -> Result<()> {
        let all = self.load_all(state, manifest)?;
        self.options.refuse_newer(all.newest.max(all.versions.snapshot))?;
        state.engine = all.engine;
        state.versions = all.versions;
        state.agents = Some(all.agents);
        state.number_own_log();
        state.begin_telling(self.options.skip_load);
        state.checkpoints.set_snapshot_bytes(all.bytes);
        if !self.options.skip_load {
            report.needs_migration = state.versions.snapshot < self.options.version
                || !state.engine.is_migrated().map_err(|source| self.read_failed(source))?;
            report.index_rebuilt = all.is_scanned;
        }
        report.skipped = all.skipped;
        state.note_all_written();
        state.checkpoints.departures.set(manifest.departures);
        state.manifest = manifest.clone();
        state.take_log_version();
        Ok(())
    }

    /// Snapshot and all logs of agents, for a reader of a single writer's folder that has become theirs.
    pub(in crate::store) fn load_agents(&self, state: &State, manifest: &Manifest) -> Result<All> {
        self.load_all(state, manifest)
    }

    /// Goes on with what was loaded, as a reader of agents.
    pub(in crate::store) fn go_over_to_agents(
        &self,
        state: &mut State,
        All { engine, mut agents, bytes, versions, .. }: All,
        manifest: &Manifest,
        is_put_back: bool,
    ) -> Result<()> {
        if is_put_back {
            state.following.tail_queue.put_back(&logs_of(manifest));
        }
        self.tell_logs(&mut state.following.tail_queue, &mut agents)?;
        state.logs.wal = Writer::new(PathBuf::new(), String::new(), None, 0);
        state.checkpoints.set_snapshot_bytes(bytes);
        state.agents = Some(agents);
        state.take_engine(engine, self.options.skip_load && !is_put_back);
        state.versions.take_snapshot(versions);
        state.note_all_written();
        state.checkpoints.departures.set(manifest.departures);
        Ok(())
    }
}

impl State {
    /// Puts what was loaded in the place of what is in memory.
    fn take_engine(&mut self, engine: Engine, goes_on: bool) {
        let clock = self.engine.clock();
        if goes_on {
            // What a store knows that loads nothing goes on showing: nothing else could be loaded in its place.
            let count = self.engine.operations().len();
            self.engine.forget_operations(count);
        } else {
            self.engine = engine;
        }
        self.engine.see_clock(clock);
    }

    /// The logs were loaded for the first time.
    fn begin_telling(&mut self, is_blind: bool) {
        let Some(agents) = &mut self.agents else { return };
        agents.logs.iter_mut().for_each(|log| log.begin_telling(is_blind));
    }
}
