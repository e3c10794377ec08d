//! The life of a store on a disk that can die at any call: opens it, carries a plan out, and after a death
//! looks at what is there with the eyes of a reader and of the next writer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opslog::disk::sim::SimDisk;
use opslog::error::Error;
use opslog::lock::ProcessProbe;
use opslog::store::{Options, Store};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::live::{Live, ROOT, Violation, scan};
use super::model::{Generation, Model, Records, Write};
use super::plan::{Random, Step};
use super::reader;

/// All other processes are dead.
pub struct Dead;

impl ProcessProbe for Dead {
    fn is_alive(&self, _: u32) -> bool {
        false
    }

    fn has_open(&self, _: u32, _: (u64, u64)) -> Option<bool> {
        Some(false)
    }

    fn sleep(&self, _: Duration) {}
}

/// The process got the number of the dead one, as in a container.
struct SameNumber;

impl ProcessProbe for SameNumber {
    fn is_alive(&self, pid: u32) -> bool {
        pid == std::process::id()
    }

    fn has_open(&self, _: u32, _: (u64, u64)) -> Option<bool> {
        Some(false)
    }

    fn sleep(&self, _: Duration) {}
}

/// What a disk holds after a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Legal {
    /// `kill -9`: all acknowledged, the step in flight or not.
    Killed,
    /// Power loss that kept the order of writes: any state since the last that was durable.
    InOrder,
    /// Power loss that zeroed or reordered writes that were never synced.
    Damaged,
    /// Power loss that left anything at all in their place. A single byte of it can make an operation of one
    /// record one of another, and no line has a checksum.
    Garbled,
}

/// When the disk dies: before which changing call, and randomness for what becomes of that call.
pub type Death = Option<(u64, u64)>;

pub struct World {
    pub disk: SimDisk,
    pub model: Model,
    pub now: i64,
    /// Whether the disk died.
    pub dead: bool,
    /// Changing calls over all disks of this life.
    pub changes: u64,
    /// Whether the first open succeeded, so that what it found is what counts now.
    pub recovered: bool,
    /// Whether the last open found just what the model holds, so that readers go on.
    same: bool,
    death: Death,
    verify: bool,
}

impl World {
    /// On an empty disk, or on one that a death left.
    pub fn new(disk: SimDisk, model: Model, now: i64, death: Death, verify: bool) -> Self {
        let world =
            Self { disk, model, now, dead: false, changes: 0, recovered: false, same: false, death, verify };
        world.arm();
        world
    }

    fn arm(&self) {
        if let Some((at, random)) = self.death {
            self.disk.crash_after_partly(at.saturating_sub(self.changes).max(1), random);
        }
    }

    /// A whole life: opens, carries the steps out, closes. Ends early if the disk dies.
    pub fn live(&mut self, steps: &[Step], legal: Legal) -> Result<(), Violation> {
        let result = self.live_until_death(steps, legal);
        self.changes += self.disk.changes();
        self.dead = self.disk.crashed();
        result
    }

    fn live_until_death(&mut self, steps: &[Step], legal: Legal) -> Result<(), Violation> {
        let Some(live) = self.open(false, legal)? else { return Ok(()) };
        let live = Arc::new(Mutex::new(live));
        for step in steps {
            if live.lock().crashed() {
                break;
            }
            let result = self.carry_out(&live, step);
            let violation = live.lock().violation.take();
            if let Some(violation) = result.err().or(violation) {
                return Err(format!("{step:?}: {violation}"));
            }
        }
        let mut live = live.lock();
        let _ = flush(&mut live);
        let _ = live.store.close();
        self.model = live.model.clone();
        self.now = live.now;
        Ok(())
    }

    /// Carries a step out that may end the store.
    fn carry_out(&mut self, live: &Arc<Mutex<Live>>, step: &Step) -> Result<(), Violation> {
        match step {
            Step::Checkpoint { all, late } => checkpoint(live, *all, late, &[]),
            Step::Archive(ids) => {
                let mut there: Vec<String> = ids.clone();
                there.dedup();
                there.retain(|id| live.lock().model.get(id).is_some());
                if there.is_empty() { Ok(()) } else { checkpoint(live, true, &[], &there) }
            }
            Step::Reopen { checkpoint: wanted, buffered } => {
                flush(&mut live.lock())?;
                if *wanted {
                    checkpoint(live, true, &[], &[])?;
                }
                let _ = live.lock().store.close();
                self.open_again(live, *buffered)
            }
            Step::Kill { buffered } => {
                self.changes += self.disk.changes();
                self.disk = self.disk.after_kill();
                self.arm();
                live.lock().reader = None;
                self.open_again(live, *buffered)
            }
            Step::Fail { .. } | Step::Short => {
                step.fault().into_iter().for_each(|fault| self.disk.script(fault));
                Ok(())
            }
            other => live.lock().carry_out(other),
        }
    }

