//! Index files of logs: a long log is not replayed for lookups, and what is shown is what replaying it would show.

use std::path::PathBuf;
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, Fault, SimDisk};
use opslog::engine::Cursor;
use opslog::error::Error;
use opslog::store::{Options, Store};

use super::support::*;

const OPERATIONS: usize = 300;

fn indexed() -> Options {
    Options { index_from_bytes: 0, ..options() }
}

fn open_indexed(disk: &SimDisk) -> Arc<Store> {
    try_open(disk.clone(), indexed()).unwrap().store
}

/// A store that was closed: a snapshot with ten records, and a long log that changes, deletes and adds some.
fn with_long_log() -> SimDisk {
    let disk = SimDisk::new();
    let store = open_indexed(&disk);
    for n in 0..10 {
        set(&store, &format!("old-{n}"), "0");
    }
    checkpoint(&store).unwrap();
    for n in 0..OPERATIONS - 4 {
        set(&store, &format!("id-{}", n % 50), &n.to_string());
    }
    set(&store, "old-3", "33");
    delete(&store, "old-5");
    delete(&store, "id-7");
    set(&store, "old-5", "55");
    store.close().unwrap();
    disk
}

/// What a store shows that knows no index.
fn expected(disk: &SimDisk) -> Vec<String> {
    records(&open(&disk.after_kill()))
}

