//! Agents in one folder: what they keep to when others come, go, look away or take their locks.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, SimDisk, Times};
use opslog::error::Error;
use opslog::gate::Gate;
use opslog::layout;
use opslog::store::{Durability, Options, Rejected, Store};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::support::*;

const EIO: i32 = 5;

fn agent(id: &str) -> Options {
    Options { agent: Some(id.into()), ..options() }
}

fn own_log(disk: &SimDisk, store: &Store, id: &str) -> String {
    let logs = store.manifest().active_agent_ops.unwrap();
    let (_, relative) = logs.into_iter().find(|(agent, _)| agent == id).unwrap();
    String::from_utf8(disk.tree().remove(&path(&relative)).unwrap()).unwrap()
}

#[test]
fn the_clock_goes_on_where_a_compaction_has_left_no_log() {
    let disk = SimDisk::new();
    let store = open_agent(disk.clone(), "one");
    for n in 0..5 {
        set(&store, "a", &n.to_string());
    }
    store.compact_agents(NOW, None).unwrap();
    store.close().unwrap();
    let store = open_agent(disk.clone(), "one");
    set(&store, "b", "1");
    let line: serde_json::Value = serde_json::from_str(own_log(&disk, &store, "one").trim()).unwrap();
    assert_eq!(line["clock"], 6);
}

#[test]
fn a_compaction_names_no_log_for_an_agent_that_is_gone_until_it_comes_back() {
    let disk = SimDisk::new();
    let (one, two) = (open_agent(disk.clone(), "one"), open_agent(disk.clone(), "two"));
    let agents = |store: &Store| -> Vec<String> {
        store.manifest().active_agent_ops.unwrap().into_iter().map(|(agent, _)| agent).collect()
    };
    two.close().unwrap();
    one.compact_agents(NOW, None).unwrap();
    assert_eq!(agents(&one), ["one"]);
    let two = open_agent(disk.clone(), "two");
    assert_eq!(agents(&two), ["one", "two"]);
}

#[test]
fn a_compaction_makes_the_logs_of_all_agents_before_it_keeps_the_others_out() {
    let logs = |disk: &SimDisk| {
        disk.tree().keys().filter(|path| path.to_string_lossy().contains("/ops/agent-")).count()
    };
    let mut times_held = 0;
    for nth in 1.. {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let (one, _two) = (open_agent(disk.clone(), "one"), open_agent(sim.clone(), "two"));
        one.catch_up().unwrap();
        set(&one, "a", "1");
        let other = Gate::open(&(Arc::new(sim.clone()) as Arc<dyn Disk>), Path::new(ROOT)).unwrap();
        let seen = Arc::new(Mutex::new(None));
        let (found, looked) = (Arc::clone(&seen), sim.clone());
        let before = logs(&sim);
        disk.before(nth, move || {
            let is_free = other.try_shared().unwrap().is_some();
            *found.lock() = Some((is_free, logs(&looked)));
        });
        one.compact_agents(NOW, None).unwrap();
        disk.clear();
        let Some((is_free, made)) = *seen.lock() else { break };
        assert!(is_free || made == 2 * before, "call {nth}: {made} logs");
        times_held += usize::from(!is_free);
    }
    assert!(times_held > 5, "held at {times_held} calls only");
}

#[test]
fn a_compaction_that_another_agent_s_has_made_needless_is_left_out() {
    let disk = SimDisk::new();
    let (one, two) = (open_agent(disk.clone(), "one"), open_agent(disk.clone(), "two"));
    two.catch_up().unwrap();
    set(&two, "b", "1");
    two.hide_history();
    one.compact_agents(NOW, None).unwrap();
    let snapshot = one.manifest().current_snapshot;
    assert!(two.begin_compaction(NOW, None, true).unwrap().is_none());
    assert_eq!(records(&two), ["b=1"]);
    set(&two, "c", "2");
    assert!(two.begin_compaction(NOW, None, true).unwrap().is_none());
    two.hide_history();
    two.begin_compaction(NOW, None, true).unwrap().unwrap().finish().unwrap();
    assert_ne!(two.manifest().current_snapshot, snapshot);
    // One that was asked for is made.
    two.begin_compaction(NOW, None, false).unwrap().unwrap().finish().unwrap();
    assert_eq!(records(&reader(&disk)), ["b=1", "c=2"]);
}

