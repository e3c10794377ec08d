//! What is durable where a store goes over to other files, or ends: a log that is written anew, a manifest that another
//! agent left, a buffer that a checkpoint writes, batches that a close settles.

use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, SimDisk, Times};
use opslog::store::{Durability, Options, Store};

use super::hook::HookDisk;
use super::support::*;

const EIO: i32 = 5;

fn always() -> Options {
    Options { durability: Durability::Always, ..options() }
}

fn open_as(disk: &SimDisk, options: Options) -> Arc<Store> {
    try_open(disk.clone(), options).unwrap().store
}

fn sync(store: &Store) {
    let ticket = store.ask_for_sync().unwrap();
    store.run_sync();
    assert!(store.synced().durable >= ticket);
}

/// The disk after a power loss that took all that was not synced.
fn after_power_loss(disk: &SimDisk) -> SimDisk {
    disk.after_crash(&mut |_| 1)
}

#[test]
fn a_log_is_written_anew_durably_before_it_takes_the_place_of_the_old_one() {
    let disk = SimDisk::new();
    let store = open_as(&disk, always());
    set(&store, "a", "1");
    sync(&store);
    set(&store, "b", "2");
    disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
    store.ask_for_sync().unwrap();
    store.run_sync();
    assert!(store.synced().failed.is_some());
    drop(store);
    let disk = disk.after_kill();
    open_as(&disk, always());
    assert_eq!(records(&open(&after_power_loss(&disk))), ["a=1", "b=2"]);
}

#[test]
fn what_an_agent_syncs_behind_a_manifest_that_another_could_not_sync_survives() {
    let disk = SimDisk::new();
    let agent = |id: &str| Options { agent: Some(id.into()), ..always() };
    let (one, other) = (open_as(&disk, agent("one")), open_as(&disk, agent("other")));
    one.catch_up().unwrap();
    let before = one.manifest();
    // The names of the new logs are synced first, then that of the manifest.
    disk.fail_next(CallKind::SyncFolder, 2, EIO, Times::Once);
    assert!(other.compact_agents(NOW, None).is_err());
    one.catch_up().unwrap();
    assert_ne!(one.manifest().active_agent_ops, before.active_agent_ops, "nothing was sealed");
    set(&one, "a", "1");
    sync(&one);
    let reader = open_as(&after_power_loss(&disk), Options { read_only: true, ..options() });
    assert_eq!(records(&reader), ["a=1"]);
}

#[test]
fn a_buffer_that_a_checkpoint_writes_is_synced_although_no_caller_asks() {
    let disk = SimDisk::new();
    let store = open_as(&disk, Options { buffered: true, ..always() });
    set(&store, "a", "1");
    assert!(!store.synced().waiting);
    // It comes to no end: the snapshot does not hold what was in the buffer.
    drop(store.begin_checkpoint(NOW, true).unwrap());
    assert!(store.synced().waiting);
    store.run_sync();
    assert_eq!(records(&open(&after_power_loss(&disk))), ["a=1"]);
}

#[test]
fn a_batch_that_close_settles_is_there_whole_or_not_at_all_whatever_a_power_loss_keeps() {
    let mut state = 1u64;
    let mut below = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit.max(1)
    };
    for _ in 0..3000 {
        let disk = SimDisk::new();
        let store = open(&disk);
        batch(&store, &[("a", "1"), ("b", "2"), ("c", "3")]);
        store.close().unwrap();
        let before = disk.faults();
        let left = disk.after_crash(&mut below);
        let now = left.faults();
        // What was never synced may be anything then, and no line has a checksum.
        if now.garbage_block > before.garbage_block {
            continue;
        }
        let found = records(&open(&left));
        assert!(found.is_empty() || found.len() == 3, "{found:?}");
    }
}

#[test]
fn a_log_that_is_deleted_while_something_is_buffered_is_created_again_with_all_of_it() {
    for by_checkpoint in [false, true] {
        let disk = SimDisk::new();
        let store = open_as(&disk, Options { buffered: true, ..options() });
        set(&store, "a", "1");
        store.flush().unwrap();
        set(&store, "b", "2");
        disk.unlink(&path(&store.manifest().active_ops)).unwrap();
        if by_checkpoint {
            drop(store.begin_checkpoint(NOW, true).unwrap());
        } else {
            store.flush().unwrap();
        }
        assert_eq!(found(&disk), ["a=1", "b=2"]);
    }
}

#[test]
fn a_reader_goes_on_in_a_log_that_was_deleted_and_created_again() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let reader = reader(&disk);
    disk.unlink(&path(&store.manifest().active_ops)).unwrap();
    set(&store, "b", "2");
    set(&store, "c", "3");
    reader.follow().unwrap();
    assert_eq!(records(&reader), ["a=1", "b=2", "c=3"]);
}

#[test]
fn what_a_writer_does_before_any_call_of_a_look_is_there_after_the_next() {
    let deeds: [fn(&Arc<Store>); 3] = [
        |store| {
            assert!(undo(store) && undo(store));
            set(store, "e", "5");
            set(store, "f", "6");
        },
        |store| {
            assert!(undo(store));
            checkpoint(store).unwrap();
            delete(store, "a");
            set(store, "a", "7");
        },
        |store| {
            archive(store, &["b"]).unwrap();
            set(store, "b", "8");
            assert!(undo(store));
        },
    ];
    for (number, deed) in deeds.into_iter().enumerate() {
        let (mut nth, mut is_over) = (0, false);
        while !is_over {
            nth += 1;
            let sim = SimDisk::new();
            let store = open(&sim);
            for id in ["a", "b", "c", "d"] {
                set(&store, id, "1");
            }
            let disk = HookDisk::of_reader(sim.clone());
            let reader = try_open(disk.clone(), Options { read_only: true, ..options() }).unwrap().store;
            set(&store, "g", "1");
            let opened = disk.clear();
            let writer = Arc::clone(&store);
            disk.before(nth, move || deed(&writer));
            reader.follow().unwrap();
            is_over = disk.clear() < opened + nth;
            reader.follow().unwrap();
            if !is_over {
                assert_eq!(records(&reader), records(&store), "deed {number} before call {nth}");
            }
        }
        assert!(nth > 5, "only {nth} calls");
    }
}
