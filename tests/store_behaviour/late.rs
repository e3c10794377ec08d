//! Operations in the middle of a checkpoint, at each of its calls.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::error::Error;
use opslog::store::{Durability, Options, Rejected, Store};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::support::*;

/// Runs a checkpoint with operations before its n-th call. Returns whether it has that many calls.
fn interrupted(
    nth: u64,
    failing: Option<(CallKind, u64)>,
    check: impl Fn(&SimDisk, &Arc<Store>, opslog::Result<()>),
) -> bool {
    let disk = HookDisk::new(SimDisk::new());
    let sim = disk.sim().clone();
    let store = try_open(disk.clone(), options()).unwrap().store;
    for id in ["a", "b", "c"] {
        set(&store, id, "1");
    }
    checkpoint(&store).unwrap();
    set(&store, "d", "2");
    set(&store, "a", "3");
    let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
    assert_eq!(history(&store), Vec::<String>::new());
    assert!(!undo(&store), "frozen operations are not undone");
    if let Some((kind, nth)) = failing {
        sim.fail_next(kind, nth, 5, Times::Once);
    }
    let (late, before) = (Arc::clone(&store), disk.clear());
    disk.before(nth, move || {
        set(&late, "a", "4");
        delete(&late, "b");
        if failing.is_none() {
            batch(&late, &[("e", "5"), ("b", "6"), ("f", "7")]);
        } else {
            // An undo within a batch syncs, and the failure is to strike the checkpoint.
            batch(&late, &[("e", "5"), ("b", "6")]);
            set(&late, "f", "7");
        }
        assert!(undo(&late));
        set(&late, "g", "8");
        assert!(undo(&late));
        late.begin_batch();
        delete(&late, "c");
        late.abandon_batch();
    });
    let result = begun.run();
    if disk.clear() < before + nth {
        return false;
    }
    check(&sim, &store, result);
    true
}

const EXPECTED: [&str; 5] = ["a=4", "c=1", "d=2", "e=5", "b=6"];

#[test]
fn operations_at_any_call_of_a_checkpoint_are_kept_and_can_be_undone() {
    let mut calls = 0;
    while interrupted(calls + 1, None, |disk, store, result| {
        result.unwrap();
        assert_eq!(records(store), EXPECTED);
        assert_eq!(history(store), ["a", "b", "e", "b"]);
        assert_eq!(found(disk), EXPECTED);
        for left in [4, 3, 4, 4] {
            assert!(undo(store));
            assert_eq!(records(store).len(), left);
        }
        assert!(!undo(store));
        assert_eq!(records(&open(&disk.after_kill())), ["a=3", "b=1", "c=1", "d=2"]);
    }) {
        calls += 1;
    }
    assert!(calls >= 12, "only {calls} calls");
}

#[test]
fn operations_at_any_call_of_a_checkpoint_that_fails_join_the_history_again() {
    let failures = [
        (CallKind::Create, 1),
        (CallKind::Create, 2),
        (CallKind::Create, 3),
        (CallKind::Sync, 1),
        (CallKind::Sync, 2),
        (CallKind::Sync, 3),
        (CallKind::Sync, 4),
        (CallKind::SyncFolder, 1),
        (CallKind::SyncFolder, 2),
        (CallKind::Rename, 1),
        (CallKind::Rename, 2),
    ];
    for failing in failures {
        let mut calls = 0;
        let unharmed = Cell::new(0);
        while interrupted(calls + 1, Some(failing), |disk, store, result| {
            assert_eq!(records(store), EXPECTED);
            if result.is_ok() {
                // The next log is not synced again when nothing was in it before it could be published.
                assert_eq!(failing, (CallKind::Sync, 4));
                unharmed.set(unharmed.get() + 1);
                return;
            }
            assert_eq!(history(store), ["d", "a", "a", "b", "e", "b"]);
            assert_eq!(found(disk), EXPECTED);
            assert_eq!(temporaries(disk), Vec::<std::path::PathBuf>::new());
            checkpoint(store).unwrap();
            assert_eq!(found(disk), EXPECTED);
        }) {
            calls += 1;
        }
        assert!(calls - unharmed.get() >= 1, "{failing:?}");
    }
}

