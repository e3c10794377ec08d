//! Whether what a store knows of the logs of agents still holds: whether the folder is the one that it was, and whether the own log is.

use super::logs_of;
use crate::error::Result;
use crate::format::manifest::{Descent, Manifest};
use crate::layout;
use crate::store::{State, Store};
use crate::wal::Standing;

/// How what is in memory stands to what the folder says.
#[derive(Clone, Default)]
pub(super) struct Trust {
    /// It must be loaded anew before it can be trusted.
    stale: bool,
    /// The snapshot in memory is to be replaced by the current one.
    outdated: bool,
    /// It holds records that the current one does not, and that no operation has deleted.
    departed: bool,
}

impl Trust {
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.outdated
    }

    pub(super) fn is_departed(&self) -> bool {
        self.departed
    }

    /// Has everything loaded anew before it is trusted again.
    pub(super) fn distrust(&mut self) {
        self.stale = true;
    }

    /// The current snapshot is another one. `is_heavy`: what memory holds beside the older one is much.
    pub(super) fn note_snapshot(&mut self, is_departed: bool, is_heavy: bool) {
        self.departed |= is_departed;
        self.outdated |= self.departed || is_heavy;
    }

    /// The snapshot in memory is the current one.
    pub(super) fn renewed(&mut self) {
        (self.outdated, self.departed) = (false, false);
    }
}

impl State {
    pub(super) fn is_outdated(&self) -> bool {
        self.agents.as_ref().is_some_and(|agents| agents.trust.is_outdated())
    }

    /// Whether the snapshot in memory holds records that the current one does not.
    pub(in crate::store) fn is_departed(&self) -> bool {
        self.agents.as_ref().is_some_and(|agents| agents.trust.is_departed())
    }

    pub(super) fn is_stale(&self) -> bool {
        self.agents.as_ref().is_some_and(|agents| agents.trust.is_stale())
    }

    /// Has everything loaded anew before it is trusted again.
    pub(super) fn distrust(&mut self) {
        if let Some(agents) = &mut self.agents {
            agents.distrust();
        }
    }

    /// Whether the folder is one that was put back, or another one: its manifest did not come from the one that is
    /// known, another file has the name of a log, or the agent's own was cut by another hand.
    pub(in crate::store) fn is_folder_put_back(&mut self, store: &Store, next: &Manifest) -> Result<bool> {
        let Some(agents) = &mut self.agents else { return Ok(false) };
        if next.descent_from(&self.manifest) == Descent::Diverges {
            return Ok(true);
        }
        let named = logs_of(next);
        let own = self.logs.wal.relative();
        for log in agents.logs.iter_mut().filter(|log| !log.is(own)) {
            if log.is_replaced(store, named.contains(&log.relative()))? {
                return Ok(true);
            }
        }
        Ok(agents.identity.is_agent() && self.has_lost_own_log(store)? && !self.has_others_lines(store)?)
    }

    /// Whether another process has only appended to the agent's own log, behind its last line or before: the folder is what
    /// it was, with more in it.
    fn has_others_lines(&self, store: &Store) -> Result<bool> {
        let is_agent = self.agents.as_ref().is_some_and(|agents| agents.identity.is_agent());
        Ok(is_agent && self.logs.wal.look(&*store.disk)?.0 == Standing::Grew && store.has_only_grown(self)?)
    }

    /// Whether lines of another hand are to be looked for in the agent's own log, and nothing waits to be written.
    pub(super) fn is_own_log_to_be_read(&self, store: &Store) -> Result<bool> {
        let is_agent = self.agents.as_ref().is_some_and(|agents| agents.identity.is_agent());
        if !is_agent || store.options.read_only || self.holds_unwritten() {
            return Ok(false);
        }
        let is_half_read = self.logs.wal.contents().wants_reading()
            && self.logs.wal.look(&*store.disk)?.0 == Standing::Sound;
        Ok(is_half_read || self.has_others_lines(store)?)
    }

    /// Whether a single writer came and went between two looks.
    pub(super) fn missed_a_single_writer(&self, next: &Manifest) -> bool {
        let since = self.newest_agent_log();
        next.previous_ops.as_deref().and_then(layout::milliseconds).is_some_and(|ms| ms > since)
    }

    /// The time of the newest log of an agent that is known.
    pub(in crate::store) fn newest_agent_log(&self) -> u64 {
        self.agents.as_ref().map_or(0, |agents| agents.logs.newest())
    }

    /// Whether the agent's own log is another file by now, or was changed by another hand.
    pub(super) fn has_lost_own_log(&self, store: &Store) -> Result<bool> {
        let (standing, info) = self.logs.wal.look(&*store.disk)?;
        // One that was deleted is created again.
        let is_there = info.is_some() || store.disk.info(self.logs.wal.path()).is_ok();
        Ok(is_there && (standing != Standing::Sound || !self.logs.wal.ends_as_written()?))
    }
}
