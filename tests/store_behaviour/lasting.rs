//! From one call of the disk on, all of them fail, whichever that one is. What was refused has changed nothing that
//! anybody sees, what resolved stays, and the next life finds the same; its disk fails as well.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, FaultCounts, SimDisk};
use opslog::error::{Error, Result};
use opslog::store::{Durability, Options, Rejected, Store};

use super::support::*;

const EIO: i32 = 5;

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    /// Everything.
    All,
    /// What changes something, opens or locks. What is open and what is there can be read and listed.
    AllButReading,
    /// The same, and changes are made, writes by half, before they are said to have failed.
    Pretending,
}

impl Failing {
    const ALL: [Self; 3] = [Self::All, Self::AllButReading, Self::Pretending];

    fn fault(self, nth: u64) -> Fault {
        let reading = [CallKind::Info, CallKind::List, CallKind::ReadAt, CallKind::FileInfo];
        let kinds: Vec<CallKind> =
            CallKind::ALL.into_iter().filter(|kind| self == Self::All || !reading.contains(kind)).collect();
        let fault = Fault::of(&kinds, EIO).nth(nth).lasting();
        if self == Self::Pretending { fault.after_half() } else { fault }
    }
}

/// Something that is done to a store with [`THREE`] in it.
struct Deed {
    name: &'static str,
    options: fn() -> Options,
    run: fn(&Arc<Store>) -> Result<()>,
}

const THREE: [&str; 3] = ["a=3", "b=2", "c=4"];

/// As the facade does it: what cannot be had at once is tried again after a look.
fn retried(store: &Store, change: impl Fn() -> Result<(), Rejected>) -> Result<()> {
    for _ in 0..10 {
        match change() {
            Err(Rejected::NotNow) => drop(store.follow()?),
            Err(Rejected::Error(error)) => return Err(error),
            Err(Rejected::NotCanonical(_)) => panic!("all values are as V8 prints them"),
            Ok(()) => return Ok(()),
        }
    }
    panic!("it is never the time for it");
}

fn set_d(store: &Arc<Store>) -> Result<()> {
    retried(store, || try_set(store, "d", "5"))
}

fn batch_of_two(store: &Arc<Store>) -> Result<()> {
    retried(store, || try_batch(store, &[("b", "5"), ("d", "6")]).inspect_err(|_| store.abandon_batch()))
}

fn agent() -> Options {
    Options { agent: Some("a".into()), ..options() }
}

fn buffered() -> Options {
    Options { buffered: true, ..options() }
}

fn synced() -> Options {
    Options { durability: Durability::Always, ..options() }
}

fn undo_of(store: &Arc<Store>) -> Result<()> {
    assert!(try_undo(store)?, "there is something to undo");
    Ok(())
}

/// Each takes effect wholly or not at all.
const DEEDS: [Deed; 16] = [
    Deed { name: "set", options, run: set_d },
    Deed { name: "update", options: synced, run: |store| retried(store, || try_set(store, "a", "5")) },
    Deed { name: "delete", options, run: |store| retried(store, || try_delete(store, "b")) },
    Deed { name: "batch", options, run: batch_of_two },
    Deed {
        name: "sets that share a write",
        options,
        run: |store| {
            store.begin_shared();
            set(store, "b", "5");
            delete(store, "c");
            retried(store, || store.commit_shared().map(drop))
        },
    },
    Deed { name: "batch behind a buffer", options: buffered, run: batch_of_two },
    Deed { name: "undo in a batch", options, run: undo_of },
    Deed {
        name: "clear",
        options,
        run: |store| {
            store.begin_batch();
            for id in ["a", "b", "c"] {
                delete(store, id);
            }
            retried(store, || store.commit_batch().map(drop))
        },
    },
    Deed { name: "checkpoint", options, run: checkpoint },
    Deed { name: "archive", options, run: |store| archive(store, &["a"]) },
    Deed {
        name: "backup",
        options,
        run: |store| {
            let mut backup = store.begin_backup(Path::new("/copies/one"), true)?;
            while !backup.step(64)?.is_complete {}
            Ok(())
        },
    },
    Deed { name: "set of an agent", options: agent, run: set_d },
    Deed { name: "undo of an agent", options: agent, run: undo_of },
    Deed { name: "batch of an agent", options: agent, run: batch_of_two },
    Deed {
        name: "compaction of an agent",
        options: agent,
        run: |store| store.compact_agents(NOW, None).map(drop),
    },
    Deed {
        name: "archive of an agent",
        options: agent,
        run: |store| {
            let chosen = store.choose_for_archive(vec![b"a".as_slice().into()], "2026-Q1".into())?;
            store.compact_agents(NOW, Some(chosen)).map(drop)
        },
    },
];

