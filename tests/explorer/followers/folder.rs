//! The folder, its writers and its followers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::engine::Change;
use opslog::error::Error;
use opslog::layout;
use opslog::store::{Options, Rejected, Store};
use serde_json::Value;

use super::follower::Follower;
use super::plan::{AGENTS, READERS, Restore, Step};
use super::publication::Begun;
use super::trail::{Deed, Logged};
use crate::live::{ROOT, Violation};
use crate::reader::options;
use crate::world::Dead;

#[derive(Debug, Default)]
pub struct Tally {
    pub looks: u64,
    pub told: u64,
    /// How often the folder went from a single writer to agents or back.
    pub turns: u64,
    pub restored: u64,
    pub restored_under_agents: u64,
    /// Steps between the beginning and the publication of a compaction.
    pub late: u64,
}

/// A copy of the folder, and what had been logged by then.
struct Copied {
    files: BTreeMap<PathBuf, Vec<u8>>,
    trail: Vec<Logged>,
}

pub struct Folder {
    disk: SimDisk,
    pub now: i64,
    pub trail: Vec<Logged>,
    /// The compaction that is under way.
    pub begun: Option<Begun>,
    single: Option<Follower>,
    agents: [Option<Follower>; AGENTS.len()],
    readers: [Option<Follower>; READERS],
    copied: Option<Copied>,
    was_single: bool,
}

impl Folder {
    pub fn new() -> Self {
        Self {
            disk: SimDisk::new(),
            now: 1_700_000_000_000,
            trail: Vec::new(),
            begun: None,
            single: None,
            agents: Default::default(),
            readers: Default::default(),
            copied: None,
            was_single: true,
        }
    }

    pub fn carry_out(&mut self, step: &Step, tally: &mut Tally) -> Result<(), Violation> {
        self.now += 1000;
        tally.late += u64::from(self.begun.is_some());
        let uses_store = matches!(step, Step::Set(..) | Step::Delete(..) | Step::Undo(_) | Step::Look(_));
        if uses_store && self.begun.as_ref().is_some_and(|begun| begun.is_doubtful) {
            // Until it is refused, its agent goes by what it has frozen.
            self.finish()?;
        }
        match step {
            Step::Set(who, ids) => {
                let values = ids.iter().map(|id| (*id, Some(()))).collect::<Vec<_>>();
                self.write(*who, &values)
            }
            Step::Delete(who, id) => self.write(*who, &[(*id, None)]),
            Step::Undo(who) => self.undo(*who),
            Step::Compact(who) => self.compact(*who, None),
            Step::Archive(who, id) => self.compact(*who, Some(*id)),
            Step::Begin(who, id) => self.begin(*who, *id),
            Step::Finish => self.finish(),
            Step::Single => self.single(tally),
            Step::Agent(who, is_blind) => self.agent(*who, *is_blind, tally),
            Step::Reader(who, is_blind) => self.reader(*who, *is_blind),
            Step::Look(who) => self.look(*who, tally),
            Step::Copy => {
                self.copied = Some(Copied { files: self.files(), trail: self.trail.clone() });
                Ok(())
            }
            Step::Restore(how) => self.restore(*how, tally),
        }
    }

    fn open(&self, options: Options) -> Result<Arc<Store>, Error> {
        Store::open(Arc::new(self.disk.clone()), Path::new(ROOT), options, &Dead).map(|opened| opened.store)
    }

    pub fn writer(&mut self, who: usize) -> Option<&mut Follower> {
        let mut open: Vec<&mut Follower> =
            self.single.iter_mut().chain(self.agents.iter_mut().flatten()).collect();
        let count = open.len();
        if count == 0 { None } else { Some(open.swap_remove(who % count)) }
    }

    fn write(&mut self, who: usize, changes: &[(usize, Option<()>)]) -> Result<(), Violation> {
        let (mut now, trail) = (self.now, self.trail.clone());
        let Some(writer) = self.writer(who) else { return Ok(()) };
        let mut written = Err(Rejected::NotNow);
        for _ in 0..4 {
            now += 10;
            written = write_once(&writer.store, changes, now);
            match &written {
                Err(Rejected::NotNow) => writer.catch_up(&trail)?,
                _ => break,
            }
        }
        match written {
            Ok(()) => {
                let agent = writer.agent.clone();
                let logged = last_logged(&writer.store, agent.as_deref(), changes.len())?;
                writer.known.extend(logged.iter().map(|logged| logged.ts.clone()));
                self.trail.extend(logged);
                self.now = now;
                Ok(())
            }
            Err(Rejected::Error(Error::NotFound { .. })) => Ok(()),
            Err(Rejected::Error(error)) => Err(format!("a write fails: {error}")),
            Err(_) => Err("a write is never taken".into()),
        }
    }

