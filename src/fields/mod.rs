//! Declared indexes: which records have which values. Of the snapshot a [`Tree`] says that, which never changes and lies in a file
//! or in memory; of what the log says since, [`Overlaid`] does, which follows the records. A search takes from the tree what the
//! log says nothing of, and the rest from the other.
//!
//! Invariant: an index leads to records, and says nothing of them: what it leads to is read and tried. One that is missing,
//! stale or damaged is made again from the records.

mod build;
mod leaves;
mod overlaid;
mod tree;

pub use build::{Judged, build, judge, write};
pub use leaves::Leaves;
pub use overlaid::{Overlaid, Said};
pub use tree::{At, Broken, Failed, Leaf, Tree};
