//! Queries over a store's records: tried in pieces, without the store's lock, on the records as they were at one moment.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Store;
use crate::engine::{Cursor, Moment};
use crate::error::Result;
use crate::query::{Oracle, Query, Selection};
use crate::wal::Watch;

/// So many bytes of text are tried at once: about a millisecond.
const PIECE: usize = 512 * 1024;
/// So often a find begins anew because what it read was cut off a log meanwhile; then it reads under the lock.
const TRIES: usize = 5;

/// A query under way.
pub struct Find {
    query: Query,
    selection: Selection,
    /// Only how many there are is wanted.
    counts: bool,
    oracle: Oracle,
    pass: Option<Pass>,
    tries: usize,
    cancelled: Arc<AtomicBool>,
}

/// A walk over the records of one moment.
struct Pass {
    moment: Moment,
    watch: Watch,
    cursor: Cursor,
    /// Where this piece began.
    from: Cursor,
    found: Found,
    /// What this piece had found when it began.
    before: usize,
}

/// What a query found.
#[derive(Debug, Default)]
pub struct Found {
    /// How many records it tried.
    pub examined: u64,
    /// How many it found, whatever was skipped.
    pub matched: u64,
    /// Texts of values, as far as they are wanted, and what they are sorted by.
    rows: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Found {
    /// The texts, in order.
    pub fn into_texts(self) -> impl Iterator<Item = Vec<u8>> {
        self.rows.into_iter().map(|(_, text)| text)
    }
}

/// How a step ended.
pub enum Step {
    /// The oracle is to be asked.
    Asking,
    /// All was tried.
    Done(Found),
}

/// How trying some records ended.
enum Piece {
    /// They were tried.
    Tried,
    /// An undo has cut lines off the log meanwhile: the same again, with what is kept of those.
    Cut,
    /// Another hand has changed the log, and what the records say is lost: all of it anew.
    Lost,
}

impl Find {
    /// Begins a query.
    pub fn new(query: Query, selection: Selection, counts: bool) -> Self {
        let (oracle, pass, tries, cancelled) = Default::default();
        Self { query, selection, counts, oracle, pass, tries, cancelled }
    }

    /// What ends it before its end, from any thread.
    pub fn cancelled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// What is to be found out.
    pub fn oracle(&mut self) -> &mut Oracle {
        &mut self.oracle
    }

    /// Takes the records as they are now.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`: the head of a long log is replayed first, if it was not.
    pub fn begin(&mut self, store: &Store) -> Result<()> {
        let mut state = store.lock_replayed()?;
        let moment = state.moment();
        let watch = state.wal.watch();
        let cursor = Cursor::Base(0);
        let (found, before) = Default::default();
        self.pass = Some(Pass { moment, watch, cursor, from: cursor, found, before });
        Ok(())
    }

    /// Goes on until something is to be asked, or all was tried.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn step(&mut self, store: &Store) -> Result<Step> {
        loop {
            if self.pass.is_none() {
                self.begin(store)?;
            }
            let Some(mut pass) = self.pass.take() else { continue };
            match self.piece(store, &mut pass)? {
                Piece::Tried => {}
                Piece::Cut => {
                    self.oracle.forget();
                    pass.found.rows.truncate(pass.before);
                    self.pass = Some(pass);
                    continue;
                }
                Piece::Lost => {
                    self.oracle.forget();
                    self.tries += 1;
                    continue;
                }
            }
            if !self.oracle.questions().is_empty() {
                // The piece is tried again with the answers.
                pass.cursor = pass.from;
                pass.found.rows.truncate(pass.before);
                self.pass = Some(pass);
                return Ok(Step::Asking);
            }
            self.oracle.forget();
            let is_enough = self.is_enough(&pass.found) || self.cancelled.load(Ordering::Relaxed);
            if pass.cursor == Cursor::End || is_enough {
                return Ok(Step::Done(self.in_order(pass.found)));
            }
            self.trim(&mut pass.found);
            pass.before = pass.found.rows.len();
            pass.from = pass.cursor;
            self.pass = Some(pass);
        }
    }

    /// Tries some records.
    fn piece(&mut self, store: &Store, pass: &mut Pass) -> Result<Piece> {
        // NOTE: with the lock nothing is cut off, and nothing is written.
        let held = (self.tries >= TRIES).then(|| store.lock());
        let (examined, matched) = (pass.found.examined, pass.found.matched);
        let mut left = PIECE;
        let moment = pass.moment.clone();
        let cuts = moment.kept().cuts();
        let visited = moment.visit(pass.cursor, |row| {
            self.take(row.text(), &mut pass.found);
            left = left.saturating_sub(row.text().len() + 64);
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if moment.kept().cuts() != cuts {
            (pass.found.examined, pass.found.matched) = (examined, matched);
            return Ok(Piece::Cut);
        }
        let is_intact = held.is_some() || visited.is_ok() || {
            let _state = store.lock();
            pass.watch.lock().intact == u64::MAX
        };
        if !is_intact {
            return Ok(Piece::Lost);
        }
        pass.cursor = visited.map_err(|source| store.read_failed(source))?;
        if !self.oracle.questions().is_empty() {
            (pass.found.examined, pass.found.matched) = (examined, matched);
        }
        Ok(Piece::Tried)
    }

    fn take(&mut self, text: &[u8], found: &mut Found) {
        found.examined += 1;
        // No text is the value `undefined`, which has no fields.
        let is_wanted = self.query.is_empty() || self.query.matches(text, &mut self.oracle);
        if !is_wanted {
            return;
        }
        found.matched += 1;
        if self.counts || !self.oracle.questions().is_empty() {
            return;
        }
        let Selection { sort, skip, limit, fields } = &self.selection;
        if sort.is_empty() {
            let is_skipped = found.matched <= *skip as u64;
            if is_skipped || limit.is_some_and(|limit| found.rows.len() >= limit) {
                return;
            }
        }
        let key = if sort.is_empty() { Vec::new() } else { sort.key(text) };
        let mut printed = Vec::with_capacity(text.len());
        match fields {
            Some(fields) => fields.print(text, &mut printed),
            None => printed.extend_from_slice(text),
        }
        found.rows.push((key, printed));
    }

    fn is_enough(&self, found: &Found) -> bool {
        let Selection { sort, limit, .. } = &self.selection;
        !self.counts && sort.is_empty() && limit.is_some_and(|limit| found.rows.len() >= limit)
    }

    /// Drops what is sorted behind all that is wanted, when it has become much.
    fn trim(&self, found: &mut Found) {
        let Some(limit) = self.selection.limit else { return };
        let wanted = limit.saturating_add(self.selection.skip);
        if !self.selection.sort.is_empty() && found.rows.len() > wanted.saturating_mul(2).max(4096) {
            crate::order::sort_by(&mut found.rows, |one, other| one.0.cmp(&other.0));
            found.rows.truncate(wanted);
        }
    }

    fn in_order(&self, mut found: Found) -> Found {
        let Selection { sort, skip, limit, .. } = &self.selection;
        if !sort.is_empty() {
            crate::order::sort_by(&mut found.rows, |one, other| one.0.cmp(&other.0));
            found.rows.drain(..(*skip).min(found.rows.len()));
            found.rows.truncate(limit.unwrap_or(usize::MAX));
        }
        found
    }
}