/// What a store shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    records: Vec<String>,
    history: Vec<String>,
    archives: Vec<String>,
}

fn shown(store: &Store) -> Shown {
    let archives = store.manifest().archive_segments;
    Shown { records: records(store), history: history(store), archives }
}

/// Opens the store and brings it to [`THREE`], whatever is in it, with a checkpoint in the middle.
fn prepared(disk: &SimDisk, options: Options) -> Arc<Store> {
    let is_agent = options.agent.is_some();
    let store = try_open(disk.clone(), options).unwrap().store;
    for record in records(&store) {
        delete(&store, record.split('=').next().unwrap());
    }
    set(&store, "a", "1");
    if is_agent {
        store.compact_agents(NOW, None).unwrap();
    } else {
        checkpoint(&store).unwrap();
    }
    set(&store, "b", "2");
    batch(&store, &[("a", "3"), ("c", "4")]);
    assert_eq!(records(&store), THREE);
    store
}

/// What the next process finds: records and archives.
fn left(disk: &SimDisk, options: Options) -> (Vec<String>, Vec<String>) {
    let store = try_open(disk.after_kill(), options).unwrap().store;
    (records(&store), store.manifest().archive_segments)
}

fn is_uncertain(error: &Error) -> bool {
    matches!(error, Error::Failed(why) if why.contains("may or may not take effect"))
}

/// One life, in which the deed is done on a disk whose calls fail from one on. Returns the disk that it leaves, and
/// whether a call was struck.
fn life(disk: &SimDisk, deed: &Deed, failing: Failing, nth: u64) -> (SimDisk, bool) {
    let store = prepared(disk, (deed.options)());
    let before = shown(&store);
    // What would come of it.
    let after = {
        let twin = prepared(&SimDisk::new(), (deed.options)());
        (deed.run)(&twin).unwrap();
        shown(&twin)
    };
    let counts = disk.faults();
    disk.script(failing.fault(nth));
    let result = (deed.run)(&store);
    let is_struck = is_struck(disk, &counts);
    let expected = if result.is_ok() { &after } else { &before };
    let about = format!("{}, {failing:?} from call {nth} on: {result:?}", deed.name);
    let met = |seen: &Shown| {
        assert_eq!((&seen.records, &seen.history), (&expected.records, &expected.history), "{about}");
        let is_new = |period: &&String| !before.archives.contains(period);
        let archived = seen.archives.iter().filter(is_new).count();
        assert_eq!(archived, if result.is_ok() { after.archives.len() } else { 0 }, "{about}");
    };
    if failing != Failing::All {
        met(&shown(&store));
    }
    disk.heal();
    met(&shown(&store));

    let mut possible = vec![expected.records.clone()];
    if result.as_ref().is_err_and(is_uncertain) {
        possible.push(after.records.clone());
        assert!(refuses(&store), "{about}");
    }
    let found = left(disk, (deed.options)());
    assert!(possible.contains(&found.0), "{about}: found {found:?}");
    if try_set(&store, "z", "9").is_ok() && store.flush().is_ok() {
        let (mut found, _) = left(disk, (deed.options)());
        assert_eq!(found.pop().as_deref(), Some("z=9"), "{about}");
        assert_eq!(found, expected.records, "{about}");
    }
    drop(store);
    (disk.after_kill(), is_struck)
}

