//! Checkpoints: by a single writer, or by an agent for all of them; with them, archives.
//!
//! Among agents: SEAL, one publication that gives every agent a new log and keeps the old ones as sealed; from then on
//! nothing that is appended to them counts. Then the sealed logs are read, and a snapshot of them is written. PUBLISH, a
//! second publication that puts it in their place. A crash in between leaves sealed logs, which everyone reads and the
//! next compaction takes along.

use std::sync::Arc;

use super::carrier::{Carrier, Error, Lock, Phase, Records};
use super::entry::{Entry, Log, highest_clock, logs_of, read_all, read_counted, sealed_logs};
use super::lock::compaction_locked;
use super::manifests::Known;
use super::open::has_agents;
use super::session::{Options, Session, missing};
use super::undo::mark_of;
use super::view::unreadable;
use crate::engine::Id;
use crate::error::Code;
use crate::format::document::{Manifest, Name};
use crate::format::operation::marked::followed;
use crate::format::operation::parse_line;
use crate::rules::archives::may_move;
use crate::rules::batches::kept_whole;
use crate::rules::checkpoints::Threshold;
use crate::store::Past;
use crate::transition::backend::{
    Archived, NextLogs, Snapshot, Went, archived, checkpointed, claimed, fence_of, going_on, published,
    sealed, sealed_agent, with_fence,
};
use crate::transition::shared::is_sealed;

/// How often a compaction is tried that others overtake.
const COMPACTIONS: u32 = 5;
/// How long an archive waits for another agent's compaction.
const ARCHIVE_WAIT_MS: u64 = 20_000;

/// Records that are to be archived.
pub struct Archive {
    period: Name,
    /// The records as they were when they were chosen.
    chosen: Vec<(Id, Vec<u8>)>,
    /// What was in the segment before the first attempt.
    before: Option<Vec<Id>>,
}

/// A segment that was written for the checkpoint under way.
struct Written {
    archived: Archived,
    ids: Vec<Id>,
}

impl<C: Carrier> Session<C> {
    /// Makes a checkpoint, waiting for another agent's compaction for so long.
    ///
    /// # Errors
    /// Those of the steps; `OPSLOG_LOCKED` if another writer holds the lock or is faster.
    pub async fn checkpoint(&self, wait_ms: u64) -> Result<(), Error> {
        match self.make_checkpoint(&mut None, wait_ms).await? {
            Some(_) => Ok(()),
            None => Err(compaction_locked()),
        }
    }

    /// Makes a checkpoint, unless another agent is at it: that one takes everything along.
    ///
    /// # Errors
    /// Those of the steps.
    pub async fn checkpoint_if_free(&self) -> Result<(), Error> {
        self.make_checkpoint(&mut None, 0).await.map(drop)
    }

    /// Moves records to an archive segment. Returns how many: a record that another agent has changed stays.
    ///
    /// # Errors
    /// As for [`Session::checkpoint`].
    pub async fn archive(&self, ids: &[Id], period: &Name) -> Result<u64, Error> {
        let chosen = self.chosen(ids)?;
        if self.options.skip_load {
            return self.archive_aside(chosen, period).await;
        }
        let mut archive = Some(Archive { period: Arc::clone(period), chosen, before: None });
        match self.make_checkpoint(&mut archive, ARCHIVE_WAIT_MS).await? {
            Some(count) => Ok(count),
            None => Err(compaction_locked()),
        }
    }

    fn chosen(&self, ids: &[Id]) -> Result<Vec<(Id, Vec<u8>)>, Error> {
        let mut chosen = Vec::new();
        for id in ids {
            if let Some(text) = self.view.store().text_of(id).map_err(unreadable)? {
                chosen.push((Arc::clone(id), text));
            }
        }
        Ok(chosen)
    }

