//! Opening and closing. Nothing is written before everything could be read and migrated. A single writer whose lock proves
//! nothing first claims the manifest, then reads the log, and puts a copy in its place if the last one may still be at work:
//! what that one appends afterwards goes to a log that is named nowhere.

use std::sync::Arc;

use super::append::CHANGE_WAIT_MS;
use super::carrier::{Carrier, Error, Failure, Lock, Taken, Version};
use super::entry::{Entry, highest_clock, read_all};
use super::lock::compaction_locked;
use super::manifests::Known;
use super::publication::Found;
use super::session::{Session, missing};
use super::tail::Tail;
use crate::error::Code;
use crate::format::document::{Manifest, Name};
use crate::rules::snapshots::is_superseded;
use crate::transition::backend::{agent_released, claimed, fenced, fresh, released};
use crate::transition::shared::is_sealed;

/// How long an agent waits for the lock to be registered: longer than lock objects of the dead are kept.
pub(super) const JOIN_WAIT_MS: u64 = 90_000;
const PROBE_WAIT_MS: u64 = 1000;
/// How often everything is loaded when files go missing meanwhile.
const LOADS: u32 = 5;

impl<C: Carrier> Session<C> {
    /// Opens the store.
    ///
    /// # Errors
    /// Those of the steps and rules; locks are given back then.
    pub async fn open(&self) -> Result<(), Error> {
        let opened = self.open_all().await;
        if opened.is_err() {
            let _ = self.unlock().await;
        }
        opened
    }

    async fn open_all(&self) -> Result<(), Error> {
        let is_agent = self.agent().is_some();
        let is_single = !is_agent && !self.options.read_only;
        if is_single && self.carrier.facts().single_lock {
            match self.carrier.lock(Lock::Single).await? {
                Taken::Yes(handle) => self.lock.set(Some(handle)),
                Taken::Held(failure) => return Err(failure.into()),
            }
        }
        let mut found = self.read().await?;
        if found.manifest.is_none() {
            if self.options.read_only {
                let message = "Cannot open in readOnly mode: no existing store found";
                return Err(Error::rule(Code::NoStore, message));
            }
            if is_single {
                found = self.create_alone(found).await?;
            }
        }
        // NOTE: before an agent registers: where something cannot be read or migrated, nothing is to be written.
        let mut loaded = None;
        if found.manifest.is_some() {
            let mut known = found.known()?;
            if !self.options.skip_load {
                loaded = Some(self.load_current(&mut known).await?);
            }
            self.refuse_newer(&known.manifest)?;
            self.take(known);
        }
        if is_agent {
            self.join(loaded.as_deref()).await?;
        }
        let is_takeover = is_single && self.known()?.manifest.agent_logs().is_some();
        if is_single && !is_takeover && !self.is_alone() {
            loaded = self.claim(loaded).await?;
        }
        self.first_look(loaded).await?;
        if is_takeover {
            self.take_over().await?;
        }
        if is_single && !self.is_alone() {
            self.probe_condition().await?;
        }
        if !self.options.skip_load && !self.options.read_only {
            self.store_migrated().await?;
        }
        self.writer.begins();
        Ok(())
    }

    /// Reads what a manifest describes, and migrates what is older. Returns the operations of all logs.
    async fn load(&self, manifest: &Manifest) -> Result<Vec<Entry>, Error> {
        let entries = read_all(&self.carrier, manifest).await?;
        self.view.bring(&self.carrier, manifest, &entries).await?;
        Ok(entries)
    }

    /// As [`Session::load`], of the manifest that is in force: the snapshot of an earlier one may be deleted before it is read.
    async fn load_current(&self, known: &mut Known) -> Result<Vec<Entry>, Error> {
        loop {
            let loaded = self.load(&known.manifest).await;
            let Err(Error::Rule { cause: Some(Failure { is_missing: true, .. }), .. }) = &loaded else {
                return loaded;
            };
            let found = self.read().await?.known()?;
            if !is_superseded(&known.manifest.snapshot(), Some(&found.manifest.snapshot())) {
                return loaded;
            }
            *known = found;
        }
    }

