//! What became of a step that failed. An append that failed may have taken effect, or take effect later: the log is read back,
//! and a line that is not there is shut out by a copy of the log without it, before anything else is acknowledged.

use std::sync::Arc;

use super::carrier::{Carrier, Error, Failure};
use super::entry::logs_of;
use super::lines::{identities, identity};
use super::manifests::Known;
use super::publication::{LOOKS, unknown};
use super::session::{Session, missing};
use crate::error::Code;
use crate::format::document::{Manifest, Name};
use crate::format::operation::marked::ended;
use crate::rules::copies::is_one;
use crate::transition::backend::replaced;

/// What the log says of lines whose append failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReadBack {
    There,
    Absent,
    /// Some of them, or more than once.
    Otherwise,
}

/// Whether lines can still come to count.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ShutOut {
    Yes,
    NotKnown,
}

impl<C: Carrier> Session<C> {
    /// The append failed. Returns if the lines are in the log all the same.
    pub(super) async fn read_back(
        &self,
        log: &Name,
        lines: &[Vec<u8>],
        failure: Failure,
    ) -> Result<(), Error> {
        if planted!("world-no-reread-after-append") {
            return Err(failure.into());
        }
        let found = self.find(log, lines).await;
        match found {
            Some(ReadBack::There) => return Ok(()),
            Some(ReadBack::Absent) if self.carrier.facts().answers_are_final && !failure.is_unanswered => {
                return Err(failure.into());
            }
            _ => {}
        }
        if planted!("world-late-append-ignored") {
            return Err(failure.into());
        }
        self.writer.doubts(&failure, Some((Arc::clone(log), lines.to_vec())));
        match self.shut_out_patiently(log, lines).await {
            Ok(ShutOut::Yes) => {
                self.writer.is_certain();
                Err(failure.into())
            }
            Ok(ShutOut::NotKnown) => {
                self.writer.is_certain();
                Err(unknown("the write", &failure))
            }
            Err(_) => Err(unknown("the write", &failure)),
        }
    }

    /// What the log says of lines; `None` if it cannot be read.
    pub(super) async fn find(&self, log: &Name, lines: &[Vec<u8>]) -> Option<ReadBack> {
        let found = self.carrier.read_log(log).await.ok()?;
        if self.agent().is_some() {
            // The same operation twice is the same operation.
            let wanted = identities(lines);
            let there = identities(&found);
            let count = wanted.iter().filter(|identity| there.contains(*identity)).count();
            return Some(match count {
                0 => ReadBack::Absent,
                _ if count == wanted.len() => ReadBack::There,
                _ => ReadBack::Otherwise,
            });
        }
        let counted = self.writer.own().count();
        let behind = found.get(counted..)?;
        let is_same =
            behind.len() == lines.len() && behind.iter().zip(lines).all(|(one, other)| is_one(one, other));
        Some(match behind.len() {
            0 => ReadBack::Absent,
            _ if is_same => ReadBack::There,
            _ => ReadBack::Otherwise,
        })
    }

    /// As `shut_out()`, more than once if it fails.
    pub(super) async fn shut_out_patiently(&self, log: &Name, lines: &[Vec<u8>]) -> Result<ShutOut, Error> {
        let mut attempt = 0;
        loop {
            match self.shut_out(log, lines).await {
                Err(_) if attempt + 1 < LOOKS => {
                    attempt += 1;
                    self.pause(attempt).await;
                }
                shut => return shut,
            }
        }
    }

    /// Sees to it that lines of the own log do not count, whenever they arrive: a copy without them takes its place.
    pub(super) async fn shut_out(&self, log: &Name, lines: &[Vec<u8>]) -> Result<ShutOut, Error> {
        let is_own = self.writer.own().name().as_ref() == Some(log) && !self.writer.is_replaced();
        if self.agent().is_none() {
            if !is_own {
                return Ok(ShutOut::NotKnown);
            }
            let kept = self.writer.own().lines();
            let copy = self.copy_of(&kept).await?;
            let known = self.known()?;
            let next = self.with_copy(&known.manifest, log, &copy);
            self.writer.expects(&copy, &kept);
            self.become_copy(next, &copy, &kept).await?;
            return Ok(ShutOut::Yes);
        }
        let unwanted = identities(lines);
        let mut copied: Option<(Name, Vec<Vec<u8>>)> = None;
        let known = self
            .changing(async || {
                copied = None;
                self.update(async |manifest, _| {
                    let manifest = manifest.ok_or_else(missing)?;
                    copied = None;
                    let Some(named) = logs_of(manifest).into_iter().find(|named| named.path == *log) else {
                        return Ok(None);
                    };
                    // NOTE: a log that another store appends to cannot be copied: what it acknowledges meanwhile would be lost.
                    if named.is_live && !is_own {
                        return Ok(None);
                    }
                    let mut kept = self.carrier.read_log(log).await?;
                    kept.retain(|line| identity(line).is_none_or(|identity| !unwanted.contains(&identity)));
                    let copy = self.copy_of(&kept).await?;
                    let next = self.with_copy(manifest, log, &copy);
                    self.writer.expects(&copy, &kept);
                    copied = Some((copy, kept));
                    Ok(Some(next))
                })
                .await
            })
            .await?;
        let Some((copy, kept)) = copied else { return Ok(ShutOut::NotKnown) };
        if is_own && self.named_log(&known).as_ref() == Some(&copy) {
            let kept: Vec<Arc<[u8]>> = kept.into_iter().map(Arc::from).collect();
            self.writer.moved(&copy);
            self.take(known);
            self.writer.own().holds(kept.into_iter());
        }
        Ok(ShutOut::Yes)
    }

