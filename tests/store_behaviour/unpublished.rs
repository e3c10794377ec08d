//! Files that have their names when their writer is killed, and that no manifest came to name.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, Fault, SimDisk};
use opslog::format::manifest::Manifest;
use opslog::store::{Options, Store};

use super::support::*;

fn open_as(disk: &SimDisk, agent: Option<&str>) -> opslog::Result<Arc<Store>> {
    let agent = agent.map(str::to_owned);
    Ok(try_open(disk.clone(), Options { agent, index_from_bytes: 0, ..options() })?.store)
}

/// Paths of the files in the store, without locks and folders.
fn files(disk: &SimDisk) -> BTreeSet<String> {
    let tree = disk.tree().into_keys();
    let relative = tree.filter_map(|path| Some(path.strip_prefix(ROOT).ok()?.to_str()?.to_owned()));
    let is_file = |name: &String| name.contains('.');
    let is_lock =
        |name: &String| name.ends_with("lock") || name.ends_with("closed") || name == "manifest.json";
    relative.filter(|name| is_file(name) && !is_lock(name)).collect()
}

fn named(manifest: &Manifest) -> BTreeSet<String> {
    let logs = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path.clone());
    let superseded = manifest.superseded.iter().map(|(path, _)| path.clone());
    let current = [manifest.current_snapshot.clone(), manifest.active_ops.clone()];
    let indexes = [&manifest.current_snapshot, &manifest.active_ops]
        .map(|path| format!("index/{}.idx", path.rsplit('/').next().unwrap()));
    logs.chain(superseded)
        .chain(manifest.previous_ops.clone())
        .chain(current)
        .chain(indexes)
        .chain(manifest.archive_segments.clone())
        .collect()
}

/// Whether a file that no manifest names is part of the audit trail: a log with operations, or one of a single writer.
fn is_kept(disk: &SimDisk, name: &str) -> bool {
    let has_operations = || disk.info(&path(name)).is_ok_and(|info| info.len > 0);
    name.starts_with("ops/ops-") || name.starts_with("ops/") && has_operations()
}

/// Lets a writer be killed at each of its calls, one after the other, and others open the folder then. A manifest names
/// what is there afterwards, or it is a log that was there before.
fn nothing_is_left(prepare: impl Fn(&SimDisk), work: impl Fn(&SimDisk), agent: Option<&str>) {
    let mut unpublished = 0;
    for nth in 1.. {
        let disk = SimDisk::new();
        prepare(&disk);
        let before = files(&disk);
        let working = disk.after_kill();
        working.crash_after(nth);
        work(&working);
        let is_over = !working.crashed();
        let killed = working.after_kill();
        let found = files(&killed);
        let store = open_as(&killed, agent).unwrap();
        let kept: BTreeSet<_> = before.iter().filter(|name| is_kept(&killed, name)).cloned().collect();
        let allowed = &kept | &named(&store.manifest());
        let left: Vec<_> = files(&killed).into_iter().filter(|name| !allowed.contains(name)).collect();
        assert_eq!(left, Vec::<String>::new(), "killed at call {nth}");
        unpublished += found.iter().filter(|name| !allowed.contains(*name)).count();
        store.close().unwrap();
        if is_over {
            break;
        }
    }
    assert!(unpublished > 0, "nothing was unpublished");
}

fn written_by(agent: Option<&'static str>) -> impl Fn(&SimDisk) {
    move |disk| {
        let store = open_as(disk, agent).unwrap();
        set(&store, "a", "1");
        store.close().unwrap();
    }
}

fn compact(store: &Arc<Store>, agent: Option<&str>, now: i64) {
    let _ = match agent {
        Some(_) => store.compact_agents(now, None).map(drop),
        None => store.begin_checkpoint(now, true).map(|begun| begun.unwrap().run()).map(drop),
    };
}

/// Compacts when snapshots that were superseded before can go.
fn compacts(agent: Option<&'static str>) -> impl Fn(&SimDisk) {
    move |disk| {
        let Ok(store) = open_as(disk, agent) else { return };
        let _ = try_set(&store, "b", "2");
        compact(&store, agent, NOW + 20_000);
        drop(store.close());
    }
}

