//! Lines of another hand in an agent's own log: a program of the same name that no lock keeps out, or one that appends to
//! any log. The operations of all agents stand in memory in their own order, so that what is found is taken in as what
//! other agents wrote is.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::own::{Own, OwnLines};
use crate::disk::DiskFile;
use crate::engine::{Cut, Operation, Text};
use crate::error::{Error, Result};
use crate::format::operation::{finish_line, parse_line};
use crate::store::agents::{Agents, operation_of};
use crate::store::following::followed::skipped_in;
use crate::store::{Followed, State, Store};
use crate::wal::{Tail, replay};

/// What stands in the own log behind the last place that is sure.
#[derive(Default)]
struct Behind {
    /// The operations, and whether each is the agent's own.
    found: Vec<(Operation, bool)>,
    /// Own lines that are not there.
    missing: Vec<Own>,
    followed: Followed,
    queued: Vec<std::ops::Range<u64>>,
    tail: Tail,
}

impl State {
    /// Whether operations are in memory that are in no log yet.
    pub(in crate::store) fn holds_unwritten(&self) -> bool {
        self.unwritten.has_batch() || !self.unwritten.drafts.is_empty() || self.holds_buffered()
    }

    /// Whether the last line that was sure stands where it stood, as the same end of a batch or none: in a copy of the folder an
    /// undo may not have shortened that batch yet.
    fn is_last_sure_line_there(&self) -> Result<bool> {
        let sure = self.logs.wal.contents().sure();
        let ends_there = |operation: &&Operation| match operation.line {
            Text::At { offset, len, .. } => offset + u64::from(len) + 1 == sure,
            _ => false,
        };
        let Some(last) = self.last_written().map(|(_, operation)| operation).find(ends_there) else {
            return Ok(true);
        };
        let line = last.line.read().map_err(|source| Error::io("read", self.logs.wal.path(), source))?;
        Ok(parse_line(&line).is_ok_and(|line| *line.id == *last.id && line.batch == last.batch))
    }

    /// The agent's own operations of which it is not sure where their lines are, in the order in which they were appended.
    fn unsure_of_agent(&self) -> Vec<Operation> {
        let (Some(agents), Some(own)) = (&self.agents, self.logs.wal.file()) else { return Vec::new() };
        let sure = self.logs.wal.contents().sure();
        let operations = self.engine.operations().iter();
        let unsure = operations.filter(|operation| match &operation.line {
            Text::At { file, offset, .. } => {
                operation.is_of_log(agents.own()) && Arc::ptr_eq(file, own) && *offset >= sure
            }
            _ => false,
        });
        let mut unsure: Vec<Operation> = unsure.cloned().collect();
        unsure.sort_by_key(|operation| match operation.line {
            Text::At { offset, .. } => offset,
            _ => u64::MAX,
        });
        unsure
    }
}

impl Store {
    /// Whether another hand has only appended to the agent's own log: all own lines are there, or something that could not be
    /// read may be the ones that are not. A folder that was put back has none of both.
    pub(in crate::store) fn has_only_grown(&self, state: &State) -> Result<bool> {
        let Some(file) = state.logs.wal.file() else { return Ok(false) };
        if !state.logs.wal.is_sure_part_as_written()? || !state.is_last_sure_line_there()? {
            return Ok(false);
        }
        let Behind { missing, tail, .. } = self.find_behind(state, file, &state.unsure_of_agent())?;
        Ok(missing.is_empty() || tail.torn || !tail.skipped.is_empty())
    }

    /// Reads what stands in the agent's own log behind the last place that is sure, and takes in where its own lines are
    /// and what another hand wrote. The caller has seen to it that nothing waits to be written.
    ///
    /// # Errors
    /// `OPSLOG_IO`; everything is loaded anew then before the next write.
    pub(in crate::store) fn read_own_log_anew(&self, state: &mut State) -> Result<()> {
        let Some(file) = self.file_of(state)? else { return Ok(()) };
        let renewed = self.renew_own_log(state, &file);
        if renewed.is_err() {
            state.agents.iter_mut().for_each(Agents::distrust);
        }
        renewed
    }

    /// Appends own lines again that another hand's have swallowed, to the log that is in force. The caller has the folder's
    /// lock, and has found that the log that it knows is that one.
    ///
    /// # Errors
    /// As for [`crate::wal::Writer::append`].
    pub(in crate::store) fn append_swallowed(&self, state: &mut State) -> Result<()> {
        if state.holds_unwritten() {
            return Ok(());
        }
        while let Some(line) = state.agents.as_ref().and_then(Agents::swallowed).cloned() {
            let again = self.append_again(state, line)?;
            let changed =
                state.engine.integrate(vec![again], &[]).map_err(|source| self.read_failed(source))?;
            state.note_all_written();
            let end = state.logs.wal.len();
            if let Some(agents) = &mut state.agents {
                agents.appended_swallowed(end);
            }
            state.following.came_upon(Followed { changed, reordered: true, ..Followed::default() });
        }
        Ok(())
    }

