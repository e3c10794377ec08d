//! How a writer goes over to the log that is its own by now, when others have sealed or dropped the one before, and how it
//! takes turns with them in changing the manifest.

use std::sync::Arc;

use super::append::{Appended, CHANGE_WAIT_MS};
use super::carrier::{Carrier, Error, Lock};
use super::lines::appended_again;
use super::session::Session;

impl<C: Carrier> Session<C> {
    /// Runs a change of the manifest: under the compaction lock, unless conditions make that needless.
    pub(super) async fn changing<T>(&self, work: impl AsyncFnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let facts = self.carrier.facts();
        if facts.conditional || !facts.compaction_lock || self.agent().is_none() {
            return work().await;
        }
        let lock = self.wait_for(Lock::Compaction, CHANGE_WAIT_MS).await?;
        let Some(lock) = lock else { return Err(super::lock::compaction_locked()) };
        let result = work().await;
        self.give_back(Lock::Compaction, lock).await;
        result
    }

    /// As `changing()`, without waiting: a change that may be left out.
    pub(super) async fn changing_if_free<T>(
        &self,
        work: impl AsyncFnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let facts = self.carrier.facts();
        if facts.conditional || !facts.compaction_lock {
            return work().await;
        }
        let Some(lock) = self.wait_for(Lock::Compaction, 0).await? else {
            return Err(super::lock::compaction_locked());
        };
        let result = work().await;
        self.give_back(Lock::Compaction, lock).await;
        result
    }

    /// Goes over to the log that is the writer's now, and appends operations again there that count but whose log was
    /// dropped by mistake. Returns the clock above which to go on.
    pub(super) async fn move_on(&self) -> Result<u64, Error> {
        let mut clock = self.view.store().clock();
        let mut pending: Vec<Arc<[u8]>> = Vec::new();
        loop {
            let moved = self.move_once().await;
            pending.extend(self.writer.take_lost());
            match moved {
                Ok(seen) => clock = clock.max(seen),
                Err(error) => {
                    self.writer.put_lost_back(pending);
                    return Err(error);
                }
            }
            if pending.is_empty() {
                return Ok(clock);
            }
            let again: Vec<Vec<u8>> = pending
                .iter()
                .zip(clock + 1..)
                .filter_map(|(line, clock)| appended_again(line, clock))
                .collect();
            clock += again.len() as u64;
            match self.append_to_log(|_| again.clone(), true).await {
                Ok(Appended::Counts) => {
                    self.view.forget_origin();
                    return Ok(clock);
                }
                Ok(Appended::Sealed(_)) => {}
                Err(error) => {
                    self.writer.put_lost_back(pending);
                    return Err(error);
                }
            }
        }
    }

    pub(super) async fn move_once(&self) -> Result<u64, Error> {
        let found = self.read().await?.known()?;
        if self.is_another_at_work(&found) {
            return Err(self.replaced_by_another());
        }
        self.take(found);
        self.refuse_newer(&*self.known_rc()?)?;
        if self.agent().is_some() && self.writer.own().name().is_none() {
            self.register_again().await?;
        }
        // What was sealed but not published may hold higher clocks than the manifest.
        let known = self.known()?;
        let sealed =
            super::entry::read_logs(&self.carrier, &super::entry::sealed_logs(&known.manifest), true).await?;
        Ok(known.manifest.number("clock").max(super::entry::highest_clock(&sealed)))
    }

    /// Appends operations again that count, but whose log was dropped by mistake.
    pub(super) async fn heal(&self) -> Result<(), Error> {
        if self.writer.has_lost() {
            let clock = self.move_on().await?;
            self.view.store().see_clock(clock);
        }
        Ok(())
    }
}
