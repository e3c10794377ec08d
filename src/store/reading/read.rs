//! Reading: records, operations, counts. Texts leave as JSON, for V8 to parse.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;

use super::piece::Piece;
use crate::engine::text::is_displaced;
use crate::engine::{Cursor, Engine, Nearby, Text};
use crate::error::{Error, Result};
use crate::format::operation::public_text_into;
use crate::json::array::elements;
use crate::json::number::push_integer;
use crate::json::string::unescape;
use crate::json::string_body;
use crate::store::{Rejected, State, Store};

/// Where a scan goes on, and the epoch in which that means something.
pub type Place = (Cursor, u64);

/// Numbers for `stats()` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Records.
    pub records: usize,
    /// Operations since the last checkpoint began.
    pub operations: usize,
}

impl Store {
    /// A record's JSON text; empty for a record without a value.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn get(&self, id: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        Ok(self.get_into(id, &mut out)?.then_some(out))
    }

    /// As [`Store::get`], appending to a buffer. Returns whether there is a record.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn get_into(&self, id: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let mut state = self.lock();
        self.reading(&mut state, |state| state.get_into(id, out))
    }

    /// Values of records, of which `ids` is a JSON list, in its order, until they are `limit` bytes long: a JSON list of the list of values, of
    /// the numbers of those that stand for no value, and of the numbers of those that stand for no record.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn values_of(&self, ids: &[u8], limit: usize) -> Result<Vec<u8>> {
        let ids = elements(ids).unwrap_or_default();
        let mut state = self.lock();
        self.reading(&mut state, |state| state.values_of(&ids, limit))
    }

    /// Whether there is a record.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn has(&self, id: &[u8]) -> Result<bool> {
        let found = self.lock().shown_engine().get(id).map_err(|source| self.read_failed(source))?;
        Ok(found.is_some())
    }

    /// How much there is.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        let engine = state.shown_engine();
        Counts { records: engine.count(), operations: State::shown_of(engine, 0, state.shown_hidden()) }
    }

    /// Appends `"id",value,` pairs in order until `out` holds `limit` bytes; says where to go on. `None` if what
    /// lies under the cursor has changed since the given epoch: begin again.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn scan(&self, from: Place, limit: usize, out: &mut Vec<u8>) -> Result<Option<Place>> {
        let start = out.len();
        self.scan_with(from, |engine, cursor| {
            out.truncate(start);
            engine.scan(cursor, limit, out)
        })
    }

    /// As [`Store::scan`], to a piece.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn scan_piece(&self, from: Place, limit: usize, piece: &mut Piece) -> Result<Option<Place>> {
        self.scan_with(from, |engine, cursor| {
            piece.clear();
            engine.visit(cursor, &mut |row| {
                piece.add(row);
                if piece.size() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        })
    }

    /// As [`Store::scan`], the ids alone: `"id",`.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn scan_ids(&self, from: Place, limit: usize, out: &mut Vec<u8>) -> Result<Option<Place>> {
        let start = out.len();
        self.scan_with(from, |engine, cursor| {
            out.truncate(start);
            engine.scan_ids(cursor, limit, out)
        })
    }

    fn scan_with(
        &self,
        (cursor, epoch): Place,
        mut scan: impl FnMut(&Engine, Cursor) -> io::Result<Cursor>,
    ) -> Result<Option<Place>> {
        let mut state = self.lock_replayed()?;
        self.reading(&mut state, |state| {
            let engine = state.shown_engine();
            let now = engine.epoch();
            if cursor != Cursor::Base(0) && epoch != now {
                return Ok(None);
            }
            Ok(Some((scan(engine, cursor)?, now)))
        })
    }

    /// Reads, once more if a value is not where it was written.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(in crate::store) fn reading<T>(
        &self,
        state: &mut State,
        mut read: impl FnMut(&State) -> io::Result<T>,
    ) -> Result<T> {
        for is_last in [false, true] {
            match read(state) {
                Err(error) if is_displaced(&error) => self.find_displaced(state, error, is_last)?,
                read => return read.map_err(|source| self.read_failed(source)),
            }
        }
        read(state).map_err(|source| self.read_failed(source))
    }

    /// Looks for a record of the snapshot that was damaged since it was written.
    ///
    /// # Errors
    /// `OPSLOG_CORRUPT`, `OPSLOG_IO`.
    pub fn check_snapshot(&self) -> Result<()> {
        let (base, path) = {
            let state = self.lock();
            (state.engine.base(), self.path(&state.manifest.current_snapshot))
        };
        match base.first_damaged().map_err(|source| Error::io("read", &path, source))? {
            Some(offset) => Err(Error::corrupt(&path, offset, "this line of the snapshot is no record")),
            None => Ok(()),
        }
    }

    /// Changes whenever the operations that are shown change in any other way than at their end.
    pub fn history(&self) -> u64 {
        self.lock().shown_engine().history()
    }

    /// Appends operations, from the given one of those shown on, as comma-separated JSON until `out` holds
    /// `limit` bytes; says which comes next.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT` when a line changed underneath.
    pub fn operations(&self, from: usize, limit: usize, out: &mut Vec<u8>) -> Result<usize> {
        let mut state = self.lock_replayed()?;
        if state.lock.is_some() && from == 0 && state.shows_all() {
            self.check_length(&mut state).map_err(Rejected::into_error)?;
        }
        let start = out.len();
        self.reading(&mut state, |state| {
            out.truncate(start);
            state.operations(from, limit, out)
        })
    }
}

