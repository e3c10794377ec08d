//! Two agents in one folder, on a disk that can die at any call. Each writes records of its own, so that what it was
//! told holds for them whatever the other does; that both see the same is looked at besides.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use opslog::disk::{Disk, OpenMode};
use opslog::engine::Change;
use opslog::layout;
use opslog::store::{Durability, Options, Rejected, Store};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::live::{ROOT, Violation, scan};
use super::reader;
use super::world::Dead;

pub const AGENTS: [&str; 2] = ["a", "b"];

/// An id, and its value; `None` deletes it.
pub type Put = (String, Option<String>);
pub type Records = BTreeMap<String, String>;

/// What an agent's records are after a step, and what the step wrote.
#[derive(Debug, Clone, Default)]
pub struct Version {
    pub records: Records,
    pub puts: Vec<Put>,
}

/// What one agent's records must be, told from what it was told.
#[derive(Debug, Clone)]
pub struct Own {
    /// The first is durable; those after it are what was acknowledged since.
    pub versions: Vec<Version>,
    /// What steps may have left that did not come to their end, or were refused.
    pub doubts: Vec<Version>,
    /// What its last operations replaced, as far as that is known.
    undoable: Vec<Put>,
    /// An undo did not come to its end of which it is not known what it would have brought back: one record may differ.
    pub is_unclear: bool,
    /// How many versions were left behind because a later one is durable.
    left_behind: usize,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            versions: vec![Version::default()],
            doubts: Vec::new(),
            undoable: Vec::new(),
            is_unclear: false,
            left_behind: 0,
        }
    }
}

impl Own {
    pub fn now(&self) -> &Records {
        &self.versions.last().expect("there is always one").records
    }

    fn next(&self, puts: &[Put]) -> Version {
        let mut records = self.now().clone();
        puts.iter().for_each(|put| apply(&mut records, put));
        Version { records, puts: puts.to_vec() }
    }

    /// The number of the version that counts now.
    fn at(&self) -> usize {
        self.left_behind + self.versions.len() - 1
    }

    /// The version with this number is durable, whichever they were that came before it.
    fn durable(&mut self, at: usize) {
        let before = at.saturating_sub(self.left_behind);
        self.versions.drain(..before);
        self.left_behind += before;
    }

    /// What was found is what counts from now on; after a power loss it is durable.
    pub fn adopt(&mut self, found: Records, is_durable: bool) {
        if is_durable {
            self.versions.clear();
            self.left_behind = 0;
        }
        if is_durable || found != *self.now() {
            let puts =
                std::mem::take(&mut self.doubts).into_iter().flat_map(|version| version.puts).collect();
            self.undoable.clear();
            self.versions.push(Version { records: found, puts });
        }
        self.doubts.clear();
        self.is_unclear = false;
    }
}

fn apply(records: &mut Records, (id, value): &Put) {
    match value {
        Some(value) => records.insert(id.clone(), value.clone()),
        None => records.remove(id),
    };
}

#[derive(Debug, Clone)]
pub enum Deed {
    Put(Put),
    Batch(Vec<Put>),
    Undo,
    /// A compaction, with deeds of the other agent before its n-th disk call.
    Compact(Vec<(u64, Vec<Deed>)>),
    Sync,
    Follow,
    Reopen,
}

pub struct Party {
    pub disk: HookDisk,
    pub stores: [Option<Arc<Store>>; 2],
    pub own: [Own; 2],
    pub now: i64,
    pub acknowledged: u64,
    pub synced: u64,
    pub violation: Option<Violation>,
    durability: Durability,
}

impl Party {
    pub fn new(disk: HookDisk, own: [Own; 2], now: i64, durability: Durability) -> Self {
        Self { disk, stores: [None, None], own, now, acknowledged: 0, synced: 0, violation: None, durability }
    }

    fn crashed(&self) -> bool {
        self.disk.sim().crashed()
    }

    /// Opens the folder for an agent. A scripted failure may strike.
    pub fn open(&mut self, who: usize) -> Result<(), Violation> {
        let options = Options {
            read_only: false,
            agent: Some(AGENTS[who].to_owned()),
            durability: self.durability,
            ..reader::options(self.now)
        };
        let mut why = String::new();
        for _ in 0..8 {
            let disk = Arc::new(self.disk.clone());
            match Store::open(disk, Path::new(ROOT), options.clone(), &Dead) {
                Ok(opened) => {
                    self.stores[who] = Some(opened.store);
                    return Ok(());
                }
                Err(_) if self.crashed() => return Ok(()),
                Err(error) => why = format!("agent {who} cannot open: {error}"),
            }
        }
        Err(why)
    }

