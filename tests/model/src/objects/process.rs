//! An agent's store: where in the protocol it stands. Each place is one step of storage, under the name that the function has
//! in `src/protocol/`.

use super::storage::{Line, LogId, Manifest};

/// What a program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    Write,
    /// Takes the last write back.
    Undo,
    Compact,
}

/// A program: the agent that it is, and what it does. Programs with the same agent replace each other.
#[derive(Clone, Debug)]
pub struct Program {
    pub agent: u8,
    pub tasks: Vec<Task>,
}

/// A write on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    pub line: Line,
    pub log: LogId,
    /// Lines of it in logs that were sealed before they counted, and how many before them do.
    pub copies: Vec<(LogId, u8)>,
    /// How many operations of the log counted before it, where it may still be found out that it does not.
    pub before: Option<u8>,
    /// Another store had this agentId already when the write was called.
    pub began_replaced: bool,
}

/// What the manifest is changed for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    Register(Option<Box<Write>>),
    Seal,
    Snapshot(Box<Merge>),
    /// A line is shut out of a log; the write is refused then.
    ShutOut(Box<Write>),
    Undo {
        operation: u8,
        copied: Option<(LogId, LogId)>,
    },
}

/// A compaction between its seal and its publication.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Merge {
    pub sealed: Manifest,
    pub logs: Vec<(LogId, u8)>,
    pub lines: Vec<Line>,
    pub snapshot: u8,
}

/// A publication on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Publication {
    pub change: Change,
    pub next: Manifest,
    pub before: Manifest,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Idle,
    /// It is closed, or its process died.
    Over,
    Append(Write),
    ReadBack(Write),
    Judge(Write),
    MoveOnce(Write),
    Update(Change),
    Replace(Publication),
    SettlePublication(Publication),
    Touch(Publication),
    ReadCounted(Manifest),
    IsFenced(Write),
    /// Of a planted fault: the logs were read, and are sealed now.
    SealLate(Box<Merge>),
}

impl Place {
    /// The step that comes next, and whether it writes.
    pub fn step(&self) -> (&'static str, bool) {
        match self {
            Self::Idle => ("begin", false),
            Self::Over => ("over", false),
            Self::Append(_) => ("append_to_log", true),
            Self::ReadBack(_) => ("read_back", false),
            Self::Judge(_) => ("judge", false),
            Self::MoveOnce(_) => ("move_once", false),
            Self::Update(change) => (change.name(), false),
            Self::Replace(_) => ("replace", true),
            Self::SettlePublication(_) => ("settle_publication", false),
            Self::Touch(_) => ("touch", true),
            Self::ReadCounted(_) => ("read_counted", false),
            Self::IsFenced(_) => ("is_fenced", false),
            Self::SealLate(_) => ("seal", false),
        }
    }
}

impl Change {
    fn name(&self) -> &'static str {
        match self {
            Self::Register(None) => "register",
            Self::Register(Some(_)) => "register_again",
            Self::Seal => "seal",
            Self::Snapshot(_) => "publish",
            Self::ShutOut(_) => "shut_out",
            Self::Undo { .. } => "undo_of_agent",
        }
    }
}

/// An open store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    pub place: Place,
    /// How many of its program's tasks it has begun.
    pub begun: u8,
    pub log: Option<LogId>,
    /// How many lines of its log count.
    pub counted: u8,
    pub clock: u8,
    pub is_replaced: bool,
    /// The last write that counts.
    pub last: Option<u8>,
}
