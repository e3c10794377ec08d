//! Any bytes as a manifest. What is accepted prints to something that is accepted and means the same, and a store
//! whose manifest it is opens or is refused without a trace.

use super::store::{open, path};
use opslog::disk::sim::SimDisk;
use opslog::format::manifest;

pub fn check(content: &[u8]) {
    let parsed = manifest::parse(content);
    if let Ok(parsed) = &parsed {
        let printed = parsed.print();
        let again = manifest::parse(printed.as_bytes()).expect("what was printed is a manifest");
        assert_eq!(&again, parsed, "printed, it means something else");
        assert_eq!(again.print(), printed);
    }
    let disk = SimDisk::new();
    disk.plant(&path("manifest.json"), content).unwrap();
    disk.plant(&path("snapshots/snap-1.jsonl"), b"{\"version\":1,\"timestamp\":\"t\"}\n").unwrap();
    disk.plant(&path("ops/ops-1.jsonl"), b"").unwrap();
    disk.plant(&path("archive/keep"), b"").unwrap();
    let opened = open(&disk, false);
    if parsed.is_err() {
        assert!(opened.is_err(), "a store opens without a manifest");
    }
    drop(opened);
    let tree = disk.tree();
    assert!(!tree.contains_key(&path(".lock")), "the lock is left");
    assert!(tree.keys().all(|path| path.starts_with("/store") || path.to_string_lossy() == "/"), "{tree:?}");
    if parsed.is_err() {
        assert_eq!(tree.get(&path("manifest.json")).map(Vec::as_slice), Some(content), "it was overwritten");
    }
}
