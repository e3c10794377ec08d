//! Changes whose lines are complete and in no file yet, kept beside the engine: they are written from where they were put
//! together, and memory changes once, behind that. What takes the lock of the state for anything else than to add
//! to them or to write them finds them applied ([`crate::store::Locked`]).

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::unwritten::Unwritten;
use crate::disk::DiskFile;
use crate::engine::Place as Stood;
use crate::engine::{Check, Engine, Fresh, Id, IdHash, Logged, Operation, Origin, Text};
use crate::error::Result;
use crate::format::operation::{BatchMark, Kind, Marks, finish_line};
use crate::rules::batches::mark_at;
use crate::store::{State, Store};

/// How much memory is kept for the next lines at most.
const KEPT_BYTES: usize = 4 << 20;
/// How many places of lines are kept at most.
const KEPT_LINES: usize = 1 << 14;

/// The lines, one behind the other.
#[derive(Default)]
pub(in crate::store) struct Drafts {
    bytes: Vec<u8>,
    drafts: Vec<Drafted>,
    /// The newest draft of each record.
    newest: HashTable<u32>,
}

/// A line.
struct Drafted {
    hash: IdHash,
    id: Id,
    line: Line,
    /// Where its marks begin, counted from its start.
    body: usize,
    /// Where it ends, without its newline.
    end: usize,
    /// Whether the record was there before, once that is known to the engine alone.
    exists: bool,
}

/// The value of a record before a draft.
#[derive(Clone)]
pub(in crate::store) enum Before {
    /// There was no record.
    Absent,
    /// What the engine says.
    Known(Text),
    /// What an earlier draft gives it.
    Drafted(u32),
}

/// What is known of a line that was just put together at the end of the bytes.
pub(in crate::store) struct Line {
    pub start: usize,
    /// Its new value, counted from its start, and the check of that.
    pub data: Option<(Range<usize>, Check)>,
    pub before: Before,
    /// Whether the engine says nothing of the record above its lower layers.
    pub is_unsaid: bool,
    pub origin: Option<Box<Origin>>,
    pub version: u32,
}

