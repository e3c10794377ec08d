//! The operations of all agents in their total order: clock, then agent. What an agent appends while it is read comes behind
//! what was given before, whatever its clock is.

use std::path::Path;
use std::sync::Arc;

use super::chains::{Chain, Pending};
use super::ids::Record;
use super::known::KnownPosition;
use super::position::{Mark, Position, print_standings};
use super::remembered::Taken;
use super::trail::LogName;
use crate::disk::Disk;
use crate::error::{Error, Result};

/// An operation that was taken back.
pub(super) struct Undone {
    pub(super) position: Vec<u8>,
    pub(super) id: Box<[u8]>,
}

/// The logs of agents that are being read.
#[derive(Default)]
pub(super) struct Merge {
    chains: Vec<Chain>,
    /// The chain to go on with, and the head of another one up to which it comes first.
    at: Option<(usize, Option<usize>)>,
    /// The rank of the last operation.
    rank: (u64, Arc<[u8]>),
    /// The lines of this rank that were given.
    given: Vec<Arc<[u8]>>,
    /// If only operations on one record are wanted.
    pub(super) record: Option<Record>,
}

impl Merge {
    /// Takes note of logs, each with the offset up to which it is read.
    pub(super) fn note(&mut self, logs: &[LogName], until: impl Fn(&LogName) -> u64) {
        for name in logs {
            if let Some(chain) = self.chain_of(&name.agent) {
                chain.note(name, until(name));
            }
        }
        self.at = None;
    }

    /// The logs of an agent.
    fn chain_of(&mut self, agent: &Arc<str>) -> Option<&mut Chain> {
        // NOTE: in one order, so that a position is one text however it was come to.
        let place = self.chains.partition_point(|chain| chain.agent < *agent);
        if self.chains.get(place).is_none_or(|chain| chain.agent != *agent) {
            self.chains.insert(place, Chain::new(agent));
        }
        self.chains.get_mut(place)
    }

    /// The time of the newest log.
    pub(super) fn newest_ms(&self) -> u64 {
        self.chains.iter().filter_map(Chain::newest_ms).max().unwrap_or(0)
    }

    /// The oldest log of which lines may still come.
    pub(super) fn oldest_log(&self) -> Option<String> {
        let logs = self.chains.iter().filter_map(Chain::unread_log);
        logs.min_by_key(|name| name.ms).map(|name| name.relative.clone())
    }

    /// The time of the oldest log of which lines may still come.
    pub(super) fn oldest_ms(&self) -> u64 {
        self.chains.iter().filter_map(Chain::unread_ms).min().unwrap_or_else(|| self.newest_ms())
    }

    /// Begins at a position.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE`, `OPSLOG_IO`.
    pub(super) fn go_to(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        logs: &[LogName],
        (position, known): (&Position, Option<&KnownPosition>),
        until: impl Fn(&LogName) -> u64,
    ) -> Result<()> {
        let is_unread = |log: &LogName| {
            let place = position.places.iter().find(|place| place.agent == log.agent);
            place.map_or(log.ms >= position.floor, |place| log.ms >= place.ms)
        };
        let logs: Vec<LogName> = logs.iter().filter(|log| is_unread(log)).cloned().collect();
        self.note(&logs, until);
        for place in &position.places {
            let known = known.and_then(|known| known.log(place.ms, &place.agent));
            let is_beginning = place.mark.is_beginning();
            let chain = match known {
                Some(_) if !is_beginning => self.chain_of(&place.agent),
                _ => self.chains.iter_mut().find(|chain| chain.agent == place.agent),
            };
            // A log that was empty is deleted once it is sealed.
            let is_there = match chain {
                Some(chain) => chain.go_behind(disk, root, place, known)?,
                None => is_beginning,
            };
            if !is_there {
                return Err(Error::PositionGone("an operation up to it was undone, or its log was deleted"));
            }
        }
        Ok(())
    }

