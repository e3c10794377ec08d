//! One call of the disk fails, each in turn: what was refused has changed nothing, and the store goes on.

use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::error::{Error, Result};
use opslog::store::{Durability, Options, Rejected, Store};

use super::support::*;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Prepares a store, lets one call after the other fail in `action`, and hands over to `check` what came of it.
fn for_each_failure<T>(
    prepare: impl Fn(&SimDisk) -> Arc<Store>,
    action: impl Fn(&Arc<Store>) -> Result<T>,
    check: impl Fn(&SimDisk, &Arc<Store>, Result<T>),
) {
    let mut struck = 0;
    for kind in CallKind::ALL {
        for nth in 1.. {
            let disk = SimDisk::new();
            let store = prepare(&disk);
            let before = disk.faults().failed_call;
            disk.fail_next(kind, nth, EIO, Times::Once);
            let result = action(&store);
            if disk.faults().failed_call == before {
                break;
            }
            disk.heal();
            struck += 1;
            check(&disk, &store, result);
        }
    }
    assert!(struck >= 3, "only {struck} calls");
}

fn three_records(disk: &SimDisk) -> Arc<Store> {
    let store = open(disk);
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    set(&store, "b", "2");
    batch(&store, &[("a", "3"), ("c", "4")]);
    store
}

const THREE: [&str; 3] = ["a=3", "b=2", "c=4"];

fn refuses_writes(store: &Store) -> bool {
    matches!(try_set(store, "x", "1"), Err(Rejected::Error(Error::Failed(_))))
}

#[test]
fn a_checkpoint_that_fails_at_any_call_leaves_state_and_history_as_they_were() {
    for_each_failure(three_records, checkpoint, |disk, store, result| {
        assert_eq!(records(store), THREE);
        assert_eq!(found(disk), THREE);
        if result.is_ok() {
            return;
        }
        assert_eq!(history(store), ["b", "a", "c"]);
        if published(disk).generation > 2 {
            assert!(refuses_writes(store), "the new manifest may not be durable");
            return;
        }
        assert_eq!(temporaries(disk), Vec::<std::path::PathBuf>::new());
        assert!(undo(store));
        checkpoint(store).unwrap();
        set(store, "d", "5");
        assert_eq!(found(disk), ["a=3", "b=2", "d=5"]);
    });
}

#[test]
fn an_archive_that_fails_at_any_call_leaves_state_and_history_as_they_were() {
    for_each_failure(
        three_records,
        |store| archive(store, &["a"]),
        |disk, store, result| {
            if result.is_ok() {
                assert_eq!(records(store), ["b=2", "c=4"]);
                return;
            }
            assert_eq!(records(store), THREE);
            assert_eq!(history(store), ["b", "a", "c"]);
            assert_eq!(store.manifest().archive_segments, Vec::<String>::new());
            if published(disk).generation > 2 {
                assert!(refuses_writes(store), "the new manifest may not be durable");
            } else {
                assert_eq!(temporaries(disk), Vec::<std::path::PathBuf>::new());
                assert_eq!(found(disk), THREE);
                set(store, "a", "9");
                archive(store, &["a"]).unwrap();
                assert_eq!(found(disk), ["b=2", "c=4"]);
            }
        },
    );
}

#[test]
fn an_undo_that_fails_at_any_call_changes_nothing_and_can_be_repeated() {
    let undo_once = |store: &Arc<Store>| try_undo(store).map(|_| ());
    for_each_failure(three_records, undo_once, |disk, store, result| {
        assert!(result.is_err());
        assert_eq!(records(store), THREE);
        assert_eq!(found(disk), THREE);
        if disk.faults().failed_sync > 0 {
            assert!(refuses_writes(store));
            return;
        }
        assert!(undo(store));
        assert_eq!(records(store), ["a=3", "b=2"]);
        assert_eq!(found(disk), ["a=3", "b=2"]);
    });
}

