//! Checking and mending a folder: beside a writer, with more damage than is listed, and when the disk fails meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::error::Result;
use opslog::progress::Progress;
use opslog::repair::Repaired;
use opslog::store::{Options, Store};
use opslog::verify::Report;

use super::hook::HookDisk;
use super::support::*;

const EIO: i32 = 5;

fn verify(disk: &dyn Disk) -> Report {
    opslog::verify::verify(disk, Path::new(ROOT), &Progress::default()).unwrap()
}

fn repair(disk: &SimDisk) -> Result<Repaired> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    opslog::repair::repair(&disk, Path::new(ROOT), &Dead, (0, NOW), &Arc::default())
}

fn open_indexed(disk: &SimDisk) -> Arc<Store> {
    try_open(disk.clone(), Options { index_from_bytes: 0, ..options() }).unwrap().store
}

/// A closed store with operations on some records, and the path of its log.
fn with_log(operations: usize) -> (SimDisk, PathBuf) {
    let disk = SimDisk::new();
    let store = open(&disk);
    for n in 0..operations {
        set(&store, &format!("id-{n}"), &n.to_string());
    }
    let (path, _) = log(&disk, &store);
    store.close().unwrap();
    (disk, path)
}

/// The end of a log that was set aside.
fn aside(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.torn", path.display()))
}

#[test]
fn what_a_writer_does_before_any_call_of_a_check_is_no_damage() {
    let (mut nth, mut is_over) = (0, false);
    while !is_over {
        nth += 1;
        let sim = SimDisk::new();
        let store = open_indexed(&sim);
        for n in 0..20 {
            set(&store, &format!("id-{}", n % 7), &n.to_string());
        }
        store.close().unwrap();
        // Its log has an index now, and is cut below what the index speaks of.
        let store = open_indexed(&sim);
        let disk = HookDisk::of_reader(sim.clone());
        let writer = Arc::clone(&store);
        disk.before(nth, move || {
            for _ in 0..3 {
                assert!(undo(&writer));
            }
            set(&writer, "long", &format!("\"{}\"", "long ".repeat(100)));
        });
        let report = verify(&disk);
        is_over = disk.clear() < nth;
        assert_eq!(report.damage, [], "before call {nth}");
        assert_eq!(report.found, 0);
    }
    assert!(nth > 20, "only {nth} calls");
}

#[test]
fn a_writer_that_ends_its_write_and_goes_away_before_any_call_of_a_check_has_left_no_damage() {
    for nth in 1..30 {
        let (sim, path) = with_log(3);
        // A write that is under way, and the lock of who makes it.
        let line = format!("{}\n", line("d", "4"));
        let (first, rest) = line.split_at(30);
        append_by_another_hand(&sim, &path, first);
        sim.plant(Path::new("/store/.lock"), b"77").unwrap();
        let disk = HookDisk::of_reader(sim.clone());
        let (writer, rest) = (sim.clone(), rest.to_owned());
        disk.before(nth, move || {
            append_by_another_hand(&writer, &path, &rest);
            writer.unlink(Path::new("/store/.lock")).unwrap();
        });
        assert_eq!(verify(&disk).damage, [], "before call {nth}");
        assert!(disk.clear() >= nth);
    }
}

#[test]
fn more_damage_than_is_listed_is_mended_all_the_same() {
    let (disk, path) = with_log(3);
    let snapshot = format!("{{\"version\":1}}\n{}", "no record\n".repeat(1500));
    disk.plant(Path::new("/store/snapshots/snap-5.jsonl"), snapshot.as_bytes()).unwrap();
    let text = format!("{}{}\n{{\"torn", "no operation\n".repeat(1500), line("d", "4"));
    append_by_another_hand(&disk, &path, &text);
    let repaired = repair(&disk).unwrap();
    assert_eq!(repaired.before.found, 3001);
    let after = repaired.after.unwrap();
    assert_eq!(after.found, 1500);
    assert_eq!(after.mendable, []);
    let names: Vec<_> = repaired.steps.iter().map(|step| step.damage.remedy.name()).collect();
    assert!(names.contains(&Some("blank")) && names.contains(&Some("cut")), "{names:?}");
    let set_aside = disk.tree().remove(&aside(&path)).unwrap();
    assert_eq!(set_aside, format!("{}{{\"torn\n", "no operation\n".repeat(1500)).as_bytes());
    assert_eq!(found(&disk), ["id-0=0", "id-1=1", "id-2=2", "d=4"]);
}

