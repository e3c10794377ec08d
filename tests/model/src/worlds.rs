//! The worlds that are explored: small ones within the tests' time, larger ones by `npm run model:protocols`.

use crate::Bounds;
use crate::folder::{self, Folder};
use crate::numbered::{self, Numbered};
use crate::objects::{Objects, Program, Task};

const fn bounds(faults: u8, crashes: u8, looks: u8) -> Bounds {
    Bounds { faults, crashes, looks }
}

fn program(agent: u8, tasks: &[Task]) -> Program {
    Program { agent, tasks: tasks.to_vec() }
}

fn objects(programs: &[(u8, &[Task])], bounds: Bounds) -> Objects {
    let programs = programs.iter().map(|(agent, tasks)| program(*agent, tasks)).collect();
    Objects { programs, bounds, opened: true, planted: None }
}

fn in_folder(programs: &[(u8, &[folder::Task])], bounds: Bounds) -> Folder {
    let programs = programs
        .iter()
        .map(|(agent, tasks)| folder::Program { agent: *agent, tasks: tasks.to_vec() })
        .collect();
    Folder { programs, bounds, planted: None }
}

fn numbered(writers: &[&[numbered::Task]], bounds: Bounds) -> Numbered {
    Numbered { writers: writers.iter().map(|tasks| tasks.to_vec()).collect(), bounds, planted: None }
}

/// Agents on an object store, by what each world is for.
pub fn small_objects() -> Vec<(&'static str, Objects)> {
    use Task::{Compact, Undo, Write};
    let beside = objects(&[(0, &[Compact]), (1, &[Write])], bounds(0, 0, 1));
    vec![
        ("a write and an undo, a fault", objects(&[(1, &[Write, Undo])], bounds(1, 0, 0))),
        (
            "a compaction above another agent's clock",
            objects(&[(1, &[Write, Write, Compact]), (0, &[Write])], bounds(0, 0, 0)),
        ),
        ("an agent that is replaced, a fault", objects(&[(0, &[Write]), (0, &[Write])], bounds(1, 0, 1))),
        (
            "an undo beside a compaction and a write",
            objects(&[(0, &[Compact, Write]), (1, &[Write, Undo])], bounds(0, 0, 0)),
        ),
        ("a compaction beside a write, a fault", objects(&[(0, &[Compact]), (1, &[Write])], bounds(1, 0, 0))),
        (
            "an undo beside a compaction, a fault",
            objects(&[(0, &[Compact]), (1, &[Write, Undo])], bounds(1, 0, 0)),
        ),
        (
            "a store that is opened, a compaction beside a write, a reader",
            Objects { opened: false, ..beside },
        ),
        (
            "two compactions beside a write, three agents, a death",
            objects(&[(0, &[Compact]), (1, &[Write]), (2, &[Compact])], bounds(0, 1, 0)),
        ),
        (
            "a compaction beside an agent that is replaced",
            objects(&[(0, &[Write]), (0, &[Write]), (1, &[Compact])], bounds(0, 0, 0)),
        ),
    ]
}

pub fn large_objects() -> Vec<(&'static str, Objects)> {
    use Task::{Compact, Undo, Write};
    vec![
        (
            "two agents, two compactions, two writes, a fault, a reader",
            objects(&[(0, &[Write, Compact]), (1, &[Write, Compact])], bounds(1, 0, 1)),
        ),
        (
            "a replaced agent, a compaction, a fault, a reader",
            objects(&[(0, &[Write]), (0, &[Write]), (1, &[Compact])], bounds(1, 0, 1)),
        ),
        (
            "three agents, two compactions, a replaced agent, a death",
            objects(&[(0, &[Compact]), (1, &[Write]), (1, &[Write]), (2, &[Compact])], bounds(0, 1, 0)),
        ),
        (
            "an undo, a compaction, two faults",
            objects(&[(0, &[Compact]), (1, &[Write, Undo])], bounds(2, 0, 0)),
        ),
    ]
}

pub fn small_numbered() -> Vec<(&'static str, Numbered)> {
    use numbered::Task::{Checkpoint, Undo, Write};
    vec![
        (
            "a replaced writer, a fault, a death",
            numbered(&[&[Write, Write], &[Write, Checkpoint]], bounds(1, 1, 0)),
        ),
        (
            "an undo and a checkpoint beside a take-over, a fault",
            numbered(&[&[Write, Undo, Checkpoint], &[Write]], bounds(1, 0, 0)),
        ),
        ("two take-overs, a death", numbered(&[&[Write], &[Write], &[Write]], bounds(0, 1, 0))),
    ]
}

pub fn large_numbered() -> Vec<(&'static str, Numbered)> {
    use numbered::Task::{Checkpoint, Undo, Write};
    vec![
        ("two take-overs, two faults", numbered(&[&[Write], &[Write], &[Write]], bounds(2, 0, 0))),
        (
            "two take-overs with undo and checkpoint, a fault, a death",
            numbered(&[&[Write, Undo], &[Write, Checkpoint], &[Write]], bounds(1, 1, 0)),
        ),
    ]
}

pub fn small_folder() -> Vec<(&'static str, Folder)> {
    use folder::Task::{Compact, Undo, Write};
    vec![
        (
            "three agents, two compactions, a reader, a death",
            in_folder(&[(0, &[Compact]), (1, &[Write]), (2, &[Compact])], bounds(0, 1, 1)),
        ),
        (
            "a process in the place of one that died, a compaction, a failed append",
            in_folder(&[(2, &[Write, Compact]), (1, &[Write]), (1, &[Write])], bounds(1, 1, 0)),
        ),
        (
            "an undo beside a compaction",
            in_folder(&[(0, &[Compact]), (1, &[Write, Undo, Write])], bounds(1, 1, 1)),
        ),
    ]
}

pub fn large_folder() -> Vec<(&'static str, Folder)> {
    use folder::Task::{Compact, Undo, Write};
    vec![(
        "three agents, two compactions, writes, an undo, a replaced process, a death, a failed append, a reader",
        in_folder(
            &[(0, &[Write, Compact]), (1, &[Write, Undo]), (1, &[Write]), (2, &[Write, Compact])],
            bounds(1, 1, 1),
        ),
    )]
}