    /// Takes the next operation.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(super) fn take(&mut self, disk: &dyn Disk, root: &Path) -> Result<Option<(usize, Pending)>> {
        loop {
            let Some(place) = self.next_chain(disk, root)? else { return Ok(None) };
            let Some(next) = self.chains.get_mut(place).and_then(Chain::take) else { return Ok(None) };
            if !next.has_rank((self.rank.0, &self.rank.1)) {
                self.rank = next.rank();
                self.given.clear();
            }
            // What was logged twice counts once.
            if !self.given.iter().any(|line| next.has_text(line)) {
                self.given.push(Arc::clone(&next.bytes));
                return Ok(Some((place, next)));
            }
        }
    }

    /// Remembers the operation that was taken last, should it be undone, with the text of its position.
    pub(super) fn remember(&mut self, place: usize, next: &Pending, id: &[u8], told: &[u8]) {
        if let Some(chain) = self.chains.get_mut(place) {
            chain.remember(next, id, told);
        }
    }

    /// The chain that has the lowest operation.
    fn next_chain(&mut self, disk: &dyn Disk, root: &Path) -> Result<Option<usize>> {
        if let Some((place, bound)) = self.at {
            let least = bound.and_then(|bound| self.chains.get(bound)).and_then(Chain::peek);
            let next = self.chains.get(place).and_then(Chain::peek);
            if next.is_some_and(|next| least.is_none_or(|least| next.compare(least).is_lt())) {
                return Ok(Some(place));
            }
        }
        for chain in &mut self.chains {
            chain.head(disk, root, self.record.as_ref())?;
        }
        let (mut first, mut second): (Option<usize>, Option<usize>) = (None, None);
        let head =
            |place: Option<usize>| place.and_then(|place| self.chains.get(place)).and_then(Chain::peek);
        for (place, chain) in self.chains.iter().enumerate() {
            let Some(next) = chain.peek() else { continue };
            if head(first).is_none_or(|least| next.compare(least).is_lt()) {
                (first, second) = (Some(place), first);
            } else if head(second).is_none_or(|least| next.compare(least).is_lt()) {
                second = Some(place);
            }
        }
        self.at = first.map(|first| (first, second));
        Ok(first)
    }

    /// Whether a line that was read is no longer there.
    pub(super) fn is_disturbed(&self) -> bool {
        self.chains.iter().any(|chain| chain.is_disturbed)
    }

    /// Takes back the last operation of an agent that has undone it. `None` when no agent has.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE` when more were undone than are remembered; `OPSLOG_IO`.
    pub(super) fn take_back(&mut self, disk: &dyn Disk) -> Result<Option<Undone>> {
        self.at = None;
        for place in 0..self.chains.len() {
            let Some(chain) = self.chains.get_mut(place) else { break };
            match chain.take_back(disk)? {
                Taken::None => {}
                Taken::TooMany => return Err(Error::PositionGone("too many operations were undone at once")),
                Taken::Line(given) => {
                    self.rank = Default::default();
                    self.given.clear();
                    let position = match given.told {
                        Some(told) => told.into(),
                        None => self.position_in_order(place, given.mark, given.clock),
                    };
                    return Ok(Some(Undone { position, id: given.id }));
                }
            }
        }
        Ok(None)
    }

    /// The position of a line that this feed has not given: what one that reads from the beginning gives it. What other agents have
    /// logged since is not in it, or it would be the position of the last of these operations.
    fn position_in_order(&self, place: usize, mark: Mark, clock: u64) -> Vec<u8> {
        let Some(own) = self.chains.get(place) else { return Vec::new() };
        let floor = own.last.map_or(0, |(ms, _)| ms);
        let rank = (clock, own.agent.as_bytes());
        let standings = self.chains.iter().enumerate().map(|(other, chain)| {
            chain.standing(if other == place { Some((floor, mark)) } else { chain.last_before(rank) })
        });
        let mut position = Vec::new();
        print_standings(&mut position, floor, standings);
        let is_taken = |chain: &Chain| {
            chain.given_before(rank).is_some_and(|given| given.told.as_deref() == Some(&*position))
        };
        if self.chains.iter().any(is_taken) {
            // NOTE: one that became known late was given with it.
            position.clear();
            print_standings(&mut position, floor, std::iter::once(own.standing(Some((floor, mark)))));
        }
        position
    }

    /// As [`Merge::print_into`], of the line of a chain that was taken last, or of the first one of its batch.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub(super) fn print_taken(
        &mut self,
        (disk, root): (&dyn Disk, &Path),
        out: &mut Vec<u8>,
        (place, mark): (usize, Mark),
    ) -> Result<()> {
        if self.record.is_none() {
            self.print_into(out, Some((place, mark)));
            return Ok(());
        }
        let rank = (self.rank.0, &*self.rank.1);
        let mut standings = Vec::new();
        let mut floor = 0;
        for (other, chain) in self.chains.iter_mut().enumerate() {
            standings.push(match chain.last {
                Some((ms, _)) if other == place => {
                    floor = ms;
                    chain.standing(Some((ms, mark)))
                }
                _ => chain.standing_before(disk, root, rank)?,
            });
        }
        print_standings(out, floor, standings.into_iter());
        Ok(())
    }

    /// Appends the position behind what was given; with a line of a chain, the position of that line.
    pub(super) fn print_into(&self, out: &mut Vec<u8>, at: Option<(usize, Mark)>) {
        let ms_of = |chain: &Chain| chain.last.map(|(ms, _)| ms);
        let floor = match at.and_then(|(place, _)| self.chains.get(place)) {
            Some(chain) => ms_of(chain),
            None => self.chains.iter().filter_map(ms_of).max(),
        };
        let standings = self.chains.iter().enumerate().map(|(place, chain)| {
            let at = at.filter(|(other, _)| *other == place);
            let last = chain.last.map(|(ms, mark)| (ms, at.map_or(mark, |(_, mark)| mark)));
            chain.standing(last)
        });
        print_standings(out, floor.unwrap_or_else(|| self.oldest_ms()), standings);
    }
}