#[test]
fn what_is_taken_out_of_a_log_is_durable_before_it_is_gone() {
    for text in ["no operation\n", "{\"torn"] {
        let (disk, path) = with_log(3);
        append_by_another_hand(&disk, &path, text);
        let whole = disk.tree().remove(&path).unwrap();
        let calls = disk.changes();
        repair(&disk.after_kill()).unwrap();
        for call in 1.. {
            let disk = disk.after_kill();
            disk.crash_after(call);
            let is_over = repair(&disk).is_ok_and(|repaired| repaired.failures.is_empty());
            let durable = disk.durable_tree();
            let is_aside =
                durable.get(&aside(&path)).is_some_and(|aside| aside.starts_with(text.trim_end().as_bytes()));
            // What of the log is not durable may be on the disk or not.
            let is_changed = disk.tree()[&path] != whole;
            assert!(!is_changed || is_aside, "{text:?}, a crash at call {call}");
            assert!(call < 100);
            if is_over {
                break;
            }
        }
        assert_eq!(disk.changes(), calls);
    }
}

#[test]
fn a_log_whose_sync_fails_while_it_is_mended_is_written_anew_before_it_goes_on() {
    let (disk, path) = with_log(3);
    append_by_another_hand(&disk, &path, "no operation\n");
    disk.script(Fault::new(CallKind::Sync, EIO).on(".jsonl").nth(2));
    assert_eq!(repair(&disk).unwrap().failures[0].damage.as_ref().unwrap().path, path);
    assert!(disk.lost_for_good().contains(&path));
    open(&disk);
    assert!(!disk.lost_for_good().contains(&path));
}

#[test]
fn a_log_whose_sync_fails_for_its_index_is_written_anew_before_it_goes_on() {
    let (disk, path) = with_log(3);
    // The writer has synced nothing; the next one to open it writes an index.
    disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
    let opened = try_open(disk.clone(), Options { index_from_bytes: 0, ..options() });
    assert!(opened.is_err());
    assert!(disk.lost_for_good().contains(&path));
    open_indexed(&disk);
    assert!(!disk.lost_for_good().contains(&path));
}

#[test]
fn what_is_no_file_is_passed_over_unless_the_manifest_names_it() {
    let (disk, path) = with_log(3);
    for folder in
        ["ops/ops-7.jsonl", "snapshots/snap-7.jsonl", "archive/archive-x.json", "index/x.idx", "ops/sub"]
    {
        disk.create_folder(&super::support::path(folder)).unwrap();
    }
    assert_eq!(verify(&disk).damage, []);
    assert!(repair(&disk).unwrap().steps.is_empty());
    let store = open(&disk);
    let mut backup = store.begin_backup(Path::new("/copy"), true).unwrap();
    while !backup.step(u64::MAX).unwrap().is_complete {}
    store.close().unwrap();
    disk.unlink(&path).unwrap();
    disk.create_folder(&path).unwrap();
    let damage = verify(&disk).damage;
    assert_eq!(damage.len(), 1);
    assert_eq!((&damage[0].path, damage[0].current), (&path, true));
}

#[test]
fn a_snapshot_with_more_records_than_the_manifest_says_is_told() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    let snapshot = super::support::path(&store.manifest().current_snapshot);
    store.close().unwrap();
    append_by_another_hand(&disk, &snapshot, "{\"id\":\"b\",\"data\":2}\n");
    let damage = verify(&disk).damage;
    assert_eq!(damage.len(), 1);
    assert_eq!(damage[0].path, snapshot);
    assert!(damage[0].what.contains("holds 2 records, the manifest says 1"), "{}", damage[0].what);
}

#[test]
fn an_index_that_is_made_again_twice_is_set_aside_twice() {
    let disk = SimDisk::new();
    let store = open_indexed(&disk);
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    let index = opslog::layout::index(Path::new(ROOT), &store.manifest().current_snapshot);
    store.close().unwrap();
    let whole = disk.tree().remove(&index).unwrap();
    for n in 0..2 {
        let junk = format!("no index {n}");
        disk.plant(&index, junk.as_bytes()).unwrap();
        let repaired = repair(&disk).unwrap();
        assert_eq!(repaired.after.unwrap().damage, []);
        let aside = opslog::layout::damaged(&index, n);
        assert_eq!(repaired.steps[0].aside, aside);
        assert_eq!(disk.tree().remove(&aside).unwrap(), junk.as_bytes());
        assert_eq!(disk.tree().remove(&index).unwrap().len(), whole.len());
    }
    assert!(disk.tree().contains_key(&opslog::layout::damaged(&index, 0)));
}