    /// A new log with these lines. A batch whose end is not among them ends with the last of them.
    pub(super) async fn copy_of(&self, lines: &[Vec<u8>]) -> Result<Name, Error> {
        let copy = self.create_log(self.agent()).await?;
        if !lines.is_empty() {
            self.carrier.append(&copy, &ended(lines)).await?;
        }
        Ok(copy)
    }

    pub(super) fn with_copy(&self, manifest: &Manifest, log: &Name, copy: &Name) -> Manifest {
        replaced(manifest, log, copy)
    }

    /// A single writer publishes a manifest that names a copy of its log, and goes over to it.
    pub(super) async fn become_copy(
        &self,
        next: Manifest,
        copy: &Name,
        lines: &[Vec<u8>],
    ) -> Result<(), Error> {
        let known = self.replace_own(next).await?;
        self.take(known);
        self.writer.moved(copy);
        self.writer.own().holds(lines.iter().map(|line| Arc::from(line.as_slice())));
        Ok(())
    }

    /// Learns what has become of an earlier step, before anything else is acknowledged.
    pub(super) async fn settle_doubt(&self) -> Result<(), Error> {
        let Some(doubt) = self.writer.doubt() else { return Ok(()) };
        match self.settle(doubt.log.as_ref()).await {
            Ok(()) => {
                self.writer.is_certain();
                Ok(())
            }
            Err(error) if error.code() == Some(Code::Locked) => Err(error),
            Err(_) => Err(unknown("an earlier write", &doubt.failure)),
        }
    }

    pub(super) async fn settle(&self, doubtful: Option<&(Name, Vec<Vec<u8>>)>) -> Result<(), Error> {
        let facts = self.carrier.facts();
        let found = self.read().await?.known()?;
        if self.is_another_at_work(&found) && !self.is_alone() {
            return Err(self.replaced_by_another());
        }
        let Some((log, lines)) = doubtful else {
            // A publication may still arrive, unless another one comes before it.
            if facts.conditional {
                if !self.touch(&found.manifest, &found.version).await? {
                    return Err(missing());
                }
                let found = self.read().await?.known()?;
                return self.take_again(found).await;
            }
            let is_known = self.known()?.manifest == found.manifest;
            if is_known && !facts.answers_are_final {
                return Err(missing());
            }
            return self.take_again(found).await;
        };
        if self.agent().is_some() {
            if self.named_log(&found).as_ref() != Some(log) {
                // Sealed, or in a snapshot by now: whatever counts of it is read from there.
                self.view.forget_origin();
                self.take(found);
                return Ok(());
            }
            self.shut_out(log, lines).await?;
            return Ok(());
        }
        self.take_again(found).await?;
        if self.writer.own().name().as_ref() == Some(log) {
            self.shut_out(log, &[]).await?;
        }
        Ok(())
    }

    /// The manifest may be one of this store's own that was thought to have failed.
    pub(super) async fn take_again(&self, found: Known) -> Result<(), Error> {
        let named = self.named_log(&found).filter(|_| self.agent().is_none());
        let Some(log) = named.filter(|log| self.writer.own().name().as_ref() != Some(log)) else {
            self.take(found);
            self.view.forget_origin();
            return Ok(());
        };
        // NOTE: before anything is taken over: should it fail, the next attempt finds everything as it is now.
        let lines = self.carrier.read_log(&log).await?;
        let (before, own) = (self.writer.own().name(), self.writer.own().lines());
        let is_same = self.known()?.manifest.snapshot() == found.manifest.snapshot();
        let is_undone = is_same && self.writer.expects_log(&log) && lines.len() < own.len();
        let behind = self.flight.uncounted();
        if is_undone && behind > 0 {
            // Changes that no log has yet were made over what it took out: the log gets that back.
            let copy = self.copy_of(&own).await?;
            self.take(found);
            self.view.forget_origin();
            self.writer.expects(&log, &lines);
            return self.put_back(&log, &copy, (before, own)).await;
        }
        self.take(found);
        self.view.forget_origin();
        if !is_same {
            // A checkpoint that was thought to have failed.
            self.view.keeps(lines.len(), behind);
        } else if is_undone {
            // An undo that was thought to have failed: memory follows.
            for _ in lines.len()..own.len() {
                self.view.undone();
            }
        }
        self.writer.own().holds(lines.into_iter().map(Arc::from));
        Ok(())
    }

    /// A copy with all lines that the writer's log had takes the place of one from which an undo took some. If it does not, the writer
    /// has what it had.
    async fn put_back(
        &self,
        log: &Name,
        copy: &Name,
        (before, own): (Option<Name>, Vec<Vec<u8>>),
    ) -> Result<(), Error> {
        let next = self.with_copy(&*self.known_rc()?, log, copy);
        self.writer.expects(copy, &own);
        let put = self.become_copy(next, copy, &own).await;
        if put.is_err() {
            before.iter().for_each(|before| self.writer.moved(before));
            self.writer.own().holds(own.into_iter().map(Arc::from));
        }
        put
    }
}
