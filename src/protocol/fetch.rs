//! Single records of a store that has loaded none: the operations of the logs count over the snapshot, of which as much is
//! read as one record needs. Nothing of this changes what the session knows or shows.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use hashbrown::HashMap;

use super::carrier::{Carrier, Error, Loaded};
use super::entry::{Entry, logs_of, read_logs};
use super::manifests::Known;
use super::ranged::{Looked, Ranged};
use super::session::Session;
use crate::engine::Id;
use crate::format::document::{Manifest, Name};

/// How often a look is made when files go missing meanwhile.
const LOOKS: u32 = 5;

/// What is known for fetching records.
#[derive(Default)]
pub struct Fetching {
    look: RefCell<Option<Rc<Look>>>,
    snapshot: RefCell<Option<Rc<Snapshot>>>,
    /// How often a look was forgotten.
    forgotten: Cell<u64>,
    is_busy: Cell<bool>,
}

/// A manifest, and the last operation of each record in its logs.
struct Look {
    manifest: Rc<Manifest>,
    newest: HashMap<Id, Entry>,
}

/// The snapshot of a manifest.
enum Snapshot {
    Ranged(Ranged),
    /// It has no index, or none that fits: it was read.
    Whole {
        path: Name,
        loaded: Rc<Loaded>,
        places: HashMap<Id, usize>,
    },
}

impl Snapshot {
    fn path(&self) -> &Name {
        match self {
            Self::Ranged(ranged) => ranged.snapshot(),
            Self::Whole { path, .. } => path,
        }
    }

    fn version(&self) -> Option<u64> {
        match self {
            Self::Ranged(ranged) => ranged.version(),
            Self::Whole { loaded, .. } => loaded.version,
        }
    }
}

/// What only one call does at a time.
struct Turn<'a>(&'a Cell<bool>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Fetching {
    /// There may be something new: the next call looks.
    pub(super) fn forget(&self) {
        self.look.take();
        self.forgotten.set(self.forgotten.get() + 1);
    }

    fn forget_look(&self, look: &Rc<Look>) {
        if self.look.borrow().as_ref().is_some_and(|kept| Rc::ptr_eq(kept, look)) {
            self.forget();
        }
    }

    fn snapshot(&self, path: &Name) -> Option<Rc<Snapshot>> {
        self.snapshot.borrow().as_ref().filter(|snapshot| snapshot.path() == path).cloned()
    }

    async fn turn(&self) -> Turn<'_> {
        poll_fn(|_| if self.is_busy.replace(true) { Poll::Pending } else { Poll::Ready(()) }).await;
        Turn(&self.is_busy)
    }
}

impl<C: Carrier> Session<C> {
    /// The text of a record as it is in the manifest's files, where nothing was loaded. A reader sees what it saw at its last look,
    /// as long as that can be read, a writer what was acknowledged.
    ///
    /// # Errors
    /// Those of the steps and of migrating; `OPSLOG_CORRUPT`.
    pub async fn fetch(&self, id: &Id) -> Result<Option<Vec<u8>>, Error> {
        if !self.options.read_only {
            self.flush_buffer().await?;
            self.fetching.forget();
        }
        let mut attempt = 1;
        loop {
            let look = self.look_at_logs().await?;
            let fetched = self.fetched(&look, id).await;
            if fetched.is_ok() || attempt == LOOKS || !self.is_replaced(&look).await.unwrap_or(false) {
                return fetched;
            }
            // A checkpoint has put another snapshot in the place of this one, which may be gone.
            self.fetching.forget_look(&look);
            attempt += 1;
        }
    }

    async fn is_replaced(&self, look: &Look) -> Result<bool, Error> {
        let now = self.read().await?.manifest;
        Ok(now.is_some_and(|manifest| manifest.snapshot() != look.manifest.snapshot()))
    }

    /// The look that was made last, or one now.
    async fn look_at_logs(&self) -> Result<Rc<Look>, Error> {
        let _turn = self.fetching.turn().await;
        if let Some(look) = &*self.fetching.look.borrow() {
            return Ok(Rc::clone(look));
        }
        let forgotten = self.fetching.forgotten.get();
        let mut attempt = 1;
        let (manifest, entries) = loop {
            let known = self.read().await?.known()?;
            let logs = logs_of(&known.manifest);
            let entries = read_logs(&self.carrier, &logs, known.manifest.agent_logs().is_some()).await?;
            // NOTE: a log that is missing reads as one without operations. One that is still named was there.
            let now = self.look(&known).await?;
            if attempt == LOOKS || is_named(&known, &now) {
                break (known.manifest, entries);
            }
            attempt += 1;
        };
        let newest = entries.into_iter().map(|entry| (Arc::clone(&entry.id), entry)).collect();
        let look = Rc::new(Look { manifest, newest });
        if self.fetching.forgotten.get() == forgotten {
            *self.fetching.look.borrow_mut() = Some(Rc::clone(&look));
        }
        Ok(look)
    }

