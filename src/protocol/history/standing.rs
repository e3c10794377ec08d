//! The position behind what a store shows. It is kept, and only what came since is looked at.

use std::cell::RefCell;
use std::sync::Arc;

use super::eras::origin_of;
use super::position::{Read, print};
use crate::format::document::{Manifest, Name};
use crate::protocol::carrier::{Carrier, Error};
use crate::protocol::entry::Entry;
use crate::protocol::session::Session;

/// What is known of the operations that a store shows.
#[derive(Default)]
pub(super) struct Standing(RefCell<Known>);

#[derive(Default)]
struct Known {
    era: u64,
    origin: u32,
    read: Read,
    /// How many operations were counted one by one, and the last of them.
    count: usize,
    last: Option<Arc<[u8]>>,
}

impl Known {
    fn of_era(era: u64, origin: u32) -> Self {
        Self { era, origin, ..Self::default() }
    }

    fn is_of(&self, era: u64, origin: u32) -> bool {
        (self.era, self.origin) == (era, origin)
    }

    fn add(&mut self, agent: &Name, identity: &Arc<[u8]>) {
        self.read.entry(Arc::clone(agent)).or_default().add(identity);
        self.count += 1;
        self.last = Some(Arc::clone(identity));
    }
}

/// The agent in what tells an operation from others; empty for a single writer.
fn agent_of(identity: &[u8]) -> Name {
    let end = identity.iter().position(|&byte| byte == b'\n');
    end.and_then(|end| identity.get(..end)).unwrap_or_default().into()
}

impl<C: Carrier> Session<C> {
    /// The position behind what the store shows, as text.
    ///
    /// # Errors
    /// None of an open store.
    pub fn position(&self) -> Result<Vec<u8>, Error> {
        let mut known = self.history.standing.0.borrow_mut();
        if self.agent().is_none() && !self.options.read_only {
            let manifest = self.known_rc()?;
            let (era, origin) = (manifest.snapshots(), origin_of(&manifest.snapshot()));
            let from = known.count.saturating_sub(1);
            let mut behind = match known.is_of(era, origin) {
                true => self.own_entries(&manifest, from),
                false => Vec::new(),
            };
            let is_there = behind.first().map(|entry| &entry.identity) == known.last.as_ref();
            if known.is_of(era, origin) && known.count > 0 && is_there {
                behind.remove(0);
            } else {
                *known = Known::of_era(era, origin);
                behind = self.own_entries(&manifest, 0);
            }
            for entry in &behind {
                known.add(&entry.agent, &entry.identity);
            }
        } else {
            self.view.shown(|era, snapshot, identities| {
                let is_unloaded = self.options.skip_load;
                let (era, origin) =
                    if is_unloaded { (known.era, known.origin) } else { (era, origin_of(snapshot)) };
                let place = known.count.checked_sub(1);
                let is_there = place.is_none_or(|place| identities.get(place) == known.last.as_ref());
                if !(is_unloaded || known.is_of(era, origin) && is_there) {
                    *known = Known::of_era(era, origin);
                }
                for identity in identities.get(known.count..).unwrap_or_default() {
                    known.add(&agent_of(identity), identity);
                }
            });
        }
        Ok(print(known.era, known.origin, &known.read, None))
    }

    /// Where nothing is loaded, all operations of the logs count as shown once they were looked at.
    pub(in crate::protocol) fn stands_behind(&self, manifest: &Manifest, entries: &[Entry]) {
        if !self.options.skip_load {
            return;
        }
        let mut known = Known::of_era(manifest.snapshots(), origin_of(&manifest.snapshot()));
        for entry in entries {
            known.add(&entry.agent, &entry.identity);
        }
        self.view.shown(|_, _, identities| {
            known.count = identities.len();
            known.last = identities.last().cloned();
        });
        *self.history.standing.0.borrow_mut() = known;
    }

    /// An operation was taken back where nothing is loaded.
    pub(in crate::protocol) fn stands_without(&self, entry: &Entry) {
        let mut known = self.history.standing.0.borrow_mut();
        if let Some(count) = known.read.get_mut(&entry.agent) {
            count.take(&entry.identity);
        }
        known.count = known.count.saturating_sub(1);
    }
}