#[test]
fn a_checkpoint_that_fails_because_of_a_late_operation_says_what_the_system_said() {
    let (mut nth, mut given_up) = (1, 0);
    loop {
        let disk = HookDisk::new(SimDisk::new());
        let sim = disk.sim().clone();
        let store = try_open(disk.clone(), options()).unwrap().store;
        set(&store, "a", "1");
        let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
        let (late, before) = (Arc::clone(&store), disk.clear());
        let refused = Arc::new(Mutex::new(None));
        let told = Arc::clone(&refused);
        disk.before(nth, move || {
            // The first is into the log, the second into the next one or, without that, into another new file.
            sim.fail_next(CallKind::Append, 2, 28, Times::Once);
            *told.lock() = try_set(&late, "b", "2").err();
        });
        let result = begun.run();
        if disk.clear() < before + nth {
            break;
        }
        let is_full = |error: &Error| error.io_source().and_then(std::io::Error::raw_os_error) == Some(28);
        match (refused.lock().take(), result) {
            (None, Err(error)) => {
                assert!(is_full(&error), "call {nth}: {error}");
                given_up += 1;
            }
            (Some(Rejected::Error(error)), Ok(())) => assert!(is_full(&error), "call {nth}: {error}"),
            (None, Ok(())) => {}
            (refused, result) => panic!("call {nth}: {refused:?}, {result:?}"),
        }
        assert!(records(&store).contains(&"a=1".into()));
        nth += 1;
    }
    assert!(given_up >= 3, "only {given_up}");
}

/// A checkpoint in whose n-th call `change` fails, with what it leaves open in both logs. Returns how it was refused;
/// `None` if the checkpoint has fewer calls.
fn torn_between_logs(
    nth: u64,
    failing: [(CallKind, u64); 2],
    change: fn(&Store) -> Result<(), Rejected>,
) -> Option<Option<Rejected>> {
    let disk = HookDisk::new(SimDisk::new());
    let sim = disk.sim().clone();
    let store = try_open(disk.clone(), options()).unwrap().store;
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
    set(&store, "a", "2");
    let (late, before) = (Arc::clone(&store), disk.clear());
    let refused = Arc::new(Mutex::new(None));
    let (told, failures) = (Arc::clone(&refused), sim.clone());
    disk.before(nth, move || {
        for (kind, nth) in failing {
            failures.fail_next(kind, nth, 5, Times::Lasting);
        }
        *told.lock() = change(&late).err();
        failures.heal();
    });
    let _ = begun.run();
    if disk.clear() < before + nth {
        return None;
    }
    let refused = refused.lock().take();
    if refused.as_ref().is_some_and(is_uncertain) {
        assert!(try_set(&store, "c", "4").is_err(), "nothing more is written");
    }
    // Whatever became of it, the folder opens, takes writes and opens again.
    let again = open(&sim.after_kill());
    assert!(records(&again).contains(&"a=2".into()) || records(&again).contains(&"a=1".into()));
    set(&again, "c", "4");
    again.close().unwrap();
    Some(refused)
}

fn is_uncertain(rejected: &Rejected) -> bool {
    matches!(rejected, Rejected::Error(Error::Failed(why)) if why.contains("may or may not take effect"))
}

