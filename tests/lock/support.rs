//! Processes and a time of the test's own making, and a folder on a simulated disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::lock::{HeldLock, LOCK, ProcessProbe, acquire};
use opslog::{Error, Result};

pub const OWN: u32 = 4242;

pub const OTHER: u32 = 77;

pub type Step = Box<dyn Fn(u64) + Send + Sync>;

/// Processes that live as the test says.
#[derive(Default)]
pub struct Probe {
    pub alive: BTreeSet<u32>,
    pub has_open: BTreeMap<u32, bool>,
    /// Processes that end while they are looked into.
    pub ending: BTreeSet<u32>,
    pub ended: AtomicBool,
    pub slept_ms: AtomicU64,
    pub sleeps: AtomicU64,
    /// The caller has no time.
    pub is_hasty: bool,
    /// What happens elsewhere during the n-th sleep.
    pub meanwhile: Mutex<Option<Step>>,
}

impl ProcessProbe for Probe {
    fn is_alive(&self, pid: u32) -> bool {
        self.alive.contains(&pid) && !(self.ending.contains(&pid) && self.ended.load(Ordering::Relaxed))
    }

    fn has_open(&self, pid: u32, _identity: (u64, u64)) -> Option<bool> {
        self.ended.fetch_or(self.ending.contains(&pid), Ordering::Relaxed);
        self.has_open.get(&pid).copied()
    }

    fn sleep(&self, duration: Duration) {
        self.slept_ms.fetch_add(duration.as_millis() as u64, Ordering::Relaxed);
        let number = self.sleeps.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(step) = &*self.meanwhile.lock().unwrap() {
            step(number);
        }
    }

    fn may_wait(&self) -> bool {
        !self.is_hasty
    }
}

impl Probe {
    pub fn meanwhile(self, step: impl Fn(u64) + Send + Sync + 'static) -> Self {
        *self.meanwhile.lock().unwrap() = Some(Box::new(step));
        self
    }

    pub fn slept_ms(&self) -> u64 {
        self.slept_ms.load(Ordering::Relaxed)
    }
}

pub fn probe(alive: &[u32], has_open: &[(u32, bool)]) -> Probe {
    Probe {
        alive: alive.iter().copied().collect(),
        has_open: has_open.iter().copied().collect(),
        ..Probe::default()
    }
}

pub fn root() -> &'static Path {
    Path::new("/store")
}

pub fn lock_path() -> PathBuf {
    root().join(LOCK)
}

pub fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_folder(root()).unwrap();
    disk
}

pub fn disk_with_lock(content: &[u8]) -> SimDisk {
    let disk = disk();
    disk.plant(&lock_path(), content).unwrap();
    disk
}

pub fn take_as(disk: &SimDisk, pid: u32, probe: &Probe) -> Result<HeldLock> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    acquire(&disk, root(), LOCK, pid, probe)
}

pub fn take(disk: &SimDisk, probe: &Probe) -> Result<HeldLock> {
    take_as(disk, OWN, probe)
}

pub fn locked_by<T: std::fmt::Debug>(result: Result<T>) -> u32 {
    match result {
        Err(Error::Locked { pid, path, .. }) => {
            assert_eq!(path, lock_path());
            pid
        }
        other => panic!("not locked: {other:?}"),
    }
}

pub fn io_failure<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, ErrorKind) {
    match result {
        Err(Error::Io { syscall, path, source }) => {
            assert_eq!(path, lock_path());
            (syscall, source.kind())
        }
        other => panic!("not an I/O error: {other:?}"),
    }
}

/// The names in the folder with the lock's content.
pub fn files(disk: &SimDisk) -> BTreeMap<String, String> {
    let tree = disk.tree();
    let files = tree.iter().filter_map(|(path, content)| {
        let name = path.strip_prefix(root()).ok()?.to_str()?;
        (!name.is_empty()).then(|| (name.to_owned(), String::from_utf8_lossy(content).into_owned()))
    });
    files.collect()
}

pub fn only_lock_with(content: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(LOCK.to_owned(), content.to_owned())])
}