    fn undo(&mut self, who: usize) -> Result<(), Violation> {
        let Some(writer) = self.writer(who) else { return Ok(()) };
        let before = own_history(&writer.store, writer.agent.as_deref())?;
        let undone = match writer.store.undo() {
            Err(Rejected::NotNow) => writer.store.undo_waiting(),
            Err(Rejected::Error(error)) => Err(error),
            undone => Ok(undone.unwrap_or_default()),
        };
        let undone = undone.map_err(|error| format!("undo fails: {error}"))?;
        if let (false, Some(last)) = (undone.is_empty(), before.last()) {
            self.trail.retain(|logged| logged.ts != last.ts);
        }
        Ok(())
    }

    fn single(&mut self, tally: &mut Tally) -> Result<(), Violation> {
        if self.single.is_some() {
            self.finish()?;
        }
        if let Some(single) = self.single.take() {
            return single.store.close().map_err(|error| format!("close fails: {error}"));
        }
        if self.agents.iter().any(Option::is_some) {
            return Ok(());
        }
        let writing = Options { read_only: false, ..options(self.now) };
        let store = self.open(writing).map_err(|error| format!("a writer cannot open: {error}"))?;
        self.single = Some(self.follower(store, None, false)?);
        self.note_mode(true, tally);
        Ok(())
    }

    fn agent(&mut self, who: usize, is_blind: bool, tally: &mut Tally) -> Result<(), Violation> {
        if self.begun.as_ref().is_some_and(|begun| begun.agent.as_deref() == Some(AGENTS[who])) {
            self.finish()?;
        }
        if let Some(agent) = self.agents[who].take() {
            return agent.store.close().map_err(|error| format!("close fails: {error}"));
        }
        if self.single.is_some() {
            return Ok(());
        }
        let name = AGENTS[who].to_owned();
        let writing =
            Options { read_only: false, agent: Some(name.clone()), skip_load: is_blind, ..options(self.now) };
        let store = self.open(writing).map_err(|error| format!("an agent cannot open: {error}"))?;
        self.agents[who] = Some(self.follower(store, Some(name), is_blind)?);
        self.note_mode(false, tally);
        Ok(())
    }

    fn note_mode(&mut self, is_single: bool, tally: &mut Tally) {
        tally.turns += u64::from(self.was_single != is_single);
        self.was_single = is_single;
    }

    fn reader(&mut self, who: usize, is_blind: bool) -> Result<(), Violation> {
        if self.readers[who].take().is_some() {
            return Ok(());
        }
        let opened = self.open(Options { skip_load: is_blind, ..options(self.now) });
        let store = match opened {
            Ok(store) => store,
            Err(Error::NoStore) => return Ok(()),
            Err(error) => return Err(format!("a reader cannot open: {error}")),
        };
        self.readers[who] = Some(self.follower(store, None, is_blind)?);
        Ok(())
    }

    fn follower(
        &self,
        store: Arc<Store>,
        agent: Option<String>,
        is_blind: bool,
    ) -> Result<Follower, Violation> {
        let loaded = self.open(options(self.now)).map_err(|error| error.to_string())?;
        let in_logs = own_history(&loaded, None)?;
        Ok(Follower::new(store, agent, &self.trail, &in_logs, is_blind))
    }

    fn look(&mut self, who: usize, tally: &mut Tally) -> Result<(), Violation> {
        let fresh = match self.open(options(self.now)) {
            Ok(fresh) => fresh,
            Err(Error::NoStore) => return Ok(()),
            Err(error) => return Err(format!("a fresh reader cannot open: {error}")),
        };
        let trail = &self.trail;
        let followers = self.readers.iter_mut().chain(self.agents.iter_mut()).chain([&mut self.single]);
        let mut open: Vec<&mut Follower> = followers.flatten().collect();
        let count = open.len();
        if count > 0 {
            tally.looks += 1;
            tally.told += open[who % count].look(trail, &fresh)? as u64;
        }
        Ok(())
    }

