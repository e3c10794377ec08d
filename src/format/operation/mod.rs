//! One operation as one line of a log: the fields of 0.8.1 in its order, then marks of our own that it
//! ignores (`prevValue`, `version`, `batch`, `cuts`, `after`, and
//! `again`, which stores with a backend write).
//!
//! Invariant: a line is accepted exactly when 0.8.1 accepts it; a mark that makes no sense counts as
//! absent, never as damage. Values are text and stay as they are.

pub mod marked;
mod public;
mod read;
mod write;

pub use super::trim::js_trim;
pub use public::{batch_marker, public_text_into, unmarked, unplaced, without_marker};
pub use read::{Invalid, Line, parse_line};
pub use write::{Body, Draft, Marks, Prev, finish_line, write_body};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Gives a record a new value.
    Set,
    /// Removes a record.
    Delete,
}

/// A line's place in a batch of two or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchMark {
    /// More lines of the batch follow.
    More,
    /// The batch ends here.
    Last,
}

impl BatchMark {
    /// The mark's value in the line, without quotes: both are four bytes, so that one can be overwritten
    /// by the other in place.
    pub fn text(self) -> &'static [u8; 4] {
        match self {
            Self::More => b"more",
            Self::Last => b"last",
        }
    }
}