fn index_of_log(disk: &SimDisk) -> PathBuf {
    let is_one = |path: &PathBuf| path.to_string_lossy().contains("/index/ops-");
    let found: Vec<_> = disk.tree().into_keys().filter(is_one).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn replace(disk: &SimDisk, path: &std::path::Path, content: &[u8]) {
    disk.unlink(path).unwrap();
    disk.plant(path, content).unwrap();
}

#[test]
fn opening_and_looking_up_reads_a_few_pieces_and_replays_nothing() {
    let disk = with_long_log();
    let expected = expected(&disk);
    let before = disk.calls(CallKind::ReadAt);
    let store = open_indexed(&disk);
    assert!(store.has_head());
    assert!(disk.calls(CallKind::ReadAt) - before <= 12);
    assert_eq!(store.counts().records, expected.len());
    assert_eq!(store.counts().operations, OPERATIONS);
    for (id, value) in [("old-3", Some("33")), ("old-5", Some("55")), ("id-7", None), ("old-1", Some("0"))] {
        assert_eq!(store.get(id.as_bytes()).unwrap(), value.map(|value| value.as_bytes().to_vec()), "{id}");
        assert_eq!(store.has(id.as_bytes()).unwrap(), value.is_some(), "{id}");
    }
    assert_eq!(store.get(b"id-49").unwrap(), Some(b"249".to_vec()));
    assert_eq!(store.get(b"missing").unwrap(), None);
    assert!(store.has_head());
    assert_eq!(records(&store), expected);
    assert!(!store.has_head());
    assert_eq!(store.counts().operations, OPERATIONS);
}

#[test]
fn writes_on_top_of_the_index_are_the_same_before_and_after_the_replay() {
    let disk = with_long_log();
    let store = open_indexed(&disk);
    set(&store, "id-7", "1");
    delete(&store, "old-3");
    set(&store, "old-5", "56");
    set(&store, "fresh", "2");
    delete(&store, "id-20");
    batch(&store, &[("old-1", "9"), ("id-20", "21")]);
    assert!(store.has_head());
    let count = store.counts();
    assert_eq!(count.operations, OPERATIONS + 7);
    let shown = records(&store);
    assert_eq!(shown.len(), count.records);
    assert_eq!(store.counts().operations, OPERATIONS + 7);
    assert_eq!(shown, expected(&disk));
    assert_eq!(history(&store).len(), OPERATIONS + 7);
}

#[test]
fn a_batch_during_which_the_head_is_replayed_can_be_kept_and_be_taken_back() {
    for keep in [true, false] {
        let disk = with_long_log();
        let before = expected(&disk);
        let store = open_indexed(&disk);
        set(&store, "first", "1");
        store.begin_batch();
        set(&store, "old-3", "34");
        delete(&store, "id-1");
        set(&store, "second", "2");
        assert!(store.has_head());
        let inside = records(&store);
        assert!(inside.contains(&"old-3=34".to_owned()) && inside.contains(&"second=2".to_owned()));
        assert_eq!(inside.len(), before.len() + 1);
        if keep {
            store.commit_batch().unwrap();
            assert_eq!(records(&store), inside);
        } else {
            store.abandon_batch();
            let mut without = before.clone();
            without.push("first=1".to_owned());
            assert_eq!(records(&store), without);
        }
        assert_eq!(records(&store), expected(&disk));
    }
}

#[test]
fn undo_goes_back_through_what_was_written_and_then_through_the_head() {
    let disk = with_long_log();
    let plain = open(&disk.after_kill());
    let store = open_indexed(&disk);
    set(&store, "x", "1");
    set(&plain, "x", "1");
    for step in 0..OPERATIONS + 1 {
        assert_eq!(undo(&store), undo(&plain), "{step}");
        assert_eq!(store.counts().operations, OPERATIONS - step, "{step}");
        if step % 37 == 0 {
            assert_eq!(records(&store), records(&plain), "{step}");
        }
    }
    assert!(!undo(&store));
}

#[test]
fn an_undo_into_the_head_takes_its_index_away() {
    let disk = with_long_log();
    let store = open_indexed(&disk);
    assert!(undo(&store));
    assert!(!disk.tree().into_keys().any(|path| path.to_string_lossy().contains("/index/ops-")));
    set(&store, "y", "1");
    let shown = records(&store);
    assert_eq!(records(&open_indexed(&disk.after_kill())), shown);
}

#[test]
fn a_checkpoint_holds_what_the_head_says_and_the_history_starts_anew() {
    for hidden_first in [false, true] {
        let disk = with_long_log();
        let store = open_indexed(&disk);
        set(&store, "late", "1");
        let shown = expected(&disk);
        if hidden_first {
            store.hide_history();
            assert_eq!(store.counts().operations, 0);
            set(&store, "later", "2");
            assert_eq!(store.counts().operations, 1);
            store.begin_checkpoint(NOW + 1, false).unwrap().unwrap().run().unwrap();
            assert_eq!(history(&store), ["later"]);
        } else {
            store.begin_checkpoint(NOW + 1, true).unwrap().unwrap().run().unwrap();
            assert_eq!(history(&store), Vec::<String>::new());
            assert_eq!(records(&store), shown);
        }
        assert_eq!(records(&store), records(&open_indexed(&disk.after_kill())));
    }
}

#[test]
fn a_log_that_went_on_after_its_index_is_replayed_from_there() {
    let disk = with_long_log();
    let store = open_indexed(&disk);
    set(&store, "id-3", "1000");
    set(&store, "beyond", "1");
    // Killed: no process wrote another index.
    let disk = disk.after_kill();
    let shown = expected(&disk);
    let store = open_indexed(&disk);
    assert_eq!(store.counts().records, shown.len());
    assert_eq!(store.get(b"id-3").unwrap(), Some(b"1000".to_vec()));
    assert_eq!(records(&store), shown);
    assert!(undo(&store));
    assert_eq!(store.get(b"beyond").unwrap(), None);
}

#[test]
fn an_index_with_any_byte_changed_or_cut_anywhere_changes_no_answer() {
    let disk = with_long_log();
    let shown = expected(&disk);
    let path = index_of_log(&disk);
    let whole = disk.tree().remove(&path).unwrap();
    for at in (0..whole.len()).step_by(131) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        for content in [damaged, whole[..at].to_vec()] {
            let disk = disk.after_kill();
            replace(&disk, &path, &content);
            let store = open_indexed(&disk);
            assert_eq!(store.counts().records, shown.len());
            assert_eq!(store.get(b"id-49").unwrap(), Some(b"249".to_vec()));
            assert_eq!(store.get(b"id-7").unwrap(), None);
            assert_eq!(records(&store), shown);
        }
    }
}

