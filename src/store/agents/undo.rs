//! An agent takes its own last operation back, if no compaction has sealed it. Others may have written behind
//! it: those are taken back in memory, and applied again without it.

use std::sync::Arc;

use crate::engine::{Id, Operation, Rank, Text};
use crate::error::Result;
use crate::format::operation::BatchMark;
use crate::store::undo::marker_in;
use crate::store::{State, Store};

impl Store {
    /// Cuts the agent's last operation off its log. The caller holds the folder's lock.
    pub(in crate::store) fn undo_of_agent(&self, state: &mut State) -> Result<Option<Vec<Id>>> {
        let Some(own) = state.agents.as_ref().map(|agents| agents.own) else { return Ok(None) };
        let mut last_two =
            state.engine.operations().iter().rev().filter(|operation| operation.is_of_log(own));
        let Some(last) = last_two.next().cloned() else { return Ok(None) };
        let before = last_two.next().filter(|before| before.batch == Some(BatchMark::More)).cloned();
        let Text::At { offset, .. } = last.line else { return Ok(None) };
        if let Some(before) = &before
            && let Text::At { offset, .. } = before.line
        {
            let marker = offset + marker_in(before, state.wal.path())?;
            state.wal.overwrite(&*self.disk, marker, BatchMark::Last.text())?;
        }
        state.wal.cut(offset)?;
        let removed: Vec<Rank> = rank_of(&last).into_iter().collect();
        let changed = match state.engine.integrate(Vec::new(), &removed) {
            Ok(changed) => changed,
            Err(source) => {
                // It is off the log; memory must be loaded anew to show that.
                if let Some(agents) = &mut state.agents {
                    agents.stale = true;
                }
                return Err(self.read_failed(source));
            }
        };
        if let Some(rank) = before.as_ref().and_then(rank_of) {
            let same = |operation: &&mut Operation| rank_of(operation).as_ref() == Some(&rank);
            if let Some(before) = state.engine.operations_mut().iter_mut().find(same) {
                before.batch = Some(BatchMark::Last);
            }
        }
        state.number_own_log();
        state.buffered = state.engine.operations().len();
        state.departures += 1;
        Ok(Some(changed))
    }
}

fn rank_of(operation: &Operation) -> Option<Rank> {
    let origin = operation.origin.as_ref()?;
    Some(Rank { clock: origin.rank.clock, agent: Arc::clone(&origin.rank.agent) })
}
