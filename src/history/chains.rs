//! The logs of one agent, oldest first, as one sequence of lines: what the merge takes its lines from.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::ids::Record;
use super::known::KnownLog;
use super::log::Log;
use super::position::{Mark, Place, Standing};
use super::remembered::{Given, Taken};
use super::sealed_logs::{ReadUpTo, SealedLogs};
use super::trail::LogName;
use crate::disk::Disk;
use crate::engine::compare_ranks;
use crate::error::Result;
use crate::format::operation::Line;
use crate::rules::copies;

/// How much is read of a log at once, and how much to see its first line.
const PIECE: usize = 64 << 10;
const FIRST: usize = 1 << 10;
/// How many operations of an agent are remembered: so many can be undone under a follower.
const REMEMBERED: usize = 1 << 12;

/// A line that was read and not given yet.
pub(super) struct Pending {
    pub(super) mark: Mark,
    /// The time of its log.
    pub(super) ms: u64,
    pub(super) bytes: Arc<[u8]>,
    /// The first line of its batch.
    pub(super) batch: Option<Mark>,
    clock: u64,
    agent: Arc<[u8]>,
}

impl Pending {
    pub(super) fn new(ms: u64, mark: Mark, bytes: &[u8], line: &Line<'_>, batch: Option<Mark>) -> Self {
        let agent = line.agent.as_deref().unwrap_or_default().into();
        Self { mark, ms, bytes: bytes.into(), batch, clock: line.clock.unwrap_or(0), agent }
    }

    /// The total order.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare_ranks((self.clock, &self.agent), (other.clock, &other.agent))
    }

    /// Whether it has this rank, which says something of operations of agents only.
    pub(super) fn has_rank(&self, rank: (u64, &[u8])) -> bool {
        copies::tells_apart(self.clock) && self.rank_ref() == rank
    }

    /// Whether it has the text of a line, marks aside.
    pub(super) fn has_text(&self, line: &[u8]) -> bool {
        copies::is_one(&self.bytes, line)
    }

    /// Whether both are one operation that was logged twice. Two programs that work under one name give the same ranks.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        self.has_rank(other.rank_ref()) && self.has_text(&other.bytes)
    }

    pub(super) fn rank_ref(&self) -> (u64, &[u8]) {
        (self.clock, &self.agent)
    }

    pub(super) fn rank(&self) -> (u64, Arc<[u8]>) {
        (self.clock, Arc::clone(&self.agent))
    }
}

/// The logs of one agent.
pub(super) struct Chain {
    pub(super) agent: Arc<str>,
    /// Logs after the current one, each with the offset up to which it is read.
    later: VecDeque<(LogName, u64)>,
    log: Option<Log>,
    pending: VecDeque<Pending>,
    /// The last line that was given, with the time of its log.
    pub(super) last: Option<(u64, Mark)>,
    /// A line that was read is no longer there.
    pub(super) is_disturbed: bool,
    /// The logs of which only the lines on one record were read.
    picked: SealedLogs,
}

impl Chain {
    pub(super) fn new(agent: &Arc<str>) -> Self {
        let (later, pending) = (VecDeque::new(), VecDeque::new());
        let (agent, picked) = (Arc::clone(agent), SealedLogs::default());
        Self { agent, later, log: None, pending, last: None, is_disturbed: false, picked }
    }

    /// Takes note of a log: a later one, or what is known by now of one that it has.
    pub(super) fn note(&mut self, name: &LogName, until: u64) {
        if let Some(log) = self.log.as_mut().filter(|log| log.name.ms == name.ms) {
            log.name.grows = name.grows;
        } else if let Some((known, _)) = self.later.iter_mut().find(|(known, _)| known.ms == name.ms) {
            known.grows = name.grows;
        } else if self.newest_ms().is_none_or(|newest| newest < name.ms) {
            self.later.push_back((name.clone(), until));
        }
    }

