//! What the thread that has a store shows while another one changes its memory: the state as it was before, until that thread
//! hears of the change by [`Store::take_foreign`]. So all reads between two moments at which it takes changes over are of one
//! state. Invariant: what another thread changed is in [`State::foreign`] before it gives the lock up.

use std::borrow::Cow;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use super::known::{ReadLines, StoodLog};
use super::{Followed, State, Store};
use crate::engine::{Engine, Id, Kept, Moment, Nearby};
use crate::error::Result;
use crate::history::position_behind;

/// The thread that has a store, and what it shows.
#[derive(Default)]
pub(super) struct Home {
    /// `None` where no other thread works for it.
    thread: Option<ThreadId>,
    shown: Option<Shown>,
    /// The thread has changed something over the head of what it showed, and is to hear of all changes.
    is_untold: bool,
}

/// The state as it was.
struct Shown {
    engine: Engine,
    hidden: usize,
    kept: Arc<Kept>,
    behind: Behind,
}

/// Behind which places of logs a state stands, and whether they are those of agents.
#[derive(Clone)]
pub(in crate::store) struct Behind {
    pub(in crate::store) logs: Vec<StoodLog>,
    pub(in crate::store) is_of_agents: bool,
}

impl Home {
    fn is_elsewhere(&self) -> bool {
        self.thread.is_some_and(|thread| thread != thread::current().id())
    }

    /// Whether there is something that its thread has not heard of.
    pub(super) fn is_untold(&self) -> bool {
        self.is_untold || self.shown.is_some()
    }
}

impl Store {
    /// The thread that calls has the store from now on.
    pub fn settle_here(&self) {
        self.lock().home.thread = Some(thread::current().id());
    }

    /// What other hands wrote that a write of ours or another thread came upon, for the facade's cache. From now on that shows.
    pub fn take_foreign(&self) -> Vec<Followed> {
        let mut state = self.lock();
        state.home.is_untold = false;
        let shown = state.home.shown.take();
        let foreign = state.following.take_foreign(0);
        drop(state);
        // NOTE: it may be large, and others want the lock.
        drop(shown);
        foreign
    }

    /// The position behind the last operation that the store shows. What is buffered must have been flushed before.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn position(&self) -> Result<String> {
        let state = self.lock();
        let Behind { logs, is_of_agents } = state.shown_behind().into_owned();
        drop(state);
        let logs: Vec<_> = logs.into_iter().map(|log| (log.relative, log.end)).collect();
        position_behind(&*self.disk, &self.root, &logs, is_of_agents)
    }
}

impl State {
    /// The records are about to change. Where another thread than the store's own does that, the latter goes on showing them as they are.
    pub(super) fn keep_showing(&mut self) {
        if let Some(behind) = self.behind_if_shown() {
            self.keep_showing_from(behind);
        }
    }

    /// As [`State::keep_showing`], where it was noted before behind which places the state stands.
    pub(super) fn keep_showing_from(&mut self, behind: Behind) {
        if !self.is_to_be_shown_on() {
            return;
        }
        let kept = self.following.moments.begin(self.logs.wal.len());
        let (engine, hidden) = (self.engine.as_it_is(Arc::clone(&kept)), self.hidden_operations());
        self.home.shown = Some(Shown { engine, hidden, kept, behind });
    }

    /// The records have changed, on this thread or another one: the store's own hears of it when it asks, in the order of the changes.
    pub(super) fn tell_home(&mut self, followed: &mut Followed) {
        if self.home.thread.is_some() {
            let (outdated, undeleted) = (followed.outdated, followed.undeleted);
            if !followed.is_empty() {
                self.following.came_upon(std::mem::take(followed));
            }
            (followed.outdated, followed.undeleted) = (outdated, undeleted);
        }
    }

    /// As [`State::tell_home`], of records that another thread changed in any way: its own changes the store's thread knows.
    pub(super) fn tell_home_of(&mut self, ids: &[Id]) {
        if !self.home.is_elsewhere() {
            return;
        }
        let changed = ids.iter().map(Arc::clone).collect();
        self.tell_home(&mut Followed { changed, undone: 1, reordered: true, ..Followed::default() });
    }

    /// The store's own thread changes something: what it showed is not what it shows from now on.
    pub(super) fn show_all(&mut self) {
        // NOTE: in this order: to ask which thread this is costs more.
        if self.home.shown.is_some() && !self.home.is_elsewhere() {
            self.home.shown = None;
            self.home.is_untold = true;
        }
    }

    /// What is shown.
    pub(super) fn shown_engine(&self) -> &Engine {
        self.home.shown.as_ref().map_or(&self.engine, |shown| &shown.engine)
    }

    /// Whether the state is shown that is in force.
    pub(super) fn shows_all(&self) -> bool {
        self.home.shown.is_none()
    }

    /// How many of the operations that are shown belong to a checkpoint.
    pub(super) fn shown_hidden(&self) -> usize {
        self.home.shown.as_ref().map_or_else(|| self.hidden_operations(), |shown| shown.hidden)
    }

    /// All records as they are shown now, for readers that do without the lock.
    pub(super) fn shown_moment(&mut self) -> Moment {
        match &self.home.shown {
            Some(shown) => shown.engine.moment(Arc::clone(&shown.kept)),
            None => self.moment(),
        }
    }

    /// Reads texts of what is shown, if that is not what is in force.
    pub(super) fn shown_texts(&self) -> Option<Nearby> {
        self.home.shown.as_ref().map(|shown| Nearby::of(&shown.kept))
    }

    /// What was cut off a log since the state that is shown, if that is not the one in force.
    pub(super) fn shown_kept(&self) -> Option<&Arc<Kept>> {
        self.home.shown.as_ref().map(|shown| &shown.kept)
    }

    /// Whether another thread is about to change what the store's own goes on showing.
    fn is_to_be_shown_on(&self) -> bool {
        // NOTE: no copy can be made of records that are found by the index of a log that was not replayed.
        self.home.is_elsewhere() && self.home.shown.is_none() && self.engine.head().is_none()
    }

    /// As [`State::behind`]; `None` where no state would be kept that is shown.
    pub(super) fn behind_if_shown(&self) -> Option<Behind> {
        self.is_to_be_shown_on().then(|| self.behind())
    }

    /// Behind which places of logs it stands.
    pub(super) fn behind(&self) -> Behind {
        let (relative, end) = (self.logs.wal.relative().to_owned(), self.logs.wal.len());
        if let Some(agents) = &self.agents {
            return Behind { logs: agents.stood_logs(relative, end), is_of_agents: true };
        }
        let is_read = self.following.seen.lines.len() == self.engine.operations().len();
        let log = match is_read {
            true => StoodLog::read(
                relative,
                end,
                None,
                ReadLines::OfWriter(self.following.seen.lines.last_lines()),
            ),
            false => StoodLog::written(relative, end, None),
        };
        Behind { logs: vec![log], is_of_agents: false }
    }

    /// Behind which places of logs the state stands that is shown.
    pub(super) fn shown_behind(&self) -> Cow<'_, Behind> {
        self.home
            .shown
            .as_ref()
            .map_or_else(|| Cow::Owned(self.behind()), |shown| Cow::Borrowed(&shown.behind))
    }
}
