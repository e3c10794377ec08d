//! What an agent does alone: it reads and writes with the folder's lock held, so that what it has read still holds when it
//! writes.

use crate::error::Result;
use crate::store::Store;

impl Store {
    /// Takes the folder's lock alone, and takes over what others wrote, which is for [`Store::take_foreign`]. Without agents
    /// there is nothing to take. [`Store::end_alone`] must follow.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` when another process does not let go; `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`.
    pub fn begin_alone(&self) -> Result<()> {
        let Some(gate) = &self.gate else { return Ok(()) };
        let exclusive = gate.kept()?;
        let mut followed = self.look_alone(&exclusive)?;
        if self.lock().is_departed() {
            followed.append(self.renew()?);
        }
        let mut state = self.lock();
        followed.outdated = state.is_outdated();
        if !followed.is_empty() {
            state.foreign.push(followed);
        }
        state.writable()?;
        drop(state);
        *self.alone.lock() = Some(exclusive);
        Ok(())
    }

    /// Gives the folder's lock up.
    pub fn end_alone(&self) {
        let kept = self.alone.lock().take();
        drop(kept);
    }
}
