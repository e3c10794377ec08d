//! Defects of the engine, as far as they show as panics: one at each call of the disk, before it or after it. The store
//! refuses to write from then on or goes on, and what the next one finds is what was acknowledged, twice in a row.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, DiskFile, FileInfo, OpenMode};
use opslog::store::Store;

use super::support::*;

/// A disk that panics at one call.
#[derive(Clone)]
struct Panicking {
    disk: SimDisk,
    /// Counts down, by two for each call: an odd number is for after a call.
    left: Arc<AtomicI64>,
}

impl Panicking {
    fn at<T>(&self, call: impl FnOnce() -> T) -> T {
        self.count();
        let result = call();
        self.count();
        result
    }

    fn count(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            panic!("a defect that is scripted");
        }
    }
}

impl Disk for Panicking {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.at(|| self.disk.open(path, mode))?;
        Ok(Arc::new(PanickingFile { file, disk: self.clone() }))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.disk.info(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.at(|| self.disk.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.at(|| self.disk.link(from, to))
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.disk.unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.at(|| self.disk.list(folder))
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.at(|| self.disk.create_folder(folder))
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.at(|| self.disk.sync_folder(folder))
    }
}

struct PanickingFile {
    file: Arc<dyn DiskFile>,
    disk: Panicking,
}

impl DiskFile for PanickingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.at(|| self.file.read_at(buffer, offset))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.at(|| self.file.append(bytes))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.at(|| self.file.write_at(bytes, offset))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.at(|| self.file.set_len(len))
    }

    fn appended_to(&self) -> io::Result<u64> {
        self.file.appended_to()
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.at(|| self.file.sync())
    }

    fn info(&self) -> io::Result<FileInfo> {
        self.file.info()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.file.try_lock_shared()
    }

    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
}

type Step = (&'static str, fn(&Arc<Store>) -> bool);

/// Each says whether it succeeded.
const STEPS: [Step; 9] = [
    ("set", |store| try_set(store, "a", "10").is_ok()),
    ("delete", |store| try_delete(store, "b").is_ok()),
    ("batch", |store| try_batch(store, &[("c", "30"), ("d", "40")]).is_ok()),
    ("undo in a batch", |store| try_undo(store).is_ok()),
    ("shared", |store| {
        store.begin_shared();
        let both = try_set(store, "e", "50").is_ok() && try_set(store, "f", "60").is_ok();
        store.commit_shared().is_ok() && both
    }),
    ("undo", |store| try_undo(store).is_ok()),
    ("checkpoint", |store| checkpoint(store).is_ok()),
    ("archive", |store| archive(store, &["a"]).is_ok()),
    ("backup", |store| {
        let begun = store.begin_backup(Path::new("/copies/one"), false);
        begun.and_then(|mut backup| backup.step(1 << 20)).is_ok()
    }),
];

/// The records before each step and after the last, when nothing goes wrong.
fn moments() -> Vec<Vec<String>> {
    let disk = SimDisk::new();
    let store = prepared(&disk);
    let mut moments = vec![records(&store)];
    for (_, step) in STEPS {
        assert!(step(&store));
        moments.push(records(&store));
    }
    moments
}

fn prepared(disk: &SimDisk) -> Arc<Store> {
    let store = open(disk);
    batch(&store, &[("a", "1"), ("b", "2")]);
    store
}

#[test]
fn a_panic_in_the_middle_of_anything_leaves_what_was_acknowledged_and_so_does_the_next() {
    let moments = moments();
    let (mut failed, mut usable) = (0, 0);
    for (at, (name, step)) in STEPS.iter().enumerate() {
        for call in 0.. {
            let disk = SimDisk::new();
            drop(prepared(&disk));
            let panicking = Panicking { disk: disk.clone(), left: Arc::new(AtomicI64::new(i64::MAX)) };
            let store = try_open(panicking.clone(), options()).unwrap().store;
            for (_, step) in &STEPS[..at] {
                assert!(step(&store));
            }
            panicking.left.store(call, Ordering::Relaxed);
            let panicked = catch_unwind(AssertUnwindSafe(|| step(&store))).is_err();
            panicking.left.store(i64::MAX, Ordering::Relaxed);
            if !panicked {
                assert!(call > 0, "{name} makes no call");
                break;
            }
            // Reads go on; a write is refused for good, or arrives.
            store.get(b"c").unwrap();
            let is_usable = try_set(&store, "after", "1").is_ok();
            *if is_usable { &mut usable } else { &mut failed } += 1;
            assert_eq!(try_set(&store, "after", "1").is_ok(), is_usable, "{name} {call}");
            store.flush_at_exit();
            drop(store);
            let disk = disk.after_kill();
            let next = open(&disk);
            let mut found = records(&next);
            if is_usable {
                assert_eq!(found.pop().as_deref(), Some("after=1"), "{name} {call}");
            }
            assert!(moments[at] == found || moments[at + 1] == found, "{name} {call}: {found:?}");

            // The next life has a defect as well.
            drop(next);
            let disk = disk.after_kill();
            let panicking = Panicking { disk: disk.clone(), left: Arc::new(AtomicI64::new(i64::MAX)) };
            let store = try_open(panicking.clone(), options()).unwrap().store;
            let before = records(&store);
            panicking.left.store(call % 4, Ordering::Relaxed);
            let panicked = catch_unwind(AssertUnwindSafe(|| try_set(&store, "second", "2"))).is_err();
            panicking.left.store(i64::MAX, Ordering::Relaxed);
            drop(store);
            let mut found = records(&open(&disk.after_kill()));
            found.retain(|record| record != "second=2" || !panicked);
            found.retain(|record| record != "second=2");
            assert_eq!(found, before, "{name} {call}");
        }
    }
    assert!(failed > 20 && usable > 5, "{failed} stores refused to write, {usable} went on");
}
