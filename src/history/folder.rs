//! The folder whose logs are read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Disk, FileInfo};
use crate::error::Error;
use crate::layout;

/// How often the logs are looked at anew because a manifest was published meanwhile.
pub(super) const LOOKS: u32 = 1000;

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

    /// Each look was outrun by a publication.
    pub(super) fn outrun(&self) -> Error {
        let message =
            format!("the manifest was replaced during each of {LOOKS} looks at the history: try again later");
        let source = io::Error::new(io::ErrorKind::ResourceBusy, message);
        Error::io("read", &self.root.join(layout::MANIFEST), source)
    }
}
