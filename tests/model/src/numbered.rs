//! Single writers that replace each other on an object store. A log is objects under numbers, each created only if it is
//! absent; the writer that takes over claims the manifest, closes the log, reads it, and publishes a copy.

use stateright::{Model, Property};

use crate::{Action, Bounds, Outcome, Step, TWO_WRITERS};

/// Faults of the protocol that are planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Planted {
    /// The lock is taken for a proof that there is no other writer.
    LeaseTrusted,
    /// The log is read and copied, and not closed.
    LogNotClosed,
    /// The log is read before it is closed.
    ClosedAfterRead,
    /// An append replaces what stands under its number.
    UnconditionalAppend,
    /// The manifest is published whatever is there.
    UnconditionalPublish,
    /// An append that failed is told as such without a look at the log.
    NoReadBack,
    /// An append that is not there is not shut out.
    LateAppendIgnored,
}

impl Planted {
    pub const ALL: [Self; 7] = [
        Self::LeaseTrusted,
        Self::LogNotClosed,
        Self::ClosedAfterRead,
        Self::UnconditionalAppend,
        Self::UnconditionalPublish,
        Self::NoReadBack,
        Self::LateAppendIgnored,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    Write,
    Undo,
    Checkpoint,
}

/// Writers, each with what it does. Each may open the store at any time: the lock of the one before has run out.
#[derive(Clone, Debug)]
pub struct Numbered {
    pub writers: Vec<Vec<Task>>,
    pub bounds: Bounds,
    pub planted: Option<Planted>,
}

/// What stands under a number of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Operation(u8),
    End,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Manifest {
    stamp: u8,
    ancestors: Vec<u8>,
    writer: u8,
    log: u8,
    snapshot: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Late {
    Append { log: u8, number: u8, operation: u8 },
    Publish(Manifest, Option<u8>),
}

/// What the manifest is changed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Change {
    Claim,
    BecomeCopy,
    Checkpoint,
    Undo(u8),
    ShutOut(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Closed,
    Open,
    Over,
    CloseLog { read: Option<Vec<u8>> },
    ReadLog,
    Append { operation: u8, began_replaced: bool },
    ReadBack { operation: u8, began_replaced: bool },
    Replace { change: Change, next: Manifest, lines: Vec<u8> },
    Settle { change: Change, next: Manifest, lines: Vec<u8> },
    Touch { change: Change, next: Manifest, lines: Vec<u8> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Writer {
    place: Place,
    begun: u8,
    known: Manifest,
    own: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    manifest: Manifest,
    logs: Vec<Vec<Part>>,
    late: Vec<Late>,
    writers: Vec<Writer>,
    next_stamp: u8,
    acknowledged: u16,
    refused: u16,
    two_writers: bool,
    faults: u8,
    crashes: u8,
}

impl State {
    fn lines(&self, log: u8) -> Vec<u8> {
        let parts = self.logs[usize::from(log)].iter();
        let lines = parts.filter_map(|part| match part {
            Part::Operation(operation) => Some(*operation),
            Part::End => None,
        });
        lines.collect()
    }

    fn shown(&self) -> u16 {
        self.lines(self.manifest.log)
            .iter()
            .fold(self.manifest.snapshot, |mask, operation| mask | 1 << operation)
    }

    /// Creates an object under a number, if it is absent. Whether the writer's own operation stands there then.
    fn create(&mut self, log: u8, number: u8, operation: u8, planted: Option<Planted>) -> bool {
        let parts = &mut self.logs[usize::from(log)];
        let part = Part::Operation(operation);
        let next = parts.len();
        match parts.get_mut(usize::from(number)) {
            Some(there) if planted == Some(Planted::UnconditionalAppend) => *there = part,
            Some(there) => return *there == part,
            None if next == usize::from(number) => parts.push(part),
            None => return false,
        }
        true
    }

    fn publish(&mut self, next: &Manifest, condition: Option<u8>) -> bool {
        let holds = condition.is_none_or(|version| version == self.manifest.stamp);
        if holds {
            self.manifest = next.clone();
        }
        holds
    }

    fn create_log(&mut self, lines: &[u8]) -> u8 {
        self.logs.push(lines.iter().map(|operation| Part::Operation(*operation)).collect());
        (self.logs.len() - 1) as u8
    }
}

impl Place {
    fn step(&self) -> (&'static str, bool) {
        match self {
            Self::Closed => ("open", false),
            Self::Open | Self::Over => ("begin", false),
            Self::CloseLog { .. } => ("close_log", false),
            Self::ReadLog => ("read_log", false),
            Self::Append { .. } => ("append_to_log", true),
            Self::ReadBack { .. } => ("read_back", false),
            Self::Replace { change, .. } => (change.name(), true),
            Self::Settle { .. } => ("settle_publication", false),
            Self::Touch { .. } => ("touch", true),
        }
    }
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::BecomeCopy => "become_copy",
            Self::Checkpoint => "replace_own",
            Self::Undo(_) => "put_shorter_copy",
            Self::ShutOut(_) => "shut_out",
        }
    }
}

impl Numbered {
    fn has(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    fn replacing(&self, state: &mut State, change: Change, known: &Manifest, lines: Vec<u8>) -> Place {
        let mut next = known.clone();
        next.ancestors.push(known.stamp);
        next.stamp = state.next_stamp;
        state.next_stamp += 1;
        Place::Replace { change, next, lines }
    }

    fn begin(&self, state: &mut State, index: usize) -> Place {
        let writer = &mut state.writers[index];
        let Some(task) = self.writers[index].get(usize::from(writer.begun)) else { return Place::Over };
        writer.begun += 1;
        let (own, known) = (writer.own.clone(), writer.known.clone());
        match task {
            Task::Write => {
                let operation = index as u8 * 4 + writer.begun - 1;
                let is_replaced = state.manifest.writer != index as u8 + 1;
                let is_closed = state.logs[usize::from(known.log)].contains(&Part::End)
                    || state.manifest.log != known.log;
                Place::Append { operation, began_replaced: is_replaced && is_closed }
            }
            Task::Undo => {
                let Some((last, kept)) = own.split_last() else { return Place::Open };
                state.acknowledged &= !(1 << last);
                let log = state.create_log(kept);
                self.replacing(state, Change::Undo(*last), &Manifest { log, ..known }, kept.to_vec())
            }
            Task::Checkpoint => {
                let snapshot = own.iter().fold(known.snapshot, |mask, operation| mask | 1 << operation);
                let log = state.create_log(&[]);
                self.replacing(state, Change::Checkpoint, &Manifest { log, snapshot, ..known }, Vec::new())
            }
        }
    }

    fn open(&self, state: &mut State, index: usize) -> Place {
        let known = state.manifest.clone();
        state.writers[index].known = known.clone();
        if self.has(Planted::LeaseTrusted) {
            state.writers[index].own = state.lines(known.log);
            return Place::Open;
        }
        self.replacing(state, Change::Claim, &Manifest { writer: index as u8 + 1, ..known }, Vec::new())
    }

    fn append(
        &self,
        state: &mut State,
        index: usize,
        outcome: Outcome,
        operation: u8,
        began_replaced: bool,
    ) -> Place {
        let (log, number) = (state.writers[index].known.log, state.writers[index].own.len() as u8);
        let takes_effect = matches!(outcome, Outcome::Done | Outcome::FailedAfterEffect | Outcome::Twice);
        let is_there = takes_effect && state.create(log, number, operation, self.planted);
        if matches!(outcome, Outcome::FailedLate | Outcome::Twice) {
            state.late.push(Late::Append { log, number, operation });
        }
        match outcome {
            Outcome::Done | Outcome::Twice if is_there => self.count(state, index, operation, began_replaced),
            // The log is closed: the write had no effect, and the writer writes no more.
            Outcome::Done | Outcome::Twice => {
                state.refused |= 1 << operation;
                Place::Over
            }
            _ => Place::ReadBack { operation, began_replaced },
        }
    }

    fn count(&self, state: &mut State, index: usize, operation: u8, began_replaced: bool) -> Place {
        state.writers[index].own.push(operation);
        state.acknowledged |= 1 << operation;
        state.two_writers |= began_replaced;
        Place::Open
    }

    fn read_back(&self, state: &mut State, index: usize, operation: u8, began_replaced: bool) -> Place {
        let (own, known) = (state.writers[index].own.clone(), state.writers[index].known.clone());
        let found = state.lines(known.log);
        if !self.has(Planted::NoReadBack) && found.len() == own.len() + 1 && found.last() == Some(&operation)
        {
            return self.count(state, index, operation, began_replaced);
        }
        if self.has(Planted::NoReadBack) || self.has(Planted::LateAppendIgnored) {
            state.refused |= 1 << operation;
            return Place::Over;
        }
        let log = state.create_log(&own);
        self.replacing(state, Change::ShutOut(operation), &Manifest { log, ..known }, own)
    }

    fn replace(
        &self,
        state: &mut State,
        index: usize,
        outcome: Outcome,
        change: Change,
        next: Manifest,
        lines: Vec<u8>,
    ) -> Place {
        let is_conditional = !self.has(Planted::UnconditionalPublish) && !self.has(Planted::LeaseTrusted);
        let condition = is_conditional.then_some(state.writers[index].known.stamp);
        let takes_effect = matches!(outcome, Outcome::Done | Outcome::FailedAfterEffect | Outcome::Twice);
        let is_published = takes_effect && state.publish(&next, condition);
        if matches!(outcome, Outcome::FailedLate | Outcome::Twice) {
            state.late.push(Late::Publish(next.clone(), condition));
        }
        match outcome {
            Outcome::Done | Outcome::Twice if is_published => {
                self.published(state, index, change, next, lines)
            }
            Outcome::Done | Outcome::Twice => self.taken_over(state, change),
            _ => Place::Settle { change, next, lines },
        }
    }

    fn settle(
        &self,
        state: &mut State,
        index: usize,
        change: Change,
        next: Manifest,
        lines: Vec<u8>,
    ) -> Place {
        let found = state.manifest.clone();
        if found.stamp == next.stamp {
            return self.published(state, index, change, next, lines);
        }
        if found.ancestors.contains(&next.stamp) {
            // It took effect, and another writer has published since.
            self.published(state, index, change, next, lines);
            return Place::Over;
        }
        if found.stamp != state.writers[index].known.stamp {
            return self.taken_over(state, change);
        }
        Place::Touch { change, next, lines }
    }

    fn touch(
        &self,
        state: &mut State,
        index: usize,
        outcome: Outcome,
        change: Change,
        next: Manifest,
        lines: Vec<u8>,
    ) -> Place {
        let known = state.writers[index].known.clone();
        let mut touched = known.clone();
        touched.ancestors.push(known.stamp);
        touched.stamp = state.next_stamp;
        state.next_stamp += 1;
        let takes_effect = matches!(outcome, Outcome::Done | Outcome::FailedAfterEffect | Outcome::Twice);
        let is_published = takes_effect && state.publish(&touched, Some(known.stamp));
        if outcome == Outcome::FailedLate {
            state.late.push(Late::Publish(touched, Some(known.stamp)));
        }
        match outcome {
            Outcome::Done | Outcome::Twice if is_published => self.taken_over(state, change),
            Outcome::Done | Outcome::Twice => Place::Settle { change, next, lines },
            _ => Place::Over,
        }
    }

    /// A publication took no effect, and never will.
    fn taken_over(&self, state: &mut State, change: Change) -> Place {
        if let Change::Undo(operation) = change {
            state.acknowledged |= 1 << operation;
        }
        // Of a write that was to be shut out it is not known whether it takes effect.
        Place::Over
    }

    fn published(
        &self,
        state: &mut State,
        index: usize,
        change: Change,
        next: Manifest,
        lines: Vec<u8>,
    ) -> Place {
        let last = state.writers[index].known.writer;
        let writer = &mut state.writers[index];
        writer.known = next;
        match change {
            Change::Claim if last == 0 || self.has(Planted::LogNotClosed) => return Place::ReadLog,
            Change::Claim if self.has(Planted::ClosedAfterRead) => {
                let read = state.lines(state.writers[index].known.log);
                return Place::CloseLog { read: Some(read) };
            }
            Change::Claim => return Place::CloseLog { read: None },
            Change::Undo(operation) => state.refused |= 1 << operation,
            Change::ShutOut(operation) => state.refused |= 1 << operation,
            Change::BecomeCopy | Change::Checkpoint => {}
        }
        state.writers[index].own = lines;
        Place::Open
    }

    fn close_log(&self, state: &mut State, index: usize, read: Option<Vec<u8>>) -> Place {
        let known = state.writers[index].known.clone();
        let log = &mut state.logs[usize::from(known.log)];
        if !log.contains(&Part::End) {
            log.push(Part::End);
        }
        match read {
            Some(lines) => self.become_copy(state, &known, lines),
            None => Place::ReadLog,
        }
    }

    fn become_copy(&self, state: &mut State, known: &Manifest, lines: Vec<u8>) -> Place {
        let log = state.create_log(&lines);
        self.replacing(state, Change::BecomeCopy, &Manifest { log, ..known.clone() }, lines)
    }

    fn read_log(&self, state: &mut State, index: usize) -> Place {
        let known = state.writers[index].known.clone();
        let lines = state.lines(known.log);
        if known.ancestors.len() < 2 {
            // The first writer of the store: no other is to be shut out.
            state.writers[index].own = lines;
            return Place::Open;
        }
        self.become_copy(state, &known, lines)
    }
}

impl Model for Numbered {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let manifest = Manifest { stamp: 0, ancestors: Vec::new(), writer: 0, log: 0, snapshot: 0 };
        let writer = Writer { place: Place::Closed, begun: 0, known: manifest.clone(), own: Vec::new() };
        vec![State {
            manifest,
            logs: vec![Vec::new()],
            late: Vec::new(),
            writers: vec![writer; self.writers.len()],
            next_stamp: 1,
            acknowledged: 0,
            refused: 0,
            two_writers: false,
            faults: self.bounds.faults,
            crashes: self.bounds.crashes,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (process, writer) in state.writers.iter().enumerate() {
            if writer.place == Place::Over {
                continue;
            }
            let (name, writes) = writer.place.step();
            let mut outcomes = vec![Outcome::Done];
            if writes && state.faults > 0 {
                use Outcome::{FailedAfterEffect, FailedBefore, FailedLate, Twice};
                outcomes.extend([FailedAfterEffect, FailedBefore, FailedLate, Twice]);
            }
            if state.crashes > 0 && !matches!(writer.place, Place::Closed | Place::Open) {
                outcomes.push(Outcome::Crash);
            }
            let process = process as u8;
            actions.extend(outcomes.into_iter().map(|outcome| Action::Step(Step { process, name, outcome })));
        }
        actions.extend((0..state.late.len() as u8).map(Action::Arrive));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step(Step { process, outcome, .. }) => {
                let index = usize::from(process);
                state.faults -= u8::from(!matches!(outcome, Outcome::Done | Outcome::Crash));
                state.crashes -= u8::from(outcome == Outcome::Crash);
                let place = state.writers[index].place.clone();
                state.writers[index].place = match place {
                    _ if outcome == Outcome::Crash => Place::Over,
                    Place::Over => Place::Over,
                    Place::Closed => self.open(&mut state, index),
                    Place::Open => self.begin(&mut state, index),
                    Place::CloseLog { read } => self.close_log(&mut state, index, read),
                    Place::ReadLog => self.read_log(&mut state, index),
                    Place::Append { operation, began_replaced } => {
                        self.append(&mut state, index, outcome, operation, began_replaced)
                    }
                    Place::ReadBack { operation, began_replaced } => {
                        self.read_back(&mut state, index, operation, began_replaced)
                    }
                    Place::Replace { change, next, lines } => {
                        self.replace(&mut state, index, outcome, change, next, lines)
                    }
                    Place::Settle { change, next, lines } => {
                        self.settle(&mut state, index, change, next, lines)
                    }
                    Place::Touch { change, next, lines } => {
                        self.touch(&mut state, index, outcome, change, next, lines)
                    }
                };
            }
            Action::Arrive(late) => match state.late.remove(usize::from(late)) {
                Late::Append { log, number, operation } => {
                    state.create(log, number, operation, self.planted);
                }
                Late::Publish(next, condition) => {
                    state.publish(&next, condition);
                }
            },
            Action::Look(_) => return None,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no acknowledged write is lost", |_, state: &State| {
                state.acknowledged & !state.shown() == 0
            }),
            Property::always("nothing that was refused or undone shows", |_, state: &State| {
                state.refused & state.shown() == 0
            }),
            Property::always(TWO_WRITERS, |_, state: &State| !state.two_writers),
            Property::sometimes(
                "the last of the writers has done everything",
                |model: &Self, state: &State| {
                    state
                        .writers
                        .iter()
                        .zip(&model.writers)
                        .all(|(writer, tasks)| usize::from(writer.begun) == tasks.len())
                },
            ),
        ]
    }
}
