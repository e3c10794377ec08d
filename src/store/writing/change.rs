//! Set, delete, batch, flush: drafting lines, appending them, and only then changing memory.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::damage::Damage;
use crate::engine::{Change, Check, Draft, Id, IdHash, Logged, NotCanonical, Text};
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, Marks, finish_line};
use crate::rules::batches::mark_at;
use crate::store::writing::drafts::{Before, Line};
use crate::store::{State, Store};

/// Buffers that are used again for each change.
#[derive(Default)]
pub(in crate::store) struct Scratch {
    /// The line that is being put together.
    line: Vec<u8>,
    /// The value before.
    known: Vec<u8>,
}

impl Scratch {
    /// How much of a buffer is kept at most: one huge value must not hold its size in memory for ever.
    const KEPT: usize = 1 << 20;

    fn emptied(line: Vec<u8>, known: Vec<u8>) -> Self {
        Self { line: Self::empty(line), known: Self::empty(known) }
    }

    fn keep_known(&mut self, known: Vec<u8>) {
        self.known = Self::empty(known);
    }

    fn empty(mut buffer: Vec<u8>) -> Vec<u8> {
        buffer.clear();
        buffer.shrink_to(Self::KEPT);
        buffer
    }
}

/// How many bytes of lines are held at most before they are written. The value before stands in a line as well, so
/// that even a deletion may be large.
const HELD_BYTES: usize = 1 << 20;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// A checkpoint is due: the history shown has started anew, and `Store::begin_checkpoint` should follow. For a
    /// change that is only buffered, `Store::hide_history` should come between, unless it is taken back.
    pub checkpoint_due: bool,
    /// The changes that are held to share a write hold too much: it should not wait any longer.
    pub write_due: bool,
    /// Other agents wrote much that this store has not read: [`Store::read_ahead`] may follow.
    pub is_far_behind: bool,
    /// Operations that wait in the buffer.
    pub buffered: usize,
    /// Something was read that other hands wrote: [`Store::take_foreign`] has it.
    pub foreign: bool,
}

/// Why a change was not made.
#[derive(Debug)]
pub enum Rejected {
    /// It cannot be.
    Error(Error),
    /// V8 must print the previous value first: call again with what it printed.
    NotCanonical(Vec<u8>),
    /// Another agent has the folder's lock, or has changed the manifest: catch up and call again.
    NotNow,
}

impl Rejected {
    /// The error, for a caller that cannot come again.
    pub(in crate::store) fn into_error(self) -> Error {
        match self {
            Self::Error(error) => error,
            Self::NotNow | Self::NotCanonical(_) => {
                Error::Failed("another process appended to the log of this store".into())
            }
        }
    }
}

