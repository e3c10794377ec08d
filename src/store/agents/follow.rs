//! Reading what other agents wrote. The cost is that of what is new: each log is read from where it was left,
//! and an operation that belongs before others takes only those back and applies them again.

use std::collections::HashSet;
use std::sync::Arc;

use super::log::News;
use super::{Agents, Log, logs_of, own_path};
use crate::disk::FileInfo;
use crate::engine::{Base, Engine, Operation, Rank};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::parse_line;
use crate::format::versions::version_of;
use crate::gate::{Exclusive, Shared};
use crate::layout;
use crate::order;
use crate::progress::Phase;
use crate::store::open::{Report, load_snapshot, open_own_wal, parse_manifest, read_manifest};
use crate::store::versions::{Versions, with_schema};
use crate::store::{Followed, State, Store};

/// Proof that the manifest cannot change meanwhile; a reader has none and may see it change.
pub(super) enum Held<'g> {
    Shared(&'g Shared<'g>),
    Exclusive(&'g Exclusive<'g>),
    Nothing,
}

impl Store {
    /// Catches up with the other agents, waiting for the folder's lock.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` when somebody holds the lock and does not let go; `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn catch_up(&self) -> Result<Followed> {
        let Some(gate) = &self.gate else { return self.look(&Held::Nothing) };
        let mut followed = {
            let shared = gate.shared()?;
            self.look(&Held::Shared(&shared))?
        };
        if !self.is_registered() {
            let exclusive = gate.exclusive()?;
            self.register(&exclusive)?;
            followed.append(self.look(&Held::Exclusive(&exclusive))?);
        }
        Ok(followed)
    }

    /// Loads the current snapshot if a compaction has made what is in memory heavy, or departed from it: see
    /// [`Followed::outdated`]. Reads and writes go on meanwhile: no lock is held while the file is read.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`; what is in memory stays then.
    pub fn renew(&self) -> Result<Followed> {
        let mut followed = Followed::default();
        let manifest = {
            let state = self.lock();
            if !state.is_outdated() {
                return Ok(followed);
            }
            state.manifest.clone()
        };
        let loaded = match load_snapshot(self, &manifest) {
            // Superseded by now, if the manifest says so: the next look finds the newer one.
            Err(error) if error.is_missing_file() => {
                let current = read_manifest(&*self.disk, &self.root)?;
                if current.is_none_or(|current| current.current_snapshot == manifest.current_snapshot) {
                    return Err(error);
                }
                followed.outdated = true;
                return Ok(followed);
            }
            loaded => loaded?,
        };
        let mut state = self.lock_without_batch()?;
        if state.manifest.current_snapshot != manifest.current_snapshot || state.checkpointing {
            followed.outdated = !state.checkpointing;
            return Ok(followed);
        }
        let agent = state.agents.as_ref().and_then(|agents| agents.id.clone());
        state.versions.take_snapshot(Versions::of_header(loaded.version, &self.options));
        let engine = Engine::new(loaded.base, agent.as_deref());
        let mut engine = with_schema(engine, &self.options, state.versions);
        let operations = state.engine.operations().to_vec();
        engine.integrate(operations, &[]).map_err(|source| self.read_failed(source))?;
        engine.see_clock(state.engine.clock());
        let old = std::mem::replace(&mut state.engine, engine);
        state.snapshot_bytes = loaded.bytes;
        state.buffered = state.engine.operations().len();
        if let Some(agents) = &mut state.agents {
            agents.outdated = false;
        }
        drop(state);
        drop(old);
        followed.reloaded = true;
        Ok(followed)
    }

    /// Catches up, and registers again if need be, for somebody who has the lock alone.
    pub(in crate::store) fn look_alone(&self, exclusive: &Exclusive<'_>) -> Result<Followed> {
        self.register(exclusive)?;
        self.look(&Held::Exclusive(exclusive))
    }

    /// Whether nothing has changed since the last look. `false` as well when somebody must be waited for.
    pub(in crate::store) fn are_agents_quiet(&self, state: &State) -> Result<bool> {
        let Some(agents) = state.agents.as_ref().filter(|agents| !agents.stale && !agents.outdated) else {
            return Ok(false);
        };
        let shared = match &self.gate {
            None => None,
            Some(gate) => match gate.try_shared()? {
                Some(shared) if self.is_current(agents, shared.count())? => Some(shared),
                _ => return Ok(false),
            },
        };
        let is_own = |log: &Log| shared.is_some() && log.relative == state.wal.relative();
        if self.manifest_text()? != state.manifest_text {
            return Ok(false);
        }
        for log in agents.logs.iter().filter(|log| !is_own(log)) {
            if !log.is_quiet(self)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_registered(&self) -> bool {
        let state = self.lock();
        self.options.agent.as_ref().is_none_or(|agent| own_path(&state.manifest, agent).is_some())
    }

    /// Reads manifest and logs and takes in what is new.
    pub(super) fn look(&self, held: &Held<'_>) -> Result<Followed> {
        let mut followed = Followed::default();
        for _ in 0..100 {
            // Looked at before it is read: a change in between is then seen next time.
            let file = self.manifest_file();
            let text = self.manifest_text()?;
            let manifest = parse_manifest(&self.root, &text)?;
            let taken = self.take_in(&manifest, file, held, &mut followed);
            if taken.is_ok() {
                self.lock().manifest_text = text;
                return Ok(followed);
            }
            // NOTE: some logs may have been read and others not: what is in memory cannot be gone on from.
            self.distrust(std::mem::take(&mut followed));
            match taken {
                // A reader holds no lock: what the manifest names may be superseded by now.
                Err(error) if error.is_missing_file() && matches!(held, Held::Nothing) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(followed),
            }
        }
        Err(Error::corrupt(
            &self.root.join(layout::MANIFEST),
            None,
            "the manifest names files that are missing",
        ))
    }

    /// Has everything loaded anew at the next look; what was taken in before is told then.
    pub(super) fn distrust(&self, followed: Followed) {
        let mut state = self.lock();
        state.foreign.push(followed);
        // Nothing of an agent's waits to be written, however many operations are left in memory.
        state.buffered = state.engine.operations().len();
        if let Some(agents) = &mut state.agents {
            agents.stale = !self.options.skip_load;
        }
    }

    fn take_in(
        &self,
        next: &Manifest,
        file: Option<FileInfo>,
        held: &Held<'_>,
        followed: &mut Followed,
    ) -> Result<()> {
        let mut state = self.lock_without_batch()?;
        let is_published = next.current_snapshot != state.manifest.current_snapshot;
        let versions = if is_published { Versions::of_manifest(next) } else { state.versions };
        // Logs that were sealed, and now published, are read to their end before they are let go; and so are
        // those that came and went between two looks.
        if is_published && !state.is_stale() && may_have_passed(&state.manifest, next) {
            self.add_passed_logs(&mut state, next)?;
        }
        for relative in logs_of(next) {
            self.add_log(&mut state, relative, versions.snapshot)?;
        }
        state.take_log_versions(next, versions.snapshot);
        let news = state.read_news(self)?;
        let newest = news.added.iter().map(|operation| operation.version).max().unwrap_or(0);
        state.look_for_newer(&self.options, newest.max(versions.snapshot));
        if self.options.skip_load {
            let highest = news.added.iter().filter_map(Operation::rank).map(|rank| rank.clock).max();
            state.engine.see_clock(highest.unwrap_or(0));
        } else if !state.is_stale() {
            followed.take(&news)?;
            let changed = state
                .engine
                .integrate(news.added, &news.removed)
                .map_err(|source| self.read_failed(source))?;
            followed.undone += news.removed.len();
            followed.removed.extend(news.removed);
            followed.reordered |= !changed.is_empty();
            followed.changed.extend(changed);
            followed.skipped.extend(news.skipped);
        }
        let departed = versions.snapshot != state.versions.snapshot
            || next.departures != state.manifest.departures
            || next.archive_segments != state.manifest.archive_segments
            || next.stats.archived_records != state.manifest.stats.archived_records;
        let heavy = is_published && state.engine.overlaid() > 1000.max(state.engine.count() / 4);
        if is_published && !state.is_stale() {
            let in_order = state.let_published_go(next);
            if let Some(agents) = &mut state.agents {
                agents.stale = !in_order && !self.options.skip_load;
            }
        }
        state.versions.take_snapshot(versions);
        state.engine.see_clock(next.clock);
        self.go_to_own_log(&mut state, next)?;
        let count = match held {
            Held::Shared(shared) => shared.count(),
            Held::Exclusive(exclusive) => exclusive.count(),
            Held::Nothing => Ok(0),
        };
        let count = count.map_err(|source| Error::io("read", &layout::room(&self.root), source))?;
        if !self.options.skip_load && state.is_stale() {
            self.load_anew(&mut state, next, followed)?;
        }
        state.number_own_log();
        if let Some(agents) = &mut state.agents {
            agents.outdated |= !self.options.skip_load && is_published && (departed || heavy);
            agents.count = count;
            agents.manifest_file = file;
        }
        state.buffered = state.engine.operations().len();
        state.departures = state.departures.max(next.departures);
        state.manifest = next.clone();
        state.take_log_version();
        followed.outdated = state.is_outdated();
        Ok(())
    }

    /// Loads snapshot and logs anew, in the place of what is in memory.
    pub(super) fn load_anew(
        &self,
        state: &mut State,
        manifest: &Manifest,
        followed: &mut Followed,
    ) -> Result<()> {
        if state.checkpointing {
            // The view of a compaction under way must stay; the next look comes back to this.
            if let Some(agents) = &mut state.agents {
                agents.stale = true;
            }
            return Ok(());
        }
        let All { engine, agents, versions, .. } = self.load_all(state, manifest)?;
        let known: HashSet<(u64, Arc<[u8]>)> = state
            .engine
            .operations()
            .iter()
            .filter_map(|operation| Some(rank_key(operation.rank()?)))
            .collect();
        if state.is_stale() {
            for operation in engine.operations() {
                if operation.rank().is_some_and(|rank| !known.contains(&rank_key(rank))) {
                    followed.add_operation(operation)?;
                }
            }
        }
        let clock = state.engine.clock();
        state.engine = engine;
        state.engine.see_clock(clock);
        state.versions.take_snapshot(versions);
        state.agents = Some(agents);
        state.number_own_log();
        followed.reloaded = true;
        Ok(())
    }

    /// Snapshot and all logs of a manifest.
    fn load_all(&self, state: &State, manifest: &Manifest) -> Result<All> {
        let mut agents = match &state.agents {
            Some(agents) => agents.clone_identity(),
            None => Agents::new(None, None),
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
        let mut engine = with_schema(Engine::new(base, agents.id.as_deref()), &self.options, versions);
        for relative in logs_of(manifest) {
            let version = manifest.log_version(relative, versions.snapshot);
            agents.add(relative, layout::inside(&self.root, layout::OPS, relative)?, version);
        }
        let mut news = News::default();
        let sizes = agents.logs.iter().map(|log| self.disk.info(&log.path).map_or(0, |info| info.len));
        let progress = &self.options.progress;
        progress.begin(Phase::ReadLog, sizes.sum());
        let mut read = 0;
        for log in &mut agents.logs {
            let before = news.skipped.len();
            log.read_on(self, state.wal.file().filter(|_| log.relative == state.wal.relative()), &mut news)?;
            self.refuse_malformed(&log.path, news.skipped.get(before..).unwrap_or_default())?;
            read += log.end;
            progress.reach(read);
        }
        let newest = news.added.iter().map(|operation| operation.version).max().unwrap_or(0);
        if self.options.skip_load {
            let highest = news.added.iter().filter_map(Operation::rank).map(|rank| rank.clock).max();
            engine.see_clock(highest.unwrap_or(0));
        } else {
            engine.integrate(news.added, &[]).map_err(|source| self.read_failed(source))?;
        }
        engine.see_clock(manifest.clock);
        Ok(All { engine, agents, bytes, versions, newest, is_scanned, skipped: news.skipped })
    }

    /// Loads everything for the first time.
    pub(super) fn load_first(
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
        state.snapshot_bytes = all.bytes;
        if !self.options.skip_load {
            report.needs_migration = state.versions.snapshot < self.options.version
                || !state.engine.is_migrated().map_err(|source| self.read_failed(source))?;
            report.index_rebuilt = all.is_scanned;
        }
        report.skipped = all.skipped;
        state.buffered = state.engine.operations().len();
        state.departures = manifest.departures;
        state.manifest = manifest.clone();
        state.take_log_version();
        Ok(())
    }

    /// Adds a log that is to be read. `version` is that of lines without a mark.
    pub(super) fn add_log(&self, state: &mut State, relative: &str, version: u32) -> Result<()> {
        let path = layout::inside(&self.root, layout::OPS, relative)?;
        let own = state.wal.relative() == relative;
        if let Some(agents) = &mut state.agents
            && !agents.logs.iter().any(|log| log.relative == relative)
        {
            let number = agents.add(relative, path, version);
            // What is in the own log by now was written by this store and needs no reading.
            if own && let Some(log) = agents.logs.iter_mut().find(|log| log.number == number) {
                log.end = state.wal.len();
            }
        }
        Ok(())
    }

    /// Adds logs that no manifest of those seen names: they were created, sealed and published in between.
    fn add_passed_logs(&self, state: &mut State, next: &Manifest) -> Result<()> {
        let newest =
            |names: &mut dyn Iterator<Item = &str>| names.filter_map(layout::agent_milliseconds).max();
        let Some(agents) = &state.agents else { return Ok(()) };
        let from = newest(&mut agents.logs.iter().map(|log| log.relative.as_str())).unwrap_or(0);
        let named = logs_of(next);
        // NOTE: a reader holds no lock, so logs may have been created since the manifest was read. These have later
        // times than all that it names, and belong to the next look.
        let to = newest(&mut named.iter().copied()).unwrap_or(u64::MAX);
        let folder = self.root.join(layout::OPS);
        let names = self.disk.list(&folder).map_err(|source| Error::io("scandir", &folder, source))?;
        for name in names {
            let relative = format!("{}/{name}", layout::OPS);
            let is_passed = layout::agent_milliseconds(&name).is_some_and(|ms| ms > from && ms < to);
            if is_passed && !named.contains(&relative.as_str()) {
                // What they say is in the snapshot by now, whatever version they were of.
                self.add_log(state, &relative, version_of(next.version))?;
            }
        }
        Ok(())
    }

    /// Opens the agent's new WAL when a compaction has sealed the one it had.
    fn go_to_own_log(&self, state: &mut State, manifest: &Manifest) -> Result<()> {
        let Some(agent) = &self.options.agent else { return Ok(()) };
        if self.options.read_only {
            return Ok(());
        }
        match own_path(manifest, agent) {
            Some(path) if path == state.wal.relative() => Ok(()),
            Some(path) => {
                state.go_over_to(open_own_wal(self, path)?, &self.root);
                Ok(())
            }
            // A compaction of a 0.8.1 has dropped this agent: it registers again before it writes.
            None => Ok(()),
        }
    }
}

/// Whether logs can have come and gone between two manifests. For that one must have named them, a seal and a publication
/// must have followed, and each of these three counts a generation. A 0.8.1 counts none, and forgets what was superseded.
fn may_have_passed(known: &Manifest, next: &Manifest) -> bool {
    let is_next = next.superseded.last().is_some_and(|(snapshot, _)| *snapshot == known.current_snapshot);
    let generations = known.generation..known.generation.saturating_add(3);
    !is_next || !generations.contains(&next.generation)
}

/// Everything that a manifest names, loaded.
struct All {
    engine: Engine,
    agents: Agents,
    bytes: u64,
    versions: Versions,
    /// The highest version of a line.
    newest: u32,
    is_scanned: bool,
    skipped: Vec<u64>,
}

impl Agents {
    fn clone_identity(&self) -> Self {
        Self {
            id: self.id.clone(),
            _held: self._held.clone(),
            count: self.count,
            manifest_file: self.manifest_file,
            logs: Vec::new(),
            next_log: self.next_log,
            own: 0,
            stale: false,
            outdated: false,
            hidden: self.hidden.clone(),
        }
    }
}

impl State {
    pub(super) fn is_outdated(&self) -> bool {
        self.agents.as_ref().is_some_and(|agents| agents.outdated)
    }

    pub(super) fn is_stale(&self) -> bool {
        self.agents.as_ref().is_some_and(|agents| agents.stale)
    }

    /// Takes note of the versions of all logs that a manifest names.
    pub(super) fn take_log_versions(&mut self, manifest: &Manifest, snapshot: u32) {
        let named = logs_of(manifest);
        for log in self.agents.iter_mut().flat_map(|agents| &mut agents.logs) {
            if named.contains(&log.relative.as_str()) {
                log.version = manifest.log_version(&log.relative, snapshot);
            }
        }
    }

    /// Reads all logs on from where they were left.
    fn read_news(&mut self, store: &Store) -> Result<News> {
        let mut news = News::default();
        let own = self.wal.relative().to_owned();
        let own_len = self.wal.len();
        if let Some(agents) = &mut self.agents {
            let own_agent = agents.id.clone();
            for log in &mut agents.logs {
                if log.relative == own && own_agent.is_some() {
                    log.end = own_len;
                } else {
                    log.read_on(store, None, &mut news)?;
                }
            }
        }
        Ok(news)
    }

    /// Lets logs go whose operations are in the snapshot of a manifest, and the operations with them. `false` if one
    /// of these stands among later ones: a log of a process that does not keep the protocol.
    fn let_published_go(&mut self, manifest: &Manifest) -> bool {
        let named = logs_of(manifest);
        let Some(agents) = &mut self.agents else { return true };
        let (stay, go): (Vec<Log>, Vec<Log>) = std::mem::take(&mut agents.logs)
            .into_iter()
            .partition(|log| named.contains(&log.relative.as_str()));
        agents.logs = stay;
        let gone: HashSet<u32> = go.iter().map(|log| log.number).collect();
        let is_gone = |operation: &Operation| match &operation.origin {
            None => true,
            Some(origin) => gone.contains(&origin.log),
        };
        let count = self.engine.operations().iter().take_while(|operation| is_gone(operation)).count();
        self.engine.forget_operations(count);
        !self.engine.operations().iter().any(is_gone)
    }
}

impl Followed {
    fn take(&mut self, news: &News) -> Result<()> {
        let mut added: Vec<&Operation> = news.added.iter().collect();
        order::sort_by(&mut added, |one, other| one.rank().cmp(&other.rank()));
        for operation in added {
            self.add_operation(operation)?;
        }
        Ok(())
    }

    fn add_operation(&mut self, operation: &Operation) -> Result<()> {
        let line = operation.line.read().map_err(|source| Error::io("read", "ops".as_ref(), source))?;
        if let Ok(parsed) = parse_line(&line) {
            self.add(&line, &parsed);
        }
        Ok(())
    }
}

fn rank_key(rank: &Rank) -> (u64, Arc<[u8]>) {
    (rank.clock, Arc::clone(&rank.agent))
}
