//! Lines of logs as more than one hand may write them, with marks that are right, wrong or missing, in pieces, torn, and
//! cut back. A reader that looks after each piece shows what one shows that opens then; so does a writer at the end,
//! and what it does, undoes and writes anew leaves no less.

use opslog::disk::sim::SimDisk;
use opslog::store::Store;

use super::bytes::Bytes;
use super::log::Log;
use super::store::{LOG, NOW, checked_records, disk_with, open, set, shows_the_same, undo};

const SNAPSHOT: &[u8] =
    b"{\"version\":1,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n{\"id\":\"a\",\"data\":0}\n";
const STEPS: usize = 24;

pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let disk = disk_with(SNAPSHOT, b"");
    let reader = open(&disk, true).expect("a log never keeps a store from opening");
    let mut log = Log::new(&disk, LOG, None);
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        log.step(&mut bytes);
        if bytes.next().is_multiple_of(2) {
            reader.follow().expect("nothing fails on this disk");
            shows_the_same(&reader, &disk);
        }
    }
    reader.follow().expect("nothing fails on this disk");
    shows_the_same(&reader, &disk);
    write_on(&disk, &reader, &mut bytes);
}

/// A writer takes over.
fn write_on(disk: &SimDisk, reader: &Store, bytes: &mut Bytes<'_>) {
    let writer = open(disk, false).expect("a log never keeps a store from opening");
    shows_the_same(&writer, disk);
    for _ in 0..6 {
        match bytes.next() % 6 {
            0 => undo(&writer),
            1 => {
                writer.begin_batch();
                set(&writer, b"a", b"[1,2]");
                set(&writer, b"new", b"{\"n\":2}");
                assert!(writer.commit_batch().is_ok());
            }
            2 => {
                let checkpoint = writer.begin_checkpoint(NOW, true).expect("the store is sound");
                checkpoint.expect("there is no other").run().expect("nothing fails on this disk");
            }
            _ => set(&writer, b"b", bytes.one_of(&[&b"1"[..], b"{\"n\":1}", b"null"])),
        }
        assert!(writer.flush().is_ok());
        reader.follow().expect("nothing fails on this disk");
        shows_the_same(reader, disk);
        shows_the_same(&writer, disk);
    }
    let records = checked_records(&writer);
    writer.close().expect("nothing fails on this disk");
    drop(writer);
    let again = open(disk, false).expect("it opened before");
    let mut found = checked_records(&again);
    let mut shown = records;
    found.sort();
    shown.sort();
    assert_eq!(found, shown, "opening again shows something else");
}
