//! Which lines of a log, read forward, belong to one batch. A batch whose last line is missing ends before the next line that is of
//! no batch: a crash has cut it, and a process that knows of no batches has gone on.

use crate::format::operation::BatchMark;

/// Where the batch that is being read begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenBatch<T>(pub(super) Option<T>);

impl<T: Copy> OpenBatch<T> {
    /// Whether a line with this mark is one more of the batch.
    pub(super) fn goes_on(&self, mark: Option<BatchMark>) -> bool {
        self.0.is_some() && mark.is_some()
    }

    /// Goes behind a line. Returns where its batch begins.
    pub(super) fn pass(&mut self, mark: Option<BatchMark>, at: T) -> Option<T> {
        let begun = self.0.take();
        match mark {
            Some(BatchMark::More) => {
                self.0 = begun.or(Some(at));
                self.0
            }
            Some(BatchMark::Last) => begun,
            None => None,
        }
    }
}
