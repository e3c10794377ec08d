//! The end of the history made anew: another process has put operations between those that are known, and all of them
//! count in the order of the log. What stands behind is taken back, positions included, and applied again.

use std::io;
use std::ops::Range;

use super::Engine;
use super::layers::relocate;
use crate::engine::operation::{Logged, Operation};

impl Engine {
    /// The operations of a range, to be applied again.
    ///
    /// # Errors
    /// Those of reading their lines.
    pub fn logged(&self, range: Range<usize>) -> io::Result<Vec<Logged>> {
        let operations = self.operations.get(range).unwrap_or_default();
        let logged = operations.iter().map(|operation| {
            let Operation { id, line, batch, version, .. } = operation.clone();
            Ok(Logged { id, data: operation.data()?, line, batch, origin: None, version })
        });
        logged.collect()
    }

    /// Puts other operations of a single writer in the place of those from one on. Those of a batch that is being put
    /// together stay on top. Of what is set apart, if anything is, `apart` says how many operations belong to it, and how
    /// many then.
    ///
    /// # Errors
    /// Those of reading. State and history do not fit each other then.
    pub fn replace_tail(
        &mut self,
        from: usize,
        tail: Vec<Logged>,
        (apart, then): (usize, usize),
    ) -> io::Result<()> {
        self.turn_history();
        self.note_undone();
        let unfinished = self.set_batch_aside();
        let is_split = self.is_apart() && from < apart;
        if is_split {
            let Self { records, operations, .. } = self;
            let later = operations.get_mut(apart..).unwrap_or_default();
            records.rejoin(|onto| relocate(later, onto));
        }
        while self.operations.len() > from {
            self.undo_last()?;
        }
        for logged in tail {
            if is_split && self.operations.len() == then {
                self.set_apart(0);
            }
            self.apply_anew(logged)?;
        }
        if is_split && !self.is_apart() {
            self.set_apart(0);
        }
        let Some(unfinished) = unfinished else { return Ok(()) };
        self.begin();
        unfinished.into_iter().try_for_each(|(operation, data)| {
            let Operation { id, line, batch, version, .. } = operation;
            self.apply_anew(Logged { id, data, line, batch, origin: None, version })
        })
    }

    fn apply_anew(&mut self, logged: Logged) -> io::Result<()> {
        let before = self.records.get(&logged.id)?;
        self.apply(logged, before);
        Ok(())
    }
}
