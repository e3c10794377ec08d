//! Agents in a folder. Appends hold the kernel's lock shared, changes of the manifest hold it alone; a counter says whether the
//! manifest has changed. A process that dies lets go of its locks.

use stateright::{Model, Property};

use crate::{Action, Bounds, Outcome, Step, TWO_WRITERS};

pub const AGENTS: usize = 3;

/// Faults of the protocol that are planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Planted {
    /// The snapshot takes the place of the logs that were read, which were not sealed.
    NoSeal,
    /// The seal does not wait for appends that are under way.
    SealedBesideAppends,
    /// The logs are read before the lock is held alone.
    ReadBeforeSeal,
    /// The counter is not raised when the manifest changes.
    CounterNotRaised,
    /// An append does not compare the counter.
    CounterNotCompared,
    /// The manifest with the snapshot is made from the one of the seal, without another look.
    PublishedWithoutReread,
    /// An undo cuts the log that the store knows, without a look at the manifest.
    UndoWithoutReread,
    /// The clock is not raised above what was sealed.
    ClockNotRaised,
}

impl Planted {
    pub const ALL: [Self; 8] = [
        Self::NoSeal,
        Self::SealedBesideAppends,
        Self::ReadBeforeSeal,
        Self::CounterNotRaised,
        Self::CounterNotCompared,
        Self::PublishedWithoutReread,
        Self::UndoWithoutReread,
        Self::ClockNotRaised,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    Write,
    Undo,
    Compact,
}

/// An agent, and what it does. A program of the same agent may follow when the one before has died.
#[derive(Clone, Debug)]
pub struct Program {
    pub agent: u8,
    pub tasks: Vec<Task>,
}

#[derive(Clone, Debug)]
pub struct Folder {
    pub programs: Vec<Program>,
    pub bounds: Bounds,
    pub planted: Option<Planted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Line {
    clock: u8,
    agent: u8,
    operation: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Manifest {
    live: [Option<u8>; AGENTS],
    sealed: Vec<u8>,
    snapshot: u8,
    clock: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// Not open yet.
    Closed,
    Idle,
    Over,
    Enter(Line),
    Append(Line),
    Leave(Line),
    LockCompaction,
    /// The counter is raised; the manifest follows.
    Publish {
        next: Manifest,
        then: Then,
    },
    Write {
        sealed: Manifest,
        logs: Vec<u8>,
    },
    PublishSealed {
        sealed: Manifest,
        logs: Vec<u8>,
        snapshot: u8,
    },
    Undo(u8),
}

/// What a publication ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Then {
    Registered,
    Sealed,
    Compacted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Process {
    place: Place,
    begun: u8,
    log: u8,
    clock: u8,
    counter: u8,
    last: Option<u8>,
    holds_shared: bool,
    holds_alone: bool,
    holds_compaction: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    manifest: Manifest,
    counter: u8,
    logs: Vec<Vec<Line>>,
    snapshots: Vec<Vec<Line>>,
    processes: Vec<Process>,
    /// What a reader read of the manifest, between its two steps.
    read: Option<Manifest>,
    looks: u8,
    reader_misses: bool,
    acknowledged: u16,
    /// What was acknowledged when the reader began to look.
    before_look: u16,
    refused: u16,
    faults: u8,
    crashes: u8,
}

fn mask_of(lines: &[Line]) -> u16 {
    lines.iter().fold(0, |mask, line| mask | 1 << line.operation)
}

impl State {
    fn lines(&self, manifest: &Manifest) -> Vec<Line> {
        let mut sealed: Vec<Line> = Vec::new();
        for log in &manifest.sealed {
            sealed.extend(&self.logs[usize::from(*log)]);
        }
        let mut live: Vec<Line> = Vec::new();
        for log in manifest.live.iter().flatten() {
            live.extend(&self.logs[usize::from(*log)]);
        }
        sealed.sort();
        live.sort();
        let mut all = self.snapshots[usize::from(manifest.snapshot)].clone();
        all.extend(sealed);
        all.extend(live);
        all
    }

    fn shown(&self) -> u16 {
        mask_of(&self.lines(&self.manifest))
    }

    fn highest_clock(&self, manifest: &Manifest) -> u8 {
        let lines = self.lines(manifest);
        lines.iter().map(|line| line.clock).max().unwrap_or(0).max(manifest.clock)
    }

    fn create_log(&mut self) -> u8 {
        self.logs.push(Vec::new());
        (self.logs.len() - 1) as u8
    }

    fn is_shared_by_others(&self, index: usize) -> bool {
        self.processes.iter().enumerate().any(|(other, process)| other != index && process.holds_shared)
    }

    fn is_held_alone(&self) -> bool {
        self.processes.iter().any(|process| process.holds_alone)
    }

    /// Whether the lock can be had alone.
    fn is_free(&self, index: usize) -> bool {
        !self.is_held_alone() && !self.is_shared_by_others(index)
    }
}

impl Place {
    fn step(&self) -> &'static str {
        match self {
            Self::Closed => "register",
            Self::Idle | Self::Over => "begin",
            Self::Enter(_) => "enter_gate",
            Self::Append(_) => "append",
            Self::Leave(_) => "leave",
            Self::LockCompaction => "wait_for_compaction_lock",
            Self::Publish { then: Then::Sealed, .. } => "seal",
            Self::Publish { .. } => "publish_alone",
            Self::Write { .. } => "write_snapshot",
            Self::PublishSealed { .. } => "publish",
            Self::Undo(_) => "undo_of_agent",
        }
    }
}

impl Folder {
    fn has(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    /// Whether the next step of a process need not wait for another process.
    fn can_step(&self, state: &State, index: usize) -> bool {
        let process = &state.processes[index];
        let agent = self.programs[index].agent;
        match &process.place {
            Place::Over => false,
            Place::Idle => usize::from(process.begun) < self.programs[index].tasks.len(),
            // The agent's own lock: no other process of this agent lives.
            Place::Closed => {
                let lives = |(other, process): (usize, &Process)| {
                    self.programs[other].agent == agent
                        && !matches!(process.place, Place::Over | Place::Closed)
                };
                state.is_free(index) && !state.processes.iter().enumerate().any(lives)
            }
            Place::Enter(_) => !state.is_held_alone(),
            Place::LockCompaction => {
                let is_free =
                    state.is_free(index) || self.has(Planted::SealedBesideAppends) && !state.is_held_alone();
                is_free && !state.processes.iter().any(|process| process.holds_compaction)
            }
            Place::PublishSealed { .. } | Place::Undo(_) => state.is_free(index),
            _ => true,
        }
    }

    fn step(&self, state: &mut State, index: usize, outcome: Outcome) {
        let agent = usize::from(self.programs[index].agent);
        let place = state.processes[index].place.clone();
        if outcome == Outcome::Crash {
            let process = &mut state.processes[index];
            process.place = Place::Over;
            (process.holds_shared, process.holds_alone, process.holds_compaction) = (false, false, false);
            return;
        }
        let next = match place {
            Place::Over => Place::Over,
            Place::Closed => self.register(state, index, agent),
            Place::Idle => self.begin(state, index, agent),
            Place::Enter(line) => self.enter_gate(state, index, agent, line),
            Place::Append(line) => {
                if outcome == Outcome::Done {
                    let log = usize::from(state.processes[index].log);
                    state.logs[log].push(line);
                    Place::Leave(line)
                } else {
                    // It is cut off again while the lock is still held.
                    state.refused |= 1 << line.operation;
                    state.processes[index].holds_shared = false;
                    Place::Idle
                }
            }
            Place::Leave(line) => {
                let process = &mut state.processes[index];
                process.holds_shared = false;
                process.last = Some(line.operation);
                state.acknowledged |= 1 << line.operation;
                Place::Idle
            }
            Place::LockCompaction => self.seal(state, index, agent),
            Place::Publish { next, then } => self.publish(state, index, next, then),
            Place::Write { sealed, logs } => {
                let lines = Manifest { live: [None; AGENTS], sealed: logs.clone(), ..sealed.clone() };
                let lines = state.lines(&lines);
                state.snapshots.push(lines);
                let snapshot = (state.snapshots.len() - 1) as u8;
                Place::PublishSealed { sealed, logs, snapshot }
            }
            Place::PublishSealed { sealed, logs, snapshot } => {
                self.publish_sealed(state, index, &sealed, &logs, snapshot)
            }
            Place::Undo(operation) => self.undo(state, index, agent, operation),
        };
        state.processes[index].place = next;
    }

    fn changing(&self, state: &mut State, index: usize, next: Manifest, then: Then) -> Place {
        state.processes[index].holds_alone = true;
        if !self.has(Planted::CounterNotRaised) {
            state.counter += 1;
        }
        Place::Publish { next, then }
    }

    fn register(&self, state: &mut State, index: usize, agent: usize) -> Place {
        let mut next = state.manifest.clone();
        let clock = state.highest_clock(&next);
        state.processes[index].clock = clock;
        if let Some(log) = next.live[agent] {
            let process = &mut state.processes[index];
            (process.log, process.counter) = (log, state.counter);
            return Place::Idle;
        }
        let log = state.create_log();
        next.live[agent] = Some(log);
        state.processes[index].log = log;
        self.changing(state, index, next, Then::Registered)
    }

    fn begin(&self, state: &mut State, index: usize, agent: usize) -> Place {
        let process = &mut state.processes[index];
        let task = self.programs[index].tasks[usize::from(process.begun)];
        process.begun += 1;
        match task {
            Task::Write => {
                let operation = index as u8 * 3 + process.begun - 1;
                Place::Enter(Line { clock: 0, agent: agent as u8, operation })
            }
            Task::Undo => match process.last.take() {
                Some(operation) => {
                    state.acknowledged &= !(1 << operation);
                    Place::Undo(operation)
                }
                None => Place::Idle,
            },
            Task::Compact => Place::LockCompaction,
        }
    }

    /// Takes the lock shared. If the counter is another, the store catches up first.
    fn enter_gate(&self, state: &mut State, index: usize, agent: usize, mut line: Line) -> Place {
        let clock = state.highest_clock(&state.manifest);
        let named = state.manifest.live[agent];
        let counter = state.counter;
        let process = &mut state.processes[index];
        if process.counter != counter && !self.has(Planted::CounterNotCompared) {
            let Some(log) = named else {
                // Another version has dropped it: it registers again.
                return Place::Closed;
            };
            (process.log, process.counter) = (log, counter);
            process.last = None;
            if !self.has(Planted::ClockNotRaised) {
                process.clock = process.clock.max(clock);
            }
        }
        process.holds_shared = true;
        process.clock += 1;
        line.clock = process.clock;
        Place::Append(line)
    }

    fn seal(&self, state: &mut State, index: usize, agent: usize) -> Place {
        state.processes[index].holds_compaction = true;
        let before = state.manifest.clone();
        if self.has(Planted::NoSeal) || self.has(Planted::ReadBeforeSeal) {
            let logs: Vec<u8> = before.sealed.iter().chain(before.live.iter().flatten()).copied().collect();
            return Place::Write { sealed: before, logs };
        }
        let next = self.sealed(state, index, agent, &before);
        self.changing(state, index, next, Then::Sealed)
    }

    fn sealed(&self, state: &mut State, index: usize, agent: usize, before: &Manifest) -> Manifest {
        let mut next = before.clone();
        next.clock = state.highest_clock(before);
        next.sealed.extend(before.live.iter().flatten());
        for other in 0..AGENTS {
            let is_open = self.programs.iter().zip(&state.processes).any(|(program, process)| {
                usize::from(program.agent) == other && !matches!(process.place, Place::Over | Place::Closed)
            });
            next.live[other] = (before.live[other].is_some() && is_open).then(|| state.create_log());
        }
        let process = &mut state.processes[index];
        process.log = next.live[agent].unwrap_or(process.log);
        process.last = None;
        next
    }

    fn publish(&self, state: &mut State, index: usize, next: Manifest, then: Then) -> Place {
        state.manifest = next.clone();
        let counter = state.counter;
        let process = &mut state.processes[index];
        process.holds_alone = false;
        process.counter = counter;
        match then {
            Then::Registered => Place::Idle,
            Then::Sealed => Place::Write { logs: next.sealed.clone(), sealed: next },
            Then::Compacted => {
                process.holds_compaction = false;
                Place::Idle
            }
        }
    }

    fn publish_sealed(
        &self,
        state: &mut State,
        index: usize,
        sealed: &Manifest,
        logs: &[u8],
        snapshot: u8,
    ) -> Place {
        let agent = usize::from(self.programs[index].agent);
        let mut next = state.manifest.clone();
        if self.has(Planted::PublishedWithoutReread) {
            next = sealed.clone();
        }
        if self.has(Planted::NoSeal) || self.has(Planted::ReadBeforeSeal) {
            next = self.sealed(state, index, agent, &next);
        }
        next.snapshot = snapshot;
        next.sealed.retain(|log| !logs.contains(log));
        self.changing(state, index, next, Then::Compacted)
    }

    fn undo(&self, state: &mut State, index: usize, agent: usize, operation: u8) -> Place {
        let log = state.processes[index].log;
        let is_known = state.manifest.live[agent] == Some(log) || self.has(Planted::UndoWithoutReread);
        let lines = &mut state.logs[usize::from(log)];
        if is_known && lines.last().is_some_and(|line| line.operation == operation) {
            lines.pop();
            state.refused |= 1 << operation;
        } else {
            state.acknowledged |= 1 << operation;
        }
        Place::Idle
    }
}

impl Model for Folder {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let process = Process {
            place: Place::Closed,
            begun: 0,
            log: 0,
            clock: 0,
            counter: 0,
            last: None,
            holds_shared: false,
            holds_alone: false,
            holds_compaction: false,
        };
        vec![State {
            manifest: Manifest { live: [None; AGENTS], sealed: Vec::new(), snapshot: 0, clock: 0 },
            counter: 0,
            logs: Vec::new(),
            snapshots: vec![Vec::new()],
            processes: vec![process; self.programs.len()],
            read: None,
            looks: self.bounds.looks,
            reader_misses: false,
            acknowledged: 0,
            before_look: 0,
            refused: 0,
            faults: self.bounds.faults,
            crashes: self.bounds.crashes,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, process) in state.processes.iter().enumerate() {
            let name = process.place.step();
            let mut outcomes = Vec::new();
            if self.can_step(state, index) {
                outcomes.push(Outcome::Done);
                if state.faults > 0 && matches!(process.place, Place::Append(_)) {
                    outcomes.push(Outcome::FailedBefore);
                }
            }
            if state.crashes > 0 && !matches!(process.place, Place::Closed | Place::Over) {
                outcomes.push(Outcome::Crash);
            }
            let process = index as u8;
            actions.extend(outcomes.into_iter().map(|outcome| Action::Step(Step { process, name, outcome })));
        }
        if state.read.is_some() {
            actions.push(Action::Look("load_all"));
        } else if state.looks > 0 {
            actions.push(Action::Look("read_agents"));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step(Step { process, outcome, .. }) => {
                state.faults -= u8::from(outcome == Outcome::FailedBefore);
                state.crashes -= u8::from(outcome == Outcome::Crash);
                self.step(&mut state, usize::from(process), outcome);
            }
            Action::Look(_) => match state.read.take() {
                Some(manifest) => {
                    // What was undone since the look began need not show.
                    let shown = mask_of(&state.lines(&manifest));
                    state.reader_misses |= state.before_look & state.acknowledged & !shown != 0;
                }
                None => {
                    state.looks -= 1;
                    state.read = Some(state.manifest.clone());
                    state.before_look = state.acknowledged;
                }
            },
            Action::Arrive(_) => return None,
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
            Property::always(TWO_WRITERS, |model: &Self, state: &State| {
                let alive = |agent: u8| {
                    let pairs = model.programs.iter().zip(&state.processes);
                    let of = pairs.filter(|(program, _)| program.agent == agent);
                    of.filter(|(_, process)| !matches!(process.place, Place::Over | Place::Closed)).count()
                };
                (0..AGENTS as u8).all(|agent| alive(agent) <= 1)
            }),
            Property::always(
                "acknowledged writes have one order, that of their clocks",
                |_, state: &State| {
                    let mut lines = state.lines(&state.manifest);
                    lines.retain(|line| state.acknowledged & (1 << line.operation) != 0);
                    lines.is_sorted()
                },
            ),
            Property::always("a reader finds what was acknowledged before it looked", |_, state: &State| {
                !state.reader_misses
            }),
            Property::always("no operation is there twice", |_, state: &State| {
                let lines = state.lines(&state.manifest);
                lines.len() == mask_of(&lines).count_ones() as usize
            }),
            Property::sometimes("all is quiet", |model: &Self, state: &State| {
                let ends = |(program, process): (&Program, &Process)| {
                    process.place == Place::Over || usize::from(process.begun) == program.tasks.len()
                };
                model.programs.iter().zip(&state.processes).all(ends)
            }),
        ]
    }
}
