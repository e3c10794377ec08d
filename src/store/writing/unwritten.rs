//! Changes that are in memory and in no file yet. Operations before `buffered` are in a file; those of a batch that is being put
//! together are the last.

use super::change::Scratch;
use super::drafts::Drafts;
use crate::store::State;

/// Operations in a buffer or a batch, and what is drafted behind them.
#[derive(Default)]
pub(in crate::store) struct Unwritten {
    /// Changes behind the operations, which are in no file yet either.
    pub(in crate::store) drafts: Drafts,
    /// Operations from this one on are in no file yet.
    buffered: usize,
    batch: Option<Batch>,
    /// Memory that is used again.
    pub(in crate::store) scratch: Scratch,
}

/// A batch that is being put together.
struct Batch {
    /// The operation that it begins with.
    from: usize,
    /// `Some` if it is none of the user's, but changes that share a write: the bytes of their lines.
    shared: Option<usize>,
}

impl Unwritten {
    /// Nothing behind so many operations, which are in a file.
    pub(in crate::store) fn behind(operations: usize) -> Self {
        Self { buffered: operations, ..Self::default() }
    }

    /// Operations from this one on are in no file yet.
    pub(in crate::store) fn buffered(&self) -> usize {
        self.buffered
    }

    /// Says that the operations before this one are in a file, and no others.
    pub(in crate::store) fn set_buffered(&mut self, from: usize) {
        self.buffered = from;
    }

    /// Where the batch begins that is being put together.
    pub(in crate::store) fn batch(&self) -> Option<usize> {
        self.batch.as_ref().map(|batch| batch.from)
    }

    /// Whether a batch is being put together.
    pub(in crate::store) fn has_batch(&self) -> bool {
        self.batch.is_some()
    }

    /// Whether a batch of the user's is.
    pub(in crate::store) fn has_batch_of_user(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.shared.is_none())
    }

    pub(in crate::store) fn begin_batch(&mut self, from: usize) {
        self.batch = Some(Batch { from, shared: None });
    }

    /// The batch is changes that share a write.
    pub(in crate::store) fn share_batch(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.shared = Some(0);
        }
    }

    /// A line was drafted.
    pub(in crate::store) fn hold(&mut self, bytes: usize) {
        if let Some(Batch { shared: Some(held), .. }) = &mut self.batch {
            *held += bytes;
        }
    }

    /// How many bytes changes hold that share a write.
    pub(in crate::store) fn held_bytes(&self) -> usize {
        self.batch.as_ref().and_then(|batch| batch.shared).unwrap_or(0)
    }

    /// Says that the batch begins with another operation: some came before it, or went.
    pub(in crate::store) fn move_batch(&mut self, to: impl Fn(usize) -> usize) {
        if let Some(batch) = &mut self.batch {
            batch.from = to(batch.from);
        }
    }

    pub(in crate::store) fn end_batch(&mut self) {
        self.batch = None;
    }

    /// So many operations, which are in a file, came before all others.
    pub(in crate::store) fn came_before(&mut self, count: usize) {
        self.buffered += count;
        self.move_batch(|from| from + count);
    }
}

impl State {
    /// All operations are in a file.
    pub(in crate::store) fn note_all_written(&mut self) {
        self.unwritten.set_buffered(self.engine.operations().len());
    }

    /// Whether operations are in no file yet, in a buffer or a batch.
    pub(in crate::store) fn holds_buffered(&self) -> bool {
        self.unwritten.buffered() < self.engine.operations().len()
    }

    /// So many operations, which are in a file, came before all others; with `is_apart`, before those that are hidden.
    pub(in crate::store) fn came_before(&mut self, count: usize, is_apart: bool) {
        self.unwritten.came_before(count);
        if is_apart {
            self.checkpoints.set_hidden(self.checkpoints.hidden() + count);
        }
    }

    /// Operations were taken back: no more are hidden than there are.
    pub(in crate::store) fn cut_hidden(&mut self) {
        self.checkpoints.cut_hidden(self.engine.operations().len());
    }
}
