//! An append, and what it counts for. It counts once a look at the manifest, made after it, still finds the log there for
//! this store: compactions and writers that take over change the manifest first and read the logs afterwards, so a writer
//! that did has seen it. Behind a kernel lock no look is needed, nor for a single writer whose log is closed by the writer that
//! takes over: an append after that fails.
//!
//! An append that failed may have taken effect, or take effect later. The log is read back; a line that is not there is
//! shut out by a copy of the log without it, before anything else is acknowledged.

use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashSet;

use super::carrier::{Carrier, Error, Failure, Lock};
use super::entry::{Entry, Log, ended, logs_of};
use super::publication::{Found, LOOKS, unknown};
use super::session::{Known, Session, missing};
use crate::error::Code;
use crate::format::document::{Manifest, Name};
use crate::transition::backend::{fence_of, replaced};

/// How long a change of the manifest waits for the compaction lock.
pub(super) const CHANGE_WAIT_MS: u64 = 20_000;

/// What became of lines that were appended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// They count.
    Counts,
    /// The log was sealed before they counted: they must be appended again, behind what others wrote. Names the log that
    /// they are in, if they are in one.
    Sealed(Option<Copy>),
}

/// Lines in a log that was sealed before they counted, and how many operations before them do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    log: Name,
    lines: Vec<Vec<u8>>,
    before: usize,
}

/// What the log says of lines whose append failed.
#[derive(Debug, PartialEq, Eq)]
enum ReadBack {
    There,
    Absent,
    /// Some of them, or more than once.
    Otherwise,
}

/// Whether lines can still come to count.
#[derive(Debug, PartialEq, Eq)]
enum ShutOut {
    Yes,
    NotKnown,
}

impl<C: Carrier> Session<C> {
    /// Appends lines to the writer's log; `draft` makes them, with the mark of the schema version that the log needs.
    pub(super) async fn append(
        &self,
        draft: impl Fn(Option<u64>) -> Vec<Vec<u8>>,
    ) -> Result<Appended, Error> {
        self.append_to_log(draft, false).await
    }

    /// With `counted`, the lines count already: copies of them do no harm, and are not shut out.
    async fn append_to_log(
        &self,
        draft: impl Fn(Option<u64>) -> Vec<Vec<u8>>,
        counted: bool,
    ) -> Result<Appended, Error> {
        let before = self.writer.log();
        self.settle_doubt().await?;
        self.check_replaced()?;
        if self.agent().is_some() && self.writer.log() != before && !counted {
            // What was drafted for the log before may stand below what was sealed with it.
            return Ok(Appended::Sealed(None));
        }
        let known = self.known_rc()?;
        if !counted {
            self.refuse_newer(&known)?;
        }
        let Some(log) = self.writer.log() else { return Ok(Appended::Sealed(None)) };
        if self.writer.has_lost() {
            return Ok(Appended::Sealed(None));
        }
        let lines = &draft(self.version_mark(&known, &log));
        if let Err(failure) = self.carrier.append(&log, lines).await {
            if failure.is_fenced && self.agent().is_none() {
                // The writer that took over closed the log before it read it.
                return Err(self.replaced_by_another());
            }
            if counted {
                return Err(failure.into());
            }
            self.read_back(&log, lines, failure).await?;
        }
        if self.is_alone() || self.is_fenced_off() {
            self.count(&log, lines);
            return Ok(Appended::Counts);
        }
        self.judge(&log, lines, counted).await
    }

    /// Another store with this agentId, or another single writer, writes in this one's place.
    pub(super) fn check_replaced(&self) -> Result<(), Error> {
        if self.writer.is_replaced() { Err(self.replaced_by_another()) } else { Ok(()) }
    }

    pub(super) fn replaced_by_another(&self) -> Error {
        self.writer.replaced();
        let message = match self.agent() {
            Some(agent) => {
                let agent = String::from_utf8_lossy(agent);
                format!("Another store now owns agentId '{agent}'; this one can no longer write.")
            }
            None => "Another writer has taken this store over; this one can no longer write. \
                     Close it and open it again."
                .to_owned(),
        };
        Error::rule(Code::Locked, message)
    }

