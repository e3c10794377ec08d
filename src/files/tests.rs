//! The files of a store one by one, on a simulated disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // Tests.

use std::path::{Path, PathBuf};

use super::snapshot::{SnapshotDraft, SnapshotReader};
use super::{create_folders, create_log, logs, segment};
use crate::disk::Disk;
use crate::disk::sim::{CallKind, SimDisk, Times};

const EIO: i32 = 5;
/// What FAT says of a second name.
const EPERM: i32 = 1;

fn root() -> PathBuf {
    PathBuf::from("/store")
}

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    create_folders(&disk, &root()).unwrap();
    disk
}

fn written(disk: &SimDisk, list: &str) -> crate::Result<String> {
    let mut draft = SnapshotDraft::begin(disk, &root(), 3, 1000)?;
    draft.add(list.as_bytes())?;
    draft.publish()
}

fn read(disk: &SimDisk, relative: &str) -> (String, String) {
    let mut reader = SnapshotReader::open(disk, &root().join(relative)).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(reader.head().to_vec()), text(reader.next_piece().unwrap()))
}

fn names(disk: &SimDisk, folder: &str) -> Vec<String> {
    let mut names = disk.list(&root().join(folder)).unwrap();
    names.sort();
    names
}

#[test]
fn snapshots_get_names_of_their_own_on_file_systems_with_and_without_hard_links() {
    for has_links in [true, false] {
        let disk = disk();
        if !has_links {
            disk.fail_next(CallKind::Link, 1, EPERM, Times::Lasting);
        }
        let draft = SnapshotDraft::begin(&disk, &root(), 3, 1000).unwrap();
        assert_eq!(
            written(&disk, r#"[{"id":"a","data":1},{"id":"b"}]"#).unwrap(),
            "snapshots/snap-1000.jsonl"
        );
        // It was begun before that name was taken.
        assert_eq!(draft.publish().unwrap(), "snapshots/snap-1001.jsonl");
        assert_eq!(written(&disk, "[]").unwrap(), "snapshots/snap-1002.jsonl");
        assert_eq!(names(&disk, "snapshots").len(), 3, "no temporary file is left");
        let (header, records) = read(&disk, "snapshots/snap-1000.jsonl");
        assert_eq!(header, r#"{"version":3,"timestamp":"1970-01-01T00:00:01.000Z"}"#);
        assert_eq!(records, r#"{"id":"a","data":1},{"id":"b"},"#);
    }
}

#[test]
fn a_snapshot_that_cannot_be_written_or_named_leaves_nothing() {
    for kind in [CallKind::Append, CallKind::Sync, CallKind::Link] {
        let disk = disk();
        disk.fail_next(kind, 1, EIO, Times::Once);
        assert!(written(&disk, r#"[{"id":"a","data":1}]"#).is_err());
        assert_eq!(names(&disk, "snapshots"), Vec::<String>::new());
    }
}

#[test]
fn logs_are_numbered_above_all_that_are_there() {
    let disk = disk();
    assert_eq!(create_log(&disk, &root(), None, 7).unwrap(), "ops/ops-7.jsonl");
    assert_eq!(create_log(&disk, &root(), Some("a"), 7).unwrap(), "ops/agent-a-8.jsonl");
    disk.plant(Path::new("/store/ops/ops-18446744073709551615.jsonl"), b"").unwrap();
    assert_eq!(create_log(&disk, &root(), None, 7).unwrap(), "ops/ops-9.jsonl");
    assert_eq!(logs(&disk, &root()).unwrap().len(), 4);
}

#[test]
fn a_record_without_value_leaves_its_segment() {
    let disk = disk();
    let merge = |list: &str| {
        segment::merge_lists(&disk, &root(), "q", 0, vec![list.as_bytes().to_vec()]).unwrap();
        let pieces = segment::load(&disk, &root().join("archive/archive-q.json"), 1000).unwrap();
        String::from_utf8(pieces.concat()).unwrap()
    };
    assert_eq!(merge(r#"[{"id":"a","data":[1]},{"id":"b","data":2}]"#), r#""a",[1],"b",2,"#);
    assert_eq!(merge(r#"[{"id":"a"}]"#), r#""b",2,"#);
}
