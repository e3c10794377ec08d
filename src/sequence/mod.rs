//! The order of the steps of each protocol, and what a failure of each step means, once for both drivers. A driver says how it carries
//! out a step: `store` in a folder, where a step is done when its call returns, and `protocol` behind a carrier, where a step is awaited.
//!
//! Sequences know no storage, no lock and no memory. Where the drivers must differ in order, a fact of the steps says so. What is decided on
//! what a driver has read is in [`crate::rules`], how a manifest changes in [`crate::transition`].

pub mod archive;
pub mod checkpoint;
pub mod compaction;
mod complete;
pub mod registration;

pub use complete::complete;

#[cfg(test)]
mod checkpoint_tests;
#[cfg(test)]
mod compaction_tests;
#[cfg(test)]
mod script;