#[test]
fn a_change_that_stays_in_one_of_two_logs_is_told_as_uncertain() {
    let set_b: fn(&Store) -> Result<(), Rejected> = |store| try_set(store, "b", "3");
    let undo_a: fn(&Store) -> Result<(), Rejected> = |store| store.undo().map(drop);
    for (failing, change) in [
        ([(CallKind::Append, 2), (CallKind::SetLen, 1)], set_b),
        ([(CallKind::SetLen, 2), (CallKind::SetLen, 3)], undo_a),
    ] {
        let (mut nth, mut uncertain) = (1, 0);
        while let Some(refused) = torn_between_logs(nth, failing, change) {
            uncertain += u32::from(refused.as_ref().is_some_and(is_uncertain));
            nth += 1;
        }
        assert!(uncertain > 0, "no call of {nth} is in the middle of a publication");
    }
}

#[test]
fn what_came_during_a_checkpoint_that_may_be_published_or_not_is_synced_in_both_logs_at_close() {
    let mut uncertain = 0;
    for nth in 1.. {
        let disk = HookDisk::new(SimDisk::new());
        let sim = disk.sim().clone();
        let durability = Durability::Interval(Duration::from_secs(3600));
        let store = try_open(disk.clone(), Options { durability, ..options() }).unwrap().store;
        set(&store, "a", "1");
        let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
        let (late, failures, before) = (Arc::clone(&store), sim.clone(), disk.clear());
        disk.before(nth, move || {
            set(&late, "b", "2");
            for kind in [CallKind::Rename, CallKind::Info] {
                failures.script(Fault::new(kind, 5).on("manifest.json").lasting());
            }
        });
        let failed = begun.run().is_err();
        if disk.clear() < before + nth {
            break;
        }
        sim.heal();
        assert_eq!(records(&store), ["a=1", "b=2"]);
        // One that fails before the manifest can have its name has no effect, and writes go on.
        if !failed || try_set(&store, "c", "3").is_ok() {
            continue;
        }
        uncertain += 1;
        store.close().unwrap();
        let durable = sim.durable_tree();
        let logs = durable.iter().filter(|(path, _)| path.to_string_lossy().contains("/ops/ops-"));
        let contents: Vec<_> = logs.map(|(_, content)| String::from_utf8_lossy(content)).collect();
        assert_eq!(contents.len(), 2, "before call {nth}");
        assert!(contents.iter().all(|content| content.contains(r#""id":"b""#)), "before call {nth}");
    }
    assert!(uncertain > 2, "{uncertain}");
}

#[test]
fn undo_in_a_batch_while_a_checkpoint_runs_from_its_first_to_its_last_step_keeps_the_rest_of_the_batch() {
    let disk = HookDisk::new(SimDisk::new());
    let sim = disk.sim().clone();
    let store = try_open(disk.clone(), options()).unwrap().store;
    set(&store, "z", "1");
    let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
    batch(&store, &[("a", "1"), ("b", "2"), ("c", "3")]);
    disk.before(1, move || begun.run().unwrap());
    for left in [&["z=1", "a=1", "b=2"][..], &["z=1", "a=1"], &["z=1"]] {
        assert!(undo(&store));
        assert_eq!(records(&store), left);
        assert_eq!(records(&reader(&sim.after_kill())), left);
        assert_eq!(found(&sim), left);
    }
    assert!(!undo(&store));
}

#[test]
fn a_checkpoint_that_begins_while_undo_waits_for_its_sync_takes_the_whole_batch_along() {
    for runs in [false, true] {
        let disk = HookDisk::new(SimDisk::new());
        let sim = disk.sim().clone();
        let store = try_open(disk.clone(), options()).unwrap().store;
        batch(&store, &[("a", "1"), ("b", "2"), ("c", "3")]);
        let other = Arc::clone(&store);
        disk.before(1, move || {
            let begun = other.begin_checkpoint(NOW, true).unwrap().unwrap();
            if runs {
                begun.run().unwrap();
            } else {
                drop(begun);
            }
        });
        assert_eq!(undo(&store), !runs);
        let left = if runs { vec!["a=1", "b=2", "c=3"] } else { vec!["a=1", "b=2"] };
        assert_eq!(records(&store), left);
        assert_eq!(found(&sim), left);
    }
}
