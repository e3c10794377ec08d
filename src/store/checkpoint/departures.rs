//! How often the state departed from what the logs say: see the manifest's field of that name.

/// Departures.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::store) struct Departures {
    now: u64,
    /// What it was when the history was hidden: that of the checkpoint that is due.
    hidden: u64,
}

impl Departures {
    /// As a manifest says.
    pub(in crate::store) fn of_manifest(departures: u64) -> Self {
        Self { now: departures, hidden: 0 }
    }

    /// How often by now.
    pub(in crate::store) fn now(self) -> u64 {
        self.now
    }

    /// How often when the history was hidden.
    pub(in crate::store) fn hidden(self) -> u64 {
        self.hidden
    }

    /// The history is hidden now.
    pub(in crate::store) fn hide(&mut self) {
        self.hidden = self.now;
    }

    /// So many more.
    pub(in crate::store) fn add(&mut self, departures: u64) {
        self.now += departures;
    }

    /// Goes by another count: that of a manifest.
    pub(in crate::store) fn set(&mut self, departures: u64) {
        self.now = departures;
    }
}
