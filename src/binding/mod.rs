//! The N-API layer: conversion only. Every export and every task catches panics, because one that reached
//! Node would kill the user's process. The only place that names `napi`.

mod backup;
// The raw calls cannot be made without it.
#[allow(unsafe_code)]
mod buffer;
mod catch;
mod change;
mod error;
mod exit;
mod fields;
mod files;
mod finalize;
mod find;
mod handles;
mod history;
#[allow(unsafe_code)]
mod hot;
mod json;
mod lists;
mod lock;
mod maintenance;
mod migrating;
mod migration;
mod open;
mod operations;
mod past;
mod prune;
mod session;
mod session_history;
mod snapshot_index;
mod status;
mod steps;
mod store;
mod syncs;
mod tasks;
mod text;
mod upkeep;
mod wal;
mod walk;

/// From this size on a snapshot has an index file: below it, reading all of it costs about as much.
const INDEX_FROM_BYTES: u64 = 1 << 20;

/// About how many bytes of JSON go to V8 at once.
const CHUNK: usize = 1 << 18;

/// As [`CHUNK`], where V8 asks for the next on its own thread: a string of this size is made where young objects are, and costs no
/// memory of its own.
const PIECE: usize = 60 << 10;
