//! Another hand that appends to the log of an open store, as a process does that no lock keeps out: before any call of
//! the disk, whatever the store is doing. Its lines are as long as the store's, so that one read in the place of the
//! other is a record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::format::manifest;
use opslog::layout;

use super::live::ROOT;
use super::plan::Random;

/// The values that each record had; `None` is a deletion.
pub type Histories = BTreeMap<String, Vec<Option<String>>>;

/// The records that histories end with.
pub fn records_of(histories: &Histories) -> BTreeMap<String, String> {
    let last = |(id, values): (&String, &Vec<Option<String>>)| Some((id.clone(), values.last()?.clone()?));
    histories.iter().filter_map(last).collect()
}

pub struct Hand {
    disk: SimDisk,
    random: Random,
    values: u64,
    /// It writes before one in so many calls; 0 stands for none.
    pub one_in: u64,
    /// Where it writes, until it reads the manifest again; but to none before the second.
    log: Option<PathBuf>,
    pub oldest: PathBuf,
    /// Its last line has no end.
    ended_within: bool,
    pub written: Histories,
    /// Records of which it wrote to a log that a checkpoint is replacing, or has replaced: only the store's next look takes
    /// that along.
    pub late: BTreeSet<String>,
    /// What it may have written when it ended in the middle.
    pub partly: Histories,
    /// Records of which a line was undone: what was there before may have been in a log before this one.
    pub unclear: BTreeSet<String>,
}

impl Hand {
    pub fn new(disk: SimDisk, seed: u64, one_in: u64) -> Self {
        let random = Random::new(seed);
        let (written, partly, late, unclear) = Default::default();
        let (log, oldest, ended_within, values) = (None, PathBuf::new(), false, 0);
        Self { disk, random, values, one_in, log, oldest, ended_within, written, partly, late, unclear }
    }

    /// Perhaps appends a line, or some.
    pub fn act(&mut self) {
        if self.one_in == 0 || self.disk.crashed() || !self.random.chance(self.one_in) {
            return;
        }
        // A process that reads the manifest, and appends only later.
        let is_known = self.log.take().filter(|log| *log >= self.oldest);
        let log = match is_known.filter(|_| self.random.chance(4)) {
            Some(log) => Some(log),
            None => self.active_log(),
        };
        let Some(log) = log else { return };
        let newest = self.disk.tree().into_keys().filter(|path| path.parent() == log.parent()).max();
        let is_late = newest.is_some_and(|newest| newest != log);
        let mut text = if std::mem::take(&mut self.ended_within) { "\n".to_owned() } else { String::new() };
        let mut written = Vec::new();
        for _ in 0..=self.random.below(2) {
            let (id, value) = self.next();
            // Of two lines in two logs, nothing says which is newer.
            if self.late.contains(&id) && !is_late {
                continue;
            }
            text.push_str(&self.line(&id, value.as_deref()));
            written.push((id, value));
        }
        let Ok(file) = self.disk.open(&log, OpenMode::Append) else { return };
        if append_all(&*file, text.as_bytes()).is_err() {
            // It ended in the middle of a line, or between two.
            for (id, value) in written {
                self.unclear.insert(id.clone());
                self.partly.entry(id).or_default().push(value);
            }
            self.ended_within = true;
        } else {
            for (id, value) in written {
                self.unclear.remove(&id);
                if is_late {
                    self.late.insert(id.clone());
                }
                self.written.entry(id).or_default().push(value);
            }
            self.log = Some(log);
        }
    }

    /// Reads the manifest before it writes again.
    pub fn forget_log(&mut self) {
        self.log = None;
    }

    pub fn active_log(&self) -> Option<PathBuf> {
        let text = self.disk.tree().remove(&Path::new(ROOT).join(layout::MANIFEST))?;
        Some(Path::new(ROOT).join(manifest::parse(&text).ok()?.active_ops))
    }

    fn next(&mut self) -> (String, Option<String>) {
        self.values += 1;
        let id = format!("his-{}", self.random.below(4));
        let is_there = self.written.get(&id).is_some_and(|values| matches!(values.last(), Some(Some(_))));
        let deletes = is_there && self.random.chance(5);
        (id, (!deletes).then(|| value(self.values)))
    }

    fn line(&self, id: &str, value: Option<&str>) -> String {
        let ts = "2023-11-14T22:13:20.000Z";
        match value {
            Some(value) => {
                format!("{{\"ts\":\"{ts}\",\"op\":\"set\",\"id\":\"{id}\",\"prev\":null,\"data\":{value}}}\n")
            }
            None => {
                format!("{{\"ts\":\"{ts}\",\"op\":\"delete\",\"id\":\"{id}\",\"prev\":{}}}\n", self::value(0))
            }
        }
    }
}

/// A value; all are equally long.
pub fn value(number: u64) -> String {
    format!("{{\"n\":\"{number:06}\"}}")
}
