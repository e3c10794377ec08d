//! Gives operations their positions, one after the other.

use std::sync::Arc;

use hashbrown::HashMap;

use super::position::{Read, print};
use crate::format::document::Name;
use crate::format::operation::parse_line;
use crate::protocol::entry::Entry;
use crate::rules::batches::OpenBatch;

/// A place among the operations of an era.
pub(super) struct Walk {
    pub(super) era: u64,
    pub(super) origin: u32,
    pub(super) read: Read,
    /// The positions of the first operations of batches that have not ended.
    batches: HashMap<Name, OpenBatch<Box<[u8]>>>,
}

impl Walk {
    pub(super) fn new(era: u64, origin: u32) -> Self {
        Self { era, origin, read: Read::new(), batches: HashMap::new() }
    }

    pub(super) fn position(&self, of: Option<&Name>) -> Vec<u8> {
        print(self.era, self.origin, &self.read, of)
    }

    /// Goes behind an operation. Returns its position, and that of the first operation of its batch.
    pub(super) fn pass(&mut self, entry: &Entry) -> (Vec<u8>, Option<Box<[u8]>>) {
        self.read.entry(Arc::clone(&entry.agent)).or_default().add(&entry.identity);
        let position = self.position(Some(&entry.agent));
        let mark = parse_line(&entry.line).ok().and_then(|line| line.batch);
        let batch = self.batches.entry(Arc::clone(&entry.agent)).or_default();
        let batch = batch.pass(mark, || position.as_slice().into());
        (position, batch)
    }

    /// Goes to the beginning of the next era. With `in_batches`, the batches that have not ended go on in that one.
    pub(super) fn enter_next_era(&mut self, in_batches: bool) {
        let batches = std::mem::take(&mut self.batches);
        *self = Self::new(self.era + 1, 0);
        if in_batches {
            self.batches = batches;
        }
    }

    /// Goes on as if an operation had not been passed. Returns the position behind those that are left.
    pub(super) fn take_back(&mut self, agent: &Name, identity: &[u8]) -> Vec<u8> {
        if let Some(count) = self.read.get_mut(agent) {
            count.take(identity);
        }
        self.batches.remove(agent);
        self.position(None)
    }
}
