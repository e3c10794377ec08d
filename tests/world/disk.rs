//! What lies behind the simulated carrier: a manifest with its version, logs, snapshots, segments, locks.

use std::collections::{BTreeMap, BTreeSet};

use opslog::engine::Id;
use opslog::engine::index::Stream;
use opslog::format::document::Manifest;
use opslog::format::operation::parse_line;
use opslog::format::snapshot::{write_header, write_record};
use opslog::protocol::Name;
use opslog::protocol::carrier::{Loaded, Lock, Pairs};

/// A request as the storage sees it: it can be carried out more than once.
#[derive(Clone, Debug)]
pub enum Request {
    Version,
    ReadManifest,
    Publish {
        text: Vec<u8>,
        condition: Option<Vec<u8>>,
    },
    ReadLog {
        log: Name,
    },
    /// `at`: only if the log has so many lines, or has these there already.
    Append {
        log: Name,
        lines: Vec<Vec<u8>>,
        at: Option<usize>,
    },
    CloseLog {
        log: Name,
    },
    Token,
    Cut {
        log: Name,
    },
    CreateLog {
        agent: String,
    },
    LoadSnapshot {
        path: Name,
    },
    WriteSnapshot {
        records: Pairs,
        version: u64,
    },
    WriteIndex {
        snapshot: Name,
    },
    DeleteIndex {
        snapshot: Name,
    },
    ReadRange {
        path: Name,
        is_index: bool,
        offset: u64,
        len: u64,
    },
    SegmentIds {
        path: Name,
    },
    WriteSegment {
        period: Name,
        records: Pairs,
    },
    WriteNote {
        text: Vec<u8>,
    },
    ReadNote {
        path: Name,
    },
    DeleteNote {
        path: Name,
    },
    DeleteLog {
        log: Name,
    },
    DeleteSnapshot {
        path: Name,
    },
    LoadSegment {
        path: Name,
    },
    Lock {
        lock: Lock,
        owner: u64,
    },
    Unlock {
        lock: Lock,
        handle: u64,
    },
    Sync,
    Pause {
        ms: u64,
    },
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
    Records(Pairs),
    Bytes(Vec<u8>),
    Missing,
    /// The log is closed.
    Fenced,
    /// Whether the place was free.
    Appended(bool),
    Ids(Vec<Id>),
    Locked(Option<u64>),
    Deleted(Option<u64>),
}

#[derive(Default)]
pub struct Disk {
    manifest: Option<Vec<u8>>,
    version: u64,
    logs: BTreeMap<Name, Vec<Vec<u8>>>,
    /// The logs as they were before their last append: what an older listing shows.
    older: BTreeMap<Name, Vec<Vec<u8>>>,
    closed: BTreeSet<Name>,
    /// How often a manifest or a log changed.
    changes: u64,
    snapshots: BTreeMap<Name, Loaded>,
    /// The indexes of snapshots.
    indexes: BTreeMap<Name, Vec<u8>>,
    notes: BTreeMap<Name, Vec<u8>>,
    pub segments: BTreeMap<Name, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// Who holds each lock, by handle.
    locks: BTreeMap<u8, (u64, u64)>,
    names: u64,
}

