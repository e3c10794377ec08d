//! Queries over a store's records: tried in pieces, without the store's lock, on the records as they were at one moment.

mod candidates;
mod choice;
mod source;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::{Cursor, Moment};
use crate::error::Result;
use crate::json::string::escape_into;
use crate::query::{Oracle, Query, Selection};
use crate::store::{State, Store};
use crate::wal::Watch;
use choice::{Choice, Known};
use source::{Seen, Source, Visit};

/// So many bytes of text are tried at once: about a millisecond.
const PIECE: usize = 512 * 1024;
/// So often a find begins anew because what it read was cut off a log meanwhile; then it reads under the lock.
const TRIES: usize = 5;
/// What leads to so many records at most is carried out by the thread that asks.
const FEW: u64 = 64;

/// A query under way.
pub struct Find {
    asked: Asked,
    oracle: Oracle,
    pass: Option<Pass>,
    tries: usize,
    /// No index is used: one led astray, or to too much.
    walks: bool,
    cancelled: Arc<AtomicBool>,
}

/// What a caller asks for.
struct Asked {
    query: Query,
    selection: Selection,
    /// Only how many there are is wanted.
    counts: bool,
    /// The ids are wanted, as JSON, instead of the values.
    ids: bool,
    /// The records of an earlier place, if those of now are not wanted.
    past: Option<Moment>,
}

/// A walk over the records of one moment.
struct Pass {
    moment: Moment,
    watch: Watch,
    /// The index that was chosen, until it is known where it leads.
    choice: Option<Choice>,
    /// An index may be made first: the snapshot is small.
    is_open: bool,
    source: Source,
    /// Where this piece began.
    from: Source,
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
    /// How many keys of indexes it looked at.
    pub keys: u64,
    /// The indexes that it went by.
    pub indexes: Vec<String>,
    /// The records came in the order that was wanted.
    pub is_in_order: bool,
    /// An index that was declared is still to be made.
    pub is_index_missing: bool,
    /// Texts of values or ids, as far as they are wanted, and what they are sorted by.
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
    /// The index is of no use: each record is to be tried.
    Useless,
}

impl Find {
    /// Begins a query.
    pub fn new(query: Query, selection: Selection, counts: bool) -> Self {
        let asked = Asked { query, selection, counts, ids: false, past: None };
        let (pass, tries, walks, cancelled) = Default::default();
        let oracle = Oracle::new(Arc::clone(&cancelled));
        Self { asked, oracle, pass, tries, walks, cancelled }
    }

    /// Makes it a query over the records of an earlier place, which no index knows.
    pub fn over(mut self, past: Moment) -> Self {
        self.asked.past = Some(past);
        self.walks = true;
        self
    }

    /// Makes it one for the ids of the records.
    pub fn for_ids(mut self) -> Self {
        self.asked.ids = true;
        self
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
        let (choice, is_open, is_index_missing) = self.choose(store, &mut state);
        let moment = self.asked.past.clone().unwrap_or_else(|| state.shown_moment());
        let watch = state.logs.wal.watch();
        let source = Source::Walk(Cursor::Base(0));
        let found = Found { is_index_missing, ..Found::default() };
        self.pass =
            Some(Pass { moment, watch, choice, is_open, from: source.clone(), source, found, before: 0 });
        Ok(())
    }

    /// The index by which the records are found; whether one can be made first; whether one is missing.
    fn choose(&self, store: &Store, state: &mut State) -> (Option<Choice>, bool, bool) {
        if self.walks || !store.fields.lock().has_fields() || !state.shown_engine().is_indexable() {
            return (None, false, false);
        }
        store.look_for_trees(state);
        // The index of what the log says follows the state in force: of another one each record above the snapshot is tried.
        let is_followed = state.shows_all() && store.catch_up_indexes(state);
        let base = state.shown_engine().base();
        let mut fields = store.fields.lock();
        let known = Known {
            fields: &fields,
            base: &base,
            is_followed,
            query: &self.asked.query,
            selection: &self.asked.selection,
            counts: self.asked.counts,
        };
        let chosen = known.choose();
        if chosen.is_err() {
            fields.forget(&base);
        }
        let choice = chosen.unwrap_or_default();
        let is_missing = fields.is_incomplete(&base);
        let is_open = choice.is_none() && is_missing && base.len() <= super::fields::FEW;
        (choice, is_open, is_missing || !is_followed)
    }

