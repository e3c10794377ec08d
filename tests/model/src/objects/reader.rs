//! A follower: it looks at the manifest, then at what that names, and is told what it was not told before, as `tail.rs` does.

use super::storage::{Manifest, Mask, Storage, mask_of};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    looks: u8,
    /// The manifest that was read, between the two steps of a look.
    known: Option<Box<Manifest>>,
    /// Of how many snapshots it was told.
    snapshots: u8,
    identities: Mask,
    before: Mask,
    early: Mask,
    told: Mask,
    is_told_twice: bool,
    is_up_to_date: bool,
}

impl Reader {
    pub fn new(looks: u8) -> Self {
        Self {
            looks,
            known: None,
            snapshots: 0,
            identities: 0,
            before: 0,
            early: 0,
            told: 0,
            is_told_twice: false,
            is_up_to_date: false,
        }
    }

    pub fn told(&self) -> Mask {
        self.told
    }

    pub fn is_told_twice(&self) -> bool {
        self.is_told_twice
    }

    /// It has looked since all is quiet.
    pub fn is_up_to_date(&self) -> bool {
        self.is_up_to_date
    }

    pub fn next_look(&self, is_quiet: bool, storage: &Storage) -> Option<&'static str> {
        if self.known.is_some() {
            return Some("since");
        }
        let may_look = self.looks > 0 || is_quiet && !self.is_up_to_date && storage.late.is_empty();
        may_look.then_some("catch_up")
    }

    pub fn look(&mut self, storage: &Storage, is_quiet: bool) {
        let Some(manifest) = self.known.take() else {
            self.looks = self.looks.saturating_sub(1);
            self.known = Some(Box::new(storage.manifest.clone()));
            return;
        };
        let entries = mask_of(&storage.merged(&manifest.logs()));
        let mut earlier: Mask = 0;
        for retired in manifest.retired.iter().filter(|retired| retired.snapshot > self.snapshots) {
            for (log, count) in &retired.logs {
                earlier |= storage.first_of(*log, *count);
            }
        }
        let seen = self.identities | self.before | self.early;
        let new = (entries | earlier) & !seen;
        self.is_told_twice |= new & self.told != 0;
        self.told |= new;
        if manifest.snapshot != self.snapshots {
            self.early |= self.identities & !(entries | earlier);
            self.before = self.identities;
            self.identities = 0;
        }
        self.identities |= entries;
        self.before |= earlier;
        self.snapshots = manifest.snapshot;
        self.is_up_to_date = is_quiet && *manifest == storage.manifest;
    }
}