    /// Makes checkpoints until nothing that counts is older than the program: an agent of an older version may write while
    /// the first one is made.
    async fn store_migrated(&self) -> Result<(), Error> {
        while self.view.versions().is_older() {
            self.checkpoint(CHANGE_WAIT_MS).await?;
            if self.agent().is_some() {
                let entries = self.catch_up().await?;
                self.tail.look(&*self.known_rc()?, &entries);
            }
        }
        Ok(())
    }

    /// Creates the store where there was none. Another writer may be faster.
    async fn create_alone(&self, before: Found) -> Result<Found, Error> {
        let manifest = self.empty_store(None).await?;
        let manifest = if self.is_alone() { manifest } else { claimed(&manifest, self.writer.session()) };
        match self.create(&before, manifest).await? {
            Some(known) => Ok(Found { manifest: Some(known.manifest), version: known.version }),
            None => self.read().await,
        }
    }

    /// Writes the files of an empty store, and returns its manifest, which is not published yet.
    pub(super) async fn empty_store(&self, agent: Option<&Name>) -> Result<Manifest, Error> {
        let records = super::carrier::Records {
            store: self.view.store(),
            earlier: None,
            only: Some(&[]),
            without: &[],
        };
        let snapshot = self.carrier.write_snapshot(records, self.options.version).await?;
        let log = self.create_log(agent).await?;
        Ok(fresh(&snapshot, &log, &self.now(), self.options.version))
    }

    /// The single writer says that the store is its own, and shuts out one that may still be at work.
    async fn claim(&self, loaded: Option<Vec<Entry>>) -> Result<Option<Vec<Entry>>, Error> {
        let manifest = self.known_rc()?;
        let last = manifest.text("writer");
        if last.as_ref() == Some(self.writer.session()) {
            return Ok(loaded);
        }
        let known = self.replace_own(claimed(&manifest, self.writer.session())).await?;
        self.check_replaced()?;
        self.take(known);
        if planted!("world-no-fence") {
            return Ok(loaded);
        }
        if last.is_some() && self.carrier.facts().closes_logs && !planted!("world-log-not-closed") {
            self.carrier.close_log(&manifest.active_ops()).await?;
        }
        // What the last one appended before the claim counts, also if it came after the first look.
        let known = self.known()?;
        let loaded = match loaded {
            Some(_) => Some(self.load(&known.manifest).await?),
            None => None,
        };
        if last.is_some() {
            let lines = self.carrier.read_log(&known.manifest.active_ops()).await?;
            // NOTE: the copy and memory must hold the same; what arrives between the two reads is not acknowledged.
            let lines = match &loaded {
                Some(loaded) => loaded.iter().map(|entry| entry.line.to_vec()).collect(),
                None => lines,
            };
            let copy = self.copy_of(&lines).await?;
            let next = fenced(&known.manifest, &copy, lines.len() as u64);
            self.become_copy(next, &copy, &lines).await?;
            self.check_replaced()?;
        }
        Ok(loaded)
    }

    /// From here on, `tail()` returns what comes. An agent also takes over what came while it registered.
    async fn first_look(&self, loaded: Option<Vec<Entry>>) -> Result<(), Error> {
        let manifest = self.known_rc()?;
        let mut entries = loaded.unwrap_or_default();
        let is_agent = self.agent().is_some();
        if is_agent || self.options.skip_load {
            entries = read_all(&self.carrier, &manifest).await?;
        }
        let store = self.view.store();
        if self.options.skip_load {
            store.see_clock(manifest.number("clock").max(highest_clock(&entries)));
        } else if is_agent {
            self.view.bring(&self.carrier, &manifest, &entries).await?;
        }
        // NOTE: what a copy of the log holds is known already.
        if self.writer.own().count() == 0 {
            self.own_of(&entries);
        }
        if self.options.skip_load {
            self.view.begin_unloaded();
            self.stands_behind(&manifest, &entries);
            self.tail.begin(&manifest);
        } else {
            self.tail.look(&manifest, &entries);
        }
        Ok(())
    }

