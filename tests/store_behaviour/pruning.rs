//! Deleting history: what goes, in which order, and what stays because something still reads it.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::error::Error;
use opslog::layout;
use opslog::retention::{Hold, Limits, Pruned};
use opslog::store::{Options, Prune, Store};

use super::support::*;

fn prune_with(store: &Store, prune: Prune) -> Pruned {
    store.prune(&Prune { now_ms: NOW, ..prune }).unwrap().expect("no checkpoint is under way")
}

fn everything() -> Prune {
    Prune { with_snapshots: true, ..Prune::default() }
}

fn prune(store: &Store) -> Pruned {
    prune_with(store, everything())
}

fn create(disk: &SimDisk, relative: &str) {
    let path = path(relative);
    disk.create_folder(path.parent().unwrap()).unwrap();
    let file = disk.open(&path, OpenMode::CreateNew).unwrap();
    append_all(&*file, b"x").unwrap();
}

fn names(disk: &SimDisk, folder: &str) -> Vec<String> {
    let folder = path(folder);
    let tree = disk.tree();
    let inside = tree.keys().filter_map(|path| path.strip_prefix(&folder).ok());
    let mut names: Vec<String> =
        inside.map(|name| name.to_string_lossy().into_owned()).filter(|name| !name.is_empty()).collect();
    names.sort();
    names
}

/// A store with so many sealed logs of one operation each, and an operation in the log in force.
fn with_history(disk: &SimDisk, sealed: usize) -> Arc<Store> {
    let store = open(disk);
    for n in 0..sealed {
        set(&store, "a", &n.to_string());
        checkpoint(&store).unwrap();
    }
    set(&store, "a", "\"last\"");
    store
}

#[test]
fn prune_without_limits_leaves_what_the_manifest_names() {
    let disk = SimDisk::new();
    let store = with_history(&disk, 4);
    let before = (names(&disk, "ops").len(), names(&disk, "snapshots").len());
    assert_eq!(before, (5, 5));
    let would = prune_with(&store, Prune { dry_run: true, ..everything() });
    assert_eq!(names(&disk, "ops").len(), 5);
    let pruned = prune(&store);
    assert_eq!(pruned, would);
    assert_eq!(pruned.files, 8);
    assert!(pruned.bytes > 400);
    let manifest = store.manifest();
    assert_eq!(names(&disk, "ops"), [manifest.active_ops.trim_start_matches("ops/")]);
    assert_eq!(names(&disk, "snapshots"), [manifest.current_snapshot.trim_start_matches("snapshots/")]);
    assert_eq!(manifest.superseded, []);
    assert_eq!(manifest.pruned.as_ref().map(|(log, _)| log), manifest.previous_ops.as_ref());
    assert_eq!(prune(&store), Pruned::default());
    store.close().unwrap();
    assert_eq!(records(&open(&disk)), ["a=\"last\""]);
}

#[test]
fn limits_keep_the_newest_logs_and_the_snapshots_among_them() {
    let disk = SimDisk::new();
    let store = with_history(&disk, 6);
    let limits = Limits { checkpoints: Some(2), ..Limits::default() };
    prune_with(&store, Prune { limits, ..everything() });
    let logs = names(&disk, "ops");
    assert_eq!(logs.len(), 3);
    // The snapshots before these logs, and the current one.
    assert_eq!(names(&disk, "snapshots").len(), 3);
    let bytes = disk.tree()[&path(&format!("ops/{}", logs[1]))].len() as u64;
    let limits = Limits { keep_bytes: Some(bytes), ..Limits::default() };
    prune_with(&store, Prune { limits, ..everything() });
    assert_eq!(names(&disk, "ops"), logs[1..]);
    let limits = Limits { before: Some("2001-01-01T00:00:00.000Z".into()), ..Limits::default() };
    assert_eq!(prune_with(&store, Prune { limits, ..everything() }), Pruned::default());
    let limits = Limits { before: Some("9999-01-01T00:00:00.000Z".into()), ..Limits::default() };
    prune_with(&store, Prune { limits, ..everything() });
    assert_eq!(names(&disk, "ops"), logs[2..]);
}

#[test]
fn a_log_that_is_held_stays_and_so_do_all_later_ones() {
    let disk = SimDisk::new();
    let store = with_history(&disk, 5);
    let logs = names(&disk, "ops");
    let held = Hold::take(&disk, Path::new(ROOT), &format!("ops/{}", logs[2])).unwrap().unwrap();
    prune(&store);
    assert_eq!(names(&disk, "ops"), logs[2..]);
    drop(held);
    assert_eq!(prune(&store).files, 6);
    assert_eq!(names(&disk, "ops"), logs[5..]);
    assert!(Hold::take(&disk, Path::new(ROOT), &format!("ops/{}", logs[2])).unwrap().is_none());
}

#[test]
fn a_reader_that_lags_behind_tells_every_operation_once_while_history_is_pruned() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "0");
    let reader = reader(&disk);
    let mut told = Vec::new();
    for n in 1..40 {
        set(&store, "a", &n.to_string());
        if n % 3 == 0 {
            checkpoint(&store).unwrap();
            prune(&store);
        }
        if n % 10 == 0 {
            reader.follow().unwrap();
            told.extend(reader.tell(reader.take_tail(), 1 << 20).unwrap());
        }
    }
    let told = String::from_utf8(told.join(&b","[..])).unwrap();
    for n in 1..=30 {
        assert_eq!(
            told.matches(&format!("\"data\":{n},")).count()
                + told.matches(&format!("\"data\":{n}}}")).count(),
            1,
            "{n}"
        );
    }
    // What was told goes.
    assert!(names(&disk, "ops").len() < 6, "{:?}", names(&disk, "ops"));
    reader.close().unwrap();
    prune(&store);
    assert_eq!(names(&disk, "ops").len(), 1);
}

