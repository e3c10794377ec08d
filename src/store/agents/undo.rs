//! An agent takes its own last operation back, if no compaction has sealed it. Others may have written behind
//! it: those are taken back in memory, and applied again without it.

use crate::engine::{Cut, Id, Operation, Text};
use crate::error::{Error, Result};
use crate::store::{State, Store};

impl Store {
    /// Cuts the agent's last operation off its log. The caller holds the folder's lock, and has seen to it that
    /// what stands before it may be the last.
    pub(in crate::store) fn undo_of_agent(&self, state: &mut State) -> Result<Option<Vec<Id>>> {
        self.undo_several_of_agent(state, 1)
    }

    /// As [`Store::undo_of_agent`], of its last operations.
    pub(in crate::store) fn undo_several_of_agent(
        &self,
        state: &mut State,
        count: usize,
    ) -> Result<Option<Vec<Id>>> {
        let last: Vec<Operation> =
            state.last_written().take(count).map(|(_, operation)| operation.clone()).collect();
        let Some(Text::At { offset, .. }) = last.last().map(|first| &first.line) else { return Ok(None) };
        let offset = *offset;
        state.keep_showing();
        for operation in &last {
            state.keep_for_moments(self, Some(&operation.line))?;
        }
        if !state.logs.wal.cut(offset)? {
            // NOTE: a process that no lock keeps out has appended to the agent's log.
            if let Some(agents) = &mut state.agents {
                agents.distrust();
            }
            return Err(Error::Failed("another process appended to the log of this agent".into()));
        }
        state.forget_own_lines(offset);
        state.following.tail_queue.cut(state.logs.wal.relative(), offset);
        let removed: Vec<Cut> = last.iter().filter_map(Operation::as_cut).collect();
        let changed = match state.engine.integrate(Vec::new(), &removed) {
            Ok(changed) => changed,
            Err(source) => {
                // It is off the log; memory must be loaded anew to show that.
                if let Some(agents) = &mut state.agents {
                    agents.distrust();
                }
                return Err(self.read_failed(source));
            }
        };
        state.number_own_log();
        state.note_all_written();
        state.checkpoints.departures.add(1);
        state.tell_home_of(&changed);
        Ok(Some(changed))
    }
}

impl State {
    /// The agent's log was cut.
    fn forget_own_lines(&mut self, from: u64) {
        if let Some(log) = self.agents.as_mut().and_then(|agents| agents.logs.own_mut()) {
            log.forget_from(from);
        }
    }
}
