//! A store's folder on a simulated disk, and a generator of numbers.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, DiskFile, OpenMode, append_all};

/// A generator that gives the same numbers for the same seed.
pub fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % below
    }
}

pub fn path(name: &str) -> PathBuf {
    Path::new("/store").join(name)
}

pub fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_folder(Path::new("/store")).unwrap();
    disk.sync_folder(Path::new("/")).unwrap();
    disk
}

/// Creates a file that is durable with its name.
pub fn durable_file(disk: &SimDisk, name: &str, content: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.open(&path(name), OpenMode::CreateNew).unwrap();
    append_all(&*file, content).unwrap();
    file.sync().unwrap();
    disk.sync_folder(Path::new("/store")).unwrap();
    file
}

pub fn content(disk: &SimDisk, name: &str) -> Option<Vec<u8>> {
    disk.tree().get(&path(name)).cloned()
}

/// All contents of a file that power losses leave, over many choices.
pub fn outcomes(disk: &SimDisk, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    (0..2000).map(|seed| content(&disk.after_crash(&mut random(seed)), name)).collect()
}

pub fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("the call must fail").kind()
}