    fn count(&self, log: &Name, lines: &[Vec<u8>]) {
        let Ok(known) = self.known() else { return };
        let logs = logs_of(&known.manifest);
        let unnamed = Log {
            path: Arc::clone(log),
            generation: Log::LIVE,
            is_live: true,
            era: 0,
            version: None,
            fence: None,
        };
        let place = logs.iter().find(|named| named.path == *log).unwrap_or(&unnamed);
        for (index, line) in lines.iter().enumerate() {
            if let Some(identity) = Entry::identity_of(line, self.writer.count() + index, place) {
                self.view.appended(identity);
            }
        }
        self.writer.counts(lines);
        self.wrote_version(&known.manifest);
    }

    /// The append was answered. Does it count?
    async fn judge(&self, log: &Name, lines: &[Vec<u8>], counted: bool) -> Result<Appended, Error> {
        let known = self.known()?;
        let found = match self.look_patiently(&known).await {
            Ok(found) => found,
            Err(failure) if counted => return Err(failure.into()),
            Err(failure) => {
                self.writer.doubts(&failure, Some((Arc::clone(log), lines.to_vec())));
                return Err(unknown("the write", &failure));
            }
        };
        if self.is_another_at_work(&found) && counted {
            return Err(self.replaced_by_another());
        }
        if self.is_another_at_work(&found) {
            return Err(self.refuse(log, lines, &found).await);
        }
        if self.named_log(&found) != Some(Arc::clone(log)) {
            let copy = Copy { log: Arc::clone(log), lines: lines.to_vec(), before: self.counted() };
            return Ok(Appended::Sealed(Some(copy)));
        }
        self.count(log, lines);
        self.take(found);
        Ok(Appended::Counts)
    }

    pub(super) async fn look_patiently(&self, known: &Known) -> Result<Known, Failure> {
        if planted!("world-no-look-after-append") {
            return Ok(known.clone());
        }
        let mut attempt = 0;
        loop {
            let error = match self.look(known).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            attempt += 1;
            if attempt == LOOKS {
                return Err(failure_of(error));
            }
            self.pause(attempt).await;
        }
    }

    /// Whether the manifest says that another store writes in this one's place.
    pub(super) fn is_another_at_work(&self, found: &Known) -> bool {
        if planted!("world-session-not-compared") {
            return false;
        }
        let manifest = &found.manifest;
        match self.agent() {
            Some(agent) => {
                manifest.session_of(agent).is_some_and(|session| session != *self.writer.session())
            }
            None if manifest.agent_logs().is_some() => true,
            // One that took over may be done already, and have taken its name out.
            None => manifest.text("writer").as_ref() != Some(self.writer.session()),
        }
    }

    fn named_log(&self, found: &Known) -> Option<Name> {
        match self.agent() {
            Some(agent) => found.manifest.log_of(agent),
            None => Some(found.manifest.active_ops()),
        }
    }

    /// Another store writes in this one's place: sees to it that the lines do not count, and says what is known of them.
    async fn refuse(&self, log: &Name, lines: &[Vec<u8>], found: &Known) -> Error {
        let refused = self.replaced_by_another();
        let Error::Rule { code, message, .. } = refused else { return refused };
        let is_out = match self.agent() {
            Some(_) => self.shut_out(log, lines).await.unwrap_or(ShutOut::NotKnown),
            // The store that took over says how many operations of this log it took along.
            None if is_fenced(&found.manifest, log, self.counted()) => ShutOut::Yes,
            None => ShutOut::NotKnown,
        };
        if is_out == ShutOut::Yes || self.is_fenced(log, self.counted()).await {
            return Error::rule(code, message);
        }
        Error::rule(Code::Failed, format!("{message} Whether the last write took effect is not known."))
    }

    /// Lines are in logs that were sealed before they counted, and cannot be appended again: sees to it that they do not
    /// count, and says what is known of them.
    pub(super) async fn give_up(&self, copies: &[Copy], error: Error) -> Error {
        for Copy { log, lines, before } in copies {
            let is_out = self.shut_out_patiently(log, lines).await;
            if matches!(is_out, Ok(ShutOut::Yes)) || self.is_fenced(log, *before).await {
                continue;
            }
            return unknown("the write", &failure_of(error));
        }
        error
    }

    /// How many different operations of the own log count.
    fn counted(&self) -> usize {
        if self.agent().is_none() {
            return self.writer.count();
        }
        // NOTE: an append that was carried out twice is there twice.
        identities(&self.writer.own()).len()
    }

