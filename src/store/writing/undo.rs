//! Undo: cut the last line off, then take it back in memory. In a batch, the line before it first becomes a
//! valid end, durably: a power loss may keep the cut and lose what was written before it, and then the whole
//! batch would look like one that a crash cut.

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::engine::{Id, Operation, Text};
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, batch_marker};
use crate::rules::batches::{self, is_end_to_be};
use crate::store::{Rejected, State, Store};
use crate::wal::Standing;

/// A log, with its path.
pub(in crate::store) type Written = (PathBuf, Arc<dyn DiskFile>);

impl Store {
    /// Takes the last operation back, an agent's own last. Returns the records concerned: none when there is no
    /// operation since the last checkpoint began.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_FAILED`; nothing is changed then. `NotNow` when that takes a sync, or others must be
    /// waited for: [`Store::undo_waiting`] does that.
    pub fn undo(&self) -> Result<Vec<Id>, Rejected> {
        let mut state = self.lock();
        state.writable()?;
        state.show_all();
        if state.agents.is_some() {
            let Some(_alone) = self.enter_gate_alone(&state)? else { return Err(Rejected::NotNow) };
            if state.end_to_be().is_some() || !matches!(state.logs.wal.length(), Ok(Standing::Sound)) {
                return Err(Rejected::NotNow);
            }
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
        if state.unwritten.buffered() < count {
            state.keep_showing();
            let undone = state.undo_last(self)?;
            state.tell_home_of(&undone);
            return Ok(undone);
        }
        state.keep_showing();
        loop {
            self.check_file(&mut state)?;
            if state.end_to_be().is_some() {
                return Err(Rejected::NotNow);
            }
            if state.cut_last(self, 1)? {
                break;
            }
        }
        let undone = state.undo_last(self)?;
        state.note_all_written();
        state.tell_home_of(&undone);
        self.wrote(&state);
        Ok(undone)
    }
}

impl Store {
    /// As [`Store::undo`], but waits: for a sync, for the lock of agents and for what they wrote.
    ///
    /// # Errors
    /// As for [`Store::undo`], and `OPSLOG_LOCKED` when another process does not let go.
    pub fn undo_waiting(&self) -> Result<Vec<Id>> {
        let Some(gate) = &self.gate else { return self.undo_after_sync() };
        let exclusive = gate.exclusive()?;
        let followed = self.look_alone(&exclusive)?;
        self.lock().following.came_upon(followed);
        self.end_batch_before_last()?;
        let mut state = self.lock();
        state.writable()?;
        let undone = self.undo_of_agent(&mut state)?.unwrap_or_default();
        self.wrote(&state);
        Ok(undone)
    }

    fn undo_after_sync(&self) -> Result<Vec<Id>> {
        loop {
            match self.undo() {
                Ok(undone) => return Ok(undone),
                Err(Rejected::Error(error)) => return Err(error),
                // A checkpoint may come in between with its next log.
                Err(Rejected::NotNow | Rejected::NotCanonical(_)) => self.end_batch_before_last()?,
            }
        }
    }