    fn open_again(&mut self, live: &Arc<Mutex<Live>>, buffered: bool) -> Result<(), Violation> {
        let mut live = live.lock();
        if live.crashed() {
            return Ok(());
        }
        self.model = live.model.clone();
        self.now = live.now + 20_000;
        let reader = live.reader.take();
        // The old store goes first, as its process does.
        live.store = Arc::new(Store::detached(None, 1));
        live.disk = HookDisk::new(self.disk.clone());
        if let Some(opened) = self.open(buffered, Legal::Killed)? {
            *live = opened;
            live.reader = reader.filter(|_| self.same);
        }
        Ok(())
    }

    /// Opens the store and finds out which of the legal states it has. `None` if the disk died.
    fn open(&mut self, buffered: bool, legal: Legal) -> Result<Option<Live>, Violation> {
        let disk = HookDisk::new(self.disk.clone());
        let options = Options { read_only: false, buffered, ..reader::options(self.now) };
        let probe: &dyn ProcessProbe = if self.now % 2 == 0 { &Dead } else { &SameNumber };
        let seen = self.peek()?;
        let failed_before = self.disk.faults().failed_call;
        let mut attempts = 0;
        let store = loop {
            attempts += 1;
            match Store::open(Arc::new(disk.clone()), Path::new(ROOT), options.clone(), probe) {
                Ok(opened) => break opened.store,
                Err(_) if self.disk.crashed() => return Ok(None),
                // A scripted failure; the lock must be free again.
                Err(error) if attempts > 8 => return Err(format!("open fails: {error}")),
                Err(_) => {}
            }
        };
        let records = scan(&store)?;
        if records != seen {
            return Err(format!("a reader saw {seen:?}, the next writer {records:?}"));
        }
        let temporary = self.disk.tree().into_keys().find(|path| path.to_string_lossy().ends_with(".tmp"));
        let undisturbed = !self.disk.crashed() && self.disk.faults().failed_call == failed_before;
        if let Some(path) = temporary.filter(|_| undisturbed) {
            return Err(format!("a temporary file was left: {}", path.display()));
        }
        self.check_archive()?;
        match self.find(&records, store.counts().operations, legal) {
            // NOTE: a log with a hole may show a legal state by chance, and another one after an undo.
            _ if legal >= Legal::Damaged => {
                self.accept_damaged(&store, &records, legal)?;
                if self.disk.crashed() {
                    return Ok(None);
                }
                self.model.adopt(Generation { base: records, log: Vec::new() }, 0, true);
            }
            Some((at, found)) => self.same = self.model.adopt(found, at, legal != Legal::Killed),
            None => return Err(self.describe(&records, store.counts().operations)),
        }
        self.recovered = true;
        let (model, now, verify) = (self.model.clone(), self.now, self.verify);
        let live = Live { disk, store, model, reader: None, buffered, now, verify, violation: None };
        live.check()?;
        Ok(Some(live))
    }

    /// The legal state that was found: where in the list of versions, and in which form.
    fn find(&self, records: &Records, operations: usize, legal: Legal) -> Option<(usize, Generation)> {
        let Model { versions, in_flight, refused, .. } = &self.model;
        let killed = legal == Legal::Killed;
        let from = if killed { versions.len() - 1 } else { 0 };
        let refused = refused.iter().filter(|_| !killed);
        let all = versions.iter().chain(in_flight).chain(refused).enumerate().skip(from);
        let mut forms = all.flat_map(|(at, version)| version.forms.iter().map(move |form| (at, form)));
        let same = |form: &Generation| form.log.len() == operations && form.records() == *records;
        forms.find(|(_, form)| same(form)).map(|(at, form)| (at, form.clone()))
    }

    /// Writes that were never synced may be lost one by one, also in the middle of a batch: a line that is no
    /// operation is skipped, as 0.8.1 does. But nothing may be there that was never written, and what was
    /// durable stays unless later writes touched it.
    fn accept_damaged(&self, store: &Arc<Store>, records: &Records, legal: Legal) -> Result<(), Violation> {
        let Model { versions, in_flight, refused, .. } = &self.model;
        let versions = versions.iter().chain(in_flight).chain(refused);
        let forms: Vec<&Generation> = versions.flat_map(|version| &version.forms).collect();
        let garbled = legal == Legal::Garbled;
        let first = forms.first().map(|form| form.records()).unwrap_or_default();
        for (id, value) in records {
            let write = Write::Set(id.clone(), value.clone());
            let record = (id.clone(), value.clone());
            if !garbled && !forms.iter().any(|form| form.log.contains(&write) || form.base.contains(&record))
            {
                return Err(format!("{record:?} was never written"));
            }
        }
        let states: Vec<Records> = forms.iter().map(|form| form.records()).collect();
        let touched = |id: &str| forms.iter().any(|form| form.log.iter().any(|write| write.id() == id));
        for record in &first {
            let stays = states.iter().all(|state| state.contains(record));
            if stays && !garbled && !touched(&record.0) && !records.contains(record) {
                return Err(format!("{record:?} was durable, and is gone"));
            }
        }
        // So that the model knows again what is in which file.
        match store.begin_checkpoint(self.now, true).map(|begun| begun.map(|begun| begun.run())) {
            Ok(Some(Ok(()))) => Ok(()),
            _ if self.disk.crashed() => Ok(()),
            _ => Err("no checkpoint after recovery".into()),
        }
    }

