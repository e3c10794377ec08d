//! The schema versions of the values in all logs of a folder, those that the manifest names no more as well: the mark of a line
//! says so; else the manifest, for that log or for one that is not older; else the snapshot.

use crate::format::manifest::Manifest;
use crate::history::Change;
use crate::layout;

/// The schema versions of logs.
#[derive(Default)]
pub(super) struct LogVersions {
    /// By agent and time in the name of the log. Older logs that are not named have the version of the first that is not older.
    former: Vec<(String, u64, u32)>,
    /// Only of these logs.
    named: Vec<(String, u64, u32)>,
    pub(super) snapshot: u32,
}

impl LogVersions {
    /// What a manifest says, beside a snapshot of this version.
    pub(super) fn new(manifest: &Manifest, snapshot: u32) -> Self {
        let parts = |list: &[(String, u32)]| {
            let part = |(path, version): &(String, u32)| {
                let agent = layout::agent_of(path).unwrap_or_default().to_owned();
                Some((agent, layout::time_of(path)?, *version))
            };
            list.iter().filter_map(part).collect()
        };
        Self { former: parts(&manifest.former_versions), named: parts(&manifest.log_versions), snapshot }
    }

    /// The version of the value that an operation gives its record, and of the one before.
    pub(super) fn of(&self, change: &Change<'_>) -> u32 {
        if let Some(version) = change.line.version {
            return version;
        }
        let agent = change.line.agent.as_deref().unwrap_or_default();
        let lists = self.former.iter().chain(&self.named);
        let exact = lists.filter(|(by, ms, _)| *ms == change.ms && by.as_bytes() == agent);
        exact.map(|(.., version)| *version).next().unwrap_or_else(|| self.since(change.ms))
    }

    /// The version of what was stored right behind the logs up to a time.
    pub(super) fn behind(&self, ms: u64) -> u32 {
        self.since(ms.saturating_add(1))
    }

    fn since(&self, ms: u64) -> u32 {
        let later = self.former.iter().find(|(_, until, _)| *until >= ms);
        later.map_or(self.snapshot, |(.., version)| *version)
    }
}