    /// Lets the line before the last be a valid end of its batch, durably, if it is none yet.
    fn end_batch_before_last(&self) -> Result<()> {
        let mut state = self.lock();
        state.writable()?;
        self.check_length(&mut state).map_err(Rejected::into_error)?;
        let Some(index) = state.end_to_be() else { return Ok(()) };
        let written = state.end_batch_at(self, index)?;
        if !planted!("undo-marks-memory-late") {
            state.note_end_of_batch(index);
        }
        // NOTE: the lock is given up here, and a checkpoint may copy the operations to its next log.
        drop(state);
        self.sync_at_once(&written)?;
        if planted!("undo-marks-memory-late") {
            let mut state = self.lock();
            if state.end_to_be() == Some(index) {
                state.note_end_of_batch(index);
            }
        }
        Ok(())
    }
}

impl Store {
    /// Takes the whole last batch back, an agent's own last, or the last operation, if that is of none: one cut. Returns the
    /// records concerned, the last operation's first.
    ///
    /// # Errors
    /// As for [`Store::undo_waiting`].
    pub fn undo_batch(&self) -> Result<Vec<Id>> {
        if let Some(gate) = &self.gate {
            let exclusive = gate.exclusive()?;
            let followed = self.look_alone(&exclusive)?;
            self.lock().following.came_upon(followed);
            if self.lock().last_batch() == 1 {
                self.end_batch_before_last()?;
            }
            let mut state = self.lock();
            state.writable()?;
            let count = state.last_batch();
            let undone = self.undo_several_of_agent(&mut state, count)?.unwrap_or_default();
            self.wrote(&state);
            return Ok(undone);
        }
        let mut state = self.lock();
        state.writable()?;
        if state.shown() == 0 {
            return Ok(Vec::new());
        }
        if state.engine.operations().is_empty() {
            drop(state);
            state = self.lock_replayed()?;
        }
        state.keep_showing();
        let mut count = 1;
        // What is buffered is of no batch: a batch is written as it ends.
        if state.unwritten.buffered() >= state.engine.operations().len() {
            loop {
                self.check_file(&mut state).map_err(Rejected::into_error)?;
                count = state.last_batch();
                if count == 1 && state.end_to_be().is_some() {
                    drop(state);
                    return self.undo_after_sync();
                }
                if state.cut_last(self, count)? {
                    break;
                }
            }
        }
        let mut undone = Vec::new();
        for _ in 0..count {
            undone.extend(state.undo_last(self)?);
        }
        let buffered = state.unwritten.buffered().min(state.engine.operations().len());
        state.unwritten.set_buffered(buffered);
        state.tell_home_of(&undone);
        self.wrote(&state);
        Ok(undone)
    }
}

impl State {
    /// How many operations the last batch has, an agent's own last; 1 for an operation that is of none.
    fn last_batch(&self) -> usize {
        batches::last_batch(self.last_written().map(|(_, operation)| operation.batch))
    }

    fn undo_last(&mut self, store: &Store) -> Result<Vec<Id>> {
        let undone = self.engine.undo_last().map_err(|source| store.read_failed(source))?;
        Ok(undone.into_iter().map(|operation| operation.id).collect())
    }

    /// Which operation is the last of its batch once the last one is undone, but is not marked so yet.
    pub(in crate::store) fn end_to_be(&self) -> Option<usize> {
        let (index, before) = self.last_written().nth(1)?;
        is_end_to_be(before.batch).then_some(index)
    }

    /// Notes that an operation's line is marked as the end of its batch in the file.
    fn note_end_of_batch(&mut self, index: usize) {
        if let Some(end) = self.engine.operations_mut().get_mut(index) {
            end.batch = Some(BatchMark::Last);
        }
    }

    /// Overwrites the marker of a line in the log, and in the next log during a checkpoint. Returns what counts of
    /// that only when it is durable.
    fn end_batch_at(&mut self, store: &Store, index: usize) -> Result<Vec<Written>> {
        let Some(end) = self.engine.operations().get(index).cloned() else { return Ok(Vec::new()) };
        let Text::At { offset, .. } = end.line else { return Ok(Vec::new()) };
        let mut written = Vec::new();
        if let Err(error) = self.end_batch_in_next_log(store, &mut written) {
            if self.logs.switch.is_publishing() {
                return Err(error);
            }
            self.logs.switch.give_up(store, Some(error));
        }
        let marker = offset + marker_in(&end, self.logs.wal.path())?;
        if !planted!("undo-keeps-marker") {
            self.logs.wal.overwrite(&*store.disk, marker, BatchMark::Last.text())?;
        }
        written
            .extend(self.logs.wal.file().map(|file| (self.logs.wal.path().to_path_buf(), Arc::clone(file))));
        Ok(written)
    }

