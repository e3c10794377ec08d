//! The engine of `@backloghq/opslog`.
#[macro_use]
mod planted;

#[cfg(not(test))]
mod binding;
pub mod damage;
pub mod disk;
pub mod engine;
pub mod error;
pub mod fields;
pub mod file_system;
pub mod files;
pub mod format;
pub mod gate;
pub mod history;
pub mod index;
pub mod json;
pub mod layout;
pub mod lock;
pub mod order;
pub mod patience;
pub mod permissions;
pub mod progress;
pub mod protocol;
pub mod publish;
pub mod query;
pub mod recover;
pub mod repair;
pub mod retention;
pub mod rules;
pub mod sequence;
pub mod snapshot;
pub mod store;
pub mod sync;
pub mod temporary;
pub mod transition;
pub mod unpublished;
pub mod verify;
pub mod wal;
pub use error::{Error, Result};
