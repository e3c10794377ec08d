//! The records as they were at an earlier place of the history: those of now under a layer that says what each record was
//! that an operation behind the place concerns. It costs what the operations between there and now cost, and copies no record
//! that they leave alone.
//!
//! What a record was stands in its first operation behind the place, as far as its writer knew. Two writers may not have known:
//! an agent does not see what another one writes at the same time, and a store with `skipLoad` does not look. There the
//! operation before counts, or the snapshot.

mod archives;
mod concerned;
mod earlier;
mod pass;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use earlier::Earlier;
use pass::{Before, Pass};

use crate::engine::overlay::Overlay;
use crate::engine::{Id, Moment, Nearby, Text};
use crate::error::{Error, Result};
use crate::format::operation::Kind;
use crate::format::timestamp::iso_into;
use crate::history::{Archived, Backward, Change, Event, Position, Reading, standing};
use crate::layout;
use crate::store::open::read_manifest;
use crate::store::reading::log_versions::LogVersions;
use crate::store::reading::walk::read_uncut;
use crate::store::{Store, Walk};

/// So many bytes of operations are read at once.
const PIECE: usize = 1 << 20;

/// The first log gets its name about when the store is created.
const NAMED_WITHIN_MS: i64 = 1000;

/// A place in the history.
#[derive(Clone)]
pub enum When {
    /// Behind the operation of a position.
    At(Position),
    /// Behind the last operation whose timestamp is not later than this one.
    Time(String),
}

/// All records now, from which an earlier state is found.
pub struct Present {
    moment: Moment,
    count: usize,
    undone: u64,
    /// The time in the name of the log that follows their snapshot.
    newest: Option<u64>,
    /// The log of a single writer, by the time in its name, and its length: all operations before are in the records.
    logged: Option<(u64, u64)>,
}

/// The records at a place of the history.
#[derive(Clone)]
pub struct Past {
    moment: Moment,
    count: usize,
    concerned: Arc<[Id]>,
    /// The records whose values are of an older schema version than the program's, and which one.
    due: Arc<[(Id, u32)]>,
    /// What those values were migrated to.
    migrated: Overlay,
}

impl Store {
    /// Takes the records as they are now. What is buffered is written first, so that the logs have all that the records show.
    /// `None` while memory has records that another agent archived: no operation tells that they are gone, and
    /// [`Store::renew`] comes first.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`; those of writing the buffer.
    pub fn present(&self) -> Result<Option<Present>> {
        let mut state = self.lock_replayed()?;
        if state.is_departed() {
            return Ok(None);
        }
        if !state.unwritten.has_batch() && state.holds_buffered() {
            state.flush(self, None)?;
        }
        let (count, undone) = (state.engine.count(), state.engine.undone());
        let is_only_writer = state.agents.is_none() && !self.options.read_only;
        let log = layout::time_of(state.logs.wal.relative()).filter(|_| is_only_writer);
        let logged = log.map(|ms| (ms, state.logs.wal.len()));
        let newest = layout::time_of(&state.manifest.active_ops);
        Ok(Some(Present { moment: state.moment(), count, undone, newest, logged }))
    }

    /// As [`Store::present`], behind a look, with what that needs to be loaded. It may wait.
    ///
    /// # Errors
    /// As for [`Store::catch_up`] and [`Store::renew`].
    pub fn present_anew(&self) -> Result<Present> {
        loop {
            let mut followed = self.catch_up()?;
            if self.lock().is_departed() {
                followed.append(self.renew()?);
            }
            self.take_foreign_later(followed);
            if let Some(present) = self.present()? {
                return Ok(present);
            }
        }
    }

    /// Whether an operation that a present shows may have been taken back since.
    pub fn is_outdated(&self, present: &Present) -> bool {
        self.lock().engine.undone() != present.undone
    }

