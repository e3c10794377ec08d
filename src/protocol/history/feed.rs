//! Operations as callers read them, forward or backward, in pieces of JSON text. Read forward, an era is told from what its logs hold at
//! each look: what is not there any more is told as undone, and told again should it come back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::eras::{Era, pruned_until};
use super::position::{Position, Read, print};
use super::{OF_ANOTHER, gone};
use crate::engine::Id;
use crate::format::document::{Manifest, Name, Numbering};
use crate::format::operation::{BatchMark, parse_line};
use crate::history::{Change, Event, Wanted, event_into};
use crate::protocol::carrier::{Carrier, Error, Version};
use crate::protocol::entry::{Entry, logs_of};
use crate::protocol::session::Session;

/// How often logs are read that seem to lack operations.
const READS: u64 = 5;

/// A history that is being read.
pub struct Feed {
    wanted: Wanted,
    after: Option<Position>,
    is_live: bool,
    reading: RefCell<Option<Reading>>,
    is_reverse: bool,
    is_over: RefCell<bool>,
}

/// What was read.
enum Reading {
    Forward(Box<Forward>),
    Backward(Backward),
}

/// An operation that was told.
struct Told {
    identity: Arc<[u8]>,
    agent: Name,
    id: Id,
    position: Box<[u8]>,
    /// The log that it was seen in; `None` until it is seen where a checkpoint has left it.
    log: Option<Name>,
    /// It was told in an earlier era.
    is_copy: bool,
}

impl Told {
    fn new(entry: &Entry, position: Vec<u8>, is_copy: bool) -> Self {
        Self {
            is_copy,
            identity: Arc::clone(&entry.identity),
            agent: Arc::clone(&entry.agent),
            id: Arc::clone(&entry.id),
            position: position.into(),
            log: Some(Arc::clone(&entry.log)),
        }
    }
}

/// Gives operations their positions, one after the other.
struct Walk {
    era: u64,
    origin: u32,
    read: Read,
    /// The positions of the first operations of batches that have not ended.
    batches: HashMap<Name, Box<[u8]>>,
}

struct Forward {
    walk: Walk,
    /// The operations of the era that were told, in this order.
    told: Vec<Told>,
    known: HashSet<Arc<[u8]>>,
    /// Operations that were told before it began, and the position behind them.
    already: HashSet<Arc<[u8]>>,
    after: Option<Position>,
    /// Operations that were told, and which a checkpoint has left to the next era.
    kept: HashSet<Arc<[u8]>>,
    /// Operations that were told before it began, and that a checkpoint has left to an era behind its first.
    kept_before: Vec<Entry>,
    queue: VecDeque<Entry>,
    /// Those of the era that were told in an earlier one.
    copies: HashSet<Arc<[u8]>>,
    /// Whether the era was looked at.
    is_begun: bool,
    is_era_over: bool,
    /// The era behind which it ends, unless it is live.
    last: Option<u64>,
    /// Up to which number the operations of later eras belong to that one, since a checkpoint left them to those.
    until: Option<Numbering>,
    /// Whether some of them are still to come.
    goes_on: bool,
    is_at_end: bool,
    /// What the carrier said of changes before everything was told.
    token: Option<Version>,
}

/// An operation with its position and that of its batch.
type Placed = (Entry, Vec<u8>, Option<Box<[u8]>>);

struct Backward {
    /// The era that comes next, and the first of all.
    next: Option<u64>,
    first: u64,
    is_begun: bool,
    /// The operations up to the position.
    known: HashSet<Arc<[u8]>>,
    queue: Vec<Placed>,
}

impl Walk {
    fn new(era: u64, origin: u32) -> Self {
        Self { era, origin, read: Read::new(), batches: HashMap::new() }
    }

    fn position(&self, of: Option<&Name>) -> Vec<u8> {
        print(self.era, self.origin, &self.read, of)
    }

    /// Goes behind an operation. Returns its position, and that of the first operation of its batch.
    fn pass(&mut self, entry: &Entry) -> (Vec<u8>, Option<Box<[u8]>>) {
        self.read.entry(Arc::clone(&entry.agent)).or_default().add(&entry.identity);
        let position = self.position(Some(&entry.agent));
        let mark = parse_line(&entry.line).ok().and_then(|line| line.batch);
        let batch = match mark {
            None => {
                self.batches.remove(&entry.agent);
                None
            }
            Some(BatchMark::More) => {
                let first = self.batches.entry(Arc::clone(&entry.agent));
                Some(first.or_insert_with(|| position.as_slice().into()).clone())
            }
            Some(BatchMark::Last) => self.batches.remove(&entry.agent),
        };
        (position, batch)
    }
}

