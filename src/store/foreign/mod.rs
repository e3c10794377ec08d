//! Lines of another process in the log that a single writer holds: no lock keeps it out on some file systems. The
//! length of the file is compared once in a turn of the event loop, and before anything relies on the places of lines.
//! If it grew, what stands behind the last sure place is read anew and applied in the order of the file. No line is cut.

mod agent;
mod found;
mod late;
mod own;

use std::collections::HashSet;
use std::sync::Arc;

use super::{State, Store};
use crate::engine::Id;
use crate::error::{Error, Result};
use crate::store::agents::Agents;
use crate::store::writing::change::Rejected;
use crate::wal::Standing;

pub(super) use late::FormerLog;

impl Store {
    /// Whether the held WAL is still the file at its path, and no other process wrote to it. A deleted one is
    /// created again; lines of another hand are read first.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_FAILED`. `NotNow` when an agent must load everything anew first.
    pub(super) fn check_file(&self, state: &mut State) -> Result<(), Rejected> {
        if let Some(lock) = &state.lock
            && !lock.is_still_ours()?
        {
            let why = format!("the lock file {} was taken away", lock.path().display());
            state.failed = Some(why.clone());
            return Err(Error::Failed(why).into());
        }
        match state.logs.wal.standing(&*self.disk)? {
            Standing::Replaced => {
                state.apply_drafts();
                let recreated = state.recreate_log(self);
                if let Err(Error::Failed(why)) = &recreated {
                    state.failed = Some(why.clone());
                }
                Ok(recreated?)
            }
            standing => {
                self.take_in_end(state, standing)?;
                // NOTE: an agent calls this with the folder's lock.
                Ok(self.append_swallowed(state)?)
            }
        }
    }

    /// As [`Store::check_file`], where only the length of the held file matters.
    pub(super) fn check_length(&self, state: &mut State) -> Result<(), Rejected> {
        let standing = state.logs.wal.length()?;
        self.take_in_end(state, standing)
    }

    fn take_in_end(&self, state: &mut State, standing: Standing) -> Result<(), Rejected> {
        match standing {
            Standing::Sound if !state.logs.wal.contents().wants_reading() => {
                state.logs.wal.contents_mut().note_sure();
                Ok(())
            }
            Standing::Grew | Standing::Sound => {
                state.apply_drafts();
                if state.agents.is_some() && !self.has_only_grown(state)? {
                    state.agents.iter_mut().for_each(Agents::distrust);
                    return Err(Rejected::NotNow);
                }
                if state.agents.is_some() && state.holds_unwritten() {
                    // NOTE: a batch has no place yet among what others wrote. What stands before it is read behind it.
                    return Ok(state.logs.wal.begin_line()?);
                }
                match state.agents {
                    Some(_) => self.read_own_log_anew(state)?,
                    None => self.read_end_anew(state).map(drop)?,
                }
                // A line that had to be appended again may not be where it was believed to go either.
                match state.logs.wal.contents().is_unlooked() {
                    true => self.check_length(state),
                    false => Ok(()),
                }
            }
            Standing::Shrank | Standing::Replaced => {
                // What was cut off must not be read as if it were still in the log.
                state.logs.wal.contents_mut().forget_recent();
                let why = format!("another process cut {}", state.logs.wal.path().display());
                state.failed = Some(why.clone());
                Err(Error::Failed(why).into())
            }
        }
    }

    /// Reads what stands behind the last place that is sure, and brings memory in line with it. Returns the records of
    /// which another hand wrote.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_FAILED`.
    pub(super) fn read_end_anew(&self, state: &mut State) -> Result<HashSet<Id>> {
        // What is frozen for a checkpoint does not change.
        if state.checkpoints.upkeep.is_checkpoint() && state.logs.wal.contents().is_distrusted() {
            return Ok(HashSet::new());
        }
        let Some(file) = self.file_of(state)? else { return Ok(HashSet::new()) };
        let (from, relative) = (state.first_unsure(), state.logs.wal.relative().to_owned());
        let mut found = self.find_end(state, &file, from)?;
        if found.is_news() {
            state.keep_showing();
        }
        if state.logs.wal.contents().is_distrusted() {
            // The file was changed by hand: what it says now counts.
            found.missing.clear();
        }
        // NOTE: while a manifest may name the next log already, the order in that one counts: see `Checkpoint::switch`.
        // Until then it is only found out where the store's own lines are.
        let is_publishing = state.logs.switch.is_publishing();
        let is_news = !is_publishing && found.is_news();
        let others = found.others.iter().map(|(id, _)| Arc::clone(id)).collect();
        let renewed = match is_publishing {
            true => state.find_own(self, &file, from, &mut found),
            false => state.renew_end(self, &file, from, &mut found),
        };
        if is_news {
            for range in std::mem::take(&mut found.queued) {
                state.following.tail_queue.push(&relative, range, false);
            }
            state.following.came_upon(found.followed);
        }
        if let Err(error) = &renewed {
            state.failed = Some(format!("what another process logged could not be taken over: {error}"));
        }
        renewed.map(|()| others)
    }

    /// A value was not where it was written. Finds out where lines are, at `last` by reading all of the log anew.
    ///
    /// # Errors
    /// `OPSLOG_CORRUPT` when that is not possible now; `OPSLOG_IO`, `OPSLOG_FAILED`.
    pub(super) fn find_displaced(
        &self,
        state: &mut State,
        error: std::io::Error,
        is_last: bool,
    ) -> Result<()> {
        state.apply_drafts();
        let is_agent = state.agents.is_some();
        let is_writer =
            !self.options.read_only && if is_agent { !state.holds_unwritten() } else { state.lock.is_some() };
        if !is_writer
            || (is_last && (state.engine.head().is_some() || state.checkpoints.upkeep.is_checkpoint()))
        {
            return Err(self.read_failed(error));
        }
        if is_last {
            state.logs.wal.contents_mut().distrust();
            return match is_agent {
                true => self.read_own_log_anew(state),
                false => self.read_end_anew(state).map(drop),
            };
        }
        match self.check_length(state) {
            // The folder is another one: what it holds is loaded by the next look.
            Err(Rejected::NotNow) => Err(self.read_failed(error)),
            checked => checked.map_err(Rejected::into_error),
        }
    }
}

impl State {
    /// Whether the log holds more than what is known of it.
    pub(in crate::store) fn is_to_be_read(&self) -> bool {
        !matches!(self.logs.wal.length(), Ok(Standing::Sound)) || self.logs.wal.contents().wants_reading()
    }
}