    fn end_batch_in_next_log(&mut self, store: &Store, written: &mut Vec<Written>) -> Result<()> {
        let is_publishing = self.logs.switch.is_publishing();
        let Some(next_log) = self.logs.switch.next() else { return Ok(()) };
        let Some((file, before, offset)) = next_log.line_before_last() else { return Ok(()) };
        let (file, line) = (Arc::clone(file), Text::at(file, before, (offset - before) as usize));
        let path = next_log.writer().path().to_path_buf();
        let text = line.read().map_err(|source| Error::io("read", &path, source))?;
        // Until then it is synced before the manifest names it.
        if is_publishing {
            written.push((path, file));
        }
        let Some(at) = batch_marker(&text) else { return Ok(()) };
        next_log.writer().overwrite(&*store.disk, before + at as u64, BatchMark::Last.text())
    }

    /// Cuts the lines of the last operations off the log, and off the next log during a checkpoint. `false`, and nothing is
    /// done, if another process has appended since the file was looked at.
    fn cut_last(&mut self, store: &Store, count: usize) -> Result<bool> {
        let operations = self.engine.operations();
        let lines = operations.get(operations.len().saturating_sub(count)..).unwrap_or_default();
        let lines: Vec<Text> = lines.iter().map(|operation| operation.line.clone()).collect();
        let (Some(&Text::At { offset, .. }), Some(&Text::At { offset: last, len, .. })) =
            (lines.first(), lines.last())
        else {
            return Ok(true);
        };
        // NOTE: the last first: behind a line that is kept stands what was written later.
        for line in lines.iter().rev() {
            self.keep_for_moments(store, Some(line))?;
        }
        if offset < self.logs.indexed.end() {
            store.forget_log_index(self);
        }
        // NOTE: the next log first. What cannot leave it stays in both, and memory goes on reading it from the first.
        if !planted!("undo-in-one-log")
            && let Err(error) = self.cut_next_log(count)
        {
            if self.logs.switch.is_publishing() {
                return Err(error);
            }
            self.logs.switch.give_up(store, Some(error));
        }
        let is_last = last + u64::from(len) + 1 == self.logs.wal.len();
        let cut = match is_last {
            true => self.logs.wal.cut(offset),
            // A part of a line comes behind it, or a line that counts only once a checkpoint is over.
            false => self.blank_lines(store, &lines).map(|()| true),
        };
        match cut {
            Ok(true) => {
                self.following.tail_queue.cut(self.logs.wal.relative(), self.logs.wal.len());
                Ok(true)
            }
            Ok(false) => {
                self.renew_next_log(store, usize::MAX)?;
                Ok(false)
            }
            Err(error) => Err(self.cut_off_next_log_only(store, error)),
        }
    }

    /// Keeps a line that is about to be cut off for those who read the records of an earlier moment.
    pub(in crate::store) fn keep_for_moments(&self, store: &Store, line: Option<&Text>) -> Result<()> {
        line.map_or(Ok(()), |line| self.following.moments.cut(line))
            .map_err(|source| store.read_failed(source))
    }

    /// Overwrites lines, the last one first: a crash leaves a batch without its end, which counts as none.
    fn blank_lines(&mut self, store: &Store, lines: &[Text]) -> Result<()> {
        for line in lines.iter().rev() {
            if let Text::At { offset, len, .. } = line {
                self.logs.wal.blank(&*store.disk, *offset, *len as usize)?;
            }
        }
        Ok(())
    }

    fn cut_next_log(&mut self, count: usize) -> Result<()> {
        let Some(next_log) = self.logs.switch.next() else { return Ok(()) };
        next_log.cut_to(next_log.count().saturating_sub(count))
    }

    /// The next log lacks what could not be undone: give it up, or refuse writes once it may be published.
    fn cut_off_next_log_only(&mut self, store: &Store, error: Error) -> Error {
        if self.logs.switch.is_publishing() {
            return self.in_one_log_only("an undo", &error);
        }
        self.logs.switch.give_up(store, None);
        error
    }
}

/// Where in an operation's line the value of its batch marker stands.
pub(in crate::store) fn marker_in(operation: &Operation, path: &std::path::Path) -> Result<u64> {
    let text = operation.line.read().map_err(|source| Error::io("read", path, source))?;
    let marker = batch_marker(&text).map(|at| at as u64);
    marker.ok_or_else(|| Error::corrupt(path, None, "a batch marker is not where it was written"))
}
