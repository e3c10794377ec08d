//! Which agent a store is, and the lock that says so.

use std::sync::Arc;

use crate::disk::DiskFile;
use crate::layout;

/// The lock that says that an agent has the folder open. A process that is being started may hold a copy of its file for a
/// moment, so that the lock is given up, and not only the file closed.
struct Presence(Arc<dyn DiskFile>);

impl Drop for Presence {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// An agent, present in the folder as long as this is held; or a reader, which is none.
#[derive(Clone)]
pub(super) struct Identity {
    agent: Option<Arc<[u8]>>,
    _presence: Option<Arc<Presence>>,
}

impl Identity {
    pub(super) fn reader() -> Self {
        Self { agent: None, _presence: None }
    }

    pub(super) fn agent(agent: &str, held: Arc<dyn DiskFile>) -> Self {
        Self { agent: Some(agent.as_bytes().into()), _presence: Some(Arc::new(Presence(held))) }
    }

    pub(super) fn id(&self) -> Option<&Arc<[u8]>> {
        self.agent.as_ref()
    }

    pub(super) fn is_agent(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether a log is this agent's.
    pub(super) fn owns(&self, relative: &str) -> bool {
        self.agent.as_deref().is_some_and(|agent| layout::is_log_of(relative, agent))
    }
}