/// Whether a call has failed since these were the counts.
fn is_struck(disk: &SimDisk, before: &FaultCounts) -> bool {
    let now = disk.faults();
    now.failed_call + now.half_write > before.failed_call + before.half_write
}

fn refuses(store: &Store) -> bool {
    matches!(try_set(store, "x", "1"), Err(Rejected::Error(Error::Failed(_))))
}

#[test]
fn what_a_disk_refuses_that_fails_from_any_call_on_changes_nothing_that_shows() {
    for deed in &DEEDS {
        for failing in Failing::ALL {
            let mut struck = 0;
            for nth in 1.. {
                let (next, is_struck) = life(&SimDisk::new(), deed, failing, nth);
                if !is_struck {
                    break;
                }
                struck += 1;
                // The next life has such a disk as well.
                let (last, _) = life(&next, deed, failing, 1 + nth * 5 % 17);
                prepared(&last, (deed.options)());
            }
            assert!(struck > 0, "{}, {failing:?}", deed.name);
        }
    }
}

/// Opens with the next version of the schema and migrates, as the facade does.
fn migrate(disk: &SimDisk) -> Result<()> {
    let opened = try_open(disk.clone(), second())?;
    if opened.report.needs_migration {
        super::support::migrate(&opened.store, |_, value| format!("[{value}]"))?;
        checkpoint(&opened.store)?;
    }
    opened.store.close()
}

#[test]
fn a_migration_on_a_disk_that_fails_from_any_call_on_leaves_the_old_records_or_the_new_ones() {
    let (mut old, mut new) = (0, 0);
    for failing in Failing::ALL {
        for nth in 1.. {
            let mut disk = SimDisk::new();
            drop(prepared(&disk, options()));
            let mut struck = Vec::new();
            // The open that recovers meets such a disk as well.
            for nth in [nth, 1 + nth * 5 % 23] {
                disk = disk.after_kill();
                let before = disk.faults();
                disk.script(failing.fault(nth));
                let migrated = migrate(&disk);
                struck.push(is_struck(&disk, &before));
                disk.heal();
                let found = found(&disk);
                if found == THREE && migrated.is_err() {
                    old += 1;
                } else {
                    assert_eq!(found, ["a=[3]", "b=[2]", "c=[4]"], "{failing:?}, {nth}: {migrated:?}");
                    new += 1;
                }
            }
            migrate(&disk.after_kill()).unwrap();
            if !struck[0] {
                break;
            }
        }
    }
    assert!(old > 50 && new > 20, "{old}, {new}");
}

#[test]
fn an_archive_without_a_checkpoint_on_a_disk_that_fails_from_any_call_on_takes_no_record_away() {
    let mut struck = 0;
    for failing in Failing::ALL {
        for nth in 1.. {
            let disk = SimDisk::new();
            prepared(&disk, options()).close().unwrap();
            let store = try_open(disk.clone(), Options { skip_load: true, ..options() }).unwrap().store;
            set(&store, "s", "7");
            let before = disk.faults();
            disk.script(failing.fault(nth));
            let archived = store.archive_aside(&[b"s".as_slice().into()], "2026-Q1", NOW);
            let is_last = !is_struck(&disk, &before);
            disk.heal();
            assert_eq!(records(&store), ["s=7"], "{failing:?}, {nth}");
            let segments = store.manifest().archive_segments.len();
            assert_eq!(segments, usize::from(archived.is_ok()), "{failing:?}, {nth}");
            assert_eq!(found(&disk), ["a=3", "b=2", "c=4", "s=7"], "{failing:?}, {nth}");
            set(&store, "t", "8");
            assert_eq!(found(&disk).len(), 5);
            if is_last {
                break;
            }
            struck += 1;
        }
    }
    assert!(struck > 15, "{struck}");
}