fn print_change(out: &mut Vec<u8>, wanted: &Wanted, entry: &Entry, position: &[u8], batch: Option<&[u8]>) {
    let Ok(line) = parse_line(&entry.line) else { return };
    let change = Change { bytes: &entry.line, line: &line, position, ms: 0, start: 0, batch };
    push_event(out, wanted, &Event::Change(change));
}

fn push_event(out: &mut Vec<u8>, wanted: &Wanted, event: &Event<'_>) {
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
        Self { wanted, after, is_live, reading, is_reverse, is_over }
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
            let next = Some(newest.max(first));
            return Ok(Reading::Backward(Backward {
                next,
                first,
                is_begun: false,
                known,
                queue: Vec::new(),
            }));
        }
        let last = (!feed.is_live).then_some(newest.max(first));
        let mut forward = Forward::new(Walk::new(first, 0), known, last);
        forward.after.clone_from(&feed.after);
        if let Some((era, later)) = begun {
            forward.kept_before = later;
            forward.enqueue(era);
            forward.is_at_end = !forward.is_era_over && !feed.is_live;
        }
        Ok(Reading::Forward(Box::new(forward)))
    }

    /// Returns whether there may be more at once.
    async fn forward(
        &self,
        feed: &Feed,
        forward: &mut Forward,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, Error> {
        loop {
            while let Some(entry) = forward.queue.pop_front() {
                forward.tell(&entry, &feed.wanted, out);
                if out.len() >= limit {
                    return Ok(true);
                }
            }
            if forward.is_at_end {
                return Ok(false);
            }
            if forward.is_era_over {
                if forward.last.is_some_and(|last| forward.walk.era >= last) && !forward.goes_on {
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
            forward.is_at_end = !forward.is_era_over && !feed.is_live;
            if is_quiet && !forward.is_era_over {
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
        if let Some(last) = forward.told.last().filter(|_| forward.is_begun)
            && let Some(behind) = self.own_behind(number, (forward.told.len(), &last.identity))
        {
            forward.queue.extend(behind);
            return Ok(!forward.queue.is_empty());
        }
        let facts = self.carrier.facts();
        let mut attempt = 1;
        loop {
            let era = self.era(number).await?;
            if forward.is_begun && era.origin != forward.walk.origin {
                return Err(gone(OF_ANOTHER));
            }
            if !era.is_over {
                forward.finds_log(&era.manifest);
            }
            let missing = forward.lacking(&era.entries);
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
                let moved = forward.moved(&era.entries, &there);
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
            forward.kept = kept;
            forward.enqueue(era);
            return Ok(!undone.is_empty() || !forward.queue.is_empty());
        }
    }

    async fn backward(
        &self,
        feed: &Feed,
        backward: &mut Backward,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<bool, Error> {
        loop {
            while let Some((entry, position, batch)) = backward.queue.pop() {
                print_change(out, &feed.wanted, &entry, &position, batch.as_deref());
                if out.len() >= limit {
                    return Ok(true);
                }
            }
            let Some(mut number) = backward.next else { return Ok(false) };
            let mut era = self.era(number).await?;
            while !backward.is_begun && era.kept.is_some() {
                // A checkpoint that was made meanwhile has left some of its operations to the next.
                number += 1;
                era = self.era(number).await?;
            }
            backward.is_begun = true;
            backward.next = number.checked_sub(1).filter(|next| *next >= backward.first);
            let mut walk = Walk::new(number, era.origin);
            for entry in era.entries {
                let (position, batch) = walk.pass(&entry);
                if !backward.known.contains(&entry.identity) && !era.copies.contains(&entry.identity) {
                    backward.queue.push((entry, position, batch));
                }
            }
        }
    }

    /// Carries away what is buffered, if there is anything: the logs are to have all that the store shows.
    pub(super) async fn flush_own(&self) -> Result<(), Error> {
        if self.options.read_only { Ok(()) } else { self.flush_buffer().await }
    }
}

impl Forward {
    fn new(walk: Walk, already: HashSet<Arc<[u8]>>, last: Option<u64>) -> Self {
        let (told, queue, known, after) = (Vec::new(), VecDeque::new(), HashSet::new(), None);
        let (kept, kept_before, copies) = (HashSet::new(), Vec::new(), HashSet::new());
        Self {
            walk,
            told,
            known,
            already,
            after,
            kept,
            kept_before,
            queue,
            copies,
            is_begun: false,
            is_era_over: false,
            last,
            until: None,
            goes_on: false,
            is_at_end: false,
            token: None,
        }
    }

    /// What a checkpoint has left to this era stands in the log of its single writer.
    fn finds_log(&mut self, manifest: &Manifest) {
        let logs = logs_of(manifest);
        let [log] = logs.as_slice() else { return };
        for told in self.told.iter_mut().filter(|told| told.log.is_none()) {
            told.log = Some(Arc::clone(&log.path));
        }
    }

    /// Those that were told and are not among these.
    fn lacking(&self, entries: &[Entry]) -> HashSet<Arc<[u8]>> {
        let there: HashSet<&Arc<[u8]>> = entries.iter().map(|entry| &entry.identity).collect();
        let told = self.told.iter().map(|told| &told.identity);
        told.filter(|identity| !there.contains(identity)).map(Arc::clone).collect()
    }

    /// What is new of an era is to be told.
    fn enqueue(&mut self, mut era: Era) {
        self.walk.origin = era.origin;
        (self.is_begun, self.is_era_over) = (true, era.is_over);
        if Some(era.number) == self.last {
            self.until = era.kept.map(|(_, to)| to);
        } else if let Some(until) = self.until.filter(|_| self.last.is_some()) {
            era.entries.retain(|entry| entry.number().is_some_and(|number| number.is_below(until)));
        }
        self.goes_on = self.until.is_some_and(|until| era.kept.is_some_and(|(from, _)| from.is_below(until)));
        let known = &self.known;
        let new = era.entries.into_iter().filter(|entry| !known.contains(&entry.identity));
        // NOTE: what a feed before this one told comes first: a position says of each agent how many of its operations were told.
        let (told, untold): (Vec<_>, Vec<_>) = new.partition(|entry| self.already.contains(&entry.identity));
        self.queue = told.into_iter().chain(untold).collect();
        self.copies = era.copies;
    }

    /// Goes on with the next era.
    fn advance(&mut self) {
        for entry in std::mem::take(&mut self.kept_before) {
            self.already.remove(&entry.identity);
            self.kept.insert(Arc::clone(&entry.identity));
            let (position, _) = self.walk.pass(&entry);
            self.told.push(Told::new(&entry, position, false));
        }
        let walk = Walk::new(self.walk.era + 1, 0);
        let before = std::mem::replace(&mut self.walk, walk);
        self.known.clear();
        // What was told and has gone over to the next era has been told of that one.
        self.told.retain(|told| self.kept.contains(&told.identity));
        for told in &mut self.told {
            told.log = None;
            self.known.insert(Arc::clone(&told.identity));
            self.walk.read.entry(Arc::clone(&told.agent)).or_default().add(&told.identity);
        }
        if !self.told.is_empty() {
            self.walk.batches = before.batches;
        }
        self.kept.clear();
        (self.is_begun, self.is_era_over) = (false, false);
        self.token = None;
    }

    fn tell(&mut self, entry: &Entry, wanted: &Wanted, out: &mut Vec<u8>) {
        if !self.known.insert(Arc::clone(&entry.identity)) {
            return;
        }
        let (mut position, batch) = self.walk.pass(entry);
        let is_copy = self.copies.contains(&entry.identity);
        if self.already.remove(&entry.identity) {
            // Told by a feed before this one: the last of them bore the position at which this one began.
            if let Some(after) = self.after.as_ref().filter(|after| after.era == self.walk.era) {
                let mut read = after.read.clone();
                let own = self.walk.read.get(&entry.agent).copied().unwrap_or_default();
                read.insert(Arc::clone(&entry.agent), own);
                position = print(after.era, after.origin, &read, Some(&entry.agent));
            }
        } else if !is_copy {
            print_change(out, wanted, entry, &position, batch.as_deref());
        }
        self.told.push(Told::new(entry, position, is_copy));
    }

    /// Which operations were told before others of their agent that stand before them: an older listing of a log lacked those. They are
    /// to be told again, so that of each agent what was told is how its operations begin, as a position says.
    fn moved(&self, entries: &[Entry], there: &HashSet<&Arc<[u8]>>) -> HashSet<Arc<[u8]>> {
        let mut expected: HashMap<&Name, VecDeque<&Arc<[u8]>>> = HashMap::new();
        for told in self.told.iter().filter(|told| there.contains(&told.identity)) {
            expected.entry(&told.agent).or_default().push_back(&told.identity);
        }
        let mut moved = HashSet::new();
        for entry in entries {
            let Some(expected) = expected.get_mut(&entry.agent) else { continue };
            match expected.front() == Some(&&entry.identity) {
                true => drop(expected.pop_front()),
                false => moved.extend(expected.drain(..).map(Arc::clone)),
            }
        }
        moved
    }

    /// An operation that was told is there no more, or stands elsewhere.
    fn retract(&mut self, identity: &Arc<[u8]>, wanted: &Wanted, out: &mut Vec<u8>) {
        let Some(place) = self.told.iter().rposition(|told| told.identity == *identity) else { return };
        let told = self.told.remove(place);
        self.known.remove(identity);
        if let Some(count) = self.walk.read.get_mut(&told.agent) {
            count.take(identity);
        }
        self.walk.batches.remove(&told.agent);
        let after = self.walk.position(None);
        if !told.is_copy {
            push_event(out, wanted, &Event::Undone { position: &told.position, after: &after, id: &told.id });
        }
    }
}