/// Leaves superseded snapshots, which nothing has deleted yet.
fn compacted_by(agent: Option<&'static str>) -> impl Fn(&SimDisk) {
    move |disk| {
        let store = open_as(disk, agent).unwrap();
        for n in 0..3 {
            set(&store, "a", &n.to_string());
            compact(&store, agent, NOW + n);
        }
        // A second agent, which logs nothing.
        let second = agent.map(|_| open_as(disk, Some("idle")).unwrap());
        compact(&store, agent, NOW + 3);
        for store in second.iter().chain([&store]) {
            store.close().unwrap();
        }
    }
}

#[test]
fn a_writer_that_is_killed_as_it_deletes_superseded_snapshots_leaves_none_once_the_next_has_opened() {
    nothing_is_left(compacted_by(None), compacts(None), None);
    nothing_is_left(compacted_by(Some("a")), compacts(Some("a")), Some("b"));
}

#[test]
fn a_writer_that_is_killed_as_it_takes_over_a_folder_with_idle_agents_leaves_nothing_of_those() {
    nothing_is_left(compacted_by(Some("a")), |disk| drop(open_as(disk, None)), None);
}

#[test]
fn a_writer_that_is_killed_in_a_checkpoint_leaves_nothing_once_the_next_has_opened() {
    nothing_is_left(written_by(None), compacts(None), None);
}

#[test]
fn an_agent_that_is_killed_in_a_compaction_leaves_nothing_once_another_has_opened() {
    nothing_is_left(written_by(Some("a")), compacts(Some("a")), Some("b"));
}

#[test]
fn an_agent_that_is_killed_as_it_registers_leaves_nothing_once_another_has_opened() {
    nothing_is_left(written_by(Some("a")), |disk| drop(open_as(disk, Some("b"))), Some("a"));
}

#[test]
fn a_writer_that_is_killed_as_it_takes_a_folder_of_agents_over_leaves_nothing_once_the_next_has_opened() {
    nothing_is_left(written_by(Some("a")), |disk| drop(open_as(disk, None)), None);
}

#[test]
fn a_writer_that_is_killed_as_it_creates_a_store_leaves_nothing_once_the_next_has_opened() {
    nothing_is_left(|_| (), |disk| drop(open_as(disk, None)), None);
}

#[test]
fn a_compaction_that_fails_leaves_nothing() {
    let disk = SimDisk::new();
    let store = open_as(&disk, Some("a")).unwrap();
    set(&store, "a", "1");
    let before = files(&disk);
    // The second manifest: the first names the logs that it has just created.
    disk.script(Fault::new(CallKind::Rename, 28).on("manifest.json").nth(2));
    assert!(store.compact_agents(NOW, None).is_err());
    let allowed = &before | &named(&store.manifest());
    let left: Vec<_> = files(&disk).into_iter().filter(|name| !allowed.contains(name)).collect();
    assert_eq!(left, Vec::<String>::new());
    store.compact_agents(NOW, None).unwrap();
    store.close().unwrap();
}

#[test]
fn a_registration_or_a_take_over_that_fails_leaves_nothing() {
    for agent in [Some("b"), None] {
        let disk = SimDisk::new();
        written_by(Some("a"))(&disk);
        let before = files(&disk);
        disk.script(Fault::new(CallKind::Rename, 28).on("manifest.json"));
        assert!(open_as(&disk, agent).is_err());
        assert_eq!(files(&disk), before, "as {agent:?}");
        let store = open_as(&disk, agent).unwrap();
        assert_eq!(records(&store).len(), 1);
        store.close().unwrap();
    }
}

/// A list of a dead writer: the generation that was in force, and what it was about to publish.
fn plant_list(disk: &SimDisk, generation: u64, paths: &[&str]) {
    let lines: String = paths.iter().map(|path| format!("{path}\n")).collect();
    disk.plant(&path(".unpublished.1-0.tmp"), format!("{generation}\n{lines}").as_bytes()).unwrap();
}