impl Drafts {
    pub fn len(&self) -> usize {
        self.drafts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// What the newest draft of a record makes of it, if there is one: its value, if it has one then.
    pub fn get(&self, id: &[u8], hash: IdHash) -> Option<(Before, Option<&[u8]>)> {
        let drafts = &self.drafts;
        let number = *self.newest.find(hash.spread(), is_of(drafts, id, hash))?;
        let draft = drafts.get(number as usize)?;
        Some(match &draft.line.data {
            Some(_) => (Before::Drafted(number), Some(self.data(draft))),
            None => (Before::Absent, None),
        })
    }

    fn data(&self, draft: &Drafted) -> &[u8] {
        let Line { start, data, .. } = &draft.line;
        let Some((data, _)) = data else { return &[] };
        self.bytes.get(start + data.start..start + data.end).unwrap_or_default()
    }

    /// Where the next line is to be put together.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Takes a line that was put together up to its marks. Returns its length.
    pub fn push(&mut self, id: &[u8], hash: IdHash, line: Line, batch: Option<BatchMark>) -> usize {
        let start = line.start;
        let body = self.bytes.len() - start;
        finish_line(&mut self.bytes, &Marks { batch, cuts: 0, after: None });
        let number = self.drafts.len() as u32;
        let end = self.bytes.len() - 1;
        self.drafts.extend(std::iter::once_with(|| Drafted {
            hash,
            id: id.into(),
            line,
            body,
            end,
            exists: false,
        }));
        let Self { drafts, newest, .. } = self;
        let hash_of = |known: &u32| drafts.get(*known as usize).map_or(0, |draft| draft.hash.spread());
        match newest.entry(hash.spread(), is_of(drafts, id, hash), hash_of) {
            Entry::Occupied(mut known) => *known.get_mut() = number,
            Entry::Vacant(vacant) => {
                vacant.insert(number);
            }
        }
        self.bytes.len() - start
    }

    /// Takes a line back that was begun.
    pub fn cut(&mut self, start: usize) {
        self.bytes.truncate(start);
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.drafts.clear();
        self.drafts.shrink_to(KEPT_LINES);
        self.newest.clear();
        if self.newest.capacity() > 2 * KEPT_LINES {
            self.newest = HashTable::new();
        }
    }

    /// The last line of a batch says so.
    fn end_batch(&mut self) {
        let count = self.drafts.len();
        let Some(last) = self.drafts.last_mut() else { return };
        let marks = Marks { batch: mark_at(count - 1, count), cuts: 0, after: None };
        self.bytes.truncate(last.line.start + last.body);
        finish_line(&mut self.bytes, &marks);
        last.end = self.bytes.len() - 1;
    }

    /// Hands the changes to the engine, in their order, and is empty then.
    fn apply(&mut self, engine: &mut Engine, is_batch: bool, place: &Place<'_>) {
        if let Place::File(file, at) = place
            && engine.keeps_all()
            && self.drafts.iter().all(Drafted::is_fresh)
        {
            return self.apply_fresh(engine, is_batch, (file, *at));
        }
        let Self { bytes, drafts, newest } = self;
        let has_repeats = newest.len() < drafts.len();
        engine.reserve(drafts.len(), drafts.iter().filter(|draft| draft.line.is_unsaid).count());
        // The values of drafts, for those that follow on the same record.
        let mut values: Vec<Option<Text>> = Vec::new();
        let count = drafts.len();
        for (number, draft) in drafts.drain(..).enumerate() {
            let Drafted { hash, id, line, body, end, .. } = draft;
            let Line { start, data, before, is_unsaid, origin, version } = line;
            let text = match place {
                Place::Memory => {
                    let body = bytes.get(start..start + body).unwrap_or_default();
                    Text::Held([body, b"}"].concat().into())
                }
                Place::File(file, at) => Text::at(file, at + start as u64, end - start),
            };
            let data = data.map(|(range, check)| text.slice(range).checked(check));
            if has_repeats {
                values.push(data.clone());
            }
            let before = match before {
                Before::Absent => None,
                Before::Known(text) => Some(text),
                Before::Drafted(number) => values.get(number as usize).cloned().flatten(),
            };
            let batch = match place {
                Place::File(..) if is_batch => mark_at(number, count),
                Place::File(..) | Place::Memory => None,
            };
            let logged = Logged { id, data, line: text, batch, origin, version };
            engine.apply_hashed(logged, before, is_unsaid.then_some(hash));
        }
        self.clear();
    }
}

impl Drafts {
    /// As [`Drafts::apply`], where each draft gives a value to a record of which the engine says nothing above its lower layers.
    fn apply_fresh(&mut self, engine: &mut Engine, is_batch: bool, (file, at): (&Arc<dyn DiskFile>, u64)) {
        let drafts = &mut self.drafts;
        let count = drafts.len();
        engine.reserve(count, count);
        engine.log_fresh(drafts.iter_mut().enumerate().map(|(number, draft)| {
            let Drafted { id, line, end, exists, .. } = draft;
            let before = match std::mem::replace(&mut line.before, Before::Absent) {
                Before::Known(text) => Some(text),
                Before::Absent | Before::Drafted(_) => None,
            };
            *exists = before.is_some();
            let batch = if is_batch { mark_at(number, count) } else { None };
            Operation {
                id: Arc::clone(id),
                kind: Kind::Set,
                line: Text::at(file, at + line.start as u64, *end - line.start),
                before,
                stood: Stood::BELOW,
                batch,
                origin: None,
                version: line.version,
            }
        }));
        engine.set_fresh(drafts.drain(..).map(|Drafted { hash, id, line, exists, .. }| {
            let (range, check) = line.data.unwrap_or((0..0, Check::NONE));
            let data = Text::at(file, at + (line.start + range.start) as u64, range.len()).checked(check);
            Fresh { id, hash, data, version: line.version, exists }
        }));
        self.clear();
    }
}

impl Drafted {
    fn is_fresh(&self) -> bool {
        self.line.is_unsaid && self.line.data.is_some() && self.line.origin.is_none()
    }
}

/// Whether the draft of a number is of this record. NOTE: the hash is compared first: the id lies elsewhere in memory.
fn is_of<'d>(drafts: &'d [Drafted], id: &'d [u8], hash: IdHash) -> impl Fn(&u32) -> bool + 'd {
    move |&number| drafts.get(number as usize).is_some_and(|draft| draft.hash == hash && *draft.id == *id)
}

/// Where lines are.
enum Place<'f> {
    Memory,
    /// In a log, from this byte on.
    File(&'f Arc<dyn DiskFile>, u64),
}

impl State {
    /// Applies what was drafted: its lines are held in memory until they are written.
    pub(in crate::store) fn apply_drafts(&mut self) {
        let Self { unwritten: Unwritten { drafts, .. }, engine, .. } = self;
        drafts.apply(engine, false, &Place::Memory);
    }

    /// Writes what was drafted with one append, and applies it, if nothing stands in the way: lines that are held and come
    /// before, another log that wants them too, marks of the log itself. Otherwise it is applied, and held.
    ///
    /// # Errors
    /// As for [`crate::wal::Writer::append`]; the drafts stay what they are then.
    pub(in crate::store) fn write_drafts(&mut self, store: &Store) -> Result<()> {
        if self.unwritten.drafts.is_empty() {
            return Ok(());
        }
        let is_batch = self.unwritten.has_batch_of_user();
        let is_next = !self.holds_buffered() && !self.logs.switch.is_under_way();
        if !is_next || !self.logs.wal.takes_lines_as_they_are() {
            self.apply_drafts();
            return Ok(());
        }
        if is_batch {
            self.unwritten.drafts.end_batch();
        }
        let at = self.logs.wal.append_taking(&*store.disk, &mut self.unwritten.drafts.bytes)?;
        let Some(file) = self.logs.wal.file() else { return Ok(()) };
        let Self { unwritten: Unwritten { drafts, .. }, engine, .. } = self;
        engine.commit();
        drafts.apply(engine, is_batch, &Place::File(file, at));
        self.note_all_written();
        Ok(())
    }
}
