//! Changes that share a write.

use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk};
use opslog::store::{Options, Store};

use super::support::*;

const ENOSPC: i32 = 28;

fn two_records(disk: &SimDisk) -> Arc<Store> {
    let store = open(disk);
    set(&store, "a", "1");
    set(&store, "b", "2");
    store
}

#[test]
fn changes_that_share_a_write_are_one_append_of_lines_like_any_other() {
    let disk = SimDisk::new();
    let store = two_records(&disk);
    let appends = disk.calls(CallKind::Append);
    store.begin_shared();
    set(&store, "c", "3");
    set(&store, "c", "4");
    delete(&store, "a");
    assert_eq!(disk.calls(CallKind::Append), appends);
    store.commit_shared().unwrap();
    assert_eq!(disk.calls(CallKind::Append), appends + 1);
    assert_eq!(records(&store), ["b=2", "c=4"]);
    assert_eq!(found(&disk), ["b=2", "c=4"]);
    assert!(!log(&disk, &store).1.contains("batch"));
    assert!(undo(&store));
    assert_eq!(history(&store), ["a", "b", "c", "c"]);
}

#[test]
fn a_shared_write_that_fails_leaves_records_history_and_log_as_they_were() {
    let disk = SimDisk::new();
    let store = two_records(&disk);
    let before = log(&disk, &store).1;
    store.begin_shared();
    delete(&store, "a");
    set(&store, "a", "9");
    set(&store, "c", "3");
    disk.script(Fault::new(CallKind::Append, ENOSPC).after_half());
    assert!(store.commit_shared().is_err());
    assert_eq!(records(&store), ["a=1", "b=2"]);
    assert_eq!(history(&store), ["a", "b"]);
    assert_eq!(log(&disk, &store).1, before);
    set(&store, "d", "4");
    assert_eq!(found(&disk), ["a=1", "b=2", "d=4"]);
}

#[test]
fn a_change_that_is_refused_is_not_part_of_the_shared_write() {
    let disk = SimDisk::new();
    let store = two_records(&disk);
    store.begin_shared();
    set(&store, "c", "3");
    assert!(try_delete(&store, "none").is_err());
    delete(&store, "b");
    store.commit_shared().unwrap();
    assert_eq!(found(&disk), ["a=1", "c=3"]);
    assert_eq!(history(&store), ["a", "b", "c", "b"]);
}

#[test]
fn what_is_held_is_written_when_the_process_exits() {
    let disk = SimDisk::new();
    let store = two_records(&disk);
    store.begin_shared();
    set(&store, "c", "3");
    delete(&store, "a");
    store.flush_at_exit();
    assert_eq!(found(&disk), ["b=2", "c=3"]);
}

#[test]
fn a_batch_that_did_not_come_to_its_end_is_not_written_when_the_process_exits() {
    let disk = SimDisk::new();
    let store = two_records(&disk);
    store.begin_batch();
    set(&store, "c", "3");
    store.flush_at_exit();
    assert_eq!(found(&disk), ["a=1", "b=2"]);
}

#[test]
fn a_checkpoint_that_fails_meanwhile_leaves_what_is_held_to_be_written_or_taken_back() {
    for succeeds in [true, false] {
        let disk = SimDisk::new();
        let store = two_records(&disk);
        let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
        store.begin_shared();
        delete(&store, "a");
        set(&store, "c", "3");
        disk.script(Fault::new(CallKind::Rename, ENOSPC));
        assert!(begun.run().is_err());
        if !succeeds {
            disk.script(Fault::new(CallKind::Append, ENOSPC));
        }
        assert_eq!(store.commit_shared().is_ok(), succeeds);
        let expected: &[&str] = if succeeds { &["b=2", "c=3"] } else { &["a=1", "b=2"] };
        assert_eq!(records(&store), expected);
        assert_eq!(found(&disk), expected);
    }
}

#[test]
fn a_checkpoint_that_ends_meanwhile_carries_what_is_held_into_the_next_log() {
    for succeeds in [true, false] {
        let disk = SimDisk::new();
        let store = two_records(&disk);
        let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
        set(&store, "late", "5");
        store.begin_shared();
        delete(&store, "a");
        set(&store, "c", "3");
        begun.run().unwrap();
        if !succeeds {
            disk.script(Fault::new(CallKind::Append, ENOSPC));
        }
        assert_eq!(store.commit_shared().is_ok(), succeeds);
        let expected: &[&str] = if succeeds { &["b=2", "late=5", "c=3"] } else { &["a=1", "b=2", "late=5"] };
        assert_eq!(records(&store), expected);
        assert_eq!(found(&disk), expected);
    }
}

#[test]
fn a_shared_write_whose_changes_were_all_refused_appends_nothing_and_makes_no_checkpoint_due() {
    let disk = SimDisk::new();
    drop(two_records(&disk));
    let disk = disk.after_kill();
    let store = try_open(disk.clone(), Options { checkpoint_threshold: 1.0, ..options() }).unwrap().store;
    let (appends, before) = (disk.calls(CallKind::Append), log(&disk, &store).1);
    store.begin_shared();
    assert!(try_delete(&store, "none").is_err());
    let changed = store.commit_shared().unwrap();
    assert!(!changed.checkpoint_due);
    assert_eq!(store.counts().operations, 2);
    assert_eq!(disk.calls(CallKind::Append), appends);
    assert_eq!(log(&disk, &store).1, before);
    store.begin_shared();
    set(&store, "c", "3");
    assert!(store.commit_shared().unwrap().checkpoint_due);
    assert_eq!(store.counts().operations, 0);
}
