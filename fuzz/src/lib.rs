//! The fuzz targets, each a function that panics when its input shows a fault. `fuzz_targets/` gives them to libFuzzer;
//! `tests/fuzz_seeds.rs` gives them the seeds.

pub mod agents;
pub mod archive;
mod bytes;
pub mod folder;
pub mod growth;
pub mod index;
pub mod legacy_snapshot;
pub mod lock;
mod log;
pub mod manifest;
pub mod operations;
pub mod paths;
pub mod snapshot;
mod store;
pub mod wal;
