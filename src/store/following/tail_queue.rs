//! What `tail()` has still to tell of, as places in logs: memory does not grow with the operations that no caller asks
//! for. Of a log that is being read, the log itself knows up to where it was told. Here is what was left behind.

use std::ops::Range;
use std::path::Path;

use hashbrown::DefaultHashBuilder;

use crate::disk::DiskFile;
use crate::error::Result;
use crate::layout;
use crate::store::following::seen::{Seen, SeenLine};
use crate::store::writing::left::Left;

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Span {
    pub(in crate::store) relative: String,
    /// To the end of the log, if it ends with `u64::MAX`.
    pub(in crate::store) range: Range<u64>,
    /// Whether its operations are told in the order of agents, among those of other logs.
    pub(in crate::store) is_ranked: bool,
}

/// The parts of logs that were left behind before they were told, oldest first.
#[derive(Debug, Default, Clone)]
pub(in crate::store) struct TailQueue {
    spans: Vec<Span>,
    left: Left,
}

impl TailQueue {
    /// Adds a part of a log, unless it is empty.
    pub(in crate::store) fn push(&mut self, relative: &str, range: Range<u64>, is_ranked: bool) {
        if range.is_empty() {
            return;
        }
        if let Some(last) = self.spans.last_mut()
            && last.relative == relative
            && last.range.end == range.start
        {
            last.range.end = range.end;
            return;
        }
        self.spans.push(Span { relative: relative.to_owned(), range, is_ranked });
    }

    /// A log was cut to a length: what stood behind was undone.
    pub(in crate::store) fn cut(&mut self, relative: &str, len: u64) {
        for span in self.spans.iter_mut().filter(|span| span.relative == relative) {
            span.range.end = span.range.end.min(len);
        }
        self.spans.retain(|span| !span.range.is_empty());
    }

    pub(in crate::store) fn extend(&mut self, spans: Vec<Span>) {
        self.spans.extend(spans);
    }

    /// Takes out the parts of a log.
    pub(in crate::store) fn take_of(&mut self, relative: &str) -> Vec<Span> {
        let (of_log, others) = self.take().into_iter().partition(|span| span.relative == relative);
        self.spans = others;
        of_log
    }

    pub(in crate::store) fn take(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.spans)
    }

    /// The logs that are still to be told of.
    pub(in crate::store) fn logs(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|span| span.relative.as_str())
    }

    /// Puts back what could not be told.
    pub(in crate::store) fn give_back(&mut self, spans: Vec<Span>) {
        self.spans.splice(0..0, spans);
    }

    /// Remembers the lines of a log that is left behind, should it come back.
    pub(in crate::store) fn leave(&mut self, relative: &str, (lines, head): (Vec<SeenLine>, Vec<u64>)) {
        self.left.keep(relative, lines, head);
    }

    /// Remembers the lines of logs that were left behind before they were read, and have been told.
    pub(in crate::store) fn remember(&mut self, told: Vec<(String, Seen)>) {
        for (relative, mut seen) in told {
            let (lines, head) = seen.take();
            self.left.extend(&relative, lines, head);
        }
    }

    /// Up to where a part of a log is to be told that was left behind.
    pub(in crate::store) fn end_in(&self, relative: &str) -> Option<u64> {
        let of_log = self.spans.iter().filter(|span| span.relative == relative);
        of_log.map(|span| span.range.end).filter(|end| *end < u64::MAX).max()
    }

    /// Up to where a log was told that was left behind and has come back, with a file that was put in its place.
    pub(in crate::store) fn told_in(
        &mut self,
        relative: &str,
        hasher: &DefaultHashBuilder,
        file: &dyn DiskFile,
        path: &Path,
    ) -> Result<u64> {
        let queued = |log: &str| {
            self.spans.iter().filter(|span| span.relative == log).map(|span| span.range.start).min()
        };
        let told = self.left.told_in(relative, &queued, hasher, file, path)?;
        self.spans.retain(|span| span.relative != relative);
        Ok(told)
    }

    /// The folder was put back to what it was when these logs counted: what later logs said has never been.
    pub(in crate::store) fn put_back(&mut self, logs: &[&str]) {
        let oldest = logs.iter().copied().filter_map(layout::time_of).min().unwrap_or(0);
        let is_older = |span: &Span| layout::time_of(&span.relative).is_some_and(|ms| ms < oldest);
        let left = &mut self.left;
        self.spans.retain(|span| {
            let stays = is_older(span) || logs.contains(&span.relative.as_str());
            if !stays {
                // A later copy of the folder may bring it back.
                left.never_told(&span.relative, span.range.start);
            }
            stays
        });
    }
}
