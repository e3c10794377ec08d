//! What a store knows of the last lines of the logs up to where it stands: for listeners, who go on from what it shows. Lines of
//! others may be gone from their files by now; those that this store wrote are gone only if another thread has undone them.

use super::agents::Known;
use super::following::seen::SeenLine;
use super::last_lines::LastLines;
use super::{State, Store};
use crate::engine::{Nearby, Operation, Rank, Text};
use crate::error::Result;
use crate::history::{KnownLine, KnownLog, KnownPosition};

/// So many lines that were written, and about so many bytes of any, are known: as many operations can be undone before a listener's feed
/// begins.
const LINES: usize = 1 << 12;
const BYTES: usize = 1 << 20;

/// A log up to where a store stands.
#[derive(Clone)]
pub(in crate::store) struct StoodLog {
    pub(in crate::store) relative: String,
    pub(in crate::store) end: u64,
    /// The number by which operations name it, among agents.
    number: Option<u32>,
    /// The last lines that were read of it. A log that was written was not read.
    read: Option<ReadLines>,
}

/// Lines that were read.
#[derive(Clone)]
pub(in crate::store) enum ReadLines {
    /// Of a single writer's log.
    OfWriter(LastLines<SeenLine>),
    /// Of an agent's.
    OfAgent(LastLines<Known>),
}

impl ReadLines {
    /// How many they are, and whether there were others before.
    fn count(&self) -> (usize, bool) {
        match self {
            Self::OfWriter(lines) => (lines.len(), lines.has_more),
            Self::OfAgent(lines) => (lines.len(), lines.has_more),
        }
    }

    /// From the last one on, each with its rank among agents.
    fn rev(&self) -> Box<dyn Iterator<Item = (SeenLine, Option<&Rank>)> + '_> {
        match self {
            Self::OfWriter(lines) => Box::new(lines.rev().map(|line| (*line, None))),
            Self::OfAgent(lines) => Box::new(lines.rev().map(|known| (known.line, Some(&known.rank)))),
        }
    }
}

impl StoodLog {
    pub(in crate::store) fn written(relative: String, end: u64, number: Option<u32>) -> Self {
        Self { relative, end, number, read: None }
    }

    pub(in crate::store) fn read(relative: String, end: u64, number: Option<u32>, lines: ReadLines) -> Self {
        Self { relative, end, number, read: Some(lines) }
    }
}

impl Store {
    /// As [`Store::position`], with what is known of the lines up to there.
    ///
    /// # Errors
    /// As for [`Store::position`].
    pub fn known_position(&self) -> Result<KnownPosition> {
        let state = self.lock();
        let behind = state.shown_behind();
        let mut logs = Vec::new();
        for log in &behind.logs {
            let known = match &log.read {
                Some(lines) if lines.count().0 > 0 => {
                    self.known_of_read(&state, log, lines).map(|(known, is_all)| KnownLog {
                        relative: log.relative.clone(),
                        lines: known,
                        has_more: lines.count().1 || !is_all,
                    })
                }
                _ => None,
            };
            logs.push(match known {
                Some(known) => known,
                None => self.known_of_written(&state, log, behind.is_of_agents)?,
            });
        }
        KnownPosition::behind(logs, behind.is_of_agents)
    }

    /// Lines that were read, as the operations in memory say them. `None` where memory does not have the last one. Returns
    /// also whether these are all.
    fn known_of_read(
        &self,
        state: &State,
        log: &StoodLog,
        lines: &ReadLines,
    ) -> Option<(Vec<KnownLine>, bool)> {
        let operations = state.shown_engine().operations();
        let (mut last, mut bytes) = (Vec::new(), 0);
        for (from_end, (line, rank)) in lines.rev().enumerate() {
            if bytes >= BYTES {
                break;
            }
            bytes += line.len as usize;
            let operation = match rank {
                Some(rank) => by_rank(operations, rank, log.number)?,
                None => operations.len().checked_sub(from_end + 1).and_then(|place| operations.get(place))?,
            };
            last.push((line, operation));
        }
        let is_all = last.len() == lines.count().0;
        let mut texts = Nearby::default();
        let known = last.into_iter().rev().map(|(line, operation)| {
            let text = texts.read(&operation.line).ok().filter(|text| line.is(&self.hasher, text));
            match text {
                Some(text) => KnownLine::new(line.offset, text, &operation.id),
                None => KnownLine::gone(line.offset, line.len, &operation.id),
            }
        });
        Some((known.collect(), is_all))
    }

    /// Lines that stand in the file, and behind them those that another thread has cut off while they are shown.
    fn known_of_written(&self, state: &State, log: &StoodLog, is_of_agents: bool) -> Result<KnownLog> {
        let mut known = KnownLog::read(&*self.disk, &self.root, &log.relative, log.end)?;
        let Some(kept) = state.shown_kept() else { return Ok(known) };
        let from = known.lines.last().map_or(0, KnownLine::end);
        let mut cut = Vec::new();
        let mut texts = Nearby::of(kept);
        for operation in state.shown_engine().operations().iter().rev().take(LINES) {
            let is_of_log = match log.number {
                Some(number) => operation.is_of_log(number),
                None => !is_of_agents,
            };
            let Text::At { offset, .. } = operation.line else { continue };
            if !is_of_log || !(from..log.end).contains(&offset) {
                continue;
            }
            if let Ok(text) = texts.read(&operation.line) {
                cut.push(KnownLine::new(offset, text, &operation.id));
            }
        }
        known.lines.extend(in_order(cut));
        Ok(known)
    }
}

fn in_order(mut lines: Vec<KnownLine>) -> Vec<KnownLine> {
    lines.reverse();
    lines
}

/// The operation of a log that has a rank. Of several, as two programs write that work under one name, the first is as good.
fn by_rank<'o>(operations: &'o [Operation], rank: &Rank, log: Option<u32>) -> Option<&'o Operation> {
    let first = operations.partition_point(|operation| operation.rank() < Some(rank));
    let same = operations.iter().skip(first).take_while(|operation| operation.rank() == Some(rank));
    let mut of_log = same.filter(|operation| log.is_none_or(|log| operation.is_of_log(log)));
    of_log.next()
}