    /// Returns how many records were archived; `None` if another writer holds the lock.
    async fn make_checkpoint(
        &self,
        archive: &mut Option<Archive>,
        wait_ms: u64,
    ) -> Result<Option<u64>, Error> {
        let made = self.try_checkpoint(archive, wait_ms).await;
        if !matches!(made, Ok(Some(_))) {
            self.view.store().show_operations();
        }
        self.view.history_begins_anew();
        made
    }

    async fn try_checkpoint(
        &self,
        archive: &mut Option<Archive>,
        wait_ms: u64,
    ) -> Result<Option<u64>, Error> {
        self.flush_buffer().await?;
        self.settle_doubt().await?;
        self.check_replaced()?;
        self.refuse_newer(&*self.known_rc()?)?;
        if self.agent().is_none() && self.known_rc()?.agent_logs().is_none() {
            return self.checkpoint_alone(archive).await.map(Some);
        }
        let lock = if self.carrier.facts().compaction_lock {
            let lock = self.wait_for(Lock::Compaction, wait_ms).await?;
            if lock.is_none() {
                return Ok(None);
            }
            lock
        } else {
            None
        };
        let compacted = self.compact(archive).await;
        if let Some(lock) = lock {
            self.give_back(Lock::Compaction, lock).await;
        }
        compacted
    }

    async fn checkpoint_alone(&self, archive: &mut Option<Archive>) -> Result<u64, Error> {
        let manifest = self.known_rc()?;
        self.one_version(&manifest)?;
        let written = self.write_archive(archive, &manifest).await?;
        let mut going = self.writer.own().lines();
        let mut kept = going.split_off(going.len() - self.kept_of(archive.is_some()));
        let earlier = match kept.len() {
            0 => None,
            count => self.view.store().before_last(count),
        };
        if earlier.is_none() {
            going.append(&mut kept);
        }
        let past = earlier.as_ref().map(|(past, _)| past);
        let snapshot = self.write_snapshot(&manifest, written.as_ref(), past).await;
        if let Some((_, apart)) = earlier {
            self.view.store().rejoin(apart);
        }
        let snapshot = snapshot?;
        let went = went(going.iter().map(Vec::as_slice));
        let counts = vec![(manifest.active_ops(), going.len() as u64)];
        let went = Went { archived: self.note_of(written.as_ref()).await?, ..went };
        let paged = self.paged(&manifest, 1).await?;
        let snapshot = Snapshot { counts, kept: kept.len() as u64, went, paged, ..snapshot };
        if let Some(first) = kept.first_mut().filter(|_| self.carrier.facts().kernel_lock)
            && let Some(before) = checkpointed(&manifest, &snapshot, b"").follows()
        {
            *first = followed(first, (&before.0, before.1));
        }
        // NOTE: a log that other stores append to could get lines between those that are kept; this one is named nowhere yet.
        let log = self.copy_of(&kept).await?;
        let next = checkpointed(&manifest, &snapshot, &log);
        self.writer.expects(&log, &kept);
        let known = self.replace_own(next).await?;
        self.take(known);
        self.view.checkpointed(&snapshot.path, snapshot.version, (written_ids(&written), kept.len()))?;
        if self.is_alone() && self.carrier.facts().deletes_logs {
            for log in self.writer.take_left() {
                // In a folder that is opened without the backend, what lies there counts as history.
                let _ = self.carrier.delete_log(&log).await;
            }
        }
        Ok(written_ids(&written).len() as u64)
    }

    /// How many operations at the end of the log a checkpoint leaves there. An archive and a migration take all along, for the
    /// records that they leave are others.
    fn kept_of(&self, archives: bool) -> usize {
        if archives { 0 } else { self.kept_behind(0) }
    }

    /// How many operations at the end of memory are shown on once a checkpoint is due: as many as it leaves in the log.
    pub(super) fn kept_shown(&self) -> usize {
        let uncounted = self.flight.uncounted();
        self.options.keep.min(uncounted) + self.kept_behind(uncounted)
    }

