//! Whether an operation was read by a reader that came to a position.

use super::Change;
use super::backward::is_read;
use super::position::{Place, Position};

impl Position {
    /// Whether an operation is among those that were read up to here.
    pub fn has_read(&self, change: &Change<'_>) -> bool {
        change.place().is_some_and(|place| is_read(self, place.ms, &place.agent, place.mark))
    }
}

impl Change<'_> {
    /// Whether the operation stands in the log that has this time in its name.
    pub fn is_in_log_of(&self, ms: Option<u64>) -> bool {
        Some(self.ms) == ms
    }

    /// Where the operation stands.
    pub(super) fn place(&self) -> Option<Place> {
        let position = Position::parse(std::str::from_utf8(self.position).ok()?).ok()?;
        let agent = self.line.agent.as_deref().unwrap_or_default();
        position.places.into_iter().find(|place| place.agent.as_bytes() == agent)
    }
}
