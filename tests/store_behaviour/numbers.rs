//! Numbers in files and names that no store writes: nothing overflows, and nothing that was acknowledged is lost.

use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode};
use opslog::error::Error;
use opslog::format::index::{Fingerprint, Header, Kind, PAGE, checksum};
use opslog::format::manifest::{self, Manifest};
use opslog::index::fingerprint;
use opslog::store::{Options, Rejected, Store};

use super::support::*;

fn agent(disk: &SimDisk, name: &str) -> Arc<Store> {
    try_open(disk.clone(), Options { agent: Some(name.into()), ..options() }).unwrap().store
}

/// A folder of two agents, in the log of one of which an operation has this clock.
fn with_clock(clock: &str) -> SimDisk {
    let disk = SimDisk::new();
    for name in ["x", "y"] {
        agent(&disk, name).close().unwrap();
    }
    let log = disk.tree().into_keys().find(|path| path.to_string_lossy().contains("agent-y-")).unwrap();
    let line = line("a", "0").replace('}', &format!(",\"agent\":\"y\",\"clock\":{clock}}}\n"));
    append_by_another_hand(&disk, &log, &line);
    disk
}

#[test]
fn operations_behind_a_clock_to_which_a_double_cannot_add_one_are_all_there_after_opening() {
    for clock in ["9007199254740992", "9007199254740993", "4e18"] {
        let disk = with_clock(clock);
        for n in 1..4 {
            let store = agent(&disk, "x");
            set(&store, "a", &n.to_string());
            set(&store, "b", &(10 * n).to_string());
            store.close().unwrap();
            let store = agent(&disk, "x");
            assert_eq!(records(&store), [format!("a={n}"), format!("b={}", 10 * n)], "{clock}");
            assert_eq!(store.counts().operations, 1 + 2 * n, "{clock}");
            store.close().unwrap();
        }
    }
}

#[test]
fn behind_the_highest_clock_an_agent_refuses_to_write_what_nobody_would_see() {
    let disk = with_clock("1e300");
    for _ in 0..2 {
        let store = agent(&disk, "x");
        assert!(matches!(try_set(&store, "a", "1"), Err(Rejected::Error(Error::Failed(_)))));
        assert_eq!(records(&store), ["a=0"]);
        store.close().unwrap();
    }
    // A single writer needs no clock.
    let store = open(&disk);
    set(&store, "a", "1");
    store.close().unwrap();
    assert_eq!(found(&disk), ["a=1"]);
}

#[test]
fn files_with_names_of_times_that_no_clock_says_do_not_keep_from_a_checkpoint() {
    for name in ["snapshots/snap-18446744073709551615.jsonl", "ops/ops-9007199254740993.jsonl"] {
        let disk = SimDisk::new();
        open(&disk).close().unwrap();
        disk.plant(&path(name), b"").unwrap();
        for n in 1..3 {
            let store = open(&disk);
            set(&store, "a", &n.to_string());
            checkpoint(&store).unwrap();
            store.close().unwrap();
            assert_eq!(found(&disk), [format!("a={n}")], "{name}");
        }
    }
}

#[test]
fn agents_open_beside_a_log_named_with_a_time_that_no_clock_says() {
    let disk = SimDisk::new();
    agent(&disk, "x").close().unwrap();
    disk.plant(&path("ops/agent-z-18446744073709551615.jsonl"), b"").unwrap();
    let store = agent(&disk, "y");
    set(&store, "a", "1");
    store.compact_agents(NOW, None).unwrap();
    assert_eq!(records(&store), ["a=1"]);
}

#[test]
fn a_manifest_whose_counters_are_at_their_end_is_counted_anew() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    set(&store, "b", "1");
    store.close().unwrap();
    let mut hostile = manifest::parse(&disk.tree()[&path("manifest.json")]).unwrap();
    hostile = Manifest {
        generation: u64::MAX,
        departures: u64::MAX,
        superseded: vec![("snapshots/snap-1.jsonl".into(), u64::MAX)],
        ..hostile
    };
    hostile.stats.archived_records = u64::MAX;
    rewrite(&disk, "manifest.json", hostile.print().as_bytes());
    let store = open(&disk);
    archive(&store, &["a"]).unwrap();
    checkpoint(&store).unwrap();
    let now = store.manifest();
    assert!((1..10).contains(&now.generation) && now.departures < 10, "{now:?}");
    assert_eq!(now.stats.archived_records, u64::MAX);
    store.close().unwrap();
    assert_eq!(found(&disk), ["b=1"]);
}

