//! Changes on their way. Each shows in memory at the call and is carried away in order, on its own or, where an append becomes
//! visible whole, with those that wait; what does not arrive is taken back from under what was called after it. In a buffered store changes wait in a buffer that is
//! carried away as one. A batch is one append.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::append::{Appended, Copy};
use super::carrier::{Carrier, Error};
use super::session::{Session, Settled};
use crate::engine::Id;
use crate::error::Code;
use crate::format::operation::marked::{Marks, marked};
use crate::format::operation::parse_line;
use crate::rules::batches::mark_at;
use crate::rules::checkpoints::pays;

/// From how many records on a checkpoint must pay.
const MANY: u64 = 10_000;
/// How many bytes of changes in flight share an append.
const GROUP_BYTES: usize = 4 << 20;

/// A change that was called.
#[derive(Debug, Clone)]
pub struct Change {
    /// The record.
    pub id: Id,
    /// Its new value; `None` for a deletion.
    pub text: Option<Vec<u8>>,
    /// When it was called.
    pub ms: i64,
}

struct Waiting {
    ticket: u64,
    change: Change,
    line: Vec<u8>,
    /// The clock of its first copy, once it was appended.
    first: Option<u64>,
}

/// A line that waits in the buffer, and the number of its change.
type Buffered = (u64, Vec<u8>);

/// Changes on their way.
#[derive(Default)]
pub struct Flight {
    waiting: RefCell<VecDeque<Waiting>>,
    buffer: RefCell<VecDeque<Buffered>>,
    batch: RefCell<Vec<(Change, Vec<u8>)>>,
    settled: RefCell<Vec<Settled>>,
    is_carrying: Cell<bool>,
    is_flushing: Cell<bool>,
    is_due: Cell<bool>,
    next_ticket: Cell<u64>,
}

impl Flight {
    fn settle(&self, ticket: u64, result: Result<(), Error>) {
        self.settled.borrow_mut().push(Settled { ticket, result });
    }

    fn ticket(&self) -> u64 {
        self.next_ticket.set(self.next_ticket.get() + 1);
        self.next_ticket.get()
    }

    /// How many changes show in memory that no log has yet.
    pub(super) fn uncounted(&self) -> usize {
        self.waiting.borrow().len() + self.buffer.borrow().len() + self.batch.borrow().len()
    }