    /// Whether a log went into a snapshot with no more operations than these.
    async fn is_fenced(&self, log: &Name, before: usize) -> bool {
        let Ok(Found { manifest: Some(manifest), .. }) = self.read_patiently().await else { return false };
        is_fenced(&manifest, log, before)
    }

    /// The append failed. Returns if the lines are in the log all the same.
    async fn read_back(&self, log: &Name, lines: &[Vec<u8>], failure: Failure) -> Result<(), Error> {
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
    async fn find(&self, log: &Name, lines: &[Vec<u8>]) -> Option<ReadBack> {
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
        let counted = self.writer.count();
        let behind = found.get(counted..)?;
        let is_same =
            behind.len() == lines.len() && behind.iter().zip(lines).all(|(one, other)| same(one, other));
        Some(match behind.len() {
            0 => ReadBack::Absent,
            _ if is_same => ReadBack::There,
            _ => ReadBack::Otherwise,
        })
    }

    /// As `shut_out()`, more than once if it fails.
    async fn shut_out_patiently(&self, log: &Name, lines: &[Vec<u8>]) -> Result<ShutOut, Error> {
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
    async fn shut_out(&self, log: &Name, lines: &[Vec<u8>]) -> Result<ShutOut, Error> {
        let is_own = self.writer.log().as_ref() == Some(log) && !self.writer.is_replaced();
        if self.agent().is_none() {
            if !is_own {
                return Ok(ShutOut::NotKnown);
            }
            let kept = self.writer.own();
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
            self.writer.holds(kept.into_iter());
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
        self.writer.holds(lines.iter().map(|line| Arc::from(line.as_slice())));
        Ok(())
    }

    /// Creates a log under a name that is not in use.
    pub(super) async fn create_log(&self, agent: Option<&Name>) -> Result<Name, Error> {
        self.pass_names().await;
        let log = self.carrier.create_log(agent).await?;
        let is_used = self.known.borrow().as_ref().is_some_and(|known| known.manifest.logs().contains(&log));
        if log.is_empty() || is_used {
            let log = String::from_utf8_lossy(&log);
            return Err(Error::rule(Code::Io, format!("The backend gave a name that is in use: {log}")));
        }
        Ok(log)
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

    async fn settle(&self, doubtful: Option<&(Name, Vec<Vec<u8>>)>) -> Result<(), Error> {
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
        if self.writer.log().as_ref() == Some(log) {
            self.shut_out(log, &[]).await?;
        }
        Ok(())
    }

    /// The manifest may be one of this store's own that was thought to have failed.
    async fn take_again(&self, found: Known) -> Result<(), Error> {
        let is_same = self.writer.log() == self.named_log(&found);
        let before = self.writer.count();
        self.take(found);
        if !is_same && self.agent().is_none() {
            let known = self.known()?;
            let lines = self.carrier.read_log(&known.manifest.active_ops()).await?;
            if self.is_fenced_off() && lines.len() + 1 == before && self.flight.is_idle() {
                // An undo that was thought to have failed: memory follows.
                self.view.undone();
            }
            self.writer.holds(lines.into_iter().map(Arc::from));
        }
        self.view.forget_origin();
        Ok(())
    }

    /// Runs a change of the manifest: under the compaction lock, unless conditions make that needless.
    pub(super) async fn changing<T>(&self, work: impl AsyncFnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let facts = self.carrier.facts();
        if facts.conditional || !facts.compaction_lock || self.agent().is_none() {
            return work().await;
        }
        let lock = self.wait_for(Lock::Compaction, CHANGE_WAIT_MS).await?;
        let Some(lock) = lock else { return Err(super::lock::compaction_locked()) };
        let result = work().await;
        self.give_back(Lock::Compaction, lock).await;
        result
    }

    /// As `changing()`, without waiting: a change that may be left out.
    pub(super) async fn changing_if_free<T>(
        &self,
        work: impl AsyncFnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let facts = self.carrier.facts();
        if facts.conditional || !facts.compaction_lock {
            return work().await;
        }
        let Some(lock) = self.wait_for(Lock::Compaction, 0).await? else {
            return Err(super::lock::compaction_locked());
        };
        let result = work().await;
        self.give_back(Lock::Compaction, lock).await;
        result
    }

    /// Goes over to the log that is the writer's now, and appends operations again there that count but whose log was
    /// dropped by mistake. Returns the clock above which to go on.
    pub(super) async fn move_on(&self) -> Result<u64, Error> {
        let mut clock = self.view.store().clock();
        let mut pending: Vec<Arc<[u8]>> = Vec::new();
        loop {
            let moved = self.move_once().await;
            pending.extend(self.writer.take_lost());
            match moved {
                Ok(seen) => clock = clock.max(seen),
                Err(error) => {
                    self.writer.put_lost_back(pending);
                    return Err(error);
                }
            }
            if pending.is_empty() {
                return Ok(clock);
            }
            let again: Vec<Vec<u8>> = pending
                .iter()
                .zip(clock + 1..)
                .filter_map(|(line, clock)| appended_again(line, clock))
                .collect();
            clock += again.len() as u64;
            match self.append_to_log(|_| again.clone(), true).await {
                Ok(Appended::Counts) => {
                    self.view.forget_origin();
                    return Ok(clock);
                }
                Ok(Appended::Sealed(_)) => {}
                Err(error) => {
                    self.writer.put_lost_back(pending);
                    return Err(error);
                }
            }
        }
    }

    async fn move_once(&self) -> Result<u64, Error> {
        let found = self.read().await?.known()?;
        if self.is_another_at_work(&found) {
            return Err(self.replaced_by_another());
        }
        self.take(found);
        self.refuse_newer(&*self.known_rc()?)?;
        if self.agent().is_some() && self.writer.log().is_none() {
            self.register_again().await?;
        }
        // What was sealed but not published may hold higher clocks than the manifest.
        let known = self.known()?;
        let sealed =
            super::entry::read_logs(&self.carrier, &super::entry::sealed_logs(&known.manifest), true).await?;
        Ok(known.manifest.number("clock").max(super::entry::highest_clock(&sealed)))
    }

    /// Appends operations again that count, but whose log was dropped by mistake.
    pub(super) async fn heal(&self) -> Result<(), Error> {
        if self.writer.has_lost() {
            let clock = self.move_on().await?;
            self.view.store().see_clock(clock);
        }
        Ok(())
    }

    pub(super) fn known_rc(&self) -> Result<Rc<Manifest>, Error> {
        Ok(self.known()?.manifest)
    }
}

/// Whether no more operations of a log count than these.
fn is_fenced(manifest: &Manifest, log: &[u8], before: usize) -> bool {
    fence_of(manifest, log).is_some_and(|count| count as usize <= before)
}

/// The failed step behind an error.
pub(super) fn failure_of(error: Error) -> Failure {
    match error {
        Error::Step(failure) | Error::Rule { cause: Some(failure), .. } => failure,
        Error::NotUnique(found) => Failure {
            number: 0,
            message: found.to_string(),
            is_missing: false,
            is_unanswered: false,
            is_fenced: false,
        },
        Error::Rule { message, .. } => {
            Failure { number: 0, message, is_missing: false, is_unanswered: false, is_fenced: false }
        }
    }
}

/// What tells an agent's operation from all others.
pub(super) fn identity(line: &[u8]) -> Option<Arc<[u8]>> {
    let nowhere = Log {
        path: Arc::from(&b""[..]),
        generation: Log::LIVE,
        is_live: true,
        era: 0,
        version: None,
        fence: None,
    };
    Entry::identity_of(line, 0, &nowhere)
}

fn identities(lines: &[Vec<u8>]) -> HashSet<Arc<[u8]>> {
    lines.iter().filter_map(|line| identity(line)).collect()
}

/// Whether two lines say the same, whatever their marks.
fn same(one: &[u8], other: &[u8]) -> bool {
    use crate::format::operation::unmarked;
    unmarked(one) == unmarked(other)
}

/// A line with another clock, and a mark that tells the first one.
fn appended_again(line: &[u8], clock: u64) -> Option<Vec<u8>> {
    let parsed = crate::format::operation::parse_line(line).ok()?;
    let first = parsed.again.or(parsed.clock)?;
    let mut manifest = Manifest::of_line(line)?;
    manifest.set_number("clock", clock);
    manifest.set_number("again", first);
    Some(manifest.print())
}
