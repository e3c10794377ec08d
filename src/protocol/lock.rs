//! Waiting for locks, and finding out whether a carrier can keep writers apart.

use super::carrier::{Carrier, Error, Lock, Taken};
use super::open::has_agents;
use super::publication::unsafe_backend;
use super::session::Session;
use crate::error::Code;

/// How often a lock is tried while it is held, before that is believed to be safe.
const PROBES: u32 = 3;
/// A version that no manifest has.
const NO_SUCH_VERSION: &[u8] = b"\"\\\"opslog-probe\\\"\"";
/// Two that both found a lock stale must not go on in the same moment.
const APART_MS: u64 = 100;
/// The most that one attempt and its pause count for, of the time that is waited.
const LONGEST_LOOK_MS: i64 = 5000;

impl<C: Carrier> Session<C> {
    /// Takes a lock; `None` if another writer has it for longer than is waited.
    pub(super) async fn wait_for(&self, lock: Lock, wait_ms: u64) -> Result<Option<u64>, Error> {
        let mut left = wait_ms as i64;
        for attempt in 0.. {
            let began = self.carrier.now_ms();
            match self.carrier.lock(lock).await? {
                Taken::Yes(handle) => {
                    let facts = self.carrier.facts();
                    if attempt > 0 && !facts.conditional && !facts.answers_are_final {
                        self.carrier.pause(self.carrier.random() % APART_MS).await;
                    }
                    return Ok(Some(handle));
                }
                Taken::Held(_) if left <= 0 => return Ok(None),
                Taken::Held(_) => {}
            }
            self.pause(attempt + 2).await;
            // A process that was itself stopped meanwhile has not looked: that says nothing about the holder. And a
            // clock that jumps back, or stands, does not make the wait endless.
            left -= (self.carrier.now_ms() - began).clamp(1, LONGEST_LOOK_MS);
        }
        Ok(None)
    }

    /// Gives a lock back. One that cannot be given back runs out, or dies with its holder.
    pub(super) async fn give_back(&self, lock: Lock, handle: u64) {
        let _ = self.carrier.unlock(lock, handle).await;
    }

    /// Takes the compaction lock, and tries to take it once more: `OPSLOG_UNSAFE_BACKEND` if that succeeds, and not just
    /// once, for another writer may have taken over what it held for the lock of a dead process.
    pub(super) async fn probed_lock(&self, wait_ms: u64) -> Result<Option<u64>, Error> {
        for attempt in 0..PROBES {
            let Some(handle) = self.wait_for(Lock::Compaction, wait_ms).await? else { return Ok(None) };
            match self.carrier.lock(Lock::Compaction).await {
                Ok(Taken::Yes(second)) => self.give_back(Lock::Compaction, second).await,
                Ok(Taken::Held(_)) | Err(_) => return Ok(Some(handle)),
            }
            self.pause(attempt).await;
        }
        Err(unsafe_backend("acquireCompactionLock() gives a lock that is held"))
    }

    /// `OPSLOG_UNSAFE_BACKEND` if a manifest is published although the condition does not hold.
    pub(super) async fn probe_condition(&self) -> Result<(), Error> {
        if !self.carrier.facts().conditional {
            return Ok(());
        }
        for version in [&b"null"[..], NO_SUCH_VERSION] {
            // NOTE: what is published in spite of its condition must be what is there.
            let known = if self.is_fenced_off() { self.known()? } else { self.read().await?.known()? };
            if self.carrier.publish(&known.manifest.print(), Some(&version.into())).await?.is_some() {
                return Err(unsafe_backend("writeManifestIf() wrote although the version had changed"));
            }
        }
        Ok(())
    }

    /// Takes the lock of a single writer, which must not be at work when agents begin.
    pub(super) async fn lock_single(&self, wait_ms: u64) -> Result<Option<u64>, Error> {
        if !self.carrier.facts().single_lock {
            return Ok(None);
        }
        if self.carrier.facts().closes_logs {
            return self.lock_single_or_join(wait_ms).await;
        }
        match self.wait_for(Lock::Single, wait_ms).await? {
            Some(handle) => Ok(Some(handle)),
            None => Err(single_locked()),
        }
    }

    /// Where a single writer is stopped by the end of its log, its lock only says that it is at work. It says nothing once
    /// there are agents: several that open an empty store at once need not wait for each other.
    async fn lock_single_or_join(&self, wait_ms: u64) -> Result<Option<u64>, Error> {
        let mut left = wait_ms as i64;
        for attempt in 0.. {
            let began = self.carrier.now_ms();
            match self.carrier.lock(Lock::Single).await? {
                Taken::Yes(handle) => return Ok(Some(handle)),
                Taken::Held(_) if left <= 0 => return Err(single_locked()),
                Taken::Held(_) => {}
            }
            self.pause(attempt + 2).await;
            if self.read().await?.manifest.is_some_and(|manifest| has_agents(&manifest)) {
                return Ok(None);
            }
            left -= (self.carrier.now_ms() - began).clamp(1, APART_MS as i64);
        }
        Ok(None)
    }
}

/// A single writer holds its lock.
fn single_locked() -> Error {
    Error::rule(
        Code::Locked,
        "A writer without agentId holds this store. Close it before agents open the store.",
    )
}

/// Another agent holds the lock around a compaction.
pub(super) fn compaction_locked() -> Error {
    Error::rule(Code::Locked, "Compaction lock held by another agent")
}
