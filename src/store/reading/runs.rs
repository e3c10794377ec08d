//! The records of a snapshot in the order of their ids, without an index of that order: one look at every id makes runs,
//! each in order, of which only the places of the lines are held; taking the records merges them.
//!
//! Invariant: so many places are held at most. If there are more, those that come first are given, and another look follows.

use std::io;
use std::ops::ControlFlow;

use super::sorted::Head;
use super::walk::Range;
use crate::engine::{Base, BaseLine, Id, Moment, Nearby, Text};

/// So many bytes of ids become a run, about.
const RUN: usize = 4 << 20;
/// What an id takes in memory beside its bytes, about.
const ENTRY: usize = 64;
/// So many places are held, of 12 bytes each.
const PLACES: usize = 700_000;
/// A line of so many bytes at most is kept until its record's turn comes.
const KEPT_LINE: usize = 64 * 1024;

/// Where a line is: offset in two halves, and length.
#[derive(Clone, Copy)]
struct Place([u32; 3]);

impl Place {
    fn of(line: BaseLine) -> Self {
        Self([line.offset as u32, (line.offset >> 32) as u32, line.len])
    }

    fn offset(self) -> u64 {
        let Self([low, high, _]) = self;
        u64::from(low) | u64::from(high) << 32
    }

    fn len(self) -> u32 {
        let Self([.., len]) = self;
        len
    }
}

struct Run {
    places: Vec<Place>,
    /// How many of them were read.
    read: usize,
    head: Head,
}

/// See above.
pub(super) struct Runs {
    /// Which ids are still to be found.
    range: Range,
    /// Those of the last look whose records were not all taken. The record that comes next is the head of the last one.
    runs: Vec<Run>,
    /// Whether every id of the range was found.
    is_over: bool,
    lines: Nearby,
}

impl Runs {
    pub fn new(range: Range) -> Self {
        Self { range, runs: Vec::new(), is_over: false, lines: Nearby::default() }
    }

    /// Looks for more records, if none is known. `most` are wanted at most.
    pub fn find_next(&mut self, moment: &Moment, most: usize) -> io::Result<()> {
        while self.runs.is_empty() && !self.is_over {
            self.look(moment, most)?;
        }
        Ok(())
    }

    pub fn head(&self) -> Option<&Head> {
        self.runs.last().map(|run| &run.head)
    }

    /// The record that comes next, and the one behind it takes its place.
    pub fn take(&mut self, base: &Base) -> io::Result<Option<Head>> {
        let Some(mut run) = self.runs.pop() else { return Ok(None) };
        let next = self.read(base, &run.places, run.read)?;
        let Some(next) = next else { return Ok(Some(run.head)) };
        let head = std::mem::replace(&mut run.head, next);
        run.read += 1;
        self.put(run);
        Ok(Some(head))
    }

    /// Puts a run where its head stands among the others.
    fn put(&mut self, run: Run) {
        let range = &self.range;
        let at = self.runs.partition_point(|other| range.compare(&other.head.id, &run.head.id).is_gt());
        self.runs.insert(at, run);
    }

    fn read(&mut self, base: &Base, places: &[Place], number: usize) -> io::Result<Option<Head>> {
        let (Some(place), Some(file)) = (places.get(number), base.file()) else { return Ok(None) };
        let (offset, len) = (place.offset(), place.len());
        let text = Text::at(file, offset, len as usize);
        let line = self.lines.read(&text)?;
        let id = base.record(offset, line)?.id.as_ref().into();
        let line = if line.len() <= KEPT_LINE { line.to_vec() } else { Vec::new() };
        Ok(Some(Head { id, offset, len, line }))
    }

    /// Looks at every id.
    fn look(&mut self, moment: &Moment, most: usize) -> io::Result<()> {
        let base = moment.base();
        let range = self.range.clone();
        let mut found = Found { range: &range, most, ids: Vec::new(), bytes: 0, runs: Vec::new(), end: None };
        let mut failed = None;
        moment.visit_base(0, &mut |id, line| {
            if found.wants(id) {
                found.push(id, line);
                if found.bytes > RUN {
                    found.end_run();
                    failed =
                        found.drop_last(|place| Ok(self.read(base, &[place], 0)?.map(|head| head.id))).err();
                }
            }
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        found.end_run();
        let Found { runs, end, .. } = found;
        for places in runs {
            if let Some(head) = self.read(base, &places, 0)? {
                self.put(Run { places, read: 1, head });
            }
        }
        match end {
            Some(end) => self.range.go_on_behind(&end),
            None => self.is_over = true,
        }
        Ok(())
    }
}

/// What a look has found.
struct Found<'r> {
    range: &'r Range,
    most: usize,
    /// What is not yet a run.
    ids: Vec<(Id, Place)>,
    bytes: usize,
    runs: Vec<Vec<Place>>,
    /// Nothing behind this id is taken: records were left out.
    end: Option<Id>,
}

impl Found<'_> {
    fn wants(&self, id: &[u8]) -> bool {
        self.range.has(id) && self.end.as_ref().is_none_or(|end| self.range.compare(id, end).is_le())
    }

    fn push(&mut self, id: &[u8], line: BaseLine) {
        self.ids.push((id.into(), Place::of(line)));
        self.bytes += ENTRY + id.len();
        if self.runs.is_empty() && self.ids.len() > self.most.saturating_mul(2).max(1024) {
            self.sort();
            self.ids.truncate(self.most);
            self.bytes = self.ids.iter().map(|(id, _)| ENTRY + id.len()).sum();
            self.end = self.ids.last().map(|(id, _)| Id::clone(id));
        }
    }

    fn sort(&mut self) {
        let range = self.range;
        crate::order::sort_by(&mut self.ids, |one, other| range.compare(&one.0, &other.0));
    }

    fn end_run(&mut self) {
        self.sort();
        if !self.ids.is_empty() {
            self.runs.push(self.ids.drain(..).map(|(_, place)| place).collect());
        }
        self.bytes = 0;
    }

    /// Leaves records out that come last, if there are too many.
    fn drop_last(&mut self, mut id_at: impl FnMut(Place) -> io::Result<Option<Id>>) -> io::Result<()> {
        while self.runs.iter().map(Vec::len).sum::<usize>() > PLACES {
            let mut middles = Vec::new();
            for run in &self.runs {
                if let Some(place) = run.get(run.len() / 2) {
                    middles.extend(id_at(*place)?);
                }
            }
            crate::order::sort_by(&mut middles, |one, other| self.range.compare(one, other));
            let Some(end) = middles.get(middles.len() / 2) else { return Ok(()) };
            for run in &mut self.runs {
                let (mut low, mut high) = (0, run.len());
                while low < high {
                    let middle = usize::midpoint(low, high);
                    let Some(place) = run.get(middle) else { break };
                    let is_wanted = id_at(*place)?.is_some_and(|id| self.range.compare(&id, end).is_le());
                    if is_wanted { low = middle + 1 } else { high = middle }
                }
                run.truncate(low);
                run.shrink_to_fit();
            }
            self.runs.retain(|run| !run.is_empty());
            self.end = Some(Id::clone(end));
        }
        Ok(())
    }
}
