//! What the facade tells its listeners: operations once they count, each once, in order, and those that are undone. Nothing is
//! noted before [`Events::begin`].
//!
//! A position here names an operation among those that were told, and means nothing to any other store.

use std::cell::{Cell, RefCell};

use crate::format::operation::parse_line;
use crate::history::{Change, Event, event_into};

/// What is still to be told.
#[derive(Default)]
pub struct Events {
    is_on: Cell<bool>,
    told: Cell<u64>,
    /// The places of the writer's own operations, the last of which an undo takes back.
    own: RefCell<Vec<u64>>,
    /// JSON texts, each followed by a comma.
    out: RefCell<Vec<u8>>,
}

impl Events {
    /// From here on what happens is noted. `false` if it was before.
    pub(super) fn begin(&self) -> bool {
        !self.is_on.replace(true)
    }

    /// Nothing is noted any more.
    pub(super) fn end(&self) {
        self.is_on.set(false);
        self.own.take();
        self.out.take();
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Operations count, the writer's own or others', each with its line.
    pub(super) fn count<'a>(&self, lines: impl Iterator<Item = &'a [u8]>, is_own: bool, is_batch: bool) {
        if !self.is_on() {
            return;
        }
        let batch = is_batch.then(|| position(self.told.get() + 1));
        let mut out = self.out.borrow_mut();
        for line in lines {
            let Ok(parsed) = parse_line(line) else { continue };
            let place = self.told.get() + 1;
            self.told.set(place);
            if is_own {
                self.own.borrow_mut().push(place);
            }
            let position = &position(place);
            let batch = batch.as_deref();
            let change = Change { bytes: line, line: &parsed, position, ms: 0, start: 0, batch };
            event_into(&mut out, &Event::Change(change));
            out.push(b',');
        }
    }

    /// The writer's last operation, on this record, was undone. One from before the beginning stands at place 0.
    pub(super) fn undo(&self, id: &[u8]) {
        if !self.is_on() {
            return;
        }
        let place = self.own.borrow_mut().pop().unwrap_or_default();
        let (position, after) = (&position(place), &position(place.saturating_sub(1)));
        let mut out = self.out.borrow_mut();
        event_into(&mut out, &Event::Undone { position, after, id });
        out.push(b',');
    }

    /// Of the writer's operations so far only the last, so many, can still be undone.
    pub(super) fn settle_but(&self, kept: usize) {
        let mut own = self.own.borrow_mut();
        let gone = own.len().saturating_sub(kept);
        own.drain(..gone);
    }

    /// What is to be told since this was last asked: JSON texts with commas between them.
    pub fn take(&self) -> Vec<u8> {
        let mut out = self.out.take();
        out.pop();
        out
    }
}

fn position(place: u64) -> Vec<u8> {
    format!("e{place}").into_bytes()
}
