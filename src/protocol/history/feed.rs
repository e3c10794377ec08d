//! Operations as callers read them, forward or backward, in pieces of JSON text.

use std::cell::{Cell, RefCell};

use hashbrown::HashSet;

use super::backward::Backward;
use super::eras::pruned_until;
use super::forward::Forward;
use super::gone;
use super::position::Position;
use crate::format::document::Manifest;
use crate::format::operation::parse_line;
use crate::history::{Change, Event, Wanted, event_into};
use crate::protocol::carrier::{Carrier, Error};
use crate::protocol::entry::Entry;
use crate::protocol::session::Session;

/// A history that is being read.
pub struct Feed {
    pub(super) wanted: Wanted,
    after: Option<Position>,
    pub(super) is_live: bool,
    reading: RefCell<Option<Reading>>,
    is_reverse: bool,
    is_over: RefCell<bool>,
    /// The first era that is still read.
    era: Cell<u64>,
}

/// What was read.
enum Reading {
    Forward(Box<Forward>),
    Backward(Backward),
}

pub(super) fn print_change(
    out: &mut Vec<u8>,
    wanted: &Wanted,
    entry: &Entry,
    position: &[u8],
    batch: Option<&[u8]>,
) {
    let Ok(line) = parse_line(&entry.line) else { return };
    let change = Change { bytes: &entry.line, line: &line, position, ms: 0, start: 0, batch };
    push_event(out, wanted, &Event::Change(change));
}

pub(super) fn push_event(out: &mut Vec<u8>, wanted: &Wanted, event: &Event<'_>) {
    if wanted.wants(event) {
        event_into(out, event);
        out.push(b',');
    }
}

/// Refuses a time from which on, or up to which, operations were pruned.
fn must_be_kept(wanted: &Wanted, manifest: &Manifest) -> Result<(), Error> {
    let Some(pruned) = pruned_until(manifest) else { return Ok(()) };
    let is_gone = |time: &String| *time.as_bytes() < *pruned;
    match wanted.since.iter().chain(&wanted.until).any(is_gone) {
        true => Err(gone("operations behind that time were pruned")),
        false => Ok(()),
    }
}

impl Feed {
    /// A history behind a position, or from the beginning; in reverse from the end. A live one never comes to an end.
    pub fn new(wanted: Wanted, after: Option<Position>, (is_reverse, is_live): (bool, bool)) -> Self {
        let (reading, is_over) = (RefCell::default(), RefCell::default());
        let era = Cell::new(after.as_ref().map_or(0, |after| after.era));
        Self { wanted, after, is_live, reading, is_reverse, is_over, era }
    }

    /// The first era that is still read, unless it is over.
    pub fn first_needed(&self) -> Option<u64> {
        (!*self.is_over.borrow()).then_some(self.era.get())
    }

    /// Eras before this one are read no more.
    pub(super) fn has_come_to(&self, era: u64) {
        self.era.set(era);
    }
}

impl<C: Carrier> Session<C> {
    /// The next changes as JSON texts, each followed by a comma, of about `limit` bytes. `None` when there are no more at the
    /// moment; empty when what was read so far is not wanted.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE`, and those of the steps.
    pub async fn next_changes(&self, feed: &Feed, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        if *feed.is_over.borrow() {
            return Ok(None);
        }
        let reading = feed.reading.borrow_mut().take();
        let mut reading = match reading {
            Some(reading) => reading,
            None => self.begin_reading(feed).await?,
        };
        let mut out = Vec::new();
        let more = match &mut reading {
            Reading::Forward(forward) => self.forward(feed, forward, &mut out, limit).await,
            Reading::Backward(backward) => self.backward(feed, backward, &mut out, limit).await,
        };
        *feed.reading.borrow_mut() = Some(reading);
        let more = more?;
        if !more && !feed.is_live {
            *feed.is_over.borrow_mut() = true;
        }
        Ok((!out.is_empty() || more).then_some(out))
    }

    async fn begin_reading(&self, feed: &Feed) -> Result<Reading, Error> {
        self.flush_own().await?;
        let manifest = self.manifest_now().await?;
        let newest = manifest.snapshots();
        let mut known = HashSet::new();
        let mut begun = None;
        match &feed.after {
            Some(after) => {
                let (era, read, later) = self.read_up_to(after).await?;
                known = read;
                begun = Some((era, later));
            }
            None => must_be_kept(&feed.wanted, &manifest)?,
        }
        let first = match &feed.after {
            Some(after) => after.era,
            None => self.first_era(&manifest).await?,
        };
        if feed.is_reverse {
            return Ok(Reading::Backward(Backward::new(newest.max(first), first, known)));
        }
        let mut forward = Forward::new(first, (!feed.is_live).then_some(newest.max(first)));
        if let (Some(after), Some((era, later))) = (&feed.after, begun) {
            forward.begin_behind(after, era, known, later);
        }
        Ok(Reading::Forward(Box::new(forward)))
    }

    /// Carries away what is buffered, if there is anything: the logs are to have all that the store shows.
    pub(super) async fn flush_own(&self) -> Result<(), Error> {
        if self.options.read_only { Ok(()) } else { self.flush_buffer().await }
    }
}
