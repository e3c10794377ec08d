//! Reading what other agents wrote. The cost is that of what is new: each log is read from where it was left,
//! and an operation that belongs before others takes only those back and applies them again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::known_manifest::KnownManifest;
use super::log::{Log, News};
use super::{Agents, logs_of, own_path};
use crate::disk::FileInfo;
use crate::engine::{Engine, Id, Operation, Rank};
use crate::error::{Error, Result};
use crate::format::manifest::{Descent, Manifest};
use crate::format::versions::version_of;
use crate::gate::{Exclusive, Gate, Shared};
use crate::layout;
use crate::rules::snapshots::is_superseded;
use crate::store::following::telling::LiveLog;
use crate::store::locked::Locked;
use crate::store::open::{Report, load_snapshot, open_own_wal, parse_manifest, read_manifest};
use crate::store::versions::{Versions, with_schema};
use crate::store::{Followed, State, Store};

/// So many bytes of others are read while an append waits.
const MUCH: u64 = 64 << 10;
/// And so many soon after an append.
const MUCH_SOON: u64 = 32 << 10;

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
    /// `OPSLOG_LOCKED` when another process holds the lock and does not let go; `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn catch_up(&self) -> Result<Followed> {
        let Some(gate) = &self.gate else { return self.look(&Held::Nothing) };
        let shared = gate.shared()?;
        self.catch_up_within(gate, shared)
    }

    /// As [`Store::catch_up`], with the folder's lock.
    fn catch_up_within(&self, gate: &Gate, shared: Shared<'_>) -> Result<Followed> {
        let mut followed = self.look(&Held::Shared(&shared))?;
        drop(shared);
        if !self.is_registered() {
            let exclusive = gate.exclusive()?;
            self.register_again(&exclusive)?;
            followed.append(self.look(&Held::Exclusive(&exclusive))?);
        }
        Ok(followed)
    }

    /// Waits until an append can take the folder's lock, and catches up with the other agents only if the append would be refused
    /// otherwise: what they appended it need not know.
    ///
    /// # Errors
    /// As for [`Store::catch_up`].
    pub fn wait_for_turn(&self) -> Result<Followed> {
        let Some(gate) = &self.gate else { return Ok(Followed::default()) };
        self.read_while_waiting(gate)?;
        let Some(shared) = gate.shared_for_a_while()? else { return Ok(Followed::default()) };
        let state = self.lock();
        let is_current = match &state.agents {
            Some(agents) => {
                self.is_current(agents, shared.count())? && agents.manifest.is_of(self.manifest_file())
            }
            None => true,
        };
        drop(state);
        if is_current { Ok(Followed::default()) } else { self.catch_up_within(gate, shared) }
    }

    /// Whether another store keeps this one out; then after how long to ask again.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` when it does not let go; `OPSLOG_IO`.
    pub fn kept_out(&self) -> Result<Option<Duration>> {
        self.gate.as_ref().map_or(Ok(None), Gate::kept_out)
    }

    /// Reads what others appended, if it is much: at their next change of the manifest an append must know all of it, and would
    /// wait for the reading then.
    fn read_while_waiting(&self, gate: &Gate) -> Result<()> {
        let ahead = {
            let state = self.lock();
            let own = state.logs.wal.relative();
            state.agents.as_ref().map(|agents| self.bytes_ahead(agents, Some(own))).transpose()?.flatten()
        };
        if ahead.is_some_and(|ahead| ahead >= MUCH) && !self.options.skip_load {
            self.take_news_at_once(gate.count_unheld(), false)?;
        }
        Ok(())
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
                let named = current.map(|current| current.current_snapshot);
                if !is_superseded(&manifest.current_snapshot, named.as_ref()) {
                    return Err(error);
                }
                followed.outdated = true;
                return Ok(followed);
            }
            loaded => loaded?,
        };
        let mut state = self.lock_without_batch()?;
        if state.manifest.current_snapshot != manifest.current_snapshot
            || state.checkpoints.upkeep.is_checkpoint()
        {
            followed.outdated = !state.checkpoints.upkeep.is_checkpoint();
            return Ok(followed);
        }
        state.keep_showing();
        let agent = state.agents.as_ref().and_then(|agents| agents.identity.id().cloned());
        state.versions.take_snapshot(Versions::of_header(loaded.version, &self.options));
        let engine = Engine::new(loaded.base, agent.as_deref());
        let mut engine = with_schema(engine, &self.options, state.versions);
        let operations = state.engine.operations().to_vec();
        engine.integrate(operations, &[]).map_err(|source| self.read_failed(source))?;
        engine.see_clock(state.engine.clock());
        let old = std::mem::replace(&mut state.engine, engine);
        state.checkpoints.set_snapshot_bytes(loaded.bytes);
        state.note_all_written();
        if let Some(agents) = &mut state.agents {
            agents.trust.renewed();
        }
        followed.reloaded = true;
        state.tell_home(&mut followed);
        drop(state);
        drop(old);
        Ok(followed)
    }

    /// Catches up, and registers again if need be, for a caller that has the lock alone.
    pub(in crate::store) fn look_alone(&self, exclusive: &Exclusive<'_>) -> Result<Followed> {
        self.register_again(exclusive)?;
        self.look(&Held::Exclusive(exclusive))
    }

    /// Reads what is new at once, if that is no more than some bytes of logs that are known and no other agent must be waited
    /// for. `None`: that takes longer.
    pub(in crate::store) fn look_at_once(&self, state: Locked<'_>, most: u64) -> Result<Option<Followed>> {
        match self.ahead_of_agents(&state)? {
            Some(0) => return Ok(Some(Followed::default())),
            Some(ahead) if ahead <= most && !state.unwritten.has_batch() && !self.options.skip_load => {}
            _ => return Ok(None),
        }
        let count = state.agents.as_ref().map(|agents| agents.manifest.count());
        drop(state);
        let Some(gate) = &self.gate else { return self.look(&Held::Nothing).map(Some) };
        match gate.try_shared()? {
            // NOTE: of another manifest a snapshot may have to be loaded.
            Some(shared) if shared.count().ok() == count => self.look(&Held::Shared(&shared)).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether nothing has changed since the last look. `false` as well when another agent must be waited for.
    pub(in crate::store) fn are_agents_quiet(&self, state: &State) -> Result<bool> {
        Ok(self.ahead_of_agents(state)? == Some(0))
    }

    /// How many bytes were appended to the logs since the last look. `None` where something else has changed, or another agent
    /// must be waited for.
    fn ahead_of_agents(&self, state: &State) -> Result<Option<u64>> {
        let Some(agents) = &state.agents else { return Ok(None) };
        if agents.trust.is_stale() || agents.trust.is_outdated() {
            return Ok(None);
        }
        let shared = match &self.gate {
            None => None,
            Some(gate) => match gate.try_shared()? {
                Some(shared) if self.is_current(agents, shared.count())? => Some(shared),
                _ => return Ok(None),
            },
        };
        // Lines of another hand at the end of the agent's own log take a load of everything.
        if shared.is_some() && (state.is_to_be_read() || agents.swallowed().is_some()) {
            return Ok(None);
        }
        let own = shared.is_some().then(|| state.logs.wal.relative());
        // NOTE: an append goes by the file as well: one that was only touched must not be taken for the known one here
        // and for another one there.
        if shared.is_some() && !agents.manifest.is_of(self.manifest_file()) {
            return Ok(None);
        }
        if !state.following.follower.has_read(&self.manifest_text()?) {
            return Ok(None);
        }
        self.bytes_ahead(agents, own)
    }

    /// Gives the folder's lock up after an append. Whether others appended so much that it is to be read soon: at their next change of the
    /// manifest an append must know all of it. To see that, the log of each agent is asked, so it is not done each time.
    pub(in crate::store) fn leaves_far_behind(&self, shared: Option<Shared<'_>>, state: &mut State) -> bool {
        // NOTE: a transaction knows what others appended.
        let (Some(_), Some(agents)) = (shared, &mut state.agents) else { return false };
        if self.options.skip_load || !agents.is_to_measure() {
            return false;
        }
        let own = state.logs.wal.relative();
        let others = agents.logs.iter().filter(|log| log.relative() != own);
        others.map(|log| log.grown(self)).sum::<u64>() >= MUCH_SOON
    }

    /// Reads what others appended, if that needs no waiting. Whether it did: what it read is for [`Store::take_foreign`] then.
    pub fn read_ahead(&self) -> bool {
        let Some(count) = self.gate.as_ref().and_then(Gate::try_count_unheld) else { return false };
        // NOTE: no call waits for it. The next look, or append, meets what is wrong.
        self.take_news_at_once(count, false).unwrap_or(true)
    }

    /// How many bytes were appended to the known logs but the own one. `None` where something else has changed in them.
    pub(super) fn bytes_ahead(&self, agents: &Agents, own: Option<&str>) -> Result<Option<u64>> {
        let mut ahead = 0;
        for log in agents.logs.iter().filter(|log| own != Some(log.relative())) {
            let Some(bytes) = log.ahead(self)? else { return Ok(None) };
            ahead += bytes;
        }
        Ok(Some(ahead))
    }

    /// Takes in what was appended to the logs of the manifest that is known: it has not changed. Where the folder's lock is not held,
    /// an agent may cut its log meanwhile.
    pub(super) fn take_news(&self, state: &mut State, is_held: bool) -> Result<Followed> {
        let mut followed = Followed::default();
        let behind = state.behind_if_shown();
        let news = state.read_news(self, is_held)?;
        state.look_for_newer(&self.options, news.newest_version());
        if let Some(behind) = behind.filter(|_| !news.is_empty()) {
            state.keep_showing_from(behind);
        }
        self.integrate(state, news, &mut followed)?;
        state.note_all_written();
        state.tell_home(&mut followed);
        Ok(followed)
    }

    fn integrate(&self, state: &mut State, news: News, followed: &mut Followed) -> Result<()> {
        let integrated = state.engine.integrate(news.added, &news.removed);
        let changed = integrated.map_err(|source| self.read_failed(source))?;
        followed.undone += news.removed.len();
        followed.reordered |= !changed.is_empty();
        followed.changed.extend(changed);
        followed.skipped.extend(news.skipped);
        Ok(())
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
            if self.gate.is_none() && manifest.active_agent_ops.is_none() {
                match self.turn_to_single((manifest, text), &mut followed) {
                    Err(error) if error.is_missing_file() => continue,
                    turned => return turned.map(|()| followed),
                }
            }
            let taken = self.take_in(&manifest, file, held, &mut followed);
            if taken.is_ok() {
                self.lock().following.follower.read(text);
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
        state.following.came_upon(followed);
        // Nothing of an agent's waits to be written, however many operations are left in memory.
        state.note_all_written();
        if !self.options.skip_load {
            state.distrust();
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
        let is_put_back = state.is_folder_put_back(self, next)?;
        let is_unknown = is_published && next.descent_from(&state.manifest) == Descent::Unknown;
        let is_single = next.active_agent_ops.is_none();
        let is_changed = is_unknown || state.missed_a_single_writer(next);
        if is_put_back || is_single || is_changed {
            state.distrust();
        }
        if !state.is_stale() && state.is_own_log_to_be_read(self)? {
            self.read_own_log_anew(&mut state)?;
        }
        // Logs that were sealed, and now published, are read to their end before they are let go; and so are
        // those that came and went between two looks.
        let behind = state.behind_if_shown();
        if is_published && !state.is_stale() {
            self.add_passed_logs(&mut state, next)?;
        }
        let mut news = News::default();
        if !state.is_stale() {
            for relative in logs_of(next) {
                self.add_log(&mut state, relative, versions.snapshot)?;
            }
            state.take_log_versions(next, versions.snapshot);
            news = state.read_news(self, true)?;
        }
        state.look_for_newer(&self.options, news.newest_version().max(versions.snapshot));
        if let Some(behind) = behind.filter(|_| is_published || state.is_stale() || !news.is_empty()) {
            state.keep_showing_from(behind);
        }
        if self.options.skip_load {
            let highest = news.added.iter().filter_map(Operation::rank).map(|rank| rank.clock).max();
            state.engine.see_clock(highest.unwrap_or(0));
            // Of what was told, it shows no more what was undone.
            let changed = state.engine.integrate(Vec::new(), &news.removed);
            followed.changed.extend(changed.map_err(|source| self.read_failed(source))?);
            followed.undone += news.removed.len();
            followed.reordered |= followed.undone > 0;
        } else if !state.is_stale() {
            self.integrate(&mut state, news, followed)?;
        }
        let departed = versions.snapshot != state.versions.snapshot
            || next.departures != state.manifest.departures
            || next.archive_segments != state.manifest.archive_segments
            || next.stats.archived_records != state.manifest.stats.archived_records;
        let heavy = is_published && state.engine.overlaid() > 1000.max(state.engine.count() / 4);
        if is_published && !state.is_stale() {
            let in_order = state.let_published_go(next, self.options.skip_load);
            if !in_order && !self.options.skip_load {
                state.distrust();
            }
        }
        state.versions.take_snapshot(versions);
        state.engine.see_clock(next.clock);
        self.go_to_own_log(&mut state, next)?;
        if is_published {
            let named = logs_of(next);
            state.let_logs_go(|path| named.iter().any(|relative| *path == *layout::at(&self.root, relative)));
        }
        let count = match held {
            Held::Shared(shared) => shared.count(),
            Held::Exclusive(exclusive) => exclusive.count(),
            Held::Nothing => Ok(0),
        };
        let count = count.map_err(|source| Error::io("read", &layout::folder_lock(&self.root), source))?;
        if state.is_stale() {
            self.load_anew(&mut state, next, is_put_back, followed)?;
        }
        state.number_own_log();
        if let Some(agents) = &mut state.agents {
            let counts = !self.options.skip_load && is_published;
            agents.trust.note_snapshot(counts && departed, counts && heavy);
            agents.manifest = KnownManifest::new(count, file);
        }
        state.note_all_written();
        // NOTE: the log may have been sealed meanwhile: what is missing there goes into the one that is in force.
        self.append_swallowed(&mut state)?;
        let departures = state.checkpoints.departures.now().max(next.departures);
        state.checkpoints.departures.set(departures);
        state.manifest = next.clone();
        state.take_log_version();
        followed.outdated = state.is_outdated();
        state.tell_home(followed);
        Ok(())
    }

    /// Adds a log that is to be read. `version` is that of lines without a mark.
    pub(super) fn add_log(&self, state: &mut State, relative: &str, version: u32) -> Result<()> {
        let path = layout::inside(&self.root, layout::OPS, relative)?;
        let own = state.logs.wal.relative() == relative;
        if let Some(agents) = &mut state.agents
            && !agents.logs.has(relative)
        {
            agents.add(relative, path, version);
            if own && let Some(log) = agents.logs.find(relative) {
                log.set_end(state.logs.wal.len());
            }
        }
        Ok(())
    }

    /// Adds logs that no manifest of those seen names: they were created, sealed and published in between.
    fn add_passed_logs(&self, state: &mut State, next: &Manifest) -> Result<()> {
        let Some(agents) = &state.agents else { return Ok(()) };
        for (_, relative) in self.passed_agent_logs(agents.logs.newest(), &state.manifest, next)? {
            // What they say is in the snapshot by now, whatever version they were of.
            self.add_log(state, &relative, version_of(next.version))?;
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
            Some(path) if path == state.logs.wal.relative() && !state.has_lost_own_log(self)? => Ok(()),
            Some(path) => {
                state.go_over_to(open_own_wal(self, path, &mut Report::default())?, &self.root);
                Ok(())
            }
            // A compaction of a 0.8.1 has dropped this agent: it registers again before it writes.
            None => Ok(()),
        }
    }
}

impl State {
    /// Takes note of the versions of all logs that a manifest names.
    pub(super) fn take_log_versions(&mut self, manifest: &Manifest, snapshot: u32) {
        let named = logs_of(manifest);
        for log in self.agents.iter_mut().flat_map(|agents| agents.logs.iter_mut()) {
            if named.contains(&log.relative()) {
                log.set_version(manifest.log_version(log.relative(), snapshot));
            }
        }
    }

    /// Whether a record shows what an operation said that came later than this one. If not, it is this one's now.
    pub(in crate::store) fn shows_later(&mut self, id: &Id, rank: &Rank) -> bool {
        let Some(agents) = &mut self.agents else { return false };
        if rank.clock == 0 {
            // A single writer's: it came when no agent was there, and so behind all that is known.
            agents.shown.remove(id);
            return false;
        }
        let is_later = agents.shown.get(id).is_some_and(|shown| shown > rank);
        if !is_later {
            agents.shown.insert(Arc::clone(id), rank.clone());
        }
        is_later
    }

    /// Leaves all logs behind: the folder is a single writer's.
    pub(in crate::store) fn leave_agents(&mut self, store: &Store, is_put_back: bool) -> Result<()> {
        let Some(agents) = &mut self.agents else { return Ok(()) };
        for log in agents.logs.iter_mut() {
            log.look_again(store)?;
            if is_put_back {
                log.tell_nothing();
            }
        }
        agents.logs.iter().for_each(|log| log.leave(&mut self.following.tail_queue, u64::MAX));
        self.agents = None;
        Ok(())
    }

    /// What others wrote in the logs that are being read, and was not told yet.
    pub(in crate::store) fn take_live_logs(&mut self) -> Vec<LiveLog> {
        let Some(agents) = &mut self.agents else { return Vec::new() };
        agents.logs.iter_mut().filter_map(Log::take_live).collect()
    }

    /// Reads all logs on from where they were left.
    fn read_news(&mut self, store: &Store, is_held: bool) -> Result<News> {
        let mut news = News::default();
        let own = self.logs.wal.relative().to_owned();
        let own_len = self.logs.wal.len();
        if let Some(agents) = &mut self.agents {
            let is_agent = agents.identity.is_agent();
            for log in agents.logs.iter_mut() {
                if is_agent && log.is(&own) {
                    log.set_end(own_len);
                } else {
                    log.read_on(store, None, is_held, &mut news)?;
                }
            }
        }
        Ok(news)
    }

    /// Lets logs go whose operations are in the snapshot of a manifest, and the operations with them. `false` if one
    /// of these stands among later ones: a log of a process that does not keep the protocol.
    fn let_published_go(&mut self, manifest: &Manifest, is_blind: bool) -> bool {
        let named = logs_of(manifest);
        let Some(agents) = &mut self.agents else { return true };
        let go = agents.logs.take(|log| !named.contains(&log.relative()));
        go.iter().for_each(|log| log.leave(&mut self.following.tail_queue, log.end()));
        let gone: HashSet<u32> = go.iter().map(Log::number).collect();
        let is_gone = |operation: &Operation| match &operation.origin {
            None => true,
            Some(origin) => gone.contains(&origin.log),
        };
        let count = self.engine.operations().iter().take_while(|operation| is_gone(operation)).count();
        if is_blind {
            let gone = self.engine.operations().iter().take(count);
            let ranked = gone.filter_map(|gone| Some((Arc::clone(&gone.id), gone.rank()?.clone())));
            agents.shown.extend(ranked);
        }
        self.engine.forget_operations(count);
        !self.engine.operations().iter().any(is_gone)
    }
}
