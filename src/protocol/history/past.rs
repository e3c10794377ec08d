//! The store at an earlier place: the records as they are, under a layer that says what each was that an operation behind the place
//! concerns. Eras are read backward, until the place is reached and nothing that was claimed there is in doubt.

use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashSet;

use super::eras::{pruned_archive, pruned_until};
use super::gone;
use super::position::Position;
use crate::engine::Id;
use crate::format::document::{Manifest, Name};
use crate::format::operation::parse_line;
use crate::format::timestamp::iso_into;
use crate::history::Change;
use crate::protocol::carrier::{Carrier, Error};
use crate::protocol::entry::Entry;
use crate::protocol::session::Session;
use crate::protocol::view::unreadable;
use crate::store::{Earlier, Past, Present as Moment, Store, is_later};

/// A place in the history.
pub enum When {
    /// Behind the operation of a position.
    At(Position),
    /// Behind the last operation whose timestamp is not later than this one.
    Time(String),
}

impl When {
    /// Whether it is a time before another one.
    fn is_earlier_than(&self, time: &[u8]) -> bool {
        matches!(self, Self::Time(place) if is_later(time, place.as_bytes()))
    }
}

/// What an archive took out.
struct TakenOut {
    segment: String,
    ids: Vec<Id>,
    /// As an ISO timestamp; empty where it is not known.
    time: Vec<u8>,
}

/// When a note was written, as an ISO timestamp: its name begins with the time.
pub(super) fn time_of(note: &[u8]) -> Vec<u8> {
    let name = note.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let digits = name.split(|&byte| byte == b'-').next().unwrap_or_default();
    let ms = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let mut time = Vec::new();
    if let Some(ms) = ms {
        iso_into(&mut time, ms);
    }
    time
}

/// All records as they are, and the operations that led to them since the last snapshot.
pub struct Present {
    store: Arc<Store>,
    moment: Moment,
    entries: Vec<Entry>,
    manifest: Rc<Manifest>,
}

impl<C: Carrier> Session<C> {
    /// Takes the records as they are now, and first over what others wrote.
    ///
    /// # Errors
    /// Those of the steps and rules.
    pub async fn present(&self) -> Result<Present, Error> {
        self.flush_own().await?;
        let entries = match self.is_follower() {
            true => {
                let entries = self.catch_up().await?;
                self.tail.look(&*self.known_rc()?, &entries);
                entries
            }
            false => self.own_entries(&*self.known_rc()?, 0),
        };
        // NOTE: from here on nothing waits: the records are those of these operations.
        let (store, manifest) = (Arc::clone(self.store()), self.known_rc()?);
        let moment = store.present_in_memory();
        Ok(Present { store, moment, entries, manifest })
    }

    /// The records as they were at a place of the history.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE` if the place is not kept; those of the steps.
    pub async fn past(&self, present: &Present, when: &When) -> Result<Past, Error> {
        let (known, at) = match when {
            When::At(position) => {
                let (_, known, _) = self.read_up_to(position).await?;
                (known, position.era)
            }
            When::Time(_) => (HashSet::new(), 0),
        };
        let now = present.manifest.snapshots();
        let first = self.first_era(&present.manifest).await?;
        // Archives behind the operations that come next, of a time that may be before or behind them.
        let mut taken_out: Vec<TakenOut> = Vec::new();
        let mut earlier = Earlier::default();
        let mut is_behind = true;
        let mut number = now;
        loop {
            let read;
            let entries = match number == now {
                true => &present.entries,
                false => {
                    let era = self.era(number).await?;
                    let archived = match &era.archived {
                        Some(note) => self.archived(note).await?.zip(Some(note)),
                        None => None,
                    };
                    if let Some(((segment, ids), note)) = archived {
                        let ids: Vec<Id> = ids.iter().map(|id| Id::from(&**id)).collect();
                        let segment = String::from_utf8_lossy(&segment).into_owned();
                        match when {
                            When::At(_) if number >= at => earlier.taken_out_behind(segment, ids),
                            When::At(_) => earlier.taken_out_before(&ids),
                            When::Time(_) => taken_out.push(TakenOut { segment, ids, time: time_of(note) }),
                        }
                    }
                    read = era.entries;
                    &read
                }
            };
            for entry in entries.iter().rev() {
                let Ok(line) = parse_line(&entry.line) else { continue };
                let bytes = &*entry.line;
                let change = Change { bytes, line: &line, position: b"", ms: number, start: 0, batch: None };
                let is_later_one = match when {
                    When::At(_) => number >= at && !known.contains(&entry.identity),
                    When::Time(time) => is_behind && is_later(&line.ts(bytes), time.as_bytes()),
                };
                let was_behind = std::mem::replace(&mut is_behind, is_later_one);
                for TakenOut { segment, ids, time } in taken_out.drain(..) {
                    match is_later_one || was_behind && when.is_earlier_than(&time) {
                        true => earlier.taken_out_behind(segment, ids),
                        false => earlier.taken_out_before(&ids),
                    }
                }
                match is_later_one {
                    true => earlier.behind(&change).map_err(unreadable)?,
                    false => earlier.before(&change),
                }
            }
            let is_reached = match when {
                When::At(_) => number <= at,
                When::Time(_) => !is_behind,
            };
            if is_reached && earlier.is_settled() {
                break;
            }
            if number == first {
                let (until, archive) = (pruned_until(&present.manifest), pruned_archive(&present.manifest));
                if is_behind && until.into_iter().chain(archive).any(|until| when.is_earlier_than(&until)) {
                    return Err(gone("the operations of this time were pruned"));
                }
                if self.is_whole(&present.manifest).await? {
                    earlier.refuse_claims();
                }
                break;
            }
            number -= 1;
        }
        for segment in earlier.segments() {
            let records = self.carrier.load_segment(&Name::from(segment.as_bytes())).await?;
            earlier.holds(segment, records);
        }
        present.store.past_under(&present.moment, earlier).map_err(|error| match error {
            crate::error::Error::PositionGone(why) => gone(why),
            error => unreadable(error),
        })
    }
}

impl Present {
    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }
}