impl From<Error> for Rejected {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Store {
    /// Sets or deletes a record. Outside a batch and without buffering, the line is in the file before
    /// memory changes. `prev` is the previous value as V8 prints it, once V8 was asked. `check` compares the
    /// held file with its path first.
    ///
    /// # Errors
    /// `OPSLOG_NOT_FOUND`, `OPSLOG_IO`, `OPSLOG_FAILED`; nothing is changed then.
    pub fn change(
        &self,
        change: Change<'_>,
        id: &[u8],
        now_ms: i64,
        prev: Option<&[u8]>,
        check: bool,
    ) -> Result<Changed, Rejected> {
        let mut state = self.lock_drafting();
        state.writable()?;
        state.show_all();
        if let Change::Set(value) = change {
            self.require_unique(&mut state, id, value)?;
        }
        if state.unwritten.has_batch() || self.options.buffered {
            return self.draft_change(&mut state, change, id, now_ms, prev);
        }
        let shared = match self.enter_gate(&state, check) {
            Ok(None) => return Err(Rejected::NotNow),
            Ok(Some(shared)) => shared,
            Err(error) => return Err(error.into()),
        };
        // NOTE: within the gate: a log that was sealed and deleted must not be created again.
        if check || state.logs.wal.contents().wants_look() {
            self.check_file(&mut state)?;
        }
        let Scratch { mut line, mut known } = std::mem::take(&mut state.unwritten.scratch);
        let (before, printed) = self.reading(&mut state, |state| {
            let before = state.engine.get(id)?;
            let printed = match (prev, &before) {
                (None, Some(text)) => state.read(text, &mut known)?,
                _ => prev.is_some(),
            };
            Ok((before, printed))
        })?;
        if before.is_none() && matches!(change, Change::Delete) {
            return Err(Error::NotFound { id: String::from_utf8_lossy(id).into_owned() }.into());
        }
        let prev = prev.or(before.is_some().then_some(&known));
        let draft = Draft { change, id, ts_ms: now_ms, version: state.version_mark(&self.options) };
        let drafted = state.engine.draft(&mut line, &draft, prev, printed);
        let result = match drafted {
            Err(NotCanonical(text)) => Err(Rejected::NotCanonical(text)),
            Ok(body) => {
                let id: Id = id.into();
                let origin = state.own_origin();
                let version = state.writes(&self.options);
                let logged = Logged { id, data: None, line: Text::empty(), batch: None, origin, version };
                self.append_one(&mut state, &mut line, body.data, logged, before).map_err(Rejected::Error)
            }
        };
        state.unwritten.scratch = Scratch::emptied(line, known);
        result?;
        let is_far_behind = check && self.leaves_far_behind(shared, &mut state);
        Ok(Changed { is_far_behind, ..self.changed(&mut state) })
    }

    /// A change within a batch, or one that is buffered: its line is put together behind the others.
    fn draft_change(
        &self,
        state: &mut State,
        change: Change<'_>,
        id: &[u8],
        now_ms: i64,
        prev: Option<&[u8]>,
    ) -> Result<Changed, Rejected> {
        let hash = IdHash::of(id);
        let mut known = std::mem::take(&mut state.unwritten.scratch.known);
        let mut is_unsaid = false;
        let (before, printed) = match state.unwritten.drafts.get(id, hash) {
            Some((before, value)) => {
                known.extend_from_slice(value.unwrap_or_default());
                (before, true)
            }
            None => self.reading(state, |state| {
                let (text, is_said) = state.engine.get_hashed(id, hash)?;
                is_unsaid = !is_said;
                let Some(text) = text else { return Ok((Before::Absent, prev.is_some())) };
                let printed = if prev.is_none() { state.read(&text, &mut known)? } else { true };
                Ok((Before::Known(text), printed))
            })?,
        };
        let is_absent = matches!(before, Before::Absent);
        if is_absent && matches!(change, Change::Delete) {
            return Err(Error::NotFound { id: String::from_utf8_lossy(id).into_owned() }.into());
        }
        let prev = prev.or((!is_absent).then_some(&known));
        let (origin_of, version) = (State::own_origin, state.writes(&self.options));
        let draft = Draft { change, id, ts_ms: now_ms, version: state.version_mark(&self.options) };
        let State { engine, unwritten, .. } = state;
        let drafts = &mut unwritten.drafts;
        let start = drafts.bytes().len();
        let drafted = engine.draft(drafts.bytes(), &draft, prev, printed);
        state.unwritten.scratch.keep_known(known);
        let body = match drafted {
            Ok(body) => body,
            Err(NotCanonical(text)) => {
                state.unwritten.drafts.cut(start);
                return Err(Rejected::NotCanonical(text));
            }
        };
        // NOTE: at once: later the value is not in the processor's cache any more.
        let check_of = |data| match change {
            Change::Set(value) => (data, Check::of(value)),
            Change::Delete => (data, Check::NONE),
        };
        let data = body.data.map(check_of);
        let line = Line { start, data, before, is_unsaid, origin: origin_of(state), version };
        let mark = state.unwritten.has_batch_of_user().then_some(BatchMark::More);
        let len = state.unwritten.drafts.push(id, hash, line, mark);
        state.unwritten.hold(len);
        if state.detached {
            state.apply_drafts();
        }
        Ok(self.changed(state))
    }

