//! Records, operations, deltas, clock: the rules of the store, without I/O.

pub mod base;
pub mod delta;
pub mod index;
pub mod log;
pub mod log_head;
pub mod operation;
pub mod overlay;
pub mod records;
pub mod rows;
mod slots;
pub mod text;

pub use base::Base;
pub use log::{Change, Engine, NotCanonical};
pub use operation::{Operation, Origin, Rank};
pub use overlay::{Id, Place};
pub use records::{Cursor, View};
pub use rows::Row;
pub use text::Text;
