//! The folder that a copy goes to. From the first file on it has a manifest that no version accepts, so that a
//! copy that came to no end is taken neither for the store nor for a new one. Given up, it leaves nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode, append_all};
use crate::error::{Error, Result};
use crate::layout;
use crate::publish::{replace, sync_folder_of, sync_way_to};

/// The manifest of a copy that is not complete.
const INCOMPLETE: &str =
    "{\n  \"incomplete\": \"A backup into this folder did not come to its end. Delete the folder.\"\n}";

pub(crate) struct Target {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Folders that were made, each before what is in it.
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    is_marked: bool,
    is_complete: bool,
}

impl Target {
    /// Makes the folder, if need be, and marks it.
    pub(crate) fn prepare(
        disk: &Arc<dyn Disk>,
        root: &Path,
        folder: &Path,
        method: &'static str,
    ) -> Result<Self> {
        if folder.starts_with(root) {
            return Err(inside(method, folder));
        }
        let is_new =
            |path: &&Path| matches!(disk.info(path), Err(error) if error.kind() == ErrorKind::NotFound);
        let mut folders: Vec<_> = folder.ancestors().take_while(is_new).map(Path::to_path_buf).collect();
        folders.reverse();
        let mut target = Self {
            disk: Arc::clone(disk),
            folder: folder.to_path_buf(),
            folders,
            files: Vec::new(),
            is_marked: false,
            is_complete: false,
        };
        target.fill(root, method)?;
        Ok(target)
    }

    fn fill(&mut self, root: &Path, method: &str) -> Result<()> {
        let Self { disk, folder, .. } = self;
        let failed = |syscall| move |source: std::io::Error| (syscall, source);
        let names = disk
            .create_folder(folder)
            .map_err(failed("mkdir"))
            .and_then(|()| disk.list(folder).map_err(failed("scandir")));
        let is_empty = match names {
            Ok(names) => names.is_empty(),
            Err((_, error))
                if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) =>
            {
                false
            }
            Err((syscall, source)) => return Err(Error::io(syscall, folder, source)),
        };
        if !is_empty {
            return Err(not_empty(method, folder));
        }
        if leads_into(&**disk, root, folder) {
            return Err(inside(method, folder));
        }
        sync_way_to(&**disk, folder)?;
        let path = folder.join(layout::MANIFEST);
        // The other files of the copy get the permissions of its manifest.
        let file = match disk.create_like(&path, &root.join(layout::MANIFEST)) {
            // Another copy into the same folder was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(not_empty(method, folder)),
            file => file.map_err(|source| Error::io("open", &path, source))?,
        };
        self.is_marked = true;
        append_all(&*file, INCOMPLETE.as_bytes()).map_err(|source| Error::io("write", &path, source))?;
        file.sync().map_err(|source| Error::io("fdatasync", &path, source))?;
        sync_folder_of(&*self.disk, &path)?;
        for name in layout::FOLDERS {
            let path = self.folder.join(name);
            self.folders.push(path.clone());
            self.disk.create_folder(&path).map_err(|source| Error::io("mkdir", &path, source))?;
        }
        Ok(())
    }

    /// Creates a file of the copy, given by a path that [`layout::inside`] has checked.
    pub(crate) fn create(&mut self, relative: &str) -> Result<Arc<dyn DiskFile>> {
        let path = layout::at(&self.folder, relative);
        for above in path.ancestors().skip(1).take_while(|above| *above != self.folder) {
            if !self.folders.iter().any(|folder| folder == above) {
                self.folders.push(above.to_path_buf());
            }
        }
        let above = path.parent().unwrap_or(&path);
        self.disk.create_folder(above).map_err(|source| Error::io("mkdir", above, source))?;
        let file =
            self.disk.open(&path, OpenMode::CreateNew).map_err(|source| Error::io("open", &path, source))?;
        self.files.push(path);
        Ok(file)
    }

    /// Makes the copy a store. All files in it are durable by now, their names are not.
    pub(crate) fn publish(&mut self, manifest: &str) -> Result<()> {
        for folder in self.folders.iter().rev().chain([&self.folder]) {
            self.disk.sync_folder(folder).map_err(|source| Error::io("fsync", folder, source))?;
        }
        replace(&*self.disk, &self.folder.join(layout::MANIFEST), manifest.as_bytes())?;
        self.is_complete = true;
        Ok(())
    }

    /// Takes the files away, and leaves the mark.
    pub(crate) fn clear(&mut self) {
        // NOTE: the snapshot first: with a manifest that may be the true one, a copy without a snapshot is refused,
        // and one without a log would be a store that has lost what it said.
        for path in self.files.drain(..) {
            let _ = self.disk.unlink(&path);
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.is_complete {
            return;
        }
        self.clear();
        let folder = &self.folder;
        let (own, below): (Vec<_>, Vec<_>) =
            self.folders.iter().partition(|made| !made.starts_with(folder) || *made == folder);
        let mut below: Vec<_> = below.into_iter().collect();
        below.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
        for path in below {
            let _ = self.disk.remove_folder(path);
        }
        if self.is_marked {
            let _ = self.disk.unlink(&folder.join(layout::MANIFEST));
        }
        for path in own.into_iter().rev() {
            let _ = self.disk.remove_folder(path);
        }
    }
}

/// Whether a folder lies in the store's, whatever symbolic links are on the way to either.
fn leads_into(disk: &dyn Disk, root: &Path, folder: &Path) -> bool {
    let Ok(root) = disk.info(&root.join(".")) else { return false };
    let mut at = folder.join(".");
    for _ in folder.ancestors() {
        if disk.info(&at).is_ok_and(|info| info.identity == root.identity) {
            return true;
        }
        at.push("..");
    }
    false
}

fn not_empty(method: &str, folder: &Path) -> Error {
    Error::InvalidArgument(format!(
        "{method} needs a folder that is empty or does not exist, and {} is neither",
        folder.display()
    ))
}

fn inside(method: &str, folder: &Path) -> Error {
    Error::InvalidArgument(format!(
        "{method} needs a folder outside of the store's, and {} is inside",
        folder.display()
    ))
}