    /// How many operations at the end of the log a checkpoint leaves there once so many are behind them that memory shows already.
    fn kept_behind(&self, uncounted: usize) -> usize {
        let own = self.writer.own().lines_from(0);
        let is_known = self.view.store().operation_total() == own.len() + uncounted;
        if self.agent().is_some() || self.view.versions().is_older() || !is_known {
            return 0;
        }
        let keep = self.options.keep.saturating_sub(uncounted);
        kept_whole(keep, own.len(), |place| mark_of(own.get(place)?))
    }

    /// When the program wants a checkpoint.
    pub(super) fn threshold(&self) -> Threshold {
        let Options { checkpoint_threshold: operations, keep, amortised: is_amortised, .. } = self.options;
        Threshold { operations, keep, is_amortised }
    }

    /// Whether closing makes a checkpoint. Where a batch or a migration lets another number stay in the log, that counts.
    pub(super) fn is_due_on_close(&self) -> bool {
        let threshold = Threshold { keep: self.kept_of(false), ..self.threshold() };
        let operations = self.view.store().operation_total();
        self.options.checkpoint_on_close && threshold.is_due_on_close(operations, true, || true)
    }

    async fn note_of(&self, written: Option<&Written>) -> Result<Option<Name>, Error> {
        match written {
            Some(Written { archived, ids }) => self.noted_archive(&archived.path, ids).await,
            None => Ok(None),
        }
    }

