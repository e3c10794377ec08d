//! What an agent does alone: it reads and writes with the folder's lock held, so that what it has read still holds when it
//! writes.

use std::io;

use crate::error::Result;
use crate::gate::{Exclusive, Gate, Place};
use crate::patience::Patience;
use crate::store::locked::Locked;
use crate::store::{Followed, Rejected, State, Store};

/// How many bytes are taken in at once: others wait meanwhile, so more than where none do.
const MOST_AT_ONCE: u64 = 512 << 10;

/// So often the folder's lock is tried at once: an append has it for one write.
const MOST_TRIES: u32 = 16;

/// The folder's lock, kept alone for transactions.
pub struct Alone {
    exclusive: Exclusive<'static>,
    /// Whether the agent's log was compared with the file at its path since then.
    is_checked: bool,
}

impl Alone {
    fn new(exclusive: Exclusive<'static>) -> Self {
        Self { exclusive, is_checked: false }
    }
}

impl Store {
    /// As [`Store::check_file`]; transactions that share the folder's lock share the look.
    pub(in crate::store) fn check_file_once(&self, state: &mut State) -> Result<(), Rejected> {
        let is_checked = self.alone.lock().as_ref().is_some_and(|alone| alone.is_checked);
        if is_checked && !state.logs.wal.contents().wants_look() {
            return Ok(());
        }
        self.check_file(state)?;
        if let Some(alone) = &mut *self.alone.lock() {
            alone.is_checked = true;
        }
        Ok(())
    }

    /// Takes the folder's lock alone, and takes over what others wrote, which is for [`Store::take_foreign`], if no other process must
    /// be waited for and that is little. `false`: [`Store::begin_alone`] comes first, and then this again. Without agents there is
    /// nothing to take. [`Store::end_alone`] must follow, also where this fails.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`, `OPSLOG_NEWER_VERSION`.
    pub fn begin_alone_at_once(&self) -> Result<bool> {
        let Some(gate) = &self.gate else { return Ok(true) };
        let kept = self.alone.lock().take();
        let exclusive = match kept {
            Some(alone) => alone.exclusive,
            None => match self.take_alone_at_once(gate)? {
                Some(exclusive) => exclusive,
                None => return Ok(false),
            },
        };
        let is_ready = self.take_news_at_once(exclusive.count(), true)?;
        // NOTE: what takes long is read while appends go on, by `begin_alone`.
        if is_ready {
            *self.alone.lock() = Some(Alone::new(exclusive));
        }
        Ok(is_ready)
    }

    /// The folder's lock alone, with the turn, if both are free. What others wrote meanwhile is read before, while appends come in.
    fn take_alone_at_once(&self, gate: &Gate) -> Result<Option<Exclusive<'static>>> {
        let has_waited = gate.has_turn() || gate.is_next();
        let has_turn = gate.try_turn()?;
        if (has_waited || gate.is_next()) && !self.take_news_at_once(gate.count_unheld(), false)? {
            return Ok(None);
        }
        if !has_turn {
            return Ok(None);
        }
        for _ in 0..MOST_TRIES {
            if let Some(exclusive) = gate.try_kept()? {
                return Ok(Some(exclusive));
            }
        }
        Ok(None)
    }

    /// Takes the folder's lock alone, waiting for other processes, and takes over what others wrote if that is much; or comes nearer to that.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` when another process does not let go; `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`.
    pub fn begin_alone(&self) -> Result<()> {
        let Some(gate) = &self.gate else { return Ok(()) };
        drop(self.alone.lock().take());
        let had_turn = gate.has_turn();
        let place = if had_turn { Place::Turn } else { gate.approach_turn()? };
        if place == Place::Later {
            return Ok(());
        }
        loop {
            // NOTE: before the state is locked, which a thread that has the folder's lock may wait for.
            let count = gate.count_unheld();
            if !self.is_known(&self.lock(), count)? {
                let mut followed = self.catch_up()?;
                if self.lock().is_departed() {
                    followed.append(self.renew()?);
                }
                self.take_foreign_later(followed);
            }
            // NOTE: appends come in until the thread that called goes on. Where they do not let it in then, it comes back to this.
            if place != Place::Without && !had_turn {
                return Ok(());
            }
            let exclusive = gate.kept()?;
            if !self.is_known(&self.lock(), exclusive.count())? {
                let mut followed = self.look_alone(&exclusive)?;
                if self.lock().is_departed() {
                    followed.append(self.renew()?);
                }
                self.take_foreign_later(followed);
            }
            let is_stale = self.lock().is_stale();
            if !is_stale {
                *self.alone.lock() = Some(Alone::new(exclusive));
                return Ok(());
            }
            // A compaction of this store is under way: what is in memory is loaded anew once it has ended.
            drop(exclusive);
            gate.end_turn();
            Patience::new(1).pause_long();
        }
    }

    /// Keeps what a look came upon for [`Store::take_foreign`].
    pub(in crate::store) fn take_foreign_later(&self, mut followed: Followed) {
        let mut state = self.lock();
        followed.outdated = state.is_outdated();
        if !followed.is_empty() {
            state.following.came_upon(followed);
        }
    }

    /// Takes over what others wrote, if that is little. `false`: it was not. Without the folder's lock there may be more by then, and an
    /// agent may take it back.
    pub(super) fn take_news_at_once(&self, count: io::Result<u64>, is_held: bool) -> Result<bool> {
        let Some(_looking) = self.looking.try_lock() else { return Ok(false) };
        let Some(mut state) = Locked::try_new(&self.state) else { return Ok(false) };
        state.writable()?;
        if state.unwritten.has_batch() || !self.is_known(&state, count)? {
            return Ok(false);
        }
        let taken = self.take_news(&mut state, is_held);
        drop(state);
        match taken {
            Ok(followed) => {
                if !followed.is_empty() {
                    self.lock().following.came_upon(followed);
                }
                Ok(true)
            }
            Err(error) => {
                self.distrust(Default::default());
                Err(error)
            }
        }
    }

    /// Whether all that may be new are a few lines of logs that are known, behind those that were read.
    fn is_known(&self, state: &State, count: io::Result<u64>) -> Result<bool> {
        let Some(agents) = state.agents.as_ref().filter(|agents| !agents.trust.is_departed()) else {
            return Ok(false);
        };
        if !self.is_current(agents, count)?
            || !agents.manifest.is_of(self.manifest_file())
            || state.is_to_be_read()
        {
            return Ok(false);
        }
        let own = state.logs.wal.relative();
        Ok(self.bytes_ahead(agents, Some(own))?.is_some_and(|ahead| ahead <= MOST_AT_ONCE))
    }

    /// Whether an append of another agent waits for the folder's lock, which this store has alone.
    pub fn holds_append_up(&self) -> bool {
        self.alone.lock().as_ref().is_some_and(|alone| alone.exclusive.is_waited_for())
    }

    /// Gives the folder's lock up, and the turn.
    pub fn end_alone(&self) {
        let kept = self.alone.lock().take();
        drop(kept);
        if let Some(gate) = &self.gate {
            gate.end_turn();
        }
    }
}
