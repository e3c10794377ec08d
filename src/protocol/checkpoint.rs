//! Checkpoints of a single writer: how it carries out the steps of [`crate::sequence::checkpoint`]. Among agents a checkpoint is a compaction
//! (`compaction`). Changes that are made meanwhile wait until the next log is in force.

use std::rc::Rc;

use super::archive::{Archive, LeftOut, Written};
use super::carrier::{Carrier, Error, Phase, Records};
use super::compaction::Sealing;
use super::lock::compaction_locked;
use super::manifests::Known;
use super::session::{Options, Session};
use super::undo::mark_of;
use crate::format::document::{Manifest, Name};
use crate::format::operation::marked::followed;
use crate::format::operation::parse_line;
use crate::rules::batches::kept_whole;
use crate::rules::checkpoints::Threshold;
use crate::sequence::checkpoint::{Attempt, Moment, Plan, Publication, Steps, Unpublished};
use crate::sequence::compaction;
use crate::store::Past;
use crate::transition::backend::{Snapshot, Went, checkpointed};

/// The steps of a single writer's checkpoint.
struct Alone<'a, C> {
    session: &'a Session<C>,
    manifest: Rc<Manifest>,
    archive: Option<&'a Archive>,
    left_out: LeftOut,
    /// The lines that stay in the log.
    kept: Vec<Vec<u8>>,
    /// The log that they are in.
    log: Name,
}

impl<C: Carrier> Session<C> {
    /// Makes a checkpoint, waiting for another agent's compaction for so long.
    ///
    /// # Errors
    /// Those of the steps; `OPSLOG_LOCKED` if another writer holds the lock or is faster.
    pub async fn checkpoint(&self, wait_ms: u64) -> Result<(), Error> {
        match self.make_checkpoint(None, wait_ms).await? {
            Some(_) => Ok(()),
            None => Err(compaction_locked()),
        }
    }

    /// Makes a checkpoint, unless another agent is at it: that one takes everything along.
    ///
    /// # Errors
    /// Those of the steps.
    pub async fn checkpoint_if_free(&self) -> Result<(), Error> {
        self.make_checkpoint(None, 0).await.map(drop)
    }

    /// Returns how many records were archived; `None` if another writer holds the lock.
    pub(super) async fn make_checkpoint(
        &self,
        archive: Option<&Archive>,
        wait_ms: u64,
    ) -> Result<Option<u64>, Error> {
        let made = match self.prepare_checkpoint().await {
            Ok(true) => Attempt::new(Alone::new(self, archive)?).run().await,
            Ok(false) => compaction::carry_out(&mut Sealing::new(self, archive, wait_ms)).await,
            Err(error) => {
                self.view.store().show_operations();
                Err(error)
            }
        };
        self.view.history_begins_anew();
        made
    }

