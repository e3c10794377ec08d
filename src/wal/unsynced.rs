//! What is not durable yet, taken out of a writer so that it can be synced while the writer goes on. Syncing it
//! covers what was written before, and perhaps more.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::doubt;
use crate::disk::{Disk, DiskFile};
use crate::error::{Error, Result};

/// What a writer has not had synced yet.
pub(super) struct Dirty {
    /// Something was written since the last sync began.
    bytes: bool,
    /// The file's name may not be durable.
    name: bool,
}

impl Dirty {
    /// Of a file that is there already: the process that created it, or wrote to it before, may not have synced that.
    pub(super) fn found(is_there: bool) -> Self {
        Self { bytes: is_there, name: is_there }
    }

    pub(super) fn name_is_durable(&mut self) {
        self.name = false;
    }

    pub(super) fn create(&mut self) {
        self.name = true;
    }

    pub(super) fn write(&mut self) {
        self.bytes = true;
    }

    /// The bytes are synced, which does nothing for the name: that is still to be.
    pub(super) fn sync_bytes(&mut self) {
        self.bytes = self.name;
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.bytes
    }

    /// Says that all is being synced. Whether the name is among it; `None` if there is nothing to sync.
    pub(super) fn take(&mut self) -> Option<bool> {
        std::mem::take(&mut self.bytes).then(|| std::mem::take(&mut self.name))
    }
}

/// What a sync has to be called for.
pub struct Unsynced {
    file: Option<Arc<dyn DiskFile>>,
    path: PathBuf,
    /// The folder in which names may not be durable.
    folder: Option<PathBuf>,
    /// Why it cannot be made durable any more.
    lost: Option<String>,
}

impl Unsynced {
    /// A log; with `is_new`, its name too.
    pub fn log(path: &Path, file: &Arc<dyn DiskFile>, is_new: bool) -> Self {
        let folder = path.parent().filter(|_| is_new).map(Path::to_path_buf);
        Self { file: Some(Arc::clone(file)), path: path.to_path_buf(), folder, lost: None }
    }

    /// The names in a folder.
    pub fn names(folder: &Path) -> Self {
        Self { file: None, path: PathBuf::new(), folder: Some(folder.to_path_buf()), lost: None }
    }

    /// What another sync has failed to make durable: to sync it again would say nothing.
    pub fn lost(path: &Path, why: String) -> Self {
        Self { file: None, path: path.to_path_buf(), folder: None, lost: Some(why) }
    }

    /// The path of the log that it is, if one is held for it.
    pub fn held_log(&self) -> Option<&Path> {
        self.file.is_some().then_some(&*self.path)
    }

    /// Whether it is the names in this folder and nothing else.
    pub fn is_names(&self, folder: &Path) -> bool {
        self.file.is_none() && self.folder.as_deref() == Some(folder)
    }

    /// Why it cannot be made durable any more, if that is so.
    pub fn why_lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Notes that [`Unsynced::sync`] has failed.
    pub fn note_doubt(&self, disk: &dyn Disk) {
        if self.file.is_some() {
            doubt::note(disk, &self.path);
        }
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// `OPSLOG_IO`. What was written may be lost then, whatever a later sync says.
    pub fn sync(&self, disk: &dyn Disk) -> Result<()> {
        if let Some(why) = &self.lost {
            return Err(Error::Failed(why.clone()));
        }
        if let Some(file) = &self.file {
            file.sync().map_err(|source| Error::io("fdatasync", &self.path, source))?;
        }
        if let Some(folder) = &self.folder {
            disk.sync_folder(folder).map_err(|source| Error::io("fsync", folder, source))?;
        }
        Ok(())
    }
}
