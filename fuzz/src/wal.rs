//! Any bytes as a log. It opens; a reader sees what a writer sees; opening twice shows the same; and what was
//! accepted, written as a log again, reads the same.

use std::ops::ControlFlow;

use super::store::{LOG, checked_records, disk_with, open, operations, path};
use opslog::disk::{Disk, OpenMode};
use opslog::format::operation::unmarked;
use opslog::wal::replay;

const SNAPSHOT: &[u8] =
    b"{\"version\":1,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n{\"id\":\"a\",\"data\":{\"x\":1}}\n";

pub fn check(log: &[u8]) {
    let disk = disk_with(SNAPSHOT, log);
    let seen = {
        let reader = open(&disk, true).expect("a log never keeps a store from opening");
        (checked_records(&reader), operations(&reader))
    };
    let writer = open(&disk, false).expect("a log never keeps a store from opening");
    assert_eq!(
        (checked_records(&writer), operations(&writer)),
        seen,
        "a writer sees something else than a reader"
    );
    writer.close().expect("nothing fails on this disk");
    let writer = open(&disk, false).expect("it opened before");
    assert_eq!(checked_records(&writer), seen.0, "opening again shows something else");
    drop(writer);

    let again = disk_with(SNAPSHOT, &accepted(&disk));
    let reader = open(&again, true).expect("a log never keeps a store from opening");
    assert_eq!((checked_records(&reader), operations(&reader)), seen, "what was accepted reads differently");
}

/// The operations that were accepted, without marks, as a log.
fn accepted(disk: &dyn Disk) -> Vec<u8> {
    let mut lines = Vec::new();
    let Ok(file) = disk.open(&path(LOG), OpenMode::Read) else { return lines };
    let each = |_, bytes: &[u8], _: &opslog::format::operation::Line<'_>| {
        lines.extend_from_slice(&unmarked(bytes));
        lines.extend_from_slice(b"}\n");
        Ok(ControlFlow::Continue(()))
    };
    replay(&*file, &path(LOG), 0, each).expect("nothing fails on this disk");
    lines
}
