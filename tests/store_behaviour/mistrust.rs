//! An index file and what it speaks of, when one of them is not what it was: no wrong answer, no lost record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::error::Error;
use opslog::format::index::PAGE;
use opslog::store::{Options, Store};

use super::support::*;

fn indexed() -> Options {
    Options { index_from_bytes: 0, ..options() }
}

fn open_indexed(disk: &SimDisk) -> Arc<Store> {
    try_open(disk.clone(), indexed()).unwrap().store
}

/// A store that was closed, with these records in its log or, checkpointed, in its snapshot.
fn closed(records: &[(&str, &str)], checkpointed: bool) -> SimDisk {
    let disk = SimDisk::new();
    let store = open_indexed(&disk);
    for (id, value) in records {
        set(&store, id, value);
    }
    if checkpointed {
        checkpoint(&store).unwrap();
    }
    store.close().unwrap();
    disk
}

fn file(disk: &SimDisk, part: &str) -> PathBuf {
    let newest = disk.tree().into_keys().rfind(|path| path.to_string_lossy().contains(part));
    newest.unwrap()
}

/// Changes a file's text.
fn rewrite(disk: &SimDisk, path: &Path, change: impl Fn(&str) -> String) {
    let before = String::from_utf8(disk.tree().remove(path).unwrap()).unwrap();
    let after = change(&before);
    assert_ne!(before, after);
    disk.unlink(path).unwrap();
    disk.plant(path, after.as_bytes()).unwrap();
}

#[test]
fn a_log_that_was_cut_and_went_on_to_the_same_end_is_not_looked_up_by_its_old_index() {
    let long = format!("\"{}\"", "x".repeat(10_000));
    let disk = closed(&[("first", "1"), ("one", "2"), ("long", &long)], false);
    assert!(open_indexed(&disk.after_kill()).has_head());
    let size = |disk: &SimDisk, path: &Path| disk.tree()[path].len();
    let log = file(&disk, "/ops/ops-");
    let before = size(&disk, &log);
    // Undone twice, and set again a minute later: only the id is another.
    rewrite(&disk, &log, |text| {
        let (first, rest) = text.split_once('\n').unwrap();
        let later = rest.replace("\"one\"", "\"two\"").replace("T22:13:20", "T22:14:20");
        format!("{first}\n{later}")
    });
    assert_eq!(size(&disk, &log), before);
    let store = open_indexed(&disk);
    assert_eq!(store.get(b"two").unwrap(), Some(b"2".to_vec()));
    assert_eq!(store.get(b"one").unwrap(), None);
}

#[test]
fn a_malformed_line_of_another_hand_is_reported_by_every_open() {
    let disk = SimDisk::new();
    let store = open_indexed(&disk);
    set(&store, "a", "1");
    let (path, _) = log(&disk, &store);
    append_by_another_hand(&disk, &path, &format!("no operation\n{}\n", line("b", "2")));
    set(&store, "c", "3");
    store.close().unwrap();
    for _ in 0..2 {
        let opened = try_open(disk.clone(), indexed()).unwrap();
        assert_eq!(opened.report.skipped.len(), 1);
        assert_eq!(records(&opened.store), ["a=1", "b=2", "c=3"]);
        opened.store.close().unwrap();
    }
}

