//! A reader beside a writer.

use std::sync::Arc;

use opslog::disk::sim::{CallKind, SimDisk, Times};
use opslog::store::{Options, Store};

use super::hook::HookDisk;
use super::support::*;

/// What a look finds: the operations, and how many were taken back.
fn look(reader: &Store) -> (Vec<String>, usize) {
    let followed = reader.follow().unwrap();
    (told(reader), followed.undone)
}

fn nothing() -> (Vec<String>, usize) {
    (Vec::new(), 0)
}

fn only(ids: &[&str]) -> (Vec<String>, usize) {
    (ids.iter().map(|id| (*id).to_owned()).collect(), 0)
}

#[test]
fn a_reader_is_told_of_each_operation_once_across_checkpoints() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = reader(&disk);
    set(&writer, "a", "1");
    assert_eq!(look(&reader), only(&["a"]));
    assert_eq!(look(&reader), nothing());
    set(&writer, "b", "2");
    checkpoint(&writer).unwrap();
    set(&writer, "c", "3");
    checkpoint(&writer).unwrap();
    checkpoint(&writer).unwrap();
    batch(&writer, &[("d", "4"), ("e", "5")]);
    assert_eq!(look(&reader), only(&["b", "c", "d", "e"]));
    assert_eq!(records(&reader), records(&writer));
    checkpoint(&writer).unwrap();
    checkpoint(&writer).unwrap();
    assert_eq!(look(&reader), nothing());
    set(&writer, "f", "6");
    assert_eq!(look(&reader), only(&["f"]));
}

#[test]
fn an_undo_is_seen_also_when_a_line_of_the_same_length_took_the_place() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    set(&writer, "a", "1");
    set(&writer, "b", "2");
    let reader = reader(&disk);
    assert!(undo(&writer));
    set(&writer, "c", "2");
    let (told_of, undone) = look(&reader);
    assert_eq!((told_of.as_slice(), undone), (["c".to_owned()].as_slice(), 1));
    assert_eq!(records(&reader), ["a=1", "c=2"]);
    assert!(undo(&writer));
    assert!(undo(&writer));
    assert_eq!(look(&reader).1, 2);
    assert_eq!(records(&reader), Vec::<String>::new());
}

#[test]
fn what_was_undone_before_anybody_looked_is_never_told() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = reader(&disk);
    set(&writer, "a", "1");
    set(&writer, "b", "2");
    assert!(undo(&writer));
    assert_eq!(look(&reader), only(&["a"]));
}

#[test]
fn a_reader_shows_old_or_new_values_but_no_mixture_until_it_looks() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    set(&writer, "a", "1111");
    set(&writer, "b", "2222");
    let reader = reader(&disk);
    assert!(undo(&writer));
    set(&writer, "a", "{\"long\":\"33333333\"}");
    assert_eq!(records(&reader), ["a=1111", "b=2222"]);
    assert_eq!(history(&reader), ["a", "b"]);
}

#[test]
fn late_operations_of_a_checkpoint_are_told_once_and_undone_ones_vanish() {
    for nth in 1..20 {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let writer = try_open(disk.clone(), options()).unwrap().store;
        set(&writer, "a", "1");
        let follower = reader(&sim);
        let late = std::sync::Arc::clone(&writer);
        let watching = std::sync::Arc::clone(&follower);
        let begun = writer.begin_checkpoint(NOW, true).unwrap().unwrap();
        disk.before(nth, move || {
            set(&late, "b", "2");
            set(&late, "c", "3");
            assert_eq!(look(&watching), only(&["b", "c"]));
            assert!(undo(&late));
            set(&late, "d", "4");
        });
        begun.run().unwrap();
        disk.clear();
        let (told_of, undone) = look(&follower);
        assert_eq!(records(&follower), records(&writer));
        if records(&writer).len() > 1 {
            assert_eq!((told_of, undone), (vec!["d".to_owned()], 1), "before call {nth}");
        }
    }
}

#[test]
fn an_operation_that_was_logged_during_the_first_checkpoint_and_undone_behind_it_is_never_told() {
    let mut undone = 0;
    for nth in 1..20 {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let writer = try_open(disk.clone(), options()).unwrap().store;
        let follower = reader(&sim);
        let late = Arc::clone(&writer);
        let begun = writer.begin_checkpoint(NOW, true).unwrap().unwrap();
        disk.before(nth, move || set(&late, "a", "1"));
        begun.run().unwrap();
        disk.clear();
        undone += usize::from(undo(&writer));
        assert_eq!(look(&follower), nothing(), "before call {nth}");
        set(&writer, "b", "2");
        assert_eq!(look(&follower), only(&["b"]), "before call {nth}");
        assert_eq!(records(&follower), records(&writer));
    }
    assert!(undone > 5, "only {undone}");
}

