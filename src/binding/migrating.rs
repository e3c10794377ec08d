//! A migration that goes on piece by piece.

use crate::engine::Cursor;
use crate::store::Savepoint;

/// How far a migration has come.
pub struct Migrating {
    pub(super) cursor: Cursor,
    pub(super) savepoint: Option<Savepoint>,
}

impl Default for Migrating {
    fn default() -> Self {
        Self { cursor: Cursor::End, savepoint: None }
    }
}
