//! What both drivers of a protocol, `store` for a folder and `protocol` behind a carrier, decide alike: pure functions on what the
//! driver has read. They know no storage, no lock and no time but what they are given. How a manifest changes is decided in
//! [`crate::transition`], in which order steps are taken in [`crate::sequence`].

pub mod archives;
pub mod batches;
pub mod checkpoints;
pub mod copies;
pub mod program;
pub mod snapshots;
