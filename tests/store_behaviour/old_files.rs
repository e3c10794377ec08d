//! Folders with many old files: what names the next files, and which folders are listed for it.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk};
use opslog::store::{Options, Store};

use super::support::*;

/// From here on, each attempt to list the folder fails, and counts as a failed call.
fn refuse_to_list(disk: &SimDisk, folder: &str) {
    disk.script(Fault::new(CallKind::List, 5).on(folder).lasting());
}

fn failed_calls(disk: &SimDisk) -> u64 {
    disk.faults().failed_call
}

fn agent(disk: &SimDisk, agent: &str) -> Arc<Store> {
    try_open(disk.clone(), Options { agent: Some(agent.into()), ..options() }).unwrap().store
}

/// Sets a record as an agent does that others may have come before. Tells what it came upon.
fn set_after_others(store: &Store, id: &str, value: &str) -> usize {
    store.catch_up().unwrap();
    set(store, id, value);
    told(store).len()
}

fn names(disk: &SimDisk, start: &str) -> Vec<PathBuf> {
    disk.tree().into_keys().filter(|path| path.to_string_lossy().contains(start)).collect()
}

#[test]
fn checkpoints_and_archives_list_no_folder() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), Options { index_from_bytes: 0, ..options() }).unwrap().store;
    refuse_to_list(&disk, "/store");
    for (round, now) in [(1, NOW), (2, NOW - 5), (3, NOW + 20_000), (4, NOW + 40_000)] {
        set(&store, "a", &round.to_string());
        set(&store, "b", "1");
        store.begin_checkpoint(now, true).unwrap().unwrap().run().unwrap();
        archive(&store, &["b"]).unwrap();
        assert_eq!(names(&disk, ".idx").len(), 1, "the index of a superseded snapshot goes");
    }
    assert_eq!(failed_calls(&disk), 0);
    disk.heal();
    assert_eq!(found(&disk), ["a=4"]);
}

#[test]
fn agents_that_register_compact_and_follow_list_no_logs() {
    let disk = SimDisk::new();
    let (one, two) = (agent(&disk, "one"), agent(&disk, "two"));
    refuse_to_list(&disk, "/store/ops");
    refuse_to_list(&disk, "/store/snapshots");
    let mut expected = Vec::new();
    for round in 0..4 {
        let value = round.to_string();
        set_after_others(&one, &format!("one-{round}"), &value);
        expected.push(format!("one-{round}={value}"));
        set_after_others(&two, &format!("two-{round}"), &value);
        expected.push(format!("two-{round}={value}"));
        one.compact_agents(NOW - round, None).unwrap();
        one.catch_up().unwrap();
        two.catch_up().unwrap();
        assert_eq!(records(&one), expected);
        assert_eq!(records(&two), expected);
    }
    assert_eq!(failed_calls(&disk), 0);
}

#[test]
fn an_agent_reads_logs_that_came_and_went_between_two_of_its_looks() {
    let disk = SimDisk::new();
    let (one, two) = (agent(&disk, "one"), agent(&disk, "two"));
    let reader = reader(&disk);
    for rounds in [1, 2, 3] {
        let mut expected = 0;
        for round in 0..rounds {
            // Each compaction publishes logs that neither of the others has seen.
            let passing = agent(&disk, &format!("passing-{rounds}-{round}"));
            set(&passing, &format!("{rounds}-{round}"), "1");
            expected += 1;
            set_after_others(&one, &format!("one-{rounds}-{round}"), "1");
            expected += 1;
            passing.close().unwrap();
            one.compact_agents(NOW, None).unwrap();
        }
        for follower in [&two, &reader] {
            follower.catch_up().unwrap();
            assert_eq!(told(follower).len(), expected, "after {rounds} compactions");
            assert_eq!(records(follower), records(&one));
        }
    }
}

