//! What changes a store: appends, buffers and batches, undo, and what must be synced for it to last.

pub(in crate::store) mod change;
pub(in crate::store) mod detached;
pub(in crate::store) mod doubtful;
pub(in crate::store) mod drafts;
pub(in crate::store) mod durable;
pub(in crate::store) mod left;
pub(in crate::store) mod logs;
pub(in crate::store) mod older;
pub(in crate::store) mod savepoint;
pub(in crate::store) mod settle;
pub(in crate::store) mod undo;
pub(in crate::store) mod unwritten;