#[test]
fn a_log_that_another_program_changed_is_not_looked_up_by_its_old_index() {
    let disk = with_long_log();
    let store = open(&disk);
    let (path, content) = log(&disk, &store);
    store.close().unwrap();
    // Cut by three operations, and longer again than it was.
    let lines: Vec<&str> = content.lines().collect();
    let mut other = lines[..OPERATIONS - 3].join("\n") + "\n";
    for n in 0..5 {
        other += &(line(&format!("other-{n}"), "1") + "\n");
    }
    assert!(other.len() >= content.len());
    replace(&disk, &path, other.as_bytes());
    let store = open_indexed(&disk);
    assert_eq!(store.get(b"old-5").unwrap(), Some(b"0".to_vec()));
    assert_eq!(records(&store), expected(&disk));
}

#[test]
fn a_log_with_a_damaged_line_gets_no_index_and_reports_it_every_time() {
    let disk = with_long_log();
    let store = open(&disk);
    let (path, content) = log(&disk, &store);
    store.close().unwrap();
    disk.unlink(&index_of_log(&disk)).unwrap();
    replace(&disk, &path, content.replacen("\"op\":\"set\"", "\"op\":\"s#t\"", 1).as_bytes());
    for _ in 0..2 {
        let opened = try_open(disk.clone(), indexed()).unwrap();
        assert_eq!(offsets(&opened.report), [0]);
        assert!(!opened.store.has_head());
        opened.store.close().unwrap();
    }
}

#[test]
fn an_index_that_cannot_be_written_fails_nobody_and_a_log_that_cannot_be_synced_is_told() {
    let disk = SimDisk::new();
    let store = open_indexed(&disk);
    set(&store, "a", "1");
    disk.script(Fault::new(CallKind::Create, std::io::ErrorKind::StorageFull).on("/index/ops-"));
    store.close().unwrap();
    let store = open_indexed(&disk);
    set(&store, "b", "2");
    disk.script(Fault::new(CallKind::Sync, std::io::ErrorKind::Other).on("/ops/ops-"));
    assert!(matches!(store.close(), Err(Error::Io { syscall: "fdatasync", .. })));
    assert_eq!(found(&disk), ["a=1", "b=2"]);
}

#[test]
fn a_reader_replays_the_log_itself() {
    let disk = with_long_log();
    let store = try_open(disk.clone(), Options { read_only: true, ..indexed() }).unwrap().store;
    assert!(!store.has_head());
    assert_eq!(records(&store), expected(&disk));
}

#[test]
fn a_scan_from_its_beginning_shows_everything_also_when_it_begins_before_the_replay() {
    let disk = with_long_log();
    let store = open_indexed(&disk);
    let mut text = Vec::new();
    let (cursor, epoch) = store.scan((Cursor::Base(0), 0), 1, &mut text).unwrap().unwrap();
    assert!(cursor != Cursor::End);
    let (cursor, _) = store.scan((cursor, epoch), usize::MAX, &mut text).unwrap().unwrap();
    assert_eq!(cursor, Cursor::End);
}

#[test]
fn the_index_of_a_log_is_not_used_with_another_snapshot() {
    let disk = with_long_log();
    let relative = open(&disk.after_kill()).manifest().current_snapshot;
    let other = relative.replace("snap-", "snap-9");
    let mut snapshot = disk.tree().remove(&path(&relative)).unwrap();
    snapshot.extend_from_slice(b"{\"id\":\"new\",\"data\":1}\n");
    disk.plant(&path(&other), &snapshot).unwrap();
    let manifest = String::from_utf8(disk.tree().remove(&path("manifest.json")).unwrap()).unwrap();
    replace(&disk, &path("manifest.json"), manifest.replace(&relative, &other).as_bytes());
    let expected = expected(&disk);
    assert!(expected.contains(&"new=1".to_owned()));
    let store = open_indexed(&disk);
    assert_eq!(store.counts().records, expected.len());
    assert_eq!(records(&store), expected);
}
