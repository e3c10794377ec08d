//! Reading: records, operations, counts. Texts leave as JSON, for V8 to parse.

use std::io;

use super::{State, Store};
use crate::engine::{Cursor, Engine, Text};
use crate::error::{Error, Result};
use crate::format::operation::{parse_line, public_text_into};

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
        let state = self.lock();
        let text = state.engine.get(id).map_err(|source| self.read_failed(source))?;
        let Some(text) = text else { return Ok(false) };
        state.read(&text, out).map_err(|source| self.read_failed(source))?;
        Ok(true)
    }

    /// Whether there is a record.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn has(&self, id: &[u8]) -> Result<bool> {
        let found = self.lock().engine.get(id).map_err(|source| self.read_failed(source))?;
        Ok(found.is_some())
    }

    /// How much there is.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        Counts { records: state.engine.count(), operations: state.shown() }
    }

    /// Appends `"id",value,` pairs in order until `out` holds `limit` bytes; says where to go on. `None` if what
    /// lies under the cursor has changed since the given epoch: begin again.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn scan(&self, from: Place, limit: usize, out: &mut Vec<u8>) -> Result<Option<Place>> {
        self.scan_with(from, |engine, cursor| engine.scan(cursor, limit, out))
    }

    /// As [`Store::scan`], the ids alone: `"id",`.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn scan_ids(&self, from: Place, limit: usize, out: &mut Vec<u8>) -> Result<Option<Place>> {
        self.scan_with(from, |engine, cursor| engine.scan_ids(cursor, limit, out))
    }

    fn scan_with(
        &self,
        (cursor, epoch): Place,
        scan: impl FnOnce(&Engine, Cursor) -> io::Result<Cursor>,
    ) -> Result<Option<Place>> {
        let state = self.lock_replayed()?;
        let now = state.engine.epoch();
        if cursor != Cursor::Base(0) && epoch != now {
            return Ok(None);
        }
        let next = scan(&state.engine, cursor).map_err(|source| self.read_failed(source))?;
        Ok(Some((next, now)))
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
        self.lock().engine.history()
    }

    /// Appends operations, from the given one of those shown on, as comma-separated JSON until `out` holds
    /// `limit` bytes; says which comes next.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT` when a line changed underneath.
    pub fn operations(&self, from: usize, limit: usize, out: &mut Vec<u8>) -> Result<usize> {
        let state = self.lock_replayed()?;
        let mut next = from;
        for operation in state.engine.operations().iter().skip(state.hidden_operations() + from) {
            if out.len() >= limit {
                break;
            }
            let line = operation.line.read().map_err(|source| Error::io("read", state.wal.path(), source))?;
            let parsed = parse_line(&line)
                .map_err(|_| Error::corrupt(state.wal.path(), None, "an operation changed underneath"))?;
            public_text_into(out, &line, &parsed);
            out.push(b',');
            next += 1;
        }
        Ok(next)
    }
}

impl State {
    /// Appends a text to a buffer. Returns whether it is known to be as V8 prints it, because this store logged it.
    pub(super) fn read(&self, text: &Text, out: &mut Vec<u8>) -> io::Result<bool> {
        if let Text::At { file, offset, len } = text
            && self.wal.read_own(file, *offset, *len as usize, out)?
        {
            return Ok(true);
        }
        text.read_into(out)?;
        Ok(false)
    }
}
