//! The life of a store on a disk that can die at any call: opens it, carries a plan out, and after a death
//! looks at what is there with the eyes of a reader and of the next writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::engine::Cursor;
use opslog::layout;
use opslog::lock::ProcessProbe;
use opslog::store::{Checkpoint, Durability, Opened, Options, Store};
use parking_lot::Mutex;

use super::copy;
use super::counts::Deeds;
use super::hook::HookDisk;
use super::live::{Live, ROOT, Violation, doubtful_logs, history, scan};
use super::model::Model;
use super::oracle::Legal;
use super::plan::{Late, Step};
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
    pub deeds: Deeds,
    /// The schema version that it is opened with.
    pub version: u32,
    durability: Durability,
    death: Death,
    verify: bool,
}

impl World {
    /// On an empty disk, or on one that a death left.
    pub fn new(
        disk: SimDisk,
        model: Model,
        now: i64,
        durability: Durability,
        death: Death,
        verify: bool,
    ) -> Self {
        let world = Self {
            disk,
            model,
            now,
            dead: false,
            changes: 0,
            recovered: false,
            same: false,
            deeds: Deeds::default(),
            version: 1,
            durability,
            death,
            verify,
        };
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
        close(&mut live);
        self.deeds += live.deeds;
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
            Step::Backup { late } => copy::back_up(live, late),
            Step::Reopen { checkpoint: wanted, buffered } => {
                flush(&mut live.lock())?;
                if *wanted {
                    checkpoint(live, true, &[], &[])?;
                }
                close(&mut live.lock());
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
        self.deeds += std::mem::take(&mut live.deeds);
        let reader = live.reader.take();
        // The old store goes first, as its process does.
        live.store = Arc::new(Store::detached(None));
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
        let durability = self.durability;
        let version = self.version;
        let options = Options {
            read_only: false,
            buffered,
            durability,
            version,
            version_given: true,
            ..reader::options(self.now)
        };
        let probe: &dyn ProcessProbe = if self.now % 2 == 0 { &Dead } else { &SameNumber };
        let seen = self.peek()?;
        let noted: Vec<_> = doubtful_logs(&self.disk)
            .into_iter()
            .filter(|log| self.disk.info(&layout::doubt(log)).is_ok())
            .collect();
        let failed_before = self.disk.faults().failed_call;
        let mut attempts = 0;
        let Opened { store, report } = loop {
            attempts += 1;
            match Store::open(Arc::new(disk.clone()), Path::new(ROOT), options.clone(), probe) {
                Ok(opened) => break opened,
                Err(_) if self.disk.crashed() => return Ok(None),
                // A scripted failure; the lock must be free again.
                Err(error) if attempts > 8 => return Err(format!("open fails: {error}")),
                Err(_) => {}
            }
        };
        if self.disk.crashed() {
            // In the middle of what open() does best effort.
            return Ok(None);
        }
        let records = match scan(&store) {
            // As a query wrote the file of an index.
            Err(_) if self.disk.crashed() => return Ok(None),
            records => records?,
        };
        if records != seen {
            return Err(format!("a reader saw {seen:?}, the next writer {records:?}"));
        }
        let mut files = self.disk.tree().into_keys().filter(|path| path.starts_with(ROOT));
        let temporary = files.find(|path| path.to_string_lossy().ends_with(".tmp"));
        let undisturbed = !self.disk.crashed() && self.disk.faults().failed_call == failed_before;
        if let Some(path) = temporary.filter(|_| undisturbed) {
            return Err(format!("a temporary file was left: {}", path.display()));
        }
        let log = Path::new(ROOT).join(store.manifest().active_ops);
        if noted.contains(&log) {
            self.deeds.renewed += 1;
            if doubtful_logs(&self.disk).contains(&log) {
                return Err("what a failed sync did not write is still missing below the log".into());
            }
        }
        self.check_archive()?;
        let log = history(&store)?;
        match self.find(&records, &log, legal) {
            // NOTE: a log with a hole may show a legal state by chance, and another one after an undo.
            _ if legal >= Legal::Damaged => {
                let found = self.accept_damaged(&records, &log, legal)?;
                self.model.adopt(found, 0, true);
            }
            Some((at, found)) => self.same = self.model.adopt(found, at, legal != Legal::Killed),
            None => return Err(self.describe(&records, &log)),
        }
        let is_first = !std::mem::replace(&mut self.recovered, true);
        if report.needs_migration {
            self.migrate(&store)?;
        }
        if (report.needs_migration || legal >= Legal::Damaged) && !self.checkpoint_at_open(&store)? {
            return Ok(None);
        }
        if is_first && self.now % 3 == 0 {
            self.open_twice(&store, &options)?;
        }
        let (model, now, verify) = (self.model.clone(), self.now, self.verify);
        let (reader, violation, is_refused, deeds) = (None, None, false, Deeds::default());
        let live = Live {
            disk,
            store,
            model,
            reader,
            buffered,
            durability,
            deeds,
            unnoted: doubtful_logs(&self.disk),
            now,
            verify,
            violation,
            is_refused,
        };
        live.check()?;
        Ok(Some(live))
    }

    /// Brings all records to the version of the schema that was asked for, as the facade does.
    fn migrate(&mut self, store: &Store) -> Result<(), Violation> {
        let mut found = Vec::new();
        let mut cursor = Cursor::Base(0);
        while cursor != Cursor::End {
            let visited = store.unmigrated(cursor, usize::MAX, |id, from, value| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                found.push((text(id), from, text(value)));
            });
            cursor = visited.map_err(|error| error.to_string())?;
        }
        let mut expected = self.model.memory.clone();
        let mark = |version: f64| format!("{{\"v\":{version},\"was\":");
        for (id, from, value) in &found {
            if value.starts_with(&mark(f64::from(self.version))) {
                return Err(format!("{id:?} is migrated from {from}: {value}"));
            }
            let migrated = format!("{}{value}}}", mark(f64::from(self.version)));
            store.migrate(id.as_bytes(), migrated.as_bytes()).map_err(|error| error.to_string())?;
            match expected.iter_mut().find(|(known, was)| known == id && was == value) {
                Some((_, was)) => *was = migrated,
                None => return Err(format!("{id:?} is migrated from {value}, which it is not")),
            }
        }
        if found.len() != expected.len() {
            return Err(format!("only {} of {} records are migrated", found.len(), expected.len()));
        }
        store.finish_migration();
        self.model.memory = expected;
        self.same = false;
        self.deeds.migrated += 1;
        Ok(())
    }

