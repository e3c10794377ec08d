//! How an agent is registered behind a carrier: the steps of [`crate::sequence::registration`].

use super::carrier::{Carrier, Error, Lock};
use super::entry::Entry;
use super::join::join_all;
use super::lock::compaction_locked;
use super::manifests::Known;
use super::open::{JOIN_WAIT_MS, has_agents};
use super::publication::{Turn, Turns, taken_over};
use super::session::{Session, missing};
use crate::format::document::{Manifest, Name};
use crate::sequence::registration::{Found, Register, register};
use crate::transition::backend::{registered, sealed_agent, without_empty};
use crate::transition::shared::is_sealed;

const SINGLE_WAIT_MS: u64 = 1000;

/// The steps of a registration.
struct Registration<'a, C> {
    session: &'a Session<C>,
    agent: &'a Name,
    /// A store that does not exist is created, and another one's log is taken over.
    create: bool,
    loaded: Option<&'a [Entry]>,
    turns: Turns,
    /// The lock of a single writer, which keeps it out.
    single: Option<u64>,
}

/// A log, and the manifest in which it is to be named.
struct Named {
    base: Manifest,
    log: Name,
    /// The store is created with it.
    is_first: bool,
}

impl<C: Carrier> Session<C> {
    /// Registers a store whose log another writer took.
    pub(super) async fn register_again(&self) -> Result<(), Error> {
        let facts = self.carrier.facts();
        if facts.conditional || !facts.compaction_lock {
            return self.register(false, None).await;
        }
        let Some(lock) = self.wait_for(Lock::Compaction, JOIN_WAIT_MS).await? else {
            return Err(compaction_locked());
        };
        let registered = self.register(false, None).await;
        self.give_back(Lock::Compaction, lock).await;
        registered
    }

    /// With `create`, a store that does not exist is created, and another one's log is taken over. Of the agent's sealed logs,
    /// those that had no operation when everything was `loaded` are named no more if they still have none: a process that
    /// dies again and again would leave more and more of them.
    pub(super) async fn register(&self, create: bool, loaded: Option<&[Entry]>) -> Result<(), Error> {
        let Some(agent) = self.agent() else { return Ok(()) };
        let (turns, single) = (Turns::default(), None);
        register(&mut Registration { session: self, agent, create, loaded, turns, single }).await
    }

    /// The sealed logs of an agent that have no operation.
    async fn empty_logs(
        &self,
        manifest: &Manifest,
        agent: &Name,
        loaded: Option<&[Entry]>,
    ) -> Result<Vec<Name>, Error> {
        let (Some(logs), Some(loaded)) = (manifest.agent_logs(), loaded) else { return Ok(Vec::new()) };
        let mut empty = Vec::new();
        for (key, log) in logs {
            let is_own = is_sealed(&key) && *sealed_agent(&key) == **agent && !key.starts_with(b"sealed/0/");
            if is_own && !loaded.iter().any(|entry| entry.log == log) {
                empty.push(log);
            }
        }
        let read = join_all(empty.iter().map(|log| self.carrier.read_log(log))).await;
        let mut lines = read.into_iter().map(|lines| lines.map_or(1, |lines| lines.len()));
        empty.retain(|_| lines.next() == Some(0));
        Ok(empty)
    }
}

impl<C: Carrier> Register for Registration<'_, C> {
    type Error = Error;
    type Turn = Turn;
    type Log = Named;
    type Published = Known;

    async fn turn(&mut self) -> Result<Found<Turn, Known>, Error> {
        let session = self.session;
        let turn = session.turn(&mut self.turns).await?;
        let Ok(manifest) = turn.manifest() else { return Ok(Found::Missing(turn)) };
        session.refuse_newer(manifest)?;
        let named = manifest.session_of(self.agent);
        if named.as_ref() == Some(session.writer.session()) && manifest.log_of(self.agent).is_some() {
            return Ok(Found::Named(turn.known()?));
        }
        if !self.create && named.is_some() {
            return Err(taken_over());
        }
        Ok(Found::Missing(turn))
    }

    async fn keep_single_writer_out(&mut self, turn: Turn) -> Result<Turn, Error> {
        let has_agents = turn.manifest().is_ok_and(|manifest| has_agents(manifest));
        if !has_agents && self.single.is_none() {
            self.single = self.session.lock_single(SINGLE_WAIT_MS).await?;
        }
        Ok(turn)
    }

    async fn make_log(&mut self, turn: &Turn) -> Result<Named, Error> {
        let (session, agent) = (self.session, self.agent);
        let Ok(base) = turn.manifest() else {
            if !self.create {
                return Err(missing());
            }
            let base = session.empty_store(Some(agent)).await?;
            let log = base.active_ops();
            return Ok(Named { base, log, is_first: true });
        };
        session.manifests.see_names(base);
        // One without a session is no store's any more.
        let log = match base.log_of(agent).filter(|_| base.session_of(agent).is_none()) {
            Some(log) => log,
            None => session.create_log(Some(agent)).await?,
        };
        let empty = session.empty_logs(base, agent, self.loaded).await?;
        Ok(Named { base: without_empty(base, &empty), log, is_first: false })
    }

    async fn publish(&mut self, turn: Turn, named: Named) -> Result<Option<Known>, Error> {
        let (session, Named { base, log, is_first }) = (self.session, named);
        let next = registered(&base, self.agent, session.writer.session(), &log, turn.generation());
        let next = if is_first { without_sealed(&next) } else { next };
        session.publish(&turn, &next).await
    }

    fn take(&mut self, known: Known) {
        self.session.take(known);
        self.session.writer.begins();
    }

    /// A log that no manifest names is empty, and harms nothing.
    fn take_back(&mut self) {}

    async fn let_single_writer_in(&mut self) -> Result<(), Error> {
        if let Some(single) = self.single.take() {
            self.session.give_back(Lock::Single, single).await;
        }
        Ok(())
    }
}

/// The log of a store that was just created is the first agent's, and no other's before.
fn without_sealed(manifest: &Manifest) -> Manifest {
    let mut next = manifest.clone();
    let mut logs = manifest.agent_logs().unwrap_or_default();
    logs.retain(|(key, _)| !is_sealed(key));
    next.set_names("activeAgentOps", &logs);
    next
}
