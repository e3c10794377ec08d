//! The clock of an agent. It counts the operations of all agents; a single writer has none.

use crate::json::number::is_countable;

/// An agent with its clock, or a single writer.
#[derive(Clone)]
pub(super) struct Clock {
    agent: Option<Box<[u8]>>,
    /// The highest that was seen or given out.
    now: u64,
}

impl Clock {
    pub(super) fn new(agent: Option<&[u8]>) -> Self {
        Self { agent: agent.map(Box::from), now: 0 }
    }

    pub(super) fn agent(&self) -> Option<&[u8]> {
        self.agent.as_deref()
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Whether there is none for another operation: the highest was written.
    pub(super) fn is_spent(&self) -> bool {
        self.agent.is_some() && next_clock(self.now).is_none()
    }

    /// Goes to one that was seen. It never goes back.
    pub(super) fn see(&mut self, clock: u64) {
        self.now = self.now.max(clock);
    }

    /// The clock of the next operation.
    pub(super) fn next(&mut self) -> Option<u64> {
        self.agent.as_ref()?;
        self.now = next_clock(self.now).unwrap_or(self.now);
        Some(self.now)
    }
}

/// The clock of the operation behind one with this clock. A line has it as a double: where those are further apart
/// than one, the next of them.
fn next_clock(clock: u64) -> Option<u64> {
    let next = if is_countable(clock) { clock + 1 } else { (clock as f64).next_up() as u64 };
    (next > clock).then_some(next)
}
