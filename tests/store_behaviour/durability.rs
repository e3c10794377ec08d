//! What is durable when, on a disk that loses everything else: after a power loss only what was synced is there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::error::{Error, Result};
use opslog::store::{Durability, Options, Rejected, Store};

use super::hook::HookDisk;
use super::support::*;

const EIO: i32 = 5;

fn always() -> Options {
    Options { durability: Durability::Always, ..options() }
}

fn interval() -> Options {
    Options { durability: Durability::Interval(Duration::from_secs(1)), ..options() }
}

fn open_always(disk: &SimDisk) -> Arc<Store> {
    try_open(disk.clone(), always()).unwrap().store
}

/// Numbers below a limit, always the same.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) % below
    }
}

/// Asks for a sync, carries it out, and says what the caller would hear.
fn sync(store: &Store) -> Result<()> {
    let ticket = store.ask_for_sync()?;
    store.run_sync();
    let settled = store.synced();
    match settled.failed {
        None => {
            assert!(settled.durable >= ticket);
            Ok(())
        }
        Some(failed) => Err(Error::Failed(failed.to_string())),
    }
}

/// The disk after a power loss that took all that was not synced.
fn after_power_loss(disk: &SimDisk) -> SimDisk {
    // The second of the ways in which pending changes survive: none does.
    disk.after_crash(&mut |_| 1)
}

fn found_after_power_loss(disk: &SimDisk) -> Vec<String> {
    records(&open(&after_power_loss(disk)))
}

fn refuses_writes(store: &Store) -> bool {
    matches!(try_set(store, "x", "1"), Err(Rejected::Error(Error::Failed(_))))
}

#[test]
fn what_was_synced_survives_a_power_loss_and_what_came_later_does_not() {
    let disk = SimDisk::new();
    let store = open_always(&disk);
    set(&store, "a", "1");
    batch(&store, &[("b", "2"), ("c", "3")]);
    sync(&store).unwrap();
    set(&store, "d", "4");
    assert_eq!(found_after_power_loss(&disk), ["a=1", "b=2", "c=3"]);
    assert_eq!(records(&store).len(), 4);
}

#[test]
fn an_undo_that_was_synced_stays_undone() {
    let disk = SimDisk::new();
    let store = open_always(&disk);
    batch(&store, &[("a", "1"), ("b", "2"), ("c", "3")]);
    sync(&store).unwrap();
    assert!(undo(&store));
    assert_eq!(found_after_power_loss(&disk), ["a=1", "b=2", "c=3"]);
    sync(&store).unwrap();
    assert_eq!(found_after_power_loss(&disk), ["a=1", "b=2"]);
}

#[test]
fn an_undo_in_a_batch_costs_no_other_operation_of_it_whatever_a_power_loss_keeps() {
    let disk = SimDisk::new();
    let store = open_always(&disk);
    set(&store, "a", "1");
    batch(&store, &[("b", "2"), ("c", "3"), ("d", "4")]);
    sync(&store).unwrap();
    assert!(undo(&store));
    let mut random = numbers();
    let left: BTreeSet<_> = (0..200).map(|_| records(&open(&disk.after_crash(&mut random)))).collect();
    let legal = [vec!["a=1", "b=2", "c=3"], vec!["a=1", "b=2", "c=3", "d=4"]];
    assert!(left.iter().map(Vec::as_slice).eq(legal), "{left:?}");
}

#[test]
fn an_undo_in_a_batch_whose_sync_fails_is_not_made_and_what_waits_hears_of_it() {
    let disk = SimDisk::new();
    let store = open_always(&disk);
    batch(&store, &[("a", "1"), ("b", "2")]);
    let ticket = store.ask_for_sync().unwrap();
    disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
    assert!(try_undo(&store).is_err());
    assert_eq!(records(&store), ["a=1", "b=2"]);
    assert!(refuses_writes(&store));
    store.run_sync();
    assert!(store.synced().durable < ticket);
    assert!(store.synced().failed.is_some());
}

