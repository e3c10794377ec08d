//! What `close()` does to the batches of a log: each line becomes a valid end of its batch, at the cost of a few calls.

use opslog::disk::sim::{CallKind, SimDisk};

use crate::support::{batch, log, open, records, set, undo};

/// Writes batches of `count` small operations, a value of `between` bytes behind each.
fn write_batches(store: &opslog::store::Store, batches: usize, count: usize, between: usize) {
    for number in 0..batches {
        let ids: Vec<_> = (0..count).map(|at| format!("{number}-{at}")).collect();
        let sets: Vec<_> = ids.iter().map(|id| (id.as_str(), "1")).collect();
        batch(store, &sets);
        set(store, "between", &format!("\"{}\"", "x".repeat(between)));
    }
}

/// The log's text before and after `close()`, and how many calls that read or write a place `close()` made.
fn closed(disk: &SimDisk, store: &opslog::store::Store) -> (String, String, u64) {
    let calls = || disk.calls(CallKind::ReadAt) + disk.calls(CallKind::WriteAt);
    let (_, before) = log(disk, store);
    let made = calls();
    store.close().unwrap();
    let made = calls() - made;
    let (_, after) = log(disk, store);
    (before, after, made)
}

#[test]
fn closing_ends_every_batch_of_a_log_in_few_calls_and_changes_nothing_else() {
    for (batches, count, between) in [(1, 20_000, 1), (40, 3, 70_000), (3, 500, 2_000_000), (200, 2, 1)] {
        let disk = SimDisk::new();
        let store = open(&disk);
        write_batches(&store, batches, count, between);
        let (before, after, calls) = closed(&disk, &store);
        assert!(before.contains(r#""batch":"more""#));
        assert_eq!(after, before.replace(r#""batch":"more""#, r#""batch":"last""#));
        let blocks = before.len() as u64 / (1 << 20) + batches as u64;
        assert!(calls <= 2 * blocks + 20, "{calls} calls for {blocks} blocks");
        let store = open(&disk);
        assert_eq!(records(&store).len(), batches * count + 1);
    }
}

#[test]
fn closing_leaves_a_lone_marker_in_a_value_as_it_is() {
    let disk = SimDisk::new();
    let store = open(&disk);
    batch(&store, &[("a", r#"{"x":",\"batch\":\"more\"","batch":"more"}"#), ("b", "2")]);
    let (before, after, _) = closed(&disk, &store);
    assert_eq!(after.matches(r#""batch":"more""#).count(), before.matches(r#""batch":"more""#).count() - 1);
    assert_eq!(records(&open(&disk))[0], r#"a={"x":",\"batch\":\"more\"","batch":"more"}"#);
}

#[test]
fn a_kill_at_any_call_of_closing_loses_nothing_of_a_batch_twice_in_a_row() {
    for call in 1.. {
        let disk = SimDisk::new();
        let store = open(&disk);
        write_batches(&store, 3, 4, 70_000);
        let expected = records(&store);
        disk.crash_after_partly(call, call * 7919);
        let _ = store.close();
        let is_over = !disk.crashed();
        drop(store);
        let disk = disk.after_kill();
        let store = open(&disk);
        assert_eq!(records(&store), expected, "call {call}");
        batch(&store, &[("again", "1"), ("more", "2")]);
        disk.crash_after_partly(call, call * 104_729);
        let _ = store.close();
        drop(store);
        let store = open(&disk.after_kill());
        assert_eq!(records(&store).len(), expected.len() + 2, "call {call}");
        assert!(undo(&store));
        if is_over {
            break;
        }
    }
}