/// A lookup by an index of a snapshot that is wrong about the place of the record and, with a checksum that holds, this.
fn found_by_index(wrong: impl Fn(Header, &[u8]) -> Header) -> Option<Vec<u8>> {
    let disk = SimDisk::new();
    let indexed = || Options { index_from_bytes: 0, ..options() };
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    store.close().unwrap();
    let name = disk.tree().into_keys().find(|path| path.to_string_lossy().ends_with(".idx")).unwrap();
    let mut index = disk.tree().remove(&name).unwrap();
    let sound = Header::parse(&index[..PAGE], Kind::Snapshot).unwrap();
    let snapshot = &disk.tree()[&path(&open(&disk).manifest().current_snapshot)];
    index[..PAGE].copy_from_slice(&wrong(sound, snapshot).print());
    index[PAGE + 24..PAGE + 32].fill(0xff);
    let sum = checksum(&[&0u32.to_le_bytes(), &index[PAGE + 4..2 * PAGE]]);
    index[PAGE..PAGE + 4].copy_from_slice(&sum.to_le_bytes());
    rewrite(&disk, &name.to_string_lossy()[ROOT.len() + 1..], &index);
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    store.get(b"a").unwrap()
}

#[test]
fn an_index_that_counts_more_records_than_memory_holds_fails_no_lookup() {
    let found = found_by_index(|sound, _| Header { records: u64::MAX, ..sound });
    assert_eq!(found, Some(b"1".to_vec()));
}

#[test]
fn an_index_that_is_wrong_about_where_the_second_line_begins_fails_no_lookup() {
    for by in [-20, -1, 1, 5] {
        let found = found_by_index(|sound, snapshot| {
            let second = sound.second.checked_add_signed(by).unwrap();
            let head = checksum(&[&snapshot[..second as usize - 1]]);
            Header { second, source: Fingerprint { head, ..sound.source }, ..sound }
        });
        assert_eq!(found, Some(b"1".to_vec()), "{by}");
    }
}

#[test]
fn an_index_of_the_first_bytes_of_a_log_that_counts_wrong_keeps_nobody_from_opening() {
    let disk = SimDisk::new();
    let indexed = || Options { index_from_bytes: 0, ..options() };
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    set(&store, "a", "1");
    set(&store, "b", "2");
    store.close().unwrap();
    let name = disk.tree().into_keys().find(|path| path.to_string_lossy().contains("/ops-")).unwrap();
    let log = disk.tree().remove(&name).unwrap();
    let index = disk.tree().into_keys().rfind(|path| path.to_string_lossy().contains("/index/ops-")).unwrap();
    let content = disk.tree().remove(&index).unwrap();
    let sound = Header::parse(&content[..PAGE], Kind::Log).unwrap();
    for len in [0, 1, log.len() as u64 / 2] {
        let source = disk.open(&name, OpenMode::Read).unwrap();
        let (found, _) = fingerprint(&*source, len, sound.second, sound.last).unwrap();
        let header = Header { source: found, operations: 7, ..sound };
        rewrite(
            &disk,
            &index.to_string_lossy()[ROOT.len() + 1..],
            &[header.print(), content[PAGE..].to_vec()].concat(),
        );
        for _ in 0..2 {
            let store = try_open(disk.clone(), indexed()).unwrap().store;
            assert_eq!(history(&store), ["a", "b"], "{len}");
            store.close().unwrap();
        }
    }
}

fn rewrite(disk: &SimDisk, relative: &str, content: &[u8]) {
    disk.unlink(&path(relative)).unwrap();
    disk.plant(&path(relative), content).unwrap();
}
