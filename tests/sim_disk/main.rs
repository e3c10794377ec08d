//! The simulated disk keeps the promises that the crash tests build on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod files;
mod power_loss;
mod script;
mod support;
