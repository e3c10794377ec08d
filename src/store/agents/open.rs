//! How an agent comes into a folder: its own lock, the folder's lock held alone, registration. A single writer
//! and agents exclude each other: an agent comes in only while no process holds `.lock`, a single writer takes a
//! folder over only when no agent has it open.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

use super::identity::Identity;
use super::known_manifest::KnownManifest;
use super::same_name::refuse_same_name;
use super::{Agents, own_path};
use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::format::manifest::{Generation, Manifest};
use crate::gate::{Exclusive, Gate, open_or_create};
use crate::lock::{self, HeldLock, OsProbe, ProcessProbe};
use crate::publish::{Unnamed, replace, sync_folder_of};
use crate::sequence::complete;
use crate::sequence::registration::{Found, Register, register};
use crate::store::checkpoint::{create_files, waits};
use crate::store::closing;
use crate::store::names::time_after;
use crate::store::open::{Report, open_own_wal, read_manifest, refuse_to_overwrite};
use crate::store::{Opened, Options, State, Store};
use crate::transition::folder as transition;
use crate::transition::shared::is_sealed;
use crate::unpublished::{self, Unpublished};
use crate::wal::{Unsynced, doubt, first_line};
use crate::{layout, temporary};

/// Opens a folder for an agent, creating the store or registering the agent as needed.
///
/// # Errors
/// `OPSLOG_LOCKED` when the agent, or a single writer, has the folder open; `OPSLOG_IO`, `OPSLOG_CORRUPT`.
pub(in crate::store) fn open_agent(
    disk: Arc<dyn Disk>,
    root: &Path,
    options: Options,
    agent: &str,
    probe: &dyn ProcessProbe,
) -> Result<Opened> {
    for folder in layout::FOLDERS.iter().chain(&[layout::INDEX]) {
        let path = root.join(folder);
        disk.create_folder(&path).map_err(|source| Error::io("mkdir", &path, source))?;
    }
    let path = layout::agent_lock(root, agent);
    let held = open_or_create(&*disk, &path)?;
    refuse_same_name(&*disk, root, agent, &*held)?;
    let gate = Gate::open(&disk, root)?;
    let store = Arc::new(Store::closed(disk, root, options, Some(gate)));
    let mut report = Report::default();
    if let Some(manifest) = read_manifest(&*store.disk, &store.root)? {
        report.missing = store.look_for_missing(&manifest)?;
    }
    {
        let Some(gate) = &store.gate else { return Err(Error::AgentFolder) };
        let exclusive = gate.exclusive()?;
        if let Some(manifest) = read_manifest(&*store.disk, &store.root)? {
            store.options.refuse_newer(store.snapshot_version(&manifest)?.snapshot)?;
        }
        // NOTE: within the gate, for a seal tries this lock too, to see which agents are there.
        if !held.try_lock().map_err(|source| Error::agent_lock(&path, source))? {
            return Err(Error::AgentInUse { agent: agent.to_owned(), path });
        }
        let lock = store.prepare(probe)?;
        store.register(&exclusive, Some(lock), probe)?;
        let manifest = read_manifest(&*store.disk, &store.root)?.ok_or(Error::NoStore)?;
        let own = own_path(&manifest, agent).ok_or(Error::AgentFolder)?;
        let mut state = store.lock();
        let file = store.manifest_file();
        let count = exclusive
            .count()
            .map_err(|source| Error::io("read", &layout::folder_lock(&store.root), source))?;
        state.agents = Some(Agents::new(Identity::agent(agent, held), KnownManifest::new(count, file)));
        state.go_over_to(open_own_wal(&store, own, &mut report)?, root);
        report.wal = state.logs.wal.path().to_path_buf();
        store.load_first(&mut state, &manifest, &mut report)?;
        state.logs.older.add(store.sealed_logs(&manifest)?);
        if report.missing.is_empty() {
            closing::forget(&*store.disk, &store.root, Some(agent));
        }
    }
    if store.options.skip_load && doubt::is_noted(&*store.disk, &report.wal)? {
        return open_behind_loader(store, agent, probe);
    }
    store.leave_doubtful_log(&report.wal)?;
    Ok(Opened { store, report })
}

