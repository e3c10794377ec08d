//! Others who act between two of our calls.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use opslog::Result;
use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, DiskFile, FileInfo, OpenMode};
use opslog::lock::{HeldLock, LOCK, acquire};

use crate::support::*;

/// What happens elsewhere just before one call of the disk.
struct Meddling {
    disk: SimDisk,
    before_open: Box<dyn Fn(u64, OpenMode) + Send + Sync>,
    before_link: Box<dyn Fn() + Send + Sync>,
    after_link: Box<dyn Fn() + Send + Sync>,
    after_open: Box<dyn Fn(OpenMode) + Send + Sync>,
    opens: AtomicU64,
}

impl Meddling {
    fn new(disk: &SimDisk) -> Self {
        Self {
            disk: disk.clone(),
            before_open: Box::new(|_, _| {}),
            before_link: Box::new(|| {}),
            after_link: Box::new(|| {}),
            after_open: Box::new(|_| {}),
            opens: AtomicU64::new(0),
        }
    }

    fn take(self, probe: &Probe) -> Result<HeldLock> {
        let disk: Arc<dyn Disk> = Arc::new(self);
        acquire(&disk, root(), LOCK, OWN, probe)
    }
}

impl Disk for Meddling {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        (self.before_open)(self.opens.fetch_add(1, Ordering::Relaxed) + 1, mode);
        let file = self.disk.open(path, mode);
        (self.after_open)(mode);
        file
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.disk.info(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.before_link)();
        let linked = self.disk.link(from, to);
        (self.after_link)();
        linked
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.disk.unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.create_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }
}

#[test]
fn somebody_who_was_faster_at_the_link_has_the_lock() {
    let disk = disk();
    let winner = Arc::new(Mutex::new(None));
    let (same, won) = (disk.clone(), Arc::clone(&winner));
    let mut meddling = Meddling::new(&disk);
    meddling.before_link = Box::new(move || {
        let file = same.open(&lock_path(), OpenMode::CreateNew).unwrap();
        file.append(b"77").unwrap();
        assert!(file.try_lock().unwrap());
        *won.lock().unwrap() = Some(file);
    });
    assert_eq!(locked_by(meddling.take(&probe(&[], &[]))), OTHER);
    assert_eq!(files(&disk), only_lock_with("77"));
}

#[test]
fn an_original_that_removes_our_file_at_once_makes_us_start_again() {
    let disk = disk();
    let (same, times) = (disk.clone(), AtomicU64::new(0));
    let mut meddling = Meddling::new(&disk);
    meddling.after_link = Box::new(move || {
        if times.fetch_add(1, Ordering::Relaxed) < 3 {
            same.unlink(&lock_path()).unwrap();
        }
    });
    let held = meddling.take(&probe(&[], &[])).unwrap();
    assert!(held.is_still_ours().unwrap());
    assert_eq!(files(&disk), only_lock_with("4242"));
}

#[test]
fn somebody_who_removes_our_file_every_time_ends_in_an_error() {
    let disk = disk();
    let same = disk.clone();
    let mut meddling = Meddling::new(&disk);
    meddling.after_link = Box::new(move || same.unlink(&lock_path()).unwrap());
    let probe = probe(&[], &[]);
    assert_eq!(io_failure(meddling.take(&probe)), ("open", ErrorKind::ResourceBusy));
    assert_eq!(files(&disk), BTreeMap::new());
    assert!(probe.slept_ms() < 2000);
}

#[test]
fn a_temporary_that_somebody_cleaned_away_makes_us_start_again() {
    let disk = disk();
    let (same, times) = (disk.clone(), AtomicU64::new(0));
    let mut meddling = Meddling::new(&disk);
    meddling.before_link = Box::new(move || {
        if times.fetch_add(1, Ordering::Relaxed) == 0 {
            for name in same.list(root()).unwrap() {
                same.unlink(&root().join(name)).unwrap();
            }
        }
    });
    let _held = meddling.take(&probe(&[], &[])).unwrap();
    assert_eq!(files(&disk), only_lock_with("4242"));
}

#[test]
fn a_holder_that_leaves_between_our_open_and_our_lock_makes_us_start_again() {
    let disk = disk();
    let holder = take_as(&disk, OTHER, &probe(&[], &[])).unwrap();
    let holder = Mutex::new(Some(holder));
    let mut meddling = Meddling::new(&disk);
    meddling.after_open = Box::new(move |mode| {
        if mode == OpenMode::ReadNoFollow
            && let Some(holder) = holder.lock().unwrap().take()
        {
            holder.release().unwrap();
        }
    });
    // It lives on, and where it cannot be told what it has open it would count as the holder.
    let held = meddling.take(&probe(&[OTHER], &[])).unwrap();
    assert!(held.is_still_ours().unwrap());
    assert_eq!(files(&disk), only_lock_with("4242"));
}

#[test]
fn a_holder_that_leaves_between_our_link_and_our_open_makes_us_start_again() {
    let disk = disk();
    let same = disk.clone();
    let holder = Arc::new(Mutex::new(None));
    let mut meddling = Meddling::new(&disk);
    let (taken, times) = (Arc::clone(&holder), AtomicU64::new(0));
    let elsewhere = disk.clone();
    meddling.before_link = Box::new(move || {
        if times.fetch_add(1, Ordering::Relaxed) == 0 {
            let file = elsewhere.open(&lock_path(), OpenMode::CreateNew).unwrap();
            assert!(file.try_lock().unwrap());
            *taken.lock().unwrap() = Some(file);
        }
    });
    meddling.before_open = Box::new(move |number, _| {
        if number == 3 {
            same.unlink(&lock_path()).unwrap();
            drop(holder.lock().unwrap().take().unwrap());
        }
    });
    assert!(meddling.take(&probe(&[], &[])).is_ok());
}