#[test]
fn an_open_that_fails_at_any_call_releases_the_lock_and_harms_nothing() {
    for kind in CallKind::ALL {
        for nth in 1.. {
            let first = SimDisk::new();
            let store = three_records(&first);
            let (path, _) = log(&first, &store);
            append_by_another_hand(&first, &path, "{\"ts\":\"torn");
            let disk = first.after_kill();
            let before = disk.faults().failed_call;
            disk.fail_next(kind, nth, EIO, Times::Once);
            let opened = try_open(disk.clone(), options());
            if disk.faults().failed_call == before {
                break;
            }
            disk.heal();
            // Cleaning up may fail without failing the open.
            let store = opened.map(|opened| opened.store).unwrap_or_else(|_| open(&disk));
            assert_eq!(records(&store), THREE, "{kind:?} {nth}");
            set(&store, "d", "5");
            assert_eq!(found(&disk).len(), 4);
        }
    }
}

#[test]
fn a_first_open_that_fails_at_any_call_can_be_repeated() {
    for kind in CallKind::ALL {
        for nth in 1.. {
            let disk = SimDisk::new();
            let before = disk.faults().failed_call;
            disk.fail_next(kind, nth, EIO, Times::Once);
            let opened = try_open(disk.clone(), options());
            if disk.faults().failed_call == before {
                break;
            }
            disk.heal();
            let store = opened.map(|opened| opened.store).unwrap_or_else(|_| open(&disk));
            set(&store, "a", "1");
            assert_eq!(found(&disk), ["a=1"], "{kind:?} {nth}");
        }
    }
}

#[test]
fn a_disk_that_fills_in_mid_append_refuses_the_write_and_takes_the_next() {
    let disk = SimDisk::new();
    let store = three_records(&disk);
    disk.script(Fault::new(CallKind::Append, ENOSPC).after_half());
    assert!(try_set(&store, "d", "5").is_err());
    disk.script(Fault::new(CallKind::Append, ENOSPC).after_half());
    assert!(try_batch(&store, &[("d", "5"), ("e", "6")]).is_err());
    assert_eq!(records(&store), THREE);
    assert_eq!(history(&store), ["b", "a", "c"]);
    set(&store, "f", "7");
    assert_eq!(found(&disk), ["a=3", "b=2", "c=4", "f=7"]);
}

#[test]
fn a_short_write_is_continued() {
    let disk = SimDisk::new();
    let store = three_records(&disk);
    disk.short_write_next();
    set(&store, "d", "5");
    assert_eq!(found(&disk), ["a=3", "b=2", "c=4", "d=5"]);
}

#[test]
fn an_append_that_can_not_be_cut_back_stops_writing_but_not_reading() {
    let disk = SimDisk::new();
    let store = three_records(&disk);
    disk.script(Fault::new(CallKind::Append, ENOSPC).after_half());
    disk.fail_next(CallKind::SetLen, 1, EIO, Times::Once);
    assert!(try_set(&store, "d", "5").is_err());
    assert!(refuses_writes(&store));
    assert_eq!(records(&store), THREE);
    store.close().unwrap_or_default();
    let store = open(&disk);
    assert_eq!(records(&store), THREE);
    set(&store, "d", "5");
    assert_eq!(found(&disk).len(), 4);
}

#[test]
fn a_batch_is_refused_once_the_store_has_failed() {
    let disk = SimDisk::new();
    let store = three_records(&disk);
    store.begin_batch();
    set(&store, "d", "5");
    set(&store, "e", "6");
    let before = log(&disk, &store);
    disk.script(Fault::new(CallKind::SyncFolder, EIO).nth(3));
    assert!(store.begin_checkpoint(NOW, true).unwrap().is_none(), "not in a batch");
    store.abandon_batch();
    let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
    store.begin_batch();
    set(&store, "d", "5");
    assert!(begun.run().is_err());
    assert!(store.commit_batch().is_err());
    assert_eq!(disk.tree()[&path(&published(&disk).active_ops)], b"");
    assert_eq!(disk.tree().get(&before.0).map(Vec::len), Some(before.1.len()));
    assert_eq!(records(&store), THREE);
    assert_eq!(found(&disk), THREE);
}

