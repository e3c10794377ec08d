//! The end of the log, read anew: which lines are the store's own, which are others', and memory brought in line with
//! them. Own lines that another process has swallowed or cut off are appended again.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::own::{Own, OwnLines};
use crate::disk::{DiskFile, read_exact_at};
use crate::engine::{Id, Logged, Text};
use crate::error::{Error, Result};
use crate::format::operation::{Marks, finish_line, parse_line, unmarked};
use crate::store::following::followed::skipped_in;
use crate::store::{Followed, State, Store};
use crate::wal::{Tail, replay};

/// How much of what was read is kept in memory, to tell own lines from others when they are read again.
const KEPT: u64 = 4 << 20;

/// What stands in the log behind the last place that is sure.
#[derive(Default)]
pub(super) struct Found {
    pub(super) operations: Vec<Logged>,
    /// For each of them, whether it is the store's own.
    pub(super) is_own: Vec<bool>,
    /// Own lines that are not there: a part of another line came before them, or another hand cut them off.
    pub(super) missing: Vec<Own>,
    /// The other lines, as they can be appended to another log.
    pub(super) others: Vec<(Id, Vec<u8>)>,
    pub(super) followed: Followed,
    /// Where the other lines are, to be told of.
    pub(super) queued: Vec<Range<u64>>,
    pub(super) tail: Tail,
}

impl Store {
    pub(super) fn find_end(&self, state: &State, file: &Arc<dyn DiskFile>, from: usize) -> Result<Found> {
        let path = state.logs.wal.path();
        let mut own = OwnLines::new(state.own_lines(from));
        let mut found = Found::default();
        found.tail = replay(&**file, path, state.logs.wal.contents().sure(), |offset, bytes, line| {
            let text = Text::at(file, offset, bytes.len());
            let data = line.data.clone().map(|range| text.part(range, bytes));
            let is_own = own.find(bytes, &line.id, line.kind);
            found.is_own.push(is_own);
            if !is_own {
                found.followed.applied.push(((&*line.id).into(), line.kind));
                found.queued.push(offset..offset + bytes.len() as u64 + 1);
                found.others.push(((&*line.id).into(), bare(bytes)));
            }
            let (id, version) = ((&*line.id).into(), state.versions.of_line(line));
            let logged = Logged { id, data, line: text, batch: line.batch, origin: None, version };
            found.operations.push(logged);
            Ok(ControlFlow::Continue(()))
        })?;
        found.missing = own.missing();
        found.followed.skipped.extend(skipped_in(path, &found.tail.skipped));
        found.followed.reordered = true;
        Ok(found)
    }
}

/// A line as it can be appended to any log.
pub(super) fn bare(line: &[u8]) -> Vec<u8> {
    let mut bytes = unmarked(line).into_owned();
    finish_line(&mut bytes, &Marks::default());
    bytes
}

impl Found {
    /// Whether something is to be told of it.
    pub(super) fn is_news(&self) -> bool {
        let Followed { applied, skipped, .. } = &self.followed;
        !applied.is_empty() || !skipped.is_empty() || !self.missing.is_empty()
    }
}

impl State {
    /// Puts what was found in the log in the place of the operations from one on, and those behind them on top.
    pub(super) fn renew_end(
        &mut self,
        store: &Store,
        file: &Arc<dyn DiskFile>,
        from: usize,
        found: &mut Found,
    ) -> Result<()> {
        let Found { tail, .. } = found;
        if !tail.skipped.is_empty() || tail.torn {
            self.logs.indexed.note_mixed();
        }
        let ends_in_part = self.ends_in_part(&**file, tail)?;
        let sure = self.logs.wal.contents().sure();
        self.logs.wal.read_up_to(tail.good, tail.end, ends_in_part);
        self.keep_read(&**file, sure)?;
        let appended = self.append_missing(store, file, found);
        let (written, hidden) = (from + found.operations.len(), self.hidden_then(from, found));
        let held = self.held(store)?;
        let changed = self.engine.operations().get(from..).unwrap_or_default();
        found.followed.changed.extend(changed.iter().map(|operation| Arc::clone(&operation.id)));
        let mut operations = std::mem::take(&mut found.operations);
        operations.extend(held);
        self.unwritten.move_batch(|_| from + operations.len());
        self.engine
            .replace_tail(from, operations, (self.checkpoints.hidden(), hidden))
            .map_err(|source| Error::io("read", self.logs.wal.path(), source))?;
        self.unwritten.set_buffered(written);
        self.checkpoints.set_hidden(hidden);
        self.renew_next_log(store, from)?;
        appended
    }

