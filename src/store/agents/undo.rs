//! An agent takes its own last operation back, if no compaction has sealed it. Others may have written behind
//! it: those are taken back in memory, and applied again without it.

use crate::engine::{Id, Rank, Text};
use crate::error::{Error, Result};
use crate::store::{State, Store};

impl Store {
    /// Cuts the agent's last operation off its log. The caller holds the folder's lock, and has seen to it that
    /// what stands before it may be the last.
    pub(in crate::store) fn undo_of_agent(&self, state: &mut State) -> Result<Option<Vec<Id>>> {
        let Some(own) = state.agents.as_ref().map(|agents| agents.own) else { return Ok(None) };
        let shown = state.engine.operations().get(state.hidden_operations()..).unwrap_or_default();
        let last = shown.iter().rev().find(|operation| operation.is_of_log(own)).cloned();
        let Some(last) = last else { return Ok(None) };
        let Text::At { offset, .. } = last.line else { return Ok(None) };
        state.keep_for_moments(self, Some(&last.line))?;
        if !state.wal.cut(offset)? {
            // NOTE: a process that no lock keeps out has appended to the agent's log.
            if let Some(agents) = &mut state.agents {
                agents.distrust();
            }
            return Err(Error::Failed("another process appended to the log of this agent".into()));
        }
        let removed: Vec<Rank> = last.rank().cloned().into_iter().collect();
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
        state.number_own_log();
        state.buffered = state.engine.operations().len();
        state.departures += 1;
        Ok(Some(changed))
    }
}
