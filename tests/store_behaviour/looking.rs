//! A look on the thread that runs JS: what it costs, what it takes in, and what it leaves to another thread.

use opslog::disk::sim::{CallKind, SimDisk};
use opslog::store::{Followed, Look, Store};

use super::support::*;

fn at_once(store: &Store) -> Followed {
    match store.follow_at_once().unwrap() {
        Look::Done(followed) => followed,
        Look::Later(_) => panic!("it leaves something for later"),
    }
}

/// Looks at once, and goes on if that leaves something. Returns the ids told of, and whether it went on.
fn look(store: &Store) -> (Vec<String>, bool) {
    match store.follow_at_once().unwrap() {
        Look::Done(_) => (told(store), false),
        Look::Later(so_far) => {
            store.follow_on(so_far).unwrap();
            (told(store), true)
        }
    }
}

/// A reader that has looked once, so that it knows the manifest.
fn settled_reader(disk: &SimDisk) -> std::sync::Arc<Store> {
    let reader = reader(disk);
    reader.follow().unwrap();
    reader
}

#[test]
fn a_look_that_finds_nothing_new_takes_a_few_calls_whatever_the_size_of_the_log() {
    let mut calls = Vec::new();
    for count in [1, 500] {
        let disk = SimDisk::new();
        let writer = open(&disk);
        for n in 0..count {
            set(&writer, &format!("r{n}"), "1");
        }
        let reader = settled_reader(&disk);
        let before: Vec<u64> = CallKind::ALL.iter().map(|kind| disk.calls(*kind)).collect();
        assert!(at_once(&reader).is_empty());
        let after = CallKind::ALL.iter().map(|kind| disk.calls(*kind));
        calls.push(after.zip(before).map(|(after, before)| after - before).collect::<Vec<_>>());
    }
    assert_eq!(calls[0], calls[1]);
    assert!(calls[0].iter().sum::<u64>() <= 8, "{:?}", calls[0]);
}

#[test]
fn a_look_takes_in_at_once_what_is_little() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = settled_reader(&disk);
    set(&writer, "a", "1");
    batch(&writer, &[("b", "2"), ("c", "3")]);
    at_once(&reader);
    assert_eq!(told(&reader), ["a", "b", "c"]);
    assert_eq!(records(&reader), records(&writer));
    assert!(undo(&writer));
    set(&writer, "d", "3");
    let followed = at_once(&reader);
    assert_eq!((told(&reader), followed.undone), (vec!["d".to_owned()], 1));
    assert_eq!(records(&reader), records(&writer));
}

#[test]
fn a_look_leaves_a_checkpoint_and_what_is_much_for_later_and_tells_of_all_of_it_once() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = settled_reader(&disk);
    set(&writer, "a", "1");
    checkpoint(&writer).unwrap();
    set(&writer, "b", "2");
    assert_eq!(look(&reader), (vec!["a".to_owned(), "b".to_owned()], true));
    let long = format!("\"{}\"", "x".repeat(300_000));
    set(&writer, "c", &long);
    assert_eq!(look(&reader), (vec!["c".to_owned()], true));
    assert_eq!(look(&reader), (Vec::new(), false));
}

#[test]
fn a_look_that_finds_a_deletion_taken_back_loads_everything_and_tells_of_what_it_had_come_upon() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    set(&writer, "a", "1");
    set(&writer, "b", "2");
    delete(&writer, "a");
    let reader = settled_reader(&disk);
    assert!(undo(&writer));
    set(&writer, "c", "3");
    let Look::Later(so_far) = reader.follow_at_once().unwrap() else { panic!("it cannot know the order") };
    let followed = reader.follow_on(so_far).unwrap();
    assert!(followed.reloaded);
    assert_eq!(told(&reader), ["c"]);
    assert_eq!(records(&reader), ["a=1", "b=2", "c=3"]);
}

#[test]
fn a_long_tail_is_told_whole_whatever_pieces_it_is_read_in() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = settled_reader(&disk);
    let longer_than_a_piece = format!("\"{}\"", "y".repeat(3 << 20));
    let long = format!("\"{}\"", "x".repeat(200_000));
    let mut expected = Vec::new();
    for n in 0..12 {
        set(&writer, &format!("s{n}"), &long);
        expected.push(format!("s{n}"));
    }
    set(&writer, "one", &longer_than_a_piece);
    let names: Vec<String> = (0..15).map(|n| format!("b{n}")).collect();
    batch(&writer, &names.iter().map(|name| (name.as_str(), long.as_str())).collect::<Vec<_>>());
    set(&writer, "last", "1");
    expected.push("one".to_owned());
    expected.extend(names);
    expected.push("last".to_owned());
    assert_eq!(look(&reader), (expected, true));
    assert_eq!(records(&reader), records(&writer));
    assert_eq!(look(&reader), (Vec::new(), false));
}

#[test]
fn a_malformed_line_in_a_long_tail_is_told_once() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = settled_reader(&disk);
    let long = format!("\"{}\"", "x".repeat(400_000));
    let (path, _) = log(&disk, &writer);
    for n in 0..3 {
        append_by_another_hand(&disk, &path, &format!("{}\n", line(&format!("a{n}"), &long)));
        append_by_another_hand(&disk, &path, "no operation\n");
        append_by_another_hand(&disk, &path, &format!("{}\n", line(&format!("b{n}"), &long)));
    }
    let followed = reader.follow().unwrap();
    assert_eq!(told(&reader), ["a0", "b0", "a1", "b1", "a2", "b2"]);
    assert_eq!(followed.skipped.len(), 3);
    assert!(reader.follow().unwrap().is_empty());
}

#[test]
fn a_reader_follows_a_log_that_nobody_may_write_to() {
    let disk = SimDisk::new();
    let writer = open(&disk);
    let reader = settled_reader(&disk);
    set(&writer, "a", "1");
    let (path, _) = log(&disk, &writer);
    disk.set_access(&path, true, false).unwrap();
    at_once(&reader);
    assert_eq!(told(&reader), ["a"]);
    assert!(reader.follow().unwrap().is_empty());
}

#[test]
fn operations_that_are_read_in_pieces_beside_undos_leave_none_out_that_stays() {
    for undone in 0..=3 {
        for first in [1, 60, 150, 100_000] {
            let disk = SimDisk::new();
            let store = open(&disk);
            batch(&store, &[("a", "1"), ("b", "1"), ("c", "1")]);
            let path = path(&store.manifest().active_ops);
            let mut cursor = opslog::wal::WalCursor::open(&disk, &path).unwrap();
            let mut read = ids(&cursor.next_chunk(first).unwrap());
            for _ in 0..undone {
                assert!(undo(&store));
            }
            set(&store, "long", &format!("\"{}\"", "x".repeat(300)));
            set(&store, "d", "1");
            loop {
                let more = ids(&cursor.next_chunk(100).unwrap());
                if more.is_empty() {
                    break;
                }
                read.extend(more);
            }
            assert_eq!(cursor.skipped(), 0);
            // What was undone after it was read is among them.
            let stays = history(&store);
            let mut rest = read.iter();
            assert!(stays.iter().all(|id| rest.any(|there| there == id)), "{undone}, {first}: {read:?}");
            assert!(read.len() <= stays.len() + undone, "{undone}, {first}: {read:?}");
        }
    }
}
