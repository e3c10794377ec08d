//! The lines of logs that a follower has left behind, as far as they may have been told: should the folder be put back to a
//! time when such a log counted, none of them is told twice. A line that a checkpoint carried along into the next log
//! counts as told once it was told there.

use std::collections::VecDeque;
use std::path::Path;

use hashbrown::DefaultHashBuilder;

use super::seen::{SeenLine, count_in};
use crate::disk::DiskFile;
use crate::error::Result;

/// How many lines of logs that were left behind are remembered.
const REMEMBERED: usize = 1 << 16;

/// The last lines of a log, which are the first ones of the next log as well.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) next: String,
    /// How many lines come before them.
    pub(super) from: usize,
    /// How many lines of the log had been told by then.
    pub(super) told: usize,
}

#[derive(Debug, Clone)]
struct LeftLog {
    relative: String,
    lines: Vec<SeenLine>,
    carried: Option<Carried>,
}

/// The logs that were left behind last.
#[derive(Debug, Default, Clone)]
pub(super) struct Left {
    logs: VecDeque<LeftLog>,
    lines: usize,
}

impl LeftLog {
    /// How many of its lines were told, given where its queued part begins, and how many lines of the next log were told.
    fn told(&self, queued: Option<u64>, told_in_next: Option<usize>) -> usize {
        let own = self.lines.partition_point(|line| queued.is_none_or(|queued| line.offset < queued));
        match &self.carried {
            Some(carried) if own > carried.from => {
                let told = told_in_next.map_or(carried.told, |told| carried.from + told);
                own.min(told.max(carried.from))
            }
            _ => own,
        }
    }
}

impl Left {
    pub(super) fn keep(&mut self, relative: &str, lines: Vec<SeenLine>, carried: Option<Carried>) {
        self.forget(relative);
        self.lines += lines.len();
        self.logs.push_back(LeftLog { relative: relative.to_owned(), lines, carried });
        // A log without lines counts as well.
        while self.lines + self.logs.len() > REMEMBERED
            && let Some(log) = self.logs.pop_front()
        {
            self.lines -= log.lines.len();
        }
    }

    pub(super) fn knows(&self, relative: &str) -> bool {
        self.find(relative).is_some()
    }

    /// What stands in a log from an offset on was not told, and nobody waits for it any more.
    pub(super) fn never_told(&mut self, relative: &str, from: u64) {
        if let Some(log) = self.logs.iter_mut().find(|log| log.relative == relative) {
            let told = log.lines.partition_point(|line| line.offset < from);
            self.lines -= log.lines.len() - told;
            log.lines.truncate(told);
        }
    }

    /// Up to where a log was told. `queued` says where the part of a log begins that is still to be told.
    pub(super) fn told_in(
        &self,
        relative: &str,
        queued: &dyn Fn(&str) -> Option<u64>,
        hasher: &DefaultHashBuilder,
        file: &dyn DiskFile,
        path: &Path,
    ) -> Result<u64> {
        let Some(log) = self.find(relative) else { return Ok(0) };
        let mut chain = vec![log];
        let mut last = log;
        while let Some(next) = last.carried.as_ref().and_then(|carried| self.find(&carried.next))
            && chain.len() < self.logs.len()
        {
            chain.push(next);
            last = next;
        }
        let told_in_next = |told, log: &&LeftLog| Some(log.told(queued(&log.relative), told));
        let told = chain.iter().rev().fold(None, told_in_next).unwrap_or_default();
        let count = count_in(log.lines.get(..told).unwrap_or_default(), hasher, file, path)?;
        Ok(count.checked_sub(1).and_then(|last| log.lines.get(last)).map_or(0, SeenLine::end))
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
