//! The layers change under the operations: for a checkpoint, and where the head of a log was replayed. What a batch has applied is
//! taken back before, and applied again behind that.

use std::sync::Arc;

use super::Engine;
use crate::engine::base::Base;
use crate::engine::operation::{Logged, Operation};
use crate::engine::overlay::Overlay;
use crate::engine::text::Text;
use crate::engine::view::View;
use crate::format::operation::Kind;
use crate::rules::batches::kept_whole;

/// The operations of a batch that was set aside, with their values.
type Unfinished = Vec<(Operation, Option<Text>)>;

impl Engine {
    /// Puts what the log's head says, replayed over the same base, in its place. `apart` says how many operations belong
    /// to what is set apart, if anything is. Returns how many operations the head has.
    pub fn replace_head(&mut self, replayed: Self, apart: usize) -> usize {
        self.turn_history();
        let unfinished = self.set_batch_aside();
        let head = replayed.operations.len();
        let lowest = self.over_lowest(apart);
        let Self { records, operations, .. } = self;
        let lowest = operations.get_mut(..lowest).unwrap_or_default();
        records.replace_head(replayed.records, |onto| relocate(lowest, onto));
        self.operations.splice(0..0, replayed.operations);
        self.apply_again(unfinished);
        head
    }

    /// How many operations were made over the lowest overlay that changes: what is set apart, if anything is.
    fn over_lowest(&self, apart: usize) -> usize {
        if self.is_apart() { apart.min(self.operations.len()) } else { self.operations.len() }
    }

    /// Takes back what was applied since [`Engine::begin`], before the layers change underneath: what was remembered
    /// for a rollback is about the layers as they are now.
    pub(super) fn set_batch_aside(&mut self) -> Option<Unfinished> {
        let journal = self.journal.as_ref()?;
        let from = self.operations.len().saturating_sub(journal.len());
        let operations = self.operations.get(from..).unwrap_or_default();
        let unfinished =
            operations.iter().cloned().zip(journal.iter().map(|applied| applied.data.clone())).collect();
        self.rollback();
        Some(unfinished)
    }

    pub(super) fn apply_again(&mut self, unfinished: Option<Unfinished>) {
        let Some(unfinished) = unfinished else { return };
        self.begin();
        self.apply_all(unfinished);
    }

    fn apply_all(&mut self, operations: Unfinished) {
        for (operation, data) in operations {
            let Operation { id, line, before, batch, origin, version, .. } = operation;
            self.apply(Logged { id, data, line, batch, origin, version }, before);
        }
    }

    /// Sets records apart for the checkpoint after the one under way, without what may be taken back; with what was set
    /// apart before, which `apart` operations belong to. Returns how many operations that concerns now.
    pub fn set_apart(&mut self, apart: usize) -> usize {
        self.turn_history();
        let unfinished = self.set_batch_aside();
        let Self { records, operations, .. } = self;
        let later = operations.get_mut(apart..).unwrap_or_default();
        records.set_apart(|onto| relocate(later, onto));
        let apart = self.operations.len();
        self.apply_again(unfinished);
        apart
    }

    /// As [`Engine::set_apart`], without the last operations: so many, and all of a batch.
    pub fn set_apart_but(&mut self, apart: usize, keep: usize) -> usize {
        let unfinished = self.set_batch_aside();
        let kept = self.take_last(apart, keep);
        let apart = self.set_apart(apart);
        self.apply_all(kept);
        self.apply_again(unfinished);
        apart
    }

    /// Takes the last operations, behind those that are apart, out of state and history, to be applied again.
    fn take_last(&mut self, apart: usize, keep: usize) -> Unfinished {
        let undone = self.turns.undone;
        let behind = self.operations.get(apart..).unwrap_or_default();
        let keep = kept_whole(keep, behind.len(), |place| behind.get(place)?.batch);
        let mut kept = Vec::new();
        for _ in 0..keep {
            // What cannot be read stays where it is, and so does what stands before it.
            let Some(Ok(data)) = self.operations.last().map(Operation::data) else { break };
            let Ok(Some(operation)) = self.undo_last() else { break };
            kept.push((operation, data));
        }
        self.turns.undone = undone;
        kept.reverse();
        kept
    }

    /// Whether something is set apart.
    pub fn is_apart(&self) -> bool {
        self.records.is_apart()
    }

    /// Takes what was set apart back, which `apart` operations belong to.
    pub fn rejoin(&mut self, apart: usize) {
        self.turn_history();
        let unfinished = self.set_batch_aside();
        let Self { records, operations, .. } = self;
        let later = operations.get_mut(apart..).unwrap_or_default();
        records.rejoin(|onto| relocate(later, onto));
        self.apply_again(unfinished);
    }

    /// Freezes records and the first operations for a checkpoint: what was set apart, or everything.
    pub fn freeze(&mut self, operations: usize) -> View {
        self.turn_history();
        let late = self.operations.split_off(operations.min(self.operations.len()));
        self.frozen = std::mem::replace(&mut self.operations, late);
        self.records.freeze()
    }

    /// What is frozen, as it is by now.
    pub fn frozen_view(&self) -> View {
        self.records.frozen_view()
    }

    /// Puts another view in the place of the frozen one: records that went to an archive are not in it.
    pub fn refreeze(&mut self, view: &View) {
        self.records.refreeze(view);
    }

    /// Gives a failed checkpoint up: its operations count again. If anything is set apart for the next one, which `apart`
    /// operations belong to, they belong to that too. Returns how many the checkpoint had.
    pub fn thaw(&mut self, apart: usize) -> usize {
        self.turn_history();
        let unfinished = self.set_batch_aside();
        let lowest = self.over_lowest(apart);
        let Self { records, operations, .. } = self;
        let lowest = operations.get_mut(..lowest).unwrap_or_default();
        records.thaw(|onto| relocate(lowest, onto));
        let frozen = self.frozen.len();
        let late = std::mem::replace(&mut self.operations, std::mem::take(&mut self.frozen));
        self.operations.extend(late);
        self.apply_again(unfinished);
        frozen
    }

    /// Ends a checkpoint: the new base, of this schema version, holds what was frozen. Returns what can be freed.
    pub fn rebase(&mut self, base: Base, version: u32) -> (Arc<Base>, Option<Arc<Overlay>>, Vec<Operation>) {
        let (base, overlay) = self.records.rebase(base, version);
        (base, overlay, std::mem::take(&mut self.frozen))
    }
}

/// Says where the records stood that these operations deleted, once the overlay that they were made over is laid into
/// the one below it.
pub(super) fn relocate(operations: &mut [Operation], onto: &Overlay) {
    for operation in operations.iter_mut().filter(|operation| operation.kind == Kind::Delete) {
        operation.stood = onto.place_under(&operation.id, operation.stood);
    }
}
