//! The current snapshot: an immutable file and an index over its lines. Records are read by `read_at`, never mapped.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::index::{Hash, LineIndex, Lines, Paged, Table};
use super::text::Text;
use crate::damage::Damage;
use crate::disk::{DiskFile, read_exact_at};
use crate::format::index::Slot;
use crate::format::snapshot::{Record, parse_record};

/// What is wrong with a line that was damaged.
const NO_RECORD: &str = "this line of the snapshot is no record";

/// An immutable, indexed sequence of record lines.
pub struct Base {
    /// `None` without records.
    lines: Option<LineIndex>,
    /// Whether a line holds nothing but id and value, so that it can be taken apart without looking into the value.
    is_plain: bool,
}

impl Base {
    /// A base without records.
    pub fn empty() -> Self {
        Self { lines: None, is_plain: true }
    }

    /// A base whose index lies in a file.
    pub fn paged(file: Arc<dyn DiskFile>, path: &Path, paged: Paged) -> Self {
        let from = paged.second();
        let lines = LineIndex::paged(file, path.into(), paged, from).read_ahead();
        Self { lines: Some(lines), is_plain: true }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.lines.as_ref().map_or(0, LineIndex::records)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether each line is as [`split_record`](crate::format::snapshot::split_record) takes it.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Looks a record up; costs one `pread` when the hash is there, and one more when the index lies in a file.
    ///
    /// # Errors
    /// Those of reading; `InvalidData` when the line is no record any more.
    pub fn find(&self, id: &[u8]) -> io::Result<Option<Text>> {
        self.find_with(id, &mut |_| {})
    }

    /// As [`Base::find`]; `take` gets the value's text, which was read on the way.
    ///
    /// # Errors
    /// As for [`Base::find`].
    pub fn find_with(&self, id: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<Option<Text>> {
        let Some(lines) = &self.lines else { return Ok(None) };
        let mut found = None;
        lines.visit(id, record_id, |slot, line| {
            let record = parse_record(line).map_err(|_| lines.damaged(slot.offset, NO_RECORD))?;
            let is_it = *record.id == *id;
            if is_it {
                take(line.get(record.data.clone()).unwrap_or_default());
                let text = Text::at(lines.file(), slot.offset, line.len());
                found = Some(text.slice(record.data));
            }
            Ok(is_it)
        })?;
        Ok(found)
    }

    /// A cursor that reads the lines from a place on, in order and in large blocks. The first place is 0, others
    /// are what [`Lines::place`] said.
    pub fn lines(&self, from: u64) -> Lines<'_> {
        Lines::new(self.lines.as_ref(), from)
    }

    /// Takes the line of a record apart.
    ///
    /// # Errors
    /// `InvalidData`, with file and place.
    pub fn record<'l>(&self, offset: u64, line: &'l [u8]) -> io::Result<Record<'l>> {
        parse_record(line).map_err(|_| match &self.lines {
            Some(lines) => lines.damaged(offset, NO_RECORD),
            None => io::ErrorKind::InvalidData.into(),
        })
    }

    /// The file that the lines are in, if there are any.
    pub fn file(&self) -> Option<&Arc<dyn DiskFile>> {
        self.lines.as_ref().map(LineIndex::file)
    }

    /// Where the lines are, in order, and the hash by which they are found, if the index is in memory.
    pub fn slots(&self) -> Option<(Hash, &[Slot])> {
        self.lines.as_ref()?.slots()
    }

    /// Where the first line begins that is no record; `None` if there is none.
    ///
    /// # Errors
    /// Those of reading.
    pub fn first_damaged(&self) -> io::Result<Option<u64>> {
        let mut lines = self.lines(0);
        while let Some((offset, line)) = lines.next_line()? {
            if parse_record(line).is_err() {
                return Ok(Some(offset));
            }
        }
        Ok(None)
    }
}

fn record_id(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    parse_record(line).ok().map(|record| record.id)
}

/// Builds the index of a [`Base`], record by record.
pub struct Builder {
    file: Arc<dyn DiskFile>,
    path: Arc<Path>,
    hash: Hash,
    slots: Vec<Slot>,
}

impl Builder {
    /// Begins an index over a file that is being read or written.
    pub fn new(file: Arc<dyn DiskFile>, path: &Path) -> Self {
        Self { file, path: path.into(), hash: Hash::random(), slots: Vec::new() }
    }

    /// Adds the line of a record.
    pub fn push(&mut self, id: &[u8], offset: u64, len: usize) {
        self.slots.push(Slot { offset, len: len as u32, tag: self.hash.tag(id) });
    }

    /// Where the lines are that were added.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The hash by which they are found.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The finished index, when no id was there twice.
    pub fn finish(self) -> Base {
        let Self { file, path, hash, slots } = self;
        let lines = LineIndex::held(file, path, hash, Table::new(slots)).read_ahead();
        Base { lines: Some(lines), is_plain: true }
    }

    /// The finished index, when ids may be there several times: then the last line takes the place of the
    /// first, as in a `Map`. Also says whether that happened. `is_plain`: see [`Base::is_plain`].
    ///
    /// # Errors
    /// Those of reading lines with the same hash.
    pub fn finish_checked(self, is_plain: bool) -> io::Result<(Base, bool)> {
        let Self { file, path, hash, slots } = self;
        let same_id = |one: &Slot, other: &Slot| -> io::Result<bool> {
            let lines = [one, other].map(|slot| read_exact_at(&*file, slot.offset, slot.len as usize));
            let [one_line, other_line] = lines;
            let (one_line, other_line) = (one_line?, other_line?);
            let unreadable = |slot: &Slot| Damage::error(&path, slot.offset, NO_RECORD);
            let id = parse_record(&one_line).map_err(|_| unreadable(one))?.id;
            Ok(id == parse_record(&other_line).map_err(|_| unreadable(other))?.id)
        };
        let count = slots.len();
        let table = Table::checked(slots, same_id)?;
        let had_twice = table.slots().len() < count;
        let lines = LineIndex::held(file, path, hash, table).read_ahead();
        Ok((Base { lines: Some(lines), is_plain }, had_twice))
    }
}
