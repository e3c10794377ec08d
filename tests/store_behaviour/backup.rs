//! Copies of a store, made while it is written to, and on disks that fail or die.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::disk::{Disk, OpenMode};
use opslog::error::{Document, Error, Result};
use opslog::store::{Backup, Store};

use super::support::*;

const COPY: &str = "/copies/one";
const ENOSPC: i32 = 28;
const EIO: i32 = 5;

fn back_up(store: &Arc<Store>) -> Result<()> {
    finish(store.begin_backup(Path::new(COPY), false)?)
}

fn finish(mut backup: Backup) -> Result<()> {
    finish_by(&mut backup, 64)
}

fn finish_by(backup: &mut Backup, budget: u64) -> Result<()> {
    while !backup.step(budget)?.is_complete {}
    Ok(())
}

fn open_copy(disk: &SimDisk) -> Arc<Store> {
    Store::open(Arc::new(disk.clone()), Path::new(COPY), options(), &Dead).unwrap().store
}

/// All that is below the folder of copies.
fn copied(disk: &SimDisk) -> Vec<PathBuf> {
    disk.tree().into_keys().filter(|path| path.starts_with("/copies")).collect()
}

/// A store with a snapshot, an archive segment and a log.
fn filled(disk: &SimDisk) -> Arc<Store> {
    let store = open(disk);
    set(&store, "old", "0");
    set(&store, "a", "1");
    archive(&store, &["old"]).unwrap();
    set(&store, "b", "2");
    delete(&store, "a");
    batch(&store, &[("c", "3"), ("d", "4")]);
    store
}

const FILLED: [&str; 3] = ["b=2", "c=3", "d=4"];

#[test]
fn a_copy_is_a_store_with_records_history_and_archives_of_its_own() {
    let disk = SimDisk::new();
    let store = filled(&disk);
    back_up(&store).unwrap();
    set(&store, "later", "9");
    let copy = open_copy(&disk.after_kill());
    assert_eq!(records(&copy), FILLED);
    assert_eq!(history(&copy), ["b", "a", "c", "d"]);
    assert_eq!(copy.manifest().archive_segments, ["archive/archive-2026-Q1.json"]);
    assert!(disk.tree().contains_key(&Path::new(COPY).join("archive/archive-2026-Q1.json")));
    assert!(undo(&copy));
    set(&copy, "own", "1");
    checkpoint(&copy).unwrap();
    assert_eq!(records(&store), ["b=2", "c=3", "d=4", "later=9"]);
}

#[test]
fn what_is_written_or_undone_meanwhile_makes_no_copy_that_is_of_no_one_moment() {
    const LONG: &str = "\"as long as many other lines together, so that the log is longer than before\"";
    let (mut at_the_start, mut later) = (0, 0);
    'rounds: for steps_before in 0.. {
        let disk = SimDisk::new();
        let store = filled(&disk);
        let mut moments = vec![records(&store)];
        let mut backup = store.begin_backup(Path::new(COPY), false).unwrap();
        for _ in 0..steps_before {
            if backup.step(24).unwrap().is_complete {
                break 'rounds;
            }
        }
        // Into the batch, whose marks are overwritten by that.
        for _ in 0..2 {
            assert!(undo(&store));
            moments.push(records(&store));
        }
        let longer = [("e", LONG), ("f", "6"), ("g", LONG)];
        // A log that stays shorter is read beyond its end.
        for (id, value) in &longer[..if steps_before % 2 == 0 { 3 } else { 0 }] {
            set(&store, id, value);
            moments.push(records(&store));
        }
        finish(backup).unwrap();
        let copy = records(&open_copy(&disk.after_kill()));
        assert!(moments.contains(&copy), "after {steps_before} steps: {copy:?}");
        *if copy == moments[0] { &mut at_the_start } else { &mut later } += 1;
        assert_eq!(&records(&store), moments.last().unwrap());
    }
    assert!(at_the_start > 0 && later > 5, "{at_the_start} copies of the start, {later} later ones");
}

