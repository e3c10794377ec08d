//! Writing the next snapshot, and what that shows of the one before: an index may not fit its snapshot where no lookup
//! came upon it, and then there are more records, or fewer, than were counted.

use std::sync::Arc;

use crate::engine::View;
use crate::error::{Error, Result};
use crate::layout;
use crate::snapshot::{self, Indexing, Written};
use crate::store::Store;

impl Store {
    /// Writes the records of a view as a snapshot. When they are not as many as was said, though every line of the
    /// `current` one is a record, its index goes: the next to open the store makes another.
    ///
    /// # Errors
    /// As for [`snapshot::write`].
    pub(in crate::store) fn write_view(
        &self,
        view: &View,
        relative: &str,
        current: &str,
        (version, now_ms): (u32, i64),
    ) -> Result<Written> {
        self.keep_order(current);
        let (path, indexing) = (layout::at(&self.root, relative), self.indexing(relative));
        let written = snapshot::write(&*self.disk, &path, &indexing, view, version, now_ms);
        if let Ok(written) = &written {
            self.write_trees(&written.base, written.bytes, relative);
        }
        written.inspect_err(|error| {
            if matches!(error, Error::Corrupt { .. }) {
                self.forget_index_unless_damaged(current);
            }
        })
    }

    fn forget_index_unless_damaged(&self, current: &str) {
        let without = Indexing {
            from_bytes: u64::MAX,
            write: false,
            progress: Arc::default(),
            ..self.indexing(current)
        };
        let loaded = snapshot::load(&*self.disk, &layout::at(&self.root, current), &without);
        // NOTE: a damaged snapshot opens by its index alone.
        if loaded.is_ok() {
            let _ = self.disk.unlink(&without.path);
        }
    }
}