#[test]
fn a_damaged_index_of_a_log_with_blank_lines_is_made_anew_from_the_log() {
    let disk = closed(&[("a", "1"), ("b", "2")], false);
    rewrite(&disk, &file(&disk, "/ops/ops-"), |text| format!("\u{feff} {}", text.replace('\n', "\n\n")));
    open_indexed(&disk).close().unwrap();
    let index = file(&disk, "/index/ops-");
    let mut damaged = disk.tree().remove(&index).unwrap();
    damaged[PAGE + 100] ^= 1;
    disk.unlink(&index).unwrap();
    disk.plant(&index, &damaged).unwrap();
    let store = open_indexed(&disk);
    assert!(store.has_head());
    assert_eq!(store.get(b"a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(store.get(b"b").unwrap(), Some(b"2".to_vec()));
    assert_eq!(records(&store), ["a=1", "b=2"]);
}

#[test]
fn a_record_that_was_damaged_after_it_was_indexed_is_told_as_corrupt() {
    for (checkpointed, part) in [(true, "/snapshots/snap-"), (false, "/ops/ops-")] {
        let disk =
            closed(&[("a", "[1]"), ("b", "[2]"), ("c", &format!("\"{}\"", "x".repeat(9_000)))], checkpointed);
        rewrite(&disk, &file(&disk, part), |text| text.replace("[2]", "[#]"));
        let store = open_indexed(&disk);
        assert_eq!(store.get(b"a").unwrap(), Some(b"[1]".to_vec()));
        let error = store.get(b"b").unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("at byte"), "{error}");
    }
}

#[test]
fn a_checkpoint_of_a_snapshot_that_lost_a_line_fails_and_the_old_one_stays() {
    let long = format!("\"{}\"", "x".repeat(9_000));
    let disk = closed(&[("a", "1"), ("b", "2"), ("c", &long)], true);
    rewrite(&disk, &file(&disk, "/snapshots/snap-"), |text| text.replace("2}\n", "2} "));
    let store = open_indexed(&disk);
    set(&store, "d", "4");
    let before = store.manifest();
    assert!(matches!(checkpoint(&store), Err(Error::Corrupt { .. })));
    assert_eq!(store.manifest(), before);
    assert_eq!(store.get(b"c").unwrap(), Some(long.into_bytes()));
    assert_eq!(temporaries(&disk), Vec::<PathBuf>::new());
    store.close().unwrap();
    let store = open_indexed(&disk);
    assert_eq!(store.get(b"d").unwrap(), Some(b"4".to_vec()));
}

/// Records long enough that the first ones stand before the end that an index knows by its checksum.
fn long_records() -> Vec<(String, String)> {
    (0..20).map(|n| (format!("id-{n:02}"), format!("\"{n:02}{}\"", "x".repeat(700)))).collect()
}

/// A closed store in whose snapshot, or log, two equally long lines were exchanged by hand.
fn with_exchanged_lines(checkpointed: bool) -> SimDisk {
    let values = long_records();
    let list: Vec<_> = values.iter().map(|(id, value)| (id.as_str(), value.as_str())).collect();
    let disk = closed(&list, checkpointed);
    rewrite(&disk, &file(&disk, if checkpointed { "/snapshots/snap-" } else { "/ops/ops-" }), |text| {
        let mut lines: Vec<_> = text.split('\n').collect();
        lines.swap(3, 5);
        lines.join("\n")
    });
    disk
}

#[test]
fn an_index_of_a_file_in_which_lines_were_exchanged_is_made_anew_for_whatever_asks_first() {
    for checkpointed in [true, false] {
        for first in long_records() {
            let disk = with_exchanged_lines(checkpointed);
            for read_only in [false, true] {
                let store = try_open(disk.clone(), Options { read_only, ..indexed() }).unwrap().store;
                // A reader replays the log.
                assert_eq!(store.has_head(), !checkpointed && !read_only);
                for (id, value) in [first.clone()].iter().chain(&long_records()) {
                    assert!(store.has(id.as_bytes()).unwrap(), "{id}");
                    assert_eq!(store.get(id.as_bytes()).unwrap(), Some(value.clone().into_bytes()), "{id}");
                }
                assert_eq!(records(&store).len(), 20);
            }
        }
    }
}

#[test]
fn a_store_whose_index_does_not_fit_changes_deletes_archives_and_compacts_each_record() {
    for (id, _) in long_records() {
        let disk = with_exchanged_lines(true);
        let store = open_indexed(&disk);
        set(&store, &id, "1");
        checkpoint(&store).unwrap();
        assert_eq!(records(&store).len(), 20);
        let disk = with_exchanged_lines(true);
        let store = open_indexed(&disk);
        delete(&store, &id);
        assert_eq!(store.counts().records, 19);
        checkpoint(&store).unwrap();
        assert_eq!(records(&store).len(), 19);
        let disk = with_exchanged_lines(true);
        let store = open_indexed(&disk);
        archive(&store, &[&id]).unwrap();
        store.close().unwrap();
        assert_eq!(records(&open_indexed(&disk)).len(), 19);
    }
}

#[test]
fn a_compaction_after_an_id_was_changed_by_hand_can_be_done_once_the_store_was_opened_again() {
    let values = long_records();
    let list: Vec<_> = values.iter().map(|(id, value)| (id.as_str(), value.as_str())).collect();
    let disk = closed(&list, true);
    rewrite(&disk, &file(&disk, "/snapshots/snap-"), |text| text.replace("\"id-03\"", "\"id-xx\""));
    let store = open_indexed(&disk);
    // The index knows no such id, and no line that it leads to shows that it does not fit.
    set(&store, "id-xx", "1");
    assert!(matches!(checkpoint(&store), Err(Error::Corrupt { .. })));
    store.close().unwrap();
    let store = open_indexed(&disk);
    assert_eq!(store.get(b"id-xx").unwrap(), Some(b"1".to_vec()));
    assert_eq!(records(&store).len(), 20);
    checkpoint(&store).unwrap();
    assert_eq!(records(&store).len(), 20);
}
