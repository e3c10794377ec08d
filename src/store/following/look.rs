//! Following on the thread that runs JS, where that takes no longer than a few calls of the system: when nothing
//! is new, or little, and no other agent must be waited for. Everything else is left to [`Store::follow_on`], elsewhere.

use crate::error::Result;
use crate::store::locked::Locked;
use crate::store::{Followed, Store};
use crate::wal::Standing;

/// How many bytes are taken in at once.
const LITTLE: u64 = 128 << 10;

/// How far a look came.
#[derive(Debug)]
pub enum Look {
    /// This is all that is new.
    Done(Followed),
    /// There is more to do, which takes longer. This was come upon so far.
    Later(Followed),
}

impl Store {
    /// Reads what other hands wrote since the last look, if that takes no time to speak of.
    ///
    /// # Errors
    /// As for [`Store::follow`].
    pub fn follow_at_once(&self) -> Result<Look> {
        let mut followed = Followed::default();
        let Some(_looking) = self.looking.try_lock() else { return Ok(Look::Later(followed)) };
        let Some(mut state) = Locked::try_new(&self.state) else { return Ok(Look::Later(followed)) };
        if state.agents.is_some() {
            let looked = self.look_at_once(state, LITTLE)?;
            return Ok(looked.map_or(Look::Later(followed), Look::Done));
        }
        if !self.options.read_only {
            let has_grown = state.logs.wal.standing(&*self.disk)? == Standing::Grew
                || state.logs.wal.contents().wants_reading()
                || state.has_late_lines(&*self.disk);
            return Ok(if has_grown { Look::Later(followed) } else { Look::Done(followed) });
        }
        if !state.following.follower.is_at(&self.manifest_text()?) {
            return Ok(Look::Later(followed));
        }
        let (standing, info) = state.logs.wal.look(&*self.disk)?;
        let len = info.map_or(0, |info| info.len);
        if standing == Standing::Replaced || len > state.logs.wal.len() + LITTLE {
            return Ok(Look::Later(followed));
        }
        // A deletion that was taken back takes a load of everything.
        if state.would_undelete(self)? {
            return Ok(Look::Later(followed));
        }
        if let Err(error) = self.advance(&mut state, None, &mut followed) {
            state.queue_for_tail(followed);
            return Err(error);
        }
        if followed.undeleted {
            state.queue_for_tail(followed);
            return Ok(Look::Later(Followed::default()));
        }
        Ok(Look::Done(followed))
    }
}