    /// The records as they were at a place of the history. A caller that cancels gets any records.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE` if the place is not kept; `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn past(&self, present: &Present, when: &When, cancelled: &AtomicBool) -> Result<Past> {
        let archives = Archived::all(&*self.disk, &self.root)?;
        let versions = self.log_versions()?;
        let after = match when {
            When::At(position) => Some(&standing(&self.disk, &self.root, position)?),
            When::Time(_) => None,
        };
        let is_stored = |change: &Change<'_>| {
            let is_new_log = change.is_in_log_of(present.newest);
            Ok(is_new_log
                && present
                    .moment
                    .stored(&change.line.id)
                    .map_err(|source| self.read_failed(source))?
                    .is_some())
        };
        let archive_times = self.archive_times(&archives)?;
        let mut pass = Pass::new(versions, archives);
        let mut is_behind = true;
        let place = self.read_back(after, false, cancelled, |change, _| {
            if is_behind && !when.is_before(change) {
                is_behind = false;
                pass.cross_behind(when, &archive_times, Some(change));
            }
            if is_behind {
                pass.cross_archives(change);
                // NOTE: one that a checkpoint has carried to the next log meanwhile may be shown or not.
                let exists = present.shows(change).then_some(change.line.kind == Kind::Set);
                pass.take(change, exists, is_stored)?;
            } else {
                pass.correct(change);
            }
            Ok(is_behind || pass.has_claims())
        })?;
        if is_behind {
            pass.cross_behind(when, &archive_times, None);
        }
        if after.is_some() && pass.has_claims() {
            self.read_back(Some(&place), true, cancelled, |change, place| {
                if place.has_read(change) {
                    pass.correct(change);
                }
                Ok(pass.has_claims())
            })?;
        }
        if let (true, When::Time(time)) = (is_behind, when) {
            self.ensure_kept(time)?;
        }
        if pass.has_claims() && self.is_history_whole()? {
            pass.refuse_claims();
        }
        self.under(present, pass)
    }

    /// Refuses a time that is before all operations, some of which were pruned.
    fn ensure_kept(&self, time: &str) -> Result<()> {
        match read_manifest(&*self.disk, &self.root)?.and_then(|manifest| manifest.pruned) {
            Some((_, until)) if is_later(until.as_bytes(), time.as_bytes()) => {
                Err(Error::PositionGone("the operations of this time were pruned"))
            }
            _ => Ok(()),
        }
    }

    /// When records were taken out, as ISO timestamps: an archive begins a log. Empty where that log was pruned, and so before all places.
    fn archive_times(&self, archives: &[Archived]) -> Result<Vec<Vec<u8>>> {
        if archives.is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.root.join(layout::OPS);
        let names = self.disk.list(&folder).map_err(|source| Error::io("scandir", &folder, source))?;
        let pruned = read_manifest(&*self.disk, &self.root)?.and_then(|manifest| manifest.pruned);
        let pruned_to = pruned.and_then(|(log, _)| layout::time_of(&log)).unwrap_or(0);
        let times = || names.iter().filter_map(|name| layout::time_of(name));
        let begun = |last: u64| times().filter(|ms| *ms > last && last >= pruned_to).min();
        let time_of = |archive: &Archived| {
            let mut time = Vec::new();
            if let Some(ms) = archive.last_ms().and_then(begun) {
                iso_into(&mut time, ms as i64);
            }
            time
        };
        Ok(archives.iter().map(time_of).collect())
    }

    fn log_versions(&self) -> Result<LogVersions> {
        let manifest = read_manifest(&*self.disk, &self.root)?.unwrap_or_default();
        Ok(LogVersions::new(&manifest, self.lock().versions.snapshot))
    }

    /// Whether the log is still there with which the store began: then no record is older than all operations.
    fn is_history_whole(&self) -> Result<bool> {
        if read_manifest(&*self.disk, &self.root)?.is_none_or(|manifest| manifest.pruned.is_some()) {
            return Ok(false);
        }
        let folder = self.root.join(layout::OPS);
        let names = self.disk.list(&folder).map_err(|source| Error::io("scandir", &folder, source))?;
        let Some(oldest) = names.iter().filter_map(|name| layout::time_of(name)).min() else {
            return Ok(false);
        };
        let mut earliest = Vec::new();
        iso_into(&mut earliest, (oldest as i64).saturating_sub(NAMED_WITHIN_MS));
        Ok(earliest.as_slice() <= self.manifest().stats.created.as_bytes())
    }

    /// Reads operations from the last one on, those behind a place or `all`, until told to stop. Returns where the place stands by now, as
    /// `goes_on` is told too: a checkpoint may have carried its operation to another log.
    fn read_back(
        &self,
        after: Option<&Position>,
        all: bool,
        cancelled: &AtomicBool,
        mut goes_on: impl FnMut(&Change<'_>, &Position) -> Result<bool>,
    ) -> Result<Position> {
        let disk = Arc::clone(&self.disk);
        let (mut backward, place) = if all {
            Backward::open_past(disk, &self.root, after)?
        } else {
            let backward = Backward::open(disk, &self.root, after)?;
            let after = backward.after().clone();
            (backward, after)
        };
        let mut is_wanted = true;
        loop {
            let reading = backward.step(PIECE, &mut |event| {
                if let Event::Change(change) = event {
                    is_wanted = is_wanted && goes_on(&change, &place)?;
                }
                Ok(())
            })?;
            if !is_wanted || matches!(reading, Reading::AtEnd) || cancelled.load(Ordering::Relaxed) {
                return Ok(place);
            }
        }
    }

    fn under(&self, present: &Present, pass: Pass) -> Result<Past> {
        let Present { moment, count, .. } = present;
        let Before { layer, concerned, due } = pass.before(self, moment)?;
        let (concerned, due, migrated) = (concerned.into(), due.into(), Overlay::default());
        Ok(Past { count: layer.count_over(*count), moment: moment.under(layer), concerned, due, migrated })
    }

    /// Whether there was a record at a place of the history.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn has_past(&self, past: &Past, id: &[u8]) -> Result<bool> {
        let found = past.moment.get(id).map_err(|source| self.read_failed(source))?;
        Ok(found.is_some())
    }

    /// Visits id, version and value of records that are to be migrated, from one of them on, until the values have `limit` bytes.
    /// Returns where to go on, or `None` when there are no more.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn unmigrated_past(
        &self,
        past: &Past,
        from: usize,
        limit: usize,
        mut visitor: impl FnMut(&[u8], f64, &[u8]),
    ) -> Result<Option<usize>> {
        let (mut next, mut bytes) = (from, 0);
        for (id, version) in past.due.iter().skip(from) {
            if bytes >= limit {
                break;
            }
            let text = self.get_past(past, id)?.unwrap_or_default();
            visitor(id, f64::from(*version), &text);
            bytes += text.len();
            next += 1;
        }
        Ok((next > from).then_some(next))
    }

    /// A record's value at a place of the history, as JSON text: empty for a record without a value.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn get_past(&self, past: &Past, id: &[u8]) -> Result<Option<Vec<u8>>> {
        let text = past.moment.get(id).map_err(|source| self.read_failed(source))?;
        let Some(text) = text else { return Ok(None) };
        let kept = past.moment.kept();
        let read = read_uncut(kept, || Ok(Nearby::of(kept).read(&text)?.to_vec()));
        read.map(Some).map_err(|source| self.read_failed(source))
    }
}

