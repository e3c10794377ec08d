//! An open store beside its model: carries steps out on both and compares what they say. Steps that come in
//! the middle of a checkpoint use it too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opslog::disk::sim::SimDisk;
use opslog::engine::{Change, Cursor, Id};
use opslog::error::Error;
use opslog::json::array::elements;
use opslog::json::string::unescape;
use opslog::layout;
use opslog::retention::Limits;
use opslog::store::{Durability, Prune, Rejected, Store};
use serde_json::Value;

use super::counts::Deeds;
use super::hook::HookDisk;
use super::model::{Model, Records, Write};
use super::plan::Step;
use super::reader::Reader;

pub const ROOT: &str = "/store";

/// What a check found wrong.
pub type Violation = String;

pub struct Live {
    pub disk: HookDisk,
    pub store: Arc<Store>,
    pub model: Model,
    pub reader: Option<Reader>,
    pub buffered: bool,
    pub durability: Durability,
    pub deeds: Deeds,
    /// Logs of which a sync had failed when it was opened, and no process had come to note it.
    pub unnoted: Vec<PathBuf>,
    pub now: i64,
    /// Compare all that reads show after each step.
    pub verify: bool,
    pub violation: Option<Violation>,
    /// Whether the last step was.
    pub is_refused: bool,
}

impl Live {
    pub fn crashed(&self) -> bool {
        self.disk.sim().crashed()
    }

    /// Steps in the middle of a checkpoint or a backup. Those are left out that come after its end, where one before them
    /// paused for that long: the model learns of the end only behind them.
    pub fn late(&mut self, steps: &[Step], is_over: &AtomicBool) {
        for step in steps {
            if self.crashed() || self.violation.is_some() || is_over.load(Ordering::Relaxed) {
                return;
            }
            if let Err(violation) = self.carry_out(step) {
                self.violation = Some(format!("late {step:?}: {violation}"));
            }
        }
    }

    /// Carries out a step that needs nothing but the open store.
    pub fn carry_out(&mut self, step: &Step) -> Result<(), Violation> {
        self.now += 7;
        let logs = self.logs();
        let failures = self.failures();
        match step {
            Step::Change(write) => self.change(write, &logs)?,
            Step::Batch(writes) => self.batch(writes, &logs)?,
            Step::Abandon(writes) => self.abandon(writes)?,
            Step::Undo => {
                let mut next = self.model.clone();
                let there = next.undo();
                let undone = undo(&self.store);
                if let Ok(undone) = &undone
                    && undone.is_empty() == there
                {
                    return Err(format!("undo() said {}, not {there}", !undone.is_empty()));
                }
                let is_undone = undone.is_ok();
                self.settle(undone, next, &logs);
                self.acknowledge(is_undone);
            }
            Step::Flush => {
                let mut next = self.model.clone();
                next.flush(0);
                let flushed = self.store.flush();
                let is_flushed = flushed.is_ok();
                self.settle(flushed, next, &logs);
                self.acknowledge(is_flushed);
            }
            Step::Sync => self.sync(),
            Step::Hide => {
                self.store.hide_history();
                self.model.hide();
            }
            Step::Follow => self.follow()?,
            Step::Prune { keep } => self.prune(*keep)?,
            other => return Err(format!("{other:?} is not for an open store")),
        }
        self.check_refused(step, failures, &logs)?;
        self.check_noted(failures)?;
        self.verify()
    }

    /// How many calls have failed.
    pub fn failures(&self) -> u64 {
        let faults = self.disk.sim().faults();
        faults.failed_call + faults.half_write
    }

    /// An append that was refused must be in no log any more, unless cutting it off failed as well.
    fn check_refused(&self, step: &Step, failures: u64, logs: &Logs) -> Result<(), Violation> {
        let appends = matches!(step, Step::Change(_) | Step::Batch(_) | Step::Flush);
        if appends
            && self.is_refused
            && self.failures() == failures + 1
            && self.logs() != *logs
            && !self.crashed()
        {
            return Err("what was refused is in the log".into());
        }
        Ok(())
    }

    /// A log of which a sync has failed must be noted, unless that failed as well.
    fn check_noted(&self, failures: u64) -> Result<(), Violation> {
        if self.failures() != failures + 1 || self.crashed() {
            return Ok(());
        }
        let tree = self.disk.sim().tree();
        let mut unnoted = doubtful_logs(self.disk.sim());
        unnoted.retain(|log| !tree.contains_key(&layout::doubt(log)) && !self.unnoted.contains(log));
        match unnoted.first() {
            Some(log) => Err(format!("nothing says that a sync of {} has failed", log.display())),
            None => Ok(()),
        }
    }