    /// After a migration, and after damage, so that the model knows again what is in which file. `false` if the disk
    /// died.
    fn checkpoint_at_open(&mut self, store: &Arc<Store>) -> Result<bool, Violation> {
        self.model.freeze(true, &[]);
        match store.begin_checkpoint(self.now, true).map(|begun| begun.map(Checkpoint::run)) {
            Ok(Some(Ok(()))) => {
                self.model.publish();
                // It may have died when superseded files were removed.
                Ok(!self.disk.crashed())
            }
            _ if self.disk.crashed() => Ok(false),
            _ => Err("no checkpoint when it was opened".into()),
        }
    }

    /// What recovery leaves must need no recovery, and show the same.
    fn open_twice(&mut self, store: &Store, options: &Options) -> Result<(), Violation> {
        self.deeds.twice += 1;
        let again = Store::open(Arc::new(self.disk.after_kill()), Path::new(ROOT), options.clone(), &Dead);
        let Opened { store: again, report } =
            again.map_err(|error| format!("it does not open again: {error}"))?;
        if report.torn_line || report.torn_bytes > 0 || report.needs_migration {
            return Err("recovery left something to recover".into());
        }
        if (scan(&again)?, history(&again)?) != (scan(store)?, history(store)?) {
            return Err("opening again shows something else".into());
        }
        Ok(())
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

/// Closes the store; what it logged is durable then, if that was asked for.
fn close(live: &mut Live) {
    if live.store.close().is_ok() && live.durability != Durability::Process && !live.crashed() {
        live.note_sync();
    }
}

enum Begun {
    Checkpoint(Checkpoint),
    Archive(Checkpoint),
}

fn checkpoint(
    live: &Arc<Mutex<Live>>,
    all: bool,
    late: &[Late],
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
    let begun = if archived.is_empty() {
        store.begin_checkpoint(now, all).map(|begun| begun.map(Begun::Checkpoint))
    } else {
        store.begin_archive(ids, "2026-Q1", now).map(|begun| begun.map(Begun::Archive))
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
    let manifest = manifest_in_force(&disk);
    let before = (guard.failures(), files(&disk, &["snapshots", "ops"]));
    // What an earlier step could not remove was told of there, and goes with the next opening.
    let temporaries = temporary_files(&disk);
    drop(guard);
    let is_over = Arc::new(AtomicBool::new(false));
    for Late { nth, steps, pause } in late.iter().cloned() {
        let (live, is_over) = (Arc::clone(live), Arc::clone(&is_over));
        disk.before_with_pause(nth, pause, move || live.lock().late(&steps, &is_over));
    }
    let result = match run {
        Begun::Checkpoint(checkpoint) => checkpoint.run(),
        Begun::Archive(plan) => plan.run(),
    };
    is_over.store(true, Ordering::Relaxed);
    disk.clear();
    let mut guard = live.lock();
    // One failure makes a checkpoint fail; where it succeeds, what has failed was the removal of a file.
    let expected = before.0 + u64::from(result.is_err());
    match result {
        Ok(()) => guard.model.publish(),
        Err(_) if guard.crashed() => return Ok(()),
        Err(_) if manifest_in_force(&disk) != manifest => guard.model.publish_in_doubt(),
        Err(_) => {
            guard.model.give_up();
            // What else fails may be the removal.
            if guard.failures() <= before.0 + 1 && files(&disk, &["snapshots", "ops"]) != before.1 {
                return Err("a checkpoint that failed left files".into());
            }
        }
    }
    let left = temporary_files(&disk).into_iter().find(|path| !temporaries.contains(path));
    match left.filter(|_| !guard.crashed() && guard.failures() <= expected) {
        Some(path) => Err(format!("a checkpoint left {}", path.display())),
        None => guard.verify(),
    }
}

fn manifest_in_force(disk: &HookDisk) -> Option<Vec<u8>> {
    disk.sim().tree().remove(&Path::new(ROOT).join(layout::MANIFEST))
}

/// What is in some folders of the store.
fn temporary_files(disk: &HookDisk) -> Vec<PathBuf> {
    let is_temporary = |path: &PathBuf| path.extension() == Some("tmp".as_ref());
    files(disk, &[""]).into_iter().filter(is_temporary).collect()
}

fn files(disk: &HookDisk, folders: &[&str]) -> Vec<PathBuf> {
    let inside = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(Path::new(ROOT).join(folder)));
    disk.sim().tree().into_keys().filter(inside).collect()
}
