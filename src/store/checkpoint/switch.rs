//! The switch from the log in force to the next one, while a checkpoint is under way: late operations go to both. Invariant:
//! from the moment at which a manifest may name the next log, an operation is in both logs or fails.

use std::sync::Arc;

use crate::disk::DiskFile;
use crate::error::{Error, Result};
use crate::format::operation::Marks;
use crate::store::Store;
use crate::wal::{Unsynced, Writer};

/// The next log, if a checkpoint has one by now.
#[derive(Default)]
pub(in crate::store) struct Switch {
    next: Option<NextLog>,
    /// Why the next log was given up, for the checkpoint that finds it gone.
    lost: Option<Error>,
}

/// The next log.
pub(in crate::store) struct NextLog {
    writer: Writer,
    /// Where each operation since the freeze begins in it.
    offsets: Vec<u64>,
    /// From here on the manifest may name it: an append that fails there must fail.
    publishing: bool,
}

impl Switch {
    /// Late operations go to this log too from now on.
    pub(in crate::store) fn begin(&mut self, writer: Writer) {
        self.next = Some(NextLog { writer, offsets: Vec::new(), publishing: false });
        self.lost = None;
    }

    /// The next log.
    pub(in crate::store) fn next(&mut self) -> Option<&mut NextLog> {
        self.next.as_mut()
    }

    /// The marks that the next line of the next log gets.
    pub(in crate::store) fn marks(&self) -> Option<Marks<'_>> {
        self.next.as_ref().map(|next| next.writer.marks())
    }

    /// Whether late operations go to a next log.
    pub(in crate::store) fn is_under_way(&self) -> bool {
        self.next.is_some()
    }

    /// Whether a manifest may name the next log.
    pub(in crate::store) fn is_publishing(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.publishing)
    }

    /// From now on, what is logged must be in both logs. `None` if the next one was given up.
    pub(in crate::store) fn publish(&mut self) -> Option<&mut NextLog> {
        let next = self.next.as_mut()?;
        next.publishing = true;
        Some(next)
    }

    /// No manifest names the next log yet: it may still be given up.
    pub(in crate::store) fn unpublish(&mut self) {
        if let Some(next) = &mut self.next {
            next.publishing = false;
        }
    }

    /// What is to be synced of a log that a manifest may name.
    pub(in crate::store) fn take_unsynced(&mut self) -> Option<Unsynced> {
        self.next.as_mut().filter(|next| next.publishing)?.writer.take_unsynced()
    }

    /// Goes on without the next log. The checkpoint under way finds that, and fails with this error if no other call does.
    pub(in crate::store) fn give_up(&mut self, store: &Store, error: Option<Error>) {
        if let Some(next) = self.next.take() {
            self.lost = error;
            let _ = store.disk.unlink(next.writer.path());
        }
    }

    /// Why the next log was given up, if it was and no call was told.
    pub(in crate::store) fn take_loss(&mut self) -> Option<Error> {
        self.lost.take()
    }

    /// The next log takes the place of the one in force, or is left to the checkpoint that created it.
    pub(in crate::store) fn end(&mut self) -> Option<NextLog> {
        self.next.take()
    }
}

impl NextLog {
    /// The log itself.
    pub(in crate::store) fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }

    /// Its log, and where each operation since the freeze stands in it: offset and length.
    pub(in crate::store) fn into_parts(self) -> (Writer, Vec<(u64, usize)>) {
        let ends = self.offsets.iter().skip(1).copied().chain([self.writer.len()]);
        let places =
            self.offsets.iter().zip(ends).map(|(&offset, end)| (offset, (end - offset - 1) as usize));
        let places = places.collect();
        (self.writer, places)
    }

    /// Appends lines, which begin at these offsets of the bytes.
    pub(in crate::store) fn append(&mut self, store: &Store, bytes: &[u8], starts: &[u64]) -> Result<()> {
        let at = self.writer.append(&*store.disk, bytes)?;
        self.offsets.extend(starts.iter().map(|start| at + start));
        Ok(())
    }

    /// How many operations since the freeze are in it.
    pub(in crate::store) fn count(&self) -> usize {
        self.offsets.len()
    }

    /// Cuts it back to so many operations.
    pub(in crate::store) fn cut_to(&mut self, count: usize) -> Result<()> {
        let Some(&offset) = self.offsets.get(count) else { return Ok(()) };
        if !self.writer.cut(offset)? {
            return Err(Error::Failed("another process appended to the next log of this store".into()));
        }
        self.offsets.truncate(count);
        Ok(())
    }

    /// The line before the last one, with its file, and where it begins and ends.
    pub(in crate::store) fn line_before_last(&self) -> Option<(&Arc<dyn DiskFile>, u64, u64)> {
        let &[before, last] = self.offsets.last_chunk()?;
        Some((self.writer.file()?, before, last))
    }
}