    /// Compares, if that was asked for after each step.
    pub fn verify(&self) -> Result<(), Violation> {
        if self.verify { self.check() } else { Ok(()) }
    }

    fn change(&mut self, write: &Write, logs: &Logs) -> Result<(), Violation> {
        let missing = matches!(write, Write::Delete(id) if self.model.get(id).is_none());
        let mut next = self.model.clone();
        if !missing {
            next.write(write);
            if !self.buffered {
                next.flush(0);
            }
        }
        let changed = self.store_change(write);
        match (&changed, missing) {
            (Err(Rejected::Error(Error::NotFound { .. })), true) => {}
            (Err(Rejected::Error(Error::NotFound { .. })), false) => return Err("not found".into()),
            (Err(Rejected::NotCanonical(_)), _) => return Err("not canonical".into()),
            (Ok(_), true) => return Err("deleted what is not there".into()),
            _ => {}
        }
        let is_logged = changed.is_ok() && !self.buffered;
        self.settle(changed, next, logs);
        self.acknowledge(is_logged);
        Ok(())
    }

    /// Lets a step wait for a sync, if that is asked for. A step whose sync fails is in memory and in the log.
    fn acknowledge(&mut self, is_logged: bool) {
        if is_logged && self.durability == Durability::Always && self.store.ask_for_sync().is_ok() {
            self.sync();
        }
    }

    fn sync(&mut self) {
        if self.durability == Durability::Process {
            return;
        }
        self.store.run_sync();
        if !self.crashed() && self.store.synced().failed.is_none() {
            self.note_sync();
        }
    }

    /// The log is durable, as the store says: if a sync of it has failed, that must have been noted.
    pub fn note_sync(&mut self) {
        self.deeds.synced += 1;
        let log = Path::new(ROOT).join(self.store.manifest().active_ops);
        match doubtful_logs(self.disk.sim()).contains(&log) {
            true => self.deeds.unnoted += 1,
            false => self.model.synced(),
        }
    }

    fn store_change(&self, write: &Write) -> Result<(), Rejected> {
        let change = match write {
            Write::Set(_, value) => Change::Set(value.as_bytes()),
            Write::Delete(_) => Change::Delete,
        };
        self.store.change(change, write.id().as_bytes(), self.now, None, true).map(|_| ())
    }

    /// Puts a batch together; `None` if the store refused.
    fn compose(&mut self, writes: &[Write]) -> Result<Option<(Model, usize)>, Violation> {
        let mut next = self.model.clone();
        let mut count = 0;
        self.store.begin_batch();
        for write in writes {
            if matches!(write, Write::Delete(id) if next.get(id).is_none()) {
                continue;
            }
            match self.store_change(write) {
                Ok(()) => next.write(write),
                Err(Rejected::Error(Error::Failed(_))) => return Ok(None),
                Err(other) => return Err(format!("in a batch: {other:?}")),
            }
            count += 1;
        }
        Ok(Some((next, count)))
    }

    fn batch(&mut self, writes: &[Write], logs: &Logs) -> Result<(), Violation> {
        let Some((mut next, count)) = self.compose(writes)? else {
            self.store.abandon_batch();
            return Ok(());
        };
        if count > 0 {
            next.flush(count);
        }
        let committed = self.store.commit_batch();
        let is_committed = committed.is_ok();
        self.settle(committed, next, logs);
        self.acknowledge(is_committed);
        Ok(())
    }

    fn abandon(&mut self, writes: &[Write]) -> Result<(), Violation> {
        self.compose(writes)?;
        self.store.abandon_batch();
        Ok(())
    }

    /// What goes is history: the records, and the operations that are shown, stay.
    fn prune(&mut self, keep: u64) -> Result<(), Violation> {
        let limits = Limits { checkpoints: Some(keep).filter(|keep| *keep > 0), ..Limits::default() };
        let prune = Prune { limits, with_snapshots: true, now_ms: self.now, ..Prune::default() };
        let failures = self.failures();
        match self.store.prune(&prune) {
            Ok(Some(pruned)) => self.deeds.pruned += pruned.files,
            Ok(None) | Err(Error::Failed(_)) => {}
            Err(_) if self.crashed() || self.failures() > failures => {}
            Err(error) => return Err(format!("prune: {error}")),
        }
        Ok(())
    }

