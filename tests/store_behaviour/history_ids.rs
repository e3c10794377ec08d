//! The indexes of the ids in sealed logs: when there are any, that a damaged or stale one is never believed, and that a log
//! that does not have a record is not read for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode};
use opslog::history::{Backward, Event, Forward, Reading, Record};
use opslog::progress::Progress;
use opslog::store::{Options, Prune, Store};
use opslog::verify::verify;

use super::support::*;

const TEXT: &str = "a text that makes the log long enough for an index to be worth its while";

/// Seals a log of 200 operations on records of their own and two on \"hot\".
fn seal(store: &Arc<Store>, name: &str) -> String {
    let log = store.manifest().active_ops;
    set(store, "hot", &format!("[\"{name} first\"]"));
    for n in 0..200 {
        set(store, &format!("{name}-{n}"), &format!("[{n},\"{TEXT}\"]"));
    }
    batch(store, &[("b", "1"), ("hot", &format!("[\"{name} last\"]"))]);
    checkpoint(store).unwrap();
    log
}

fn index_of(log: &str) -> PathBuf {
    path(&format!("index/{}.ids", log.trim_start_matches("ops/")))
}

fn values(disk: &SimDisk, id: &str, writes: bool, is_reverse: bool) -> Vec<String> {
    let record = Record { id: id.into(), writes, from_bytes: 1 };
    let mut found = Vec::new();
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut sink = |event: Event<'_>| {
        if let Event::Change(change) = event
            && &*change.line.id == id.as_bytes()
        {
            found
                .push(String::from_utf8_lossy(&change.bytes[change.line.data.clone().unwrap()]).into_owned());
        }
        Ok(())
    };
    if is_reverse {
        let mut reader = Backward::open(disk, Path::new(ROOT), None).unwrap();
        reader.only(Some(record));
        while reader.step(1000, &mut sink).unwrap() == Reading::GoesOn {}
        found.reverse();
    } else {
        let mut reader = Forward::open(disk, Path::new(ROOT), None, false).unwrap();
        reader.only(Some(record));
        while reader.step(1000, &mut sink).unwrap() == Reading::GoesOn {}
    }
    found
}

fn hot(names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|name| [format!("[\"{name} first\"]"), format!("[\"{name} last\"]")]).collect()
}

#[test]
fn a_checkpoint_builds_the_index_of_the_log_that_it_seals_and_small_logs_have_none() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let log = seal(&store, "one");
    assert!(disk.tree().contains_key(&index_of(&log)));
    set(&store, "small", "1");
    let small = store.manifest().active_ops;
    checkpoint(&store).unwrap();
    assert!(!disk.tree().contains_key(&index_of(&small)));
    assert_eq!(verify(&disk, Path::new(ROOT), &Progress::default()).unwrap().found, 0);
    assert!(verify(&disk, Path::new(ROOT), &Progress::default()).unwrap().foreign.is_empty());
    store.prune(&Prune { now_ms: NOW, ..Prune::default() }).unwrap().unwrap();
    assert!(!disk.tree().contains_key(&index_of(&log)), "it is deleted with its log");
}

#[test]
fn an_index_that_is_missing_is_built_by_a_writer_and_by_no_reader() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let logs = [seal(&store, "one"), seal(&store, "two")];
    let built = disk.tree()[&index_of(&logs[0])].len();
    for log in &logs {
        disk.unlink(&index_of(log)).unwrap();
    }
    assert_eq!(values(&disk, "hot", false, false), hot(&["one", "two"]));
    assert!(!disk.tree().contains_key(&index_of(&logs[0])));
    assert_eq!(values(&disk, "hot", true, true), hot(&["one", "two"]));
    assert_eq!(disk.tree()[&index_of(&logs[0])].len(), built);
    assert!(temporaries(&disk).is_empty());
}

