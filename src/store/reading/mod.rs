//! What is read of a store: records, walks and queries, declared indexes, places in the history.

pub(in crate::store) mod ahead;
pub(in crate::store) mod fields;
pub(in crate::store) mod find;
pub(in crate::store) mod head;
pub(in crate::store) mod indexed;
pub(in crate::store) mod log_versions;
mod misfit;
pub(in crate::store) mod order;
mod overlaid;
pub(in crate::store) mod past;
pub(in crate::store) mod piece;
pub(in crate::store) mod read;
mod runs;
pub(in crate::store) mod sorted;
pub(in crate::store) mod unique;
pub(in crate::store) mod walk;