    async fn compact(&self, archive: &mut Option<Archive>) -> Result<Option<u64>, Error> {
        for _ in 0..COMPACTIONS {
            if let Some(count) = self.compact_once(archive).await? {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    async fn compact_once(&self, archive: &mut Option<Archive>) -> Result<Option<u64>, Error> {
        let known = self.known_rc()?;
        let clock = highest_clock(&read_all(&self.carrier, &known).await?);
        let known = if planted!("world-publish-without-seal") {
            self.read().await?.known()?
        } else {
            self.seal(clock).await?
        };
        let manifest = Arc::new((*known.manifest).clone());
        self.take(known);
        let mut logs = sealed_logs(&manifest);
        if planted!("world-publish-without-seal") {
            logs = logs_of(&manifest);
        }
        let merged: Vec<Name> = logs.iter().map(|log| Arc::clone(&log.path)).collect();
        let (entries, all_counts) = read_counted(&self.carrier, &logs, true).await?;
        let mut counts = all_counts.clone();
        keep_newest(&mut counts, &logs);
        self.view.bring(&self.carrier, &manifest, &entries).await?;
        self.one_version(&manifest)?;
        let written = self.write_archive(archive, &manifest).await?;
        let snapshot = self.write_snapshot(&manifest, written.as_ref(), None).await?;
        let went = went(entries.iter().map(|entry| &*entry.line));
        let went = Went { archived: self.note_of(written.as_ref()).await?, ..went };
        let paged = self.paged(&manifest, merged.len()).await?;
        let snapshot = Snapshot { counts: all_counts, went, paged, ..snapshot };
        let Some(known) = self.publish_snapshot(&manifest, &snapshot, &merged, (&entries, &counts)).await?
        else {
            return Ok(None);
        };
        self.take(known);
        self.view.checkpointed(&snapshot.path, snapshot.version, (written_ids(&written), 0))?;
        Ok(Some(written_ids(&written).len() as u64))
    }

    /// Seals all logs. Returns the manifest as it was published.
    async fn seal(&self, clock: u64) -> Result<Known, Error> {
        let agent = self.agent().cloned();
        self.update(async |manifest, generation| {
            let manifest = manifest.ok_or_else(missing)?;
            self.refuse_newer(manifest)?;
            self.manifests.see_names(manifest);
            if let Some(agent) = &agent
                && manifest.session_of(agent).is_some_and(|session| session != *self.writer.session())
            {
                self.writer.replaced();
                self.check_replaced()?;
            }
            let going = going_on(manifest, agent.as_deref());
            let mut writers = Vec::with_capacity(going.len());
            for writer in going {
                let log = self.create_log(Some(&writer)).await?;
                writers.push((writer, log));
            }
            let own = agent.as_ref().and_then(|agent| writers.iter().find(|(writer, _)| writer == agent));
            let active = match own {
                Some((_, log)) => Arc::clone(log),
                None => self.create_log(None).await?,
            };
            let own = agent.as_ref().map(|agent| (Arc::clone(agent), Arc::clone(self.writer.session())));
            Ok(Some(sealed(manifest, generation, &NextLogs { writers, active, own }, clock)))
        })
        .await
    }

    /// `None` if what the snapshot stands for is not what is to be replaced any more, or, for a single writer, if agents
    /// have come meanwhile.
    async fn publish_snapshot(
        &self,
        sealed: &Manifest,
        snapshot: &Snapshot,
        merged: &[Name],
        (entries, counts): (&[Entry], &[(Name, u64)]),
    ) -> Result<Option<Known>, Error> {
        let quiet = quiet_agents(sealed, entries, self.agent());
        let clock = highest_clock(entries);
        let mut is_overtaken = false;
        let is_empty = |manifest: &Manifest, path: &Name| {
            fence_of(manifest, path) == Some(0) && !entries.iter().any(|entry| entry.log == *path)
        };
        let known = self
            .update(async |manifest, _| {
                let manifest = manifest.ok_or_else(missing)?;
                let named = logs_of(manifest);
                is_overtaken = (manifest.snapshot() != sealed.snapshot() && manifest.snapshot() != snapshot.path)
                    // An undo has put another log in the place of one that is in the snapshot.
                    || !merged.iter().all(|path| named.iter().any(|log| log.path == *path) || is_empty(manifest, path))
                    || self.agent().is_none() && has_agents(manifest);
                if manifest.snapshot() == snapshot.path {
                    // An earlier attempt took effect after all, and another writer published after it.
                    is_overtaken = false;
                    return Ok(None);
                }
                if is_overtaken && !planted!("world-overtaken-publishes") {
                    return Ok(None);
                }
                is_overtaken = false;
                self.refuse_newer(manifest)?;
                let next = published(manifest, snapshot, merged, &quiet, clock);
                let next = with_fence(&next, counts);
                let is_claimed = self.agent().is_none() && !self.is_alone();
                Ok(Some(if is_claimed { claimed(&next, self.writer.session()) } else { next }))
            })
            .await?;
        Ok((!is_overtaken).then_some(known))
    }

    async fn write_snapshot(
        &self,
        manifest: &Manifest,
        written: Option<&Written>,
        earlier: Option<&Past>,
    ) -> Result<Snapshot, Error> {
        let version = self.one_version(manifest)?;
        let without = written.map(|written| written.ids.as_slice()).unwrap_or_default();
        let store = self.view.store();
        let count = earlier.map_or_else(|| store.counts().records, Past::count);
        let records = count.saturating_sub(without.len()) as u64;
        self.pass_names().await;
        self.carrier.begins(Phase::WriteSnapshot, records);
        let written_to =
            self.carrier.write_snapshot(Records { store, earlier, only: None, without }, version).await;
        self.carrier.ends();
        let path = written_to?;
        if self.carrier.facts().keeps_indexes {
            // NOTE: before the manifest names the snapshot. Without an index, the snapshot is read as a whole.
            let _ = self.carrier.write_index(&path).await;
        }
        Ok(Snapshot {
            path,
            version,
            version_before: self.snapshot_version(manifest),
            counts: Vec::new(),
            kept: 0,
            went: Went::default(),
            paged: None,
            records,
            taken: self.now(),
            archived: written.map(|written| written.archived.clone()),
        })
    }

    /// Adds the chosen records to the segment, without those that have changed since.
    async fn write_archive(
        &self,
        archive: &mut Option<Archive>,
        manifest: &Manifest,
    ) -> Result<Option<Written>, Error> {
        let Some(archive) = archive else { return Ok(None) };
        let mut ids = Vec::new();
        for (id, chosen) in &archive.chosen {
            let now = self.view.store().text_of(id).map_err(unreadable)?;
            if may_move(now.as_deref(), chosen) || planted!("world-archive-unchecked") {
                ids.push(Arc::clone(id));
            }
        }
        let name = [b"archive-", &*archive.period, b".json"].concat();
        let segment = manifest.list("archiveSegments").into_iter().find(|path| path.ends_with(&name));
        let before = match (&archive.before, segment) {
            (Some(before), _) => before,
            (None, Some(segment)) => archive.before.insert(self.carrier.segment_ids(&segment).await?),
            (None, None) => archive.before.insert(Vec::new()),
        };
        let known: hashbrown::HashSet<&Id> = before.iter().collect();
        let added = ids.iter().filter(|id| !known.contains(id)).count() as u64;
        self.carrier.begins(Phase::Archive, ids.len() as u64);
        let records = Records { store: self.view.store(), earlier: None, only: Some(&ids), without: &[] };
        let path = self.carrier.write_segment(&archive.period, records).await;
        self.carrier.ends();
        Ok(Some(Written { archived: Archived { path: path?, added }, ids }))
    }

    /// Archives without a checkpoint: the records are deleted by operations.
    async fn archive_aside(&self, chosen: Vec<(Id, Vec<u8>)>, period: &Name) -> Result<u64, Error> {
        self.settle_doubt().await?;
        self.check_replaced()?;
        self.refuse_newer(&*self.known_rc()?)?;
        let ids: Vec<Id> = chosen.iter().map(|(id, _)| Arc::clone(id)).collect();
        let mut archive = Some(Archive { period: Arc::clone(period), chosen, before: None });
        let written = self.write_archive(&mut archive, &*self.known_rc()?).await?;
        let Some(Written { archived: segment, .. }) = written else { return Ok(0) };
        let known = if self.agent().is_some() {
            self.changing(async || {
                self.update(async |manifest, _| {
                    Ok(Some(archived(&**manifest.ok_or_else(missing)?, &segment)))
                })
                .await
            })
            .await?
        } else {
            self.replace_own(archived(&*self.known_rc()?, &segment)).await?
        };
        self.take(known);
        self.begin_batch();
        for id in &ids {
            let change = super::flight::Change { id: Arc::clone(id), text: None, ms: self.carrier.now_ms() };
            if let Err(error) = self.change_in_batch(change)
                && error.code() != Some(Code::NotFound)
            {
                self.abandon_batch();
                return Err(error);
            }
        }
        self.commit_batch().await?;
        for id in &ids {
            self.view.touched(id);
        }
        Ok(ids.len() as u64)
    }
}

/// What is noted of operations that go into a snapshot.
fn went<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Went {
    let (mut bytes, mut until) = (0, Vec::new());
    for line in lines {
        bytes += line.len() as u64 + 1;
        if let Ok(parsed) = parse_line(line) {
            until = until.max(parsed.ts(line).into_owned());
        }
    }
    Went { bytes, until: (!until.is_empty()).then(|| until.into()), archived: None }
}

/// Keeps the counts of the logs that writers may still append to: those that were sealed last.
fn keep_newest(counts: &mut Vec<(Name, u64)>, logs: &[Log]) {
    let newest = logs.iter().map(|log| log.generation).max();
    let is_newest = |path: &Name| logs.iter().any(|log| log.path == *path && Some(log.generation) == newest);
    counts.retain(|(path, _)| is_newest(path));
}

fn written_ids(written: &Option<Written>) -> &[Id] {
    written.as_ref().map(|written| written.ids.as_slice()).unwrap_or_default()
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
