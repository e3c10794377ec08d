//! Operations read forward. An era is told from what its logs hold at each look: what is not there any more is told as undone, and
//! told again should it come back.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashSet;

use super::eras::Era;
use super::feed::{Feed, print_change, push_event};
use super::position::{Position, print};
use super::told::{Told, ToldInEra};
use super::walk::Walk;
use super::{OF_ANOTHER, gone};
use crate::format::document::{Name, Numbering};
use crate::history::{Event, Wanted};
use crate::protocol::carrier::{Carrier, Error, Version};
use crate::protocol::entry::Entry;
use crate::protocol::session::Session;

/// How often logs are read that seem to lack operations.
const READS: u64 = 5;

/// A history that is read forward.
pub(super) struct Forward {
    walk: Walk,
    told: ToldInEra,
    before: Before,
    found: Found,
    end: End,
    is_at_end: bool,
    /// What the carrier said of changes before everything was told.
    token: Option<Version>,
}

/// What a feed before this one has told: this one began at its position.
#[derive(Default)]
struct Before {
    after: Option<Position>,
    /// The operations that it told and this one has not come to.
    told: HashSet<Arc<[u8]>>,
    /// Those among them that a checkpoint has left to an era behind the first of this one.
    kept: Vec<Entry>,
}

impl Before {
    /// The position to tell for an operation that was told before: the last of them bore the position at which this feed began.
    fn position(&self, walk: &Walk, agent: &Name) -> Option<Vec<u8>> {
        let after = self.after.as_ref().filter(|after| after.era == walk.era)?;
        let mut read = after.read.clone();
        read.insert(Arc::clone(agent), walk.read.get(agent).copied().unwrap_or_default());
        Some(print(after.era, after.origin, &read, Some(agent)))
    }
}

/// What the last look at the era found.
#[derive(Default)]
struct Found {
    /// The operations that are to be told.
    queue: VecDeque<Entry>,
    /// Those of the era that were told in an earlier one.
    copies: HashSet<Arc<[u8]>>,
    /// Whether there was a look.
    is_begun: bool,
    is_over: bool,
}

/// Where the history ends, unless it is live.
struct End {
    /// The era behind which it ends.
    last: Option<u64>,
    /// Up to which number the operations of later eras belong to that one, since a checkpoint left them to those.
    until: Option<Numbering>,
    /// Whether some of them are still to come.
    goes_on: bool,
}

impl End {
    fn is_reached(&self, era: u64) -> bool {
        self.last.is_some_and(|last| era >= last) && !self.goes_on
    }

    /// Leaves the operations of an era out that come behind the end.
    fn bound(&mut self, era: &mut Era) {
        if Some(era.number) == self.last {
            self.until = era.kept.map(|(_, to)| to);
        } else if let Some(until) = self.until.filter(|_| self.last.is_some()) {
            era.entries.retain(|entry| entry.number().is_some_and(|number| number.is_below(until)));
        }
        self.goes_on = self.until.is_some_and(|until| era.kept.is_some_and(|(from, _)| from.is_below(until)));
    }
}