#[test]
fn a_flush_that_fails_keeps_everything_buffered() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), Options { buffered: true, ..options() }).unwrap().store;
    set(&store, "a", "1");
    set(&store, "b", "2");
    disk.script(Fault::new(CallKind::Append, ENOSPC).after_half());
    assert!(store.flush().is_err());
    assert_eq!(records(&store), ["a=1", "b=2"]);
    assert!(undo(&store));
    store.flush().unwrap();
    assert_eq!(found(&disk), ["a=1"]);
}

#[test]
fn a_batch_that_is_given_up_after_a_checkpoint_failed_meanwhile_leaves_all_records() {
    let disk = SimDisk::new();
    let store = three_records(&disk);
    let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
    store.begin_batch();
    delete(&store, "a");
    set(&store, "d", "4");
    set(&store, "b", "9");
    disk.script(Fault::new(CallKind::Rename, EIO));
    assert!(begun.run().is_err());
    store.abandon_batch();
    assert_eq!(records(&store), THREE);
    assert_eq!(found(&disk), THREE);
}

#[test]
fn a_batch_that_is_logged_after_a_checkpoint_failed_meanwhile_is_marked_as_what_it_is() {
    for sets in [&[("d", "4")][..], &[("d", "4"), ("e", "5")]] {
        let disk = SimDisk::new();
        let store = three_records(&disk);
        let before = log(&disk, &store).1;
        let begun = store.begin_checkpoint(NOW, true).unwrap().unwrap();
        store.begin_batch();
        for (id, value) in sets {
            set(&store, id, value);
        }
        disk.script(Fault::new(CallKind::Rename, EIO));
        assert!(begun.run().is_err());
        store.commit_batch().unwrap();
        let log = log(&disk, &store).1;
        let added = log.strip_prefix(before.as_str()).expect("the log only grew");
        let marks = added.matches("\"batch\"").count();
        assert_eq!(marks, if sets.len() > 1 { sets.len() } else { 0 });
        assert_eq!(found(&disk).len(), 3 + sets.len());
        assert_eq!(records(&store), found(&disk));
    }
}

#[test]
fn a_mark_that_is_overwritten_in_pieces_or_after_an_interrupt_is_whole() {
    let pieces = Fault::short_write(CallKind::WriteAt);
    let interrupt = Fault::new(CallKind::WriteAt, std::io::ErrorKind::Interrupted);
    for fault in [pieces, interrupt] {
        let disk = SimDisk::new();
        let store = open(&disk);
        batch(&store, &[("a", "1"), ("b", "2"), ("c", "3")]);
        disk.script(fault);
        let calls = disk.calls(CallKind::WriteAt);
        assert!(undo(&store));
        assert!(disk.calls(CallKind::WriteAt) > calls + 1, "the fault has struck");
        set(&store, "d", "4");
        assert_eq!(found(&disk), ["a=1", "b=2", "d=4"]);
    }
}

#[test]
fn an_archive_of_an_agent_that_was_published_is_no_failure_though_its_lock_file_stays() {
    let disk = SimDisk::new();
    let agent = Options { agent: Some("a".into()), ..options() };
    let store = try_open(disk.clone(), agent).unwrap().store;
    set(&store, "a", "1");
    set(&store, "b", "2");
    disk.script(Fault::new(CallKind::Unlink, EIO).on(".compact-lock"));
    let before = disk.faults().failed_call;
    let request = store.choose_for_archive(vec![b"a".as_slice().into()], "2026-Q1".into()).unwrap();
    let archived = store.compact_agents(NOW, Some(request)).unwrap().archived;
    assert!(disk.faults().failed_call > before);
    assert_eq!((archived.len(), records(&store)), (1, vec!["b=2".to_owned()]));
    store.compact_agents(NOW, None).unwrap();
    assert!(!disk.tree().contains_key(&path(".compact-lock")));
}

