//! Undo: cut the last line off, then take it back in memory. In a batch, the line before it first becomes a
//! valid end.

use std::sync::Arc;

use super::{Rejected, State, Store};
use crate::engine::{Id, Operation, Text};
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, Kind, batch_marker};

impl Store {
    /// Takes the last operation back, an agent's own last. Returns the records concerned: none when there is no
    /// operation since the last checkpoint began.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_FAILED`; nothing is changed then.
    pub fn undo(&self) -> Result<Vec<Id>, Rejected> {
        let mut state = self.lock();
        state.writable()?;
        if state.agents.is_some() {
            let Some(_alone) = self.enter_gate_alone(&state)? else { return Err(Rejected::NotNow) };
            let undone = self.undo_of_agent(&mut state)?.unwrap_or_default();
            self.wrote(&state);
            return Ok(undone);
        }
        if state.shown() == 0 {
            return Ok(Vec::new());
        }
        if state.engine.operations().is_empty() {
            drop(state);
            state = self.lock_replayed()?;
        }
        let count = state.engine.operations().len();
        if state.buffered < count {
            return Ok(state.undo_last(self)?);
        }
        self.check_file(&mut state)?;
        state.cut_last(self)?;
        let undone = state.undo_last(self)?;
        state.buffered = state.engine.operations().len();
        self.wrote(&state);
        Ok(undone)
    }
}

impl Store {
    /// As [`Store::undo`], for an agent: waits for the lock and for what others wrote.
    ///
    /// # Errors
    /// As for [`Store::undo`], and `OPSLOG_LOCKED` when another process does not let go.
    pub fn undo_waiting(&self) -> Result<Vec<Id>> {
        let Some(gate) = &self.gate else { return Ok(Vec::new()) };
        let exclusive = gate.exclusive()?;
        let followed = self.look_alone(&exclusive)?;
        let mut state = self.lock();
        state.foreign.push(followed);
        state.writable()?;
        let undone = self.undo_of_agent(&mut state)?.unwrap_or_default();
        self.wrote(&state);
        Ok(undone)
    }
}

impl State {
    fn undo_last(&mut self, store: &Store) -> Result<Vec<Id>> {
        let undone = self.engine.undo_last().map_err(|source| store.read_failed(source))?;
        if undone.as_ref().is_some_and(|operation| operation.kind == Kind::Delete) {
            self.departures += 1;
        }
        Ok(undone.into_iter().map(|operation| operation.id).collect())
    }

    /// Cuts the last operation's line off the log, and off the next log during a checkpoint.
    fn cut_last(&mut self, store: &Store) -> Result<()> {
        let operations = self.engine.operations();
        let Some(Text::At { offset, .. }) = operations.last().map(|last| last.line.clone()) else {
            return Ok(());
        };
        let before = operations.len().checked_sub(2).and_then(|index| operations.get(index));
        let new_end = before.filter(|before| before.batch == Some(BatchMark::More)).cloned();
        if offset < self.indexed {
            store.forget_log_index(self);
        }
        // NOTE: the next log first. What cannot leave it stays in both, and memory goes on reading it from the first.
        #[cfg(not(planted = "undo-in-one-log"))]
        if let Err(error) = self.cut_mirror(store, new_end.is_some()) {
            if self.mirror.as_ref().is_some_and(|mirror| mirror.publishing) {
                return Err(error);
            }
            self.give_mirror_up(store);
        }
        if let Err(error) = self.cut_log(store, offset, new_end.as_ref()) {
            self.cut_off_mirror_only(store, &error);
            return Err(error);
        }
        if new_end.is_some() {
            let operations = self.engine.operations_mut();
            if let Some(before) = operations.len().checked_sub(2).and_then(|index| operations.get_mut(index))
            {
                before.batch = Some(BatchMark::Last);
            }
        }
        Ok(())
    }

    fn cut_log(&mut self, store: &Store, offset: u64, new_end: Option<&Operation>) -> Result<()> {
        #[cfg(not(planted = "undo-keeps-marker"))]
        if let Some(before) = new_end
            && let Text::At { offset, .. } = &before.line
        {
            let marker = offset + marker_in(before, self.wal.path())?;
            self.wal.overwrite(&*store.disk, marker, BatchMark::Last.text())?;
        }
        self.wal.cut(offset)
    }

    /// Makes every line of a batch a valid end. From here on a 0.8.1 may cut the log within a batch, and what
    /// is left must not look like a batch that a crash cut.
    pub(super) fn settle_batches(&mut self, store: &Store) -> Result<()> {
        if self.failed.is_some() {
            return Ok(());
        }
        let flushed = self.engine.operations().get(..self.buffered).unwrap_or_default();
        let inside = flushed.iter().filter(|operation| operation.batch == Some(BatchMark::More));
        let mut markers = Vec::new();
        let Some(own) = self.wal.file() else { return Ok(()) };
        for operation in inside {
            // NOTE: among agents, operations of logs that were sealed may stand here too.
            if let Text::At { file, offset, .. } = &operation.line
                && Arc::ptr_eq(file, own)
            {
                markers.push(offset + marker_in(operation, self.wal.path())?);
            }
        }
        if markers.is_empty() {
            return Ok(());
        }
        // NOTE: the lines must be durable before one of them can pass for the batch's end.
        self.wal.sync()?;
        match self.wal.overwrite_all(&*store.disk, &markers, BatchMark::Last.text()) {
            // A caller may have deleted the log; then there is nothing to settle.
            Err(error) if error.is_missing_file() => return Ok(()),
            settled => settled?,
        }
        for operation in self.engine.operations_mut() {
            if operation.batch == Some(BatchMark::More) {
                operation.batch = Some(BatchMark::Last);
            }
        }
        Ok(())
    }

    fn cut_mirror(&mut self, store: &Store, new_end: bool) -> Result<()> {
        let Some(mirror) = &mut self.mirror else { return Ok(()) };
        let Some(&offset) = mirror.offsets.last() else { return Ok(()) };
        let before = mirror.offsets.len().checked_sub(2).and_then(|index| mirror.offsets.get(index)).copied();
        if let (true, Some(before), Some(file)) = (new_end, before, mirror.writer.file()) {
            let len = (offset - before) as usize;
            let line = Text::At { file: Arc::clone(file), offset: before, len: len as u32 };
            let text = line.read().map_err(|source| Error::io("read", mirror.writer.path(), source))?;
            if let Some(at) = batch_marker(&text) {
                mirror.writer.overwrite(&*store.disk, before + at as u64, BatchMark::Last.text())?;
            }
        }
        mirror.writer.cut(offset)?;
        mirror.offsets.pop();
        Ok(())
    }

    /// The next log lacks what could not be undone: give it up, or refuse writes once it may be published.
    fn cut_off_mirror_only(&mut self, store: &Store, error: &Error) {
        match &self.mirror {
            Some(mirror) if mirror.publishing => {
                self.failed = Some(format!("an operation is in one of two logs only: {error}"));
            }
            Some(_) => self.give_mirror_up(store),
            None => {}
        }
    }
}

/// Where in an operation's line the value of its batch marker stands.
pub(super) fn marker_in(operation: &Operation, path: &std::path::Path) -> Result<u64> {
    let text = operation.line.read().map_err(|source| Error::io("read", path, source))?;
    let marker = batch_marker(&text).map(|at| at as u64);
    marker.ok_or_else(|| Error::corrupt(path, None, "a batch marker is not where it was written"))
}