#[test]
fn an_agent_leaves_a_log_whose_sync_has_failed() {
    let disk = SimDisk::new();
    let always = Options { durability: Durability::Always, ..agent("one") };
    let store = try_open(disk.clone(), always.clone()).unwrap().store;
    let sync = |store: &Store| {
        store.ask_for_sync().unwrap();
        store.run_sync();
        store.synced().failed.is_none()
    };
    set(&store, "a", "1");
    assert!(sync(&store));
    set(&store, "b", "2");
    disk.fail_next(CallKind::Sync, 1, EIO, Times::Once);
    assert!(!sync(&store));
    drop(store);
    let disk = disk.after_kill();
    let store = try_open(disk.clone(), always).unwrap().store;
    set(&store, "c", "3");
    assert!(sync(&store));
    let left = disk.after_crash(&mut |_| 1);
    assert_eq!(records(&reader(&left)), ["a=1", "b=2", "c=3"]);
}

#[test]
fn a_compaction_whose_lock_is_taken_away_publishes_nothing() {
    let mut refused = 0;
    for nth in 1..20 {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let store = open_agent(disk.clone(), "one");
        set(&store, "a", "1");
        let snapshot = store.manifest().current_snapshot;
        let thief = sim.clone();
        disk.before(nth, move || {
            let _ = thief.unlink(&path(layout::COMPACT_LOCK));
        });
        let compacted = store.compact_agents(NOW, None);
        disk.clear();
        if let Err(error) = compacted {
            assert!(matches!(error, Error::Failed(_)), "{error}");
            assert_eq!(reader(&sim).manifest().current_snapshot, snapshot);
            refused += 1;
        }
        assert_eq!(records(&reader(&sim)), ["a=1"]);
    }
    assert!(refused > 3, "only {refused} were refused");
}

#[test]
fn an_append_finds_that_the_lock_of_the_folder_was_taken_away_or_replaced() {
    for is_replaced in [false, true] {
        let disk = SimDisk::new();
        let store = open_agent(disk.clone(), "one");
        set(&store, "a", "1");
        let room = layout::folder_lock(Path::new(ROOT));
        let content = disk.tree().remove(&room).unwrap();
        disk.unlink(&room).unwrap();
        if is_replaced {
            disk.plant(&room, &content).unwrap();
        }
        assert!(matches!(try_set(&store, "b", "2"), Err(Rejected::Error(Error::Failed(_)))));
        assert_eq!(records(&reader(&disk)), ["a=1"]);
    }
}

#[test]
fn a_record_that_changed_since_it_was_chosen_stays_out_of_the_archive() {
    let disk = SimDisk::new();
    let store = open_agent(disk.clone(), "one");
    set(&store, "a", "1");
    set(&store, "b", "1");
    let chosen = vec![b"a".as_slice().into(), b"b".as_slice().into()];
    let request = store.choose_for_archive(chosen, "2026-Q1".into()).unwrap();
    set(&store, "a", "2");
    let compacted = store.compact_agents(NOW, Some(request)).unwrap();
    assert_eq!(compacted.archived.len(), 1);
    assert_eq!(records(&reader(&disk)), ["a=2"]);
}

#[test]
fn a_single_writer_keeps_out_of_a_folder_that_an_agent_has_open() {
    let disk = SimDisk::new();
    let store = open_agent(disk.clone(), "one");
    set(&store, "a", "1");
    assert!(matches!(try_open(disk.clone(), options()), Err(Error::AgentInUse { .. })));
    set(&store, "b", "2");
    store.close().unwrap();
    assert_eq!(records(&open(&disk)), ["a=1", "b=2"]);
}