#[test]
fn an_agent_whose_look_fails_at_any_call_can_still_flush() {
    let mut failed = 0;
    for nth in 1..20 {
        let disk = SimDisk::new();
        let agent = |id: &str| {
            let own = Options { agent: Some(id.into()), ..options() };
            try_open(disk.clone(), own).unwrap().store
        };
        let (b, a) = (agent("b"), agent("a"));
        b.follow().unwrap();
        set(&b, "b", "1");
        set(&a, "a", "1");
        a.compact_agents(NOW, None).unwrap();
        disk.fail_next(CallKind::Open, nth, EIO, Times::Lasting);
        let looked = b.follow();
        failed += i32::from(looked.is_err());
        let _ = b.flush();
        disk.heal();
        b.follow().unwrap();
        b.flush().unwrap();
        assert_eq!(records(&b), records(&a), "{nth}");
    }
    assert!(failed > 2, "{failed}");
}

#[test]
fn a_batch_that_is_given_up_after_the_history_was_hidden_meanwhile_leaves_all_records() {
    let disk = SimDisk::new();
    let store = open(&disk);
    batch(&store, &[("a", "3"), ("b", "2"), ("c", "4")]);
    store.begin_batch();
    set(&store, "a", "9");
    delete(&store, "b");
    set(&store, "d", "4");
    store.hide_history();
    assert_eq!(history(&store), ["a", "b", "d"]);
    store.abandon_batch();
    assert_eq!(records(&store), THREE);
    checkpoint(&store).unwrap();
    assert_eq!(found(&disk), THREE);
}

/// What systems say where a file system lacks a call: EINVAL, ENOTSUP, ENOSYS; invalid function, not supported.
const LACKING: &[i32] = if cfg!(windows) { &[1, 50] } else { &[22, 95, 38] };
/// What they say of a device that fails, and of a disk that is full.
const FAILING: [i32; 2] = if cfg!(windows) { [1117, 112] } else { [5, 28] };

#[test]
fn a_folder_that_cannot_be_synced_is_not_and_one_whose_sync_fails_is_an_error() {
    for errno in LACKING.iter().copied().chain(FAILING) {
        let is_lacking = LACKING.contains(&errno);
        for agent in [None, Some("a".to_owned())] {
            let disk = SimDisk::new();
            disk.fail_next(CallKind::SyncFolder, 1, errno, Times::Lasting);
            let opened = try_open(disk.clone(), Options { agent, ..options() });
            let Ok(opened) = opened else {
                assert!(!is_lacking, "{errno}");
                continue;
            };
            assert!(is_lacking, "{errno}");
            assert_eq!(opened.store.lacks(), ["folder-sync"]);
            set(&opened.store, "a", "1");
            opened.store.close().unwrap();
            assert_eq!(found(&disk), ["a=1"]);
        }
    }
}

#[test]
fn a_file_that_cannot_be_synced_is_not_unless_that_was_promised() {
    for &errno in LACKING {
        let disk = SimDisk::new();
        disk.fail_next(CallKind::Sync, 1, errno, Times::Lasting);
        let promised = Options { durability: Durability::Always, ..options() };
        assert!(try_open(disk.clone(), promised).is_err());
        let store = open(&disk);
        set(&store, "a", "1");
        checkpoint(&store).unwrap();
        assert_eq!(store.lacks(), ["file-sync"]);
        store.close().unwrap();
        assert_eq!(found(&disk), ["a=1"]);
    }
    let disk = SimDisk::new();
    disk.fail_next(CallKind::Sync, 1, FAILING[0], Times::Lasting);
    assert!(try_open(disk, options()).is_err());
}
