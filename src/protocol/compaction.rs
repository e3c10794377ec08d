//! Compactions: how an agent, or a single writer that takes a store of agents over, carries out the steps of [`crate::sequence::compaction`].
//!
//! SEAL is one publication that gives every agent a new log and keeps the old ones as sealed. Then the sealed logs are read, and a snapshot of
//! them is written. PUBLISH is a second publication that puts it in their place, if they still are what is to be replaced.

use std::rc::Rc;
use std::sync::Arc;

use super::archive::{Archive, LeftOut};
use super::carrier::{Carrier, Error, Lock};
use super::checkpoint::went;
use super::entry::{Entry, Log, highest_clock, logs_of, read_all, read_counted, sealed_logs};
use super::manifests::Known;
use super::open::has_agents;
use super::publication::{Turn, Turns};
use super::session::Session;
use crate::format::document::{Manifest, Name};
use crate::sequence::checkpoint::{Moment, Plan, Publication, Steps, Unpublished};
use crate::sequence::compaction::Seal;
use crate::transition::backend::{
    NextLogs, Snapshot, Went, claimed, fence_of, going_on, published, sealed, sealed_agent, with_fence,
};
use crate::transition::shared::is_sealed;

/// The steps up to the seal.
pub(super) struct Sealing<'a, C> {
    session: &'a Session<C>,
    archive: Option<&'a Archive>,
    /// How long another agent's compaction is waited for.
    wait_ms: u64,
    lock: Option<u64>,
    turns: Turns,
    /// The highest clock of all operations that were found.
    clock: u64,
}

impl<'a, C: Carrier> Sealing<'a, C> {
    pub fn new(session: &'a Session<C>, archive: Option<&'a Archive>, wait_ms: u64) -> Self {
        Self { session, archive, wait_ms, lock: None, turns: Turns::default(), clock: 0 }
    }
}

impl<'a, C: Carrier> Seal for Sealing<'a, C> {
    type Error = Error;
    type Turn = Turn;
    type Logs = NextLogs;
    type Published = Known;
    type Attempt = Merge<'a, C>;

    /// Each publishes on a condition, and a log that was made for another manifest would stay behind.
    fn others_wait(&self) -> bool {
        false
    }

    async fn lock(&mut self) -> Result<bool, Error> {
        if !self.session.carrier.facts().compaction_lock {
            return Ok(true);
        }
        self.lock = self.session.wait_for(Lock::Compaction, self.wait_ms).await?;
        Ok(self.lock.is_some())
    }

    /// A checkpoint that no call asked for is not made while another agent compacts; it does not wait for that.
    async fn is_needless(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    async fn look(&mut self) -> Result<(), Error> {
        let known = self.session.known_rc()?;
        self.clock = highest_clock(&read_all(&self.session.carrier, &known).await?);
        self.turns = Turns::default();
        Ok(())
    }

    async fn make_logs_ahead(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn turn(&mut self) -> Result<Option<Turn>, Error> {
        let turn = self.session.turn(&mut self.turns).await?;
        let manifest = turn.manifest()?;
        self.session.refuse_newer(manifest)?;
        self.session.manifests.see_names(manifest);
        self.session.must_be_ours(manifest)?;
        Ok(Some(turn))
    }

    async fn make_logs(&mut self, turn: &Turn) -> Result<NextLogs, Error> {
        let (session, agent) = (self.session, self.session.agent());
        let going = going_on(turn.manifest()?, agent.map(|agent| &**agent));
        let mut writers = Vec::with_capacity(going.len());
        for writer in going {
            let log = session.create_log(Some(&writer)).await?;
            writers.push((writer, log));
        }
        let own = agent.and_then(|agent| writers.iter().find(|(writer, _)| writer == agent));
        let active = match own {
            Some((_, log)) => Arc::clone(log),
            None => session.create_log(None).await?,
        };
        let own = agent.map(|agent| (Arc::clone(agent), Arc::clone(session.writer.session())));
        Ok(NextLogs { writers, active, own })
    }

    async fn publish(&mut self, turn: &Turn, logs: NextLogs) -> Result<Option<Known>, Error> {
        if planted!("world-publish-without-seal") {
            return self.session.read().await?.known().map(Some);
        }
        let next = sealed(turn.manifest()?, turn.generation(), &logs, self.clock);
        self.session.publish(turn, &next).await
    }

    async fn go_over(&mut self, _: Turn, known: Known) -> Result<Merge<'a, C>, Error> {
        let session = self.session;
        let manifest = Rc::clone(&known.manifest);
        session.take(known);
        let mut logs = sealed_logs(&manifest);
        if planted!("world-publish-without-seal") {
            logs = logs_of(&manifest);
        }
        let merged = logs.iter().map(|log| Arc::clone(&log.path)).collect();
        let (entries, all_counts) = read_counted(&session.carrier, &logs, true).await?;
        let mut counts = all_counts.clone();
        keep_newest(&mut counts, &logs);
        // NOTE: values of an older version are migrated as they are read.
        session.view.bring(&session.carrier, &manifest, &entries).await?;
        let read = Read { merged, entries, all_counts, counts };
        let (left_out, turns) = (LeftOut::default(), Turns::default());
        Ok(Merge { session, manifest, archive: self.archive, left_out, read, turns })
    }

    fn take_back(&mut self) {
        self.session.view.store().show_operations();
    }

    async fn unlock(&mut self) {
        if let Some(lock) = self.lock.take() {
            self.session.give_back(Lock::Compaction, lock).await;
        }
    }
}

/// What the sealed logs say.
struct Read {
    /// The logs.
    merged: Vec<Name>,
    entries: Vec<Entry>,
    /// How many operations each has.
    all_counts: Vec<(Name, u64)>,
    /// Those of the logs that writers may still append to.
    counts: Vec<(Name, u64)>,
}

/// The steps after the seal.
pub(super) struct Merge<'a, C> {
    session: &'a Session<C>,
    /// The manifest that the seal has published.
    manifest: Rc<Manifest>,
    archive: Option<&'a Archive>,
    left_out: LeftOut,
    read: Read,
    turns: Turns,
}

