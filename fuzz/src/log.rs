//! A log as more than one hand may write it: lines with marks that are right, wrong or missing, in pieces, torn, and cut
//! back as an undo does. No two lines are equal.

use std::path::PathBuf;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::format::operation::{BatchMark, batch_marker, parse_line};

use super::bytes::Bytes;
use super::store::{open, path, shows_the_same};

/// A log that others write.
pub struct Log {
    disk: SimDisk,
    path: PathBuf,
    /// Where operations begin, in order.
    starts: Vec<u64>,
    cuts: u64,
    values: u64,
    /// Who writes, among others, and the clock of the last line.
    agent: Option<(&'static str, u64)>,
}

impl Log {
    pub fn new(disk: &SimDisk, relative: &str, agent: Option<&'static str>) -> Self {
        let (disk, path, agent) = (disk.clone(), path(relative), agent.map(|agent| (agent, 0)));
        Self { disk, path, starts: Vec::new(), cuts: 0, values: 0, agent }
    }

    /// Changes the log in some way.
    pub fn step(&mut self, bytes: &mut Bytes<'_>) {
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
            9 => bytes
                .one_of(&[",\"prevValue\":7", ",\"prevValue\":{}", ",\"again\":true", ",\"version\":2"])
                .to_owned(),
            10 => ",\"batch\":\"last\",\"batch\":\"more\"".to_owned(),
            _ => String::new(),
        };
        let agent = match &mut self.agent {
            Some((agent, clock)) => {
                *clock += 1 + u64::from(bytes.next() % 3);
                format!(",\"agent\":\"{agent}\",\"clock\":{clock}")
            }
            None => String::new(),
        };
        let cuts = if self.cuts > 0 { format!(",\"cuts\":{}", self.cuts) } else { String::new() };
        let end = bytes.one_of(&["\n", "\n", "\n", "\r\n", "\n\n"]);
        format!("{{\"ts\":\"2026-01-01T00:00:00.{:03}Z\",{body}{agent}{mark}{cuts}}}{end}", n % 1000)
    }

    /// As an undo of some operations cuts a log: the line that is the last one then is no beginning of a batch.
    fn cut(&mut self, steps: usize) {
        let keep = self.starts.len().saturating_sub(steps);
        let Some(&end) = self.starts.get(keep) else { return };
        self.starts.truncate(keep);
        let content = self.disk.tree().remove(&self.path).unwrap();
        let file = self.open(OpenMode::ReadWrite);
        // What stands between that and the end is no operation.
        let last = keep.checked_sub(1).map_or(end, |last| self.starts[last]);
        let line =
            content[last as usize..end as usize].split(|&byte| byte == b'\n').next().unwrap_or_default();
        if parse_line(line.trim_ascii_end()).is_ok_and(|parsed| parsed.batch == Some(BatchMark::More)) {
            let at = batch_marker(line).expect("it has one") as u64;
            file.write_at(BatchMark::Last.text(), last + at).unwrap();
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
