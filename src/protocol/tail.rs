//! What became visible since the last look: each operation once. Operations that a compaction has moved into a snapshot
//! meanwhile are read from the logs that the manifest calls retired.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::carrier::{Carrier, Error};
use super::document::{Manifest, Name};
use super::entry::{Entry, Log, read_logs};
use super::transition::fence_of;

/// What was told so far.
#[derive(Default)]
pub struct Tail {
    /// Since the last snapshot, and since the one before: a listing may be older than the one before it.
    identities: RefCell<HashSet<Arc<[u8]>>>,
    before: RefCell<HashSet<Arc<[u8]>>>,
    /// Each agent's highest first clock: a copy of an operation up to there was told, or was there at the beginning.
    clocks: RefCell<HashMap<Name, u64>>,
    snapshots: Cell<u64>,
}

impl Tail {
    /// All of this was seen.
    pub(super) fn look(&self, manifest: &Manifest, entries: &[Entry]) {
        if self.snapshots.get() != manifest.snapshots() {
            *self.before.borrow_mut() = self.identities.take();
        }
        self.identities.borrow_mut().extend(entries.iter().map(|entry| Arc::clone(&entry.identity)));
        let mut clocks = self.clocks.borrow_mut();
        for entry in entries {
            let highest = clocks.entry(Arc::clone(&entry.agent)).or_default();
            *highest = (*highest).max(entry.first);
        }
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
        let mut logs = Vec::new();
        for retired in manifest.retired().into_iter().filter(|retired| retired.snapshot > told) {
            logs.extend(retired.logs.into_iter().map(|path| Log {
                generation: retired.snapshot,
                era: retired.snapshot - 1,
                version: None,
                fence: fence_of(manifest, &path),
                path,
            }));
        }
        let earlier = read_logs(carrier, &logs, true).await?;
        let mut seen = self.identities.borrow().clone();
        seen.extend(self.before.borrow().iter().map(Arc::clone));
        let clocks = self.clocks.borrow().clone();
        let is_new = |entry: &Entry| {
            let is_copy = entry.is_again && clocks.get(&entry.agent).is_some_and(|told| entry.first <= *told);
            !is_copy
        };
        self.look_past(manifest, &earlier, &entries);
        let all = earlier.into_iter().chain(entries);
        Ok(all.filter(|entry| seen.insert(Arc::clone(&entry.identity)) && is_new(entry)).collect())
    }

    fn look_past(&self, manifest: &Manifest, earlier: &[Entry], entries: &[Entry]) {
        self.look(manifest, earlier);
        self.look(manifest, entries);
    }
}
