//! Which values are of an older schema version than the program wants, and what they were migrated to. A value of a line
//! carries that itself ([`Aged`]); of the base it stands here, for the base does not change. Migrating is the caller's.

use std::sync::Arc;

use super::overlay::Overlay;
use super::slots::Id;
use super::text::{Aged, Text};

/// The schema versions in a store's memory.
#[derive(Clone)]
pub struct Schema {
    /// What the program wants all values to be.
    wanted: u32,
    base: u32,
    /// What values of the base were migrated to.
    values: Arc<Overlay>,
    /// Whether all values of the base were migrated that were visible.
    is_base_migrated: bool,
    /// Records that may be to be migrated besides those of the base; some more than once, some no more.
    pending: Vec<Id>,
    /// The lowest and the highest version of a line since the base.
    lines: Option<(u32, u32)>,
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            wanted: 1,
            base: 1,
            values: Arc::default(),
            is_base_migrated: false,
            pending: Vec::new(),
            lines: None,
        }
    }
}

impl Schema {
    /// A program that wants one version, over a base of another, or the same.
    pub fn new(wanted: u32, base: u32) -> Self {
        Self { wanted, base, ..Self::default() }
    }

    /// The version of the base.
    pub fn base(&self) -> u32 {
        self.base
    }

    /// The highest version that base or a line had.
    pub fn newest(&self) -> u32 {
        self.lines.map_or(self.base, |(_, newest)| self.base.max(newest))
    }

    /// Whether no line had another version.
    pub(super) fn has_lines_of(&self, version: u32) -> bool {
        self.lines.is_none_or(|lines| lines == (version, version))
    }

    /// Whether values of the base are older than wanted.
    pub(super) fn is_base_old(&self) -> bool {
        self.base < self.wanted
    }

    /// Whether values of the base are still to be looked at.
    pub(super) fn is_base_due(&self) -> bool {
        self.is_base_old() && !self.is_base_migrated
    }

    /// What values of the base were migrated to, as a layer on top of it.
    pub(super) fn values(&self) -> &Arc<Overlay> {
        &self.values
    }

    /// A value of the base as it is to be seen.
    pub(super) fn of_base(&self, id: &[u8], text: Text) -> Text {
        if !self.is_base_old() {
            return text;
        }
        match self.values.get(id).and_then(|entry| entry.state.text()) {
            Some(migrated) => migrated.clone(),
            None => Text::Aged(Arc::new(Aged::new(text, self.base))),
        }
    }

    /// The value of a line of this version.
    pub(super) fn of_line(&mut self, text: Text, version: u32) -> Text {
        let (oldest, newest) = self.lines.unwrap_or((version, version));
        self.lines = Some((oldest.min(version), newest.max(version)));
        match &text {
            Text::Aged(_) => text,
            _ if version < self.wanted => Text::Aged(Arc::new(Aged::new(text, version))),
            _ => text,
        }
    }

    /// A record has this value from now on.
    pub(super) fn sees(&mut self, id: &Id, text: &Text) {
        if text.unmigrated().is_some() {
            self.pending.push(Arc::clone(id));
        }
    }

    /// A record shows what the base says again.
    pub(super) fn sees_base(&mut self, id: &Id) {
        if self.is_base_old() && self.values.get(id).is_none() {
            self.pending.push(Arc::clone(id));
        }
    }

    /// A value of the base was migrated.
    pub(super) fn migrate_base(&mut self, id: &Id, text: &[u8]) {
        let exists = || Ok::<_, std::convert::Infallible>(true);
        let Ok(()) = Arc::make_mut(&mut self.values).set(id, Text::Held(text.into()), exists);
    }

    pub(super) fn pending(&self) -> &[Id] {
        &self.pending
    }

    pub(super) fn set_pending(&mut self, pending: Vec<Id>) {
        self.pending = pending;
    }

    /// All that was to be migrated is.
    pub(super) fn finish(&mut self) {
        self.is_base_migrated = true;
        self.pending.clear();
    }

    /// Another base, of this version.
    pub(super) fn rebased(&mut self, base: u32) {
        self.base = base;
        self.values = Arc::default();
        self.is_base_migrated = false;
    }
}