    /// Waits until the buffer is not on its way.
    pub(super) async fn flushed(&self) {
        poll_fn(|_| if self.is_flushing.get() { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

/// The buffer is on its way while this lives.
struct Flushing<'a>(&'a Cell<bool>);

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<C: Carrier> Session<C> {
    /// Takes a change, which shows at once. Returns its ticket, and whether [`Session::carry_all`] must be run for it.
    ///
    /// # Errors
    /// `OPSLOG_NOT_FOUND`; nothing is changed then.
    pub fn change(&self, change: Change) -> Result<(u64, bool), Error> {
        let is_first = self.flight.waiting.borrow().is_empty();
        if is_first {
            self.view.store().begin_batch();
        }
        let line = match self.draft(&change) {
            Ok(line) => line,
            Err(error) => {
                if is_first {
                    self.commit_memory();
                }
                return Err(error);
            }
        };
        self.view.touched(&change.id);
        let ticket = self.flight.ticket();
        self.flight.waiting.borrow_mut().push_back(Waiting { ticket, change, line, first: None });
        Ok((ticket, !self.flight.is_carrying.replace(true)))
    }

    /// What has become of changes since this was last asked.
    pub fn take_settled(&self) -> Vec<Settled> {
        self.flight.settled.take()
    }

    /// Whether a checkpoint has become due since this was last asked.
    pub fn take_due(&self) -> bool {
        self.flight.is_due.take()
    }

    /// Carries away everything that was called, until nothing waits.
    pub async fn carry_all(&self) {
        while let Some((first, last)) = self.next_group() {
            self.carrier.carries(Some(first));
            let carried = self.carry_group(last).await;
            self.carrier.carries(None);
            let group = self.take_group(last);
            if carried.is_err() {
                self.redraft(group.iter().map(|waiting| Arc::clone(&waiting.change.id)).collect(), 0);
            }
            for Waiting { ticket, .. } in group {
                if carried.is_ok() {
                    self.view.store().commit_first();
                }
                self.flight.settle(ticket, carried.clone());
            }
            if carried.is_ok() {
                self.check_due();
            }
        }
        self.commit_memory();
        self.flight.is_carrying.set(false);
    }

    /// The first and the last ticket of the changes that the next append carries: one, unless appends become visible whole.
    fn next_group(&self) -> Option<(u64, u64)> {
        let waiting = self.flight.waiting.borrow();
        let first = waiting.front()?.ticket;
        let mut bytes = 0;
        let group = waiting.iter().take_while(|waiting| {
            bytes += waiting.line.len();
            bytes <= GROUP_BYTES && self.carrier.facts().whole_appends
        });
        Some((first, group.last().map_or(first, |last| last.ticket)))
    }

    fn take_group(&self, last: u64) -> Vec<Waiting> {
        let mut waiting = self.flight.waiting.borrow_mut();
        let count = waiting.iter().take_while(|waiting| waiting.ticket <= last).count();
        waiting.drain(..count).collect()
    }

    async fn carry_group(&self, last: u64) -> Result<(), Error> {
        let mut copies = Vec::new();
        match self.carry_until_it_counts(last, &mut copies).await {
            Err(error) if !copies.is_empty() => Err(self.give_up(&copies, error).await),
            carried => carried,
        }
    }

    async fn carry_until_it_counts(&self, last: u64, copies: &mut Vec<Copy>) -> Result<(), Error> {
        loop {
            let lines: Vec<(Vec<u8>, Option<u64>)> = {
                let waiting = self.flight.waiting.borrow();
                let group = waiting.iter().take_while(|waiting| waiting.ticket <= last);
                group.map(|waiting| (waiting.line.clone(), waiting.first)).collect()
            };
            if lines.is_empty() {
                return Ok(());
            }
            let draft = |version| {
                let marks = |again| Marks { version, again, batch: None };
                lines.iter().map(|(line, first)| marked(line, marks(*first))).collect()
            };
            match self.append(draft).await? {
                Appended::Counts => return Ok(()),
                // There was no log to append to.
                Appended::Sealed(None) => {}
                Appended::Sealed(Some(copy)) => {
                    copies.push(copy);
                    let mut waiting = self.flight.waiting.borrow_mut();
                    for waiting in waiting.iter_mut().take_while(|waiting| waiting.ticket <= last) {
                        waiting.first = waiting.first.or_else(|| clock_of(&waiting.line));
                    }
                }
            }
            let clock = self.move_on().await?;
            self.redraft(Vec::new(), clock);
        }
    }

    /// Takes all changes in flight back, and applies them anew above a clock. `removed` were among them.
    fn redraft(&self, removed: Vec<Id>, clock: u64) {
        let store = self.view.store();
        store.abandon_batch();
        let ids: Vec<Id> = {
            let waiting = self.flight.waiting.borrow();
            removed.into_iter().chain(waiting.iter().map(|waiting| Arc::clone(&waiting.change.id))).collect()
        };
        self.view.reordered(ids.into_iter());
        if !planted!("world-clock-not-raised") {
            store.see_clock(clock);
        }
        store.begin_batch();
        let again = std::mem::take(&mut *self.flight.waiting.borrow_mut());
        for mut waiting in again {
            match self.draft(&waiting.change) {
                Ok(line) => {
                    waiting.line = line;
                    self.flight.waiting.borrow_mut().push_back(waiting);
                }
                Err(error) => self.flight.settle(waiting.ticket, Err(error)),
            }
        }
    }

    fn commit_memory(&self) {
        // Nothing is in a file: committing cannot fail.
        let _ = self.view.store().commit_batch();
    }

    fn draft(&self, change: &Change) -> Result<Vec<u8>, Error> {
        let drafted = self.view.store().draft(&change.id, change.text.as_deref(), change.ms);
        drafted.map_err(|error| match error {
            crate::error::Error::NotUnique(found) => Error::NotUnique(found),
            crate::error::Error::NotFound { .. } => Error::rule(Code::NotFound, error.to_string()),
            _ => Error::rule(Code::Failed, error.to_string()),
        })
    }

    fn check_due(&self) {
        let counts = self.view.store().counts();
        let (records, operations) = (counts.records as u64, counts.operations as u64);
        let is_due = self.threshold().is_reached(counts.operations, || pays(operations, records, MANY));
        if self.options.skip_load || !is_due {
            return;
        }
        // NOTE: only the count starts anew: what is in flight must still be found where it was applied.
        self.view.store().hide_operations_but(self.kept_shown());
        self.view.history_begins_anew();
        self.flight.is_due.set(true);
    }

    // Buffered stores

    /// Takes a change into the buffer. Returns how many wait there.
    ///
    /// # Errors
    /// `OPSLOG_NOT_FOUND`; nothing is changed then.
    pub fn buffer(&self, change: &Change) -> Result<usize, Error> {
        let line = self.draft(change)?;
        self.view.touched(&change.id);
        self.flight.buffer.borrow_mut().push_back((self.flight.ticket(), line));
        self.check_due();
        Ok(self.flight.buffer.borrow().len())
    }

    /// Carries the buffer away. What does not arrive stays in it.
    ///
    /// # Errors
    /// Those of appending.
    pub async fn flush_buffer(&self) -> Result<(), Error> {
        self.flight.flushed().await;
        let lines: Vec<Vec<u8>> = self.flight.buffer.borrow().iter().map(|(_, line)| line.clone()).collect();
        if lines.is_empty() {
            return Ok(());
        }
        self.flight.is_flushing.set(true);
        let _flushing = Flushing(&self.flight.is_flushing);
        let draft = |version| {
            let marks = Marks { version, ..Marks::default() };
            lines.iter().map(|line| marked(line, marks)).collect()
        };
        match self.append(draft).await? {
            Appended::Counts => {}
            Appended::Sealed(_) => return Err(super::publication::taken_over()),
        }
        self.flight.buffer.borrow_mut().drain(..lines.len());
        Ok(())
    }

    /// The number of the newest change in the buffer.
    pub fn newest_buffered(&self) -> Option<u64> {
        self.flight.buffer.borrow().back().map(|(ticket, _)| *ticket)
    }

    /// Carries the buffer away that a change has filled. If that fails the change is taken back, unless others have come behind
    /// it: then it waits with them.
    ///
    /// # Errors
    /// Those of appending; the change is taken back then.
    pub async fn fill_buffer(&self, newest: Option<u64>) -> Result<(), Error> {
        let flushed = self.flush_buffer().await;
        if flushed.is_err() && self.newest_buffered() == newest && self.take_back() {
            return flushed;
        }
        Ok(())
    }

    /// Takes the newest change in the buffer back; `false` if there is none.
    pub(super) fn take_back(&self) -> bool {
        let is_buffered = self.flight.buffer.borrow_mut().pop_back().is_some();
        if is_buffered {
            self.view.undone_in_memory();
        }
        is_buffered
    }

    // Batches

    /// Begins a batch.
    pub fn begin_batch(&self) {
        self.view.store().begin_batch();
        self.flight.batch.borrow_mut().clear();
    }

    /// Takes a change into the batch.
    ///
    /// # Errors
    /// `OPSLOG_NOT_FOUND`; nothing is changed then.
    pub fn change_in_batch(&self, change: Change) -> Result<(), Error> {
        let line = self.draft(&change)?;
        self.flight.batch.borrow_mut().push((change, line));
        Ok(())
    }

    /// Takes the batch back. The caller knows which records it concerns.
    pub fn abandon_batch(&self) {
        self.view.store().abandon_batch();
        self.flight.batch.take();
    }

    /// Carries the batch away, with one append.
    ///
    /// # Errors
    /// Those of appending; the batch is taken back then.
    pub async fn commit_batch(&self) -> Result<(), Error> {
        if let Err(error) = self.carry_batch().await {
            self.abandon_batch();
            return Err(error);
        }
        self.commit_memory();
        if !self.flight.batch.take().is_empty() {
            self.check_due();
        }
        Ok(())
    }

    async fn carry_batch(&self) -> Result<(), Error> {
        self.flush_buffer().await?;
        let mut copies = Vec::new();
        match self.carry_batch_until_it_counts(&mut copies).await {
            Err(error) if !copies.is_empty() => Err(self.give_up(&copies, error).await),
            carried => carried,
        }
    }

    async fn carry_batch_until_it_counts(&self, copies: &mut Vec<Copy>) -> Result<(), Error> {
        let mut first: Option<Vec<Option<u64>>> = None;
        loop {
            let lines: Vec<Vec<u8>> =
                self.flight.batch.borrow().iter().map(|(_, line)| line.clone()).collect();
            if lines.is_empty() {
                return Ok(());
            }
            let count = lines.len();
            let draft = |version| {
                let lines = lines.iter().enumerate().map(|(place, line)| {
                    let again = first.as_ref().and_then(|first| first.get(place).copied().flatten());
                    marked(line, Marks { version, again, batch: mark_at(place, count) })
                });
                lines.collect()
            };
            match self.append(draft).await? {
                Appended::Counts => return Ok(()),
                Appended::Sealed(None) => {}
                Appended::Sealed(Some(copy)) => {
                    copies.push(copy);
                    first.get_or_insert_with(|| lines.iter().map(|line| clock_of(line)).collect());
                }
            }
            let clock = self.move_on().await?;
            let batch = self.flight.batch.take();
            self.view.store().abandon_batch();
            self.view.reordered(batch.iter().map(|(change, _)| Arc::clone(&change.id)));
            self.view.store().see_clock(clock);
            self.view.store().begin_batch();
            for (change, _) in batch {
                self.change_in_batch(change)?;
            }
        }
    }
}

fn clock_of(line: &[u8]) -> Option<u64> {
    parse_line(line).ok()?.clock
}
