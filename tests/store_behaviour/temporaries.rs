//! Temporary files: only those that were just created are written to, and only those that no process holds are removed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, DiskFile, FileInfo, OpenMode};
use opslog::store::{Options, Store};
use opslog::{layout, temporary};

use super::support::*;

/// What dead processes with our number may have left: as many as other tests may number meanwhile.
const LEFT: u64 = 3000;

#[test]
fn a_temporary_file_that_is_there_already_is_not_written_to() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let manifest = path(layout::MANIFEST);
    let next = layout::temporary(&manifest).to_string_lossy().into_owned();
    let (start, number) = next.strip_suffix(".tmp").unwrap().rsplit_once('-').unwrap();
    let number: u64 = number.parse().unwrap();
    let left = |n: u64| std::path::PathBuf::from(format!("{start}-{n}.tmp"));
    // Some are free, for one that never finds a free name gives up.
    let taken = |n: &u64| !n.is_multiple_of(50);
    for n in (number..number + LEFT).filter(taken) {
        disk.plant(&left(n), b"left").unwrap();
    }
    checkpoint(&store).unwrap();
    assert_eq!(found(&disk), ["a=1"]);
    let tree = disk.tree();
    for n in (number..number + LEFT).filter(taken) {
        assert_eq!(tree.get(&left(n)).map(Vec::as_slice), Some(&b"left"[..]));
    }
}

/// Names of temporary files, with numbers of processes that live and of such as do not.
fn left() -> Vec<PathBuf> {
    let own = std::process::id();
    let names = [
        format!("manifest.json.{own}-0.tmp"),
        "manifest.json.1-1.tmp".into(),
        "snapshots/snap-17.jsonl.1-0.tmp".into(),
        "archive/archive-2026.json.1-7.tmp".into(),
        format!("index/snap-17.jsonl.idx.{own}-3.tmp"),
        "index/ops-17.jsonl.4194305-3.tmp".into(),
        ".compact-lock.1-0.tmp".into(),
    ];
    names.iter().map(|name| path(name)).collect()
}

fn open_as(disk: &SimDisk, agent: Option<&str>) -> Arc<Store> {
    try_open(disk.clone(), Options { agent: agent.map(str::to_owned), ..options() }).unwrap().store
}

#[test]
fn the_next_writer_removes_temporary_files_that_no_process_holds_whatever_number_is_in_their_names() {
    for agent in [None, Some("a")] {
        let disk = SimDisk::new();
        open_as(&disk, agent).close().unwrap();
        let files = [left(), vec![path("notes.1-2.tmp"), path("snapshots/snap-1.tmp")]].concat();
        for file in &files {
            disk.plant(file, b"half").unwrap();
        }
        let store = open_as(&disk, agent);
        let tree = disk.tree();
        let there: Vec<_> = files.iter().filter(|file| tree.contains_key(*file)).collect();
        // A blob of the user's may have such a name, and something else may end like that.
        assert_eq!(there, [&path("notes.1-2.tmp"), &path("snapshots/snap-1.tmp")]);
        store.close().unwrap();
    }
}

#[test]
fn the_next_writer_leaves_temporary_files_alone_that_a_process_holds() {
    for agent in [None, Some("a")] {
        let disk = SimDisk::new();
        open_as(&disk, agent).close().unwrap();
        disk.create_folder(&path(layout::INDEX)).unwrap();
        let held: Vec<_> = left().iter().map(|path| disk.open(path, OpenMode::CreateNew).unwrap()).collect();
        assert!(held.iter().all(|file| file.try_lock().unwrap()));
        open_as(&disk, agent).close().unwrap();
        let tree = disk.tree();
        assert!(left().iter().all(|path| tree.contains_key(path)));
        drop(held);
        open_as(&disk, agent).close().unwrap();
        let tree = disk.tree();
        assert!(!left().iter().any(|path| tree.contains_key(path)));
    }
}

/// A disk on which another writer looks for temporary files that were left, whenever one has just been created.
struct Sweeping(SimDisk);

impl Disk for Sweeping {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.0.open(path, mode)?;
        let name = path.file_name().unwrap().to_str().unwrap();
        // Three in a row, so that it takes more than another name.
        let is_chosen = layout::is_temporary(name)
            && !self.0.calls(opslog::disk::sim::CallKind::Create).is_multiple_of(4);
        if mode == OpenMode::CreateNew && is_chosen {
            temporary::remove_left(&self.0, Path::new(ROOT));
        }
        Ok(file)
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.0.info(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        temporary::remove_left(&self.0, Path::new(ROOT));
        self.0.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        temporary::remove_left(&self.0, Path::new(ROOT));
        self.0.link(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.0.unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.0.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.create_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.sync_folder(folder)
    }
}

#[test]
fn a_temporary_file_that_is_taken_for_left_before_it_is_locked_is_created_again() {
    let disk = SimDisk::new();
    for agent in [None, Some("a"), Some("b"), None] {
        let options = Options { agent: agent.map(str::to_owned), index_from_bytes: 0, ..options() };
        let store = try_open(Sweeping(disk.clone()), options).unwrap().store;
        set(&store, agent.unwrap_or("single"), "1");
        match agent {
            None => checkpoint(&store).unwrap(),
            Some(_) => drop(store.compact_agents(NOW, None).unwrap()),
        }
        store.close().unwrap();
    }
    let store = open(&disk);
    assert_eq!(records(&store), ["single=1", "a=1", "b=1"]);
    store.close().unwrap();
    assert!(disk.tree().keys().all(|path| !path.to_string_lossy().ends_with(".tmp")));
}

#[test]
fn the_next_writer_removes_a_compaction_lock_whose_holder_is_dead_and_no_other() {
    for agent in [None, Some("b")] {
        let disk = SimDisk::new();
        open_as(&disk, Some("a")).close().unwrap();
        let lock = path(layout::COMPACT_LOCK);
        disk.plant(&lock, b"1").unwrap();
        let holder = disk.open(&lock, OpenMode::ReadWrite).unwrap();
        assert!(holder.try_lock().unwrap());
        open_as(&disk, agent).close().unwrap();
        assert_eq!(disk.tree().get(&lock).map(Vec::as_slice), Some(&b"1"[..]));
        drop(holder);
        let reader = reader(&disk);
        assert!(disk.tree().contains_key(&lock), "a reader writes nothing");
        drop(reader);
        open_as(&disk, agent).close().unwrap();
        assert_eq!(disk.tree().get(&lock), None);
    }
}
