//! What opening makes of logs that a crash, another program or a user has left.

use opslog::disk::sim::{CallKind, SimDisk, Times};
use opslog::disk::{Disk, OpenMode};
use opslog::error::Error;
use opslog::store::{Options, Rejected};

use super::hook::HookDisk;
use super::support::*;

/// A store with one record, closed, with this at the end of its log.
fn left_behind(tail: &str) -> SimDisk {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let (path, _) = log(&disk, &store);
    store.close().unwrap();
    append_by_another_hand(&disk, &path, tail);
    disk
}

#[test]
fn a_torn_last_line_is_set_aside_and_does_not_swallow_the_next_write() {
    let disk = left_behind("{\"ts\":\"2026");
    let opened = try_open(disk.clone(), options()).unwrap();
    assert!(opened.report.torn_line);
    assert_eq!(opened.report.torn_bytes, 11);
    let aside = disk.tree().remove(&opened.report.torn_path.unwrap()).unwrap();
    assert_eq!(aside, b"{\"ts\":\"2026\n");
    set(&opened.store, "b", "2");
    assert_eq!(found(&disk), ["a=1", "b=2"]);
}

#[test]
fn a_complete_last_line_without_its_newline_counts_and_gets_it() {
    let disk = left_behind(&line("b", "2"));
    let store = open(&disk);
    assert_eq!(records(&store), ["a=1", "b=2"]);
    set(&store, "c", "3");
    assert_eq!(found(&disk), ["a=1", "b=2", "c=3"]);
}

#[test]
fn an_unfinished_batch_is_not_applied_and_is_cut() {
    let marked = line("b", "2").replace("}", ",\"batch\":\"more\"}");
    let disk = left_behind(&format!("{marked}\n"));
    assert_eq!(records(&reader(&disk)), ["a=1"]);
    let store = open(&disk);
    assert_eq!(records(&store), ["a=1"]);
    set(&store, "c", "3");
    assert_eq!(found(&disk), ["a=1", "c=3"]);
}

#[test]
fn malformed_lines_in_the_middle_are_skipped_and_reported_with_their_offsets() {
    let disk = left_behind("");
    let store = open(&disk);
    let (path, content) = log(&disk, &store);
    store.close().unwrap();
    append_by_another_hand(&disk, &path, &format!("nonsense\n{}\n", line("b", "2")));
    let opened = try_open(disk.clone(), options()).unwrap();
    assert_eq!(offsets(&opened.report), [content.len() as u64]);
    assert_eq!(records(&opened.store), ["a=1", "b=2"]);
}

#[test]
fn a_log_that_is_missing_reads_as_empty_and_is_created_by_the_first_write() {
    let disk = left_behind("");
    let store = open(&disk);
    checkpoint(&store).unwrap();
    set(&store, "b", "2");
    let (path, _) = log(&disk, &store);
    store.close().unwrap();
    disk.unlink(&path).unwrap();
    let store = open(&disk);
    assert_eq!(records(&store), ["a=1"]);
    assert!(!disk.tree().contains_key(&path));
    set(&store, "c", "3");
    assert_eq!(found(&disk), ["a=1", "c=3"]);
}

#[test]
fn a_log_that_is_deleted_while_open_is_created_again_with_what_it_held() {
    let disk = left_behind("");
    let store = open(&disk);
    let (path, _) = log(&disk, &store);
    set(&store, "b", "2");
    disk.unlink(&path).unwrap();
    set(&store, "c", "3");
    assert!(undo(&store));
    batch(&store, &[("d", "4"), ("e", "5")]);
    disk.unlink(&path).unwrap();
    assert!(undo(&store));
    assert_eq!(found(&disk), ["a=1", "b=2", "d=4"]);
}

#[test]
fn a_log_that_became_read_only_refuses_writes_as_an_open_by_path_would() {
    let disk = left_behind("");
    let store = open(&disk);
    let (path, _) = log(&disk, &store);
    disk.set_access(&path, true, false).unwrap();
    let Err(Rejected::Error(error)) = try_set(&store, "b", "2") else { panic!("it was written") };
    assert_eq!(error.io_source().unwrap().kind(), std::io::ErrorKind::PermissionDenied);
    assert_eq!(records(&store), ["a=1"]);
    disk.set_access(&path, true, true).unwrap();
    set(&store, "b", "2");
}

#[test]
fn a_folder_with_data_and_without_a_manifest_is_refused_and_left_alone() {
    let disk = left_behind("");
    disk.unlink(&path("manifest.json")).unwrap();
    let before = disk.tree();
    assert!(matches!(try_open(disk.clone(), options()), Err(Error::Corrupt { .. })));
    assert_eq!(disk.tree(), before);
}

