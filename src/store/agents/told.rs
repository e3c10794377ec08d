//! How much of a log of agents `tail()` need not tell of any more.

use std::ops::Range;

/// Two places in a log: what stands between them is still to be told of.
#[derive(Clone)]
pub(super) struct Told {
    until: u64,
    /// From here on stands what this agent has written since it opened. Of a log that it did not write: the highest number.
    own_from: u64,
}

impl Told {
    /// Nothing of a log was told yet. `is_own`: the store's agent writes it.
    pub(super) fn none(is_own: bool) -> Self {
        Self { until: 0, own_from: if is_own { 0 } else { u64::MAX } }
    }

    /// Whether the store's agent writes the log.
    pub(super) fn is_of_own(&self) -> bool {
        self.own_from != u64::MAX
    }

    /// What is still to be told of.
    pub(super) fn rest(&self) -> Range<u64> {
        self.until..self.own_from
    }

    /// The log is told up to here, or from here on again.
    pub(super) fn set(&mut self, until: u64) {
        self.until = until;
    }

    /// Nothing of the log is to be told any more.
    pub(super) fn end(&mut self) {
        self.until = u64::MAX;
    }

    /// The log ends here: what comes behind is new.
    pub(super) fn cut(&mut self, end: u64) {
        self.until = self.until.min(end);
    }

    /// The agent has cut its own log.
    pub(super) fn cut_own(&mut self, len: u64) {
        self.cut(len);
        self.own_from = self.own_from.min(len);
    }

    /// Of the agent's own log, what stands up to here is not what it has written since it opened.
    pub(super) fn raise_own(&mut self, from: u64) {
        self.own_from = from.max(self.own_from);
    }

    /// As for another time when the log was loaded.
    pub(super) fn take_own(&mut self, other: &Self) {
        self.own_from = other.own_from;
    }

    /// The log was loaded for the first time. `is_blind`: what stands in it now was not seen yet.
    pub(super) fn begin(&mut self, end: u64, is_blind: bool) {
        if !is_blind {
            self.until = end;
        } else if self.own_from == 0 {
            self.own_from = end;
        }
    }
}
