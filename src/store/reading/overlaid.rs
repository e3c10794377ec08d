//! The ids of the records of which the log says something, in order: found piece by piece among all of them.
//!
//! Invariant: deleted records are left out. A scan would go through all ids again for each piece of them.

use super::walk::Range;
use crate::engine::{Id, Moment};

/// So many ids are held at most.
const PIECE: usize = 100_000;

/// The ids in a range, in order.
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
            self.find_piece(moment, most.min(PIECE));
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
        moment.visit_overlaid(&mut |id, is_there| {
            if is_there && range.has(id) && end.as_ref().is_none_or(|end| range.compare(id, end).is_lt()) {
                ids.push(Id::clone(id));
                if ids.len() > 2 * most {
                    cut(&mut ids, &mut end);
                }
            }
        });
        cut(&mut ids, &mut end);
        match &end {
            Some(end) => self.range.go_on_behind(end),
            None => self.is_over = true,
        }
        self.ids = ids.into_iter().peekable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Overlay, Text};

    #[test]
    fn deleted_records_are_left_out_so_that_one_look_finds_the_first_record() {
        let mut overlay = Overlay::default();
        let id = |n: u32| Id::from(format!("{n:05}").as_bytes());
        for n in 0..3000 {
            let Ok(()) = overlay.delete(&id(n), || Ok::<_, std::convert::Infallible>(true));
        }
        for n in 3000..3002 {
            let text = Text::Held((*b"1").into());
            let Ok(()) = overlay.set(&id(n), text, || Ok::<_, std::convert::Infallible>(true));
        }
        let mut overlaid = Overlaid::new(Range::default());
        overlaid.find_next(&Moment::empty().under(overlay), 1);
        assert_eq!(overlaid.take(), Some(id(3000)));
        assert_eq!(overlaid.take(), None);
    }
}
