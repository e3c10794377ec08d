//! The folder whose logs are read.

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Disk, FileInfo};
use crate::layout;

/// A folder and the disk that it is on.
#[derive(Clone)]
pub(super) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) root: PathBuf,
}

impl Folder {
    /// What the system knows of the manifest's file, if there is one.
    pub(super) fn manifest_file(&self) -> Option<FileInfo> {
        self.disk.info(&self.root.join(layout::MANIFEST)).ok()
    }
}
