//! What became visible since the last look: each operation once. Operations that a compaction has moved into a snapshot
//! meanwhile are read from the logs that the manifest calls retired.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashSet;

use super::carrier::{Carrier, Error, Version};
use super::entry::{Entry, Log, read_counted};
use crate::format::document::{Manifest, Retired};

/// Of how many snapshots the logs are searched for the first copy of an operation.
const SEARCHED: usize = 4;
/// Over how many snapshots an operation is remembered that was told before it counted.
const REMEMBERED: usize = 16;
/// How often logs are read that seem to lack operations.
const READS: u64 = 5;

/// What was told so far.
#[derive(Default)]
pub struct Tail {
    /// Since the last snapshot, and since the one before: a listing may be older than the one before it.
    identities: RefCell<HashSet<Arc<[u8]>>>,
    before: RefCell<HashSet<Arc<[u8]>>>,
    /// Told from a log that was being sealed, and not taken into the snapshot: their writer appends them again. A set for
    /// each of the last snapshots.
    early: RefCell<VecDeque<HashSet<Arc<[u8]>>>>,
    snapshots: Cell<u64>,
    /// What the carrier said of changes before all that was told was read.
    token: RefCell<Option<Version>>,
}

impl Tail {
    /// Nothing was seen: the next look tells what the logs hold.
    pub(super) fn begin(&self, manifest: &Manifest) {
        self.snapshots.set(manifest.snapshots());
    }

    /// Whether nothing has changed since everything was told.
    pub(super) fn is_at(&self, token: &Version) -> bool {
        self.token.borrow().as_ref() == Some(token)
    }

    /// Everything that there was at this token was told.
    pub(super) fn is_now_at(&self, token: Option<Version>) {
        *self.token.borrow_mut() = token;
    }

    /// All of this was seen.
    pub(super) fn look(&self, manifest: &Manifest, entries: &[Entry]) {
        if self.snapshots.get() != manifest.snapshots() {
            *self.before.borrow_mut() = self.identities.take();
        }
        self.identities.borrow_mut().extend(entries.iter().map(|entry| Arc::clone(&entry.identity)));
        self.snapshots.set(manifest.snapshots());
    }

    /// The operations that were not told yet, in order; they are now.
    pub(super) async fn since(
        &self,
        carrier: &impl Carrier,
        manifest: &Manifest,
        entries: Vec<Entry>,
    ) -> Result<Vec<Entry>, Error> {
        let told = self.snapshots.get();
        let (old, new): (Vec<_>, Vec<_>) =
            manifest.retired().into_iter().partition(|retired| retired.snapshot <= told);
        let logs: Vec<Log> = new.iter().flat_map(logs_of).collect();
        let (earlier, _) = read_whole(carrier, &logs).await?;
        let mut seen = self.identities.borrow().clone();
        seen.extend(self.before.borrow().iter().map(Arc::clone));
        if !planted!("world-early-forgotten") {
            seen.extend(self.early.borrow().iter().flatten().map(Arc::clone));
        }
        let all = || earlier.iter().chain(&entries);
        let mut copies: HashSet<Arc<[u8]>> = all()
            .filter(|entry| entry.is_again && !seen.contains(&entry.identity))
            .map(|entry| Arc::clone(&entry.identity))
            .collect();
        // Of an operation that was appended again, the first copy may have gone into a snapshot that was seen.
        for retired in old.iter().rev().take(SEARCHED) {
            if copies.is_empty() || planted!("world-copies-told") {
                break;
            }
            let logs: Vec<Log> = logs_of(retired).collect();
            for entry in read_whole(carrier, &logs).await?.0 {
                if copies.remove(&entry.identity) {
                    seen.insert(entry.identity);
                }
            }
        }
        self.look_past(manifest, &earlier, &entries);
        let all = earlier.into_iter().chain(entries);
        Ok(all.filter(|entry| seen.insert(Arc::clone(&entry.identity))).collect())
    }

    /// As `look()`, with the operations that went into snapshots since the last look.
    fn look_past(&self, manifest: &Manifest, earlier: &[Entry], entries: &[Entry]) {
        if self.snapshots.get() != manifest.snapshots() {
            let counted: HashSet<&[u8]> =
                earlier.iter().chain(entries).map(|entry| &*entry.identity).collect();
            let told = self.identities.borrow();
            let early =
                told.iter().filter(|identity| !counted.contains(&***identity)).map(Arc::clone).collect();
            let mut remembered = self.early.borrow_mut();
            remembered.push_back(early);
            if remembered.len() > REMEMBERED {
                remembered.pop_front();
            }
        }
        self.look(manifest, entries);
        self.before.borrow_mut().extend(earlier.iter().map(|entry| Arc::clone(&entry.identity)));
    }
}

/// The logs that went into a snapshot.
pub(super) fn logs_of(retired: &Retired) -> impl Iterator<Item = Log> {
    retired.logs.iter().enumerate().map(|(place, path)| Log {
        path: Arc::clone(path),
        generation: retired.snapshot,
        is_live: false,
        numbering: retired.numbering(),
        version: None,
        fence: retired.counts.get(place).copied(),
    })
}

/// Reads retired logs. One that has fewer operations than went into its snapshot was listed as it was before, and is read again;
/// it may also be gone. Also says whether all operations are there.
pub(super) async fn read_whole(carrier: &impl Carrier, logs: &[Log]) -> Result<(Vec<Entry>, bool), Error> {
    let mut attempt = 1;
    loop {
        let (entries, counts) = read_counted(carrier, logs, true).await?;
        let mut pairs = logs.iter().zip(&counts);
        let is_whole = pairs.all(|(log, (_, count))| log.fence.is_none_or(|fence| *count >= fence));
        if is_whole || attempt == READS || planted!("world-short-log-believed") {
            return Ok((entries, is_whole));
        }
        carrier.pause(attempt * 10).await;
        attempt += 1;
    }
}