#[test]
fn what_a_writer_of_a_newer_version_logs_behind_an_empty_store_is_of_that_version_to_a_reader() {
    let disk = SimDisk::new();
    open(&disk).close().unwrap();
    let follower = try_open(disk.clone(), Options { read_only: true, ..second() }).unwrap().store;
    let writer = try_open(disk.clone(), second()).unwrap().store;
    checkpoint(&writer).unwrap();
    set(&writer, "a", "1");
    assert_eq!(look(&follower), only(&["a"]));
    assert!(!follower.needs_migration().unwrap());
    assert_eq!(records(&follower), ["a=1"]);
}

#[test]
fn a_reader_follows_an_archive_and_a_new_writer() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = reader(&disk);
    set(&writer, "a", "1");
    set(&writer, "b", "2");
    archive(&writer, &["a"]).unwrap();
    look(&reader);
    assert_eq!(records(&reader), ["b=2"]);
    writer.close().unwrap();
    let writer = open(&disk);
    set(&writer, "c", "3");
    assert_eq!(look(&reader), only(&["c"]));
    assert_eq!(records(&reader), ["b=2", "c=3"]);
}

#[test]
fn a_reader_whose_log_is_gone_loads_everything_anew() {
    use opslog::disk::Disk;
    let disk = SimDisk::new();
    let writer = open(&disk);
    set(&writer, "a", "1");
    let reader = reader(&disk);
    let (old, _) = log(&disk, &writer);
    checkpoint(&writer).unwrap();
    set(&writer, "b", "2");
    checkpoint(&writer).unwrap();
    let (middle, _) = log(&disk, &writer);
    set(&writer, "c", "3");
    checkpoint(&writer).unwrap();
    disk.unlink(&old).unwrap();
    disk.unlink(&middle).unwrap();
    assert!(reader.follow().unwrap().reloaded);
    assert_eq!(records(&reader), ["a=1", "b=2", "c=3"]);
}

/// A writer and a reader that has looked once, and what a look is to tell of what the writer did since then.
type MuchToFollow = (Arc<Store>, Arc<Store>, Vec<String>);

fn after_checkpoints_and_an_undo(disk: &SimDisk) -> MuchToFollow {
    let writer = open(disk);
    set(&writer, "a", "1");
    let reader = reader(disk);
    set(&writer, "b", "2");
    assert_eq!(look(&reader), only(&["b"]));
    set(&writer, "c", "3");
    checkpoint(&writer).unwrap();
    batch(&writer, &[("d", "4"), ("a", "5")]);
    checkpoint(&writer).unwrap();
    checkpoint(&writer).unwrap();
    set(&writer, "e", "6");
    set(&writer, "f", "7");
    assert!(undo(&writer));
    (writer, reader, ["c", "d", "a", "e"].map(str::to_owned).to_vec())
}

fn after_an_archive(disk: &SimDisk) -> MuchToFollow {
    let writer = open(disk);
    set(&writer, "a", "1");
    checkpoint(&writer).unwrap();
    set(&writer, "b", "2");
    let reader = reader(disk);
    set(&writer, "c", "3");
    archive(&writer, &["a"]).unwrap();
    set(&writer, "d", "4");
    (writer, reader, ["c", "d"].map(str::to_owned).to_vec())
}

#[test]
fn looks_that_fail_at_any_two_calls_lose_nothing_and_tell_everything_once() {
    for prepare in [after_checkpoints_and_an_undo, after_an_archive] {
        let mut failed = [0, 0];
        for kind in [CallKind::Open, CallKind::Info, CallKind::ReadAt, CallKind::FileInfo] {
            for (first, second) in (1..40).flat_map(|first| (0..4).map(move |second| (first, second))) {
                let disk = SimDisk::new();
                let (writer, reader, expected) = prepare(&disk);
                let mut told_of = Vec::new();
                for (nth, failed) in [first, second, 0].into_iter().zip(failed.iter_mut().chain([&mut 0])) {
                    if nth > 0 {
                        disk.fail_next(kind, nth, 24, Times::Once);
                    }
                    match reader.follow().and_then(|_| try_told(&reader)) {
                        Ok(more) => told_of.extend(more),
                        Err(_) => *failed += 1,
                    }
                    disk.heal();
                }
                assert_eq!(told_of, expected, "{kind:?} {first} {second}");
                assert_eq!(records(&reader), records(&writer), "{kind:?} {first} {second}");
            }
        }
        assert!(failed.into_iter().all(|count| count > 10), "{failed:?}");
    }
}
