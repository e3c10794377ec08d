//! Which history a store still reads, and that it is not pruned: from the oldest log on that a follower stands in, or that
//! `tail()` has still to tell of. A writer follows nothing until it was asked for that once.

use crate::error::Result;
use crate::format::manifest::Manifest;
use crate::retention::Hold;
use crate::store::{State, Store};
use crate::{layout, store::agents::logs_of};

/// The claim on the history that is still read.
#[derive(Default)]
pub(in crate::store) struct Holding {
    claim: Option<Hold>,
    /// Whether `tail()` was ever asked.
    is_told: bool,
}

impl Holding {
    /// What a reader begins with.
    pub(in crate::store) fn of_reader(claim: Option<Hold>) -> Self {
        Self { claim, is_told: false }
    }

    /// Whether `tail()` was ever asked.
    pub(in crate::store) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Takes note of whether `tail()` was ever asked.
    pub(in crate::store) fn set_told(&mut self, is_told: bool) {
        self.is_told = is_told;
    }
}

impl Store {
    /// Claims what a reader of this manifest begins with. `None` if none of it is there: it was superseded meanwhile.
    pub(in crate::store) fn hold_named(&self, manifest: &Manifest) -> Result<Option<Hold>> {
        let oldest = logs_of(manifest).into_iter().min_by_key(|log| layout::time_of(log));
        if let Some(oldest) = oldest.filter(|log| layout::inside(&self.root, layout::OPS, log).is_ok())
            && let Some(hold) = Hold::take(&*self.disk, &self.root, oldest)?
        {
            return Ok(Some(hold));
        }
        // NOTE: a log may be missing that was empty. What comes after the snapshot is kept by it as well.
        if layout::inside(&self.root, layout::SNAPSHOTS, &manifest.current_snapshot).is_err() {
            return Ok(None);
        }
        Hold::take(&*self.disk, &self.root, &manifest.current_snapshot)
    }

    /// Goes on to claim what is still needed, and lets go of what is not. If that fails, the older claim stays, which covers it.
    pub(in crate::store) fn renew_hold(&self) {
        let mut state = self.lock();
        if !self.options.read_only && !state.checkpoints.holding.is_told {
            return;
        }
        let Some(needed) = state.oldest_needed() else { return };
        if state.checkpoints.holding.claim.as_ref().is_some_and(|hold| hold.relative() == needed) {
            return;
        }
        let taken = match Hold::take(&*self.disk, &self.root, &needed) {
            Ok(None) if state.checkpoints.holding.claim.is_none() => self.hold_named(&state.manifest),
            taken => taken,
        };
        // NOTE: the old one is let go only now: in between, everything behind it would be free.
        if let Ok(Some(taken)) = taken {
            state.checkpoints.holding.claim = Some(taken);
        }
    }
}

impl State {
    /// The oldest log that is still read.
    fn oldest_needed(&self) -> Option<String> {
        let followed = match &self.agents {
            Some(agents) => agents.read_logs().collect(),
            None => vec![self.followed_wal().0],
        };
        let logs = followed.into_iter().chain(self.following.tail_queue.logs());
        logs.filter(|log| !log.is_empty()).min_by_key(|log| layout::time_of(log)).map(str::to_owned)
    }
}
