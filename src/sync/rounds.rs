//! Who waits for which sync. Invariant: a ticket is settled only by a round that began after it was given, or
//! by a failure. Runs no sync and starts no thread itself: the caller of [`Rounds::wait`] does the work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// Tickets and rounds of one store.
pub struct Rounds {
    /// How long a write that no caller waits for may stay unsynced.
    interval: Duration,
    state: Mutex<State>,
    due: Condvar,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// The last ticket that was given.
    given: u64,
    /// Tickets up to this one are durable.
    durable: u64,
    /// Something was written that no caller has asked about.
    noted: bool,
    running: bool,
    stopped: bool,
    failed: Option<Arc<Error>>,
}

/// What has become of the tickets.
#[derive(Debug, Clone)]
pub struct Settled {
    /// All up to this one are durable.
    pub durable: u64,
    /// Whether there are others, which wait.
    pub waiting: bool,
    /// Why none of the others will ever be durable.
    pub failed: Option<Arc<Error>>,
}

impl Rounds {
    /// Nothing is asked for yet.
    pub fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::default(), due: Condvar::new(), ended: Condvar::new() }
    }

    /// Asks for a sync of all that was written before this call. Returns the ticket.
    ///
    /// # Errors
    /// `OPSLOG_FAILED` after a sync that failed, and once the store is closed.
    pub fn ask(&self) -> Result<u64> {
        let mut state = self.state.lock();
        if let Some(failed) = &state.failed {
            return Err(Error::Failed(why(failed)));
        }
        if state.stopped {
            return Err(Error::Failed("it was closed".into()));
        }
        state.given += 1;
        // NOTE: the thread that runs a round looks again before it sleeps.
        if !state.running {
            self.due.notify_one();
        }
        Ok(state.given)
    }

    /// Says that something was written that is to be synced within the interval.
    pub fn note(&self) {
        let mut state = self.state.lock();
        if !state.noted {
            state.noted = true;
            self.due.notify_one();
        }
    }

    /// Waits until a round is due; `false` once there will be none.
    pub fn wait(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.stopped || state.failed.is_some() {
                return false;
            }
            if state.given > state.durable {
                return true;
            }
            if !state.noted {
                self.due.wait(&mut state);
            } else if self.due.wait_for(&mut state, self.interval).timed_out() {
                return !state.stopped;
            }
        }
    }

    /// Carries a round out with what `sync` does. Returns whether there is news: tickets were settled, or it failed.
    pub fn run(&self, sync: impl FnOnce() -> Result<()>) -> bool {
        let upto = {
            let mut state = self.state.lock();
            if state.stopped || state.failed.is_some() {
                return false;
            }
            state.running = true;
            state.noted = false;
            state.given
        };
        // A panic must not leave others waiting for the end of this round.
        let result = catch_unwind(AssertUnwindSafe(sync))
            .unwrap_or_else(|_| Err(Error::Failed("a defect of this package: the sync panicked".into())));
        let mut state = self.state.lock();
        state.running = false;
        self.ended.notify_all();
        match result {
            Ok(()) => {
                let settles = upto > state.durable;
                state.durable = upto;
                settles
            }
            Err(error) => {
                state.failed = Some(Arc::new(error));
                true
            }
        }
    }

    /// What has become of the tickets so far.
    pub fn settled(&self) -> Settled {
        let state = self.state.lock();
        let failed = state.failed.clone();
        Settled { durable: state.durable, waiting: failed.is_none() && state.given > state.durable, failed }
    }

    /// Lets no further round begin. Does not wait for one that is under way.
    pub fn stop(&self) {
        self.state.lock().stopped = true;
        self.due.notify_all();
    }

    /// Waits for the round that is under way, if one is.
    pub fn finish(&self) {
        let mut state = self.state.lock();
        while state.running {
            self.ended.wait(&mut state);
        }
    }
}

/// What a store says that refuses writes after a failed sync.
pub fn why(failed: &Error) -> String {
    format!("the log could not be synced: {failed}")
}
