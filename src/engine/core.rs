//! The engine: records, the operations since the last checkpoint, clock and undo. Pure decisions: it is told
//! what was logged and says what the state is. It never appends, cuts or syncs; reading a text that lies in
//! a file is all that touches a disk.

mod between;
mod clock;
mod layers;
mod tail;

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::clock::Clock;
use super::base::Base;
use super::delta::reverse_delta;
use super::kept::Kept;
use super::log_head::LogHead;
use super::moment::Moment;
use super::operation::{Cut, Logged, Operation, drop_repeated, sort_by_rank, without};
use super::overlay::{Entry, Place};
use super::records::{Cursor, Fresh, Records};
use super::rows::Row;
use super::slots::{Id, IdHash};
use super::text::{Moved, Text};
use super::touched::Touched;
use crate::format::operation::{self, BatchMark, Body, Kind, Prev, write_body};
use crate::format::timestamp::Stamp;
use crate::json::canonical::is_canonical;
use crate::json::scan::{self, kind};

/// What a new operation says of a record.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// It gets this value.
    Set(&'a [u8]),
    /// It goes.
    Delete,
}

/// A change whose line is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// What it does.
    pub change: Change<'a>,
    /// The record.
    pub id: &'a [u8],
    /// When.
    pub ts_ms: i64,
    /// The schema version of the value, where the log does not say it.
    pub version: Option<u32>,
}

/// State and history.
pub struct Engine {
    records: Records,
    operations: Vec<Operation>,
    frozen: Vec<Operation>,
    journal: Option<VecDeque<Applied>>,
    clock: Clock,
    stamp: Stamp,
    turns: Turns,
}

/// By what a caller sees that operations are not what they were.
#[derive(Clone, Copy)]
struct Turns {
    /// Which history the operations are, see [`Engine::history`].
    history: u64,
    /// See [`Engine::undone`].
    undone: u64,
}

/// The histories of all engines: no two are the same.
static HISTORIES: AtomicU64 = AtomicU64::new(1);

fn next_history() -> u64 {
    HISTORIES.fetch_add(1, Ordering::Relaxed)
}

/// What is remembered of an operation that may be taken back.
struct Applied {
    id: Id,
    /// What the overlay said of the record before.
    entry: Option<Entry>,
    /// The value that the operation gave it.
    data: Option<Text>,
}

/// The previous value is not as V8 prints it, so that no delta can be told from its text.
#[derive(Debug)]
pub struct NotCanonical(pub Vec<u8>);

impl Engine {
    /// The state of a snapshot, with no operation after it.
    pub fn new(base: Base, agent: Option<&[u8]>) -> Self {
        Self::over(Arc::new(base), agent)
    }

    /// As [`Engine::new`], over a base that others have too.
    pub fn over(base: Arc<Base>, agent: Option<&[u8]>) -> Self {
        Self {
            records: Records::new(base),
            operations: Vec::new(),
            frozen: Vec::new(),
            journal: None,
            clock: Clock::new(agent),
            stamp: Stamp::default(),
            turns: Turns { history: next_history(), undone: next_history() },
        }
    }

    /// Changes whenever an operation was taken back, and with another engine.
    pub fn undone(&self) -> u64 {
        self.turns.undone
    }

    pub(super) fn note_undone(&mut self) {
        self.turns.undone = next_history();
    }

    /// Changes whenever the operations change in any other way than at their end.
    pub fn history(&self) -> u64 {
        self.turns.history
    }

    /// The operations that are shown are not those of before, with more or fewer behind them.
    pub fn turn_history(&mut self) {
        self.turns.history = next_history();
    }

    /// A copy that goes its own way, for a savepoint. No batch is being put together.
    pub fn fork(&self) -> Self {
        Self {
            records: self.records.clone(),
            operations: self.operations.clone(),
            frozen: self.frozen.clone(),
            journal: None,
            clock: self.clock.clone(),
            stamp: Stamp::default(),
            turns: Turns { history: next_history(), ..self.turns },
        }
    }

    /// A copy for reading, of the same history. Costs as much as the operations that are held, but not as the records. `kept` gets what is cut
    /// off the log from now on.
    pub fn as_it_is(&self, kept: Arc<Kept>) -> Self {
        Self { turns: self.turns, records: self.records.as_they_are(kept), ..self.fork() }
    }

    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    pub(super) fn records_mut(&mut self) -> &mut Records {
        &mut self.records
    }

    /// Which records have changed, for indexes.
    pub fn touched(&mut self) -> &mut Touched {
        self.records.touched()
    }

