//! An operation as the engine holds it, and its place among those of other agents.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::overlay::{Entry, Place};
use super::slots::Id;
use super::text::{Aged, Check, Displaced, Text};
use crate::format::operation::{BatchMark, Kind, Line, parse_line};
use crate::json::string::compare_utf16;
use crate::rules::copies;

/// An operation since the last checkpoint.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The record.
    pub id: Id,
    /// What was done to it.
    pub kind: Kind,
    /// The line, without its newline.
    pub line: Text,
    /// The record's value before, from the state itself and not from the line.
    pub before: Option<Text>,
    /// Where the record stood, if this deleted it.
    pub stood: Place,
    /// Its place in a batch.
    pub batch: Option<BatchMark>,
    /// Where it comes from, in a folder of agents.
    pub origin: Option<Box<Origin>>,
    /// The schema version of its value.
    pub version: u32,
}

/// An operation that stands in a log, on its way into the state.
pub struct Logged {
    /// The record.
    pub id: Id,
    /// Its new value as it stands in the line; none for a deletion.
    pub data: Option<Text>,
    /// The line, without its newline.
    pub line: Text,
    /// Its place in a batch.
    pub batch: Option<BatchMark>,
    /// Where it comes from, in a folder of agents.
    pub origin: Option<Box<Origin>>,
    /// The schema version of its value.
    pub version: u32,
}

/// Where an operation of an agent comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Its place in the total order.
    pub rank: Rank,
    /// The log that holds it.
    pub log: u32,
    /// Where its value stands in the line, if it has one and the line was read.
    pub value: Option<(Range<u32>, Check)>,
    /// What the overlay said of the record before, so that it can be taken back exactly.
    pub placed: Option<Entry>,
    /// Its value, if that is of an older schema version.
    pub aged: Option<Arc<Aged>>,
}

/// The total order of operations, each with its clock and agent: clock, then agent by UTF-16 code units. The original's
/// comparison by locale makes agents in different locales diverge.
pub fn compare_ranks((clock, agent): (u64, &[u8]), (other, by): (u64, &[u8])) -> Ordering {
    clock.cmp(&other).then_with(|| compare_utf16(agent, by))
}

/// A place in the total order of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    /// Lamport clock (Lamport 1978); 0 for an operation of a single writer.
    pub clock: u64,
    /// The agent's id, empty for a single writer.
    pub agent: Arc<[u8]>,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_ranks((self.clock, &self.agent), (other.clock, &other.agent))
    }
}

/// The places of operations in the total order; those of equal rank keep their order.
pub fn places_in_order(ranks: impl Iterator<Item = Rank>) -> Vec<u32> {
    let mut ranked: Vec<(Rank, u32)> = ranks.zip(0..).collect();
    crate::order::sort_by(&mut ranked, |(one, _), (other, _)| one.cmp(other));
    ranked.into_iter().map(|(_, place)| place).collect()
}

/// Puts operations of agents in their order.
pub fn sort_by_rank(operations: &mut Vec<Operation>) {
    // NOTE: the clocks lie beside each other: a comparison that needs no more does not wait for the memory of two operations.
    let clock_of = |operation: &Operation| operation.rank().map(|rank| rank.clock);
    let clocks: Vec<Option<u64>> = operations.iter().map(clock_of).collect();
    crate::order::sort_by_place(operations, &|operations, one, other| {
        let rank_at = |place: usize| operations.get(place).and_then(Operation::rank);
        clocks.get(one).cmp(&clocks.get(other)).then_with(|| rank_at(one).cmp(&rank_at(other)))
    });
}