    fn follow(&mut self) -> Result<(), Violation> {
        // A log that could not be cut back may show what was refused.
        if !self.model.in_flight.is_empty() {
            self.reader = None;
            return Ok(());
        }
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => match Reader::open(&self.disk, self.now, &self.model) {
                Ok(reader) => reader,
                Err(_) if self.crashed() => return Ok(()),
                Err(violation) => return Err(violation),
            },
        };
        reader.follow(&self.model, || self.disk.sim().crashed())?;
        self.reader = Some(reader);
        Ok(())
    }

    /// A step has succeeded or failed: takes the model along, or notes what may be on the disk all the same.
    pub fn settle<T, E>(&mut self, result: Result<T, E>, next: Model, logs: &Logs) {
        let versions = self.model.versions.len();
        self.is_refused = result.is_err();
        match result {
            Ok(_) => {
                let grown = next.versions.len() > versions;
                self.deeds.acknowledged += 1;
                let doubts = std::mem::replace(&mut self.model, next).in_flight;
                self.model.in_flight = if grown { Vec::new() } else { doubts };
            }
            Err(_) if self.crashed() || self.logs() != *logs => {
                self.model.in_flight.extend(next.versions.into_iter().skip(versions));
            }
            Err(_) => self.model.refused.extend(next.versions.into_iter().skip(versions)),
        }
    }

    /// The content of all logs.
    pub fn logs(&self) -> Logs {
        let tree = self.disk.sim().tree();
        tree.into_iter().filter(|(path, _)| path.starts_with(Path::new(ROOT).join("ops"))).collect()
    }

    /// Compares all that the store shows with the model.
    pub fn check(&self) -> Result<(), Violation> {
        if self.crashed() {
            return Ok(());
        }
        let records = scan(&self.store)?;
        if records != self.model.memory {
            return Err(format!("reads show {records:?}, not {:?}", self.model.memory));
        }
        let counts = self.store.counts();
        if counts.records != records.len() {
            return Err(format!("it counts {} records, not {}", counts.records, records.len()));
        }
        if counts.operations != self.model.shown() {
            return Err(format!("it counts {} operations, not {}", counts.operations, self.model.shown()));
        }
        for (id, value) in &records {
            let got = self.store.get(id.as_bytes()).map_err(|error| error.to_string())?;
            if got.as_deref() != Some(value.as_bytes()) {
                return Err(format!("get({id:?}) is {got:?}, not {value}"));
            }
        }
        Ok(())
    }
}

/// Undoes, with the wait that it may take.
fn undo(store: &Store) -> Result<Vec<Id>, Error> {
    match store.undo() {
        Err(Rejected::NotNow) => store.undo_waiting(),
        Err(Rejected::Error(error)) => Err(error),
        undone => Ok(undone.unwrap_or_default()),
    }
}

/// Logs that show what will never be on the disk, because a sync has failed.
pub fn doubtful_logs(disk: &SimDisk) -> Vec<PathBuf> {
    let mut lost = disk.lost_for_good();
    lost.retain(|path| {
        path.starts_with(Path::new(ROOT).join("ops")) && path.extension() == Some("jsonl".as_ref())
    });
    lost
}

pub type Logs = BTreeMap<PathBuf, Vec<u8>>;

/// The operations that a store shows, in order.
pub fn history(store: &Store) -> Result<Vec<Write>, Violation> {
    let mut text = vec![b'['];
    store.operations(0, usize::MAX, &mut text).map_err(|error| format!("operations: {error}"))?;
    if text.last() == Some(&b',') {
        text.pop();
    }
    text.push(b']');
    let text = String::from_utf8_lossy(&text);
    let list: Vec<Value> =
        serde_json::from_str(&text).map_err(|error| format!("operations are no JSON: {error}: {text}"))?;
    let write = |operation: &Value| {
        let id = operation["id"].as_str()?.to_owned();
        match (operation["op"].as_str()?, operation.get("data")) {
            ("set", Some(data)) => Some(Write::Set(id, data.to_string())),
            ("delete", None) => Some(Write::Delete(id)),
            _ => None,
        }
    };
    list.iter()
        .map(|operation| write(operation).ok_or_else(|| format!("no operation: {operation}")))
        .collect()
}

/// All records that a store shows, in order.
pub fn scan(store: &Store) -> Result<Records, Violation> {
    let mut text = vec![b'['];
    let mut cursor = (Cursor::Base(0), 0);
    while cursor.0 != Cursor::End {
        let next = store.scan(cursor, text.len() + 100, &mut text);
        cursor = next.map_err(|error| format!("scan: {error}"))?.ok_or("the records changed underneath")?;
    }
    if text.last() == Some(&b',') {
        text.pop();
    }
    text.push(b']');
    let parts = elements(&text).ok_or("scan gave no JSON")?;
    let pairs = parts.chunks(2).map(|pair| {
        let quoted = pair[0].strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        let id = unescape(quoted.ok_or("an id is no string")?);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((text(&id), text(pair[1])))
    });
    let records: Records = pairs.collect::<Result<_, Violation>>()?;
    super::indexes::check(store, &records)?;
    Ok(records)
}
