//! Walks over a store's records as they are at one moment, in the store's order and in pieces.

use std::cmp::Ordering;
use std::io;
use std::ops::ControlFlow;

use crate::engine::{Cursor, Kept, Moment, Row};
use crate::error::Result;
use crate::json::string::compare_utf16;
use crate::query::id_key;
use crate::store::{State, Store};

/// A walk in the store's order.
pub struct Walk {
    moment: Moment,
    cursor: Cursor,
    ids_only: bool,
}

/// Which ids are wanted: from one on, up to one, with a beginning.
#[derive(Debug, Clone, Default)]
pub struct Range {
    /// What they begin with.
    pub prefix: Vec<u8>,
    /// The first one, and whether it is wanted itself.
    pub from: Option<(Vec<u8>, bool)>,
    /// The last one, and whether it is wanted itself.
    pub to: Option<(Vec<u8>, bool)>,
    /// Whether the last ones come first.
    pub reverse: bool,
    /// How many are wanted at most.
    pub limit: Option<usize>,
}

impl Walk {
    /// Begins a walk over the records of a moment.
    pub fn over(moment: Moment, ids_only: bool) -> Self {
        Self { moment, cursor: Cursor::Base(0), ids_only }
    }
}

impl Store {
    /// All records as they are now.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`: the head of a long log is replayed first, if it was not.
    pub fn moment(&self) -> Result<Moment> {
        Ok(self.lock_replayed()?.shown_moment())
    }

    /// Begins a walk over all records.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn walk(&self, ids_only: bool) -> Result<Walk> {
        Ok(Walk::over(self.moment()?, ids_only))
    }

    /// Appends the next pieces of a walk: `"id",value,` pairs until `out` holds `limit` bytes, or ids alone. A record without a
    /// value is `null,"id",`. Nothing is appended at the end.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn walk_on(&self, walk: &mut Walk, limit: usize, out: &mut Vec<u8>) -> Result<()> {
        let ids_only = walk.ids_only;
        let moment = walk.moment.clone();
        let start = out.len();
        let next = read_uncut(moment.kept(), || {
            out.truncate(start);
            moment.visit(walk.cursor, |row| {
                print(row, ids_only, out);
                if out.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        });
        walk.cursor = next.map_err(|source| self.read_failed(source))?;
        Ok(())
    }
}

/// Reads something of a moment, once more if an undo has cut lines off the log meanwhile.
pub(in crate::store) fn read_uncut<T>(kept: &Kept, mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        let cuts = kept.cuts();
        let read = read();
        if kept.cuts() == cuts {
            return read;
        }
    }
}

impl State {
    /// All records as they are now, for readers that do without the lock.
    pub(in crate::store) fn moment(&mut self) -> Moment {
        let kept = self.following.moments.begin(self.logs.wal.len());
        self.engine.moment(kept)
    }

    /// As [`State::moment`], what is set apart, and how many records that are; `None` if nothing is.
    pub(in crate::store) fn moment_apart(&mut self) -> Option<(Moment, usize)> {
        let kept = self.following.moments.begin(self.logs.wal.len());
        self.engine.moment_apart(kept)
    }
}

impl Range {
    /// Whether it leaves any record out.
    pub(in crate::store) fn is_bounded(&self) -> bool {
        !self.prefix.is_empty() || self.from.is_some() || self.to.is_some() || self.limit.is_some()
    }

    /// What comes first of two ids.
    pub(in crate::store) fn compare(&self, one: &[u8], other: &[u8]) -> Ordering {
        let order = compare_utf16(one, other);
        if self.reverse { order.reverse() } else { order }
    }

    /// Leaves out an id and all that come before it.
    pub(in crate::store) fn go_on_behind(&mut self, id: &[u8]) {
        let end = if self.reverse { &mut self.to } else { &mut self.from };
        *end = Some((id.into(), false));
    }

    pub(in crate::store) fn has(&self, id: &[u8]) -> bool {
        let is_behind = |(from, itself): &(Vec<u8>, bool)| match compare_utf16(id, from) {
            Ordering::Less => false,
            Ordering::Equal => *itself,
            Ordering::Greater => true,
        };
        let is_before = |(to, itself): &(Vec<u8>, bool)| match compare_utf16(id, to) {
            Ordering::Less => true,
            Ordering::Equal => *itself,
            Ordering::Greater => false,
        };
        self.begins(id) && self.from.as_ref().is_none_or(is_behind) && self.to.as_ref().is_none_or(is_before)
    }
}

impl Range {
    fn begins(&self, id: &[u8]) -> bool {
        // NOTE: the prefix may end within a character that takes two code units.
        let is_cut = matches!(self.prefix.last_chunk(), Some([0xed, 0xa0..=0xaf, _]));
        id.starts_with(&self.prefix) || is_cut && id_key(id).starts_with(&id_key(&self.prefix))
    }
}

/// Appends a row of a walk: `"id",value,`, or the id alone.
pub(super) fn print(row: &Row<'_>, ids_only: bool, out: &mut Vec<u8>) {
    if ids_only {
        row.print_id(out);
    } else {
        row.print_pair(out);
    }
    out.push(b',');
}