#[test]
fn a_list_that_is_older_than_the_manifest_takes_no_log_away() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let (log, snapshot) = (store.manifest().active_ops, store.manifest().current_snapshot);
    let begun = store.manifest().generation - 1;
    checkpoint(&store).unwrap();
    let superseded = snapshot.clone();
    store.close().unwrap();
    plant_list(
        &disk,
        begun,
        &[&log, &superseded, "ops/../manifest.json", "manifest.json", "ops/ops-7.jsonl"],
    );
    disk.plant(&path("ops/ops-7.jsonl"), b"{}\n").unwrap();
    open(&disk).close().unwrap();
    let there = files(&disk);
    assert!(
        there.contains(&log) && there.contains(&superseded) && there.contains("ops/ops-7.jsonl"),
        "{there:?}"
    );
    assert!(disk.tree().contains_key(&path("manifest.json")));
    assert!(!there.contains(".unpublished.1-0.tmp"));
}

#[test]
fn a_list_beside_an_older_manifest_takes_nothing_away() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let older = disk.tree().remove(&path("manifest.json")).unwrap();
    for round in 0..3 {
        set(&store, "a", &round.to_string());
        checkpoint(&store).unwrap();
    }
    let (log, snapshot) = (store.manifest().active_ops, store.manifest().current_snapshot);
    let begun = store.manifest().generation;
    store.close().unwrap();
    // Restored by hand, or by a disk that has lost the last names.
    disk.plant(&path("manifest.json"), &older).unwrap();
    plant_list(&disk, begun, &[&log, &snapshot]);
    open(&disk).close().unwrap();
    assert!(disk.tree().contains_key(Path::new(&path(&snapshot))));
}

#[test]
fn a_list_that_a_living_writer_holds_is_left_alone() {
    let disk = SimDisk::new();
    open_as(&disk, Some("a")).unwrap().close().unwrap();
    plant_list(&disk, 0, &["snapshots/snap-17.jsonl"]);
    disk.plant(&path("snapshots/snap-17.jsonl"), b"{}\n").unwrap();
    let list = disk.open(&path(".unpublished.1-0.tmp"), opslog::disk::OpenMode::ReadWrite).unwrap();
    assert!(list.try_lock().unwrap());
    open_as(&disk, Some("a")).unwrap().close().unwrap();
    assert!(files(&disk).contains("snapshots/snap-17.jsonl"));
    drop(list);
    open_as(&disk, Some("a")).unwrap().close().unwrap();
    let left = files(&disk);
    assert!(!left.contains("snapshots/snap-17.jsonl") && !left.contains(".unpublished.1-0.tmp"), "{left:?}");
}

#[test]
fn the_checkpoint_behind_a_take_over_leaves_no_empty_log_of_agents_whenever_it_is_killed() {
    no_empty_log_is_left(|disk| open_as(disk, None).unwrap().close().unwrap());
    // Agents come and go again before the checkpoint.
    no_empty_log_is_left(|disk| {
        for agent in [None, Some("idle"), None, Some("later"), None] {
            open_as(disk, agent).unwrap().close().unwrap();
        }
    });
}

fn no_empty_log_is_left(take_over: impl Fn(&SimDisk)) {
    let mut kills = 0;
    for nth in 1.. {
        let disk = SimDisk::new();
        compacted_by(Some("a"))(&disk);
        take_over(&disk);
        let working = disk.after_kill();
        working.crash_after(nth);
        compacts(None)(&working);
        let is_over = !working.crashed();
        let after = working.after_kill();
        compacts(None)(&after);
        let left: Vec<_> = files(&after).into_iter().filter(|name| name.starts_with("ops/agent-")).collect();
        let empty = left.iter().filter(|name| !is_kept(&after, name));
        assert_eq!(empty.collect::<Vec<_>>(), Vec::<&String>::new(), "after call {nth}");
        if is_over {
            break;
        }
        kills += 1;
    }
    assert!(kills > 20);
}
