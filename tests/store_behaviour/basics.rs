//! Reading, writing, batches, undo, buffering, checkpoints, archives; without failures.

use opslog::disk::OsDisk;
use opslog::disk::sim::SimDisk;
use opslog::error::Error;
use opslog::store::{Options, Rejected};

use super::support::*;

#[test]
fn a_store_on_the_real_disk_holds_what_was_written_and_loses_what_was_undone() {
    let folder = tempfile::tempdir().unwrap();
    let reopen = |options: Options| {
        opslog::store::Store::open(
            std::sync::Arc::new(OsDisk),
            folder.path(),
            options,
            &opslog::lock::OsProbe,
        )
    };
    let store = reopen(options()).unwrap().store;
    set(&store, "a", "1");
    batch(&store, &[("b", "2"), ("c", "3")]);
    assert!(undo(&store));
    checkpoint(&store).unwrap();
    set(&store, "a", "4");
    assert_eq!(records(&store), ["a=4", "b=2"]);
    store.close().unwrap();
    assert!(!folder.path().join(".lock").exists());
    let store = reopen(options()).unwrap().store;
    assert_eq!(records(&store), ["a=4", "b=2"]);
    assert_eq!(history(&store), ["a"]);
}

#[test]
fn an_update_keeps_the_position_and_delete_then_set_moves_to_the_end_also_after_a_reopen() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for id in ["a", "b", "c", "d"] {
        set(&store, id, "1");
    }
    checkpoint(&store).unwrap();
    set(&store, "b", "2");
    delete(&store, "a");
    set(&store, "a", "3");
    set(&store, "e", "4");
    let expected = ["b=2", "c=1", "d=1", "a=3", "e=4"];
    assert_eq!(records(&store), expected);
    assert_eq!(found(&disk), expected);
    checkpoint(&store).unwrap();
    assert_eq!(found(&disk), expected);
}

#[test]
fn deleting_what_is_not_there_is_refused_and_logs_nothing() {
    let disk = SimDisk::new();
    let store = open(&disk);
    assert!(matches!(try_delete(&store, "a"), Err(Rejected::Error(Error::NotFound { .. }))));
    assert_eq!(log(&disk, &store).1, "");
}

#[test]
fn undo_goes_back_through_a_batch_and_stops_at_the_last_checkpoint() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    batch(&store, &[("a", "2"), ("b", "\"\u{e9}\""), ("a", "3")]);
    for expected in [vec!["a=2", "b=\"\u{e9}\""], vec!["a=2"], vec!["a=1"]] {
        assert!(undo(&store));
        assert_eq!(records(&store), expected);
        assert_eq!(found(&disk), expected);
    }
    assert!(!undo(&store));
    assert_eq!(records(&store), ["a=1"]);
}

#[test]
fn an_abandoned_batch_leaves_no_trace_and_restores_positions() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    set(&store, "b", "1");
    let before = log(&disk, &store);
    store.begin_batch();
    delete(&store, "a");
    set(&store, "a", "2");
    set(&store, "c", "2");
    assert_eq!(records(&store), ["b=1", "a=2", "c=2"]);
    store.abandon_batch();
    assert_eq!(records(&store), ["a=1", "b=1"]);
    assert_eq!(log(&disk, &store), before);
}

#[test]
fn buffered_writes_show_at_once_and_are_logged_by_flush_in_call_order() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), Options { buffered: true, ..options() }).unwrap().store;
    set(&store, "a", "1");
    set(&store, "b", "2");
    assert!(undo(&store));
    set(&store, "c", "3");
    assert_eq!(records(&store), ["a=1", "c=3"]);
    assert_eq!(found(&disk), Vec::<String>::new());
    store.flush().unwrap();
    assert_eq!(found(&disk), ["a=1", "c=3"]);
    set(&store, "d", "4");
    batch(&store, &[("e", "5"), ("f", "6")]);
    assert_eq!(found(&disk), ["a=1", "c=3", "d=4", "e=5", "f=6"]);
}

#[test]
fn what_was_set_apart_for_the_next_checkpoint_is_all_that_it_takes() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    store.hide_history();
    assert_eq!(history(&store), Vec::<String>::new());
    assert!(!undo(&store));
    set(&store, "b", "2");
    store.begin_checkpoint(NOW, false).unwrap().unwrap().run().unwrap();
    assert_eq!(history(&store), ["b"]);
    assert_eq!(found(&disk), ["a=1", "b=2"]);
    assert!(undo(&store));
    assert_eq!(found(&disk), ["a=1"]);
}

#[test]
fn archived_records_leave_the_store_and_stay_in_the_segment() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for id in ["a", "b", "c"] {
        set(&store, id, "1");
    }
    archive(&store, &["a", "c"]).unwrap();
    assert_eq!(records(&store), ["b=1"]);
    assert_eq!(found(&disk), ["b=1"]);
    set(&store, "a", "2");
    archive(&store, &["a"]).unwrap();
    let segment = disk.tree().remove(&path("archive/archive-2026-Q1.json")).unwrap();
    let segment: serde_json::Value = serde_json::from_slice(&segment).unwrap();
    assert_eq!(segment["records"], serde_json::json!({ "a": 2, "c": 1 }));
    assert_eq!(store.manifest().stats.archived_records, 2);
}

#[test]
fn skip_load_writes_and_undoes_over_records_that_it_does_not_know() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    set(&store, "b", "2");
    store.close().unwrap();
    let store = try_open(disk.clone(), Options { skip_load: true, ..options() }).unwrap().store;
    assert_eq!(records(&store), Vec::<String>::new());
    set(&store, "c", "3");
    set(&store, "a", "4");
    assert!(undo(&store));
    assert!(matches!(store.begin_checkpoint(NOW, true), Err(Error::SkipLoadCompact)));
    assert_eq!(found(&disk), ["a=1", "b=2", "c=3"]);
}

#[test]
fn migrated_records_keep_their_order_and_are_stored_by_a_checkpoint() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    set(&store, "b", "2");
    store.close().unwrap();
    let opened = try_open(disk.clone(), second()).unwrap();
    assert!(opened.report.needs_migration);
    let store = opened.store;
    let migrated = migrate(&store, |_, value| format!("{value}0")).unwrap();
    assert_eq!(migrated, ["a from 1", "b from 1"]);
    assert_eq!(found(&disk), ["a=1", "b=2"]);
    checkpoint(&store).unwrap();
    let opened = try_open(disk.after_kill(), second()).unwrap();
    assert!(!opened.report.needs_migration);
    assert_eq!(records(&opened.store), ["a=10", "b=20"]);
}

#[test]
fn superseded_snapshots_go_once_they_are_old_and_two_newer_ones_exist() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let snapshots =
        |disk: &SimDisk| disk.tree().keys().filter(|path| path.to_string_lossy().contains("/snap-")).count();
    let round = |later: i64| {
        set(&store, "a", &later.to_string());
        store.begin_checkpoint(NOW + later, true).unwrap().unwrap().run().unwrap();
    };
    for later in 1..=5 {
        round(later);
    }
    assert_eq!(snapshots(&disk), 6);
    round(11_000);
    round(22_000);
    assert_eq!(snapshots(&disk), 2);
    assert_eq!(found(&disk), ["a=22000"]);
}