/// A closed store whose snapshot has one line that is no record. It opens by its index.
fn with_damaged_line() -> (SimDisk, PathBuf) {
    let disk = SimDisk::new();
    let store = open_indexed(&disk);
    for n in 0..200 {
        set(&store, &format!("id-{n:03}"), &format!("\"{}\"", "x".repeat(100)));
    }
    checkpoint(&store).unwrap();
    let snapshot = super::support::path(&store.manifest().current_snapshot);
    store.close().unwrap();
    let text = String::from_utf8(disk.tree().remove(&snapshot).unwrap()).unwrap();
    disk.unlink(&snapshot).unwrap();
    disk.plant(&snapshot, text.replacen("{\"id\":\"id-007\"", "#\"id\":\"id-007\"", 1).as_bytes()).unwrap();
    (disk, snapshot)
}

/// All records that can be read one by one.
fn readable(disk: &SimDisk) -> usize {
    let store = open_indexed(disk);
    (0..200).filter(|n| matches!(store.get(format!("id-{n:03}").as_bytes()), Ok(Some(_)))).count()
}

#[test]
fn an_index_that_leads_around_damage_in_its_snapshot_stays() {
    let (disk, _) = with_damaged_line();
    assert_eq!(readable(&disk.after_kill()), 199);
    let before = disk.tree();
    let repaired = repair(&disk).unwrap();
    assert!(repaired.steps.is_empty() && repaired.failures.is_empty());
    assert_eq!(repaired.after.unwrap().mendable, []);
    assert_eq!(disk.tree(), before);
    assert_eq!(readable(&disk), 199);
}

#[test]
fn a_repair_that_any_call_of_the_disk_fails_leaves_a_store_that_opens_and_reports_all_that_it_did() {
    // A log with a malformed line and a torn end, and damaged indexes of a sound snapshot and of the log.
    let disk = SimDisk::new();
    let store = open_indexed(&disk);
    for n in 0..20 {
        set(&store, &format!("id-{n}"), "1");
    }
    checkpoint(&store).unwrap();
    for n in 0..20 {
        set(&store, &format!("id-{n}"), "2");
    }
    let (log, _) = log(&disk, &store);
    let indexes = [store.manifest().current_snapshot, store.manifest().active_ops];
    store.close().unwrap();
    for index in indexes.map(|relative| opslog::layout::index(Path::new(ROOT), &relative)) {
        disk.unlink(&index).unwrap();
        disk.plant(&index, b"no index").unwrap();
    }
    append_by_another_hand(&disk, &log, &format!("no operation\n{}\n{{\"torn", line("last", "3")));
    let before = disk.tree();
    let expected = records(&open_indexed(&disk.after_kill()));
    assert_eq!(repair(&disk.after_kill()).unwrap().steps.len(), 4);
    let mut failed = 0;
    for (kind, times) in
        CallKind::ALL.into_iter().flat_map(|kind| [(kind, Times::Once), (kind, Times::Lasting)])
    {
        for nth in 1.. {
            let disk = disk.after_kill();
            disk.fail_next(kind, nth, EIO, times);
            let calls = disk.calls(kind);
            let repaired = repair(&disk);
            disk.heal();
            let is_over = disk.calls(kind) - calls < nth;
            let what = format!("{kind:?} {nth} {times:?}");
            let tree = disk.tree();
            match repaired {
                Ok(repaired) => {
                    let mut aside: Vec<PathBuf> = repaired.steps.into_iter().map(|step| step.aside).collect();
                    aside.extend(repaired.failures.iter().filter_map(|failure| failure.aside.clone()));
                    let named = |path: &&PathBuf| {
                        path.extension()
                            .is_some_and(|extension| extension == "torn" || extension == "damaged")
                    };
                    for path in tree.keys().filter(named) {
                        assert!(aside.contains(path), "{what}: {} is not reported", path.display());
                    }
                    failed += repaired.failures.len();
                }
                Err(error) => {
                    let without_lock = tree.into_iter().filter(|(path, _)| before.contains_key(path));
                    assert_eq!(
                        without_lock.collect::<Vec<_>>(),
                        before.clone().into_iter().collect::<Vec<_>>(),
                        "{what}: {error}"
                    );
                }
            }
            assert_eq!(records(&open_indexed(&disk.after_kill())), expected, "{what}");
            if is_over {
                break;
            }
        }
    }
    assert!(failed > 100, "only {failed} failures");
}