    /// Begins to put a batch together: until [`Store::commit_batch`] or [`Store::abandon_batch`], changes
    /// are visible but in no file.
    pub fn begin_batch(&self) {
        let mut state = self.lock();
        state.show_all();
        let from = state.engine.operations().len();
        state.unwritten.begin_batch(from);
        state.engine.begin();
    }

    /// Begins to hold changes that share a write, until [`Store::commit_shared`].
    pub fn begin_shared(&self) {
        self.begin_batch();
        self.lock().unwritten.share_batch();
    }

    /// Logs what is held with one append. The lines are those of single changes. The held file is not compared with
    /// its path: the change that was made right before these has done so.
    ///
    /// # Errors
    /// As for [`Store::change`]; what was held is taken back then.
    pub fn commit_shared(&self) -> Result<Changed, Rejected> {
        let mut state = self.lock_drafting();
        if state.unwritten.batch() == Some(state.engine.operations().len())
            && state.unwritten.drafts.is_empty()
        {
            // Every change was refused: nothing happened, and nothing is due because of it.
            state.engine.commit();
            state.unwritten.end_batch();
            return Ok(state.changed(false));
        }
        let mut logged = state.writable();
        if logged.is_ok() && state.logs.wal.contents().wants_look() {
            logged = self.check_length(&mut state).map_err(Rejected::into_error);
        }
        let logged = logged.and_then(|()| state.flush(self, None));
        match &logged {
            Ok(()) => state.engine.commit(),
            Err(_) => state.take_batch_back(),
        }
        state.unwritten.end_batch();
        logged?;
        Ok(self.changed(&mut state))
    }

    /// Logs a batch with one append, together with what was buffered before it.
    ///
    /// # Errors
    /// As for [`Store::change`]; the batch is taken back then, what was buffered stays so. `NotNow` leaves it
    /// open.
    pub fn commit_batch(&self) -> Result<Changed, Rejected> {
        let mut state = self.lock_drafting();
        let from = state.unwritten.batch().unwrap_or(state.engine.operations().len());
        let count = state.engine.operations().len() - from + state.unwritten.drafts.len();
        let mut is_far_behind = false;
        if count > 0 && !state.detached {
            let shared = match self.enter_gate(&state, true) {
                Ok(None) => return Err(Rejected::NotNow),
                Ok(Some(shared)) => shared,
                Err(error) => {
                    state.take_batch_back();
                    state.unwritten.end_batch();
                    return Err(error.into());
                }
            };
            let flushed = state
                .writable()
                .map_err(Rejected::from)
                .and_then(|()| self.check_file_once(&mut state))
                // NOTE: what another process logged may have come before the batch.
                .and_then(|()| {
                    let batch = state.unwritten.batch().filter(|_| count > 1);
                    state.flush(self, batch).map_err(Rejected::from)
                });
            match flushed {
                Ok(()) => is_far_behind = self.leaves_far_behind(shared, &mut state),
                Err(Rejected::NotNow) => return Err(Rejected::NotNow),
                Err(error) => {
                    state.take_batch_back();
                    state.unwritten.end_batch();
                    return Err(error);
                }
            }
        }
        state.engine.commit();
        state.unwritten.end_batch();
        if count == 0 {
            return Ok(state.changed(false));
        }
        Ok(Changed { is_far_behind, ..self.changed(&mut state) })
    }

    /// Takes a batch back, positions included.
    pub fn abandon_batch(&self) {
        let mut state = self.lock_drafting();
        state.take_batch_back();
        state.unwritten.end_batch();
        state.cut_hidden();
    }

