//! Index files of snapshots: used when they fit, made when they are missing, and never believed when they are
//! damaged.

use std::io::ErrorKind;
use std::path::PathBuf;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::engine::Cursor;
use opslog::format::index::{PAGE, checksum};
use opslog::store::{Opened, Options};

use super::support::*;

const RECORDS: usize = 200;

fn indexed() -> Options {
    Options { index_from_bytes: 0, ..options() }
}

fn try_open_indexed(disk: &SimDisk) -> Opened {
    try_open(disk.clone(), indexed()).unwrap()
}

/// A closed store with a snapshot and an index file.
fn with_index() -> SimDisk {
    let disk = SimDisk::new();
    let store = try_open_indexed(&disk).store;
    for n in 0..RECORDS {
        set(&store, &format!("id-{n}"), &n.to_string());
    }
    checkpoint(&store).unwrap();
    assert_eq!(records(&store), expected());
    store.close().unwrap();
    disk
}

fn expected() -> Vec<String> {
    (0..RECORDS).map(|n| format!("id-{n}={n}")).collect()
}

fn files(disk: &SimDisk, ends: &str) -> Vec<PathBuf> {
    disk.tree().into_keys().filter(|path| path.to_string_lossy().ends_with(ends)).collect()
}

fn the_file(disk: &SimDisk, ends: &str) -> PathBuf {
    let found = files(disk, ends);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn snapshot_path(disk: &SimDisk) -> PathBuf {
    path(
        &try_open(disk.clone(), Options { read_only: true, ..options() })
            .unwrap()
            .store
            .manifest()
            .current_snapshot,
    )
}

fn replace(disk: &SimDisk, path: &std::path::Path, content: &[u8]) {
    disk.unlink(path).unwrap();
    disk.plant(path, content).unwrap();
}

/// Whatever is asked, the answer is right: each id, ids that are not there, and all in order.
fn check(opened: &Opened) {
    for n in 0..RECORDS {
        let text = opened.store.get(format!("id-{n}").as_bytes()).unwrap();
        assert_eq!(text, Some(n.to_string().into_bytes()));
    }
    assert_eq!(opened.store.get(b"id-x").unwrap(), None);
    assert_eq!(records(&opened.store), expected());
}

#[test]
fn a_checkpoint_writes_an_index_and_the_next_open_reads_no_record() {
    let disk = with_index();
    the_file(&disk, ".idx");
    let before = disk.calls(CallKind::ReadAt);
    let opened = try_open_indexed(&disk);
    let reads = disk.calls(CallKind::ReadAt) - before;
    assert!(reads <= 8, "{reads} reads");
    assert!(!opened.report.index_rebuilt);
    check(&opened);
}

/// How often files are read while records are looked up, and that each is found.
fn reads_of(disk: &SimDisk, order: impl Iterator<Item = usize>) -> u64 {
    let opened = try_open_indexed(disk);
    let before = disk.calls(CallKind::ReadAt);
    for n in order {
        let text = opened.store.get(format!("id-{n}").as_bytes()).unwrap();
        assert_eq!(text, Some(n.to_string().into_bytes()));
    }
    disk.calls(CallKind::ReadAt) - before
}

#[test]
fn a_lookup_reads_a_page_of_the_index_and_the_record_once() {
    let reads = reads_of(&with_index(), (0..20).map(|n| n * 7));
    assert!(reads <= 41, "{reads} reads");
}

#[test]
fn an_index_that_much_was_read_of_is_held_in_memory() {
    let reads = reads_of(&with_index(), (0..RECORDS).map(|n| n * 77 % RECORDS));
    assert!(reads <= RECORDS as u64 + 70, "{reads} reads");
}

#[test]
fn records_that_are_looked_up_in_their_order_are_read_many_at_once() {
    let reads = reads_of(&with_index(), 0..RECORDS);
    assert!(reads <= RECORDS as u64 / 2, "{reads} reads");
}

#[test]
fn a_scan_of_an_indexed_base_goes_on_where_it_stopped() {
    let opened = try_open_indexed(&with_index());
    let mut cursor = (Cursor::Base(0), 0);
    let mut text = Vec::new();
    let mut steps = 0;
    while cursor.0 != Cursor::End {
        let limit = text.len() + 1;
        cursor = opened.store.scan(cursor, limit, &mut text).unwrap().unwrap();
        steps += 1;
    }
    assert!(steps >= RECORDS);
    let list = String::from_utf8(text).unwrap();
    assert_eq!(list.matches("\"id-").count(), RECORDS);
}

#[test]
fn a_missing_index_is_made_again_by_a_writer_and_by_no_reader() {
    let disk = with_index();
    let path = the_file(&disk, ".idx");
    disk.unlink(&path).unwrap();
    let read_only = try_open(disk.clone(), Options { read_only: true, ..indexed() }).unwrap();
    assert!(read_only.report.index_rebuilt);
    check(&read_only);
    assert_eq!(files(&disk, ".idx"), Vec::<PathBuf>::new());
    let opened = try_open_indexed(&disk);
    assert!(opened.report.index_rebuilt);
    check(&opened);
    assert_eq!(the_file(&disk, ".idx"), path);
    opened.store.close().unwrap();
    assert!(!try_open_indexed(&disk).report.index_rebuilt);
}

#[test]
fn an_index_with_any_byte_changed_or_cut_anywhere_changes_no_answer() {
    let disk = with_index();
    let path = the_file(&disk, ".idx");
    let whole = disk.tree().remove(&path).unwrap();
    let read_only = || try_open(disk.clone(), Options { read_only: true, ..indexed() }).unwrap();
    for at in (0..whole.len()).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        replace(&disk, &path, &damaged);
        check(&read_only());
        replace(&disk, &path, &whole[..at]);
        check(&read_only());
        damaged = whole.clone();
        damaged[at..].fill(0);
        replace(&disk, &path, &damaged);
        check(&read_only());
    }
}