/// An operation whose line was cut off its log.
#[derive(Debug)]
pub struct Cut {
    /// Its place in the total order.
    pub rank: Rank,
    /// The number of the log.
    pub log: u32,
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Operation {
    /// Its place in the total order, in a folder of agents.
    pub fn rank(&self) -> Option<&Rank> {
        self.origin.as_ref().map(|origin| &origin.rank)
    }

    /// Whether both have the same line, marks aside.
    fn has_line_of(&self, other: &Self) -> io::Result<bool> {
        if self.id != other.id || self.kind != other.kind {
            return Ok(false);
        }
        Ok(copies::is_one(&self.line.read()?, &other.line.read()?))
    }

    /// What to take out if its line is cut.
    pub fn as_cut(&self) -> Option<Cut> {
        self.origin.as_ref().map(|origin| Cut { rank: origin.rank.clone(), log: origin.log })
    }

    /// Whether it was read from this log.
    pub fn is_of_log(&self, log: u32) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.log == log)
    }

    /// The value that it gives its record.
    ///
    /// # Errors
    /// Those of reading its line; [`Displaced`] when another line stands there.
    pub fn data(&self) -> io::Result<Option<Text>> {
        if self.kind == Kind::Delete {
            return Ok(None);
        }
        if let Some(aged) = self.origin.as_ref().and_then(|origin| origin.aged.as_ref()) {
            return Ok(Some(Text::Aged(Arc::clone(aged))));
        }
        if let Some((range, check)) = self.origin.as_ref().and_then(|origin| origin.value.clone()) {
            let text = self.line.slice(range.start as usize..range.end as usize);
            return Ok(Some(text.checked(check)));
        }
        let line = self.line.read()?;
        let parsed = self.parse(&line)?;
        Ok(parsed.data.map(|range| self.line.part(range, &line)))
    }

    /// Takes the operation's line apart, as it was read.
    ///
    /// # Errors
    /// [`Displaced`] when it is the line of another operation.
    pub fn parse<'l>(&self, line: &'l [u8]) -> io::Result<Line<'l>> {
        let parsed = parse_line(line).ok();
        let own = parsed.filter(|line| *line.id == *self.id && line.kind == self.kind);
        own.ok_or_else(|| Displaced.into())
    }
}

/// Takes out the operations whose lines were cut, each as often as it is given. Of lines that have one rank, as two programs
/// write that work under one name, the later goes first: logs are cut at their end. Returns what went, and what stays.
pub fn without(operations: Vec<Operation>, removed: &[Cut]) -> (Vec<Operation>, Vec<Operation>) {
    if removed.is_empty() {
        return (Vec::new(), operations);
    }
    let mut left: BTreeMap<u32, BTreeMap<&Rank, usize>> = BTreeMap::new();
    for Cut { rank, log } in removed {
        *left.entry(*log).or_default().entry(rank).or_default() += 1;
    }
    let (mut gone, mut stay) = (Vec::new(), Vec::with_capacity(operations.len()));
    for operation in operations.into_iter().rev() {
        let origin = operation.origin.as_ref();
        let count = origin.and_then(|origin| left.get_mut(&origin.log)?.get_mut(&origin.rank));
        let is_cut = count.is_some_and(|count| {
            let is_left = *count > 0;
            *count = count.saturating_sub(1);
            is_left
        });
        if is_cut { gone.push(operation) } else { stay.push(operation) }
    }
    gone.reverse();
    stay.reverse();
    (gone, stay)
}

/// Drops what is there twice of operations in the order of their ranks: a line that was read once more. Different lines of
/// one rank stay.
///
/// # Errors
/// Those of reading lines.
pub fn drop_repeated(operations: &mut Vec<Operation>) -> io::Result<()> {
    let is_same_rank = |one: &Operation, other: &Operation| {
        one.rank() == other.rank() && one.rank().is_some_and(|rank| copies::tells_apart(rank.clock))
    };
    let mut pairs = operations.iter().zip(operations.iter().skip(1));
    if !pairs.any(|(one, other)| is_same_rank(one, other)) {
        return Ok(());
    }
    let mut kept: Vec<Operation> = Vec::with_capacity(operations.len());
    for operation in operations.drain(..) {
        let mut is_there = false;
        for before in kept.iter().rev().take_while(|before| is_same_rank(before, &operation)) {
            is_there |= before.has_line_of(&operation)?;
        }
        if !is_there {
            kept.push(operation);
        }
    }
    *operations = kept;
    Ok(())
}
