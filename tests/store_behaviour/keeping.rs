//! Operations that stay open to undo across checkpoints: which ones, that a crash at any call of the disk in either of two
//! cycles loses and doubles nothing, and that a store that keeps none reads the folder as any other.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use opslog::disk::sim::SimDisk;
use opslog::history::Position;
use opslog::store::{Options, Prune, Store, When};

use super::support::*;

fn keeping(disk: &SimDisk, operations: usize) -> Arc<Store> {
    let store = open(disk);
    store.keep_undoable(operations);
    store
}

fn set_all(store: &Store, ids: &[&str]) {
    for (n, id) in ids.iter().enumerate() {
        set(store, id, &format!("[\"{id}\",{n}]"));
    }
}

#[test]
fn a_checkpoint_leaves_the_last_operations_in_the_log_and_a_reopened_store_undoes_them() {
    let disk = SimDisk::new();
    let store = keeping(&disk, 3);
    set_all(&store, &["a", "b", "c", "d", "b"]);
    delete(&store, "c");
    let all = records(&store);
    checkpoint(&store).unwrap();
    assert_eq!(history(&store), ["d", "b", "c"]);
    assert_eq!(records(&store), all);
    store.close().unwrap();
    let store = keeping(&disk, 3);
    assert_eq!(history(&store), ["d", "b", "c"]);
    assert_eq!(records(&store), all);
    assert!(undo(&store) && undo(&store) && undo(&store) && !undo(&store));
    assert_eq!(records(&store), ["a=[\"a\",0]", "b=[\"b\",1]", "c=[\"c\",2]"]);
    store.close().unwrap();
    assert_eq!(records(&open(&disk)), ["a=[\"a\",0]", "b=[\"b\",1]", "c=[\"c\",2]"]);
}

#[test]
fn a_batch_at_the_edge_stays_as_a_whole_and_is_undone_as_a_whole() {
    let disk = SimDisk::new();
    let store = keeping(&disk, 2);
    set(&store, "a", "1");
    batch(&store, &[("b", "1"), ("c", "2"), ("d", "3")]);
    set(&store, "e", "4");
    checkpoint(&store).unwrap();
    assert_eq!(history(&store), ["b", "c", "d", "e"]);
    assert!(undo(&store));
    assert_eq!(store.undo_batch().unwrap().len(), 3);
    assert_eq!(records(&store), ["a=1"]);
    store.close().unwrap();
    assert_eq!(records(&open(&disk)), ["a=1"]);
}

#[test]
fn a_record_that_a_kept_operation_deletes_or_replaces_comes_back_in_its_place() {
    for kept in 0..8 {
        let disk = SimDisk::new();
        let store = keeping(&disk, kept);
        set_all(&store, &["a", "b", "c"]);
        checkpoint(&store).unwrap();
        let mut states = vec![records(&store)];
        let steps: [&dyn Fn(); 6] = [
            &|| delete(&store, "b"),
            &|| set(&store, "b", "\"again\""),
            &|| set(&store, "a", "\"other\""),
            &|| delete(&store, "a"),
            &|| set(&store, "d", "\"new\""),
            &|| delete(&store, "d"),
        ];
        for step in steps {
            step();
            states.push(records(&store));
        }
        checkpoint(&store).unwrap();
        assert_eq!(records(&store), states[6], "{kept}");
        let shown = history(&store).len();
        assert!(shown >= kept.min(6), "{kept}: {shown}");
        let mut undone = 0;
        while undone < 6 && undo(&store) {
            undone += 1;
            let mut found = records(&store);
            let mut wanted = states[6 - undone].clone();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{kept}, {undone} undone");
        }
        assert_eq!(undone, kept.min(6));
    }
}

#[test]
fn checkpoints_one_after_the_other_carry_the_same_operations_on_and_the_next_ones_push_them_out() {
    let disk = SimDisk::new();
    let store = keeping(&disk, 2);
    set_all(&store, &["a", "b", "c"]);
    for _ in 0..3 {
        checkpoint(&store).unwrap();
        assert_eq!(history(&store), ["b", "c"]);
    }
    assert!(!store.is_checkpoint_due_on_close(true));
    set(&store, "d", "4");
    assert!(store.is_checkpoint_due_on_close(true));
    checkpoint(&store).unwrap();
    assert_eq!(history(&store), ["c", "d"]);
    store.close().unwrap();
    let store = open(&disk);
    assert_eq!(history(&store), ["c", "d"]);
    checkpoint(&store).unwrap();
    assert!(history(&store).is_empty());
    assert!(!undo(&store));
    assert_eq!(records(&store).len(), 4);
}

#[test]
fn the_threshold_counts_the_operations_behind_those_that_are_kept() {
    let disk = SimDisk::new();
    let options = Options { checkpoint_threshold: 3.0, ..options() };
    let store = try_open(disk, options).unwrap().store;
    store.keep_undoable(5);
    let mut due = Vec::new();
    for n in 0..20 {
        set(&store, &format!("id{n}"), "1");
        if store.is_checkpoint_pending() {
            due.push(n + 1);
            store.begin_checkpoint(NOW, false).unwrap().unwrap().run().unwrap();
            assert_eq!(history(&store).len(), 5);
        }
    }
    assert_eq!(due, [8, 11, 14, 17, 20]);
}