    /// Takes note of where the store's own lines are, from one on, and passes the others over.
    pub(super) fn find_own(
        &mut self,
        store: &Store,
        file: &Arc<dyn DiskFile>,
        from: usize,
        found: &mut Found,
    ) -> Result<()> {
        if !found.missing.is_empty() {
            // The next log has them.
            return Ok(());
        }
        let ends_in_part = self.ends_in_part(&**file, &found.tail)?;
        let sure = self.logs.wal.contents().sure();
        self.logs.wal.passed_over(found.tail.end, ends_in_part);
        self.keep_read(&**file, sure)?;
        let operations = std::mem::take(&mut found.operations).into_iter().zip(&found.is_own);
        let own = operations.filter(|(_, is_own)| **is_own).map(|(own, _)| own);
        let operations = own.chain(self.held(store)?).collect();
        self.engine
            .replace_tail(from, operations, (self.checkpoints.hidden(), self.checkpoints.hidden()))
            .map_err(|source| Error::io("read", self.logs.wal.path(), source))
    }

    /// What is only buffered, to be applied again.
    fn held(&self, store: &Store) -> Result<Vec<Logged>> {
        let held = self.unwritten.batch().unwrap_or(self.engine.operations().len());
        self.engine.logged(self.unwritten.buffered()..held).map_err(|source| store.read_failed(source))
    }

    /// Keeps in memory what was just read of the log.
    pub(super) fn keep_read(&mut self, file: &dyn DiskFile, from: u64) -> Result<()> {
        let len = self.logs.wal.len().saturating_sub(from).min(KEPT) as usize;
        let read = read_exact_at(file, self.logs.wal.len() - len as u64, len);
        let bytes = read.map_err(|source| Error::io("read", self.logs.wal.path(), source))?;
        let offset = self.logs.wal.len() - len as u64;
        self.logs.wal.contents_mut().keep(offset, &bytes);
        Ok(())
    }

    /// Whether the log ends with a part of a line.
    pub(super) fn ends_in_part(&self, file: &dyn DiskFile, tail: &Tail) -> Result<bool> {
        if tail.end == 0 || (tail.end == tail.good && !tail.needs_newline) {
            return Ok(false);
        }
        let last = read_exact_at(file, tail.end - 1, 1);
        Ok(last.map_err(|source| Error::io("read", self.logs.wal.path(), source))? != b"\n")
    }

    /// Appends own lines again that are not in the log any more, though it was said that they are. What cannot be appended
    /// stays in memory.
    fn append_missing(&mut self, store: &Store, file: &Arc<dyn DiskFile>, found: &mut Found) -> Result<()> {
        let mut appended = Ok(());
        for own in std::mem::take(&mut found.missing) {
            let mut bytes = own.text.unwrap_or_default();
            finish_line(&mut bytes, &self.logs.wal.marks());
            let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            let Ok(parsed) = parse_line(line) else {
                return Err(Error::corrupt(
                    self.logs.wal.path(),
                    None,
                    "a line that was written is not there",
                ));
            };
            let text = match self.logs.wal.append(&*store.disk, &bytes) {
                Ok(at) => Text::at(file, at, line.len()),
                Err(error) => {
                    appended = Err(error);
                    Text::Held(line.into())
                }
            };
            let data = parsed.data.clone().map(|range| text.part(range, line));
            let version = self.versions.of_line(&parsed);
            found.is_own.push(true);
            let (id, batch, origin) = (own.id, None, None);
            found.operations.push(Logged { id, data, line: text, batch, origin, version });
        }
        appended
    }

    /// How many operations are hidden once those from one on are what was found: each of the store's own stays on its
    /// side.
    fn hidden_then(&self, from: usize, found: &Found) -> usize {
        match self.checkpoints.hidden().checked_sub(from) {
            None | Some(0) => self.checkpoints.hidden(),
            Some(own) => match found.is_own.iter().enumerate().filter(|(_, is_own)| **is_own).nth(own) {
                Some((before, _)) => from + before,
                None => {
                    let behind = self.checkpoints.hidden().saturating_sub(self.unwritten.buffered());
                    from + found.operations.len() + behind
                }
            },
        }
    }

    /// Lets the next log, while a checkpoint is under way, hold the operations from one on as this one does.
    pub(in crate::store) fn renew_next_log(&mut self, store: &Store, from: usize) -> Result<()> {
        let Some(next_log) = self.logs.switch.next() else { return Ok(()) };
        let keep = from.min(next_log.count());
        let renewed = next_log.cut_to(keep);
        if let Err(error) = renewed.and_then(|()| self.carry(store, keep)) {
            self.logs.switch.give_up(store, Some(error));
        }
        Ok(())
    }
}
