//! Making durable what was written: which files that takes, and what a failure does. Invariant: what was asked
//! for before a round began is durable when it ends, whichever manifest a crash leaves in force. The store's
//! mutex is not held during a sync.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::store::writing::undo::Written;
use crate::store::{State, Store};
use crate::sync::{self, Rounds, Settled};
use crate::wal::{Unsynced, Writer, doubt};

/// When what was written is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the system likes: it survives the process.
    Process,
    /// After some time at the latest.
    Interval(Duration),
    /// Before its writer is told that it was written.
    Always,
}

impl Durability {
    pub(in crate::store) fn rounds(self) -> Arc<Rounds> {
        let interval = if let Self::Interval(interval) = self { interval } else { Duration::ZERO };
        Arc::new(Rounds::new(interval))
    }
}

impl Store {
    /// Asks for a sync of all that was written before this call. Returns a ticket, see [`Store::synced`].
    ///
    /// # Errors
    /// `OPSLOG_FAILED` after a sync that failed, and once the store is closed.
    pub fn ask_for_sync(&self) -> Result<u64> {
        self.rounds.ask()
    }

    /// What has become of the tickets.
    pub fn synced(&self) -> Settled {
        self.rounds.settled()
    }

    /// Carries out one round: syncs what was written before. Returns whether there is news, see [`Store::synced`].
    pub fn run_sync(&self) -> bool {
        self.rounds.run(|| self.sync_logs())
    }

    /// Starts a thread that carries rounds out and calls `settled` when there is news. It ends with the store.
    ///
    /// # Errors
    /// `OPSLOG_IO` when the system gives no thread.
    pub fn start_syncing(self: &Arc<Self>, settled: impl Fn() + Send + 'static) -> Result<()> {
        let store = Arc::downgrade(self);
        let round = move || {
            let Some(store) = store.upgrade() else { return false };
            if store.run_sync() {
                settled();
            }
            true
        };
        sync::start(Arc::clone(&self.rounds), round)
            .map_err(|source| Error::io("pthread_create", &self.root, source))
    }

    /// Sees to it that what was just written is synced although no caller asks for it: all of it in time, and what
    /// came out of a buffer, whose writers have gone, at once.
    pub(in crate::store) fn wrote(&self, state: &State) {
        match self.options.durability {
            Durability::Interval(_) if state.logs.wal.is_unsynced() => self.rounds.note(),
            Durability::Always if self.options.buffered && state.logs.wal.is_unsynced() => {
                // A failure is told to the callers that ask.
                let _ = self.rounds.ask();
            }
            _ => {}
        }
    }

    /// The last sync of all, once no round can begin any more.
    pub(in crate::store) fn sync_at_close(&self) -> Result<()> {
        if self.options.durability == Durability::Process {
            return Ok(());
        }
        self.must_not_have_failed_to_sync()?;
        self.sync_logs()
    }

    pub(in crate::store) fn must_not_have_failed_to_sync(&self) -> Result<()> {
        if let Some(failed) = self.rounds.settled().failed {
            return Err(Error::Failed(sync::why(&failed)));
        }
        match self.lock().logs.older.why_lost() {
            Some(why) => Err(Error::Failed(why.to_owned())),
            None => Ok(()),
        }
    }

    fn sync_logs(&self) -> Result<()> {
        if planted!("acknowledged-unsynced") {
            return Ok(());
        }
        let _one_at_a_time = self.syncing.lock();
        let unsynced = self.lock().take_unsynced();
        for log in unsynced {
            if let Err(error) = log.sync(&*self.disk) {
                log.note_doubt(&*self.disk);
                self.lock().failed.get_or_insert_with(|| sync::why(&error));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Makes logs durable that go on only then. A failure is one of the log: those who wait for a sync of it
    /// are told, although the next one may succeed.
    pub(in crate::store) fn sync_at_once(&self, logs: &[Written]) -> Result<()> {
        if planted!("undo-in-batch-unsynced") {
            return Ok(());
        }
        let _one_at_a_time = self.syncing.lock();
        for (path, file) in logs {
            if let Err(source) = file.sync() {
                doubt::note(&*self.disk, path);
                let error = Error::io("fdatasync", path, source);
                let why = sync::why(&error);
                let mut state = self.lock();
                state.logs.older.add([Unsynced::lost(path, why.clone())]);
                state.failed.get_or_insert(why);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.rounds.stop();
    }
}

impl State {
    /// All logs that must be synced for what was written so far.
    fn take_unsynced(&mut self) -> Vec<Unsynced> {
        let mut unsynced = self.logs.older.take();
        unsynced.extend(self.logs.wal.take_unsynced());
        // NOTE: a manifest that names the next log appears only after that log was synced with what was in it when
        // publication began: until then it need not be synced for any caller.
        if !planted!("next-log-unsynced") {
            unsynced.extend(self.logs.switch.take_unsynced());
        }
        unsynced
    }

    /// Goes over to another log that the manifest names; what is in the old one still counts.
    pub(in crate::store) fn go_over_to(&mut self, wal: Writer, root: &Path) {
        let mut old = std::mem::replace(&mut self.logs.wal, wal);
        self.logs.older.add(old.take_unsynced());
        self.logs.older.add_names(root);
    }

    /// Lets go of the files of logs that count no more: what was in them is in a snapshot, which is durable.
    pub(in crate::store) fn let_logs_go(&mut self, counts: impl Fn(&Path) -> bool) {
        self.logs.older.retain_logs(counts);
    }
}