    /// The store is about to be closed: such lines are appended first.
    ///
    /// # Errors
    /// As for [`Store::catch_up`].
    pub(in crate::store) fn append_swallowed_at_close(&self) -> Result<()> {
        let is_any = self.lock().agents.as_ref().and_then(Agents::swallowed).is_some();
        if is_any { self.catch_up().map(drop) } else { Ok(()) }
    }

    fn renew_own_log(&self, state: &mut State, file: &Arc<dyn DiskFile>) -> Result<()> {
        let unsure = state.unsure_of_agent();
        let Behind { mut found, mut missing, mut followed, queued, tail } =
            self.find_behind(state, file, &unsure)?;
        if state.logs.wal.contents().is_distrusted() {
            // The file was changed by hand: what it says now counts.
            missing.clear();
        }
        state.keep_showing();
        let ends_in_part = state.ends_in_part(&**file, &tail)?;
        let sure = state.logs.wal.contents().sure();
        state.logs.wal.read_up_to(tail.good, tail.end, ends_in_part);
        state.keep_read(&**file, sure)?;
        let others = found.iter().filter(|(_, is_own)| !is_own).map(|(operation, _)| operation);
        let newest = others.clone().map(|operation| operation.version).max();
        let highest = others.filter_map(Operation::rank).map(|rank| rank.clock).max();
        state.look_for_newer(&self.options, newest.unwrap_or(0));
        if self.options.skip_load {
            state.engine.see_clock(highest.unwrap_or(0));
            found.retain(|(_, is_own)| *is_own);
        }
        let added = found.into_iter().map(|(operation, _)| operation).collect();
        let removed: Vec<Cut> = unsure.iter().filter_map(Operation::as_cut).collect();
        followed.changed =
            state.engine.integrate(added, &removed).map_err(|source| self.read_failed(source))?;
        followed.reordered = true;
        state.note_all_written();
        let relative = state.logs.wal.relative().to_owned();
        for range in queued {
            state.following.tail_queue.push(&relative, range, true);
        }
        let end = state.logs.wal.len();
        if let Some(agents) = &mut state.agents {
            agents.own_log_grew(end, newest.is_some());
            agents.add_swallowed(missing.into_iter().map(|own| own.text.unwrap_or_default()));
        }
        state.following.came_upon(followed);
        Ok(())
    }

    fn find_behind(&self, state: &State, file: &Arc<dyn DiskFile>, unsure: &[Operation]) -> Result<Behind> {
        let path = state.logs.wal.path();
        let (number, version) = state.own_log();
        let mut own = OwnLines::new(state.as_own_lines(unsure.iter()));
        let mut behind = Behind::default();
        behind.tail = replay(&**file, path, state.logs.wal.contents().sure(), |offset, bytes, line| {
            let text = Text::at(file, offset, bytes.len());
            let version = line.version.unwrap_or(version);
            let agent = line.agent.as_deref().unwrap_or_default().into();
            let operation = operation_of(text, bytes, (number, version), line, &agent);
            let is_own = own.find(bytes, &line.id, line.kind);
            behind.found.push((operation, is_own));
            if !is_own {
                behind.followed.applied.push(((&*line.id).into(), line.kind));
                behind.queued.push(offset..offset + bytes.len() as u64 + 1);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        behind.missing = own.missing();
        behind.followed.skipped.extend(skipped_in(path, &behind.tail.skipped));
        Ok(behind)
    }

    fn append_again(&self, state: &mut State, mut bytes: Vec<u8>) -> Result<Operation> {
        finish_line(&mut bytes, &state.logs.wal.marks());
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let Ok(parsed) = parse_line(line) else {
            return Err(Error::corrupt(state.logs.wal.path(), None, "a line that was written is not there"));
        };
        let at = state.logs.wal.append(&*self.disk, &bytes)?;
        let text = match state.logs.wal.file() {
            Some(file) => Text::at(file, at, line.len()),
            None => Text::Held(line.into()),
        };
        let (number, version) = state.own_log();
        let version = parsed.version.unwrap_or(version);
        let agent = parsed.agent.as_deref().unwrap_or_default().into();
        Ok(operation_of(text, line, (number, version), &parsed, &agent))
    }
}
