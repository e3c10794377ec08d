//! Another hand appends to the log of an open store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opslog::disk::sim::SimDisk;

use super::hook::HookDisk;
use super::support::*;

#[test]
fn lines_of_another_hand_are_read_before_the_next_write() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let (path, _) = log(&disk, &store);
    append_by_another_hand(&disk, &path, &format!("{}\n", line("b", "2")));
    set(&store, "c", "3");
    assert_eq!(records(&store), ["a=1", "b=2", "c=3"]);
    assert_eq!(found(&disk), ["a=1", "b=2", "c=3"]);
    assert_eq!(store.take_foreign().len(), 1);
    assert!(undo(&store));
    assert!(undo(&store));
    assert_eq!(found(&disk), ["a=1"]);
}

#[test]
fn lines_of_another_hand_are_told_once_and_never_if_they_were_undone_before() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let (path, _) = log(&disk, &store);
    append_by_another_hand(&disk, &path, &format!("{}\n", line("b", "2")));
    set(&store, "c", "3");
    assert_eq!(told(&store), ["b"]);
    append_by_another_hand(&disk, &path, &format!("{}\n{}\n", line("d", "4"), line("e", "5")));
    store.follow().unwrap();
    assert!(undo(&store));
    set(&store, "f", "6");
    assert_eq!(told(&store), ["d"]);
    assert_eq!(told(&store), Vec::<String>::new());
    assert_eq!(records(&store), ["a=1", "b=2", "c=3", "d=4", "f=6"]);
}

#[test]
fn a_torn_line_of_another_hand_does_not_swallow_the_next_write() {
    for torn in ["{\"ts\":\"2026", &line("b", "2")] {
        let disk = SimDisk::new();
        let store = open(&disk);
        set(&store, "a", "1");
        let (path, _) = log(&disk, &store);
        append_by_another_hand(&disk, &path, torn);
        set(&store, "c", "3");
        set(&store, "d", "4");
        let expected = records(&store);
        assert_eq!(expected.last().unwrap(), "d=4");
        assert_eq!(found(&disk), expected);
        assert!(undo(&store));
        assert_eq!(found(&disk), records(&store));
    }
}

#[test]
fn lines_of_another_hand_during_a_checkpoint_get_into_the_next_log() {
    for nth in 1..20 {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let store = try_open(disk.clone(), options()).unwrap().store;
        set(&store, "a", "1");
        let (path, _) = log(&sim, &store);
        let (late, other) = (std::sync::Arc::clone(&store), sim.clone());
        let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
        disk.before(nth, move || {
            if late.manifest().generation > 1 {
                return;
            }
            set(&late, "b", "2");
            append_by_another_hand(&other, &path, &format!("{}\n", line("c", "3")));
            set(&late, "d", "4");
        });
        begun.run().unwrap();
        disk.clear();
        // During publication, where either log may count, it comes behind what the store wrote.
        let mut expected = records(&store);
        assert!(matches!(expected.len(), 1 | 4), "{expected:?}");
        assert_eq!(found(&sim), expected);
        if expected.len() == 4 {
            assert!(undo(&store));
            expected.pop();
            assert_eq!(found(&sim), expected);
        }
    }
}

#[test]
fn a_log_that_another_hand_has_cut_is_not_written_to() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    set(&store, "b", "2");
    let (path, content) = log(&disk, &store);
    let half = content.lines().next().unwrap().len() + 1;
    use opslog::disk::{Disk, OpenMode};
    disk.open(&path, OpenMode::ReadWrite).unwrap().set_len(half as u64).unwrap();
    assert!(try_set(&store, "c", "3").is_err());
    assert_eq!(found(&disk), ["a=1"]);
}

#[test]
fn an_operation_whose_line_is_another_one_is_an_error_and_no_deletion() {
    use opslog::disk::{Disk, OpenMode};
    use opslog::engine::text::is_displaced;
    use opslog::engine::{Operation, Place, Text};
    use opslog::format::operation::Kind;
    let line = line("a", "1");
    for other in [line.replace("set", "###"), line.replace("\"a\"", "\"b\"")] {
        let disk = SimDisk::new();
        disk.plant(&path("log"), other.as_bytes()).unwrap();
        let file = disk.open(&path("log"), OpenMode::Read).unwrap();
        let operation = Operation {
            id: b"a".as_slice().into(),
            kind: Kind::Set,
            line: Text::at(&file, 0, other.len()),
            before: None,
            stood: Place::BELOW,
            batch: None,
            origin: None,
            version: 1,
        };
        assert!(is_displaced(&operation.data().err().unwrap()));
    }
}

#[test]
fn a_torn_end_that_another_hand_goes_on_with_before_any_call_of_an_open_is_not_cut_off_with_what_it_wrote() {
    let mut went_on_often = 0;
    for nth in 1.. {
        let sim = SimDisk::new();
        let store = open(&sim);
        set(&store, "a", "1");
        let (path, _) = log(&sim, &store);
        store.close().unwrap();
        let whole = format!("{}\n", line("b", "2"));
        let (first, rest) = whole.split_at(30);
        append_by_another_hand(&sim, &path, first);
        let disk = HookDisk::new(sim.clone());
        let (other, first, later) = (sim.clone(), first.to_owned(), rest.to_owned());
        let went_on = Arc::new(AtomicBool::new(false));
        let (log_path, tells) = (path.clone(), Arc::clone(&went_on));
        disk.before(nth, move || {
            if String::from_utf8_lossy(&other.tree()[&log_path]).ends_with(&first) {
                append_by_another_hand(&other, &log_path, &later);
                tells.store(true, Ordering::Relaxed);
            }
        });
        let opened = try_open(disk.clone(), options());
        let is_over = disk.clear() < nth;
        drop(opened);
        // Once its first part was cut off, it does not go on.
        if went_on.load(Ordering::Relaxed) {
            went_on_often += 1;
            assert_eq!(found(&sim), ["a=1", "b=2"], "before call {nth}");
        }
        if is_over {
            break;
        }
    }
    assert!(went_on_often > 10, "only {went_on_often} times");
}
