//! The first part of a long log, by its index file: what it says of a record costs two reads, and nothing is
//! replayed. Immutable; once a caller needs more than lookups, the store replays it and lets go of this.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::index::{LineIndex, Paged};
use super::text::Text;
use crate::disk::DiskFile;
use crate::format::operation::parse_line;

/// An indexed part of a log, from its beginning on.
pub struct LogHead {
    lines: LineIndex,
    end: u64,
    operations: usize,
    cuts: u64,
}

impl LogHead {
    /// The part of a log that an index file speaks of.
    pub fn new(log: Arc<dyn DiskFile>, path: &Path, paged: Paged) -> Self {
        let (end, operations, cuts) = paged.log();
        Self { lines: LineIndex::paged(log, path.into(), paged, 0), end, operations, cuts }
    }

    /// The log.
    pub fn file(&self) -> &Arc<dyn DiskFile> {
        self.lines.file()
    }

    /// Where it ends, in bytes.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Number of operations.
    pub fn operations(&self) -> usize {
        self.operations
    }

    /// How often the log was cut.
    pub fn cuts(&self) -> u64 {
        self.cuts
    }

    /// Number of records in the store, once the operations are applied.
    pub fn records(&self) -> usize {
        self.lines.records()
    }

    /// What the last operation on a record made of it: a value, or none. `None` if there is no operation on it.
    ///
    /// # Errors
    /// Those of reading; `InvalidData` when the line is no operation any more.
    pub fn find(&self, id: &[u8]) -> io::Result<Option<Option<Text>>> {
        self.find_with(id, &mut |_| {})
    }

    /// As [`LogHead::find`]; `take` gets the text of each value that may be the one, the last one being it.
    ///
    /// # Errors
    /// As for [`LogHead::find`].
    pub fn find_with(&self, id: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<Option<Option<Text>>> {
        let mut last = None;
        let mut found = None;
        self.lines.visit(id, operation_id, |slot, line| {
            let operation = parse_line(line)
                .map_err(|_| self.lines.damaged(slot.offset, "this line of the log is no operation"))?;
            let is_it = *operation.id == *id;
            if is_it && last.is_none_or(|last| last < slot.offset) {
                last = Some(slot.offset);
                let text = Text::at(self.lines.file(), slot.offset, line.len());
                found = Some(operation.data.map(|data| {
                    take(line.get(data.clone()).unwrap_or_default());
                    text.part(data, line)
                }));
            }
            Ok(is_it)
        })?;
        Ok(found)
    }
}

fn operation_id(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    parse_line(line).ok().map(|operation| operation.id)
}