    /// Everything that was called before is settled. Returns whether there are no agents.
    async fn prepare_checkpoint(&self) -> Result<bool, Error> {
        self.flush_buffer().await?;
        self.settle_doubt().await?;
        self.check_replaced()?;
        let known = self.known_rc()?;
        self.refuse_newer(&known)?;
        Ok(self.agent().is_none() && known.agent_logs().is_none())
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

    /// Whether a publication that failed may be in force.
    pub(super) fn unpublished(&self, error: Error) -> Unpublished<Error> {
        if self.writer.doubt().is_some() { Unpublished::Uncertain(error) } else { Unpublished::Not(error) }
    }

    pub(super) async fn write_snapshot(
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
}

impl<'a, C: Carrier> Alone<'a, C> {
    fn new(session: &'a Session<C>, archive: Option<&'a Archive>) -> Result<Self, Error> {
        let manifest = session.known_rc()?;
        let log = manifest.active_ops();
        Ok(Self { session, manifest, archive, left_out: LeftOut::default(), kept: Vec::new(), log })
    }
}

impl<C: Carrier> Steps for Alone<'_, C> {
    type Error = Error;
    type Snapshot = Snapshot;
    type Plan = Manifest;
    type Published = Known;
    type Made = u64;

    /// An append of theirs would have to count in two logs, each of which may fail.
    fn changes_go_on(&self) -> bool {
        false
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

    async fn write_snapshot(&mut self) -> Result<Snapshot, Error> {
        let session = self.session;
        let mut going = session.writer.own().lines();
        self.kept = going.split_off(going.len() - session.kept_of(self.archive.is_some()));
        let earlier = match self.kept.len() {
            0 => None,
            count => session.view.store().before_last(count),
        };
        if earlier.is_none() {
            going.append(&mut self.kept);
        }
        let past = earlier.as_ref().map(|(past, _)| past);
        let snapshot = session.write_snapshot(&self.manifest, self.left_out.written.as_ref(), past).await;
        if let Some((_, apart)) = earlier {
            session.view.store().rejoin(apart);
        }
        let snapshot = snapshot?;
        let went = went(going.iter().map(Vec::as_slice));
        let counts = vec![(self.manifest.active_ops(), going.len() as u64)];
        let went = Went { archived: self.left_out.note.clone(), ..went };
        let paged = session.paged(&self.manifest, 1).await?;
        Ok(Snapshot { counts, kept: self.kept.len() as u64, went, paged, ..snapshot })
    }

    async fn attach_next_log(&mut self, snapshot: Option<&Snapshot>) -> Result<(), Error> {
        if let (Some(snapshot), Some(first)) = (snapshot, self.kept.first_mut())
            && self.session.carrier.facts().kernel_lock
            && let Some(before) = checkpointed(&self.manifest, snapshot, b"").follows()
        {
            *first = followed(first, (&before.0, before.1));
        }
        // NOTE: a log that other stores append to could get lines between those that are kept; this one is named nowhere yet.
        self.log = self.session.copy_of(&self.kept).await?;
        Ok(())
    }

    async fn plan(&mut self, snapshot: &Snapshot) -> Result<Plan<Manifest, Known>, Error> {
        Ok(Plan::Publish(checkpointed(&self.manifest, snapshot, &self.log)))
    }

    async fn publish(
        &mut self,
        next: Manifest,
        moment: &mut Moment,
    ) -> Result<Publication<Known>, Unpublished<Error>> {
        self.session.writer.expects(&self.log, &self.kept);
        moment.is_here();
        let known = self.session.replace_own(next).await;
        known.map(Publication::InForce).map_err(|error| self.session.unpublished(error))
    }

    async fn go_over(&mut self, known: Known, snapshot: Snapshot) -> Result<(), Error> {
        self.session.take(known);
        let (ids, kept) = (self.left_out.ids(), self.kept.len());
        self.session.view.checkpointed(&snapshot.path, snapshot.version, (ids, kept))
    }

    async fn clear_away(&mut self) -> u64 {
        let session = self.session;
        if session.is_alone() && session.carrier.facts().deletes_logs {
            for log in session.writer.take_left() {
                // In a folder that is opened without the backend, what lies there counts as history.
                let _ = session.carrier.delete_log(&log).await;
            }
        }
        self.left_out.ids().len() as u64
    }

    fn take_back(&mut self) {
        self.session.view.store().show_operations();
    }

    /// The next look at the manifest finds out.
    fn stop(&mut self) {
        self.take_back();
    }

    /// The writer is in doubt: nothing is acknowledged until that is settled.
    fn uncertain(&mut self, error: Error) -> Error {
        error
    }
}

/// What is noted of operations that go into a snapshot.
pub(super) fn went<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Went {
    let (mut bytes, mut until) = (0, Vec::new());
    for line in lines {
        bytes += line.len() as u64 + 1;
        if let Ok(parsed) = parse_line(line) {
            until = until.max(parsed.ts(line).into_owned());
        }
    }
    Went { bytes, until: (!until.is_empty()).then(|| until.into()), archived: None }
}
