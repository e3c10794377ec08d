//! A store on a simulated disk in few words.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::engine::{Change, Cursor};
use opslog::error::Result;
use opslog::format::manifest::{self, Manifest};
use opslog::lock::ProcessProbe;
use opslog::store::{Durability, Opened, Options, Rejected, Report, Store};

pub const NOW: i64 = 1_700_000_000_000;
pub const ROOT: &str = "/store";

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

pub fn options() -> Options {
    Options {
        read_only: false,
        skip_load: false,
        version: 1,
        version_given: false,
        checkpoint_threshold: f64::INFINITY,
        strict: false,
        amortised: false,
        index_from_bytes: u64::MAX,
        buffered: false,
        durability: Durability::Process,
        agent: None,
        now_ms: NOW,
        progress: Arc::default(),
    }
}

pub fn try_open(disk: impl Disk + 'static, options: Options) -> Result<Opened> {
    Store::open(Arc::new(disk), Path::new(ROOT), options, &Dead)
}

pub fn open(disk: &SimDisk) -> Arc<Store> {
    try_open(disk.clone(), options()).unwrap().store
}

pub fn open_agent(disk: impl Disk + 'static, id: &str) -> Arc<Store> {
    try_open(disk, Options { agent: Some(id.into()), ..options() }).unwrap().store
}

pub fn reader(disk: &SimDisk) -> Arc<Store> {
    try_open(disk.clone(), Options { read_only: true, ..options() }).unwrap().store
}

pub fn path(relative: &str) -> PathBuf {
    Path::new(ROOT).join(relative)
}

pub fn try_set(store: &Store, id: &str, value: &str) -> Result<(), Rejected> {
    store.change(Change::Set(value.as_bytes()), id.as_bytes(), NOW, None, true).map(|_| ())
}

pub fn set(store: &Store, id: &str, value: &str) {
    try_set(store, id, value).unwrap();
}

pub fn try_delete(store: &Store, id: &str) -> Result<(), Rejected> {
    store.change(Change::Delete, id.as_bytes(), NOW, None, true).map(|_| ())
}

pub fn delete(store: &Store, id: &str) {
    try_delete(store, id).unwrap();
}

pub fn try_batch(store: &Store, sets: &[(&str, &str)]) -> Result<(), Rejected> {
    store.begin_batch();
    for (id, value) in sets {
        try_set(store, id, value)?;
    }
    store.commit_batch().map(|_| ())
}

pub fn batch(store: &Store, sets: &[(&str, &str)]) {
    try_batch(store, sets).unwrap();
}

/// Whether something was undone.
pub fn undo(store: &Store) -> bool {
    try_undo(store).unwrap()
}

/// Whether something was undone, with the wait that it may take.
pub fn try_undo(store: &Store) -> Result<bool> {
    let undone = match store.undo() {
        Err(Rejected::NotNow) => store.undo_waiting(),
        Err(Rejected::Error(error)) => Err(error),
        undone => Ok(undone.unwrap()),
    };
    undone.map(|undone| !undone.is_empty())
}

pub fn checkpoint(store: &Arc<Store>) -> Result<()> {
    store.begin_checkpoint(NOW, true)?.expect("no other checkpoint is under way").run()
}

pub fn archive(store: &Arc<Store>, ids: &[&str]) -> Result<()> {
    let ids = ids.iter().map(|id| id.as_bytes().into()).collect();
    store.begin_archive(ids, "2026-Q1", NOW)?.expect("no other checkpoint is under way").run()
}

/// All records, as `id=value`.
pub fn records(store: &Store) -> Vec<String> {
    let mut text = b"[".to_vec();
    let scanned = store.scan((Cursor::Base(0), 0), usize::MAX, &mut text).unwrap();
    assert!(matches!(scanned, Some((Cursor::End, _))));
    if text.len() > 1 {
        text.pop();
    }
    text.push(b']');
    let list: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(store.counts().records, list.len() / 2);
    list.chunks(2).map(|pair| format!("{}={}", pair[0].as_str().unwrap(), pair[1])).collect()
}

/// Ids of the operations shown.
pub fn history(store: &Store) -> Vec<String> {
    let mut text = Vec::new();
    let end = store.operations(0, usize::MAX, &mut text).unwrap();
    assert_eq!(end, store.counts().operations);
    ids(&text)
}

/// Ids of operations, given as JSON texts with commas between or behind them.
pub fn ids(operations: &[u8]) -> Vec<String> {
    let text = String::from_utf8(operations.to_vec()).unwrap();
    let list: Vec<serde_json::Value> =
        serde_json::from_str(&format!("[{}]", text.trim_end_matches(','))).unwrap();
    list.iter().map(|operation| operation["id"].as_str().unwrap().to_owned()).collect()
}

/// Ids of the operations that are to be told, which they are by that.
pub fn told(store: &Store) -> Vec<String> {
    try_told(store).unwrap()
}

pub fn try_told(store: &Store) -> Result<Vec<String>> {
    let lists = store.tell(store.take_tail(), 1 << 20)?;
    Ok(lists.iter().flat_map(|list| ids(list)).collect())
}

/// Where malformed lines were skipped when a store was opened.
pub fn offsets(report: &Report) -> Vec<u64> {
    report.skipped.iter().map(|skipped| skipped.offset).collect()
}

/// The records that the next process finds after a `kill -9`.
pub fn found(disk: &SimDisk) -> Vec<String> {
    records(&open(&disk.after_kill()))
}

/// Path and content of the log that the manifest names.
pub fn log(disk: &SimDisk, store: &Store) -> (PathBuf, String) {
    let path = path(&store.manifest().active_ops);
    let content = disk.tree().remove(&path).unwrap_or_default();
    (path, String::from_utf8(content).unwrap())
}

/// The manifest that is in force on the disk.
pub fn published(disk: &SimDisk) -> Manifest {
    manifest::parse(&disk.tree()[&path("manifest.json")]).unwrap()
}

/// What another hand appends.
pub fn append_by_another_hand(disk: &SimDisk, path: &Path, text: &str) {
    let file = disk.open(path, OpenMode::Append).unwrap();
    append_all(&*file, text.as_bytes()).unwrap();
}

/// A line that a 0.8.1 would write.
pub fn line(id: &str, value: &str) -> String {
    format!(r#"{{"ts":"2026-01-01T00:00:00.000Z","op":"set","id":"{id}","prev":null,"data":{value}}}"#)
}

pub fn temporaries(disk: &SimDisk) -> Vec<PathBuf> {
    disk.tree().into_keys().filter(|path| path.to_string_lossy().ends_with(".tmp")).collect()
}

/// The options of a program of version 2.
pub fn second() -> Options {
    Options { version: 2, version_given: true, ..options() }
}

/// Migrates all records that are to be, as the facade does. Returns which, and from which version.
pub fn migrate(store: &Store, change: impl Fn(f64, &str) -> String) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut cursor = Cursor::Base(0);
    while cursor != Cursor::End {
        cursor = store.unmigrated(cursor, usize::MAX, |id, version, text| {
            let (id, text) =
                (String::from_utf8_lossy(id).into_owned(), String::from_utf8_lossy(text).into_owned());
            found.push((id, version, text));
        })?;
    }
    for (id, version, text) in &found {
        store.migrate(id.as_bytes(), change(*version, text).as_bytes())?;
    }
    store.finish_migration();
    Ok(found.into_iter().map(|(id, version, _)| format!("{id} from {version}")).collect())
}

/// Random numbers that are the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