#[test]
fn what_is_acknowledged_after_a_failed_sync_and_a_reopen_survives_a_power_loss() {
    for was_killed in [true, false] {
        let disk = SimDisk::new();
        let store = open_always(&disk);
        set(&store, "a", "1");
        sync(&store).unwrap();
        set(&store, "b", "2");
        disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
        assert!(sync(&store).is_err());
        assert!(refuses_writes(&store));
        let disk = if was_killed { disk.after_kill() } else { disk };
        let _ = store.close();
        let store = open_always(&disk);
        assert_eq!(records(&store), ["a=1", "b=2"]);
        set(&store, "c", "3");
        sync(&store).unwrap();
        assert_eq!(found_after_power_loss(&disk), ["a=1", "b=2", "c=3"], "killed: {was_killed}");
        assert_eq!(history(&store), ["a", "b", "c"]);
        assert_eq!(doubts(&disk), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_log_whose_repair_could_not_be_synced_is_written_anew_before_it_goes_on() {
    let first = SimDisk::new();
    let store = open_always(&first);
    set(&store, "a", "1");
    sync(&store).unwrap();
    let (path, content) = log(&first, &store);
    let disk = SimDisk::new();
    for (path, content) in first.tree().iter().filter(|(path, _)| !path.ends_with(".lock")) {
        if path.extension().is_some() {
            disk.plant(path, content).unwrap();
        }
    }
    disk.plant(&path, content.trim_end().as_bytes()).unwrap();
    disk.script(Fault::new(CallKind::Sync, EIO).on(".jsonl"));
    assert!(try_open(disk.clone(), always()).is_err());
    let store = open_always(&disk);
    set(&store, "b", "2");
    sync(&store).unwrap();
    assert_eq!(found_after_power_loss(&disk), ["a=1", "b=2"]);
}

#[test]
fn an_agent_that_loads_nothing_and_whose_log_is_in_doubt_keeps_all_records() {
    let disk = SimDisk::new();
    let agent = |skip_load| Options { agent: Some("one".into()), skip_load, ..always() };
    let store = try_open(disk.clone(), agent(false)).unwrap().store;
    set(&store, "a", "1");
    sync(&store).unwrap();
    set(&store, "b", "2");
    disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
    assert!(sync(&store).is_err());
    let _ = store.close();
    assert_eq!(doubts(&disk).len(), 1);
    let store = try_open(disk.clone(), agent(true)).unwrap().store;
    set(&store, "c", "3");
    sync(&store).unwrap();
    store.close().unwrap();
    assert_eq!(doubts(&disk), Vec::<PathBuf>::new());
    let store = try_open(disk.clone(), agent(false)).unwrap().store;
    assert_eq!(records(&store), ["a=1", "b=2", "c=3"]);
}

fn doubts(disk: &SimDisk) -> Vec<PathBuf> {
    disk.tree().into_keys().filter(|path| path.to_string_lossy().ends_with(".unsynced")).collect()
}

#[test]
fn one_sync_is_enough_for_all_who_asked_and_none_is_made_for_nothing() {
    let disk = SimDisk::new();
    let store = open_always(&disk);
    sync(&store).unwrap();
    let before = disk.calls(CallKind::Sync);
    for id in ["a", "b", "c"] {
        set(&store, id, "1");
        store.ask_for_sync().unwrap();
    }
    assert!(store.run_sync());
    assert_eq!(disk.calls(CallKind::Sync), before + 1);
    sync(&store).unwrap();
    assert_eq!(disk.calls(CallKind::Sync), before + 1);
}

#[test]
fn a_log_that_was_created_anew_is_durable_with_its_name() {
    for is_recreated in [false, true] {
        let disk = SimDisk::new();
        let store = open_always(&disk);
        set(&store, "a", "1");
        sync(&store).unwrap();
        checkpoint(&store).unwrap();
        let (path, _) = log(&disk, &store);
        let store = if is_recreated {
            set(&store, "b", "2");
            sync(&store).unwrap();
            disk.unlink(&path).unwrap();
            store
        } else {
            store.close().unwrap();
            disk.unlink(&path).unwrap();
            let store = open_always(&disk);
            set(&store, "b", "2");
            store
        };
        disk.sync_folder(path.parent().unwrap()).unwrap();
        set(&store, "c", "3");
        sync(&store).unwrap();
        assert_eq!(found_after_power_loss(&disk), ["a=1", "b=2", "c=3"], "recreated: {is_recreated}");
    }
}

#[test]
fn what_was_synced_before_any_call_of_a_checkpoint_is_in_whichever_log_counts_then() {
    let mut crashes = 0;
    for late_at in 1.. {
        let disk = HookDisk::new(SimDisk::new());
        let sim = disk.sim().clone();
        let store = try_open(disk.clone(), always()).unwrap().store;
        set(&store, "a", "1");
        sync(&store).unwrap();
        let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
        let before = disk.clear();
        let late = Arc::clone(&store);
        disk.before(late_at, move || {
            set(&late, "b", "2");
            sync(&late).unwrap();
        });
        // After each later call, the power may go, with or without what was not synced.
        let states: Arc<parking_lot::Mutex<Vec<SimDisk>>> = Arc::default();
        for crash_at in late_at + 1..late_at + 20 {
            let (sim, states) = (sim.clone(), Arc::clone(&states));
            disk.before(crash_at, move || {
                states.lock().extend([after_power_loss(&sim), sim.after_crash(&mut |_| 0)]);
            });
        }
        begun.run().unwrap();
        if disk.clear() < before + late_at {
            break;
        }
        states.lock().push(after_power_loss(&sim));
        for state in &*states.lock() {
            assert_eq!(records(&open(state)), ["a=1", "b=2"], "written before call {late_at}");
            crashes += 1;
        }
    }
    assert!(crashes > 100, "only {crashes} crashes");
}

#[test]
fn a_failed_sync_refuses_writes_and_is_not_tried_again() {
    for (kind, syscall) in [(CallKind::Sync, "fdatasync"), (CallKind::SyncFolder, "fsync")] {
        let disk = SimDisk::new();
        let store = open_always(&disk);
        set(&store, "a", "1");
        sync(&store).unwrap();
        let (path, _) = log(&disk, &store);
        disk.unlink(&path).unwrap();
        set(&store, "b", "2");
        disk.fail_next(kind, 1, EIO, Times::Once);
        assert!(sync(&store).is_err());
        let settled = store.synced();
        assert!(matches!(settled.failed.as_deref(), Some(Error::Io { syscall: at, .. }) if *at == syscall));
        let syncs = disk.calls(CallKind::Sync);
        assert!(refuses_writes(&store));
        assert!(!store.run_sync());
        assert!(matches!(store.ask_for_sync(), Err(Error::Failed(_))));
        assert_eq!(records(&store), ["a=1", "b=2"]);
        assert!(matches!(store.close(), Err(Error::Failed(_))));
        assert_eq!(disk.calls(CallKind::Sync), syncs, "{syscall}");
    }
}

#[test]
fn a_failed_sync_leaves_a_store_that_opens_and_what_was_synced_before_is_there() {
    let disk = SimDisk::new();
    let store = open_always(&disk);
    set(&store, "a", "1");
    sync(&store).unwrap();
    set(&store, "b", "2");
    disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
    assert!(sync(&store).is_err());
    assert!(store.close().is_err());
    let reopened = open_always(&disk);
    assert_eq!(records(&reopened), ["a=1", "b=2"]);
    checkpoint(&reopened).unwrap();
    set(&reopened, "c", "3");
    sync(&reopened).unwrap();
    assert_eq!(found_after_power_loss(&disk), ["a=1", "b=2", "c=3"]);
}

#[test]
fn closing_makes_what_was_written_durable_unless_only_the_process_counts() {
    let lost: [(Options, &[&str]); 3] = [(options(), &[]), (interval(), &["a=1"]), (always(), &["a=1"])];
    for (options, expected) in lost {
        let disk = SimDisk::new();
        let durability = options.durability;
        let store = try_open(disk.clone(), options).unwrap().store;
        set(&store, "a", "1");
        store.close().unwrap();
        assert_eq!(found_after_power_loss(&disk), expected, "{durability:?}");
    }
}

#[test]
fn closing_fails_when_its_sync_fails_and_gives_the_lock_up() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), interval()).unwrap().store;
    set(&store, "a", "1");
    disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
    assert!(matches!(store.close(), Err(Error::Io { syscall: "fdatasync", .. })));
    assert_eq!(records(&open(&disk)), ["a=1"]);
}

