//! The last lines of a log that were given, to find out which of them were undone.

use std::collections::VecDeque;

use super::position::Mark;

/// How many lines of a log are remembered: so many operations can be undone under a follower.
pub(super) const REMEMBERED: usize = 1 << 16;

/// A line that was given.
pub(super) struct Given {
    pub(super) mark: Mark,
    pub(super) id: Box<[u8]>,
    /// The clock of an agent's operation; 0 where that is not known.
    pub(super) clock: u64,
    /// The text of the position that it was given with, if the line stood in an earlier log then.
    pub(super) told: Option<Box<[u8]>>,
}

/// A line that was undone.
pub(super) enum Taken {
    /// None.
    None,
    /// This one.
    Line(Given),
    /// More than are remembered.
    TooMany,
}

/// The last lines that were given.
pub(super) struct Remembered {
    /// Whether lines are remembered when they are read.
    pub(super) is_on: bool,
    /// Whether lines before these were given.
    pub(super) has_more: bool,
    lines: VecDeque<Given>,
}

impl Remembered {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, has_more: false, lines: VecDeque::new() }
    }

    pub(super) fn lines(&self) -> &VecDeque<Given> {
        &self.lines
    }

    pub(super) fn push(&mut self, given: Given, at_most: usize) {
        if self.lines.len() >= at_most {
            self.lines.pop_front();
            self.has_more = true;
        }
        self.lines.push_back(given);
    }

    pub(super) fn pop(&mut self) -> Option<Given> {
        self.lines.pop_back()
    }
}
