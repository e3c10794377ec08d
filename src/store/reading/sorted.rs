//! Walks in the order of the ids: a merge of the snapshot's records, by the order of ids or as runs, with those above it.
//!
//! Invariant: all steps show one moment, and what is held is bounded: a few MB, whatever the number of records.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::io;
use std::sync::Arc;

use super::order::Ordered;
use super::overlaid::Overlaid;
use super::runs::Runs;
use super::walk::{Range, print, read_uncut};
use crate::engine::{Base, Id, Moment, Nearby, Row, Text};
use crate::error::Result;
use crate::store::Store;

/// A walk in the order of the ids.
pub struct Sorted {
    moment: Moment,
    range: Range,
    /// How many records are still wanted.
    left: usize,
    /// The id of the last record that was given.
    given: Option<Id>,
    stored: Stored,
    overlaid: Overlaid,
}

/// The records that stand in the snapshot as they are.
enum Stored {
    ByOrder(Ordered),
    Runs(Runs),
}

/// The record of the snapshot that comes next.
pub(super) struct Head {
    pub id: Id,
    /// Where its line is.
    pub offset: u64,
    /// The length of the line.
    pub len: u32,
    /// The line, if it was read.
    pub line: Vec<u8>,
}

impl Store {
    /// Begins a walk over the records of a moment whose ids are in a range, in the order of their UTF-16 code units.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`: without an order of ids, each id is looked at.
    pub fn sorted(&self, moment: &Moment, range: Range) -> Result<Sorted> {
        let stored = match self.by_order(moment, &range) {
            Some(ordered) => Stored::ByOrder(ordered),
            None => Stored::Runs(Runs::new(range.clone())),
        };
        let overlaid = Overlaid::new(range.clone());
        let left = range.limit.unwrap_or(usize::MAX);
        let mut sorted = Sorted { moment: moment.clone(), range, left, given: None, stored, overlaid };
        self.find_next(&mut sorted).map_err(|source| self.read_failed(source))?;
        Ok(sorted)
    }

    /// Appends the next records of a sorted walk, as [`Store::walk_on`] does. Nothing is appended at the end.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn sorted_on(&self, sorted: &mut Sorted, limit: usize, out: &mut Vec<u8>) -> Result<()> {
        self.append_sorted(sorted, limit, out).map_err(|source| self.read_failed(source))
    }

    fn append_sorted(&self, sorted: &mut Sorted, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let kept = Arc::clone(sorted.moment.kept());
        let (mut lines, mut texts) = (Nearby::default(), Nearby::of(&kept));
        while sorted.left > 0 && out.len() < limit {
            self.find_next(sorted)?;
            let base = Arc::clone(sorted.moment.base());
            match sorted.next(&base)? {
                None => break,
                Some(Next::Stored(head)) => {
                    let line = head.line(&base, &mut lines)?;
                    let record = base.record(head.offset, &line)?;
                    if *record.id != *head.id {
                        self.go_on_without_order(sorted);
                        continue;
                    }
                    let text = line.get(record.data).unwrap_or_default();
                    print(&Row::Made { id: &head.id, text }, false, out);
                    sorted.given = Some(head.id);
                }
                Some(Next::Overlaid(id)) => {
                    let Some(text) = sorted.moment.get(&id)? else { continue };
                    let start = out.len();
                    read_uncut(&kept, || {
                        out.truncate(start);
                        print(&Row::Made { id: &id, text: texts.read(&text)? }, false, out);
                        Ok(())
                    })?;
                    sorted.given = Some(id);
                }
            }
            sorted.left -= 1;
        }
        Ok(())
    }

    /// Sees to it that the next record is known.
    fn find_next(&self, sorted: &mut Sorted) -> io::Result<()> {
        let Sorted { moment, stored, overlaid, left, .. } = &mut *sorted;
        overlaid.find_next(moment, *left);
        if let Stored::ByOrder(ordered) = stored
            && ordered.find_next(moment).is_err()
        {
            self.go_on_without_order(sorted);
        }
        match &mut sorted.stored {
            Stored::Runs(runs) => runs.find_next(&sorted.moment, sorted.left),
            Stored::ByOrder(_) => Ok(()),
        }
    }

    /// The order of ids is damaged, or of another snapshot: nothing that is still to come is taken from it.
    fn go_on_without_order(&self, sorted: &mut Sorted) {
        self.fields.lock().forget(sorted.moment.base());
        let mut range = sorted.range.clone();
        if let Some(id) = &sorted.given {
            range.go_on_behind(id);
        }
        sorted.stored = Stored::Runs(Runs::new(range));
    }
}

enum Next {
    Stored(Head),
    Overlaid(Id),
}

impl Sorted {
    fn next(&mut self, base: &Base) -> io::Result<Option<Next>> {
        let stored = match &self.stored {
            Stored::ByOrder(ordered) => ordered.head(),
            Stored::Runs(runs) => runs.head(),
        };
        let is_stored = match (stored, self.overlaid.head()) {
            (Some(head), Some(id)) => self.range.compare(&head.id, id) == Ordering::Less,
            (stored, _) => stored.is_some(),
        };
        if !is_stored {
            return Ok(self.overlaid.take().map(Next::Overlaid));
        }
        let head = match &mut self.stored {
            Stored::ByOrder(ordered) => ordered.take(),
            Stored::Runs(runs) => runs.take(base)?,
        };
        Ok(head.map(Next::Stored))
    }
}

impl Head {
    /// Its line, as it was read or is read now.
    fn line<'a>(&'a self, base: &Base, lines: &'a mut Nearby) -> io::Result<Cow<'a, [u8]>> {
        match base.file() {
            Some(file) if self.line.is_empty() => {
                let line = Text::at(file, self.offset, self.len as usize);
                Ok(lines.read(&line)?.to_vec().into())
            }
            _ => Ok(Cow::Borrowed(&self.line)),
        }
    }
}