impl<C: Carrier> Steps for Merge<'_, C> {
    type Error = Error;
    type Snapshot = Snapshot;
    type Plan = (Turn, Manifest);
    type Published = Known;
    type Made = u64;

    /// They go to the logs that the seal has given.
    fn changes_go_on(&self) -> bool {
        true
    }

    async fn check(&mut self) -> Result<(), Error> {
        self.session.one_version(&self.manifest).map(drop)
    }

    async fn write_segment(&mut self) -> Result<bool, Error> {
        self.session.write_for(self.archive, &self.manifest, &mut self.left_out).await
    }

    async fn note_archived(&mut self) -> Result<(), Error> {
        self.session.note_for(&mut self.left_out).await
    }

    /// The snapshot is written without them; memory loses them once it is in force.
    fn leave_out(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// The seal has made it.
    async fn attach_next_log(&mut self, _: Option<&Snapshot>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_snapshot(&mut self) -> Result<Snapshot, Error> {
        let (session, read) = (self.session, &self.read);
        let snapshot = session.write_snapshot(&self.manifest, self.left_out.written.as_ref(), None).await?;
        let went = went(read.entries.iter().map(|entry| &*entry.line));
        let went = Went { archived: self.left_out.note.clone(), ..went };
        let paged = session.paged(&self.manifest, read.merged.len()).await?;
        Ok(Snapshot { counts: read.all_counts.clone(), went, paged, ..snapshot })
    }

    /// Overtaken if what the snapshot stands for is not what is to be replaced any more, or, for a single writer, if agents have come
    /// meanwhile.
    async fn plan(&mut self, snapshot: &Snapshot) -> Result<Plan<(Turn, Manifest), Known>, Error> {
        let (session, Read { merged, entries, counts, .. }) = (self.session, &self.read);
        let turn = session.turn(&mut self.turns).await?;
        let manifest = turn.manifest()?;
        if manifest.snapshot() == snapshot.path {
            // An earlier attempt took effect after all, and another writer published after it.
            return Ok(Plan::InForce(turn.known()?));
        }
        let named = logs_of(manifest);
        let is_empty = |path: &Name| {
            fence_of(manifest, path) == Some(0) && !entries.iter().any(|entry| entry.log == *path)
        };
        let is_overtaken = manifest.snapshot() != self.manifest.snapshot()
            // An undo has put another log in the place of one that is in the snapshot.
            || !merged.iter().all(|path| named.iter().any(|log| log.path == *path) || is_empty(path))
            || session.agent().is_none() && has_agents(manifest);
        if is_overtaken && !planted!("world-overtaken-publishes") {
            return Ok(Plan::Overtaken);
        }
        session.refuse_newer(manifest)?;
        let quiet = quiet_agents(&self.manifest, entries, session.agent());
        let next = published(manifest, snapshot, merged, &quiet, highest_clock(entries));
        let next = with_fence(&next, counts);
        let is_claimed = session.agent().is_none() && !session.is_alone();
        let next = if is_claimed { claimed(&next, session.writer.session()) } else { next };
        Ok(Plan::Publish((turn, next)))
    }

    async fn publish(
        &mut self,
        (turn, next): (Turn, Manifest),
        moment: &mut Moment,
    ) -> Result<Publication<Known>, Unpublished<Error>> {
        moment.is_here();
        match self.session.publish(&turn, &next).await {
            Ok(Some(known)) => Ok(Publication::InForce(known)),
            Ok(None) => Ok(Publication::Refused),
            Err(error) => Err(self.session.unpublished(error)),
        }
    }

    async fn go_over(&mut self, known: Known, snapshot: Snapshot) -> Result<(), Error> {
        self.session.take(known);
        self.session.view.checkpointed(&snapshot.path, snapshot.version, (self.left_out.ids(), 0))
    }

    /// Logs that went into the snapshot are read by followers that come later; `prune()` deletes them.
    async fn clear_away(&mut self) -> u64 {
        self.left_out.ids().len() as u64
    }

    /// Nothing was frozen: memory is what the logs say.
    fn take_back(&mut self) {}

    /// The next look at the manifest finds out.
    fn stop(&mut self) {}

    /// The writer is in doubt: nothing is acknowledged until that is settled.
    fn uncertain(&mut self, error: Error) -> Error {
        error
    }
}

/// Keeps the counts of the logs that writers may still append to: those that were sealed last.
fn keep_newest(counts: &mut Vec<(Name, u64)>, logs: &[Log]) {
    let newest = logs.iter().map(|log| log.generation).max();
    let is_newest = |path: &Name| logs.iter().any(|log| log.path == *path && Some(log.generation) == newest);
    counts.retain(|(path, _)| is_newest(path));
}

/// The agents that wrote nothing into the logs that were sealed last: they get no log until they write again.
fn quiet_agents(manifest: &Manifest, entries: &[Entry], own: Option<&Name>) -> Vec<Name> {
    let logs = manifest.agent_logs().unwrap_or_default();
    let has_written = |agent: &Name| {
        logs.iter().any(|(key, path)| {
            is_sealed(key) && *sealed_agent(key) == **agent && entries.iter().any(|entry| entry.log == *path)
        })
    };
    let agents = logs.iter().map(|(key, _)| key).filter(|key| !is_sealed(key));
    agents.filter(|agent| Some(*agent) != own && !has_written(agent)).cloned().collect()
}
