//! A store without files, for the protocols, whose carrier keeps the bytes. The same engine drafts lines and holds the
//! state; the carrier says whether they arrived. Changes show at once and are taken back, positions included, when they
//! did not. Schema versions are the protocols' affair: what is loaded here is migrated.

use std::path::Path;
use std::sync::Arc;

use crate::disk::OsDisk;
use crate::engine::{Base, Change, Cursor, Draft, Engine, Id, Logged, Text};
use crate::error::{Error, Result};
use crate::format::operation::parse_line;
use crate::json::array::elements;
use crate::json::string::unescape;
use crate::json::string_body;
use crate::store::{Durability, Options, Past, State, Store};

impl Store {
    /// A store without files. `agent` writes with a Lamport clock.
    pub fn detached(agent: Option<&[u8]>) -> Self {
        let options = Options {
            read_only: false,
            skip_load: false,
            version: 1,
            version_given: true,
            checkpoint_threshold: f64::INFINITY,
            strict: false,
            amortised: false,
            index_from_bytes: u64::MAX,
            buffered: true,
            durability: Durability::Process,
            agent: None,
            now_ms: 0,
            progress: Arc::default(),
        };
        let engine = Engine::new(Base::empty(), agent);
        let state = State { engine, detached: true, ..State::unloaded() };
        let detached = Self::closed(Arc::new(OsDisk), Path::new(""), options, None);
        *detached.lock() = state;
        detached
    }

    /// Drafts a change, applies it in memory, and returns the line that is to be carried away.
    ///
    /// # Errors
    /// `OPSLOG_NOT_FOUND` for a deletion of a record that is not there, `OPSLOG_FAILED` when the clock is spent; nothing is
    /// changed then.
    pub fn draft(&self, id: &Id, value: Option<&[u8]>, now_ms: i64) -> Result<Vec<u8>> {
        let mut state = self.lock();
        state.writable()?;
        if let Some(value) = value {
            self.require_unique(&mut state, id, value)?;
        }
        let before = state.engine.get(id).map_err(|source| self.read_failed(source))?;
        if before.is_none() && value.is_none() {
            return Err(Error::NotFound { id: String::from_utf8_lossy(id).into_owned() });
        }
        let known = before.as_ref().map(Text::read).transpose().map_err(|source| self.read_failed(source))?;
        let change = value.map_or(Change::Delete, Change::Set);
        let mut line = Vec::new();
        let draft = Draft { change, id, ts_ms: now_ms, version: None };
        let drafted = state.engine.draft(&mut line, &draft, known.as_deref(), true);
        let Ok(body) = drafted else { return Err(Error::Failed("a value is not as V8 prints it".into())) };
        line.push(b'}');
        drop(known);
        let text = Text::Held(line.as_slice().into());
        let data = body.data.map(|range| text.slice(range));
        let version = self.options.version;
        let logged = Logged { id: Arc::clone(id), data, line: text, batch: None, origin: None, version };
        state.engine.apply(logged, before);
        Ok(line)
    }

