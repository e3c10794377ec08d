//! The protocols of many writers as models that are explored exhaustively: `objects` (agents on an object store), `numbered`
//! (single writers that replace each other there) and `folder` (agents in a folder). Steps bear the names of the functions of
//! the engine that make them. The properties are those of docs/multi-writer.md.

pub mod explore;
pub mod folder;
pub mod numbered;
pub mod objects;
pub mod worlds;

/// What becomes of a step that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Done,
    /// It took effect, and its answer was an error.
    FailedAfterEffect,
    /// It did not take effect, and never will.
    FailedBefore,
    /// It may take effect later.
    FailedLate,
    /// It is carried out now, and once more later.
    Twice,
    /// Its process dies before it.
    Crash,
}

/// A step of a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    pub process: u8,
    pub name: &'static str,
    pub outcome: Outcome,
}

/// What a model does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Step(Step),
    /// A request that was thought to have failed arrives.
    Arrive(u8),
    /// The reader looks: at the manifest, then at what it names.
    Look(&'static str),
}

/// How much goes wrong at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    pub faults: u8,
    pub crashes: u8,
    /// How often a reader looks before all is quiet.
    pub looks: u8,
}

/// What is found wrong by a step itself.
pub const TWO_WRITERS: &str = "no two live writers are acknowledged in one term";
