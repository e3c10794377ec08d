//! The operations of an era: of those that are over, from the logs that the manifest calls retired, of the current one from the logs
//! that it names. A single writer knows its own, and reads nothing.

use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashSet;

use super::position::{Count, Position, Read};
use super::{DELETED, OF_ANOTHER, UNDONE, gone};
use crate::format::document::{Manifest, Name, Numbering, Retired};
use crate::protocol::carrier::{Carrier, Error};
use crate::protocol::entry::{Entry, logs_of, read_all};
use crate::protocol::session::Session;
use crate::protocol::tail;

/// In how many eras before the first copy of an operation is looked for.
const SEARCHED: u64 = 4;
/// How often the operations of an era are read while its logs go, and while a listing of them seems to be an old one.
const READS: u64 = 5;

/// The operations of an era.
///
/// One struct: what one look at the logs of an era found, which its callers read and none changes.
pub(super) struct Era {
    pub(super) number: u64,
    pub(super) origin: u32,
    /// A snapshot holds them: no others come.
    pub(super) is_over: bool,
    /// They are those that the store knows as its own, and not read.
    pub(super) is_own: bool,
    pub(super) entries: Vec<Entry>,
    /// Those among them that were appended again although their first copies count in an earlier era.
    pub(super) copies: HashSet<Arc<[u8]>>,
    /// The note of what an archive took out behind them.
    pub(super) archived: Option<Name>,
    /// Which numbers those operations have that a checkpoint left to the next era.
    pub(super) kept: Option<(Numbering, Numbering)>,
    pub(super) manifest: Rc<Manifest>,
}

/// The era of a position, the operations up to there, and those of a single writer among them that stand in a later era.
type ReadUpTo = (Era, HashSet<Arc<[u8]>>, Vec<Entry>);

impl Era {
    /// Whether an operation that is not there must have been undone: a log from which operations are taken in place is as new as
    /// the last look, and another is named by another name once an operation was taken out.
    pub(super) fn lacks_for_good(&self, log: &Name, is_cut_in_place: bool) -> bool {
        self.is_over || is_cut_in_place || !logs_of(&self.manifest).iter().any(|named| named.path == *log)
    }
}

/// What tells a snapshot from others in a position.
pub(super) fn origin_of(snapshot: &[u8]) -> u32 {
    crc32fast::hash(snapshot)
}

/// The time of the last operation that was pruned.
pub(super) fn pruned_until(manifest: &Manifest) -> Option<Name> {
    pruned(manifest, 1)
}

/// The time of the last archive behind operations that were pruned.
pub(super) fn pruned_archive(manifest: &Manifest) -> Option<Name> {
    pruned(manifest, 2)
}

fn pruned(manifest: &Manifest, place: usize) -> Option<Name> {
    let pruned = crate::json::array::elements(manifest.field("pruned")?)?;
    let time = crate::json::string_body(pruned.get(place)?)?;
    Some(Arc::from(&*crate::json::string::unescape(time)))
}

impl<C: Carrier> Session<C> {
    /// The manifest as it is now; that of a single writer, as it knows it.
    pub(super) async fn manifest_now(&self) -> Result<Rc<Manifest>, Error> {
        if self.is_only_writer() {
            return self.known_rc();
        }
        Ok(self.read_anew().await?.known()?.manifest)
    }

    /// Whether the store writes alone, as far as it knows.
    fn is_only_writer(&self) -> bool {
        let is_named = || {
            self.manifest().is_some_and(|manifest| {
                manifest.agent_logs().is_none() && self.writer.own().name() == Some(manifest.active_ops())
            })
        };
        self.agent().is_none() && !self.options.read_only && self.writer.is_at_work() && is_named()
    }

    /// The operations of an era, those that there are by now.
    pub(super) async fn era(&self, number: u64) -> Result<Era, Error> {
        for attempt in 1.. {
            let manifest = self.manifest_now().await?;
            let read = self.era_of(number, &manifest).await;
            let Err(error) = read else { return read };
            // A checkpoint, or an undo, may have put others in the place of the logs that were to be read.
            let is_other = !self.is_only_writer() && self.manifest_now().await? != manifest;
            if !is_other || attempt == READS {
                return Err(error);
            }
        }
        Err(gone(DELETED))
    }

    async fn era_of(&self, number: u64, manifest: &Rc<Manifest>) -> Result<Era, Error> {
        let manifest = Rc::clone(manifest);
        if number == manifest.snapshots() {
            let (origin, is_own) = (origin_of(&manifest.snapshot()), self.is_only_writer());
            let entries = match is_own {
                true => self.own_entries(&manifest, 0),
                false => read_all(&self.carrier, &manifest).await?,
            };
            let (archived, copies) = (None, self.copies(&manifest, number, &entries).await?);
            let (is_over, kept) = (false, None);
            return Ok(Era { number, origin, is_over, is_own, entries, copies, archived, kept, manifest });
        }
        let Some(retired) = self.retired_behind(&manifest, number).await? else {
            return Err(gone(if number > manifest.snapshots() { OF_ANOTHER } else { DELETED }));
        };
        let origin = retired.from.as_deref().map(origin_of).unwrap_or_default();
        let entries = self.entries_of(&retired).await?;
        let (kept, copies) = (retired.kept_numbers(), self.copies(&manifest, number, &entries).await?);
        let (is_over, is_own, archived) = (true, false, retired.archived);
        Ok(Era { number, origin, is_over, is_own, entries, copies, archived, kept, manifest })
    }