/// A snapshot as the bytes of a file.
fn bytes_of(snapshot: &Loaded) -> Vec<u8> {
    let mut out = Vec::new();
    write_header(&mut out, snapshot.version.unwrap_or(1) as u32, 0);
    for (id, text) in &snapshot.records {
        write_record(&mut out, id, text);
    }
    out
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
                self.changes += 1;
                Reply::Published(Some(self.version()))
            }
            Request::ReadLog { log } => Reply::Lines(self.logs.get(log).cloned().unwrap_or_default()),
            Request::Append { log, lines, at } => {
                let known = self.logs.entry(log.clone()).or_default();
                if let Some(at) = *at {
                    if known.get(at..at + lines.len()).is_some_and(|there| there == lines) {
                        return Reply::Appended(true);
                    }
                    if self.closed.contains(log) {
                        return Reply::Fenced;
                    }
                    if known.len() != at {
                        return Reply::Appended(false);
                    }
                }
                self.changes += 1;
                self.older.insert(log.clone(), known.clone());
                known.extend_from_slice(lines);
                if at.is_some() { Reply::Appended(true) } else { Reply::Nothing }
            }
            Request::CloseLog { log } => {
                self.closed.insert(log.clone());
                Reply::Nothing
            }
            Request::Token => Reply::Version(self.changes.to_string().into_bytes()),
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
            Request::WriteIndex { snapshot } => {
                let mut stream = Stream::default();
                self.snapshots.get(snapshot).iter().for_each(|found| stream.push(&bytes_of(found)));
                if let Some(mut index) = stream.finish(0) {
                    let mut bytes = vec![0; index.file_len() as usize];
                    index.print(&mut bytes);
                    self.indexes.insert(snapshot.clone(), bytes);
                }
                Reply::Nothing
            }
            Request::DeleteIndex { snapshot } => {
                self.indexes.remove(snapshot);
                Reply::Nothing
            }
            Request::ReadRange { path, is_index, offset, len } => {
                let found = match is_index {
                    true => self.indexes.get(path).cloned(),
                    false => self.snapshots.get(path).map(bytes_of),
                };
                let Some(bytes) = found else { return Reply::Missing };
                let from = bytes.len().min(*offset as usize);
                let to = bytes.len().min((offset + len) as usize);
                Reply::Bytes(bytes[from..to].to_vec())
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
            Request::WriteNote { text } => {
                let name = self.name("note");
                self.notes.insert(name.clone(), text.clone());
                Reply::Path(name)
            }
            Request::ReadNote { path } => match self.notes.get(path) {
                Some(text) => Reply::Text(Some(text.clone())),
                None => Reply::Missing,
            },
            Request::DeleteNote { path } => {
                self.notes.remove(path);
                Reply::Nothing
            }
            Request::DeleteLog { log } => {
                self.older.remove(log);
                // NOTE: a log that is closed stays closed.
                Reply::Deleted(self.logs.remove(log).map(|lines| lines.len() as u64))
            }
            Request::DeleteSnapshot { path } => {
                Reply::Deleted(self.snapshots.remove(path).map(|loaded| loaded.records.len() as u64))
            }
            Request::LoadSegment { path } => {
                let records = self.segments.get(path).into_iter().flatten();
                Reply::Records(records.map(|(id, text)| (Id::from(&**id), text.clone())).collect())
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

    /// The manifest as it is now.
    pub fn manifest(&self) -> Option<Manifest> {
        self.manifest.as_deref().and_then(|text| Manifest::parse(text).ok())
    }

    /// The records that 0.8.1 finds: it knows nothing of what we put into the manifest besides its own fields.
    pub fn as_legacy(&self, manifest: &Manifest) -> BTreeMap<String, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let snapshot = self.snapshots.get(&manifest.snapshot()).cloned().unwrap_or_default();
        let mut records: BTreeMap<String, String> =
            snapshot.records.iter().map(|(id, value)| (text(id), text(value))).collect();
        let mut logs: Vec<Name> =
            manifest.agent_logs().unwrap_or_default().into_iter().map(|(_, log)| log).collect();
        logs.push(manifest.active_ops());
        logs.sort();
        logs.dedup();
        let lines = logs.iter().flat_map(|log| self.logs.get(log).cloned().unwrap_or_default());
        let mut lines: Vec<Vec<u8>> = lines.collect();
        let rank = |line: &Vec<u8>| {
            let parsed = parse_line(line).unwrap();
            (parsed.clock.unwrap_or_default(), text(parsed.agent.as_deref().unwrap_or_default()))
        };
        lines.sort_by_key(rank);
        for line in lines {
            let parsed = parse_line(&line).unwrap();
            match parsed.data {
                Some(range) => records.insert(text(&parsed.id), text(&line[range])),
                None => records.remove(&text(&parsed.id)),
            };
        }
        records
    }

    /// A line that is about to be appended to a log which a seal has made, with a clock that is not above what the seal saw: 0.8.1
    /// would put it among the sealed operations.
    pub fn below_seal(&self, log: &Name, lines: &[Vec<u8>]) -> Option<String> {
        let manifest = Manifest::parse(self.manifest.as_ref()?).ok()?;
        let logs = manifest.agent_logs()?;
        let is_sealed = logs.iter().any(|(key, _)| key.starts_with(b"sealed/"));
        let is_live = logs.iter().any(|(key, named)| named == log && !key.contains(&b'/'));
        let clock = |line: &&Vec<u8>| parse_line(line).unwrap().clock.unwrap_or_default();
        let below = lines.iter().find(|line| clock(line) <= manifest.number("clock"))?;
        (is_sealed && is_live).then(|| String::from_utf8_lossy(below).into_owned())
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
