//! By what a store knows that the manifest is still the one that it has read.

use crate::disk::FileInfo;

/// The signs of a manifest that was read.
#[derive(Clone, Default)]
pub(super) struct KnownManifest {
    /// The gate's count under which what is known of the manifest holds.
    count: u64,
    /// The manifest's file when it was read: a 0.8.1 changes it without the gate.
    file: Option<FileInfo>,
}

impl KnownManifest {
    pub(super) fn new(count: u64, file: Option<FileInfo>) -> Self {
        Self { count, file }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the manifest's file is the one that was read.
    pub(super) fn is_of(&self, file: Option<FileInfo>) -> bool {
        self.file == file
    }
}