#[test]
fn the_state_behind_a_position_is_found_after_its_operation_was_carried_to_another_log() {
    for checkpoints in 0..3 {
        let disk = SimDisk::new();
        let store = keeping(&disk, 4);
        set_all(&store, &["gone", "other"]);
        store.keep_undoable(0);
        checkpoint(&store).unwrap();
        store.keep_undoable(4);
        delete(&store, "gone");
        set(&store, "other", "2");
        let place = When::At(Position::parse(&store.position().unwrap()).unwrap());
        for _ in 0..checkpoints {
            checkpoint(&store).unwrap();
        }
        set(&store, "gone", "3");
        let past = store.past(&store.present().unwrap().unwrap(), &place, &AtomicBool::new(false)).unwrap();
        assert!(!store.has_past(&past, b"gone").unwrap(), "{checkpoints}");
        assert_eq!(store.get_past(&past, b"other").unwrap().unwrap(), b"2");
        assert_eq!(past.count(), 1, "{checkpoints}");
    }
}

#[test]
fn an_archive_takes_all_operations_along() {
    let disk = SimDisk::new();
    let store = keeping(&disk, 10);
    set_all(&store, &["a", "b"]);
    archive(&store, &["a"]).unwrap();
    assert!(history(&store).is_empty());
    store.close().unwrap();
    assert_eq!(records(&open(&disk)), ["b=[\"b\",1]"]);
}

#[test]
fn a_reader_follows_and_the_history_that_is_kept_is_pruned_behind_it() {
    let disk = SimDisk::new();
    let store = keeping(&disk, 2);
    let reader = reader(&disk);
    let mut told_ids = Vec::new();
    for n in 0..12 {
        set(&store, &format!("id{n}"), &n.to_string());
        if n % 3 == 2 {
            checkpoint(&store).unwrap();
        }
        if n % 4 == 1 {
            reader.follow().unwrap();
            told_ids.extend(told(&reader));
        }
    }
    reader.follow().unwrap();
    told_ids.extend(told(&reader));
    assert_eq!(told_ids, (0..12).map(|n| format!("id{n}")).collect::<Vec<_>>());
    assert_eq!(records(&reader), records(&store));
    store.prune(&Prune { with_snapshots: true, now_ms: NOW, ..Prune::default() }).unwrap().unwrap();
    assert_eq!(history(&store), ["id10", "id11"]);
    assert!(undo(&store));
}

/// What is there after a number of operations: ids by their last value.
fn cycle(store: &Arc<Store>, from: usize, done: &mut usize) -> Result<(), ()> {
    for n in from..from + 4 {
        try_set(store, &format!("id{}", n % 3), &n.to_string()).map_err(drop)?;
        *done = n + 1;
    }
    checkpoint(store).map_err(drop)?;
    match try_undo(store) {
        Ok(true) => *done -= 1,
        Ok(false) => panic!("there is something to undo"),
        Err(_) => return Err(()),
    }
    Ok(())
}

fn state_after(operations: &[usize]) -> Vec<String> {
    let mut last = std::collections::BTreeMap::new();
    for n in operations {
        last.insert(n % 3, *n);
    }
    last.into_iter().map(|(id, n)| format!("id{id}={n}")).collect()
}

#[test]
fn a_crash_at_any_call_in_either_of_two_cycles_loses_and_doubles_nothing() {
    let mut reached = 0;
    for first in 1..400u64 {
        let disk = SimDisk::new();
        let store = keeping(&disk, 2);
        store.close().unwrap();
        let mut disk = disk.after_kill();
        let mut before: Vec<usize> = Vec::new();
        for round in 0..2u64 {
            let store = keeping(&disk, 2);
            let mut sorted = records(&store);
            sorted.sort();
            assert_eq!(sorted, state_after(&before), "crash at {first}, round {round}");
            let kept = history(&store).len();
            assert!(
                round == 0 || before.len() < 4 || kept >= 1,
                "crash at {first}: {kept} operations are kept"
            );
            let from = before.last().map_or(0, |last| last + 1);
            disk.crash_after(if round == 0 { first } else { first * 7 % 60 + 1 });
            let mut done = from;
            let ended = cycle(&store, from, &mut done);
            reached += usize::from(ended.is_err());
            drop(store);
            disk = disk.after_kill();
            // The last call may have been carried out although its writer did not hear of it.
            let found = {
                let store = keeping(&disk.after_kill(), 2);
                let mut found = records(&store);
                found.sort();
                found
            };
            let candidates = [done, done + 1, done.saturating_sub(1)];
            let fitting = candidates.iter().find(|done| {
                let mut operations = before.clone();
                operations.extend(from..**done.max(&&from));
                state_after(&operations) == found
            });
            let fitting = fitting
                .unwrap_or_else(|| panic!("crash at {first}, round {round}: {found:?}, {done} were done"));
            before.extend(from..*fitting.max(&from));
        }
    }
    assert!(reached > 50, "{reached}");
}
