//! `undo()`: the writer's own last operation, or its whole last batch, leaves its log. A single writer cuts its log, if it takes
//! one operation and no batch is left without its end; else, and by an agent, a copy without them is put in the place of the log: in one
//! step, and others may keep what they have read of the old one.

use std::sync::Arc;

use super::append::failure_of;
use super::carrier::{Carrier, Error};
use super::entry::{Entry, highest_clock, in_order, logs_of, read_logs};
use super::lines::identity;
use super::publication::unknown;
use super::session::{Session, missing};
use crate::format::document::Name;
use crate::format::operation::{BatchMark, parse_line};
use crate::rules::batches::{is_end_to_be, last_batch};
use crate::transition::backend::replaced;

impl<C: Carrier> Session<C> {
    /// Takes the last operation back, or the whole last batch. `false` if there is none that can be.
    ///
    /// # Errors
    /// Those of the steps; nothing was undone then, unless the error says that this is not known.
    pub async fn undo(&self, is_batch: bool) -> Result<bool, Error> {
        self.refuse_newer(&*self.known_rc()?)?;
        if self.agent().is_some() {
            return self.undo_of_agent(is_batch).await;
        }
        self.flight.flushed().await;
        if self.view.store().counts().operations == 0 {
            return Ok(false);
        }
        if self.take_back() {
            return Ok(true);
        }
        self.settle_doubt().await?;
        self.check_replaced()?;
        let own = self.writer.own().lines();
        let count = if is_batch { last_batch(own.iter().rev().map(|line| mark_of(line))) } else { 1 };
        let facts = self.carrier.facts();
        if count > 1 || self.is_fenced_off() || !facts.ends_batches && leaves_batch_open(&own) {
            return self.put_shorter_copy(count).await;
        }
        if !self.cut_last().await? {
            return Ok(false);
        }
        self.view.undone();
        Ok(true)
    }

    async fn cut_last(&self) -> Result<bool, Error> {
        let Some(log) = self.writer.own().name() else { return Ok(false) };
        if !self.is_alone() {
            let known = self.known()?;
            let found = self.look(&known).await?;
            if self.is_another_at_work(&found) {
                self.writer.replaced();
                self.check_replaced()?;
            }
        }
        let own = self.writer.own().lines();
        let failure = match self.carrier.cut(&log).await {
            Ok(is_cut) => {
                if let (true, Some(last)) = (is_cut, own.last()) {
                    self.writer.own().forget(last);
                }
                return if is_cut { self.judge_cut(&log, own.len()).await } else { Ok(false) };
            }
            Err(failure) if planted!("world-no-reread-after-cut") => return Err(failure.into()),
            Err(failure) => failure,
        };
        let left = self.carrier.read_log(&log).await.ok().map(|lines| lines.len());
        let is_final = self.carrier.facts().answers_are_final && !failure.is_unanswered;
        match left {
            Some(left) if left + 1 == own.len() && is_final => {
                if let Some(last) = own.last() {
                    self.writer.own().forget(last);
                }
                return self.judge_cut(&log, own.len()).await;
            }
            Some(left) if left == own.len() && is_final => return Err(failure.into()),
            _ => {}
        }
        // NOTE: a cut that arrives later would take another operation: what it may cut is put out of its reach.
        let is_done = left.is_some_and(|left| left + 1 == own.len());
        let kept: Vec<Vec<u8>> = match own.split_last() {
            Some((_, before)) if is_done => before.to_vec(),
            _ => own,
        };
        self.writer.own().holds(kept.iter().map(|line| Arc::from(line.as_slice())));
        self.writer.doubts(&failure, Some((log, Vec::new())));
        match self.settle_doubt().await {
            Ok(()) if is_done => Ok(true),
            Ok(()) => Err(failure.into()),
            Err(_) if is_done => {
                self.view.undone();
                Err(unknown("the undo", &failure))
            }
            Err(_) => Err(unknown("the undo", &failure)),
        }
    }

    /// A log that can be closed is never changed, and several operations leave it at once: a copy without them takes its place.
    async fn put_shorter_copy(&self, count: usize) -> Result<bool, Error> {
        let Some(log) = self.writer.own().name() else { return Ok(false) };
        let mut kept = self.writer.own().lines();
        if kept.is_empty() {
            return Ok(false);
        }
        kept.truncate(kept.len().saturating_sub(count));
        let copy = self.copy_of(&kept).await?;
        let next = self.with_copy(&*self.known_rc()?, &log, &copy);
        self.writer.expects(&copy, &kept);
        let before = self.view.store().counts().operations;
        let undone = self.become_copy(next, &copy, &kept).await;
        let is_known = match &undone {
            Ok(()) => true,
            Err(_) if self.writer.doubt().is_none() => false,
            Err(_) => self.settle_doubt().await.is_ok() && self.writer.own().name().as_ref() == Some(&copy),
        };
        if !is_known {
            return undone.map(|()| true);
        }
        // NOTE: where the doubt was settled, memory may have followed by then.
        for _ in before.saturating_sub(self.view.store().counts().operations)..count {
            self.view.undone();
        }
        self.writer.leaves(log);
        Ok(true)
    }

    /// An operation was cut off a log that had this many. Does that count?
    async fn judge_cut(&self, log: &Name, before: usize) -> Result<bool, Error> {
        if self.is_alone() || planted!("world-no-look-after-cut") {
            return Ok(true);
        }
        let known = self.known()?;
        let found = match self.look_patiently(&known).await {
            Ok(found) => found,
            Err(failure) => {
                self.writer.doubts(&failure, Some((Arc::clone(log), Vec::new())));
                self.view.undone();
                return Err(unknown("the undo", &failure));
            }
        };
        if !self.is_another_at_work(&found) {
            self.take(found);
            return Ok(true);
        }
        // The writer that took over says how many operations of this log it took along.
        let fenced = found.manifest.numbers("fenced");
        match fenced.iter().find(|(fenced, _)| fenced == log).map(|(_, count)| *count as usize) {
            Some(count) if count < before => Ok(true),
            Some(_) => Err(self.replaced_by_another()),
            None => {
                let failure = failure_of(self.replaced_by_another());
                Err(unknown("the undo", &failure))
            }
        }
    }