    /// The folder's files, without what only those have who have it open.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = self.disk.tree();
        let index = Path::new(ROOT).join(layout::INDEX);
        files.retain(|path, _| {
            path.starts_with(ROOT)
                && !path.to_string_lossy().ends_with('/')
                && !path.starts_with(&index)
                && *path != Path::new(ROOT).join(layout::LOCK)
        });
        files
    }

    fn restore(&mut self, how: Restore, tally: &mut Tally) -> Result<(), Violation> {
        let Some(copied) = self.copied.as_ref().filter(|copied| !copied.files.is_empty()) else {
            return Ok(());
        };
        let has_agents = self.agents.iter().any(Option::is_some);
        if self.single.is_some() || has_agents != how.is_under_agents {
            return Ok(());
        }
        for (path, content) in self.files() {
            if (how.is_replaced && copied.files.contains_key(&path))
                || !(how.keeps_others || copied.files.contains_key(&path))
            {
                self.disk.unlink(&path).map_err(|error| error.to_string())?;
            }
            drop(content);
        }
        for (path, content) in &copied.files {
            self.disk.plant(path, content).map_err(|error| error.to_string())?;
        }
        let missing = |of: &[Logged], from: &[Logged]| -> Vec<Logged> {
            of.iter().filter(|logged| !from.contains(logged)).cloned().collect()
        };
        // What was undone comes back, and is told again by those who saw it go.
        let mut unclear = missing(&copied.trail, &self.trail);
        if how.keeps_others {
            // Nothing tells a log that counts no more from those that a compaction has taken along.
            unclear.extend(missing(&self.trail, &copied.trail));
        }
        self.trail.clone_from(&copied.trail);
        let followers = self.readers.iter_mut().chain(self.agents.iter_mut()).flatten();
        followers.for_each(|follower| follower.put_back(&unclear));
        self.catch_up()?;
        self.begun.iter_mut().for_each(|begun| begun.is_doubtful = true);
        tally.restored += 1;
        tally.restored_under_agents += u64::from(has_agents);
        Ok(())
    }

    /// Lets all agents look: one that works before that may fail, for its own log is another one.
    pub fn catch_up(&mut self) -> Result<(), Violation> {
        let trail = &self.trail;
        self.agents.iter_mut().flatten().try_for_each(|agent| agent.catch_up(trail))
    }
}

pub fn id_of(n: usize) -> String {
    format!("id{n}")
}

/// Makes the changes with one append; each has a time of its own.
fn write_once(store: &Store, changes: &[(usize, Option<()>)], now: i64) -> Result<(), Rejected> {
    let change = |(n, (id, set)): (usize, &(usize, Option<()>))| {
        let ms = now + n as i64;
        let value = format!("{{\"n\":{ms}}}");
        let change = set.map_or(Change::Delete, |()| Change::Set(value.as_bytes()));
        store.change(change, id_of(*id).as_bytes(), ms, None, true).map(drop)
    };
    if let [only] = changes {
        return change((0, only));
    }
    store.begin_batch();
    let written =
        changes.iter().enumerate().try_for_each(change).and_then(|()| store.commit_batch().map(drop));
    if written.is_err() {
        store.abandon_batch();
    }
    written
}

/// The operations of one writer since the last checkpoint.
pub fn own_history(store: &Store, agent: Option<&str>) -> Result<Vec<Logged>, Violation> {
    let mut text = vec![b'['];
    store.operations(0, usize::MAX, &mut text).map_err(|error| format!("operations: {error}"))?;
    if text.last() == Some(&b',') {
        text.pop();
    }
    text.push(b']');
    let list: Vec<Value> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let own = list.iter().filter(|operation| agent.is_none() || operation["agent"].as_str() == agent);
    let text = |operation: &Value, field: &str| operation[field].as_str().unwrap_or_default().to_owned();
    let logged = own.map(|operation| Logged {
        ts: text(operation, "ts"),
        rank: agent.map(|agent| (operation["clock"].as_u64().unwrap_or_default(), agent.to_owned())),
        deed: match text(operation, "op").as_str() {
            "delete" => Deed::Delete(text(operation, "id")),
            _ => Deed::Set(text(operation, "id"), operation["data"].to_string()),
        },
    });
    Ok(logged.collect())
}

fn last_logged(store: &Store, agent: Option<&str>, count: usize) -> Result<Vec<Logged>, Violation> {
    let mut logged = own_history(store, agent)?;
    Ok(logged.split_off(logged.len().saturating_sub(count)))
}
