//! The log that a writer appends to, and the lines of it that count.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::format::document::Name;
use crate::format::operation::marked::ended;

/// A writer's own log.
#[derive(Default)]
pub(super) struct OwnLog {
    name: RefCell<Option<Name>>,
    lines: RefCell<Vec<Arc<[u8]>>>,
    /// How often the log or what counts of it has changed.
    changes: Cell<u64>,
}

impl OwnLog {
    /// Its name, if there is one.
    pub(super) fn name(&self) -> Option<Name> {
        self.name.borrow().clone()
    }

    /// How many operations of it count.
    pub(super) fn count(&self) -> usize {
        self.lines.borrow().len()
    }

    /// The lines that count.
    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        self.lines.borrow().iter().map(|line| line.to_vec()).collect()
    }

    /// Those of them from a place on.
    pub(super) fn lines_from(&self, place: usize) -> Vec<Arc<[u8]>> {
        self.lines.borrow().get(place..).unwrap_or_default().to_vec()
    }

    /// How often the log or what counts of it has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.get()
    }

    fn changed(&self) {
        self.changes.set(self.changes.get() + 1);
    }

    /// Lines were appended and count.
    pub(super) fn counts(&self, lines: &[Vec<u8>]) {
        self.changed();
        self.lines.borrow_mut().extend(lines.iter().map(|line| Arc::from(line.as_slice())));
    }

    /// The log has these lines, and all of them count.
    pub(super) fn holds(&self, lines: impl Iterator<Item = Arc<[u8]>>) {
        self.changed();
        *self.lines.borrow_mut() = lines.collect();
        self.end_batch();
    }

    /// The last line ends its batch, as it does in the log.
    fn end_batch(&self) {
        let mut lines = self.lines.borrow_mut();
        if let Some(last) = lines.last_mut()
            && let Some(line) = ended(&[last.to_vec()]).pop()
            && line != **last
        {
            *last = Arc::from(line);
        }
    }

    /// One of the lines does not count any more.
    pub(super) fn forget(&self, line: &[u8]) {
        self.changed();
        let mut lines = self.lines.borrow_mut();
        if let Some(place) = lines.iter().rposition(|own| **own == *line) {
            lines.remove(place);
        }
        drop(lines);
        self.end_batch();
    }

    /// A copy of the log with these lines took its place.
    pub(super) fn moved(&self, copy: &Name) {
        *self.name.borrow_mut() = Some(Arc::clone(copy));
    }

    /// Goes over to another log, which is empty.
    pub(super) fn begins(&self, log: Option<Name>) {
        self.changed();
        *self.name.borrow_mut() = log;
        self.lines.borrow_mut().clear();
    }
}
