//! Agents on an object store.

mod agent;
pub mod planted;
mod process;
mod reader;
mod storage;

use stateright::{Model, Property};

use crate::{Action, Bounds, Outcome, Step, TWO_WRITERS};
pub use planted::Planted;
use process::{Place, Process};
pub use process::{Program, Task};
use reader::Reader;
use storage::{Mask, Storage, mask_of};

/// Programs, how much goes wrong, and at most one fault of the protocol.
#[derive(Clone, Debug)]
pub struct Objects {
    pub programs: Vec<Program>,
    pub bounds: Bounds,
    /// The first store of each agent is open at the beginning.
    pub opened: bool,
    pub planted: Option<Planted>,
}

/// What callers were told of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Told {
    pub acknowledged: Mask,
    pub refused: Mask,
    pub undone: Mask,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub storage: Storage,
    pub processes: Vec<Process>,
    pub reader: Reader,
    pub told: Told,
    pub faults: u8,
    pub crashes: u8,
    pub two_writers: bool,
}

impl State {
    fn is_quiet(&self, model: &Objects) -> bool {
        self.processes.iter().zip(&model.programs).all(|(process, program)| match process.place {
            Place::Over => true,
            Place::Idle => usize::from(process.begun) > program.tasks.len(),
            _ => false,
        })
    }
}

impl Objects {
    fn has(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    fn steps(&self, state: &State, process: u8, actions: &mut Vec<Action>) {
        let found = &state.processes[usize::from(process)];
        let tasks = self.programs[usize::from(process)].tasks.len();
        if found.place == Place::Over || found.place == Place::Idle && usize::from(found.begun) > tasks {
            return;
        }
        let (name, writes) = found.place.step();
        let mut outcomes = vec![Outcome::Done];
        if writes && state.faults > 0 {
            use Outcome::{FailedAfterEffect, FailedBefore, FailedLate, Twice};
            outcomes.extend([FailedAfterEffect, FailedBefore, FailedLate, Twice]);
        }
        if state.crashes > 0 && found.begun > 0 && found.place != Place::Idle {
            outcomes.push(Outcome::Crash);
        }
        actions.extend(outcomes.into_iter().map(|outcome| Action::Step(Step { process, name, outcome })));
    }
}

impl Model for Objects {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let process = Process {
            place: Place::Idle,
            begun: 0,
            log: None,
            counted: 0,
            clock: 0,
            is_replaced: false,
            last: None,
        };
        let mut state = State {
            storage: Storage::empty(),
            processes: vec![process; self.programs.len()],
            reader: Reader::new(self.bounds.looks),
            told: Told::default(),
            faults: self.bounds.faults,
            crashes: self.bounds.crashes,
            two_writers: false,
        };
        for (index, program) in self.programs.iter().enumerate().filter(|_| self.opened) {
            let slot = usize::from(program.agent);
            if state.storage.manifest.live[slot].is_none() {
                let log = state.storage.create_log(Vec::new());
                state.storage.manifest.live[slot] = Some(log);
                state.storage.manifest.sessions[slot] = index as u8 + 1;
                state.processes[index].log = Some(log);
                state.processes[index].begun = 1;
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in 0..self.programs.len() as u8 {
            self.steps(state, process, actions);
        }
        actions.extend((0..state.storage.late.len() as u8).map(Action::Arrive));
        if let Some(name) = state.reader.next_look(state.is_quiet(self), &state.storage) {
            actions.push(Action::Look(name));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step(Step { process, outcome, .. }) => self.step(&mut state, process, outcome),
            Action::Arrive(late) => state.storage.arrive(usize::from(late)),
            Action::Look(_) => {
                let is_quiet = last.is_quiet(self);
                let State { reader, storage, .. } = &mut state;
                reader.look(storage, is_quiet);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no acknowledged write is lost", |_, state: &State| {
                state.told.acknowledged & !mask_of(&state.storage.state()) == 0
            }),
            Property::always("nothing that was refused or undone shows", |_, state: &State| {
                (state.told.refused | state.told.undone) & mask_of(&state.storage.state()) == 0
            }),
            Property::always(TWO_WRITERS, |_, state: &State| !state.two_writers),
            Property::always(
                "acknowledged writes have one order, that of their clocks",
                |_, state: &State| {
                    let mut lines = state.storage.state();
                    lines.retain(|line| state.told.acknowledged & line.bit() != 0);
                    lines.is_sorted()
                },
            ),
            Property::always("no operation is told twice", |_, state: &State| !state.reader.is_told_twice()),
            Property::always("a follower is told everything once all is quiet", |_, state: &State| {
                !state.reader.is_up_to_date() || state.told.acknowledged & !state.reader.told() == 0
            }),
            Property::sometimes("all is quiet, and the follower has everything", |_, state: &State| {
                state.reader.is_up_to_date()
            }),
            Property::sometimes("two snapshots, and nothing went wrong", |model: &Self, state: &State| {
                let compactions = model.programs.iter().flat_map(|program| &program.tasks);
                let compactions = compactions.filter(|task| **task == Task::Compact).count();
                usize::from(state.storage.manifest.snapshot) >= compactions.min(1)
            }),
        ]
    }
}
