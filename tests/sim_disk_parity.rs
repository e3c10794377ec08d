//! The simulated disk and the real one answer alike: random calls on both, each answer compared.
//! Only on Linux, whose error numbers the simulated disk gives.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, DiskFile, FileInfo, OpenMode, OsDisk};

const NAMES: [&str; 7] = ["a", "b", "c", "f", "f/a", "f/g/b", "a/below"];
const MODES: [OpenMode; 4] = [OpenMode::Read, OpenMode::Append, OpenMode::ReadWrite, OpenMode::CreateNew];

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % below
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// A disk with its handles.
struct Side {
    disk: Box<dyn Disk>,
    root: PathBuf,
    handles: Vec<Arc<dyn DiskFile>>,
}

#[derive(Debug, Clone)]
enum Call {
    Open(&'static str, OpenMode),
    Close(usize),
    Append(usize, Vec<u8>),
    WriteAt(usize, Vec<u8>, u64),
    SetLen(usize, u64),
    Sync(usize),
    Read(usize, u64, usize),
    HandleInfo(usize),
    TryLock(usize),
    Info(&'static str),
    Rename(&'static str, &'static str),
    Link(&'static str, &'static str),
    Unlink(&'static str),
    List(&'static str),
    CreateFolder(&'static str),
    RemoveFolder(&'static str),
    SyncFolder(&'static str),
}

impl Call {
    fn random(random: &mut Random) -> Self {
        let handle = random.below(6) as usize;
        let bytes = vec![b'a' + random.below(26) as u8; random.below(5) as usize];
        let (name, other) = (random.one_of(&NAMES), random.one_of(&NAMES));
        match random.below(23) {
            0..=4 => Self::Open(name, random.one_of(&MODES)),
            5 => Self::Close(handle),
            6 | 7 => Self::Append(handle, bytes),
            8 => Self::WriteAt(handle, bytes, random.below(12)),
            9 => Self::SetLen(handle, random.below(12)),
            10 => Self::Sync(handle),
            11 | 12 => Self::Read(handle, random.below(10), random.below(10) as usize),
            13 => Self::HandleInfo(handle),
            14 => Self::TryLock(handle),
            15 => Self::Info(name),
            16 => Self::Rename(name, other),
            17 => Self::Link(name, other),
            18 => Self::Unlink(name),
            19 => Self::List(name),
            20 => Self::CreateFolder(name),
            21 => Self::RemoveFolder(name),
            _ => Self::SyncFolder(name),
        }
    }
}

fn answer<T: Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("failed: {:?} {:?}", error.kind(), error.raw_os_error()),
    }
}

impl Side {
    fn new(disk: Box<dyn Disk>, root: &Path) -> Self {
        disk.create_folder(root).unwrap();
        Self { disk, root: root.to_path_buf(), handles: Vec::new() }
    }

    fn call(&mut self, call: &Call) -> String {
        let path = |name: &str| self.root.join(name);
        let handle = |number: usize| self.handles.get(number);
        match call {
            Call::Open(name, mode) => {
                let opened = self.disk.open(&path(name), *mode);
                answer(opened.map(|file| self.handles.push(file)))
            }
            Call::Close(number) if *number < self.handles.len() => {
                drop(self.handles.remove(*number));
                String::new()
            }
            Call::Close(_) => String::new(),
            Call::Append(number, bytes) => answer(handle(*number).map(|f| f.append(bytes)).transpose()),
            Call::WriteAt(number, bytes, offset) => {
                answer(handle(*number).map(|f| f.write_at(bytes, *offset)).transpose())
            }
            Call::SetLen(number, len) => answer(handle(*number).map(|f| f.set_len(*len)).transpose()),
            Call::Sync(number) => answer(handle(*number).map(|f| f.sync()).transpose()),
            Call::Read(number, offset, len) => {
                let mut buffer = vec![0; *len];
                let read = handle(*number).map(|f| f.read_at(&mut buffer, *offset)).transpose();
                answer(read.map(|read| (read, buffer)))
            }
            Call::TryLock(number) => answer(handle(*number).map(|f| f.try_lock()).transpose()),
            Call::HandleInfo(number) => {
                let info = |file: &Arc<dyn DiskFile>| {
                    let is_folder = file.read_at(&mut [0], 0).is_err();
                    file.info().map(|info| self.known(info, is_folder))
                };
                answer(handle(*number).map(info).transpose())
            }
            Call::Info(name) => {
                let info = self.disk.info(&path(name));
                let is_folder = self.disk.list(&path(name)).is_ok();
                answer(info.map(|info| self.known(info, is_folder)))
            }
            Call::Rename(from, to) => answer(self.disk.rename(&path(from), &path(to))),
            Call::Link(from, to) => answer(self.disk.link(&path(from), &path(to))),
            Call::Unlink(name) => answer(self.disk.unlink(&path(name))),
            Call::List(name) => answer(self.disk.list(&path(name)).map(|mut names| {
                names.sort();
                names
            })),
            Call::CreateFolder(name) => answer(self.disk.create_folder(&path(name))),
            Call::RemoveFolder(name) => answer(self.disk.remove_folder(&path(name))),
            // Only the simulated one insists that it is a folder.
            Call::SyncFolder(name) if self.disk.list(&path(name)).is_err() => String::new(),
            Call::SyncFolder(name) => answer(self.disk.sync_folder(&path(name))),
        }
    }

    /// What is comparable of a file: which names lead to it, length and number of names, whether it may be
    /// written. Folders have lengths and numbers of names of their own.
    fn known(&self, info: FileInfo, is_folder: bool) -> (Vec<&'static str>, Option<(u64, u64)>, bool) {
        let identity = |name: &str| Some(self.disk.info(&self.root.join(name)).ok()?.identity);
        let names = NAMES.into_iter().filter(|name| identity(name) == Some(info.identity));
        let names = names.collect();
        (names, (!is_folder).then_some((info.len, info.links)), info.writable)
    }
}

#[test]
fn random_calls_are_answered_alike_by_the_simulated_and_the_real_disk() {
    let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for seed in 1..=400u64 {
        let folder = tempfile::tempdir().unwrap();
        let mut real = Side::new(Box::new(OsDisk), folder.path());
        let mut simulated = Side::new(Box::new(SimDisk::new()), Path::new("/store"));
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut calls = Vec::new();
        for _ in 0..80 {
            let call = Call::random(&mut random);
            calls.push(call.clone());
            let answers = (real.call(&call), simulated.call(&call));
            assert_eq!(answers.0, answers.1, "seed {seed}: real, simulated: {calls:?}");
            let kind = format!("{call:?}");
            let kind = kind.split('(').next().unwrap().to_owned();
            let (succeeded, failed) = seen.entry(kind).or_default();
            *(if answers.0.starts_with("failed") { failed } else { succeeded }) += 1;
        }
    }
    assert_eq!(seen.len(), 17, "{seen:?}");
    let never_fail = ["Close", "HandleInfo", "Sync", "SyncFolder", "TryLock"];
    for (kind, (succeeded, failed)) in &seen {
        assert!(*succeeded > 0, "{seen:?}");
        assert_eq!(*failed > 0, !never_fail.contains(&kind.as_str()), "{seen:?}");
    }
}