    /// Whether it writes as one of many.
    pub fn is_agent(&self) -> bool {
        self.clock.agent().is_some()
    }

    /// See [`Records::is_indexable`].
    pub fn is_indexable(&self) -> bool {
        self.records.is_indexable()
    }

    /// See [`Records::overlaid_text`].
    pub fn overlaid_text(&self, id: &[u8]) -> Option<Option<Text>> {
        self.records.overlaid_text(id)
    }

    /// The current snapshot.
    pub fn base(&self) -> Arc<Base> {
        self.records.base()
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.records.count()
    }

    /// How many records the overlays speak of.
    pub fn overlaid(&self) -> usize {
        self.records.overlaid()
    }

    /// A record's value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        self.records.get(id)
    }

    /// See [`Records::get_hashed`].
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get_hashed(&self, id: &[u8], hash: IdHash) -> io::Result<(Option<Text>, bool)> {
        self.records.get_hashed(id, hash)
    }

    /// Makes room for so many more operations, and for so many records of which the uppermost overlay says nothing.
    pub fn reserve(&mut self, operations: usize, records: usize) {
        self.operations.reserve(operations);
        self.records.reserve(records);
    }

    /// See [`Records::get_with`].
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get_with(&self, id: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<Option<Text>> {
        self.records.get_with(id, take)
    }

    /// The head of the log that was not replayed. Its operations are not among [`Engine::operations`].
    pub fn head(&self) -> Option<&Arc<LogHead>> {
        self.records.head()
    }

    /// Goes by the index of the log's head; nothing was applied before.
    pub fn set_head(&mut self, head: Arc<LogHead>) {
        self.records.set_head(head);
    }

    /// See [`Records::epoch`].
    pub fn epoch(&self) -> u64 {
        self.records.epoch()
    }

    /// See [`Records::moment`].
    pub fn moment(&self, kept: Arc<Kept>) -> Moment {
        self.records.moment(kept)
    }

    /// See [`Records::moment_apart`].
    pub fn moment_apart(&self, kept: Arc<Kept>) -> Option<(Moment, usize)> {
        self.records.moment_apart(kept)
    }

    /// See [`Records::scan`].
    ///
    /// # Errors
    /// Those of reading.
    pub fn scan(&self, cursor: Cursor, limit: usize, out: &mut Vec<u8>) -> io::Result<Cursor> {
        self.records.scan(cursor, limit, out)
    }

    /// See [`Records::visit`].
    ///
    /// # Errors
    /// Those of reading.
    pub fn visit(
        &self,
        cursor: Cursor,
        visitor: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> io::Result<Cursor> {
        self.records.visit(cursor, visitor)
    }

    /// See [`Records::scan_ids`].
    ///
    /// # Errors
    /// Those of reading.
    pub fn scan_ids(&self, cursor: Cursor, limit: usize, out: &mut Vec<u8>) -> io::Result<Cursor> {
        self.records.scan_ids(cursor, limit, out)
    }

    /// The operations since the last checkpoint began.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// For the store, which says where lines ended up.
    pub fn operations_mut(&mut self) -> &mut [Operation] {
        &mut self.operations
    }

    /// Says where the lines of the operations from one on are, which were held so far. Whatever is a part of one of them
    /// is found there from now on, and the bytes leave memory.
    pub fn place(&mut self, from: usize, lines: impl Iterator<Item = (Text, Option<BatchMark>)>) {
        let mut moved = Moved::default();
        let mut held = Vec::new();
        for (operation, (line, batch)) in self.operations.iter_mut().skip(from).zip(lines) {
            moved.note(&operation.line, &line);
            held.push(std::mem::replace(&mut operation.line, line));
            operation.batch = batch;
        }
        for operation in self.operations.iter_mut().skip(from) {
            if let Some(before) = &mut operation.before {
                moved.follow(before);
            }
            if let Some(text) = self.records.overlaid_text_mut(&operation.id) {
                moved.follow(text);
            }
        }
    }

    /// Highest clock seen or given out.
    pub fn clock(&self) -> u64 {
        self.clock.now()
    }

    /// Whether there is no clock for another operation: the highest was written.
    pub fn is_clock_spent(&self) -> bool {
        self.clock.is_spent()
    }

    /// Raises the clock to one that was seen. It never goes back.
    pub fn see_clock(&mut self, clock: u64) {
        self.clock.see(clock);
    }

    /// Writes the body of a new line. `prev` is the record's value now; `printed` says that V8 printed it, so
    /// that no caller needs to look.
    ///
    /// # Errors
    /// [`NotCanonical`] when V8 must print the previous value first.
    pub fn draft(
        &mut self,
        out: &mut Vec<u8>,
        draft: &Draft<'_>,
        prev: Option<&[u8]>,
        printed: bool,
    ) -> Result<Body, NotCanonical> {
        let Draft { change, id, ts_ms, version } = *draft;
        let is_object = |text: &[u8]| kind(text) == Some(scan::Kind::Object);
        let mut delta = None;
        if let (Change::Set(data), Some(prev)) = (change, prev)
            && is_object(data)
            && is_object(prev)
        {
            if !printed && !is_canonical(prev) {
                return Err(NotCanonical(prev.to_vec()));
            }
            delta = reverse_delta(prev, data);
        }
        let clock = self.clock.next();
        Ok(write_body(
            out,
            &operation::Draft {
                ts: self.stamp.iso(ts_ms),
                kind: match change {
                    Change::Set(_) => Kind::Set,
                    Change::Delete => Kind::Delete,
                },
                id,
                prev: match (&delta, prev) {
                    (Some(delta), _) => Prev::Delta(delta),
                    (None, Some(prev)) => Prev::Full(prev),
                    (None, None) => Prev::Null,
                },
                data: match change {
                    Change::Set(data) => Some(data),
                    Change::Delete => None,
                },
                agent: self.clock.agent(),
                clock,
                version: version.filter(|_| matches!(change, Change::Set(_))),
            },
        ))
    }

    /// Takes a logged operation into the state. `before` is the record's value so far.
    pub fn apply(&mut self, logged: Logged, before: Option<Text>) {
        self.apply_hashed(logged, before, None);
    }

    /// As [`Engine::apply`]; with the hash of an id, of which the uppermost overlay says nothing.
    pub fn apply_hashed(&mut self, logged: Logged, before: Option<Text>, unsaid: Option<IdHash>) {
        let Logged { id, data, line, batch, origin, version } = logged;
        let data = data.map(|text| self.records.schema_mut().of_line(text, version));
        let aged = match &data {
            Some(Text::Aged(aged)) => Some(Arc::clone(aged)),
            _ => None,
        };
        let origin = origin.map(|mut origin| {
            (origin.placed, origin.aged) = (self.records.entry(&id), aged);
            origin
        });
        if let Some(journal) = &mut self.journal {
            let entry = self.records.entry(&id);
            journal.push_back(Applied { id: Arc::clone(&id), entry, data: data.clone() });
        }
        let exists = before.is_some();
        let (kind, stood) = match data {
            Some(_) => (Kind::Set, Place::BELOW),
            None if exists => (Kind::Delete, self.records.place_of(&id)),
            None => (Kind::Delete, Place::BELOW),
        };
        // NOTE: the history first: behind the records, it would wait for their memory.
        let logged = Arc::clone(&id);
        self.operations.extend(std::iter::once_with(|| Operation {
            id: logged,
            kind,
            line,
            before,
            stood,
            batch,
            origin,
            version,
        }));
        match data {
            Some(text) => self.records.set_known(&id, text, exists, unsaid),
            None if exists => self.records.delete_known(&id),
            None => {}
        }
    }

    /// Whether [`Engine::log_fresh`] and [`Engine::set_fresh`] may follow: nothing is noted that is to be taken back.
    pub fn keeps_all(&self) -> bool {
        self.journal.is_none()
    }

    /// Takes operations into the history that give values to records of which the uppermost overlay says nothing, each
    /// once. Their values are for [`Engine::set_fresh`], which must follow. One after the other, the two take half the time that
    /// they take by turns, operation by operation.
    pub fn log_fresh(&mut self, operations: impl Iterator<Item = Operation>) {
        self.operations.extend(operations);
    }

    /// Takes the values of operations into the state that [`Engine::log_fresh`] took.
    pub fn set_fresh(&mut self, fresh: impl Iterator<Item = Fresh>) {
        self.records.set_fresh(fresh);
    }

    /// Takes the last operation back out of state and history, as if it had not been: a record that it deleted comes
    /// back in its place.
    ///
    /// # Errors
    /// Those of reading the base; nothing is changed then.
    pub fn undo_last(&mut self) -> io::Result<Option<Operation>> {
        let Some(last) = self.operations.last() else { return Ok(None) };
        let (id, stood) = (Arc::clone(&last.id), last.stood);
        match last.before.clone() {
            Some(text) if last.kind == Kind::Delete => self.records.put_back(&id, text, stood)?,
            Some(text) => self.records.set(&id, text)?,
            None => self.records.delete(&id)?,
        }
        self.note_undone();
        Ok(self.operations.pop())
    }

    /// Takes operations of other agents in where they belong, and others out whose lines were cut. What stands
    /// behind them in the order is taken back, exactly, and applied again. An operation that is there already
    /// is not taken twice. Returns the records concerned.
    ///
    /// # Errors
    /// Those of reading; the state is not usable then and must be loaded anew.
    pub fn integrate(&mut self, mut added: Vec<Operation>, removed: &[Cut]) -> io::Result<Vec<Id>> {
        sort_by_rank(&mut added);
        let mut changed = Vec::new();
        if removed.is_empty() {
            changed = self.take_between(&mut added)?;
            if !changed.is_empty() {
                self.turn_history();
            }
        }
        let cut = removed.iter().map(|cut| &cut.rank);
        let lowest = added.first().and_then(Operation::rank).into_iter().chain(cut).min().cloned();
        let Some(lowest) = lowest else { return Ok(changed) };
        let from = self.operations.partition_point(|operation| operation.rank() < Some(&lowest));
        self.turn_history();
        if !removed.is_empty() {
            self.note_undone();
        }
        let behind = self.operations.split_off(from);
        for operation in behind.iter().rev() {
            let placed = operation.origin.as_ref().and_then(|origin| origin.placed.clone());
            self.records.restore(&operation.id, placed);
        }
        changed.extend(added.iter().map(|operation| Arc::clone(&operation.id)));
        let (gone, mut again) = without(behind, removed);
        changed.extend(gone.iter().map(|operation| Arc::clone(&operation.id)));
        again.extend(added);
        sort_by_rank(&mut again);
        self.apply_in_order(again)?;
        Ok(changed)
    }

    /// Takes the operations of all agents in, in the place of none. As [`Engine::integrate`], but which records are concerned is not told.
    ///
    /// # Errors
    /// As for [`Engine::integrate`].
    pub fn integrate_all(&mut self, mut added: Vec<Operation>) -> io::Result<()> {
        if !self.operations.is_empty() {
            return self.integrate(added, &[]).map(drop);
        }
        sort_by_rank(&mut added);
        if !added.is_empty() {
            self.turn_history();
        }
        self.apply_in_order(added)
    }

    /// Applies operations of agents that are in their order.
    fn apply_in_order(&mut self, mut operations: Vec<Operation>) -> io::Result<()> {
        drop_repeated(&mut operations)?;
        self.operations.reserve(operations.len());
        for operation in operations {
            let data = operation.data()?;
            let before = self.records.get(&operation.id)?;
            let origin = operation.origin;
            if let Some(origin) = &origin {
                self.see_clock(origin.rank.clock);
            }
            let Operation { id, line, batch, version, .. } = operation;
            self.apply(Logged { id, data, line, batch, origin, version }, before);
        }
        Ok(())
    }

    /// Begins to remember exact positions, so that [`Engine::rollback`] can restore them.
    pub fn begin(&mut self) {
        self.journal = Some(VecDeque::new());
    }

    /// Keeps what was applied since [`Engine::begin`].
    pub fn commit(&mut self) {
        self.journal = None;
    }

    /// Keeps the first operation since [`Engine::begin`], whatever becomes of the others.
    pub fn commit_first(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.pop_front();
        }
    }

    /// Takes back everything since [`Engine::begin`].
    pub fn rollback(&mut self) {
        let journal = self.journal.take().unwrap_or_default();
        let keep = self.operations.len().saturating_sub(journal.len());
        self.operations.truncate(keep);
        for Applied { id, entry, .. } in journal.into_iter().rev() {
            self.records.restore(&id, entry);
        }
    }

    /// Adds or replaces a record without an operation: loading from a backend. `version` is that of the value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn load(&mut self, id: &Id, text: Text, version: u32) -> io::Result<()> {
        let text = self.records.schema_mut().of_line(text, version);
        self.records.set(id, text)
    }

    /// Removes a record without an operation.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn unload(&mut self, id: &Id) -> io::Result<()> {
        self.records.delete(id)
    }

    /// Forgets the first operations but not the state: a checkpoint of another process holds them.
    pub fn forget_operations(&mut self, count: usize) {
        self.turn_history();
        self.operations.drain(..count.min(self.operations.len()));
    }
}