    /// Whether a step would end at once: an index leads to few records.
    pub fn is_short(&self) -> bool {
        let Some(pass) = &self.pass else { return false };
        let wanted =
            self.asked.selection.limit.map(|limit| limit.saturating_add(self.asked.selection.skip) as u64);
        pass.choice.as_ref().is_some_and(|choice| {
            let is_followed = choice.overlaid.as_ref().is_some_and(|ids| ids.len() as u64 <= FEW);
            let lines = match choice.order {
                Some(_) if choice.is_exact() => wanted.unwrap_or(u64::MAX).min(choice.estimate()),
                _ => choice.estimate(),
            };
            is_followed && lines <= FEW
        })
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
                    pass.source = pass.from.clone();
                    self.pass = Some(pass);
                    continue;
                }
                Piece::Lost => {
                    self.oracle.forget();
                    self.tries += 1;
                    continue;
                }
                Piece::Useless => {
                    self.oracle.forget();
                    self.walks = true;
                    pass.choice = None;
                    pass.is_open = false;
                    pass.source = Source::Walk(Cursor::Base(0));
                    pass.from = pass.source.clone();
                    pass.found = Found { is_index_missing: pass.found.is_index_missing, ..Found::default() };
                    pass.before = 0;
                    self.pass = Some(pass);
                    continue;
                }
            }
            if !self.oracle.questions().is_empty() {
                // The piece is tried again with the answers.
                pass.source = pass.from.clone();
                pass.found.rows.truncate(pass.before);
                self.pass = Some(pass);
                return Ok(Step::Asking);
            }
            self.oracle.forget();
            let is_enough = self.is_enough(&pass.found) || self.cancelled.load(Ordering::Relaxed);
            if pass.source.is_at_end() || is_enough {
                pass.found.keys = pass.source.keys();
                // NOTE: JS may keep the query for longer than its store is open.
                self.asked.past = None;
                return Ok(Step::Done(self.in_order(pass.found)));
            }
            self.trim(&mut pass.found);
            pass.before = pass.found.rows.len();
            pass.from = pass.source.clone();
            self.pass = Some(pass);
        }
    }

    /// Tries some records.
    fn piece(&mut self, store: &Store, pass: &mut Pass) -> Result<Piece> {
        // NOTE: with the lock nothing is cut off, and nothing is written.
        let held = (self.tries >= TRIES).then(|| store.lock());
        let (examined, matched) = (pass.found.examined, pass.found.matched);
        let moment = pass.moment.clone();
        let cuts = moment.kept().cuts();
        if pass.is_open {
            pass.is_open = false;
            pass.choice = if held.is_some() { None } else { self.choose_over(store, &moment) };
        }
        let visited = match pass.choice.take() {
            None => self.visit(&moment, pass),
            Some(choice) => {
                let opened = Source::open(store, &moment, &choice);
                match opened {
                    Ok(None) => Ok(false),
                    Ok(Some(source)) => {
                        pass.found.is_in_order = choice.order.is_some();
                        pass.found.indexes = store.names_of(&mut choice.ways.iter().map(|way| way.number));
                        pass.source = source;
                        pass.from = pass.source.clone();
                        self.visit(&moment, pass)
                    }
                    Err(failed) => {
                        // NOTE: what was cut off meanwhile is found when it is asked for again.
                        pass.choice = Some(choice);
                        Err(failed)
                    }
                }
            }
        };
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
        match visited {
            Ok(true) => {}
            Ok(false) => return Ok(Piece::Useless),
            // A record that is damaged is told by the walk over all of them.
            Err(_) if !pass.source.is_walk() || pass.choice.is_some() => {
                store.fields.lock().forget(moment.base());
                return Ok(Piece::Useless);
            }
            Err(source) => return Err(store.read_failed(source)),
        }
        if !self.oracle.questions().is_empty() {
            (pass.found.examined, pass.found.matched) = (examined, matched);
        }
        Ok(Piece::Tried)
    }

    /// As [`Find::choose`], for a moment, after the indexes over its snapshot were made, which is small.
    fn choose_over(&self, store: &Store, moment: &Moment) -> Option<Choice> {
        store.build_small(moment.base());
        let fields = store.fields.lock();
        let known = Known {
            fields: &fields,
            base: moment.base(),
            is_followed: false,
            query: &self.asked.query,
            selection: &self.asked.selection,
            counts: self.asked.counts,
        };
        known.choose().unwrap_or_default()
    }

    /// Tries records until a piece is full; `false` if the index leads to too many.
    fn visit(&mut self, moment: &Moment, pass: &mut Pass) -> std::io::Result<bool> {
        let mut left = PIECE;
        let Pass { source, found, .. } = pass;
        let most = moment.base().len() as u64 / 4 + 1000;
        let is_sorted = self.asked.selection.sort.is_empty() || found.is_in_order;
        let counts_alone = self.asked.counts || self.asked.selection.skip > 0;
        let visit = source.visit(moment, counts_alone, &mut |seen| {
            match seen {
                Seen::Record(id, text) => {
                    self.take(id, text, found);
                    left = left.saturating_sub(text.len() + 64);
                }
                Seen::Certain
                    if self.asked.counts || is_sorted && found.matched < self.asked.selection.skip as u64 =>
                {
                    found.matched += 1;
                    left = left.saturating_sub(8);
                }
                Seen::Certain => return Visit::Read,
            }
            match left == 0 || self.is_enough(found) {
                true => Visit::Stop,
                false => Visit::Next,
            }
        })?;
        Ok(!visit || found.examined <= most || self.is_enough(found))
    }

    fn take(&mut self, id: &[u8], text: &[u8], found: &mut Found) {
        found.examined += 1;
        // No text is the value `undefined`, which has no fields.
        let is_wanted = self.asked.query.is_empty() || self.asked.query.matches(text, &mut self.oracle);
        if !is_wanted {
            return;
        }
        found.matched += 1;
        if self.asked.counts || !self.oracle.questions().is_empty() {
            return;
        }
        let Selection { sort, skip, limit, fields } = &self.asked.selection;
        let is_sorted = sort.is_empty() || found.is_in_order;
        if is_sorted {
            let is_skipped = found.matched <= *skip as u64;
            if is_skipped || limit.is_some_and(|limit| found.rows.len() >= limit) {
                return;
            }
        }
        let key = if is_sorted { Vec::new() } else { sort.key(text) };
        let mut printed = Vec::with_capacity(if self.asked.ids { id.len() + 2 } else { text.len() });
        match fields {
            _ if self.asked.ids => escape_into(&mut printed, id),
            Some(fields) => fields.print(text, &mut printed),
            None => printed.extend_from_slice(text),
        }
        found.rows.push((key, printed));
    }

    fn is_enough(&self, found: &Found) -> bool {
        let Selection { sort, limit, .. } = &self.asked.selection;
        let is_sorted = sort.is_empty() || found.is_in_order;
        !self.asked.counts && is_sorted && limit.is_some_and(|limit| found.rows.len() >= limit)
    }

    /// Drops what is sorted behind all that is wanted, when it has become much.
    fn trim(&self, found: &mut Found) {
        let Some(limit) = self.asked.selection.limit else { return };
        let wanted = limit.saturating_add(self.asked.selection.skip);
        let is_sorted = self.asked.selection.sort.is_empty() || found.is_in_order;
        if !is_sorted && found.rows.len() > wanted.saturating_mul(2).max(4096) {
            crate::order::sort_by(&mut found.rows, |one, other| one.0.cmp(&other.0));
            found.rows.truncate(wanted);
        }
    }

    fn in_order(&self, mut found: Found) -> Found {
        let Selection { sort, skip, limit, .. } = &self.asked.selection;
        if !sort.is_empty() && !found.is_in_order {
            crate::order::sort_by(&mut found.rows, |one, other| one.0.cmp(&other.0));
            found.rows.drain(..(*skip).min(found.rows.len()));
            found.rows.truncate(limit.unwrap_or(usize::MAX));
        }
        found
    }
}