impl State {
    fn get_into(&self, id: &[u8], out: &mut Vec<u8>) -> io::Result<bool> {
        self.get_near(id, None, out)
    }

    /// Appends a record's value, read with those that stand near it.
    fn get_near(&self, id: &[u8], near: Option<&mut Nearby>, out: &mut Vec<u8>) -> io::Result<bool> {
        let start = out.len();
        let mut is_read = false;
        let found = self.shown_engine().get_with(id, &mut |value| {
            out.truncate(start);
            out.extend_from_slice(value);
            is_read = true;
        })?;
        // What is to be migrated is not what its line says.
        if is_read && self.shows_all() && matches!(found, Some(Text::At { .. })) {
            return Ok(true);
        }
        out.truncate(start);
        let Some(text) = found else { return Ok(false) };
        match (self.shown_texts(), near) {
            (Some(mut texts), _) => out.extend_from_slice(texts.read(&text)?),
            (None, Some(near)) if self.recent(&text).is_none() => out.extend_from_slice(near.read(&text)?),
            _ => {
                self.read(&text, out)?;
            }
        }
        Ok(true)
    }

    fn values_of(&self, ids: &[&[u8]], limit: usize) -> io::Result<Vec<u8>> {
        let mut near = Nearby::default();
        let (mut out, mut absent, mut gone) = (b"[[".to_vec(), Vec::new(), Vec::new());
        for (number, id) in ids.iter().enumerate() {
            let start = out.len();
            let is_there =
                self.get_near(&unescape(string_body(id).unwrap_or_default()), Some(&mut near), &mut out)?;
            if !is_there || out.len() == start {
                out.push(b'0');
                let list = if is_there { &mut absent } else { &mut gone };
                push_integer(list, number as u64);
                list.push(b',');
            }
            out.push(b',');
            if out.len() >= limit {
                break;
            }
        }
        for list in [&absent, &gone] {
            without_comma(&mut out);
            out.extend_from_slice(b"],[");
            out.extend_from_slice(list);
        }
        without_comma(&mut out);
        out.extend_from_slice(b"]]");
        Ok(out)
    }

    fn operations(&self, from: usize, limit: usize, out: &mut Vec<u8>) -> io::Result<usize> {
        let mut texts = self.shown_texts();
        let mut next = from;
        for operation in self.shown_engine().operations().iter().skip(self.shown_hidden() + from) {
            if out.len() >= limit {
                break;
            }
            // Of what is shown, an undo on another thread may have cut the last lines off the log.
            let line = match &mut texts {
                Some(texts) => Cow::Owned(texts.read(&operation.line)?.to_vec()),
                None => operation.line.read()?,
            };
            public_text_into(out, &line, &operation.parse(&line)?);
            out.push(b',');
            next += 1;
        }
        Ok(next)
    }

    /// Appends a text to a buffer. Returns whether it is known to be as V8 prints it, because this store logged it.
    pub(in crate::store) fn read(&self, text: &Text, out: &mut Vec<u8>) -> io::Result<bool> {
        match self.recent(text) {
            Some(bytes) => out.extend_from_slice(bytes),
            None => text.read_into(out)?,
        }
        Ok(matches!(text, Text::At { file, offset, .. } if self.logs.wal.is_own(file, *offset)))
    }

    /// A text of what was logged last.
    fn recent(&self, text: &Text) -> Option<&[u8]> {
        let Text::At { file, offset, len, .. } = text else { return None };
        self.logs.wal.recent(*offset, *len as usize).filter(|_| self.logs.wal.is_own(file, *offset))
    }
}

fn without_comma(list: &mut Vec<u8>) {
    if list.last() == Some(&b',') {
        list.pop();
    }
}
