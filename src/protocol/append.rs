//! An append, and what it counts for. It counts once a look at the manifest, made after it, still finds the log there for
//! this store: compactions and writers that take over change the manifest first and read the logs afterwards, so a writer
//! that did has seen it. Behind a kernel lock no look is needed, nor for a single writer whose log is closed by the writer that
//! takes over: an append after that fails.

use std::rc::Rc;
use std::sync::Arc;

use super::carrier::{Carrier, Error, Failure};
use super::doubt::ShutOut;
use super::entry::{Entry, Log, logs_of};
use super::lines::identities;
use super::manifests::Known;
use super::publication::{Found, LOOKS, unknown};
use super::session::Session;
use crate::error::Code;
use crate::format::document::{Manifest, Name, Numbering};
use crate::format::operation::marked::followed;
use crate::transition::backend::fence_of;

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

impl<C: Carrier> Session<C> {
    /// Appends lines to the writer's log; `draft` makes them, with the mark of the schema version that the log needs.
    pub(super) async fn append(
        &self,
        draft: impl Fn(Option<u64>) -> Vec<Vec<u8>>,
    ) -> Result<Appended, Error> {
        self.append_to_log(draft, false).await
    }

    /// With `counted`, the lines count already: copies of them do no harm, and are not shut out.
    pub(super) async fn append_to_log(
        &self,
        draft: impl Fn(Option<u64>) -> Vec<Vec<u8>>,
        counted: bool,
    ) -> Result<Appended, Error> {
        let before = self.writer.own().name();
        self.settle_doubt().await?;
        self.check_replaced()?;
        if self.agent().is_some() && self.writer.own().name() != before && !counted {
            // What was drafted for the log before may stand below what was sealed with it.
            return Ok(Appended::Sealed(None));
        }
        let known = self.known_rc()?;
        if !counted {
            self.refuse_newer(&known)?;
        }
        let Some(log) = self.writer.own().name() else { return Ok(Appended::Sealed(None)) };
        if self.writer.has_lost() {
            return Ok(Appended::Sealed(None));
        }
        let mut lines = draft(self.version_mark(&known, &log));
        // NOTE: a folder with kernel locks may be opened without the backend, and its logs are read by what they say of each other.
        if self.writer.own().count() == 0
            && self.agent().is_none()
            && self.carrier.facts().kernel_lock
            && let Some(first) = lines.first_mut()
            && let Some(before) = known.follows()
        {
            *first = followed(first, (&before.0, before.1));
        }
        let lines = &lines;
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

    /// Refuses a manifest that names another store with this agentId.
    pub(super) fn must_be_ours(&self, manifest: &Manifest) -> Result<(), Error> {
        let session = self.agent().and_then(|agent| manifest.session_of(agent));
        if session.is_some_and(|session| session != *self.writer.session()) {
            self.writer.replaced();
        }
        self.check_replaced()
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

    pub(super) fn count(&self, log: &Name, lines: &[Vec<u8>]) {
        let Ok(known) = self.known() else { return };
        let logs = logs_of(&known.manifest);
        let unnamed = Log {
            path: Arc::clone(log),
            generation: Log::LIVE,
            is_live: true,
            numbering: Numbering::default(),
            version: None,
            fence: None,
        };
        let place = logs.iter().find(|named| named.path == *log).unwrap_or(&unnamed);
        for (index, line) in lines.iter().enumerate() {
            if let Some(identity) = Entry::identity_of(line, self.writer.own().count() + index, place) {
                self.view.appended(identity);
            }
        }
        self.writer.own().counts(lines);
        self.wrote_version(&known.manifest);
    }

    /// The append was answered. Does it count?
    pub(super) async fn judge(
        &self,
        log: &Name,
        lines: &[Vec<u8>],
        counted: bool,
    ) -> Result<Appended, Error> {
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

    pub(super) fn named_log(&self, found: &Known) -> Option<Name> {
        match self.agent() {
            Some(agent) => found.manifest.log_of(agent),
            None => Some(found.manifest.active_ops()),
        }
    }

    /// Another store writes in this one's place: sees to it that the lines do not count, and says what is known of them.
    pub(super) async fn refuse(&self, log: &Name, lines: &[Vec<u8>], found: &Known) -> Error {
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
    pub(super) fn counted(&self) -> usize {
        if self.agent().is_none() {
            return self.writer.own().count();
        }
        // NOTE: an append that was carried out twice is there twice.
        identities(&self.writer.own().lines()).len()
    }

    /// Whether a log went into a snapshot with no more operations than these.
    pub(super) async fn is_fenced(&self, log: &Name, before: usize) -> bool {
        let Ok(Found { manifest: Some(manifest), .. }) = self.read_patiently().await else { return false };
        is_fenced(&manifest, log, before)
    }

    /// Creates a log under a name that is not in use.
    pub(super) async fn create_log(&self, agent: Option<&Name>) -> Result<Name, Error> {
        self.pass_names().await;
        let log = self.carrier.create_log(agent).await?;
        let is_used = self.manifest().is_some_and(|manifest| manifest.logs().contains(&log));
        if log.is_empty() || is_used {
            let log = String::from_utf8_lossy(&log);
            return Err(Error::rule(Code::Io, format!("The backend gave a name that is in use: {log}")));
        }
        Ok(log)
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
