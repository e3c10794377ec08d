//! Lines that come to a log while the next one takes its place, or after: a process that has read the manifest before
//! appends to the log that was in force then. They are appended to the log that is in force now, unless a newer line of
//! the same record is there.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use super::found::bare;
use crate::disk::{Disk, OpenMode};
use crate::engine::{Id, Operation, Text};
use crate::error::{Error, Result};
use crate::store::writing::change::Rejected;
use crate::store::{State, Store};
use crate::wal::{Writer, replay};

/// Lines that another hand has appended to a log while the next one took its place.
pub(in crate::store) struct Late {
    lines: Vec<(Id, Vec<u8>)>,
    /// From this operation on, it was not sure where lines are.
    from: usize,
}

/// The log before the current one, if a checkpoint of this store has replaced it.
#[derive(Default)]
pub(in crate::store) struct FormerLog(Option<Former>);

/// A log that a checkpoint has replaced, to which a process may still append that does not know that.
struct Former {
    path: PathBuf,
    /// How much of it was taken over.
    len: u64,
    /// What stands in the log after it from here on is newer, except for what was taken over from this one.
    since: u64,
    /// These lines.
    taken: HashSet<Vec<u8>>,
}

impl Former {
    fn has_grown(&self, disk: &dyn Disk) -> bool {
        disk.info(&self.path).is_ok_and(|info| info.len > self.len)
    }

    /// Whether an operation of the log after this one is newer than what is appended to this one now.
    fn is_older_than(&self, operation: &Operation) -> bool {
        let is_behind = match &operation.line {
            Text::At { offset, .. } => *offset >= self.since,
            _ => true,
        };
        is_behind && operation.line.read().is_ok_and(|line| !self.taken.contains(&bare(&line)))
    }
}

impl Store {
    /// What another hand has appended to the log that the next one is about to replace.
    pub(in crate::store) fn late_lines(&self, state: &mut State) -> Result<Option<Late>> {
        if !state.is_to_be_read() {
            return Ok(None);
        }
        let Some(file) = state.logs.wal.file().cloned() else { return Ok(None) };
        let from = state.first_unsure();
        let mut found = self.find_end(state, &file, from)?;
        // What this store wrote behind another's line counts, wherever that line goes.
        let (mut own, mut lines) = (HashSet::new(), Vec::new());
        for (logged, is_own) in found.operations.iter().zip(&found.is_own).rev() {
            if *is_own {
                own.insert(Arc::clone(&logged.id));
            } else if let Some(line) = found.others.pop().filter(|(id, _)| !own.contains(id)) {
                lines.push(line);
            }
        }
        lines.reverse();
        state.logs.wal.grown_to(found.tail.good);
        Ok(Some(Late { lines, from }))
    }

    /// Appends such lines to the log that has replaced it, and reads where the lines are that were not sure. Where another
    /// hand has written to that one by now, this counts.
    pub(in crate::store) fn carry_late_lines(&self, state: &mut State, late: Late) -> Result<()> {
        let sure = match state.engine.operations().get(late.from).map(|operation| &operation.line) {
            Some(Text::At { offset, .. }) => *offset,
            _ => state.logs.wal.len(),
        };
        state.logs.wal.contents_mut().doubt_from(sure);
        let newer = self.read_end_anew(state)?;
        self.append_late_lines(state, late.lines, |id| newer.contains(id))
    }

    fn append_late_lines(
        &self,
        state: &mut State,
        lines: Vec<(Id, Vec<u8>)>,
        is_newer: impl Fn(&Id) -> bool,
    ) -> Result<()> {
        let lines: Vec<Vec<u8>> =
            lines.into_iter().filter(|(id, _)| !is_newer(id)).map(|(_, line)| line).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let at = state.logs.wal.append(&*self.disk, &lines.concat())?;
        if let FormerLog(Some(former)) = &mut state.logs.former {
            former.taken.extend(lines);
        }
        state.logs.wal.contents_mut().doubt_from(at);
        self.read_end_anew(state).map(drop)
    }

    /// Takes over what a process that does not know of the last checkpoint has appended to the log before this one. What
    /// was written to this one since counts.
    pub(in crate::store) fn check_former_log(&self, state: &mut State) -> Result<()> {
        let FormerLog(former) = &mut state.logs.former;
        let Some(former) = former.as_mut().filter(|former| former.has_grown(&*self.disk)) else {
            return Ok(());
        };
        let file = match self.disk.open(&former.path, OpenMode::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            file => file.map_err(|source| Error::io("open", &former.path, source))?,
        };
        let mut lines = Vec::new();
        let tail = replay(&*file, &former.path, former.len, |_, bytes, line| {
            lines.push(((&*line.id).into(), bare(bytes)));
            Ok(ControlFlow::Continue(()))
        })?;
        former.len = tail.good;
        self.check_length(state).map_err(Rejected::into_error)?;
        let newer = state.written_since_switch();
        self.append_late_lines(state, lines, |id| newer.contains(id))
    }
}

impl State {
    /// Takes note of the log that another has just replaced.
    pub(in crate::store) fn note_former(&mut self, log: &Writer) {
        let (path, len, since) = (log.path().to_path_buf(), log.len(), self.logs.wal.len());
        self.logs.former = FormerLog(Some(Former { path, len, since, taken: HashSet::new() }));
    }

    /// Whether another process has appended to the log before this one.
    pub(in crate::store) fn has_late_lines(&self, disk: &dyn Disk) -> bool {
        self.logs.former.0.as_ref().is_some_and(|former| former.has_grown(disk))
    }

    /// The records that were written since this log took the place of the one before, by any process but one that still
    /// appends to that one.
    fn written_since_switch(&self) -> HashSet<Id> {
        let FormerLog(Some(former)) = &self.logs.former else { return HashSet::new() };
        let operations = self.engine.operations().iter().filter(|operation| former.is_older_than(operation));
        operations.map(|operation| Arc::clone(&operation.id)).collect()
    }
}