    /// What left the store for an archive must be there.
    fn check_archive(&self) -> Result<(), Violation> {
        let mut tree = self.disk.tree();
        let segment = tree.remove(&Path::new(ROOT).join("archive/archive-2026-Q1.json")).unwrap_or_default();
        let segment: serde_json::Value = serde_json::from_slice(&segment).unwrap_or_default();
        match self.model.in_archive.iter().find(|id| segment["records"].get(id.as_str()).is_none()) {
            Some(id) => Err(format!("{id:?} is not in the archive: {segment}")),
            None => Ok(()),
        }
    }

    /// What a reader sees before the next writer opens; it must not change anything.
    fn peek(&self) -> Result<Records, Violation> {
        let disk = self.disk.after_kill();
        let seen =
            match Store::open(Arc::new(disk.clone()), Path::new(ROOT), reader::options(self.now), &Dead) {
                Ok(opened) => scan(&opened.store)?,
                Err(Error::NoStore) => Records::new(),
                Err(error) => return Err(format!("a reader cannot open: {error}")),
            };
        if disk.changes() > 0 {
            return Err("a reader wrote".into());
        }
        Ok(seen)
    }

    fn describe(&self, records: &Records, operations: usize) -> Violation {
        let Model { versions, in_flight, .. } = &self.model;
        let list = |versions: &[super::model::Version]| -> String {
            let forms = versions.iter().flat_map(|version| &version.forms);
            forms.map(|form| format!("\n    {} ops: {:?}", form.log.len(), form.records())).collect()
        };
        let tree = self.disk.tree().into_iter().filter(|(_, content)| !content.is_empty());
        let files: String = tree
            .map(|(path, content)| format!("\n  {}:\n{}", path.display(), String::from_utf8_lossy(&content)))
            .collect();
        format!(
            "found {operations} ops: {records:?}\n  acknowledged:{}\n  in flight:{}{files}",
            list(versions),
            list(in_flight)
        )
    }
}

fn flush(live: &mut Live) -> Result<(), Violation> {
    for _ in 0..8 {
        if !live.model.is_buffering() || live.crashed() {
            break;
        }
        live.carry_out(&Step::Flush)?;
    }
    Ok(())
}

fn checkpoint(
    live: &Arc<Mutex<Live>>,
    all: bool,
    late: &[(u64, Vec<Step>)],
    archived: &[String],
) -> Result<(), Violation> {
    let mut guard = live.lock();
    guard.now += 7;
    let now = guard.now;
    let logs = guard.logs();
    let store = Arc::clone(&guard.store);
    let disk = guard.disk.clone();
    let mut flushed = guard.model.clone();
    flushed.flush(0);
    let ids: Vec<_> = archived.iter().map(|id| id.as_bytes().into()).collect();
    let begun: Result<Option<Box<dyn FnOnce() -> opslog::Result<()>>>, _> = if archived.is_empty() {
        store.begin_checkpoint(now, all).map(|begun| begun.map(|begun| Box::new(|| begun.run()) as Box<_>))
    } else {
        store
            .begin_archive(ids, "2026-Q1", now)
            .map(|begun| begun.map(|plan| Box::new(|| plan.run()) as Box<_>))
    };
    let run = match begun {
        Ok(Some(run)) => run,
        Ok(None) => return Err("another checkpoint is under way".into()),
        Err(error) => {
            guard.settle(Err::<(), _>(error), flushed, &logs);
            return guard.verify();
        }
    };
    guard.settle(Ok::<_, ()>(()), flushed, &logs);
    guard.model.freeze(all, archived);
    let generation = store.manifest().generation;
    drop(guard);
    for (nth, steps) in late {
        let (live, steps) = (Arc::clone(live), steps.clone());
        disk.before(*nth, move || live.lock().late(&steps));
    }
    let result = run();
    disk.clear();
    let mut guard = live.lock();
    match result {
        Ok(()) => guard.model.publish(true),
        Err(_) if guard.crashed() => return Ok(()),
        Err(_) if store.manifest().generation > generation => guard.model.publish(false),
        Err(_) => guard.model.give_up(),
    }
    guard.verify()
}

/// What a power loss may have done, told from what it did.
pub fn power_loss(disk: &SimDisk, random: &mut Random) -> (SimDisk, Legal) {
    let before = disk.faults();
    let after = disk.after_crash(&mut |below| random.below(below));
    let now = after.faults();
    let damaged = now.reordered_write > before.reordered_write || now.zeroed_block > before.zeroed_block;
    // A cut that is lost while what came before or after it is torn mixes two lines to one.
    let mixed = damaged && now.lost_truncate > before.lost_truncate;
    let legal = if mixed || now.garbage_block > before.garbage_block {
        Legal::Garbled
    } else if damaged {
        Legal::Damaged
    } else {
        Legal::InOrder
    };
    (after, legal)
}