#[test]
fn a_damaged_index_is_not_believed_and_made_again_and_verify_tells_of_it() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let log = seal(&store, "one");
    let index = index_of(&log);
    let whole = disk.tree()[&index].clone();
    for at in (0..whole.len()).step_by(7) {
        let file = disk.open(&index, OpenMode::ReadWrite).unwrap();
        file.write_at(&[whole[at] ^ 0x55], at as u64).unwrap();
        let found = verify(&disk, Path::new(ROOT), &Progress::default()).unwrap();
        assert_eq!(found.found, 1, "{at}");
        assert_eq!(found.damage[0].path, index);
        for id in ["hot", "one-7", "none"] {
            let wanted = match id {
                "hot" => hot(&["one"]),
                "none" => vec![],
                _ => vec![format!("[7,\"{TEXT}\"]")],
            };
            assert_eq!(values(&disk, id, false, at % 2 == 0), wanted, "byte {at}, {id}");
        }
        file.write_at(&[whole[at]], at as u64).unwrap();
    }
    for len in [0, 10, 56, whole.len() - 1, whole.len() + 1] {
        disk.open(&index, OpenMode::ReadWrite).unwrap().set_len(len as u64).unwrap();
        assert_eq!(values(&disk, "hot", true, false), hot(&["one"]), "{len} bytes");
        assert_eq!(disk.tree()[&index].len(), whole.len(), "made again after it had {len} bytes");
    }
}

#[test]
fn the_index_of_another_state_of_a_log_is_not_believed() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let log = seal(&store, "one");
    append_by_another_hand(&disk, &path(&log), &format!("{}\n", line("hot", "[\"late\"]")));
    let mut wanted = hot(&["one"]);
    assert_eq!(values(&disk, "hot", true, false), wanted);
    store.close().unwrap();
    // The writer has taken the late line into its next log.
    wanted.push("[\"late\"]".into());
    assert_eq!(values(&disk, "hot", true, false), wanted);
    let other = SimDisk::new();
    let store = open(&other);
    let second = seal(&store, "two");
    let index = other.tree()[&index_of(&second)].clone();
    other.unlink(&index_of(&second)).unwrap();
    seal(&store, "six");
    let file = other.open(&index_of(&second), OpenMode::CreateNew).unwrap();
    opslog::disk::append_all(&*file, &index).unwrap();
    wanted = hot(&["two", "six"]);
    assert_eq!(values(&other, "hot", false, false), wanted);
}

#[test]
fn a_record_with_most_operations_of_a_log_is_found_as_well_as_the_others() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for n in 0..2000 {
        set(&store, if n % 10 == 0 { "cold" } else { "hot" }, &format!("[{n}]"));
        if n % 100 == 0 {
            set(&store, &format!("single-{n}"), &format!("[{n}]"));
        }
    }
    checkpoint(&store).unwrap();
    let numbers = |wanted: fn(&usize) -> bool| -> Vec<String> {
        (0..2000).filter(wanted).map(|n| format!("[{n}]")).collect()
    };
    for is_reverse in [false, true] {
        assert_eq!(values(&disk, "hot", false, is_reverse), numbers(|n| n % 10 != 0));
        assert_eq!(values(&disk, "cold", false, is_reverse), numbers(|n| n % 10 == 0));
        assert_eq!(values(&disk, "single-1900", false, is_reverse), ["[1900]"]);
        assert!(values(&disk, "single-1901", false, is_reverse).is_empty());
    }
}

#[test]
fn a_log_that_is_read_backward_is_not_pruned_meanwhile() {
    let disk = SimDisk::new();
    let store = open(&disk);
    seal(&store, "one");
    seal(&store, "two");
    let mut reader = Backward::open(Arc::new(disk.clone()), Path::new(ROOT), None).unwrap();
    let mut count = 0;
    let mut sink = |_: Event<'_>| {
        count += 1;
        Ok(())
    };
    reader.step(10, &mut sink).unwrap();
    let everything = Prune { with_snapshots: true, now_ms: NOW, ..Prune::default() };
    store.prune(&everything).unwrap().unwrap();
    while reader.step(1 << 20, &mut sink).unwrap() == Reading::GoesOn {}
    drop(reader);
    assert_eq!(count, 2 * 203);
    assert!(store.prune(&everything).unwrap().unwrap().files > 0);
}

#[test]
fn the_history_of_a_record_under_skip_load_and_of_a_reader_is_the_same() {
    let disk = SimDisk::new();
    let store = open(&disk);
    seal(&store, "one");
    store.close().unwrap();
    let store = try_open(disk.clone(), Options { skip_load: true, ..options() }).unwrap().store;
    set(&store, "hot", "[\"last\"]");
    let mut wanted = hot(&["one"]);
    wanted.push("[\"last\"]".into());
    assert_eq!(values(&disk, "hot", false, false), wanted);
    assert_eq!(values(&disk, "hot", false, true), wanted);
}
