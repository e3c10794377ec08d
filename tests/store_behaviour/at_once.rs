//! Which stores are opened at once: those of which little is read, and that wait for no other process.

use std::path::Path;

use opslog::disk::sim::SimDisk;
use opslog::store::{Options, Store};

use super::support::*;

fn indexed() -> Options {
    Options { index_from_bytes: 0, ..options() }
}

fn is_at_once(disk: &SimDisk, options: &Options) -> bool {
    Store::opens_at_once(disk, Path::new(ROOT), options)
}

fn long() -> String {
    format!("\"{}\"", "x".repeat(200_000))
}

#[test]
fn a_small_store_that_was_closed_is_opened_at_once() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    store.close().unwrap();
    assert!(is_at_once(&disk, &options()));
    let reading = Options { read_only: true, ..options() };
    assert!(is_at_once(&disk, &reading));
    let store = open(&disk);
    assert!(!is_at_once(&disk, &options()), "its writer is to be waited for, or was killed");
    assert!(is_at_once(&disk, &reading));
    drop(store);
}

#[test]
fn a_store_with_a_long_log_or_a_long_snapshot_without_index_is_not_opened_at_once() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    set(&store, "a", &long());
    store.close().unwrap();
    assert!(!is_at_once(&disk, &indexed()), "the log is long");
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    checkpoint(&store).unwrap();
    store.close().unwrap();
    assert!(is_at_once(&disk, &indexed()), "the snapshot has an index");
    let relative = store.manifest().current_snapshot;
    let index = path(&relative.replace("snapshots/", "index/").replace(".jsonl", ".jsonl.idx"));
    assert!(disk.tree().contains_key(&index));
    let whole = disk.tree()[&path(&relative)].clone();
    let mut damaged = whole.clone();
    damaged[0] = b'[';
    disk.plant(&path(&relative), &damaged).unwrap();
    assert!(!is_at_once(&disk, &indexed()), "the first line of the snapshot says nothing");
    disk.plant(&path(&relative), &whole).unwrap();
    assert!(is_at_once(&disk, &indexed()));
    disk.plant(&index, b"of another snapshot").unwrap();
    assert!(!is_at_once(&disk, &indexed()), "the index is that of another file");
    assert!(is_at_once(&disk, &Options { skip_load: true, ..indexed() }), "the snapshot is not read");
}

#[test]
fn a_folder_that_is_new_or_damaged_or_belongs_to_agents_is_not_opened_at_once() {
    let disk = SimDisk::new();
    assert!(!is_at_once(&disk, &options()));
    let store = open_agent(disk.clone(), "one");
    set(&store, "a", "1");
    store.close().unwrap();
    assert!(!is_at_once(&disk, &options()));
    let disk = SimDisk::new();
    open(&disk).close().unwrap();
    assert!(!is_at_once(&disk, &Options { agent: Some("one".into()), ..options() }));
    disk.plant(&path("manifest.json"), b"{").unwrap();
    assert!(!is_at_once(&disk, &options()));
}

#[test]
fn a_store_with_a_lock_of_compaction_left_in_it_is_not_opened_at_once() {
    let disk = SimDisk::new();
    open(&disk).close().unwrap();
    disk.plant(&path(".compact-lock"), b"").unwrap();
    assert!(!is_at_once(&disk, &options()), "its number is waited for");
    assert!(is_at_once(&disk, &Options { read_only: true, ..options() }));
}

#[test]
fn a_store_with_a_long_manifest_is_not_opened_at_once() {
    let disk = SimDisk::new();
    open(&disk).close().unwrap();
    assert!(is_at_once(&disk, &options()));
    let manifest = path("manifest.json");
    let text = String::from_utf8(disk.tree()[&manifest].clone()).unwrap();
    let segments: Vec<_> = (0..5000).map(|n| format!("\"archive/archive-{n:020}.json\"")).collect();
    let long =
        text.replace("\"archiveSegments\": []", &format!("\"archiveSegments\": [{}]", segments.join(",")));
    assert!(long.len() > 200_000);
    disk.plant(&manifest, long.as_bytes()).unwrap();
    assert!(!is_at_once(&disk, &options()));
    assert!(!is_at_once(&disk, &Options { read_only: true, ..options() }));
    open(&disk).close().unwrap();
}
