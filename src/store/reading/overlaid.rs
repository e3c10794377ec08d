//! The ids of which the log says something, in order: found piece by piece among all of them.

use super::walk::Range;
use crate::engine::{Id, Moment};

/// So many ids are held at most, and looked for at least: those that come first may be of deleted records.
const PIECE: usize = 100_000;
const LEAST: usize = 1024;

/// The ids in a range, in order; some of their records may be deleted.
pub(super) struct Overlaid {
    /// Which ids are still to be found.
    range: Range,
    ids: std::iter::Peekable<std::vec::IntoIter<Id>>,
    is_over: bool,
}

impl Overlaid {
    pub fn new(range: Range) -> Self {
        Self { range, ids: Vec::new().into_iter().peekable(), is_over: false }
    }

    /// Looks for the next ids, if none is known. `most` records are wanted at most.
    pub fn find_next(&mut self, moment: &Moment, most: usize) {
        while self.ids.peek().is_none() && !self.is_over {
            self.find_piece(moment, most.clamp(LEAST, PIECE));
        }
    }

    pub fn head(&mut self) -> Option<&Id> {
        self.ids.peek()
    }

    pub fn take(&mut self) -> Option<Id> {
        self.ids.next()
    }

    fn find_piece(&mut self, moment: &Moment, most: usize) {
        let range = &self.range;
        let (mut ids, mut end): (Vec<Id>, Option<Id>) = (Vec::new(), None);
        let cut = |ids: &mut Vec<Id>, end: &mut Option<Id>| {
            crate::order::sort_by(ids, |one, other| range.compare(one, other));
            if ids.len() > most {
                ids.truncate(most);
                *end = ids.last().cloned();
            }
        };
        moment.visit_overlaid(&mut |id| {
            if range.has(id) && end.as_ref().is_none_or(|end| range.compare(id, end).is_lt()) {
                ids.push(Id::clone(id));
                if ids.len() > 2 * most {
                    cut(&mut ids, &mut end);
                }
            }
        });
        cut(&mut ids, &mut end);
        match &end {
            Some(end) => self.range.go_on_from(end, false),
            None => self.is_over = true,
        }
        self.ids = ids.into_iter().peekable();
    }
}