    /// The operations of the writer's own log are these.
    fn own_of(&self, entries: &[Entry]) {
        if let Some(log) = self.writer.own().name() {
            let own = entries.iter().filter(|entry| entry.log == log);
            self.writer.own().holds(own.map(|entry| Arc::clone(&entry.line)));
        }
    }

    /// A single writer takes over what agents left.
    async fn take_over(&self) -> Result<(), Error> {
        self.close_left_logs().await?;
        self.checkpoint(CHANGE_WAIT_MS).await?;
        if self.options.skip_load {
            self.view.empty();
            self.view.begin_unloaded();
        }
        Ok(())
    }

    // Agents

    /// A single writer that was at work when agents began must not append any more: it does not look at the manifest.
    async fn close_left_logs(&self) -> Result<(), Error> {
        if !self.carrier.facts().closes_logs || planted!("world-left-log-not-closed") {
            return Ok(());
        }
        for (key, log) in self.known()?.manifest.agent_logs().unwrap_or_default() {
            if key.starts_with(b"sealed/0/") {
                self.carrier.close_log(&log).await?;
            }
        }
        Ok(())
    }

    /// Registers at open, creating the store if there is none; refuses a carrier that keeps no writers apart.
    async fn join(&self, loaded: Option<&[Entry]>) -> Result<(), Error> {
        let facts = self.carrier.facts();
        let wait_ms = if facts.conditional { PROBE_WAIT_MS } else { JOIN_WAIT_MS };
        let lock = if facts.compaction_lock { self.probed_lock(wait_ms).await? } else { None };
        if lock.is_none() && facts.compaction_lock && !facts.conditional {
            return Err(compaction_locked());
        }
        let mut joined = self.register(true, loaded).await;
        if joined.is_ok() {
            joined = self.probe_condition().await;
        }
        if joined.is_ok() {
            joined = self.close_left_logs().await;
        }
        if let Some(lock) = lock {
            self.give_back(Lock::Compaction, lock).await;
        }
        joined
    }

    // Following

    /// Reads the manifest anew, and what it names. Returns the operations of all logs.
    pub(super) async fn catch_up(&self) -> Result<Vec<Entry>, Error> {
        self.fetching.forget();
        for attempt in 1.. {
            let known = self.read().await?.known()?;
            let loaded = self.load_or_read(&known).await;
            match loaded {
                Ok(entries) => {
                    self.take(known);
                    if self.agent().is_none() && !self.options.read_only {
                        self.own_of(&entries);
                    }
                    self.heal().await?;
                    return Ok(entries);
                }
                Err(error) => {
                    // A newer snapshot may have been made meanwhile, and the one that was to be read removed.
                    let found = self.read().await?.manifest;
                    let found = found.map(|manifest| manifest.snapshot());
                    if !is_superseded(&known.manifest.snapshot(), found.as_ref()) || attempt == LOADS {
                        return Err(error);
                    }
                }
            }
        }
        Ok(Vec::new())
    }

    async fn load_or_read(&self, known: &Known) -> Result<Vec<Entry>, Error> {
        if self.options.skip_load {
            return read_all(&self.carrier, &known.manifest).await;
        }
        self.load(&known.manifest).await
    }

