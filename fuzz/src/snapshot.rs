//! Any bytes as a snapshot. It is refused, or it loads with the same records every time: with and without its index
//! file, and from the next snapshot that is written of it.

use super::store::{NOW, checked_records, disk_with, open};

const HEADER: &[u8] = b"{\"version\":1,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n";

pub fn check(data: &[u8]) {
    // The first byte says whether a header is put in front, so that records are tried too.
    let Some((&with_header, rest)) = data.split_first() else { return };
    let snapshot = if with_header % 2 == 0 { [HEADER, rest].concat() } else { rest.to_vec() };
    let disk = disk_with(&snapshot, b"");
    let read = open(&disk, true).map(|reader| checked_records(&reader));
    let Ok(writer) = open(&disk, false) else {
        assert!(read.is_err(), "a writer refuses what a reader reads");
        return;
    };
    let read = read.expect("a reader reads what a writer reads");
    assert_eq!(checked_records(&writer), read);
    drop(writer);
    let writer = open(&disk, false).expect("it opened before");
    assert_eq!(checked_records(&writer), read, "with an index file it shows something else");
    let checkpoint =
        writer.begin_checkpoint(NOW, true).expect("the store is sound").expect("there is no other");
    checkpoint.run().expect("nothing fails on this disk");
    assert_eq!(checked_records(&writer), read, "after a checkpoint it shows something else");
    drop(writer);
    let reader = open(&disk.after_kill(), true).expect("what was written is sound");
    assert_eq!(checked_records(&reader), read, "the next snapshot shows something else");
}