#[test]
fn the_end_of_a_long_log_that_is_undone_meanwhile_is_copied_again_up_to_a_later_moment() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let long = format!("\"{}\"", "x".repeat(50_000));
    for n in 0..20 {
        set(&store, &format!("r{n}"), &long);
    }
    let mut backup = store.begin_backup(Path::new(COPY), false).unwrap();
    while backup.step(1 << 16).unwrap().copied < 600_000 {}
    for _ in 0..15 {
        assert!(undo(&store));
    }
    for n in 0..30 {
        set(&store, &format!("s{n}"), &long);
    }
    finish_by(&mut backup, 1 << 20).unwrap();
    let copy = records(&open_copy(&disk.after_kill()));
    assert_eq!(copy.len(), 35);
    assert!(copy == records(&store));
}

#[test]
fn a_checkpoint_meanwhile_takes_no_file_away() {
    for steps_before in 0..30 {
        let disk = SimDisk::new();
        let store = filled(&disk);
        let mut backup = store.begin_backup(Path::new(COPY), true).unwrap();
        let mut is_complete = false;
        for _ in 0..steps_before {
            is_complete = is_complete || backup.step(32).unwrap().is_complete;
        }
        for later in 0..3 {
            set(&store, "late", "5");
            let now = NOW + 60_000 * (1 + later);
            store.begin_checkpoint(now, true).unwrap().unwrap().run().unwrap();
        }
        if !is_complete {
            finish(backup).unwrap();
        }
        assert_eq!(records(&open_copy(&disk.after_kill())), FILLED, "after {steps_before} steps");
    }
}

#[test]
fn sealed_logs_come_along_on_request_only() {
    let disk = SimDisk::new();
    let store = filled(&disk);
    let sealed = store.manifest().active_ops;
    checkpoint(&store).unwrap();
    back_up(&store).unwrap();
    assert!(!disk.tree().contains_key(&Path::new(COPY).join(&sealed)));
    let mut backup = store.begin_backup(Path::new("/copies/two"), true).unwrap();
    while !backup.step(1 << 20).unwrap().is_complete {}
    let content = |folder: &str| disk.tree().remove(&Path::new(folder).join(&sealed));
    assert!(content("/copies/two").is_some());
    assert_eq!(content("/copies/two"), content(ROOT));
}

#[test]
fn a_folder_that_is_not_empty_or_inside_the_store_is_refused_and_left_alone() {
    let disk = SimDisk::new();
    let store = filled(&disk);
    disk.create_folder(Path::new(COPY)).unwrap();
    disk.open(&Path::new(COPY).join("mine"), OpenMode::CreateNew).unwrap();
    let before = disk.tree();
    for folder in [COPY, "/store", "/store/backup", "/store/ops/deeper/still"] {
        let refused = store.begin_backup(Path::new(folder), false);
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{folder}");
    }
    assert_eq!(disk.tree(), before);
}

#[test]
fn a_copy_that_is_given_up_leaves_nothing() {
    let disk = SimDisk::new();
    let store = filled(&disk);
    for steps in 0..12 {
        let mut backup = store.begin_backup(Path::new(COPY), true).unwrap();
        for _ in 0..steps {
            if backup.step(32).unwrap().is_complete {
                panic!("the steps are too large for this test");
            }
        }
        drop(backup);
        assert_eq!(copied(&disk), Vec::<PathBuf>::new());
        assert!(disk.list(Path::new("/copies")).is_err());
    }
    disk.create_folder(Path::new(COPY)).unwrap();
    drop(store.begin_backup(Path::new(COPY), true).unwrap());
    assert_eq!(disk.list(Path::new(COPY)).unwrap(), Vec::<String>::new());
}

#[test]
fn a_call_that_fails_makes_the_copy_fail_and_leaves_nothing_of_it() {
    let mut failed = 0;
    for (kind, errno) in [
        (CallKind::Open, EIO),
        (CallKind::Create, ENOSPC),
        (CallKind::CreateFolder, ENOSPC),
        (CallKind::Append, ENOSPC),
        (CallKind::ReadAt, EIO),
        (CallKind::Sync, EIO),
        (CallKind::SyncFolder, EIO),
        (CallKind::Rename, ENOSPC),
        (CallKind::List, EIO),
        (CallKind::FileInfo, EIO),
    ] {
        for nth in 1.. {
            let disk = SimDisk::new();
            let store = filled(&disk);
            disk.fail_next(kind, nth, errno, Times::Once);
            let result = back_up(&store);
            disk.heal();
            if result.is_ok() {
                assert_eq!(records(&open_copy(&disk.after_kill())), FILLED, "{kind:?} {nth}");
                break;
            }
            failed += 1;
            assert_eq!(copied(&disk), Vec::<PathBuf>::new(), "{kind:?} {nth}");
            set(&store, "e", "5");
            back_up(&store).unwrap();
            assert_eq!(records(&open_copy(&disk.after_kill())).len(), 4, "{kind:?} {nth}");
        }
    }
    assert!(failed > 30, "only {failed} calls failed");
}

