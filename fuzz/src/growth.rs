//! Lines of logs as more than one hand may write them, with marks that are right, wrong or missing, in pieces, torn, and
//! cut back. A reader that looks after each piece shows what one shows that opens then; so does a writer at the end,
//! and what it does, undoes and writes anew leaves no less.

use std::path::PathBuf;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::engine::Change;
use opslog::format::operation::{BatchMark, batch_marker, parse_line};
use opslog::store::{Rejected, Store};

use super::bytes::Bytes;
use super::store::{LOG, NOW, checked_records, disk_with, open, operations, path};

const SNAPSHOT: &[u8] =
    b"{\"version\":1,\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n{\"id\":\"a\",\"data\":0}\n";
const STEPS: usize = 40;

pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let disk = disk_with(SNAPSHOT, b"");
    let reader = open(&disk, true).expect("a log never keeps a store from opening");
    let mut log = Log { disk: disk.clone(), path: path(LOG), starts: Vec::new(), cuts: 0, values: 0 };
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

/// A log that others write.
struct Log {
    disk: SimDisk,
    path: PathBuf,
    /// Where operations begin, in order.
    starts: Vec<u64>,
    cuts: u64,
    values: u64,
}

impl Log {
    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.next() % 16 {
            0..=9 => {
                let line = self.line(bytes);
                self.starts.push(self.len());
                self.append(line.as_bytes());
            }
            10 => self.append(b"\n"),
            11 => self.append(bytes.one_of(&[
                &b"{}\n"[..],
                b"\"\n",
                b" \r\n",
                b"\xef\xbb\xbf\n",
                b"[1,\n",
                b"\xff\n",
            ])),
            12 => {
                // A line in two pieces.
                let line = self.line(bytes);
                self.starts.push(self.len());
                let (head, tail) = line.split_at(bytes.below(line.len()));
                self.append(head.as_bytes());
                let reader = open(&self.disk, true).expect("a log never keeps a store from opening");
                reader.follow().expect("nothing fails on this disk");
                self.append(tail.as_bytes());
                shows_the_same(&reader, &self.disk);
            }
            _ => self.cut(1 + usize::from(bytes.next() % 3)),
        }
    }

    /// No two are equal.
    fn line(&mut self, bytes: &mut Bytes<'_>) -> String {
        self.values += 1;
        let n = self.values;
        let id = bytes.one_of(&["a", "b", "c", "\\ud800"]);
        let body = match bytes.next() % 4 {
            0 => format!("\"op\":\"delete\",\"id\":\"{id}\",\"prev\":{{\"n\":{n}}}"),
            1 => format!("\"op\":\"set\",\"id\":\"{id}\",\"prev\":{{}},\"data\":[{n}]"),
            2 => format!(
                "\"op\":\"set\",\"id\":\"{id}\",\"prev\":{{\"$set\":{{\"n\":{n}}}}},\"encoding\":\"delta\",\"data\":{{\"n\":{n},\"batch\":\"more\"}}"
            ),
            _ => format!("\"op\":\"set\",\"id\":\"{id}\",\"prev\":null,\"data\":{n}"),
        };
        let mark = match bytes.next() % 16 {
            0..=3 => ",\"batch\":\"more\"".to_owned(),
            4..=5 => ",\"batch\":\"last\"".to_owned(),
            6 => ",\"batch\":\"less\"".to_owned(),
            7 => format!(",\"cuts\":{}", bytes.change(self.cuts)),
            8 => bytes
                .one_of(&[
                    ",\"after\":\"ops/ops-1.jsonl:9\"",
                    ",\"after\":\"ops/ops-0.jsonl:0\"",
                    ",\"after\":\":\"",
                ])
                .to_owned(),
            9 => bytes.one_of(&[",\"prevValue\":7", ",\"prevValue\":{}", ",\"again\":true"]).to_owned(),
            10 => ",\"batch\":\"last\",\"batch\":\"more\"".to_owned(),
            _ => String::new(),
        };
        let cuts = if self.cuts > 0 { format!(",\"cuts\":{}", self.cuts) } else { String::new() };
        let end = bytes.one_of(&["\n", "\n", "\n", "\r\n", "\n\n"]);
        format!("{{\"ts\":\"2026-01-01T00:00:00.{:03}Z\",{body}{mark}{cuts}}}{end}", n % 1000)
    }

    /// As an undo of some operations cuts a log: the line that is the last one then is no beginning of a batch.
    fn cut(&mut self, steps: usize) {
        let keep = self.starts.len().saturating_sub(steps);
        let Some(&end) = self.starts.get(keep) else { return };
        self.starts.truncate(keep);
        let content = self.disk.tree().remove(&self.path).unwrap();
        let file = self.open(OpenMode::ReadWrite);
        let before = &content[..end as usize];
        let line = before.trim_ascii_end().iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let last = before[line..].trim_ascii_end();
        if parse_line(last).is_ok_and(|parsed| parsed.batch == Some(BatchMark::More)) {
            let at = batch_marker(last).expect("it has one");
            file.write_at(BatchMark::Last.text(), (line + at) as u64).unwrap();
        }
        file.set_len(end).unwrap();
        self.cuts += 1;
    }

    fn append(&mut self, bytes: &[u8]) {
        append_all(&*self.open(OpenMode::Append), bytes).unwrap();
    }

    fn len(&self) -> u64 {
        self.disk.info(&self.path).unwrap().len
    }

    fn open(&self, mode: OpenMode) -> Arc<dyn opslog::disk::DiskFile> {
        self.disk.open(&self.path, mode).unwrap()
    }
}

/// An undone deletion may have moved a record to the end for whoever followed.
fn shows_the_same(store: &Store, disk: &SimDisk) {
    let fresh = open(disk, true).expect("a log never keeps a store from opening");
    let sorted = |store: &Store| {
        let mut records = checked_records(store);
        records.sort();
        records
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    store.follow().expect("nothing fails on this disk");
    let (shown, expected) = (text(operations(store)), text(operations(&fresh)));
    let log = || text(disk.tree().remove(&path(&fresh.manifest().active_ops)).unwrap_or_default());
    assert_eq!(shown, expected, "who followed shows other operations of {:?}", log());
    assert_eq!(sorted(store), sorted(&fresh), "who followed shows other records of {:?}", log());
}

/// A writer takes over.
fn write_on(disk: &SimDisk, reader: &Store, bytes: &mut Bytes<'_>) {
    let writer = open(disk, false).expect("a log never keeps a store from opening");
    shows_the_same(&writer, disk);
    for _ in 0..6 {
        match bytes.next() % 6 {
            0 => match writer.undo() {
                Err(Rejected::NotNow) => drop(writer.undo_waiting().expect("nothing fails on this disk")),
                undone => drop(undone.unwrap_or_else(|_| panic!("nothing fails on this disk"))),
            },
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

fn set(store: &Store, id: &[u8], value: &[u8]) {
    let set = |prev: Option<&[u8]>| store.change(Change::Set(value), id, NOW, prev, true);
    let done = match set(None) {
        // Whoever can print as V8 does is asked for that; here all is printed so.
        Err(Rejected::NotCanonical(text)) => set(Some(&text)),
        done => done,
    };
    assert!(done.is_ok(), "nothing fails on this disk");
}
