//! The logs that a store of an agent, or a reader of agents, goes through, and which of them is its own.

use std::path::PathBuf;

use super::log::Log;
use crate::layout;

/// Logs by number. A number is never given twice: operations name their log by it.
#[derive(Clone)]
pub(super) struct Logs {
    all: Vec<Log>,
    next_number: u32,
    /// The number of the agent's own log.
    own: u32,
}

impl Logs {
    pub(super) fn none() -> Self {
        Self { all: Vec::new(), next_number: 1, own: 0 }
    }

    /// No logs, whose numbers go on from these.
    pub(super) fn none_after(&self) -> Self {
        Self { next_number: self.next_number, ..Self::none() }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Log> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Log> {
        self.all.iter_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn has(&self, relative: &str) -> bool {
        self.all.iter().any(|log| log.is(relative))
    }

    pub(super) fn find(&mut self, relative: &str) -> Option<&mut Log> {
        self.all.iter_mut().find(|log| log.is(relative))
    }

    /// Adds a log that is to be read, of which nothing is known yet. `is_own`: the store's agent writes it.
    pub(super) fn add(&mut self, relative: &str, path: PathBuf, version: u32, is_own: bool) {
        self.all.push(Log::new(self.next_number, relative.to_owned(), path, version, is_own));
        self.next_number += 1;
    }

    /// Takes logs out.
    pub(super) fn take(&mut self, is_gone: impl Fn(&Log) -> bool) -> Vec<Log> {
        self.all.extract_if(.., |log| is_gone(log)).collect()
    }

    /// The number of the agent's own log.
    pub(super) fn own_number(&self) -> u32 {
        self.own
    }

    /// The agent's own log.
    pub(super) fn own(&self) -> Option<&Log> {
        self.all.iter().find(|log| log.number() == self.own)
    }

    /// The same.
    pub(super) fn own_mut(&mut self) -> Option<&mut Log> {
        self.all.iter_mut().find(|log| log.number() == self.own)
    }

    /// Says which log is the agent's own, and how long it is.
    pub(super) fn set_own(&mut self, relative: &str, end: u64) {
        let Some(log) = self.find(relative) else { return };
        log.set_end(end);
        self.own = log.number();
    }

    /// Bytes in all of them; of the own one, which is not read, `own`.
    pub(super) fn bytes(&self, own: u64) -> u64 {
        let others = self.all.iter().filter(|log| log.number() != self.own);
        others.map(Log::end).sum::<u64>() + own
    }

    /// The time of the newest.
    pub(super) fn newest(&self) -> u64 {
        newest(&self.all)
    }
}

/// The time of the newest of some logs of agents.
pub(super) fn newest(logs: &[Log]) -> u64 {
    logs.iter().filter_map(|log| layout::agent_milliseconds(log.relative())).max().unwrap_or(0)
}
