//! A store on a simulated disk, made of given files, and what it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use opslog::disk::sim::SimDisk;
use opslog::engine::{Change, Cursor};
use opslog::error::Result;
use opslog::format::manifest::Generation;
use opslog::json::array::elements;
use opslog::json::string::unescape;
use opslog::lock::ProcessProbe;
use opslog::store::{Durability, Options, Rejected, Store};
use opslog::transition::folder::fresh;

pub const ROOT: &str = "/store";
pub const NOW: i64 = 1_700_000_000_000;
pub const SNAPSHOT: &str = "snapshots/snap-1.jsonl";
pub const LOG: &str = "ops/ops-1.jsonl";

/// All other processes are dead.
pub struct Dead;

impl ProcessProbe for Dead {
    fn is_alive(&self, _: u32) -> bool {
        false
    }

    fn has_open(&self, _: u32, _: (u64, u64)) -> Option<bool> {
        Some(false)
    }

    fn sleep(&self, _: Duration) {}
}

pub fn path(relative: &str) -> PathBuf {
    Path::new(ROOT).join(relative)
}

/// A disk with a store whose snapshot and log have this content.
pub fn disk_with(snapshot: &[u8], log: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    let manifest =
        fresh(SNAPSHOT.into(), LOG.into(), "2026-01-01T00:00:00.000Z".into(), Generation::new(Vec::new()));
    let manifest = manifest.print();
    let files = [("manifest.json", manifest.as_bytes()), (SNAPSHOT, snapshot), (LOG, log)];
    for (relative, content) in files {
        disk.plant(&path(relative), content).unwrap();
    }
    disk
}

pub fn options(read_only: bool) -> Options {
    Options {
        read_only,
        skip_load: false,
        version: 1,
        version_given: false,
        checkpoint_threshold: f64::INFINITY,
        strict: false,
        amortised: false,
        index_from_bytes: 0,
        buffered: false,
        durability: Durability::Process,
        agent: None,
        now_ms: NOW,
        progress: Default::default(),
    }
}

pub fn open(disk: &SimDisk, read_only: bool) -> Result<Arc<Store>> {
    let opened = Store::open(Arc::new(disk.clone()), Path::new(ROOT), options(read_only), &Dead);
    opened.map(|opened| opened.store)
}

/// Ids and values of all records, in order. The ids as they are in memory: lone surrogates included.
pub fn records(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut text = b"[".to_vec();
    let mut cursor = (Cursor::Base(0), 0);
    while cursor.0 != Cursor::End {
        let next = store.scan(cursor, text.len() + 4096, &mut text);
        cursor = next.expect("nothing fails on this disk").expect("no other store changes the records");
    }
    if text.last() == Some(&b',') {
        text.pop();
    }
    text.push(b']');
    let parts = elements(&text).expect("a scan gives JSON");
    let id = |quoted: &[u8]| unescape(&quoted[1..quoted.len() - 1]).into_owned();
    // A record without a value is told by `null` in the place of the id.
    let record = |pair: &[&[u8]]| match pair[0] {
        b"null" => (id(pair[1]), Vec::new()),
        _ => (id(pair[0]), pair[1].to_vec()),
    };
    parts.chunks(2).map(record).collect()
}

/// Ids and values of all records; each must be what a lookup of its id finds, and as many as are counted.
pub fn checked_records(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let records = records(store);
    assert_eq!(store.counts().records, records.len());
    for (id, value) in &records {
        let found = store.get(id).expect("nothing fails on this disk");
        assert_eq!(found.as_ref(), Some(value), "a lookup finds something else than a scan");
    }
    records
}

/// The operations that a store shows, as JSON texts with commas between.
pub fn operations(store: &Store) -> Vec<u8> {
    let mut text = Vec::new();
    store.operations(0, usize::MAX, &mut text).expect("nothing fails on this disk");
    text
}

/// An undone deletion may have moved a record to the end for a follower.
pub fn shows_the_same(store: &Store, disk: &SimDisk) {
    let fresh = open(disk, true).expect("a log never keeps a store from opening");
    let sorted = |store: &Store| {
        let mut records = checked_records(store);
        records.sort();
        records
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    store.follow().expect("nothing fails on this disk");
    let (shown, expected) = (text(operations(store)), text(operations(&fresh)));
    let logs = || -> Vec<_> {
        let logs = disk.tree().into_iter().filter(|(path, _)| path.starts_with("/store/ops"));
        logs.map(|(path, log)| (path, text(log))).collect()
    };
    assert_eq!(shown, expected, "who followed shows other operations of {:?}", logs());
    assert_eq!(sorted(store), sorted(&fresh), "who followed shows other records of {:?}", logs());
}

/// Sets a record.
pub fn set(store: &Store, id: &[u8], value: &[u8]) {
    let mut prev = None;
    for _ in 0..4 {
        match store.change(Change::Set(value), id, NOW, prev.as_deref(), true) {
            Ok(_) => return,
            // A caller that can print as V8 does is asked for that; here all is printed so.
            Err(Rejected::NotCanonical(text)) => prev = Some(text),
            Err(Rejected::NotNow) => drop(store.follow().expect("nothing fails on this disk")),
            Err(Rejected::Error(error)) => panic!("{error}"),
        }
    }
    panic!("it is never the time for a change");
}

/// Undoes an operation, if there is one.
pub fn undo(store: &Store) {
    match store.undo() {
        Ok(_) => {}
        Err(Rejected::NotNow) => drop(store.undo_waiting().expect("nothing fails on this disk")),
        Err(_) => panic!("nothing fails on this disk"),
    }
}