    /// Appends what is buffered, with one write.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_FAILED`; everything stays buffered then.
    pub fn flush(&self) -> Result<()> {
        let mut state = self.lock_drafting();
        if !state.holds_buffered() && state.unwritten.drafts.is_empty() {
            return Ok(());
        }
        state.writable()?;
        self.check_file(&mut state).map_err(Rejected::into_error)?;
        state.flush(self, None)?;
        self.wrote(&state);
        Ok(())
    }

    /// Takes the newest buffered operation back, which could not be flushed.
    pub fn take_back(&self) {
        let mut state = self.lock();
        if state.holds_buffered() {
            let _ = state.engine.undo_last();
            state.cut_hidden();
        }
    }

    fn append_one(
        &self,
        state: &mut State,
        line: &mut Vec<u8>,
        data: Option<std::ops::Range<usize>>,
        mut logged: Logged,
        before: Option<Text>,
    ) -> Result<()> {
        let body = line.len();
        let marks = state.logs.wal.marks();
        finish_line(line, &marks);
        let appended = state.logs.wal.append(&*self.disk, line);
        if planted!("memory-before-append") && appended.is_err() {
            logged.line = Text::Held(line.as_slice().into());
            logged.data = data.clone().map(|range| logged.line.slice(range));
            logged.origin = None;
            state.engine.apply(logged, before);
            return appended.map(drop);
        }
        let at = appended?;
        if let Some(next_log) = state.logs.switch.next().filter(|_| !planted!("late-operations-not-mirrored"))
        {
            let mut copy = line.get(..body).unwrap_or_default().to_vec();
            finish_line(&mut copy, &next_log.writer().marks());
            if let Err(error) = next_log.append(self, &copy, &[0]) {
                state.next_log_failed(self, at, error)?;
            }
        }
        let Some(file) = state.logs.wal.file() else { return Ok(()) };
        logged.line = Text::at(file, at, line.len() - 1);
        logged.data = data.map(|range| logged.line.part(range, line));
        state.engine.apply(logged, before);
        state.note_all_written();
        Ok(())
    }

    fn changed(&self, state: &mut State) -> Changed {
        self.wrote(state);
        let write_due = state.unwritten.held_bytes() > HELD_BYTES;
        let checkpoint_due = !state.unwritten.has_batch_of_user() && state.is_due(&self.options);
        // What is only buffered may still be taken back.
        let is_written = state.buffered_operations() == 0;
        if checkpoint_due && !state.unwritten.has_batch() && is_written {
            state.hide();
        }
        Changed { write_due, ..state.changed(checkpoint_due) }
    }

    pub(in crate::store) fn read_failed(&self, source: std::io::Error) -> Error {
        match source.kind() {
            ErrorKind::InvalidData if Damage::of(&source).is_none() => {
                Error::corrupt(&self.root, None, source.to_string())
            }
            _ => Error::io("read", &self.root, source),
        }
    }
}

impl State {
    /// Creates the log again that was deleted. Its operations are in the new file from then on: code that settles or
    /// indexes the log looks for them there.
    pub(in crate::store) fn recreate_log(&mut self, store: &Store) -> Result<()> {
        let old = self.logs.wal.file().cloned();
        self.logs.wal.recreate(&*store.disk)?;
        let (Some(old), Some(new)) = (old, self.logs.wal.file()) else { return Ok(()) };
        for operation in self.engine.operations_mut() {
            if let Text::At { file, .. } = &mut operation.line
                && Arc::ptr_eq(file, &old)
            {
                *file = Arc::clone(new);
            }
        }
        Ok(())
    }

    fn changed(&self, checkpoint_due: bool) -> Changed {
        let buffered = self.buffered_operations();
        let foreign = self.following.foreign() > 0 || self.home.is_untold();
        Changed { checkpoint_due, write_due: false, is_far_behind: false, buffered, foreign }
    }

    fn buffered_operations(&self) -> usize {
        self.engine.operations().len() - self.unwritten.buffered() + self.unwritten.drafts.len()
    }

    /// The batch that is being put together is as if it had not been.
    fn take_batch_back(&mut self) {
        self.unwritten.drafts.clear();
        self.engine.rollback();
    }