    /// Takes over what others wrote.
    ///
    /// # Errors
    /// Those of the steps and rules; what is in memory stays then.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.flush_buffer().await?;
        let entries = self.catch_up().await?;
        self.tail.look(&*self.known_rc()?, &entries);
        Ok(())
    }

    /// As `refresh()`. Returns the operations of others that were not told yet, in order, a line each.
    ///
    /// # Errors
    /// As for `refresh()`; nothing counts as told then.
    pub async fn follow(&self) -> Result<Vec<Vec<u8>>, Error> {
        let Some((told, token, entries)) = self.news(&self.tail).await? else { return Ok(Vec::new()) };
        if self.options.skip_load {
            self.view.show(&self.carrier, &told).await?;
            self.stands_behind(&*self.known_rc()?, &entries);
        }
        self.tail.is_now_at(token);
        Ok(told.into_iter().map(|entry| entry.line.to_vec()).collect())
    }

    /// The operations of others that were not told yet, where that is noted, and the operations of all logs; `None` if nothing has
    /// changed.
    async fn news(&self, tail: &Tail) -> Result<Option<(Vec<Entry>, Option<Version>, Vec<Entry>)>, Error> {
        if !self.is_follower() {
            return Ok(None);
        }
        let token = if self.carrier.facts().tells_changes {
            // NOTE: before anything is read: what comes meanwhile changes the next one.
            let token = self.carrier.change_token().await?;
            if tail.is_at(&token) {
                return Ok(None);
            }
            Some(token)
        } else {
            None
        };
        let entries = self.catch_up().await?;
        let token = if planted!("world-token-after-reading") {
            Some(self.carrier.change_token().await?)
        } else {
            token
        };
        let manifest = self.known_rc()?;
        let all = if self.options.skip_load { entries.clone() } else { Vec::new() };
        let told = tail.since(&self.carrier, &manifest, entries).await?;
        let is_own = |entry: &Entry| self.options.agent.as_ref() == Some(&entry.agent);
        Ok(Some((told.into_iter().filter(|entry| !is_own(entry)).collect(), token, all)))
    }

    /// The operations of all logs as they are now, a line each.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn logged(&self) -> Result<Vec<Vec<u8>>, Error> {
        let manifest = self.known_rc()?;
        let entries = read_all(&self.carrier, &manifest).await?;
        Ok(entries.into_iter().map(|entry| entry.line.to_vec()).collect())
    }

    // Closing

    /// Finishes what was called, makes a checkpoint if that is wanted, and gives up the lock.
    ///
    /// # Errors
    /// Those of the steps and rules; the store is closed all the same.
    pub async fn close(&self) -> Result<(), Error> {
        let finished = if self.options.read_only { Ok(()) } else { self.finish().await };
        let unlocked = self.unlock().await;
        finished.and(unlocked)
    }

    async fn finish(&self) -> Result<(), Error> {
        self.flush().await?;
        if self.is_due_on_close() && !self.writer.is_replaced() {
            match self.checkpoint_if_free().await {
                // What was acknowledged is in the logs: the newer program takes it along.
                Err(error) if error.code() == Some(Code::NewerVersion) => {}
                made => made?,
            }
        }
        if !self.writer.is_replaced() {
            self.heal().await?;
        }
        if let Some(agent) = self.agent().cloned()
            && !self.writer.is_replaced()
            && self.writer.doubt().is_none()
            && self.writer.own().name().is_some()
        {
            // The next store with this agentId may go on with its log. If this cannot be said, it gets another.
            let session = Arc::clone(self.writer.session());
            let _ = self
                .changing_if_free(async || {
                    self.update(async |manifest, _| {
                        let manifest = manifest.ok_or_else(missing)?;
                        let is_ours = manifest.session_of(&agent).as_ref() == Some(&session);
                        Ok(is_ours.then(|| agent_released(manifest, &agent)))
                    })
                    .await
                })
                .await;
        }
        let is_claimed = self.agent().is_none() && !self.is_alone() && !self.writer.is_replaced();
        if is_claimed && self.writer.doubt().is_none() {
            // The next writer need not shut this one out. If this cannot be said, it does.
            let _ = self.replace_own(released(&*self.known_rc()?)).await;
        }
        Ok(())
    }

    /// Carries the buffer away, and has it made durable.
    ///
    /// # Errors
    /// Those of the steps.
    pub async fn flush(&self) -> Result<(), Error> {
        self.flush_buffer().await?;
        if self.carrier.facts().is_private {
            return Ok(());
        }
        Ok(self.carrier.sync().await?)
    }

    async fn unlock(&self) -> Result<(), Error> {
        match self.lock.take() {
            Some(handle) => Ok(self.carrier.unlock(Lock::Single, handle).await?),
            None => Ok(()),
        }
    }
}

/// Whether agents have logs, and not only sealed ones.
pub(super) fn has_agents(manifest: &Manifest) -> bool {
    manifest.agent_logs().unwrap_or_default().iter().any(|(key, _)| !is_sealed(key))
}
