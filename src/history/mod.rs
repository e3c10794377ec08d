//! The operations of a folder from the oldest log to the newest, in their total order, forward or backward: one log after
//! the other of single writers, and those of agents merged by (clock, agent). Read lazily and in pieces, so that memory is
//! bounded. A [`Position`] says up to where they were read; it holds through checkpoints, restarts and backups.
//!
//! Invariant: an operation that checkpoints carried from one log to the next is given once. No log is changed, and no lock is
//! taken: what a writer cuts meanwhile is found by comparing, and told as [`Event::Undone`].

mod archived;
mod backward;
mod chains;
mod changes;
mod folder;
mod forward;
mod ids;
mod known;
mod log;
mod merge;
mod position;
mod print;
mod reached;
mod remembered;
mod reverse_lines;
mod reverse_log;
mod sealed_logs;
mod trail;

pub use archived::Archived;
pub use backward::{Backward, standing};
pub use changes::{Changes, Wanted};
pub use forward::{Forward, Reading};
pub(crate) use ids::build as build_ids;
pub use ids::{Record, index_sealed};
pub use known::{KnownLine, KnownLog, KnownPosition};
pub use position::{Position, position_behind};
pub(crate) use position::{push_escaped, unescape_bytes};
pub use print::{Flat, before_into, event_into};

use crate::format::operation::Line;

/// What was found.
pub enum Event<'a> {
    /// An operation.
    Change(Change<'a>),
    /// An operation that was given is no longer there. Several are told with the last first.
    Undone {
        /// Where it stood.
        position: &'a [u8],
        /// Where the operation before it stands.
        after: &'a [u8],
        /// Its record.
        id: &'a [u8],
    },
}

/// An operation, as it stands in its log.
pub struct Change<'a> {
    /// Its line.
    pub bytes: &'a [u8],
    /// The line, taken apart.
    pub line: &'a Line<'a>,
    /// Its position, as text.
    pub position: &'a [u8],
    /// The time in the name of its log.
    pub ms: u64,
    /// Where in that log its line begins.
    pub start: u64,
    /// The position of the first operation of its batch, if it is one of several.
    pub batch: Option<&'a [u8]>,
}

/// Takes what is found, in order.
pub type Sink<'s> = dyn FnMut(Event<'_>) -> crate::error::Result<()> + 's;