    async fn undo_of_agent(&self, is_batch: bool) -> Result<bool, Error> {
        self.settle_doubt().await?;
        self.check_replaced()?;
        let Some(agent) = self.agent().cloned() else { return Ok(false) };
        if !self.view.store().has_operation_of(&agent) {
            return Ok(false);
        }
        let mut undone: Option<(Vec<Entry>, Name)> = None;
        let known = self
            .changing(async || {
                undone = None;
                self.update(async |manifest, _| {
                    let manifest = manifest.ok_or_else(missing)?;
                    self.refuse_newer(manifest)?;
                    self.must_be_ours(manifest)?;
                    let mut entries = read_logs(&self.carrier, &logs_of(manifest), false).await?;
                    let lines: Vec<(Name, Arc<[u8]>)> = entries
                        .iter()
                        .map(|entry| (Arc::clone(&entry.log), Arc::clone(&entry.line)))
                        .collect();
                    in_order(&mut entries);
                    self.view.store().see_clock(highest_clock(&entries));
                    if let Some((gone, copy)) = &undone
                        && manifest.logs().contains(copy)
                        && !entries
                            .iter()
                            .any(|known| gone.iter().any(|gone| gone.identity == known.identity))
                    {
                        // An earlier attempt took effect after all.
                        return Ok(None);
                    }
                    undone = None;
                    // NOTE: another store with this agentId may have logged what stands behind.
                    let own = self.writer.own().name();
                    let is_own = |entry: &&Entry| entry.agent == agent;
                    let in_own_log = |entry: &&Entry| is_own(entry) && Some(&entry.log) == own.as_ref();
                    let last = entries.iter().rev().find(in_own_log);
                    let last = last.or_else(|| entries.iter().rev().find(is_own));
                    // Of one that was appended again, the first copy may be in a snapshot.
                    let Some(last) = last.filter(|entry| !entry.is_again) else { return Ok(None) };
                    self.manifests.see_names(manifest);
                    // NOTE: in their order, for a line that came late stands behind others.
                    let own: Vec<&Entry> =
                        entries.iter().filter(|entry| is_own(entry) && entry.log == last.log).collect();
                    let marks = own.iter().rev().map(|entry| mark_of(&entry.line));
                    let count = if is_batch { last_batch(marks) } else { 1 };
                    let gone = own.iter().rev().take(count).map(|entry| Arc::clone(&entry.identity));
                    let gone: Vec<Arc<[u8]>> = gone.collect();
                    let in_log = lines.iter().filter(|(log, _)| *log == last.log).map(|(_, line)| line);
                    // It may be there more than once.
                    let is_gone = |identity: &Arc<[u8]>| gone.contains(identity);
                    let is_kept = |line: &[u8]| identity(line).is_none_or(|identity| !is_gone(&identity));
                    let kept: Vec<Vec<u8>> =
                        in_log.filter(|line| is_kept(line)).map(|line| line.to_vec()).collect();
                    let concerned = entries.iter().rev().filter(|entry| is_gone(&entry.identity));
                    let concerned: Vec<Entry> = concerned.cloned().collect();
                    if concerned.iter().any(|entry| entry.is_again) {
                        return Ok(None);
                    }
                    let copy = self.copy_of(&kept).await?;
                    let next = replaced(manifest, &last.log, &copy);
                    self.writer.expects(&copy, &kept);
                    undone = Some((concerned, copy));
                    Ok(Some(next))
                })
                .await
            })
            .await?;
        let Some((gone, copy)) = undone else {
            self.take(known);
            return Ok(false);
        };
        let was_own = gone.first().is_some_and(|entry| self.writer.own().name().as_ref() == Some(&entry.log));
        let own: Vec<Arc<[u8]>> = self.writer.own().lines().into_iter().map(Arc::from).collect();
        if was_own {
            self.writer.moved(&copy);
        }
        self.take(known);
        // The log may have been sealed before: then the copy is in its place, and the writer has another by now.
        let is_own =
            self.writer.own().name().as_ref() == Some(&copy) || planted!("world-undo-counts-elsewhere");
        if was_own && is_own {
            let is_undone = |line: &[u8]| {
                identity(line).is_some_and(|identity| gone.iter().any(|entry| entry.identity == identity))
            };
            self.writer.own().holds(own.into_iter().filter(|line| !is_undone(line)));
        }
        // NOTE: it is undone: what fails from here on must not say that it is not.
        for entry in &gone {
            if self.options.skip_load {
                self.view.taken_out(&entry.identity)?;
                self.stands_without(entry);
            } else if !self.view.removed(&entry.identity)? {
                self.view.forget_origin();
            }
        }
        if !self.options.skip_load && !self.view.has_origin() {
            let _ = self.catch_up().await;
        }
        Ok(true)
    }
}

pub(super) fn mark_of(line: &[u8]) -> Option<BatchMark> {
    parse_line(line).ok()?.batch
}

/// Whether a log without its last line would end in a batch without its end.
fn leaves_batch_open(lines: &[Vec<u8>]) -> bool {
    let before = lines.len().checked_sub(2).and_then(|place| lines.get(place));
    before.is_some_and(|before| is_end_to_be(mark_of(before)))
}
