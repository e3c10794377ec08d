//! What a backup of a log learns of its writer. The writer keeps it up to date under the lock of its store;
//! who reads it must hold that lock as well, or know that the writer is gone.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::disk::DiskFile;

/// What is known of a log.
#[derive(Clone)]
pub struct Extent {
    /// The file, if it exists.
    pub file: Option<Arc<dyn DiskFile>>,
    /// Its length.
    pub len: u64,
    /// Up to here nothing was cut off or overwritten since this was last set to `u64::MAX`.
    pub intact: u64,
}

/// The reader's end.
pub type Watch = Arc<Mutex<Extent>>;

/// The writer's end.
#[derive(Default)]
pub(super) struct Watchers(Vec<Weak<Mutex<Extent>>>);

impl Watchers {
    pub(super) fn add(&mut self, extent: Extent) -> Watch {
        let watch = Arc::new(Mutex::new(extent));
        self.0.retain(|watcher| watcher.strong_count() > 0);
        self.0.push(Arc::downgrade(&watch));
        watch
    }

    /// Passes on that the log has this length now, and what it held from `changed_from` on is not what it was.
    pub(super) fn tell(&self, file: Option<&Arc<dyn DiskFile>>, len: u64, changed_from: u64) {
        for watch in self.0.iter().filter_map(Weak::upgrade) {
            let mut extent = watch.lock();
            extent.file = file.cloned();
            extent.len = len;
            extent.intact = extent.intact.min(changed_from);
        }
    }
}