    /// Carries a deed out. In the middle of the other's compaction an agent does not wait.
    pub fn carry_out(&mut self, who: usize, deed: &Deed, may_wait: bool) -> Result<(), Violation> {
        self.now += 7;
        let Some(store) = self.stores[who].clone() else { return Ok(()) };
        match deed {
            Deed::Put(put) => self.write(who, &store, std::slice::from_ref(put), may_wait),
            Deed::Batch(puts) => self.write(who, &store, puts, may_wait),
            Deed::Undo => self.undo(who, &store, may_wait),
            Deed::Sync => self.sync(who, &store),
            Deed::Follow if may_wait => {
                // What fails here is found by the next look.
                let _ = store.follow();
                Ok(())
            }
            Deed::Reopen if may_wait => {
                let _ = store.close();
                self.stores[who] = None;
                drop(store);
                self.open(who)
            }
            _ => Ok(()),
        }
    }

    fn write(
        &mut self,
        who: usize,
        store: &Arc<Store>,
        puts: &[Put],
        may_wait: bool,
    ) -> Result<(), Violation> {
        let mut there = self.own[who].now().clone();
        let mut puts = puts.to_vec();
        // An agent does not delete what is not there.
        puts.retain(|put| {
            let is_possible = put.1.is_some() || there.contains_key(&put.0);
            apply(&mut there, put);
            is_possible
        });
        if puts.is_empty() {
            return Ok(());
        }
        let next = self.own[who].next(&puts);
        for _ in 0..4 {
            match self.write_once(store, &puts) {
                Ok(()) => {
                    let own = &mut self.own[who];
                    let mut state = own.now().clone();
                    for put in &puts {
                        own.undoable.push((put.0.clone(), state.get(&put.0).cloned()));
                        apply(&mut state, put);
                    }
                    own.versions.push(next);
                    self.acknowledged += 1;
                    return self.acknowledge(who, store);
                }
                // The agent that has the folder's lock alone stands in this call: it would be waited for in vain.
                Err(Rejected::NotNow) if !may_wait && !self.is_gate_open() => return Ok(()),
                Err(Rejected::NotNow) => {
                    let _ = store.follow();
                }
                Err(Rejected::NotCanonical(_)) => return Err("not canonical".into()),
                Err(Rejected::Error(_)) => {
                    self.own[who].doubts.push(next);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn write_once(&self, store: &Store, puts: &[Put]) -> Result<(), Rejected> {
        let put = |(id, value): &Put| {
            let change = value.as_ref().map_or(Change::Delete, |value| Change::Set(value.as_bytes()));
            store.change(change, id.as_bytes(), self.now, None, true).map(drop)
        };
        let [put_of_many @ .., last] = puts else { return Ok(()) };
        if put_of_many.is_empty() {
            return put(last);
        }
        store.begin_batch();
        let written = puts.iter().try_for_each(put).and_then(|()| store.commit_batch().map(drop));
        if written.is_err() {
            store.abandon_batch();
        }
        written
    }

    /// Whether no agent has the folder's lock alone.
    fn is_gate_open(&self) -> bool {
        let sim = self.disk.sim();
        let locks = [layout::entry_lock(Path::new(ROOT)), layout::folder_lock(Path::new(ROOT))];
        locks.iter().all(|lock| {
            sim.open(lock, OpenMode::Read).and_then(|file| file.try_lock_shared()).unwrap_or(false)
        })
    }

    fn acknowledge(&mut self, who: usize, store: &Arc<Store>) -> Result<(), Violation> {
        match self.durability {
            Durability::Always if store.ask_for_sync().is_ok() => self.sync(who, store),
            _ => Ok(()),
        }
    }

    fn sync(&mut self, who: usize, store: &Arc<Store>) -> Result<(), Violation> {
        if self.durability == Durability::Process {
            return Ok(());
        }
        let at = self.own[who].at();
        store.run_sync();
        if !self.crashed() && store.synced().failed.is_none() {
            self.own[who].durable(at);
            self.own[who].doubts.clear();
            self.synced += 1;
        }
        Ok(())
    }

    fn undo(&mut self, who: usize, store: &Arc<Store>, may_wait: bool) -> Result<(), Violation> {
        let undone = match store.undo() {
            Err(Rejected::NotNow) if may_wait => store.undo_waiting(),
            Err(Rejected::NotNow) => return Ok(()),
            Err(Rejected::Error(error)) => Err(error),
            undone => Ok(undone.unwrap_or_default()),
        };
        let known = self.own[who].undoable.last().cloned();
        match (undone, known) {
            (Ok(undone), _) if undone.is_empty() => {}
            (Ok(_), Some(put)) => {
                self.own[who].undoable.pop();
                let next = self.own[who].next(&[put]);
                self.own[who].versions.push(next);
                self.acknowledged += 1;
                return self.acknowledge(who, store);
            }
            // An agent that died wrote it: what it replaced is seen.
            (Ok(_), None) => {
                let shown = match scan(store) {
                    // As a query wrote the file of an index.
                    Err(_) if self.crashed() => {
                        self.own[who].is_unclear = true;
                        return Ok(());
                    }
                    shown => own_of(who, &shown?),
                };
                let puts = changes(self.own[who].now(), &shown);
                self.own[who].versions.push(Version { records: shown, puts });
                return self.acknowledge(who, store);
            }
            (Err(_), Some(put)) => {
                let next = self.own[who].next(&[put]);
                self.own[who].doubts.push(next);
            }
            (Err(_), None) => self.own[who].is_unclear = true,
        }
        Ok(())
    }

    /// Lets both agents look, and compares what they show with each other, with a reader, and with what they were told.
    pub fn check(&self) -> Result<(), Violation> {
        let mut views = Vec::new();
        for store in self.stores.iter().flatten() {
            for _ in 0..8 {
                let _ = store.follow();
            }
            views.push(scan(store)?);
        }
        let disk = Arc::new(self.disk.sim().after_kill());
        let reader = Store::open(disk, Path::new(ROOT), reader::options(self.now), &Dead);
        views.push(scan(&reader.map_err(|error| format!("a reader cannot open: {error}"))?.store)?);
        for view in &views {
            if *view != views[0] {
                return Err(format!("{view:?} is not {:?}", views[0]));
            }
            for who in 0..AGENTS.len() {
                let (shown, expected) = (own_of(who, view), self.own[who].now());
                if shown != *expected {
                    return Err(format!("of agent {who} there is {shown:?}, not {expected:?}"));
                }
            }
        }
        Ok(())
    }
}

/// Carries a deed out that lets the other agent in.
pub fn carry_out(party: &Arc<Mutex<Party>>, who: usize, deed: &Deed) -> Result<(), Violation> {
    let Deed::Compact(late) = deed else { return party.lock().carry_out(who, deed, true) };
    let (store, disk, now, at) = {
        let mut party = party.lock();
        party.now += 7;
        let at = [party.own[0].at(), party.own[1].at()];
        (party.stores[who].clone(), party.disk.clone(), party.now, at)
    };
    let Some(store) = store else { return Ok(()) };
    for (nth, deeds) in late.clone() {
        let party = Arc::clone(party);
        disk.before(nth, move || {
            let mut party = party.lock();
            for deed in &deeds {
                let result = party.carry_out(1 - who, deed, false);
                party.violation = party.violation.take().or(result.err());
            }
        });
    }
    let compacted = store.compact_agents(now, None);
    disk.clear();
    let mut party = party.lock();
    if compacted.is_ok() && !party.crashed() {
        // All that was acknowledged before it is in its snapshot.
        for (own, at) in party.own.iter_mut().zip(at) {
            own.durable(at);
        }
    }
    Ok(())
}

/// The records of one agent.
pub fn own_of(who: usize, records: &[(String, String)]) -> Records {
    records.iter().filter(|(id, _)| id.starts_with(AGENTS[who])).cloned().collect()
}

pub fn changes(before: &Records, after: &Records) -> Vec<Put> {
    let new = after.keys().filter(|id| !before.contains_key(*id));
    let ids = before.keys().chain(new).filter(|id| before.get(*id) != after.get(*id));
    ids.map(|id| (id.clone(), after.get(id).cloned())).collect()
}
