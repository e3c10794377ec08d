//! Deleting history.

use std::sync::Arc;

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use super::maintenance::NativeProgress;
use super::store::NativeStore;
use super::tasks::Work;
use crate::retention::Limits;
use crate::store::Prune;

/// What is to be pruned, and how.
#[napi(object)]
pub struct NativePrune {
    /// Logs go whose last operation is older than this time, in ISO 8601.
    pub before: Option<String>,
    /// The newest logs stay that have so many bytes together.
    pub keep_bytes: Option<f64>,
    /// The logs stay that this many checkpoints have sealed.
    pub checkpoints: Option<f64>,
    /// Superseded snapshots and leftovers of dead processes go as well.
    pub with_snapshots: bool,
    /// Nothing is deleted.
    pub dry_run: bool,
    /// Another agent's compaction is not waited for.
    pub at_once: bool,
    /// Milliseconds since the epoch.
    pub now: f64,
}

impl NativePrune {
    /// What stays.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            before: self.before.clone(),
            keep_bytes: self.keep_bytes.map(|bytes| bytes as u64),
            checkpoints: self.checkpoints.map(|count| count as u64),
        }
    }
}

#[napi]
impl NativeStore {
    /// Deletes history that is beyond the limits. Returns how many files and bytes; `null` while a checkpoint is under way.
    #[napi]
    pub fn prune(&self, options: NativePrune, progress: &NativeProgress) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        let prune = Prune {
            limits: options.limits(),
            with_snapshots: options.with_snapshots,
            dry_run: options.dry_run,
            at_once: options.at_once,
            now_ms: options.now as i64,
            progress: Arc::clone(&progress.progress),
        };
        AsyncTask::new(Work::new(
            move || store.prune(&prune),
            |pruned| pruned.map(|pruned| vec![pruned.files as f64, pruned.bytes as f64]),
        ))
    }
}
