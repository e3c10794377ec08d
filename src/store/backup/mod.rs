//! A copy of a store in another folder, made while writes go on. Invariant: until all of the copy is durable, the
//! folder's manifest is one that every version refuses; the true one replaces it last, by a rename. The store's
//! mutex is held while files are opened, and while at most the last bit of a log is read that was cut meanwhile.

mod capture;
mod source;
mod target;

use std::path::Path;
use std::sync::Arc;

use self::capture::Capture;
use self::source::Outcome;
pub(crate) use self::target::Target;
use super::Store;
use crate::error::{Error, Result};
use crate::layout;

/// How often a copy is begun anew because other hands cut logs meanwhile. Then they are locked out; a reader, which can
/// lock no writer out, takes of a log what was not cut while it was copied.
const ATTEMPTS: u32 = 5;

/// A copy under way. Dropped before [`Backup::step`] said that it is complete, it takes away what it has written.
pub struct Backup {
    store: Arc<Store>,
    with_trail: bool,
    // NOTE: before `target`, which deletes files when it is dropped: on Windows none of them may be open then.
    capture: Capture,
    target: Target,
    attempts: u32,
    files: u64,
    copied: u64,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Bytes that were copied.
    pub copied: u64,
    /// Bytes that there are to copy, as far as is known by now.
    pub total: u64,
    /// Files that are complete, the manifest not among them.
    pub files: u64,
    /// Whether the copy is a store by now.
    pub is_complete: bool,
}

impl Store {
    /// Begins a copy into a folder that is empty or not there. What is buffered is not part of it: that is for
    /// [`Store::flush`]. With `with_trail`, the logs that checkpoints have sealed come along.
    ///
    /// # Errors
    /// `OPSLOG_INVALID_ARGUMENT` for a folder that is not empty or lies in the store's; `OPSLOG_IO`,
    /// `OPSLOG_CORRUPT`, `OPSLOG_LOCKED`, `OPSLOG_FAILED` once the store is closed.
    pub fn begin_backup(self: &Arc<Self>, folder: &Path, with_trail: bool) -> Result<Backup> {
        let target = Target::prepare(&self.disk, &self.root, folder, "backup")?;
        let capture = self.capture(with_trail)?;
        let store = Arc::clone(self);
        Ok(Backup { store, with_trail, capture, target, attempts: 1, files: 0, copied: 0 })
    }
}

impl Backup {
    /// Copies about so many bytes. The last step makes everything durable and the copy a store.
    ///
    /// # Errors
    /// `OPSLOG_IO`; `OPSLOG_LOCKED` when other agents cannot be kept out. The copy must be given up then.
    pub fn step(&mut self, mut budget: u64) -> Result<Copied> {
        while budget > 0 {
            let Some(source) = self.capture.next_source(&self.store)? else {
                self.target.publish(&self.capture.manifest)?;
                return Ok(self.progress(true));
            };
            if source.is_copied() {
                match source.end(&self.store)? {
                    Outcome::Complete => {
                        self.files += 1;
                        self.capture.drop_source();
                    }
                    Outcome::More => {}
                    Outcome::Changed if self.attempts >= ATTEMPTS && self.store.gate.is_none() => {
                        source.settle()?;
                    }
                    Outcome::Changed => self.begin_anew()?,
                }
                continue;
            }
            let copied = source.copy_on(&mut self.target, budget)?;
            self.copied += copied;
            budget -= copied.min(budget);
        }
        Ok(self.progress(false))
    }

    /// Another hand has cut a log: takes another moment. In the end the others must wait while logs are copied.
    fn begin_anew(&mut self) -> Result<()> {
        self.capture.drop_source();
        self.target.clear();
        (self.files, self.copied) = (0, 0);
        self.attempts += 1;
        if self.attempts <= ATTEMPTS {
            self.capture = self.store.capture(self.with_trail)?;
            return Ok(());
        }
        let Some(gate) = &self.store.gate else {
            let source = std::io::ErrorKind::ResourceBusy.into();
            return Err(Error::io("read", &self.store.path(layout::OPS), source));
        };
        let _alone = gate.exclusive()?;
        self.capture = self.store.capture_locked(self.with_trail)?;
        for source in self.capture.logs() {
            while !source.is_copied() {
                self.copied += source.copy_on(&mut self.target, u64::MAX)?;
            }
            source.trust();
        }
        Ok(())
    }

    fn progress(&self, is_complete: bool) -> Copied {
        let total = self.copied + self.capture.left();
        Copied { copied: self.copied, total, files: self.files, is_complete }
    }
}
