//! Where in the history the state in memory stands.

use crate::error::Result;
use crate::history::position_behind;
use crate::store::Store;

impl Store {
    /// The position behind the last operation that the store shows. What is buffered must have been flushed before.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn position(&self) -> Result<String> {
        let state = self.lock();
        let own = (state.wal.relative().to_owned(), state.wal.len());
        let logs = match &state.agents {
            Some(agents) => agents.read_up_to(own),
            None => vec![own],
        };
        let is_of_agents = state.agents.is_some();
        drop(state);
        position_behind(&*self.disk, &self.root, &logs, is_of_agents)
    }
}