#[test]
fn an_unreadable_manifest_snapshot_or_log_is_no_fresh_store() {
    for name in ["manifest.json", "snapshots/", "ops/"] {
        let disk = left_behind("");
        let target = disk.tree().into_keys().find(|path| {
            let path = path.to_string_lossy();
            path.contains(name) && !path.ends_with('/')
        });
        disk.set_access(&target.unwrap(), false, false).unwrap();
        let before = disk.tree();
        assert!(matches!(try_open(disk.clone(), options()), Err(Error::Io { .. })), "{name}");
        assert_eq!(disk.tree(), before, "{name}");
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_where_there_is_no_manifest_is_not_said_to_hold_data() {
    let disk = left_behind("");
    disk.unlink(&path("manifest.json")).unwrap();
    let snapshot = disk.tree().into_keys().find(|path| path.to_string_lossy().contains("snap-")).unwrap();
    disk.set_access(&snapshot, false, false).unwrap();
    let error = try_open(disk.clone(), options()).err().unwrap();
    assert_eq!((error.code(), error.path()), ("OPSLOG_IO", Some(snapshot.as_path())));
}

#[test]
fn a_snapshot_with_fewer_records_than_the_manifest_says_is_refused() {
    let disk = left_behind("");
    let store = open(&disk);
    checkpoint(&store).unwrap();
    let snapshot = path(&store.manifest().current_snapshot);
    store.close().unwrap();
    disk.plant(&snapshot, b"{\"version\":1,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n").unwrap();
    assert!(matches!(try_open(disk.clone(), options()), Err(Error::Corrupt { .. })));
}

#[test]
fn a_read_only_store_opens_on_a_read_only_disk_and_needs_no_lock() {
    let disk = left_behind("{\"torn");
    let writer = open(&disk.after_kill());
    drop(writer);
    disk.set_read_only(true);
    let changes = disk.changes();
    assert_eq!(records(&reader(&disk)), ["a=1"]);
    assert_eq!(disk.changes(), changes);
    let empty = SimDisk::new();
    let options = Options { read_only: true, ..options() };
    assert!(matches!(try_open(empty, options), Err(Error::NoStore)));
}

#[test]
fn a_temporary_file_of_a_dead_process_with_our_number_neither_stays_nor_stands_in_the_way() {
    let disk = left_behind("");
    let own = std::process::id();
    let left: Vec<_> = (0..50).map(|n| path(&format!("manifest.json.{own}-{n}.tmp"))).collect();
    for path in &left {
        disk.plant(path, b"half").unwrap();
    }
    let store = open(&disk);
    assert_eq!(temporaries(&disk), Vec::<std::path::PathBuf>::new());
    set(&store, "b", "2");
    checkpoint(&store).unwrap();
    assert_eq!(found(&disk), ["a=1", "b=2"]);
}

#[test]
fn a_torn_end_that_cannot_be_set_aside_durably_is_not_cut() {
    let disk = left_behind("{\"torn");
    disk.fail_next(CallKind::Sync, 1, 5, Times::Once);
    assert!(try_open(disk.clone(), options()).is_err());
    let opened = try_open(disk.clone(), options()).unwrap();
    let aside = disk.tree().remove(&opened.report.torn_path.unwrap()).unwrap();
    assert_eq!(aside, b"{\"torn\n");
}

#[test]
fn a_batch_in_a_log_that_was_deleted_and_created_again_is_settled_by_close() {
    let disk = SimDisk::new();
    let store = open(&disk);
    batch(&store, &[("a", "1"), ("b", "2"), ("c", "3")]);
    let (path, content) = log(&disk, &store);
    assert!(content.contains("\"batch\":\"more\""));
    disk.unlink(&path).unwrap();
    set(&store, "d", "4");
    store.close().unwrap();
    let content = String::from_utf8(disk.tree().remove(&path).unwrap()).unwrap();
    assert_eq!(content.lines().count(), 4);
    assert!(!content.contains("\"batch\":\"more\""), "{content}");
}

#[test]
fn a_log_that_is_refused_is_left_as_it_is_also_by_an_agent() {
    for agent in [None, Some("one".to_owned())] {
        let disk = SimDisk::new();
        let strict = Options { strict: true, agent, ..options() };
        let store = try_open(disk.clone(), strict.clone()).unwrap().store;
        set(&store, "a", "1");
        let path = path(&match &strict.agent {
            None => store.manifest().active_ops,
            Some(_) => store.manifest().active_agent_ops.unwrap()[0].1.clone(),
        });
        store.close().unwrap();
        append_by_another_hand(&disk, &path, &format!("no operation\n{}\n{{\"torn", line("b", "2")));
        let before = disk.tree().remove(&path);
        assert!(matches!(try_open(disk.clone(), strict), Err(Error::Corrupt { .. })));
        assert_eq!(disk.tree().remove(&path), before);
    }
}

#[test]
fn a_reader_that_opens_while_its_writer_is_in_the_middle_of_an_append_reports_no_torn_line() {
    let (mut torn, mut in_the_middle) = (0, 0);
    for nth in 1..30 {
        let sim = SimDisk::new();
        let writer = open(&sim);
        set(&writer, "a", "1");
        set(&writer, "b", "2");
        let log = path(&writer.manifest().active_ops);
        let file = sim.open(&log, OpenMode::Append).unwrap();
        let line = sim.tree().remove(&log).unwrap();
        let cut = line.len() - 10;
        file.set_len(cut as u64).unwrap();
        let disk = HookDisk::of_reader(sim.clone());
        disk.before(nth, move || assert_eq!(file.append(&line[cut..]).unwrap(), 10));
        let opened = try_open(disk.clone(), Options { read_only: true, ..options() }).unwrap();
        disk.clear();
        let is_missing = records(&opened.store) == ["a=1"];
        opened.store.follow().unwrap();
        if opened.report.torn_line {
            torn += 1;
        } else if is_missing {
            in_the_middle += 1;
            assert_eq!(records(&opened.store), ["a=1", "b=2"]);
            assert_eq!(opened.report.torn_bytes, 0);
        }
    }
    assert!(torn > 0 && in_the_middle > 0, "{torn} {in_the_middle}");
}