/// Opens a store that loads nothing once one that loads everything has left the doubtful log: a compaction writes the
/// records that are in memory.
fn open_behind_loader(store: Arc<Store>, agent: &str, probe: &dyn ProcessProbe) -> Result<Opened> {
    let (disk, root, options) = (Arc::clone(&store.disk), store.root.clone(), store.options.clone());
    store.close()?;
    drop(store);
    let loading = Options { skip_load: false, ..options.clone() };
    open_agent(Arc::clone(&disk), &root, loading, agent, probe)?.store.close()?;
    open_agent(disk, &root, options, agent, probe)
}

impl Store {
    /// Logs that a compaction has sealed that did not come to its end. Their writers may not have synced that,
    /// and what is synced from now on stands behind it.
    fn sealed_logs(&self, manifest: &Manifest) -> Result<Vec<Unsynced>> {
        let named = manifest.active_agent_ops.iter().flatten().filter(|_| !planted!("sealed-logs-unsynced"));
        let mut logs = Vec::new();
        for (_, relative) in named.filter(|(key, _)| is_sealed(key.as_bytes())) {
            let path = layout::inside(&self.root, layout::OPS, relative)?;
            match self.disk.open(&path, OpenMode::Append) {
                Ok(file) => logs.push(Unsynced::log(&path, &file, true)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(Error::io("open", &path, source)),
            }
        }
        Ok(logs)
    }

    /// Goes over to another log if a sync of this one has failed. Others hold it open, so it is not written anew as a
    /// single writer's is: a compaction writes what the system still shows of it to a snapshot.
    fn leave_doubtful_log(self: &Arc<Self>, log: &Path) -> Result<()> {
        if !doubt::is_noted(&*self.disk, log)? {
            return Ok(());
        }
        self.compact_agents(self.options.now_ms, None)?;
        doubt::forget(&*self.disk, log)
    }

    /// A store that nothing was loaded into yet.
    pub(in crate::store) fn closed(
        disk: Arc<dyn Disk>,
        root: &Path,
        options: Options,
        gate: Option<Gate>,
    ) -> Self {
        let state = Mutex::new(State::unloaded());
        let (hasher, looking, syncing) = (Default::default(), Mutex::default(), Mutex::default());
        let rounds = options.durability.rounds();
        Self {
            disk,
            root: root.to_path_buf(),
            options,
            gate,
            hasher,
            alone: Mutex::new(None),
            looking,
            rounds,
            syncing,
            fields: Mutex::default(),
            has_unique: AtomicBool::new(false),
            state,
        }
    }

    /// Makes the folder one that agents can come into: not empty, and with nothing in a single writer's log.
    /// Returns `.lock`, to be held until the agent is registered: a single writer that came in before would not
    /// know that there are agents.
    fn prepare(&self, probe: &dyn ProcessProbe) -> Result<HeldLock> {
        let mut is_of_several = false;
        loop {
            let lock = lock::acquire(&self.disk, &self.root, layout::LOCK, std::process::id(), probe)?;
            match read_manifest(&*self.disk, &self.root)? {
                None => {
                    refuse_to_overwrite(self)?;
                    create_files(self, self.options.now_ms, self.options.version)?;
                }
                Some(manifest)
                    if !is_of_several
                        && manifest.active_agent_ops.is_none()
                        && self.has_log(&manifest)? =>
                {
                    lock.release()?;
                    is_of_several = !self.checkpoint_single_writer(probe)?;
                    continue;
                }
                found => {
                    unpublished::remove_left(&*self.disk, &self.root, found.as_ref());
                    temporary::remove_left(&*self.disk, &self.root);
                    let pid = std::process::id();
                    lock::remove_stale(&self.disk, &self.root, layout::COMPACT_LOCK, pid, probe);
                }
            }
            return Ok(lock);
        }
    }

    /// Whether anything stands in the log that a manifest of a single writer names.
    fn has_log(&self, manifest: &Manifest) -> Result<bool> {
        let path = layout::inside(&self.root, layout::OPS, &manifest.active_ops)?;
        match self.disk.info(&path) {
            Ok(info) => Ok(info.len > 0),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::io("stat", &path, source)),
        }
    }

