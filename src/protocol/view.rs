//! What a store behind a carrier holds in memory: the records and operations, and from which snapshot and which
//! operations they came about, so that a refresh applies only what is new where it can. Tells the facade which of its
//! live objects a change concerns.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashSet;

use super::carrier::{Carrier, Error, Loaded, Pairs, Phase};
use super::entry::Entry;
use super::versions::Versions;
use crate::engine::Id;
use crate::error::Code;
use crate::format::document::{Manifest, Name};
use crate::rules::snapshots::lack;
use crate::store::Store;

/// Snapshots up to this size are kept, so that a refresh need not fetch them again.
const KEPT_BYTES: usize = 16 << 20;

/// What the facade must know of a change in memory.
#[derive(Debug, Default)]
pub struct Effects {
    /// Records that changed in their place, or came at the end.
    pub looked: Vec<Id>,
    /// Records whose order may have changed.
    pub reordered: Vec<Id>,
    /// Records whose last operation was undone.
    pub undone: Vec<Id>,
    /// Anything may have changed.
    pub reset: bool,
    /// The operations begin anew.
    pub history: bool,
}

/// The snapshot that memory began with, and what was applied to it since, in order.
struct Applied {
    snapshot: Name,
    /// How many snapshots there were before.
    era: u64,
    identities: Vec<Arc<[u8]>>,
}

/// Records and operations in memory.
pub struct View {
    store: Arc<Store>,
    agent: Option<Name>,
    versions: Versions,
    applied: RefCell<Option<Applied>>,
    kept: RefCell<Option<(Name, Rc<Loaded>)>>,
    effects: RefCell<Effects>,
}

impl View {
    /// Nothing is loaded yet. `version` is the schema version that records are brought to.
    pub fn new(agent: Option<&Name>, version: u64) -> Self {
        Self {
            store: Arc::new(Store::detached(agent.map(|agent| &**agent))),
            agent: agent.cloned(),
            versions: Versions::new(version),
            applied: RefCell::default(),
            kept: RefCell::default(),
            effects: RefCell::default(),
        }
    }

    /// Records and operations, for reading.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The schema versions of what memory came about from.
    pub(super) fn versions(&self) -> &Versions {
        &self.versions
    }

    /// What the facade must know since it last asked.
    pub fn take_effects(&self) -> Effects {
        self.effects.take()
    }

    /// Brings memory to a manifest's snapshot with these operations, all of it migrated. Until all of it is there, memory stays
    /// as it was.
    ///
    /// # Errors
    /// Those of the steps; `OPSLOG_CORRUPT`.
    pub async fn bring(
        &self,
        carrier: &impl Carrier,
        manifest: &Manifest,
        entries: &[Entry],
    ) -> Result<(), Error> {
        let snapshot = manifest.snapshot();
        if let Some(from) = self.more(&snapshot, entries) {
            let fresh = entries.get(from..).unwrap_or_default();
            let old = self.versions.older(None, fresh);
            let values = self.migrated(carrier, old).await?;
            self.store.see_clock(manifest.number("clock"));
            self.apply(fresh, &values)?;
            self.versions.saw(fresh);
            if let Some(applied) = self.applied.borrow_mut().as_mut() {
                applied.identities.extend(fresh.iter().map(|entry| Arc::clone(&entry.identity)));
            }
            self.applied_behind(fresh);
            return Ok(());
        }
        let loaded = self.load(carrier, manifest).await?;
        let versions = self.versions.of_snapshot(&snapshot, loaded.version);
        let values = self.migrated(carrier, versions.older(Some(&loaded.records), entries)).await?;
        // NOTE: from here on nothing waits: what reads see changes in one step.
        self.store.reset(self.agent.as_deref());
        self.store.see_clock(manifest.number("clock"));
        for (id, text) in &loaded.records {
            self.replace(id, text)?;
        }
        self.apply(entries, &values)?;
        versions.saw(entries);
        self.versions.take(&versions);
        let identities = entries.iter().map(|entry| Arc::clone(&entry.identity)).collect();
        *self.applied.borrow_mut() = Some(Applied { snapshot, era: manifest.snapshots(), identities });
        let mut effects = self.effects.borrow_mut();
        effects.reset = true;
        effects.history = true;
        Ok(())
    }

    /// Nothing is loaded: memory holds what the store writes, and what it is shown.
    pub fn begin_unloaded(&self) {
        let applied = Applied { snapshot: Name::from(&b""[..]), era: 0, identities: Vec::new() };
        self.applied.borrow_mut().get_or_insert(applied);
    }

