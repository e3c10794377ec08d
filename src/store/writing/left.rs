//! The lines of logs that a follower has left behind, as far as they may have been told: should the folder be put back to a
//! time when such a log counted, none of them is told twice. What was logged during a checkpoint stands at the end of one
//! log and at the head of the next: told of the one, it counts as told of the other.

use std::collections::VecDeque;
use std::path::Path;

use hashbrown::DefaultHashBuilder;

use crate::disk::DiskFile;
use crate::error::{Error, Result};
use crate::store::following::seen::{SeenLine, count_in, hash_unplaced};
use crate::wal::LineReader;

/// How many lines of logs that were left behind are remembered.
const REMEMBERED: usize = 1 << 16;

#[derive(Debug, Clone)]
struct LeftLog {
    relative: String,
    lines: Vec<SeenLine>,
    /// Of its first lines, the hashes without marks of their place.
    head: Vec<u64>,
}

/// The logs that were left behind last.
#[derive(Debug, Default, Clone)]
pub(in crate::store) struct Left {
    logs: VecDeque<LeftLog>,
    lines: usize,
}

/// A line of a log that comes back.
struct Line {
    end: u64,
    hash: u64,
}

impl LeftLog {
    /// How many of its lines were told, given where its queued part begins.
    fn told(&self, queued: Option<u64>) -> usize {
        self.lines.partition_point(|line| queued.is_none_or(|queued| line.offset < queued))
    }

    /// The hash of its n-th line in whichever log it stands.
    fn hash(&self, n: usize) -> Option<u64> {
        self.head.get(n).copied().or_else(|| self.lines.get(n).map(SeenLine::hash))
    }

    /// How many lines from the n-th on are the first ones of a list, of those that were told.
    fn common(&self, from: usize, told: usize, lines: &[Line]) -> usize {
        let places = from..told;
        places.zip(lines).take_while(|(n, line)| self.hash(*n) == Some(line.hash)).count()
    }

    /// How many lines of a log were told of this one: of those at the end of the log and at the head of this one, or the
    /// other way round. Its lines are looked for up to the `most`-th of them.
    fn told_also(&self, told: usize, lines: &[Line], most: usize) -> usize {
        let behind = (0..most).filter_map(|place| {
            let common = self.common(0, told, lines.get(place..)?);
            (common > 0).then_some(place + common)
        });
        let before = (1..told).map(|place| self.common(place, told, lines));
        behind.chain(before).max().unwrap_or(0)
    }
}

impl Left {
    pub(in crate::store) fn keep(&mut self, relative: &str, lines: Vec<SeenLine>, head: Vec<u64>) {
        self.forget(relative);
        self.lines += lines.len();
        self.logs.push_back(LeftLog { relative: relative.to_owned(), lines, head });
        // A log without lines counts as well.
        while self.lines + self.logs.len() > REMEMBERED
            && let Some(log) = self.logs.pop_front()
        {
            self.lines -= log.lines.len();
        }
    }

    /// More lines of a log that was left behind have been told.
    pub(in crate::store) fn extend(&mut self, relative: &str, lines: Vec<SeenLine>, head: Vec<u64>) {
        let Some(log) = self.logs.iter_mut().find(|log| log.relative == relative) else {
            return self.keep(relative, lines, head);
        };
        let end = log.lines.last().map_or(0, SeenLine::end);
        let known = lines.partition_point(|line| line.offset < end);
        let (mut all, mut head_of_all) = (std::mem::take(&mut log.lines), std::mem::take(&mut log.head));
        self.lines -= all.len();
        if head_of_all.len() == all.len() {
            head_of_all.extend(head.into_iter().skip(known));
        }
        all.extend(lines.into_iter().skip(known));
        self.keep(relative, all, head_of_all);
    }

    /// What stands in a log from an offset on was not told, and counts no more.
    pub(in crate::store) fn never_told(&mut self, relative: &str, from: u64) {
        if let Some(log) = self.logs.iter_mut().find(|log| log.relative == relative) {
            let told = log.told(Some(from));
            self.lines -= log.lines.len() - told;
            log.lines.truncate(told);
            log.head.truncate(told);
        }
    }

    /// Up to where a log was told. `queued` says where the part of a log begins that is still to be told.
    pub(in crate::store) fn told_in(
        &self,
        relative: &str,
        queued: &dyn Fn(&str) -> Option<u64>,
        hasher: &DefaultHashBuilder,
        file: &dyn DiskFile,
        path: &Path,
    ) -> Result<u64> {
        let mut end = 0;
        let log = self.find(relative);
        if let Some(log) = log {
            let told = log.lines.get(..log.told(queued(relative))).unwrap_or_default();
            let count = count_in(told, hasher, file, path)?;
            end = count.checked_sub(1).and_then(|last| told.get(last)).map_or(0, SeenLine::end);
            if count < log.lines.len() {
                return Ok(end);
            }
        }
        let rest = lines_from(end, hasher, file, path)?;
        // Of a log that was never followed, the first lines were in the snapshot that was loaded.
        let most = if log.is_some() { 1 } else { rest.len() };
        for other in self.logs.iter().filter(|other| other.relative != relative) {
            let told = other.told(queued(&other.relative));
            let told = other.told_also(told, &rest, most).checked_sub(1).and_then(|last| rest.get(last));
            end = end.max(told.map_or(0, |last| last.end));
        }
        Ok(end)
    }

    fn find(&self, relative: &str) -> Option<&LeftLog> {
        self.logs.iter().find(|log| log.relative == relative)
    }

    fn forget(&mut self, relative: &str) {
        if let Some(place) = self.logs.iter().position(|log| log.relative == relative)
            && let Some(log) = self.logs.remove(place)
        {
            self.lines -= log.lines.len();
        }
    }
}

/// The lines of a log from an offset on.
fn lines_from(
    offset: u64,
    hasher: &DefaultHashBuilder,
    file: &dyn DiskFile,
    path: &Path,
) -> Result<Vec<Line>> {
    let mut reader = LineReader::new(file, offset);
    let mut lines = Vec::new();
    while let Some(raw) = reader.next_line().map_err(|source| Error::io("read", path, source))? {
        let end = raw.offset + raw.bytes.len() as u64 + 1;
        lines.push(Line { end, hash: hash_unplaced(hasher, raw.bytes) });
    }
    Ok(lines)
}
