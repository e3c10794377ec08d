//! What an agent does alone: it reads and writes with the folder's lock held, so that what it has read still holds when it
//! writes.

use std::io;

use crate::error::Result;
use crate::gate::Exclusive;
use crate::patience::Patience;
use crate::store::following::look::LITTLE;
use crate::store::locked::Locked;
use crate::store::{Followed, Rejected, State, Store};

/// How many bytes are taken in at once: others wait meanwhile, so more than where none do.
const MOST_AT_ONCE: u64 = 4 * LITTLE;

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
        if is_checked && !state.wal.wants_look() {
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
            None => match gate.try_kept()? {
                Some(exclusive) => exclusive,
                None => return Ok(false),
            },
        };
        let is_ready = self.look_alone_at_once(&exclusive)?;
        // NOTE: what takes long is read while appends go on, by `begin_alone`.
        if is_ready {
            *self.alone.lock() = Some(Alone::new(exclusive));
        }
        Ok(is_ready)
    }

    /// Takes the folder's lock alone, waiting for other processes, and takes over what others wrote if that is much.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` when another process does not let go; `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`.
    pub fn begin_alone(&self) -> Result<()> {
        let Some(gate) = &self.gate else { return Ok(()) };
        self.end_alone();
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
            Patience::new(1).pause_long();
        }
    }

    fn take_foreign_later(&self, mut followed: Followed) {
        let mut state = self.lock();
        followed.outdated = state.is_outdated();
        if !followed.is_empty() {
            state.foreign.push(followed);
        }
    }

    /// Takes over what others wrote, if that is little. `false`: it was not.
    fn look_alone_at_once(&self, exclusive: &Exclusive<'_>) -> Result<bool> {
        let Some(_looking) = self.looking.try_lock() else { return Ok(false) };
        let Some(mut state) = Locked::try_new(&self.state) else { return Ok(false) };
        state.writable()?;
        if !self.is_known(&state, exclusive.count())? {
            return Ok(false);
        }
        let taken = self.take_news(&mut state);
        drop(state);
        match taken {
            Ok(followed) => {
                if !followed.is_empty() {
                    self.lock().foreign.push(followed);
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
        let Some(agents) = state.agents.as_ref().filter(|agents| !agents.departed) else { return Ok(false) };
        if !self.is_current(agents, count)?
            || agents.manifest_file != self.manifest_file()
            || state.is_to_be_read()
        {
            return Ok(false);
        }
        let own = state.wal.relative();
        Ok(self.bytes_ahead(agents, Some(own))?.is_some_and(|ahead| ahead <= MOST_AT_ONCE))
    }

    /// Gives the folder's lock up.
    pub fn end_alone(&self) {
        let kept = self.alone.lock().take();
        drop(kept);
    }
}