    /// Shows operations of others behind what is there, where nothing is loaded.
    ///
    /// # Errors
    /// Those of migrating; nothing is shown then.
    pub async fn show(&self, carrier: &impl Carrier, entries: &[Entry]) -> Result<(), Error> {
        let values = self.migrated(carrier, self.versions.older(None, entries)).await?;
        self.apply(entries, &values)?;
        if let Some(applied) = self.applied.borrow_mut().as_mut() {
            applied.identities.extend(entries.iter().map(|entry| Arc::clone(&entry.identity)));
        }
        self.applied_behind(entries);
        Ok(())
    }

    /// Operations of others were applied behind what was there. A record that one deletes and a later one sets comes at the end.
    fn applied_behind(&self, entries: &[Entry]) {
        let mut deleted = HashSet::new();
        let mut effects = self.effects.borrow_mut();
        for entry in entries {
            match entry.data {
                None => _ = deleted.insert(&entry.id),
                Some(_) if deleted.remove(&entry.id) => effects.reordered.push(Arc::clone(&entry.id)),
                Some(_) => {}
            }
        }
        effects.looked.extend(entries.iter().map(|entry| Arc::clone(&entry.id)));
    }

    /// The store appended an operation that memory holds already.
    pub fn appended(&self, identity: Arc<[u8]>) {
        if let Some(applied) = self.applied.borrow_mut().as_mut() {
            applied.identities.push(identity);
        }
    }

