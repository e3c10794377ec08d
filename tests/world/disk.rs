//! What lies behind the simulated carrier: a manifest with its version, logs, snapshots, segments, locks.

use std::collections::BTreeMap;

use opslog::engine::Id;
use opslog::protocol::Name;
use opslog::protocol::carrier::{Loaded, Lock, Pairs};

/// A request as the storage sees it: it can be carried out more than once.
#[derive(Clone, Debug)]
pub enum Request {
    Version,
    ReadManifest,
    Publish { text: Vec<u8>, condition: Option<Vec<u8>> },
    ReadLog { log: Name },
    Append { log: Name, lines: Vec<Vec<u8>> },
    Cut { log: Name },
    CreateLog { agent: String },
    LoadSnapshot { path: Name },
    WriteSnapshot { records: Pairs, version: u64 },
    SegmentIds { path: Name },
    WriteSegment { period: Name, records: Pairs },
    Lock { lock: Lock, owner: u64 },
    Unlock { lock: Lock, handle: u64 },
    Sync,
    Pause { ms: u64 },
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    Nothing,
    Version(Vec<u8>),
    Text(Option<Vec<u8>>),
    Published(Option<Vec<u8>>),
    Lines(Vec<Vec<u8>>),
    Cut(bool),
    Path(Name),
    Snapshot(Loaded),
    Missing,
    Ids(Vec<Id>),
    Locked(Option<u64>),
}

#[derive(Default)]
pub struct Disk {
    manifest: Option<Vec<u8>>,
    version: u64,
    logs: BTreeMap<Name, Vec<Vec<u8>>>,
    /// The logs as they were before their last append: what an older listing shows.
    older: BTreeMap<Name, Vec<Vec<u8>>>,
    snapshots: BTreeMap<Name, Loaded>,
    pub segments: BTreeMap<Name, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// Who holds each lock, by handle.
    locks: BTreeMap<u8, (u64, u64)>,
    names: u64,
}

fn kind(lock: Lock) -> u8 {
    u8::from(lock == Lock::Compaction)
}

impl Disk {
    fn name(&mut self, prefix: &str) -> Name {
        self.names += 1;
        Name::from(format!("{prefix}-{}", self.names).into_bytes())
    }

    fn version(&self) -> Vec<u8> {
        match self.manifest {
            None => b"null".to_vec(),
            Some(_) => format!("\"{}\"", self.version).into_bytes(),
        }
    }

    pub fn carry_out(&mut self, request: &Request) -> Reply {
        match request {
            Request::Version => Reply::Version(self.version()),
            Request::ReadManifest => Reply::Text(self.manifest.clone()),
            Request::Publish { text, condition } => {
                if condition.as_ref().is_some_and(|condition| *condition != self.version()) {
                    return Reply::Published(None);
                }
                self.manifest = Some(text.clone());
                self.version += 1;
                Reply::Published(Some(self.version()))
            }
            Request::ReadLog { log } => Reply::Lines(self.logs.get(log).cloned().unwrap_or_default()),
            Request::Append { log, lines } => {
                let known = self.logs.entry(log.clone()).or_default();
                self.older.insert(log.clone(), known.clone());
                known.extend_from_slice(lines);
                Reply::Nothing
            }
            Request::Cut { log } => Reply::Cut(self.logs.get_mut(log).is_some_and(|log| log.pop().is_some())),
            Request::CreateLog { agent } => {
                let name = self.name(&format!("log-{agent}"));
                self.logs.insert(name.clone(), Vec::new());
                Reply::Path(name)
            }
            Request::LoadSnapshot { path } => match self.snapshots.get(path) {
                Some(snapshot) => Reply::Snapshot(snapshot.clone()),
                None => Reply::Missing,
            },
            Request::WriteSnapshot { records, version } => {
                let name = self.name("snapshot");
                let loaded = Loaded { records: records.clone(), version: Some(*version) };
                self.snapshots.insert(name.clone(), loaded);
                Reply::Path(name)
            }
            Request::SegmentIds { path } => {
                let ids = self.segments.get(path).into_iter().flatten().map(|(id, _)| Id::from(&**id));
                Reply::Ids(ids.collect())
            }
            Request::WriteSegment { period, records } => {
                let path = Name::from([b"archive-", &**period, b".json"].concat());
                let segment = self.segments.entry(path.clone()).or_default();
                segment.extend(records.iter().map(|(id, text)| (id.to_vec(), text.clone())));
                Reply::Path(path)
            }
            Request::Lock { lock, owner } => {
                if self.locks.contains_key(&kind(*lock)) {
                    return Reply::Locked(None);
                }
                self.names += 1;
                self.locks.insert(kind(*lock), (self.names, *owner));
                Reply::Locked(Some(self.names))
            }
            Request::Unlock { lock, handle } => {
                if self.locks.get(&kind(*lock)).is_some_and(|(held, _)| held == handle) {
                    self.locks.remove(&kind(*lock));
                }
                Reply::Nothing
            }
            Request::Sync | Request::Pause { .. } => Reply::Nothing,
        }
    }

    /// What a listing from before the last append shows.
    pub fn older(&self, log: &Name) -> Option<Reply> {
        self.older.get(log).cloned().map(Reply::Lines)
    }

    /// The process that held locks is gone, and they with it.
    pub fn drop_locks_of(&mut self, owner: u64) {
        self.locks.retain(|_, (_, holder)| *holder != owner);
    }

    /// A lock has run out, whatever its holder thinks.
    pub fn steal(&mut self, lock: Lock) -> bool {
        self.locks.remove(&kind(lock)).is_some()
    }
}