    async fn fetched(&self, look: &Look, id: &Id) -> Result<Option<Vec<u8>>, Error> {
        let Some(entry) = look.newest.get(id) else {
            return self.stored(look, id).await;
        };
        let Some(text) = entry.data.clone().map(|range| entry.line.get(range).unwrap_or_default()) else {
            return Ok(None);
        };
        let version = match entry.version {
            Some(version) => Some(version),
            // No version is lower than the first.
            None if self.options.version <= 1 => None,
            None => self.snapshot_of(look).await?.version(),
        };
        self.migrated(id, text.to_vec(), version).await.map(Some)
    }

    /// A record of the snapshot.
    async fn stored(&self, look: &Look, id: &Id) -> Result<Option<Vec<u8>>, Error> {
        let mut snapshot = self.snapshot_of(look).await?;
        if let Snapshot::Ranged(ranged) = &*snapshot {
            match ranged.look(&self.carrier, id).await? {
                Looked::Found(text) => return self.migrated(id, text, ranged.version()).await.map(Some),
                Looked::Missing => return Ok(None),
                Looked::Misfit => snapshot = self.whole_snapshot(look).await?,
            }
        }
        let Snapshot::Whole { loaded, places, .. } = &*snapshot else { return Ok(None) };
        let found = places.get(id).and_then(|place| loaded.records.get(*place));
        match found {
            Some((_, text)) => self.migrated(id, text.clone(), loaded.version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn snapshot_of(&self, look: &Look) -> Result<Rc<Snapshot>, Error> {
        let path = look.manifest.snapshot();
        let _turn = self.fetching.turn().await;
        if let Some(snapshot) = self.fetching.snapshot(&path) {
            return Ok(snapshot);
        }
        let ranged = match self.carrier.facts().keeps_indexes {
            true => Ranged::open(&self.carrier, &path).await?,
            false => None,
        };
        match ranged {
            Some(ranged) => Ok(self.keep_snapshot(Snapshot::Ranged(ranged))),
            None => self.read_snapshot(look).await,
        }
    }

    /// The snapshot whose index does not fit.
    async fn whole_snapshot(&self, look: &Look) -> Result<Rc<Snapshot>, Error> {
        let _turn = self.fetching.turn().await;
        match self.fetching.snapshot(&look.manifest.snapshot()) {
            Some(snapshot) if matches!(*snapshot, Snapshot::Whole { .. }) => Ok(snapshot),
            _ => self.read_snapshot(look).await,
        }
    }

    async fn read_snapshot(&self, look: &Look) -> Result<Rc<Snapshot>, Error> {
        let loaded = self.view.load(&self.carrier, &look.manifest).await?;
        let places =
            loaded.records.iter().enumerate().map(|(place, (id, _))| (Arc::clone(id), place)).collect();
        Ok(self.keep_snapshot(Snapshot::Whole { path: look.manifest.snapshot(), loaded, places }))
    }

    fn keep_snapshot(&self, snapshot: Snapshot) -> Rc<Snapshot> {
        let snapshot = Rc::new(snapshot);
        *self.fetching.snapshot.borrow_mut() = Some(Rc::clone(&snapshot));
        snapshot
    }

    /// A text of a schema version, as this program has it.
    async fn migrated(&self, id: &Id, text: Vec<u8>, version: Option<u64>) -> Result<Vec<u8>, Error> {
        match version {
            Some(version) if version < self.options.version => {
                let texts = self.carrier.migrate(version, &vec![(Arc::clone(id), text)]).await?;
                Ok(texts.into_iter().next().unwrap_or_default())
            }
            _ => Ok(text),
        }
    }
}

/// Whether a later manifest names all logs of an earlier one.
fn is_named(known: &Known, now: &Known) -> bool {
    let named = logs_of(&now.manifest);
    logs_of(&known.manifest).iter().all(|log| named.iter().any(|other| other.path == log.path))
}
