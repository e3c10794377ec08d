//! What a store knows of its manifests: which one is in force, and how high their numbers and the times in their names are.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::carrier::Version;
use crate::format::document::Manifest;

/// A manifest with its version, as it was read or written.
#[derive(Debug, Clone)]
pub struct Known {
    /// The manifest.
    pub manifest: Rc<Manifest>,
    /// Its version.
    pub version: Version,
}

/// The manifests that were seen.
#[derive(Default)]
pub(super) struct Manifests {
    known: RefCell<Option<Known>>,
    /// The highest generation.
    generation: Cell<u64>,
    /// The newest millisecond in a name.
    newest: Cell<u64>,
}

impl Manifests {
    /// The manifest that is in force, as far as is known.
    pub(super) fn known(&self) -> Option<Known> {
        self.known.borrow().clone()
    }

    /// The same, without its version.
    pub(super) fn manifest(&self) -> Option<Rc<Manifest>> {
        self.known.borrow().as_ref().map(|known| Rc::clone(&known.manifest))
    }

    pub(super) fn set(&self, known: Known) {
        *self.known.borrow_mut() = Some(known);
    }

    /// Takes note of the number of a manifest that was seen.
    pub(super) fn see_generation(&self, manifest: &Manifest) {
        self.generation.set(self.generation.get().max(manifest.number("generation")));
    }

    /// The number of the next.
    pub(super) fn next_generation(&self) -> u64 {
        self.generation.get() + 1
    }

    /// Takes note of the names in a manifest that was seen.
    pub(super) fn see_names(&self, manifest: &Manifest) {
        self.newest.set(self.newest.get().max(manifest.newest_name()));
    }

    /// The newest millisecond in a name.
    pub(super) fn newest_name(&self) -> u64 {
        self.newest.get()
    }
}
