//! The log of this store: where it is, which operations in it count, and whether writing may go on. Invariant: nothing is
//! acknowledged while it is not known what has become of an earlier step.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::carrier::Failure;
use super::entry::logs_of;
use super::own_log::OwnLog;
use crate::format::document::{Manifest, Name};
use crate::format::operation::marked::{Marks, marked};

/// A step of which it is not known whether it takes effect.
#[derive(Debug, Clone)]
pub struct Doubt {
    /// What was told.
    pub failure: Failure,
    /// The log that may get lines that do not count, and those lines; `None` if it is the manifest that is in doubt.
    pub log: Option<(Name, Vec<Vec<u8>>)>,
}

/// A log that is to take the place of the writer's, and its lines.
type Copy = (Name, Vec<Arc<[u8]>>);

/// The writer's own log.
pub struct Writer {
    session: Name,
    own: OwnLog,
    lost: RefCell<Vec<Arc<[u8]>>>,
    copies: RefCell<Vec<Copy>>,
    left: RefCell<Vec<Name>>,
    doubt: RefCell<Option<Doubt>>,
    is_at_work: Cell<bool>,
    is_replaced: Cell<bool>,
}

impl Writer {
    pub(super) fn new(session: Name) -> Self {
        Self {
            session,
            own: OwnLog::default(),
            lost: RefCell::default(),
            copies: RefCell::default(),
            left: RefCell::default(),
            doubt: RefCell::default(),
            is_at_work: Cell::new(false),
            is_replaced: Cell::new(false),
        }
    }

    /// What tells this store from others with its agentId.
    pub(super) fn session(&self) -> &Name {
        &self.session
    }

    /// The log that is appended to, and its lines that count.
    pub(super) fn own(&self) -> &OwnLog {
        &self.own
    }

    /// Whether a log is a copy that is to take the place of the writer's.
    pub(super) fn expects_log(&self, log: &Name) -> bool {
        self.copies.borrow().iter().any(|(copy, _)| copy == log)
    }

    /// A copy took the place of this log, which nothing needs once readers have seen that.
    pub(super) fn leaves(&self, log: Name) {
        self.left.borrow_mut().push(log);
    }

    /// Logs that were left.
    pub(super) fn take_left(&self) -> Vec<Name> {
        self.left.take()
    }

    /// A copy of the log with these lines is about to take its place: it is recognised whenever it does.
    pub(super) fn expects(&self, copy: &Name, lines: &[Vec<u8>]) {
        let lines = lines.iter().map(|line| Arc::from(line.as_slice())).collect();
        self.copies.borrow_mut().push((Arc::clone(copy), lines));
    }

    /// A copy of the log with these lines took its place.
    pub(super) fn moved(&self, copy: &Name) {
        self.own.moved(copy);
    }

    /// Operations that count but whose log was dropped by mistake: they are to be appended again.
    pub(super) fn take_lost(&self) -> Vec<Arc<[u8]>> {
        self.lost.take()
    }

    /// Whether there are any.
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.borrow().is_empty()
    }

    /// They could not be appended again.
    pub(super) fn put_lost_back(&self, lines: Vec<Arc<[u8]>>) {
        self.lost.borrow_mut().splice(0..0, lines);
    }

    /// What has become of a step is not known.
    pub(super) fn doubts(&self, failure: &Failure, log: Option<(Name, Vec<Vec<u8>>)>) {
        self.doubt.borrow_mut().get_or_insert(Doubt { failure: failure.clone(), log });
    }

    /// The step of which it is not known what has become of it.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.doubt.borrow().clone()
    }

    /// It is known by now.
    pub(super) fn is_certain(&self) {
        *self.doubt.borrow_mut() = None;
    }

    /// The manifest names this store: from now on another one there has taken its place.
    pub(super) fn begins(&self) {
        self.is_at_work.set(true);
    }

    /// Whether the manifest has named this store.
    pub(super) fn is_at_work(&self) -> bool {
        self.is_at_work.get()
    }

    /// Another store writes in this one's place.
    pub(super) fn replaced(&self) {
        self.is_replaced.set(true);
    }

    /// Whether another store writes in this one's place.
    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.get()
    }

    /// The manifest is another: goes over to the log that it names for this writer. `version` tells the schema version of the
    /// lines of a log that have no mark.
    pub(super) fn follow(
        &self,
        agent: Option<&Name>,
        before: Option<&Manifest>,
        now: &Manifest,
        version: impl Fn(&Name) -> Option<u64>,
    ) {
        let log = match agent {
            Some(agent) => now.log_of(agent),
            None if now.agent_logs().is_none() => Some(now.active_ops()),
            None => None,
        };
        let old = self.own.name();
        if log == old {
            return;
        }
        let copies = self.copies.take();
        if let Some((copy, lines)) = copies.iter().find(|(copy, _)| Some(copy) == log.as_ref()) {
            self.own.moved(copy);
            self.own.holds(lines.iter().cloned());
            return;
        }
        if let (Some(old), Some(before)) = (&old, before)
            && agent.is_some()
            && self.own.count() > 0
            // A copy of the log may have been published, and sealed since.
            && [old].into_iter().chain(copies.iter().map(|(copy, _)| copy)).all(|log| is_lost(log, before, now))
        {
            let marks = Marks { version: version(old), ..Marks::default() };
            let lost = self.own.lines_from(0).into_iter().map(|line| Arc::from(marked(&line, marks)));
            self.lost.borrow_mut().extend(lost);
        }
        self.own.begins(log);
    }
}

/// Whether a log went missing without having gone into a snapshot: another writer published a manifest made from what it
/// was before. That can be known only if the manifest tells of all snapshots since.
fn is_lost(log: &Name, before: &Manifest, now: &Manifest) -> bool {
    if now.number("generation") <= before.number("generation")
        || logs_of(now).iter().any(|named| named.path == *log)
    {
        return false;
    }
    let retired = now.retired();
    if retired.iter().any(|retired| retired.logs.contains(log)) {
        return false;
    }
    // NOTE: of a snapshot whose history was pruned the manifest names no logs any more.
    now.number("prunedTo") <= before.snapshots()
        && retired.first().map_or(1, |first| first.snapshot) <= before.snapshots() + 1
}
