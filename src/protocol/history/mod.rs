//! The history of a store behind a carrier: the operations of the logs that its manifests have named, from one snapshot to the
//! next. An era is what was logged between two snapshots, numbered by the snapshots before it; its operations are those that
//! counted, in the order of the state. A [`Position`] says which operations of each agent were read since an era began.
//!
//! Invariant: an operation counts once, whichever copy of its log it is read from. Of what may be gone nothing is guessed: it is
//! `OPSLOG_POSITION_GONE`.

mod backward;
mod eras;
mod feed;
mod forward;
mod past;
mod position;
mod prune;
mod retired;
mod standing;
mod told;
mod walk;

pub use feed::Feed;
pub use past::{Present, When};
pub use position::Position;
pub use prune::Deleted;

use super::carrier::Error;
use crate::error::Code;
use retired::Pages;
use standing::Standing;

/// What a store keeps of its history.
#[derive(Default)]
pub(super) struct History {
    standing: Standing,
    pages: Pages,
}

/// A place that is there no more, and why.
fn gone(why: &'static str) -> Error {
    Error::rule(Code::PositionGone, crate::error::Error::PositionGone(why).to_string())
}

const UNDONE: &str = "an operation up to it was undone";
const DELETED: &str = "logs that follow it were deleted";
const OF_ANOTHER: &str = "it is the position of another store, or of an earlier state of this one";