    /// A snapshot of a schema version holds the state without some records, and all operations but the last, so many.
    ///
    /// # Errors
    /// `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn checkpointed(
        &self,
        snapshot: &Name,
        version: u64,
        (removed, kept): (&[Id], usize),
    ) -> Result<(), Error> {
        self.store.remove(removed).map_err(unreadable)?;
        self.store.forget_operations_but(kept);
        self.versions.take(&self.versions.of_snapshot(snapshot, Some(version)));
        if let Some(applied) = self.applied.borrow_mut().as_mut() {
            applied.snapshot = Arc::clone(snapshot);
            applied.era += 1;
            let gone = applied.identities.len().saturating_sub(kept);
            applied.identities.drain(..gone);
        }
        let mut effects = self.effects.borrow_mut();
        effects.looked.extend_from_slice(removed);
        effects.history = true;
        Ok(())
    }

    /// A checkpoint holds all operations but the last, so many, and so many behind those that do not count yet; which snapshot that
    /// made is not certain.
    pub(super) fn keeps(&self, kept: usize, behind: usize) {
        self.store.forget_operations_but(kept + behind);
        self.history_begins_anew();
    }

    /// Lets go of everything.
    pub fn empty(&self) {
        self.store.reset(self.agent.as_deref());
        self.versions.forget();
        self.forget_origin();
        let mut effects = self.effects.borrow_mut();
        effects.reset = true;
        effects.history = true;
    }

    /// Where memory came from is not certain any more: the next look loads everything.
    pub fn forget_origin(&self) {
        *self.applied.borrow_mut() = None;
    }

    /// Whether it is certain where memory came from.
    pub(super) fn has_origin(&self) -> bool {
        self.applied.borrow().is_some()
    }

    /// Records changed.
    pub fn touched(&self, id: &Id) {
        self.effects.borrow_mut().looked.push(Arc::clone(id));
    }

    /// Records changed, and the order with them.
    pub fn reordered(&self, ids: impl Iterator<Item = Id>) {
        self.effects.borrow_mut().reordered.extend(ids);
    }

    /// The operations that are shown begin anew.
    pub fn history_begins_anew(&self) {
        self.effects.borrow_mut().history = true;
    }

    /// The last change, which was carried nowhere yet, was taken back.
    pub fn undone_in_memory(&self) {
        if let Some(id) = self.store.take_back_exactly() {
            self.effects.borrow_mut().undone.push(id);
        }
    }

    /// The last operation was undone.
    pub fn undone(&self) {
        if let Some(id) = self.store.take_back_exactly() {
            self.effects.borrow_mut().undone.push(id);
        }
        if let Some(applied) = self.applied.borrow_mut().as_mut() {
            applied.identities.pop();
        }
    }

    /// An operation was taken out from among the others. `false` if it is not known where it stands, or what shows then is to
    /// be migrated.
    ///
    /// # Errors
    /// `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn removed(&self, identity: &[u8]) -> Result<bool, Error> {
        if self.versions.is_older() {
            return Ok(false);
        }
        self.taken_out(identity)
    }

    /// As [`View::removed`], where nothing is loaded.
    ///
    /// # Errors
    /// As for [`View::removed`].
    pub fn taken_out(&self, identity: &[u8]) -> Result<bool, Error> {
        let mut applied = self.applied.borrow_mut();
        let Some(applied) = applied.as_mut() else { return Ok(false) };
        let Some(place) = applied.identities.iter().rposition(|known| **known == *identity) else {
            return Ok(false);
        };
        let behind = applied.identities.len() - place;
        let Some(concerned) = self.store.remove_operation(behind).map_err(unreadable)? else {
            return Ok(false);
        };
        applied.identities.remove(place);
        self.reordered(concerned.into_iter());
        Ok(true)
    }

    /// Shows the era of its snapshot, the snapshot, and what tells the operations that memory shows beside it from all others.
    pub(super) fn shown(&self, look: impl FnOnce(u64, &Name, &[Arc<[u8]>])) {
        if let Some(Applied { snapshot, era, identities }) = &*self.applied.borrow() {
            look(*era, snapshot, identities);
        }
    }

    /// From which of these operations on they are not applied yet, if all before them are, and nothing else is.
    fn more(&self, snapshot: &Name, entries: &[Entry]) -> Option<usize> {
        let applied = self.applied.borrow();
        let applied = applied.as_ref().filter(|applied| applied.snapshot == *snapshot)?;
        let mut known = applied.identities.iter().zip(entries);
        let is_prefix = applied.identities.len() <= entries.len()
            && (planted!("world-order-unchecked")
                || known.all(|(identity, entry)| *identity == entry.identity));
        is_prefix.then_some(applied.identities.len())
    }

    /// Applies operations, whose records have these values in the end if they are migrated.
    fn apply(&self, entries: &[Entry], migrated: &Pairs) -> Result<(), Error> {
        for entry in entries {
            self.store.see_clock(entry.clock);
        }
        let read =
            entries.iter().map(|entry| (Arc::clone(&entry.id), entry.data.clone(), Arc::clone(&entry.line)));
        self.store.apply_read(read).map_err(unreadable)?;
        migrated.iter().try_for_each(|(id, text)| self.replace(id, text))
    }

    fn replace(&self, id: &Id, text: &[u8]) -> Result<(), Error> {
        self.store.load(id, text).map_err(unreadable)
    }

    /// The values that records are migrated to.
    async fn migrated(&self, carrier: &impl Carrier, older: Vec<(u64, Pairs)>) -> Result<Pairs, Error> {
        let mut values = Vec::new();
        for (from, pairs) in older {
            let texts = carrier.migrate(from, &pairs).await?;
            values.extend(pairs.into_iter().map(|(id, _)| id).zip(texts));
        }
        Ok(values)
    }

    /// The records of the snapshot that a manifest names. Small ones are kept.
    ///
    /// # Errors
    /// Those of reading; `OPSLOG_CORRUPT` if it is gone, or has fewer records than the manifest says.
    pub(super) async fn load(
        &self,
        carrier: &impl Carrier,
        manifest: &Manifest,
    ) -> Result<Rc<Loaded>, Error> {
        let path = manifest.snapshot();
        if let Some((kept, loaded)) = &*self.kept.borrow()
            && *kept == path
        {
            return Ok(Rc::clone(loaded));
        }
        *self.kept.borrow_mut() = None;
        carrier.begins(Phase::ReadSnapshot, manifest.stat("activeRecords"));
        let loaded = carrier.load_snapshot(&path).await;
        carrier.ends();
        let shown = String::from_utf8_lossy(&path);
        let loaded = loaded.map_err(|failure| {
            if !failure.is_missing {
                return Error::Step(failure);
            }
            let message = format!("Snapshot file not found: {shown}. The data directory may be corrupted.");
            Error::caused(Code::Corrupt, message, &failure).at(&path)
        })?;
        let (found, told) = (loaded.records.len() as u64, manifest.stat("activeRecords"));
        if let Some(lack) = lack(found, told) {
            return Err(Error::rule(Code::Corrupt, format!("{shown}: {lack}")).at(&path));
        }
        let bytes: usize = loaded.records.iter().map(|(id, text)| id.len() + text.len()).sum();
        let loaded = Rc::new(loaded);
        if bytes <= KEPT_BYTES {
            *self.kept.borrow_mut() = Some((path, Rc::clone(&loaded)));
        }
        Ok(loaded)
    }
}

/// Texts that are held can be read.
pub(super) fn unreadable(error: crate::error::Error) -> Error {
    Error::rule(Code::Io, error.to_string())
}
