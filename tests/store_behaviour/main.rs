//! What a store over a simulated disk does, call by call: reading and writing, checkpoints with operations in
//! the middle of them, other hands in the log, and a failure of each single call of the disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod agents;
mod alone;
mod at_once;
mod backup;
mod basics;
mod carried;
mod case;
mod checking;
mod copies_beside_others;
mod departures;
mod drafts;
mod durability;
mod failures;
mod following;
mod foreign;
mod hands;
mod history_ids;
mod history_late;
mod history_random;
mod history_undone;
#[path = "../explorer/hook.rs"]
mod hook;
mod index;
mod keeping;
mod lasting;
mod late;
mod log_index;
mod looking;
mod migrations;
mod missing;
mod mistrust;
mod newer_fields;
mod numbers;
mod old_files;
mod orders;
mod panics;
mod past;
#[path = "../explorer/pause.rs"]
mod pause;
mod pieces;
mod pruning;
mod recovery;
mod settling;
mod shared;
mod support;
mod temporaries;
mod trees;
mod turns;
mod unpublished;