    /// Which of some operations that an era no longer has a checkpoint left to a later one.
    pub(super) async fn kept_later(
        &self,
        era: &Era,
        missing: &HashSet<Arc<[u8]>>,
    ) -> Result<HashSet<Arc<[u8]>>, Error> {
        let mut found = HashSet::new();
        let (mut number, mut keeps) = (era.number, era.kept.is_some());
        while keeps && found.len() < missing.len() {
            number += 1;
            let later = self.era(number).await?;
            let identities = later.entries.iter().map(|entry| &entry.identity);
            found.extend(identities.filter(|identity| missing.contains(*identity)).map(Arc::clone));
            keeps = later.kept.is_some();
        }
        Ok(found)
    }

    async fn entries_of(&self, retired: &Retired) -> Result<Vec<Entry>, Error> {
        let logs: Vec<_> = tail::logs_of(retired).collect();
        match tail::read_whole(&self.carrier, &logs).await {
            Err(Error::Step(failure)) if failure.is_missing => Err(gone(DELETED)),
            Ok((_, false)) => Err(gone(DELETED)),
            read => Ok(read?.0),
        }
    }

    /// Which operations of an era count in an earlier one: a compaction read their first copies in time, but not their writers.
    async fn copies(
        &self,
        manifest: &Manifest,
        number: u64,
        entries: &[Entry],
    ) -> Result<HashSet<Arc<[u8]>>, Error> {
        let again = entries.iter().filter(|entry| entry.is_again).map(|entry| Arc::clone(&entry.identity));
        let again: HashSet<Arc<[u8]>> = again.collect();
        let mut copies = HashSet::new();
        for before in (number.saturating_sub(SEARCHED)..number).rev() {
            if copies.len() == again.len() {
                break;
            }
            let Some(retired) = self.retired_behind(manifest, before).await? else { break };
            let earlier = self.entries_of(&retired).await?;
            copies.extend(
                earlier.into_iter().map(|entry| entry.identity).filter(|identity| again.contains(identity)),
            );
        }
        Ok(copies)
    }

    /// The operations of the single writer from a place of its log on.
    pub(super) fn own_entries(&self, manifest: &Manifest, from: usize) -> Vec<Entry> {
        let Some(log) = logs_of(manifest).into_iter().next() else { return Vec::new() };
        let lines = self.writer.own().lines_from(from);
        let read = |(place, line): (usize, &Arc<[u8]>)| Entry::of(line, from + place, &log);
        lines.iter().enumerate().filter_map(read).collect()
    }

    /// The operations behind those of a single writer that were read, if those still stand there.
    pub(super) fn own_behind(&self, era: u64, (count, last): (usize, &[u8])) -> Option<Vec<Entry>> {
        let manifest = self.manifest().filter(|_| self.is_only_writer() && count > 0)?;
        let mut behind = self.own_entries(&manifest, count - 1);
        let is_there =
            manifest.snapshots() == era && behind.first().is_some_and(|entry| *entry.identity == *last);
        is_there.then(|| {
            behind.remove(0);
            behind
        })
    }

    /// The operations that were read up to a position, from its era on.
    pub(super) async fn read_up_to(&self, position: &Position) -> Result<ReadUpTo, Error> {
        let manifest = self.manifest_now().await?;
        if position.era > manifest.snapshots() {
            return Err(gone(OF_ANOTHER));
        }
        if position.era < self.first_era(&manifest).await? {
            return Err(gone(DELETED));
        }
        for attempt in 1.. {
            let first = self.era(position.era).await?;
            if first.origin != position.origin {
                return Err(gone(OF_ANOTHER));
            }
            let mut missing = position.read.clone();
            let (mut known, mut kept) = (HashSet::new(), Vec::new());
            take_known(&mut missing, &first.entries, &mut known);
            // What was read before its log was sealed may count in a later log.
            let (mut number, mut is_over) = (first.number, first.is_over);
            while is_over && missing.values().any(|count| count.count > 0) {
                number += 1;
                let later = self.era(number).await?;
                let taken = take_known(&mut missing, &later.entries, &mut known);
                kept.extend(taken.into_iter().filter(|entry| entry.agent.is_empty()).cloned());
                is_over = later.is_over;
            }
            if missing.values().all(|count| count.is_nothing()) {
                return Ok((first, known, kept));
            }
            // A listing may be older than the one before it.
            if first.is_own || self.carrier.facts().answers_are_final || attempt == READS {
                return Err(gone(UNDONE));
            }
            self.carrier.pause(attempt * 10).await;
        }
        Err(gone(UNDONE))
    }
}

/// Takes the first operations of each agent, as many as are missing of it. Returns them.
fn take_known<'e>(
    missing: &mut Read,
    entries: &'e [Entry],
    known: &mut HashSet<Arc<[u8]>>,
) -> Vec<&'e Entry> {
    let mut taken = Vec::new();
    for entry in entries {
        if let Some(count) = missing.get_mut(&entry.agent).filter(|count| count.count > 0)
            && known.insert(Arc::clone(&entry.identity))
        {
            Count::take(count, &entry.identity);
            taken.push(entry);
        }
    }
    taken
}