    /// Puts what a single writer's log says into a snapshot: a 0.8.1 would forget that log. `false` if it cannot, because
    /// there are values of several schema versions.
    fn checkpoint_single_writer(&self, probe: &dyn ProcessProbe) -> Result<bool> {
        let single = Options {
            read_only: false,
            skip_load: false,
            version: 1,
            version_given: false,
            buffered: false,
            agent: None,
            ..self.options.clone()
        };
        let now_ms = single.now_ms;
        let opened = Store::open(Arc::clone(&self.disk), &self.root, single, probe)?;
        // NOTE: also when all its lines are malformed: the log must be empty afterwards.
        let published = match opened.store.begin_checkpoint(now_ms, true) {
            Ok(Some(checkpoint)) => checkpoint.run().map(|()| true),
            Ok(None) => Ok(true),
            Err(Error::SeveralVersions { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        let closed = opened.store.close();
        closed.and(published)
    }

    /// Registers an agent that has the folder open, if others have dropped it: a single writer's folder, which others have put in
    /// its place, becomes one of agents again.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` while a single writer has the folder open.
    pub(super) fn register_again(&self, alone: &Exclusive<'_>) -> Result<()> {
        self.register(alone, None, &OsProbe)
    }

    /// Names the agent's log in the manifest, if it is not named there. `lock` is `.lock`, if it is held already.
    fn register(
        &self,
        alone: &Exclusive<'_>,
        lock: Option<HeldLock>,
        probe: &dyn ProcessProbe,
    ) -> Result<()> {
        let Some(agent) = &self.options.agent else { return Ok(()) };
        let mut registration = Registration { store: self, agent, alone, probe, lock, list: None };
        complete(register(&mut registration), waits)
    }

    /// Lets a manifest say which log that of the single writer follows, if its first line does not.
    fn with_unsaid_after(&self, manifest: Manifest) -> Result<Manifest> {
        let Some(after) = manifest.after_previous() else { return Ok(manifest) };
        let path = layout::inside(&self.root, layout::OPS, &manifest.active_ops)?;
        let file =
            self.disk.open(&path, OpenMode::Read).map_err(|source| Error::io("open", &path, source))?;
        let first = first_line(&*file).map_err(|source| Error::io("read", &path, source))?;
        if first.is_some_and(|first| first.after().as_deref() == Some(&after)) {
            return Ok(manifest);
        }
        Ok(transition::noted_after(&manifest, &after))
    }

    /// Publishes a manifest and tells the other agents. Returns the gate's count.
    pub(super) fn change_manifest(
        &self,
        exclusive: &Exclusive<'_>,
        manifest: &Manifest,
    ) -> Result<u64, Unnamed> {
        let count = exclusive.raise(&*self.disk, &self.root)?;
        replace(&*self.disk, &self.root.join(layout::MANIFEST), manifest.print().as_bytes())?;
        Ok(count)
    }
}

/// How an agent is registered in a folder. The folder's lock is held alone: no other writer is faster.
struct Registration<'a> {
    store: &'a Store,
    agent: &'a str,
    alone: &'a Exclusive<'a>,
    probe: &'a dyn ProcessProbe,
    /// `.lock`, which keeps a single writer out.
    lock: Option<HeldLock>,
    list: Option<Unpublished>,
}

impl Register for Registration<'_> {
    type Error = Error;
    type Turn = Manifest;
    type Log = String;
    type Published = ();

    async fn turn(&mut self) -> Result<Found<Manifest, ()>> {
        // NOTE: where there is none, the look that follows says so.
        let manifest = read_manifest(&*self.store.disk, &self.store.root)?;
        let missing = manifest.filter(|manifest| own_path(manifest, self.agent).is_none());
        Ok(missing.map_or(Found::Named(()), Found::Missing))
    }

    async fn keep_single_writer_out(&mut self, manifest: Manifest) -> Result<Manifest> {
        if manifest.active_agent_ops.is_some() || self.lock.is_some() {
            return Ok(manifest);
        }
        self.lock = Some(self.store.prepare(self.probe)?);
        read_manifest(&*self.store.disk, &self.store.root)?.ok_or(Error::NoStore)
    }

    async fn make_log(&mut self, manifest: &Manifest) -> Result<String> {
        let store = self.store;
        let list = self.list.insert(Unpublished::begin(&store.disk, &store.root, manifest.generation)?);
        let from = time_after(Some(manifest), store.options.now_ms);
        let mut log = store.create_agent_log(list, self.agent, from)?;
        log.sync()?;
        sync_folder_of(&*store.disk, log.path())?;
        Ok(log.relative().to_owned())
    }

    async fn publish(&mut self, manifest: Manifest, log: String) -> Result<Option<()>> {
        let store = self.store;
        // What stands in the single writer's log, if that could not go into a snapshot, is read first.
        let has_single = manifest.active_agent_ops.is_none() && store.has_log(&manifest)?;
        let single =
            has_single.then(|| (layout::sealed_key(&manifest.active_ops), manifest.active_ops.clone()));
        let came = Generation::new(layout::time_of(&log).into_iter().collect());
        let manifest = if has_single { store.with_unsaid_after(manifest)? } else { manifest };
        let next = transition::registered(&manifest, self.agent, &log, single, came);
        store.change_manifest(self.alone, &next)?;
        Ok(Some(()))
    }

    /// The look that follows reads it.
    fn take(&mut self, (): ()) {}

    fn take_back(&mut self) {
        if let Some(list) = self.list.take() {
            self.store.give_up(list);
        }
    }

    async fn let_single_writer_in(&mut self) -> Result<()> {
        self.lock.take().map_or(Ok(()), HeldLock::release)
    }
}

/// Whether an agent has the folder open; `None` for one that never took our lock, a 0.8.1.
pub(super) fn is_agent_open(disk: &dyn Disk, root: &Path, agent: &str) -> Result<Option<bool>> {
    if is_sealed(agent.as_bytes()) {
        return Ok(Some(false));
    }
    let path = layout::agent_lock(root, agent);
    let file = match disk.open(&path, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io("open", &path, source)),
    };
    let is_free = file.try_lock().map_err(|source| Error::agent_lock(&path, source))?;
    if is_free {
        let _ = file.unlock();
    }
    Ok(Some(!is_free))
}

/// Makes sure that no agent has a folder open. The holder of `.lock` keeps them out from then on. Returns whether the
/// folder is one of agents at all.
///
/// # Errors
/// `OPSLOG_LOCKED` while an agent has the folder open; `OPSLOG_IO`.
pub fn refuse_agents(disk: &Arc<dyn Disk>, root: &Path) -> Result<bool> {
    // What is wrong with the manifest is told elsewhere.
    let Ok(Some(manifest)) = read_manifest(&**disk, root) else { return Ok(false) };
    let Some(agents) = &manifest.active_agent_ops else { return Ok(false) };
    refuse_while_open(&**disk, root, agents)?;
    Ok(true)
}

pub(super) fn refuse_while_open(disk: &dyn Disk, root: &Path, agents: &[(String, String)]) -> Result<()> {
    for (agent, _) in agents {
        if is_agent_open(disk, root, agent)? == Some(true) {
            return Err(Error::AgentInUse { agent: agent.clone(), path: layout::agent_lock(root, agent) });
        }
    }
    Ok(())
}