#[test]
fn a_buffer_that_is_flushed_asks_for_a_sync_itself() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), Options { buffered: true, ..always() }).unwrap().store;
    set(&store, "a", "1");
    assert!(!store.synced().waiting);
    store.flush().unwrap();
    assert!(store.synced().waiting);
    store.run_sync();
    assert_eq!(found_after_power_loss(&disk), ["a=1"]);
}

#[test]
fn the_log_that_a_compaction_sealed_is_still_synced() {
    let disk = SimDisk::new();
    let agent = |id: &str| Options { agent: Some(id.into()), ..always() };
    let one = try_open(disk.clone(), agent("one")).unwrap().store;
    let other = try_open(disk.clone(), agent("other")).unwrap().store;
    one.catch_up().unwrap();
    set(&one, "a", "1");
    // The other's compaction seals the log of the first, and cannot write the snapshot.
    disk.script(Fault::new(CallKind::Append, EIO).on("/snapshots/"));
    assert!(other.compact_agents(NOW, None).is_err());
    one.catch_up().unwrap();
    assert_ne!(one.manifest().active_agent_ops.unwrap().len(), 2, "nothing was sealed");
    sync(&one).unwrap();
    let reader = try_open(after_power_loss(&disk), Options { read_only: true, ..options() });
    assert_eq!(records(&reader.unwrap().store), ["a=1"]);
}