    /// Applies operations that were read, in this order: the record, where its value stands in the line, the line.
    ///
    /// # Errors
    /// `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn apply_read(
        &self,
        operations: impl Iterator<Item = (Id, Option<std::ops::Range<usize>>, Arc<[u8]>)>,
    ) -> Result<()> {
        let mut state = self.lock();
        for (id, data, line) in operations {
            let before = state.engine.get(&id).map_err(|source| self.read_failed(source))?;
            let line = Text::Held(line);
            let data = data.map(|range| line.slice(range));
            let version = self.options.version;
            state.engine.apply(Logged { id, data, line, batch: None, origin: None, version }, before);
        }
        Ok(())
    }

    /// Takes the last operation back as if it had not been. Returns its record.
    pub fn take_back_exactly(&self) -> Option<Id> {
        let mut state = self.lock();
        let undone = state.engine.undo_last().ok().flatten();
        state.cut_hidden();
        undone.map(|operation| operation.id)
    }

    /// Takes one operation out, the last but `behind - 1`: those behind it are taken back and applied again. Returns the
    /// records concerned; `None` if there are not as many.
    ///
    /// # Errors
    /// `OPSLOG_IO` of reading, which cannot happen for held texts; nothing is changed then.
    pub fn remove_operation(&self, behind: usize) -> Result<Option<Vec<Id>>> {
        let mut state = self.lock();
        let Some(from) = state.engine.operations().len().checked_sub(behind) else { return Ok(None) };
        let later = state.engine.operations().iter().skip(from + 1);
        let again = later.map(|operation| Ok((operation.clone(), operation.data()?)));
        let again = again.collect::<std::io::Result<Vec<_>>>().map_err(|source| self.read_failed(source))?;
        let mut concerned = Vec::with_capacity(behind);
        for _ in 0..behind {
            concerned.extend(state.engine.undo_last().ok().flatten().map(|operation| operation.id));
        }
        for (operation, data) in again {
            let before = state.engine.get(&operation.id).map_err(|source| self.read_failed(source))?;
            let (id, version) = (Arc::clone(&operation.id), operation.version);
            let (line, batch) = (operation.line, operation.batch);
            state.engine.apply(Logged { id, data, line, batch, origin: None, version }, before);
        }
        state.cut_hidden();
        Ok(Some(concerned))
    }

    /// Lets the history shown start anew, with the last operations, so many. Nothing else changes, so that changes in flight can still
    /// be taken back.
    pub fn hide_operations_but(&self, keep: usize) {
        let mut state = self.lock();
        let hidden = state.engine.operations().len().saturating_sub(keep);
        state.checkpoints.set_hidden(hidden);
    }

    /// Shows all operations again.
    pub fn show_operations(&self) {
        self.lock().checkpoints.set_hidden(0);
    }

    /// Whether an operation that is shown is this agent's.
    pub fn has_operation_of(&self, agent: &[u8]) -> bool {
        let state = self.lock();
        let shown = state.engine.operations().iter().skip(state.checkpoints.hidden());
        shown.rev().any(|operation| {
            let Ok(line) = operation.line.read() else { return false };
            parse_line(&line).is_ok_and(|line| line.agent.as_deref() == Some(agent))
        })
    }

    /// Raises the clock to one that was seen.
    pub fn see_clock(&self, clock: u64) {
        self.lock().engine.see_clock(clock);
    }

    /// The highest clock seen or given out.
    pub fn clock(&self) -> u64 {
        self.lock().engine.clock()
    }

    /// A record's text.
    ///
    /// # Errors
    /// `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn text_of(&self, id: &[u8]) -> Result<Option<Vec<u8>>> {
        let state = self.lock();
        let text = state.engine.get(id).map_err(|source| self.read_failed(source))?;
        let read = text.map(|text| text.read().map(std::borrow::Cow::into_owned)).transpose();
        read.map_err(|source| self.read_failed(source))
    }

    /// All records in order, with their texts.
    ///
    /// # Errors
    /// As for [`Store::text_of`].
    pub fn pairs(&self) -> Result<Vec<(Id, Vec<u8>)>> {
        let mut list = Vec::new();
        self.lock()
            .engine
            .scan(Cursor::Base(0), usize::MAX, &mut list)
            .map_err(|source| self.read_failed(source))?;
        Ok(pairs_of(list))
    }

    /// As [`Store::pairs`], those at an earlier place.
    ///
    /// # Errors
    /// As for [`Store::text_of`].
    pub fn past_pairs(&self, past: &Past) -> Result<Vec<(Id, Vec<u8>)>> {
        let mut list = Vec::new();
        self.walk_on(&mut past.walk(false), usize::MAX, &mut list)?;
        Ok(pairs_of(list))
    }

    /// Starts anew, without records and operations. The clock does not go back.
    pub fn reset(&self, agent: Option<&[u8]>) {
        let mut state = self.lock();
        let clock = state.engine.clock();
        state.engine = Engine::new(Base::empty(), agent);
        state.engine.see_clock(clock);
        state.checkpoints.set_hidden(0);
        state.unwritten.set_buffered(0);
    }

    /// Gives a record a value without an operation.
    ///
    /// # Errors
    /// None but `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn load(&self, id: &[u8], text: &[u8]) -> Result<()> {
        let id: Id = id.into();
        let mut state = self.lock();
        let version = self.options.version;
        state.engine.load(&id, Text::Held(text.into()), version).map_err(|source| self.read_failed(source))
    }

    /// The first change since `begin_batch` has arrived, and stays whatever becomes of the others.
    pub fn commit_first(&self) {
        self.lock().engine.commit_first();
    }

    /// Takes back what was set apart, so many operations.
    pub fn rejoin(&self, apart: usize) {
        self.lock().engine.rejoin(apart);
    }

    /// How many operations there are, shown or not.
    pub fn operation_total(&self) -> usize {
        self.lock().engine.operations().len()
    }

    /// Forgets the operations but the last, so many: a checkpoint holds them.
    pub fn forget_operations_but(&self, keep: usize) {
        let mut state = self.lock();
        let count = state.engine.operations().len().saturating_sub(keep);
        state.engine.forget_operations(count);
        // NOTE: changes in flight are an open batch, which begins at a place among the operations.
        state.unwritten.move_batch(|from| from.saturating_sub(count));
        state.unhide();
    }

    /// Removes records without an operation, because they are in an archive.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn remove(&self, ids: &[Id]) -> Result<()> {
        let mut state = self.lock();
        for id in ids {
            state.engine.unload(id).map_err(|source| self.read_failed(source))?;
        }
        Ok(())
    }
}

/// The records of a list as a scan prints it: ids and values in turn, each followed by a comma.
fn pairs_of(printed: Vec<u8>) -> Vec<(Id, Vec<u8>)> {
    let list = [b"[", printed.strip_suffix(b",").unwrap_or(&printed), b"]"].concat();
    let items = elements(&list).unwrap_or_default();
    let pairs = items.chunks(2).filter_map(|pair| {
        let [first, second] = pair else { return None };
        let (id, text) = if *first == b"null" { (second, &b""[..]) } else { (first, *second) };
        let id = unescape(string_body(id).unwrap_or_default());
        Some((Id::from(&*id), text.to_vec()))
    });
    pairs.collect()
}