#[test]
fn names_that_are_taken_are_passed_over() {
    for taken in [1, 15, 16, 17, 300] {
        let disk = SimDisk::new();
        let store = open(&disk);
        set(&store, "a", "1");
        for ms in 0..taken {
            let (log, snapshot) =
                if ms % 2 == 0 { ("ops/ops", "ops/other") } else { ("ops/other", "snapshots/snap") };
            for name in [log, snapshot] {
                disk.plant(&path(&format!("{name}-{}.jsonl", NOW + 10 + ms)), b"taken").unwrap();
            }
        }
        let lists = |disk: &SimDisk| disk.calls(CallKind::List);
        let before = lists(&disk);
        store.begin_checkpoint(NOW + 10, true).unwrap().unwrap().run().unwrap();
        assert_eq!(lists(&disk) - before, u64::from(taken >= 16), "{taken}");
        assert_eq!(found(&disk), ["a=1"]);
        assert_eq!(store.manifest().active_ops, format!("ops/ops-{}.jsonl", NOW + 10 + taken));
        assert!(disk.tree().values().filter(|content| *content == b"taken").count() == 2 * taken as usize);
    }
}

#[test]
fn a_disk_on_which_every_name_is_taken_fails_a_checkpoint_in_the_end() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    disk.script(Fault::new(CallKind::Create, ErrorKind::AlreadyExists).on("/ops/").lasting());
    let error = checkpoint(&store).unwrap_err();
    assert_eq!(error.io_source().map(std::io::Error::kind), Some(ErrorKind::AlreadyExists));
    disk.heal();
    checkpoint(&store).unwrap();
    assert_eq!(found(&disk), ["a=1"]);
}

#[test]
fn a_clock_at_the_end_of_time_stops_no_checkpoint() {
    const END: i64 = 8_640_000_000_000_000;
    for now in [END - 1, END, i64::MAX] {
        let disk = SimDisk::new();
        let store = open(&disk);
        for round in 1..=5 {
            set(&store, "a", &round.to_string());
            store.begin_checkpoint(now, true).unwrap().unwrap().run().unwrap();
        }
        store.close().unwrap();
        // The clock is right again, and agents come in.
        let store = agent(&disk, "x");
        for round in 6..=9 {
            set(&store, "a", &round.to_string());
            store.compact_agents(NOW + round, None).unwrap();
        }
        store.close().unwrap();
        assert_eq!(found(&disk), ["a=9"]);
    }
}

#[test]
fn snapshots_that_a_clock_that_was_ahead_dates_are_deleted_in_time() {
    const AHEAD: i64 = 400 * 86_400_000;
    let disk = SimDisk::new();
    let store = open(&disk);
    let round = |now: i64| {
        set(&store, "a", &now.to_string());
        store.begin_checkpoint(now, true).unwrap().unwrap().run().unwrap();
        names(&disk, "/snap-").len()
    };
    for n in 0..10 {
        round(NOW + AHEAD + n);
    }
    // Right again: they count as superseded by now, at the latest.
    assert_eq!(round(NOW), 12);
    assert_eq!(round(NOW + 9_000), 13);
    assert_eq!(round(NOW + 11_000), 3);
    assert_eq!(round(NOW + 22_000), 2);
}

#[test]
fn taking_a_folder_of_agents_over_supersedes_its_snapshot() {
    let disk = SimDisk::new();
    for _ in 0..5 {
        let store = agent(&disk, "x");
        set(&store, "a", "1");
        store.close().unwrap();
        let store = open(&disk);
        store.begin_checkpoint(NOW, true).unwrap().unwrap().run().unwrap();
        store.close().unwrap();
    }
    let store = open(&disk);
    set(&store, "a", "2");
    store.begin_checkpoint(NOW + 20_000, true).unwrap().unwrap().run().unwrap();
    assert_eq!(names(&disk, "/snap-").len(), 2);
    assert_eq!(found(&disk), ["a=2"]);
}

#[test]
fn a_folder_is_opened_without_a_list_of_its_logs() {
    for is_agent in [false, true] {
        let agent_of = |id: &str| is_agent.then(|| id.to_owned());
        let disk = SimDisk::new();
        let options = |id: &str| Options { agent: agent_of(id), ..options() };
        let store = try_open(disk.clone(), options("one")).unwrap().store;
        set(&store, "a", "1");
        for disk in [disk.after_kill(), disk.clone()] {
            store.close().unwrap_or_default();
            refuse_to_list(&disk, "/store/ops");
            let store = try_open(disk.clone(), options("two")).unwrap().store;
            assert_eq!(records(&store), ["a=1"]);
            assert_eq!(records(&reader(&disk)), ["a=1"]);
            assert_eq!(failed_calls(&disk), 0);
            store.close().unwrap();
        }
    }
}
