//! What looks at logs cost, in bytes of memory that are asked for: they go with what is read, not with what the log may hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // A failure ends the test.
#![allow(unsafe_code)] // An allocator is unsafe by nature; this one passes everything on.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opslog::disk::{MemoryFile, OsDisk};
use opslog::engine::Change;
use opslog::store::{Look, Options, Store};
use opslog::wal::LineReader;

#[allow(dead_code)] // Of what it has, the options alone are wanted.
#[path = "store_behaviour/support.rs"]
mod support;

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LOOKS: usize = 64;
const FEW: usize = 300;
/// Away from where tables grow to twice their size.
const MANY: usize = 3000;

fn open(folder: &Path, agent: Option<&str>, read_only: bool) -> Arc<Store> {
    let options = Options { agent: agent.map(str::to_owned), read_only, ..support::options() };
    Store::open(Arc::new(OsDisk), folder, options, &support::Dead).unwrap().store
}

/// A writer, and a store that looks at what it writes, on its own thread. A look on another thread copies what is shown meanwhile, which
/// goes with the log.
struct Followed {
    writer: Arc<Store>,
    follower: Arc<Store>,
    lines: usize,
}

impl Followed {
    fn look(&self) {
        assert!(matches!(self.follower.follow_at_once().unwrap(), Look::Done(_)));
        self.follower.take_foreign();
        drop(self.follower.take_tail());
    }

    fn write(&mut self) {
        let id = format!("{}", self.lines % 100);
        let set = || self.writer.change(Change::Set(b"{\"n\":1}"), id.as_bytes(), 1, None, false);
        // An agent looks at the others first.
        while set().is_err() {
            self.writer.catch_up().unwrap();
        }
        self.lines += 1;
    }

    /// How many bytes a look asks for once the log has so many lines.
    fn bytes_at(&mut self, lines: usize) -> usize {
        while self.lines < lines {
            self.write();
        }
        self.follower.follow().unwrap();
        self.follower.take_foreign();
        drop(self.follower.take_tail());
        let before = BYTES.load(Ordering::Relaxed);
        for _ in 0..LOOKS {
            self.write();
            self.look();
        }
        (BYTES.load(Ordering::Relaxed) - before) / LOOKS
    }
}

/// All threads of the process count, so the tests take turns.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn the_end_of_a_log_is_found_without_room_for_another_block() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = MemoryFile(format!("{}\n", "x".repeat(264)).into_bytes().repeat(100));
    let before = BYTES.load(Ordering::Relaxed);
    let mut reader = LineReader::new(&file, 0);
    let mut lines = 0;
    while reader.next_line().unwrap().is_some() {
        lines += 1;
    }
    let asked = BYTES.load(Ordering::Relaxed) - before;
    assert_eq!(lines, 100);
    assert!(asked < 256 << 10, "{asked} bytes for {} that were read", file.0.len());
}

#[test]
fn a_look_at_one_new_line_costs_the_same_however_long_the_log_is() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (agent, other) in [(None, None), (Some("one"), None), (Some("one"), Some("two"))] {
        let folder = tempfile::tempdir().unwrap();
        let writer = open(folder.path(), agent, false);
        let follower = open(folder.path(), other, other.is_none());
        follower.settle_here();
        let mut followed = Followed { writer, follower, lines: 0 };
        let (few, many) = (followed.bytes_at(FEW), followed.bytes_at(MANY));
        assert!(many < few * 2, "{agent:?}, {other:?}: {few} bytes behind {FEW} lines, {many} behind {MANY}");
    }
}
