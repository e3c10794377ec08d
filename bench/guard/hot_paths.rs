//! `hot_paths WORK COUNT FOLDER`: does one kind of work so many times on a store in an empty folder, and prints how often memory
//! was asked for meanwhile. `guard.mjs` runs it twice, with different counts: what opening costs falls out of the difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A failure ends it.
#![allow(unsafe_code)] // An allocator is unsafe by nature; this one passes everything on.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opslog::disk::OsDisk;
use opslog::engine::Change;
use opslog::lock::ProcessProbe;
use opslog::store::{Durability, Look, Options, Store};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// No other process is alive.
struct Alone;

impl ProcessProbe for Alone {
    fn is_alive(&self, _: u32) -> bool {
        false
    }

    fn has_open(&self, _: u32, _: (u64, u64)) -> Option<bool> {
        Some(false)
    }

    fn sleep(&self, _: std::time::Duration) {}
}

/// Changes in one batch, one shared write, or one flush of the buffer.
const TOGETHER: usize = 100;
/// The records that are there before work begins that needs some.
const RECORDS: usize = 1000;
/// How much of a kind of work is done at most.
const MOST: usize = 10_000;
const NOW: i64 = 1_700_000_000_000;

fn id(number: usize) -> String {
    format!("task-{number:07}")
}

/// A record of 180 bytes.
fn value(number: usize) -> String {
    format!(
        r#"{{"title":"Task number {number:07}","status":"open","priority":{},"tags":["alpha","tag-{:02}"],"owner":{{"name":"user-{:03}","team":"storage"}},"created":{},"note":"amber-basin cobalt-drift"}}"#,
        number % 5,
        number % 100,
        number % 1000,
        1_700_000_000_000_u64 + number as u64
    )
}

/// Ids and values, made before anything counts: as many in every run.
struct Made {
    ids: Vec<String>,
    values: Vec<String>,
}

impl Made {
    fn new() -> Self {
        Self { ids: (0..RECORDS + MOST).map(id).collect(), values: (0..RECORDS + MOST).map(value).collect() }
    }

    fn id(&self, number: usize) -> &[u8] {
        self.ids[number % self.ids.len()].as_bytes()
    }

    fn set(&self, store: &Store, number: usize, version: usize, check: bool) {
        let value = self.values[(number + version) % self.values.len()].as_bytes();
        store.change(Change::Set(value), self.id(number), NOW, None, check).unwrap();
    }
}

fn open(folder: &Path, work: &str, read_only: bool) -> Arc<Store> {
    let options = Options {
        read_only,
        skip_load: false,
        version: 1,
        version_given: false,
        checkpoint_threshold: f64::INFINITY,
        strict: false,
        amortised: false,
        index_from_bytes: u64::MAX,
        buffered: work == "buffered",
        durability: Durability::Process,
        agent: (work.starts_with("agent") && !read_only).then(|| "one".to_owned()),
        now_ms: NOW,
        progress: Arc::default(),
    };
    Store::open(Arc::new(OsDisk), folder, options, &Alone).unwrap().store
}

/// A reader looks behind each change of the writer, and is told of it.
fn tail(reader: &Store, change: impl Fn(usize), count: usize) {
    for n in 0..count {
        change(n);
        assert!(matches!(reader.follow_at_once().unwrap(), Look::Done(_)));
        let told = reader.tell(reader.take_tail(), usize::MAX).unwrap();
        assert_eq!(told.len(), 1);
        reader.take_foreign();
    }
}

#[inline(never)] // A profile is taken of it.
fn run(store: &Store, reader: &Store, made: &Made, work: &str, count: usize) {
    let set = |number, version, check| made.set(store, number, version, check);
    match work {
        "insert" | "agent" => (0..count).for_each(|n| set(RECORDS + n, 0, false)),
        "update" => (0..count).for_each(|n| set(n % RECORDS, n, false)),
        "first of a turn" => (0..count).for_each(|n| set(RECORDS + n, 0, true)),
        "batch" => {
            for n in (0..count).step_by(TOGETHER) {
                store.begin_batch();
                (n..n + TOGETHER).for_each(|n| set(RECORDS + n, 0, false));
                store.commit_batch().unwrap();
            }
        }
        "batch of updates" => {
            for n in (0..count).step_by(TOGETHER) {
                store.begin_batch();
                (n..n + TOGETHER).for_each(|n| set(n % RECORDS, n, false));
                store.commit_batch().unwrap();
            }
        }
        "in flight" => {
            for n in (0..count).step_by(TOGETHER) {
                store.begin_shared();
                (n..n + TOGETHER).for_each(|n| set(RECORDS + n, 0, false));
                store.commit_shared().unwrap();
            }
        }
        "buffered" => {
            for n in (0..count).step_by(TOGETHER) {
                (n..n + TOGETHER).for_each(|n| set(RECORDS + n, 0, false));
                store.flush().unwrap();
            }
        }
        "delete" => {
            for n in 0..count {
                set(n % RECORDS, n, false);
                store.change(Change::Delete, made.id(n % RECORDS), NOW, None, false).unwrap();
            }
        }
        "undo" => {
            for n in 0..count {
                set(n % RECORDS, n, false);
                store.undo().unwrap();
            }
        }
        "get" => {
            let mut text = Vec::new();
            for n in 0..count {
                text.clear();
                assert!(store.get_into(made.id(n % RECORDS), &mut text).unwrap());
            }
        }
        "tail" | "agent's tail" => tail(reader, |n| set(RECORDS + n, 0, false), count),
        other => panic!("there is no work {other}"),
    }
}

fn main() {
    let given: Vec<String> = std::env::args().collect();
    let [_, work, count, folder] = given.as_slice() else { panic!("hot_paths WORK COUNT FOLDER") };
    let store = open(Path::new(folder), work, false);
    let made = Made::new();
    (0..RECORDS).for_each(|number| made.set(&store, number, 0, false));
    store.flush().unwrap();
    let reader = open(Path::new(folder), work, true);
    reader.settle_here();
    reader.follow().unwrap();
    reader.forget_tail();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run(&store, &reader, &made, work, count.parse().unwrap());
    println!("{}", ALLOCATIONS.load(Ordering::Relaxed) - before);
    // NOTE: closing would index the log, which costs by its length.
    std::process::exit(0);
}
