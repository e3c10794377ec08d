//! A folder that goes from a single writer to agents, or back, under a reader. Which of the two it is, is a fact of the
//! manifest: every look reads it. The state is loaded anew; what was logged in between is told all the same.

use crate::error::Result;
use crate::format::manifest::Manifest;
use crate::layout;
use crate::store::locked::Locked;
use crate::store::open::{Report, load};
use crate::store::{Followed, Store};

impl Store {
    /// Goes on as a reader of agents.
    pub(in crate::store) fn turn_to_agents(
        &self,
        mut state: Locked<'_>,
        (manifest, text): (Manifest, Vec<u8>),
        followed: &mut Followed,
    ) -> Result<()> {
        let is_put_back = self.is_put_back(&mut state, &manifest)?;
        let mut passed = Vec::new();
        if !is_put_back {
            self.finish_single_writer(&mut state, &manifest, followed)?;
            let since = layout::milliseconds(state.logs.wal.relative()).unwrap_or(0);
            passed = self.passed_since(since, &state.manifest, &manifest)?;
        }
        let loaded = self.load_agents(&state, &manifest)?;
        state.leave_whole_log();
        state.following.tail_queue.extend(passed);
        state.keep_showing();
        self.go_over_to_agents(&mut state, loaded, &manifest, is_put_back)?;
        state.manifest = manifest;
        state.following.follower.read(text);
        state.following.follower.reloaded();
        followed.reloaded = true;
        state.tell_home(followed);
        Ok(())
    }

    /// Reads what a single writer logged before agents came.
    fn finish_single_writer(
        &self,
        state: &mut Locked<'_>,
        manifest: &Manifest,
        followed: &mut Followed,
    ) -> Result<()> {
        state.rewind(followed)?;
        let (links, end) = match self.links(state, manifest)? {
            // The last of them leads to an agent's log.
            Some(mut links) => {
                let end = links.pop().map(|link| link.end);
                (links, end)
            }
            None => (self.links_ahead(state, manifest)?, None),
        };
        self.go_along(state, links, followed)?;
        self.advance(state, end, followed)
    }

    /// Goes on as a reader of a single writer's folder.
    pub(in crate::store) fn turn_to_single(
        &self,
        (manifest, text): (Manifest, Vec<u8>),
        followed: &mut Followed,
    ) -> Result<()> {
        let mut state = self.lock();
        let is_put_back = state.is_folder_put_back(self, &manifest)?;
        let since = state.newest_agent_log();
        let known = state.manifest.clone();
        drop(state);
        let passed = if is_put_back { Vec::new() } else { self.passed_since(since, &known, &manifest)? };
        let loaded = load(self, &manifest, &mut Report::default())?;
        let mut state = self.lock();
        state.leave_agents(self, is_put_back)?;
        state.following.tail_queue.extend(passed);
        if is_put_back {
            state.following.tail_queue.put_back(&[&manifest.active_ops]);
        }
        state.go_over_to_loaded(self, loaded, is_put_back)?;
        state.checkpoints.departures.set(manifest.departures);
        state.manifest = manifest;
        state.following.follower.read(text);
        state.take_log_version();
        followed.reloaded = true;
        state.tell_home(followed);
        if self.options.skip_load { self.advance(&mut state, None, followed) } else { Ok(()) }
    }
}