impl Store {
    /// Takes the records of a store without files.
    pub fn present_in_memory(&self) -> Present {
        let mut state = self.lock();
        let (count, undone) = (state.engine.count(), state.engine.undone());
        Present { moment: state.moment(), count, undone, newest: None, logged: None }
    }

    /// The records before the last operations, so many, of a store without files. Until [`Store::rejoin`] those are set apart.
    /// Also how many operations the others are; `None` if that cannot be done.
    pub fn before_last(&self, keep: usize) -> Option<(Past, usize)> {
        let mut state = self.lock();
        let apart = state.engine.set_apart_but(0, keep);
        let (moment, count) = state.moment_apart()?;
        let past = Past {
            moment,
            count,
            concerned: Arc::default(),
            due: Arc::default(),
            migrated: Overlay::default(),
        };
        Some((past, apart))
    }

    /// The records at the place before which these operations stand.
    ///
    /// # Errors
    /// `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn past_under(&self, present: &Present, earlier: Earlier) -> Result<Past> {
        self.under(present, earlier.into())
    }
}

impl Present {
    /// Whether the records are those behind an operation. Those of agents and of a store that follows may not be.
    fn shows(&self, change: &Change<'_>) -> bool {
        self.logged.is_some_and(|(ms, len)| change.ms < ms || change.ms == ms && change.start < len)
    }

    /// What tells whether it is outdated, without the records and their files.
    pub fn without_records(&self) -> Self {
        Self { moment: Moment::empty(), count: 0, ..*self }
    }
}

impl Past {
    /// Lets go of the records and their files.
    pub fn let_go(&mut self) {
        self.moment = Moment::empty();
    }

    /// How many records there were.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Gives a record its migrated value, which shows behind [`Past::finish_migration`].
    pub fn migrate(&mut self, id: &[u8], text: &[u8]) {
        let exists = || Ok::<_, std::convert::Infallible>(true);
        let Ok(()) = self.migrated.set(&id.into(), Text::Held(text.into()), exists);
    }

    /// Says that all that was to be migrated is.
    pub fn finish_migration(&mut self) {
        self.due = Arc::default();
        self.moment = self.moment.under(std::mem::take(&mut self.migrated));
    }

    /// The records.
    pub fn moment(&self) -> &Moment {
        &self.moment
    }

    /// Begins a walk over the records.
    pub fn walk(&self, ids_only: bool) -> Walk {
        Walk::over(self.moment.clone(), ids_only)
    }

    /// The records that operations behind the place concern: all others are as they are now.
    pub fn concerned(&self) -> &[Id] {
        &self.concerned
    }
}

impl When {
    /// Whether the place is before an operation. Of a position, only such operations are read.
    fn is_before(&self, change: &Change<'_>) -> bool {
        match self {
            Self::At(_) => true,
            Self::Time(time) => is_later(&change.line.ts(change.bytes), time.as_bytes()),
        }
    }
}

/// Whether an ISO timestamp is later than another. Both are UTC; years of more than four digits have a sign.
pub fn is_later(one: &[u8], other: &[u8]) -> bool {
    let year = |ts: &[u8]| match ts.first() {
        Some(b'+') => 2,
        Some(b'-') => 0,
        _ => 1,
    };
    let (one_year, other_year) = (year(one), year(other));
    if one_year != other_year { one_year > other_year } else { one > other }
}
