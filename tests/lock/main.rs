//! The lock protocol on a simulated disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod failures;
mod holding;
mod races;
mod support;
mod takeover;
