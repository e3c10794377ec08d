//! How a manifest changes: one pure function for each change of a store, with the rules of every field. [`folder`] has those of
//! a store in a folder, [`backend`] those of a store behind a backend, [`shared`] the rules that are the same in both.
//!
//! Invariant: fields that a change does not speak of stay as they are, those of newer versions too. A field that only the
//! other one keeps up to date goes, so that no reader goes by it.

pub mod backend;
#[cfg(test)]
mod backend_tests;
pub mod folder;
#[cfg(test)]
mod folder_tests;
pub mod shared;
