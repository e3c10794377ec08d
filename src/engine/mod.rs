//! Records, operations, deltas, clock: the rules of the store, without I/O.

pub mod base;
pub mod core;
pub mod delta;
pub mod index;
mod kept;
pub mod log_head;
mod migration;
pub mod moment;
pub mod nearby;
pub mod operation;
pub mod overlay;
mod overlays;
pub mod records;
pub mod rows;
pub mod schema;
mod slots;
pub mod text;
mod touched;
pub mod view;

pub use base::Base;
pub use core::{Change, Draft, Engine, NotCanonical};
pub use kept::{Kept, Moments};
pub use moment::{Moment, Standing};
pub use nearby::Nearby;
pub use operation::{Cut, Logged, Operation, Origin, Rank, compare_ranks, places_in_order};
#[cfg(test)]
pub use overlay::Overlay;
pub use overlay::Place;
pub use records::{Cursor, Fresh};
pub use rows::{BaseLine, Row};
pub use schema::Schema;
pub use slots::{Id, IdHash};
pub use text::{Check, Text};
pub use touched::Touched;
pub use view::View;