#[test]
fn a_segment_is_written_under_the_lock_of_compactions_also_by_an_agent_that_loads_nothing() {
    let mut seen = 0;
    for nth in 1..30 {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let store = try_open(disk.clone(), Options { skip_load: true, ..agent("one") }).unwrap().store;
        set(&store, "a", "1");
        let (looked, is_locked) = (Arc::new(Mutex::new(None)), sim.clone());
        let tell = Arc::clone(&looked);
        disk.before(nth, move || {
            let tree = is_locked.tree();
            let is_draft = |path: &Path| {
                path.starts_with(self::path("archive")) && path.extension() == Some("tmp".as_ref())
            };
            if tree.keys().any(|path| is_draft(path)) {
                *tell.lock() = Some(tree.contains_key(&self::path(layout::COMPACT_LOCK)));
            }
        });
        store.archive_aside(&[b"a".as_slice().into()], "2026-Q1", NOW).unwrap();
        disk.clear();
        let looked = *looked.lock();
        assert_ne!(looked, Some(false), "before call {nth}");
        seen += u32::from(looked.is_some());
    }
    assert!(seen > 1, "the segment was seen {seen} times");
}

#[test]
fn a_threshold_that_an_agent_crosses_hides_its_operations_until_a_compaction_has_sealed_or_failed() {
    let disk = SimDisk::new();
    let crossing = Options { checkpoint_threshold: 3.0, ..agent("one") };
    let one = try_open(disk.clone(), crossing).unwrap().store;
    let two = open_agent(disk.clone(), "two");
    one.catch_up().unwrap();
    let operations = || one.counts().operations;
    for n in 1..=2 {
        set(&one, "a", &n.to_string());
        assert_eq!(operations(), n);
    }
    batch(&one, &[("b", "1"), ("c", "1")]);
    assert_eq!((operations(), history(&one)), (0, vec![]));
    assert!(one.is_checkpoint_pending());
    assert!(!undo(&one), "what is hidden is not undone");
    assert!(own_log(&disk, &one, "one").contains("\"batch\":\"more\""), "nor is its batch ended before");

    // Of others, what comes before them in the order is hidden as well.
    set(&two, "d", "1");
    one.catch_up().unwrap();
    assert_eq!(operations(), 0);
    set(&one, "e", "1");
    assert_eq!(history(&one), ["e"]);
    assert!(undo(&one));
    assert!(!undo(&one));

    disk.fail_next(CallKind::Rename, 2, EIO, Times::Once);
    assert!(one.compact_agents(NOW, None).is_err());
    one.catch_up().unwrap();
    assert_eq!(history(&one), ["a", "d", "a", "b", "c"]);
    one.hide_history();
    assert_eq!(operations(), 0);
    one.compact_agents(NOW, None).unwrap();
    assert!(!one.is_checkpoint_pending());
    set(&one, "f", "1");
    assert_eq!(history(&one), ["f"]);
    assert_eq!(records(&one), records(&reader(&disk)));
}

/// A copy of the descriptor with which this process has a file open, as a process that is being started has one.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "no safe call copies a descriptor that another owner has")]
fn inherited(path: &Path) -> std::os::fd::OwnedFd {
    let own = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let mut open = own.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == *path));
    let number = open.next().unwrap().file_name().into_string().unwrap().parse().unwrap();
    // SAFETY: the store that opened the file is there until the copy is made.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(number) }.try_clone_to_owned().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn an_agent_that_was_closed_is_opened_again_though_a_process_that_is_being_started_has_a_copy_of_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let open = || {
        let options = Options { agent: Some("one".into()), ..options() };
        Store::open(Arc::new(opslog::disk::OsDisk), &root, options, &Dead).map(|opened| opened.store)
    };
    let store = open().unwrap();
    let copy = inherited(&root.join("index/agent-one.lock"));
    store.close().unwrap();
    drop(store);
    open().unwrap().close().unwrap();
    drop(copy);
}