#[test]
fn what_a_dead_agent_left_in_a_sealed_log_is_synced_with_what_comes_behind_it() {
    let agent = |id: &str, durability| Options { agent: Some(id.into()), durability, ..options() };
    let mut disk = SimDisk::new();
    // A second power failure comes after the recovery from the first.
    for life in 0..2 {
        let dead = try_open(disk.clone(), agent("dead", Durability::Process)).unwrap().store;
        set(&dead, &format!("{life} before"), "1");
        disk.script(Fault::new(CallKind::Create, EIO).on("/snapshots/"));
        assert!(dead.compact_agents(NOW, None).is_err(), "sealed, and not published");
        drop(dead);
        disk = disk.after_kill();
        let other = try_open(disk.clone(), agent("other", Durability::Always)).unwrap().store;
        let agents = other.manifest().active_agent_ops.unwrap();
        assert!(
            agents.iter().any(|(key, _)| opslog::transition::shared::is_sealed(key.as_bytes())),
            "{agents:?}"
        );
        set(&other, &format!("{life} behind"), "2");
        sync(&other).unwrap();
        disk = after_power_loss(&disk);
        let found = records(&try_open(disk.clone(), agent("next", Durability::Process)).unwrap().store);
        let tail: Vec<_> = found.iter().skip(2 * life).collect();
        assert_eq!(tail, [&format!("{life} before=1"), &format!("{life} behind=2")], "{found:?}");
        disk = disk.after_kill();
    }
}

#[test]
fn what_shares_a_write_survives_a_power_loss_once_it_was_written_and_synced() {
    for is_synced in [true, false] {
        let disk = SimDisk::new();
        let store = open_always(&disk);
        set(&store, "a", "1");
        sync(&store).unwrap();
        store.begin_shared();
        set(&store, "b", "2");
        set(&store, "c", "3");
        store.commit_shared().unwrap();
        if is_synced {
            sync(&store).unwrap();
        }
        let expected: &[&str] = if is_synced { &["a=1", "b=2", "c=3"] } else { &["a=1"] };
        assert_eq!(found_after_power_loss(&disk), expected);
    }
}