#[test]
fn a_reader_that_opened_on_an_empty_log_holds_what_comes_after() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let reader = reader(&disk);
    for n in 0..3 {
        set(&store, "a", &n.to_string());
        checkpoint(&store).unwrap();
        prune(&store);
    }
    reader.follow().unwrap();
    let told = reader.tell(reader.take_tail(), 1 << 20).unwrap();
    assert_eq!(told.concat().windows(6).filter(|bytes| bytes == b"\"data\"").count(), 3);
}

#[test]
fn a_backup_with_sealed_logs_gets_all_of_them_while_history_is_pruned() {
    let disk = SimDisk::new();
    let store = with_history(&disk, 4);
    let mut backup = store.begin_backup(Path::new("/copy"), true).unwrap();
    prune(&store);
    assert_eq!(names(&disk, "ops").len(), 5);
    while !backup.step(64).unwrap().is_complete {}
    drop(backup);
    let copied = disk.tree().into_keys().filter(|path| path.parent() == Some(Path::new("/copy/ops"))).count();
    assert_eq!(copied, 5);
    assert_eq!(prune(&store).files, 8);
}

#[test]
fn history_that_a_clock_ahead_has_dated_goes_once_time_has_passed_it() {
    let disk = SimDisk::new();
    let ahead = NOW + 10 * 365 * 86_400_000;
    let store = open(&disk);
    let change = |value: &str, now| {
        let change = opslog::engine::Change::Set(value.as_bytes());
        store.change(change, b"a", now, None, true).map(|_| ()).unwrap();
        store.begin_checkpoint(now, true).unwrap().unwrap().run().unwrap();
    };
    change("1", ahead);
    change("2", ahead);
    change("3", NOW - 86_400_000);
    change("4", NOW - 3_600_000);
    let limits = Limits { before: Some("2023-11-14T12:00:00.000Z".into()), ..Limits::default() };
    prune_with(&store, Prune { limits, ..everything() });
    assert_eq!(names(&disk, "ops").len(), 2, "the log of the last hour, and the one in force");
}

#[test]
fn agents_prune_what_is_sealed_and_nothing_that_another_agent_still_tells() {
    let disk = SimDisk::new();
    let agent = |id: &str| {
        let options = Options { agent: Some(id.into()), ..options() };
        try_open(disk.clone(), options).unwrap().store
    };
    let (one, two) = (agent("one"), agent("two"));
    for n in 0..4 {
        one.catch_up().unwrap();
        set(&one, "a", &n.to_string());
        two.catch_up().unwrap();
        set(&two, "b", &n.to_string());
        one.catch_up().unwrap();
        one.compact_agents(NOW, None).unwrap();
    }
    set(&one, "a", "9");
    // With the empty one that the folder was created with.
    assert_eq!(names(&disk, "ops").len(), 11);
    two.catch_up().unwrap();
    prune(&one);
    assert_eq!(names(&disk, "ops").len(), 2);
    assert_eq!(records(&one), ["a=9", "b=3"]);
    assert!(one.manifest().pruned.is_some());
    two.follow().unwrap();
    two.tell(two.take_tail(), 1 << 20).unwrap();
    for n in 10..13 {
        one.catch_up().unwrap();
        set(&one, "a", &n.to_string());
        one.compact_agents(NOW, None).unwrap();
        prune(&one);
    }
    two.follow().unwrap();
    let told = String::from_utf8(two.tell(two.take_tail(), 1 << 20).unwrap().concat()).unwrap();
    assert_eq!(told.matches("\"data\"").count(), 3, "{told}");
    prune(&two);
    assert_eq!(names(&disk, "ops").len(), 2);
    for store in [&one, &two] {
        store.catch_up().unwrap();
        set(store, "c", "1");
    }
}

#[test]
fn prune_beside_a_checkpoint_is_none_and_a_checkpoint_beside_prune_waits() {
    let disk = SimDisk::new();
    let store = with_history(&disk, 2);
    let checkpoint = store.begin_checkpoint(NOW, true).unwrap().unwrap();
    assert!(store.prune(&everything()).unwrap().is_none());
    checkpoint.run().unwrap();
    assert_eq!(prune(&store).files, 6);
}

#[test]
fn a_reader_does_not_prune() {
    let disk = SimDisk::new();
    drop(with_history(&disk, 1));
    assert!(matches!(reader(&disk).prune(&everything()), Err(Error::Failed(_))));
}

#[test]
fn the_index_of_a_pruned_log_and_what_was_set_aside_of_it_go_with_it() {
    let disk = SimDisk::new();
    let store = with_history(&disk, 2);
    let log = store.manifest().previous_ops.unwrap();
    for name in [format!("index/{}.idx", log.trim_start_matches("ops/")), format!("{log}.torn")] {
        create(&disk, &name);
    }
    create(&disk, "index/snap-1.jsonl.idx");
    prune(&store);
    assert_eq!(names(&disk, "ops").len(), 1);
    assert!(!names(&disk, "index").iter().any(|name| layout::is_index(name)), "{:?}", names(&disk, "index"));
}