impl<C: Carrier> Session<C> {
    /// Returns whether there may be more at once.
    pub(super) async fn forward(
        &self,
        feed: &Feed,
        forward: &mut Forward,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, Error> {
        loop {
            feed.has_come_to(forward.walk.era);
            while let Some(entry) = forward.found.queue.pop_front() {
                forward.tell(&entry, &feed.wanted, out);
                if out.len() >= limit {
                    return Ok(true);
                }
            }
            if forward.is_at_end {
                return Ok(false);
            }
            if forward.found.is_over {
                if forward.end.is_reached(forward.walk.era) {
                    return Ok(false);
                }
                forward.advance();
                // NOTE: a caller that looks for something rare hears of the time that this takes.
                if out.is_empty() && forward.walk.era.is_multiple_of(32) {
                    return Ok(true);
                }
            }
            let token = match self.carrier.facts().tells_changes && feed.is_live && !self.is_alone() {
                // NOTE: before anything is read: what comes meanwhile changes the next one.
                true => Some(self.carrier.change_token().await?),
                false => None,
            };
            if token.is_some() && token == forward.token {
                return Ok(false);
            }
            let is_quiet = !self.look_forward(feed, forward, out).await?;
            forward.is_at_end = !forward.found.is_over && !feed.is_live;
            if is_quiet && !forward.found.is_over {
                forward.token = token;
                return Ok(false);
            }
        }
    }

    /// Looks for operations of the era that were not told. Returns whether there is something new.
    async fn look_forward(
        &self,
        feed: &Feed,
        forward: &mut Forward,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let number = forward.walk.era;
        if let Some((count, last)) = forward.told.end().filter(|_| forward.found.is_begun)
            && let Some(behind) = self.own_behind(number, (count, last))
        {
            forward.found.queue.extend(behind);
            return Ok(!forward.found.queue.is_empty());
        }
        let facts = self.carrier.facts();
        let mut attempt = 1;
        loop {
            let era = self.era(number).await?;
            if forward.found.is_begun && era.origin != forward.walk.origin {
                return Err(gone(OF_ANOTHER));
            }
            if !era.is_over {
                forward.told.finds_log(&era.manifest);
            }
            let missing = forward.told.lacking(&era.entries);
            let kept = self.kept_later(&era, &missing).await?;
            let undone: Vec<Arc<[u8]>> = {
                let there: HashSet<&Arc<[u8]>> = era.entries.iter().map(|entry| &entry.identity).collect();
                let is_sure = missing.is_empty() || era.is_over || era.is_own || facts.answers_are_final;
                if !is_sure && attempt < READS {
                    // A listing may be older than the one before it.
                    self.carrier.pause(attempt * 10).await;
                    attempt += 1;
                    continue;
                }
                let is_cut = |told: &Told| told.agent.is_empty() && !facts.closes_logs;
                let moved = forward.told.moved(&era.entries, &there);
                let is_undone = |told: &&Told| match there.contains(&told.identity) {
                    true => moved.contains(&told.identity),
                    false => {
                        let is_gone = |log: &Name| era.lacks_for_good(log, is_cut(told));
                        !kept.contains(&told.identity) && told.log.as_ref().map_or(era.is_over, is_gone)
                    }
                };
                let undone = forward.told.iter().filter(is_undone);
                undone.map(|told| Arc::clone(&told.identity)).collect()
            };
            for identity in undone.iter().rev() {
                forward.retract(identity, &feed.wanted, out);
            }
            forward.told.keep(kept);
            forward.enqueue(era);
            return Ok(!undone.is_empty() || !forward.found.queue.is_empty());
        }
    }
}

impl Forward {
    /// From the beginning of an era on; up to the end of another, if it is not live.
    pub(super) fn new(first: u64, last: Option<u64>) -> Self {
        Self {
            walk: Walk::new(first, 0),
            told: ToldInEra::default(),
            before: Before::default(),
            found: Found::default(),
            end: End { last, until: None, goes_on: false },
            is_at_end: false,
            token: None,
        }
    }

    /// Begins behind a position, in its era: a feed before this one has told these operations, and those that a checkpoint has
    /// left to a later era.
    pub(super) fn begin_behind(
        &mut self,
        position: &Position,
        era: Era,
        told: HashSet<Arc<[u8]>>,
        kept: Vec<Entry>,
    ) {
        self.before = Before { after: Some(position.clone()), told, kept };
        self.enqueue(era);
        self.is_at_end = !self.found.is_over && self.end.last.is_some();
    }

    /// What is new of an era is to be told.
    fn enqueue(&mut self, mut era: Era) {
        self.walk.origin = era.origin;
        self.end.bound(&mut era);
        let new = era.entries.into_iter().filter(|entry| !self.told.knows(&entry.identity));
        // NOTE: what a feed before this one told comes first: a position says of each agent how many of its operations were told.
        let (told, untold): (Vec<_>, Vec<_>) =
            new.partition(|entry| self.before.told.contains(&entry.identity));
        let queue = told.into_iter().chain(untold).collect();
        self.found = Found { queue, copies: era.copies, is_begun: true, is_over: era.is_over };
    }

    /// Goes on with the next era.
    fn advance(&mut self) {
        for entry in std::mem::take(&mut self.before.kept) {
            self.before.told.remove(&entry.identity);
            let (position, _) = self.walk.pass(&entry);
            self.told.push_kept(Told::new(&entry, position, false));
        }
        self.told.advance(&mut self.walk);
        self.found = Found::default();
        self.token = None;
    }

    fn tell(&mut self, entry: &Entry, wanted: &Wanted, out: &mut Vec<u8>) {
        if self.told.knows(&entry.identity) {
            return;
        }
        let (mut position, batch) = self.walk.pass(entry);
        let is_copy = self.found.copies.contains(&entry.identity);
        if self.before.told.remove(&entry.identity) {
            position = self.before.position(&self.walk, &entry.agent).unwrap_or(position);
        } else if !is_copy {
            print_change(out, wanted, entry, &position, batch.as_deref());
        }
        self.told.push(Told::new(entry, position, is_copy));
    }

    /// An operation that was told is there no more, or stands elsewhere.
    fn retract(&mut self, identity: &Arc<[u8]>, wanted: &Wanted, out: &mut Vec<u8>) {
        let Some(told) = self.told.remove(identity) else { return };
        let after = self.walk.take_back(&told.agent, identity);
        if !told.is_copy {
            push_event(out, wanted, &Event::Undone { position: &told.position, after: &after, id: &told.id });
        }
    }
}