#[test]
fn an_index_whose_checksums_hold_but_whose_places_do_not_never_gives_another_record_nor_fails() {
    let disk = with_index();
    let path = the_file(&disk, ".idx");
    let sound = disk.tree().remove(&path).unwrap();
    for at in PAGE + 16..PAGE + 48 {
        for value in [0, 1, 0x7f, 0xff] {
            let mut lying = sound.clone();
            lying[at] = value;
            for (number, page) in lying.chunks_exact_mut(PAGE).skip(1).enumerate() {
                let sum = checksum(&[&(number as u32).to_le_bytes(), &page[4..]]);
                page[..4].copy_from_slice(&sum.to_le_bytes());
            }
            replace(&disk, &path, &lying);
            let opened = try_open(disk.clone(), Options { read_only: true, ..indexed() }).unwrap();
            for n in 0..RECORDS {
                let text = opened.store.get(format!("id-{n}").as_bytes()).unwrap();
                assert!(text.is_none_or(|text| text == n.to_string().into_bytes()), "byte {at}: {value}");
            }
        }
    }
}

#[test]
fn an_index_that_cannot_be_read_is_made_anew_in_memory() {
    let disk = with_index();
    let opened = try_open_indexed(&disk);
    disk.fail_next(CallKind::ReadAt, 1, ErrorKind::Other, Times::Once);
    check(&opened);
}

#[test]
fn the_index_of_another_snapshot_is_not_used() {
    let disk = with_index();
    let snapshot = snapshot_path(&disk);
    let content = String::from_utf8(disk.tree().remove(&snapshot).unwrap()).unwrap();
    let other = content.replace("{\"id\":\"id-199\",\"data\":199}", "{\"id\":\"id-199\",\"data\":991}");
    assert_eq!(other.len(), content.len());
    replace(&disk, &snapshot, other.as_bytes());
    let opened = try_open_indexed(&disk);
    assert!(opened.report.index_rebuilt);
    assert_eq!(opened.store.get(b"id-199").unwrap(), Some(b"991".to_vec()));
}

#[test]
fn a_snapshot_with_ids_twice_blank_lines_more_than_records_or_no_last_newline_gets_no_index() {
    for (ending, last) in [
        ("{\"id\":\"id-0\",\"data\":7}\n", "id-199=199"),
        ("\n\n", "id-199=199"),
        (" {\"id\":\"z\",\"data\":7}\n", "z=7"),
        ("{\"id\":\"z\",\"data\":7}", "z=7"),
        ("{\"id\":\"z\",\"data\":7,\"more\":8}\n", "z=7"),
    ] {
        let disk = with_index();
        let snapshot = snapshot_path(&disk);
        let mut content = disk.tree().remove(&snapshot).unwrap();
        content.extend_from_slice(ending.as_bytes());
        replace(&disk, &snapshot, &content);
        disk.unlink(&the_file(&disk, ".idx")).unwrap();
        let opened = try_open_indexed(&disk);
        assert!(opened.report.index_rebuilt);
        assert_eq!(files(&disk, ".idx"), Vec::<PathBuf>::new(), "{ending:?}");
        assert_eq!(records(&opened.store).last().unwrap(), last);
        let first = if ending.contains("id-0") { "id-0=7" } else { "id-0=0" };
        assert_eq!(records(&opened.store)[0], first);
    }
}

#[test]
fn an_index_that_cannot_be_written_fails_nobody() {
    for kind in [CallKind::CreateFolder, CallKind::Create, CallKind::Sync, CallKind::Rename] {
        let disk = SimDisk::new();
        let store = try_open_indexed(&disk).store;
        set(&store, "a", "1");
        disk.script(Fault::new(kind, ErrorKind::Other).on("/index").lasting());
        checkpoint(&store).unwrap();
        assert_eq!(records(&store), ["a=1"]);
        disk.heal();
        assert_eq!(found(&disk), ["a=1"]);
        assert_eq!(temporaries(&disk), Vec::<PathBuf>::new());
    }
}

#[test]
fn the_index_of_a_superseded_snapshot_goes() {
    let disk = with_index();
    let before = the_file(&disk, ".idx");
    let store = try_open_indexed(&disk).store;
    set(&store, "id-0", "0");
    store.begin_checkpoint(NOW + 5, true).unwrap().unwrap().run().unwrap();
    assert_ne!(the_file(&disk, ".idx"), before);
    store.close().unwrap();
    check(&try_open_indexed(&disk));
}
