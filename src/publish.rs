//! Writes a file so that it is there whole or not at all: temporary name, every write checked, fsync, rename,
//! fsync of the folder. A temporary that fails is removed.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode, append_all, lacks};
use crate::error::{Error, Result};
use crate::{layout, temporary};

/// A file did not get its name, durably; or that is not known.
#[derive(Debug)]
pub struct Unnamed {
    /// What went wrong.
    pub error: Error,
    /// The name may be the new file's all the same.
    pub is_uncertain: bool,
}

impl From<Error> for Unnamed {
    fn from(error: Error) -> Self {
        Self { error, is_uncertain: false }
    }
}

impl From<Unnamed> for Error {
    fn from(unnamed: Unnamed) -> Self {
        unnamed.error
    }
}

/// A file that is being written under a temporary name.
pub struct Draft<'a> {
    disk: &'a dyn Disk,
    temporary: std::path::PathBuf,
    file: Arc<dyn DiskFile>,
    done: bool,
}

impl<'a> Draft<'a> {
    /// Creates the temporary file for `path`.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn create(disk: &'a dyn Disk, path: &Path) -> Result<Self> {
        if planted!("temporary-not-exclusive") {
            let temporary = layout::temporary(path);
            if let Ok(file) = disk.open(&temporary, OpenMode::Append) {
                return Ok(Self { disk, temporary, file, done: false });
            }
        }
        let (temporary, file) = temporary::create(disk, || layout::temporary(path))?;
        Ok(Self { disk, temporary, file, done: false })
    }

    /// The file, which keeps its identity when it is published.
    pub fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        append_all(&*self.file, bytes).map_err(|source| Error::io("write", &self.temporary, source))
    }

    /// Makes the content durable.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn sync(&self) -> Result<()> {
        self.file.sync().map_err(|source| Error::io("fdatasync", &self.temporary, source))
    }

    /// Gives the file its name, replacing what has it now. The name is durable after [`sync_folder_of`]. One that the
    /// file has is given, whatever the system said.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn rename(mut self, path: &Path) -> Result<Arc<dyn DiskFile>, Unnamed> {
        if let Err(source) = self.disk.rename(&self.temporary, path) {
            let is_named = self.has_name(path);
            if is_named != Some(true) {
                let error = Error::io("rename", &self.temporary, source);
                return Err(Unnamed { error, is_uncertain: is_named.is_none() });
            }
        }
        self.done = true;
        // Only a temporary file needs it, and that has another name by now.
        let _ = self.file.unlock();
        Ok(Arc::clone(&self.file))
    }

    /// Gives the file a name that no other file has. `false`, and it can be tried with another name, if one has it. The name
    /// is durable after [`sync_folder_of`].
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn claim(&mut self, path: &Path) -> Result<bool> {
        match self.disk.link(&self.temporary, path) {
            Ok(()) => self.done = self.disk.unlink(&self.temporary).is_ok(),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) if lacks::link(&error) => {
                // NOTE: without a second name the look and the rename are two steps; only such file systems come here.
                if self.disk.info(path).is_ok() {
                    return Ok(false);
                }
                self.disk
                    .rename(&self.temporary, path)
                    .map_err(|source| Error::io("rename", &self.temporary, source))?;
                self.done = true;
            }
            Err(source) => return Err(Error::io("link", &self.temporary, source)),
        }
        let _ = self.file.unlock();
        Ok(true)
    }

    /// `None` if that cannot be told.
    fn has_name(&self, path: &Path) -> Option<bool> {
        match self.disk.info(path) {
            Ok(info) => Some(info.identity == self.file.info().ok()?.identity),
            Err(error) => (error.kind() == ErrorKind::NotFound).then_some(false),
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.disk.unlink(&self.temporary);
        }
    }
}

/// Makes the names in the folder of a path durable.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn sync_folder_of(disk: &dyn Disk, path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    disk.sync_folder(folder).map_err(|source| Error::io("fsync", folder, source))
}

/// Makes the names in a folder durable, and its own, and those of the folders above it, which may all be new. What
/// the user may not read was there before.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn sync_way_to(disk: &dyn Disk, root: &Path) -> Result<()> {
    for folder in root.ancestors() {
        match disk.sync_folder(folder) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied && folder != root => {}
            synced => synced.map_err(|source| Error::io("fsync", folder, source))?,
        }
    }
    Ok(())
}

/// Replaces a file by other content, durably.
///
/// # Errors
/// `OPSLOG_IO`; the old file is untouched unless that is uncertain.
pub fn replace(disk: &dyn Disk, path: &Path, content: &[u8]) -> Result<(), Unnamed> {
    let draft = Draft::create(disk, path)?;
    draft.write(content)?;
    draft.sync()?;
    draft.rename(path)?;
    sync_folder_of(disk, path).map_err(|error| Unnamed { error, is_uncertain: true })
}

/// Reads a whole file; `None` if it is not there.
///
/// # Errors
/// `OPSLOG_IO` for anything but a missing file.
pub fn read_if_there(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match disk.open(path, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io("open", path, source)),
    };
    read_all(&*file).map(Some).map_err(|source| Error::io("read", path, source))
}

fn read_all(file: &dyn DiskFile) -> std::io::Result<Vec<u8>> {
    let len = file.info()?.len as usize;
    crate::disk::read_exact_at(file, 0, len)
}