    /// The time of the newest log that it has had.
    pub(super) fn newest_ms(&self) -> Option<u64> {
        let current = self.log.as_ref().map(|log| log.name.ms);
        self.later.back().map(|(name, _)| name.ms).or(current).or(self.last.map(|(ms, _)| ms))
    }

    /// The time of the oldest log of which lines may still come.
    pub(super) fn unread_ms(&self) -> Option<u64> {
        let pending = self.pending.front().map(|next| next.ms);
        let current = self.log.as_ref().map(|log| log.name.ms);
        pending.or(current).or_else(|| self.later.front().map(|(name, _)| name.ms))
    }

    /// The log that is being read, or comes next.
    pub(super) fn unread_log(&self) -> Option<&LogName> {
        self.log.as_ref().map(|log| &log.name).or_else(|| self.later.front().map(|(name, _)| name))
    }

    /// Goes to behind a line of the oldest log. `false` if it is not there, and is not known.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(super) fn go_behind(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        place: &Place,
        known: Option<&KnownLog>,
    ) -> Result<bool> {
        if self.later.front().is_none_or(|(name, _)| name.ms != place.ms) {
            return match known {
                Some(known) if !place.mark.is_beginning() => self.go_behind_emptied(disk, root, known),
                _ => Ok(place.mark.is_beginning()),
            };
        }
        self.open_next(root)?;
        self.last = Some((place.ms, place.mark));
        match (&mut self.log, known) {
            _ if place.mark.is_beginning() => Ok(self.log.is_some()),
            (Some(log), Some(known)) => log.go_behind_known(disk, known).map(|_| true),
            (Some(log), None) => log.go_behind(disk, place.mark),
            (None, _) => Ok(false),
        }
    }

    /// A log of which all lines were undone is deleted once it is sealed. `false` if it is there.
    fn go_behind_emptied(&mut self, disk: &dyn Disk, root: &Path, known: &KnownLog) -> Result<bool> {
        let name = LogName::of(&known.relative);
        let mut log = Log::new(root, &name, u64::MAX)?;
        if log.go_behind_known(disk, known)? {
            return Ok(false);
        }
        self.last = log.last().map(|mark| (name.ms, mark));
        self.log = Some(log);
        Ok(true)
    }

    fn open_next(&mut self, root: &Path) -> Result<()> {
        if let Some((name, until)) = self.later.pop_front() {
            let mut log = Log::new(root, &name, until)?;
            log.watch(name.grows);
            self.log = Some(log);
        }
        Ok(())
    }

    /// The next line; `None` at the end of what there is.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(super) fn head(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        record: Option<&Record>,
    ) -> Result<Option<&Pending>> {
        while self.pending.is_empty() && !self.is_disturbed {
            let mut limit = PIECE;
            if self.log.is_none() {
                self.open_next(root)?;
                limit = FIRST;
            }
            let Some(log) = &mut self.log else { break };
            let (pending, ms) = (&mut self.pending, log.name.ms);
            let mut each = |mark: Mark, bytes: &[u8], line: &Line<'_>, batch: Option<Mark>| {
                pending.push_back(Pending::new(ms, mark, bytes, line, batch));
                Ok(())
            };
            if let Some(record) = record.filter(|_| !log.name.grows) {
                log.is_sealed = true;
                log.pick(disk, root, record)?;
                if log.read_picked(usize::MAX, record, &mut each)?.is_some() {
                    self.picked.note(&log.name);
                    self.log = None;
                    continue;
                }
            }
            let read = log.read(disk, limit, false, &mut each)?;
            self.is_disturbed = read.is_none();
            if limit == FIRST {
                // NOTE: until its turn comes, an agent's log takes no descriptor: there may be many agents.
                log.rest();
            }
            if read == Some(true) && self.pending.is_empty() {
                if log.name.grows && self.later.is_empty() {
                    break;
                }
                self.log = None;
            }
        }
        Ok(self.pending.front())
    }

    /// What is known of it, given the last line.
    pub(super) fn standing(&self, last: Option<(u64, Mark)>) -> Standing<'_> {
        let names = self.log.iter().map(|log| &log.name).chain(self.later.iter().map(|(name, _)| name));
        let growing_ms = names.filter(|name| name.grows).map(|name| name.ms).next();
        // Of a log that does not grow, more may be there than was read.
        let current = self.log.as_ref().filter(|log| !log.name.grows).map(|log| log.name.ms);
        let next_ms = self.pending.front().map(|next| next.ms).or(current);
        Standing { agent: &self.agent, last, next_ms, growing_ms }
    }

    /// As [`Chain::standing`] at an operation of another agent, where only the lines on one record are read.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(super) fn standing_before(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        rank: (u64, &[u8]),
    ) -> Result<Standing<'_>> {
        let found = match self.picked.is_empty() {
            true => ReadUpTo::default(),
            false => self.picked.before(disk, root, &self.agent, rank)?,
        };
        let place = |(ms, mark): &(u64, Mark)| (*ms, mark.start);
        let last = [found.last, self.last].into_iter().flatten().max_by_key(place);
        let standing = self.standing(last);
        Ok(Standing { next_ms: found.next_ms.or(standing.next_ms), ..standing })
    }

    /// The next line, if it was read.
    pub(super) fn peek(&self) -> Option<&Pending> {
        self.pending.front()
    }

    /// Takes the next line, which counts as given from now on.
    pub(super) fn take(&mut self) -> Option<Pending> {
        let next = self.pending.pop_front()?;
        self.last = Some((next.ms, next.mark));
        Some(next)
    }

    /// Remembers a line that was taken, should it be undone.
    pub(super) fn remember(&mut self, next: &Pending, id: &[u8], told: &[u8]) {
        if let Some(log) = self.log.as_mut().filter(|log| log.is_watched() && log.name.ms == next.ms) {
            let (mark, clock) = (next.mark, next.clock);
            log.remember(Given { mark, id: id.into(), clock, told: Some(told.into()) }, REMEMBERED);
        }
    }

    /// Of the lines that are remembered, the last one before a rank.
    pub(super) fn given_before(&self, rank: (u64, &[u8])) -> Option<&Given> {
        let agent = self.agent.as_bytes();
        let given = self.log.as_ref().map(|log| log.given().iter()).into_iter().flatten();
        given.rev().find(|given| compare_ranks((given.clock, agent), rank).is_lt())
    }

    /// The last line before a rank, with the time of its log.
    pub(super) fn last_before(&self, rank: (u64, &[u8])) -> Option<(u64, Mark)> {
        match self.log.as_ref().filter(|log| !log.given().is_empty()) {
            Some(log) => self.given_before(rank).map(|given| (log.name.ms, given.mark)),
            None => self.last,
        }
    }

    /// Takes back the last line that was given, if it is no longer there. Lines that were only read are forgotten.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn take_back(&mut self, disk: &dyn Disk) -> Result<Taken> {
        self.is_disturbed = false;
        let Some(log) = &mut self.log else { return Ok(Taken::None) };
        log.look_at_file(disk)?;
        while let Some(last) = log.last().filter(|last| !last.is_beginning()) {
            if log.has(last)? {
                return Ok(Taken::None);
            }
            if self.pending.back().is_some_and(|next| next.ms == log.name.ms) {
                self.pending.pop_back();
                let last = self.pending.back().filter(|next| next.ms == log.name.ms).map(|next| next.mark);
                log.set_last(last.or_else(|| log.given().back().map(|given| given.mark)));
                continue;
            }
            let taken = log.take_back_given();
            self.last = Some((log.name.ms, log.last().unwrap_or(Mark::BEGINNING)));
            return Ok(taken);
        }
        Ok(Taken::None)
    }
}