#[test]
fn a_log_that_is_cut_by_another_hand_while_a_reader_copies_it_is_copied_again() {
    let disk = SimDisk::new();
    let store = filled(&disk);
    let reader = reader(&disk);
    let mut backup = reader.begin_backup(Path::new(COPY), false).unwrap();
    // The snapshot and a part of the log.
    for _ in 0..4 {
        assert!(!backup.step(60).unwrap().is_complete);
    }
    while undo(&store) {}
    set(
        &store,
        "x",
        "\"so long a value that the log is no shorter than it was before all of that was undone\"",
    );
    set(
        &store,
        "y",
        "\"so long a value that the log is no shorter than it was before all of that was undone\"",
    );
    set(
        &store,
        "z",
        "\"so long a value that the log is no shorter than it was before all of that was undone\"",
    );
    finish(backup).unwrap();
    assert_eq!(records(&open_copy(&disk.after_kill())), records(&store));
}

/// What a crash may leave of a copy: nothing, a folder that is refused, or all of it. Returns whether it is all.
fn judge(disk: &SimDisk, folder: &str, expected: &[&str]) -> bool {
    let tree = disk.tree();
    if !tree.contains_key(&Path::new(folder).join("manifest.json")) {
        let is_file = |path: &PathBuf| !path.to_string_lossy().ends_with('/');
        let files: Vec<_> =
            tree.into_keys().filter(|path| path.starts_with(folder)).filter(is_file).collect();
        let names: Vec<_> = files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert!(names.is_empty(), "without the mark there is nothing else: {files:?}");
        return false;
    }
    match Store::open(Arc::new(disk.clone()), Path::new(folder), options(), &Dead) {
        Ok(copy) => {
            assert_eq!(records(&copy.store), expected);
            true
        }
        Err(Error::Unreadable { document: Document::Manifest, .. }) => false,
        Err(error) => panic!("opening what a crash left says {error}"),
    }
}

#[test]
fn a_crash_leaves_no_copy_or_one_that_is_refused_or_all_of_it_and_so_does_the_next() {
    const OTHER: &str = "/copies/two";
    let (mut whole, mut refused) = ([0, 0], [0, 0]);
    for call in 1.. {
        let mut is_over = false;
        for outcome in 0..6_u64 {
            let mut seed = call * 31 + outcome;
            let mut choose = |below: u64| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) % below.max(1)
            };
            let disk = SimDisk::new();
            let store = filled(&disk);
            disk.crash_after_partly(call, choose(1 << 20));
            is_over = back_up(&store).is_ok() && !disk.crashed();
            if is_over {
                break;
            }
            let left = if outcome == 0 { disk.after_kill() } else { disk.after_crash(&mut choose) };
            *if judge(&left, COPY, &FILLED) { &mut whole[0] } else { &mut refused[0] } += 1;

            // The store itself is untouched by it, and the next copy, to another folder, dies as well.
            let left = left.after_kill();
            let store = open(&left);
            let found = records(&store);
            set(&store, "e", "5");
            left.crash_after_partly(1 + choose(45), choose(1 << 20));
            let copied = store.begin_backup(Path::new(OTHER), false).and_then(finish);
            assert!(copied.is_ok() || left.crashed());
            let left = if outcome % 2 == 0 { left.after_kill() } else { left.after_crash(&mut choose) };
            let mut expected: Vec<&str> = found.iter().map(String::as_str).collect();
            expected.push("e=5");
            *if judge(&left, OTHER, &expected) { &mut whole[1] } else { &mut refused[1] } += 1;
        }
        if is_over {
            break;
        }
    }
    let counts = [whole, refused].concat();
    assert!(counts.iter().all(|count| *count > 5), "whole and refused, in both lives: {counts:?}");
}

#[test]
fn a_short_write_is_gone_on_with() {
    let disk = SimDisk::new();
    let store = filled(&disk);
    disk.script(Fault::short_write(CallKind::Append).nth(2));
    back_up(&store).unwrap();
    assert_eq!(records(&open_copy(&disk.after_kill())), FILLED);
}
