//! Operations read backward, each era from its end on.

use std::sync::Arc;

use hashbrown::HashSet;

use super::feed::{Feed, print_change};
use super::walk::Walk;
use crate::protocol::carrier::{Carrier, Error};
use crate::protocol::entry::Entry;
use crate::protocol::session::Session;

/// An operation with its position and that of its batch.
type Placed = (Entry, Vec<u8>, Option<Box<[u8]>>);

/// A history that is read backward.
pub(super) struct Backward {
    /// The era that comes next, and the first of all.
    next: Option<u64>,
    first: u64,
    is_begun: bool,
    /// The operations up to the position.
    known: HashSet<Arc<[u8]>>,
    queue: Vec<Placed>,
}

impl Backward {
    /// From the end of an era on, down to the operations up to a position.
    pub(super) fn new(next: u64, first: u64, known: HashSet<Arc<[u8]>>) -> Self {
        Self { next: Some(next), first, is_begun: false, known, queue: Vec::new() }
    }
}

impl<C: Carrier> Session<C> {
    /// Returns whether there may be more at once.
    pub(super) async fn backward(
        &self,
        feed: &Feed,
        backward: &mut Backward,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, Error> {
        loop {
            while let Some((entry, position, batch)) = backward.queue.pop() {
                print_change(out, &feed.wanted, &entry, &position, batch.as_deref());
                if out.len() >= limit {
                    return Ok(true);
                }
            }
            let Some(mut number) = backward.next else { return Ok(false) };
            let mut era = self.era(number).await?;
            while !backward.is_begun && era.kept.is_some() {
                // A checkpoint that was made meanwhile has left some of its operations to the next.
                number += 1;
                era = self.era(number).await?;
            }
            backward.is_begun = true;
            backward.next = number.checked_sub(1).filter(|next| *next >= backward.first);
            let mut walk = Walk::new(number, era.origin);
            for entry in era.entries {
                let (position, batch) = walk.pass(&entry);
                if !backward.known.contains(&entry.identity) && !era.copies.contains(&entry.identity) {
                    backward.queue.push((entry, position, batch));
                }
            }
        }
    }
}