    /// Appends the operations that are in no file yet. Those from `batch` on get batch markers.
    pub(in crate::store) fn flush(&mut self, store: &Store, batch: Option<usize>) -> Result<()> {
        self.write_drafts(store)?;
        let from = self.unwritten.buffered();
        if from == self.engine.operations().len() {
            return Ok(());
        }
        let count = self.engine.operations().len();
        let lines = self.lines(from, batch, self.logs.wal.marks())?;
        let for_next_log = match self.logs.switch.marks() {
            Some(marks) => Some(self.lines(from, batch, marks)?),
            None => None,
        };
        let at = self.logs.wal.append(&*store.disk, &lines.bytes)?;
        if let (Some(next_log), Some(copy)) = (self.logs.switch.next(), &for_next_log)
            && let Err(error) = next_log.append(store, &copy.bytes, &copy.starts)
        {
            self.next_log_failed(store, at, error)?;
        }
        let Some(file) = self.logs.wal.file().cloned() else { return Ok(()) };
        let ends = lines.starts.iter().skip(1).copied().chain([lines.bytes.len() as u64]);
        let places = lines.starts.iter().zip(ends).enumerate().map(|(index, (start, end))| {
            let line = Text::at(&file, at + start, (end - start - 1) as usize);
            (line, mark_of(from + index, count, batch))
        });
        self.engine.place(from, places);
        self.unwritten.set_buffered(count);
        Ok(())
    }

    fn lines(&self, from: usize, batch: Option<usize>, mut marks: Marks<'_>) -> Result<Lines> {
        let count = self.engine.operations().len();
        let mut lines = Lines { bytes: Vec::new(), starts: Vec::with_capacity(count - from) };
        for (index, operation) in self.engine.operations().iter().enumerate().skip(from) {
            lines.starts.push(lines.bytes.len() as u64);
            let text =
                operation.line.read().map_err(|source| Error::io("read", self.logs.wal.path(), source))?;
            lines.bytes.extend_from_slice(text.strip_suffix(b"}").unwrap_or(&text));
            marks.batch = mark_of(index, count, batch);
            finish_line(&mut lines.bytes, &marks);
            marks.cuts = 0;
            marks.after = None;
        }
        Ok(lines)
    }

    /// A late operation did not reach the next WAL. Before publication the checkpoint is given up; after, the
    /// operation must fail, and must be in neither WAL. If it cannot be cut out again, it is not known which of them counts
    /// at the next open, and the caller is told so.
    pub(in crate::store) fn next_log_failed(&mut self, store: &Store, at: u64, error: Error) -> Result<()> {
        if !self.logs.switch.is_publishing() {
            self.logs.switch.give_up(store, Some(error));
            return Ok(());
        }
        match self.logs.wal.cut(at) {
            Ok(true) => Err(error),
            // What another process appended behind it stays.
            Ok(false) => Err(self.in_one_log_only("an operation", &error)),
            Err(cut) => Err(self.in_one_log_only("an operation", &cut)),
        }
    }

    /// What was just done is in one of two logs only.
    pub(in crate::store) fn in_one_log_only(&mut self, what: &str, error: &Error) -> Error {
        self.uncertain(what, "it is in one of two logs only", error)
    }

    /// What was just done may or may not be there at the next open. The caller is told so; nothing more is written.
    pub(in crate::store) fn uncertain(&mut self, what: &str, why: &str, error: &Error) -> Error {
        self.failed.get_or_insert_with(|| format!("of {what}, {why}: {error}"));
        Error::Failed(format!("{what} may or may not take effect, because {why}: {error}"))
    }
}

/// Lines that are ready to be appended, and where each begins.
struct Lines {
    bytes: Vec<u8>,
    starts: Vec<u64>,
}

fn mark_of(index: usize, count: usize, batch: Option<usize>) -> Option<BatchMark> {
    let from = batch?;
    mark_at(index.checked_sub(from)?, count - from)
}
