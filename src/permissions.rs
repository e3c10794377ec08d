//! The real disk under a store, whose new files get the permissions of those that they replace, or else of the manifest:
//! a store that its owner has closed to others stays closed. Where there are no permission bits nothing differs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, FileInfo, OpenMode, OsDisk};
use crate::layout;

/// A disk on which new files are as open to others as the store's files are.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreDisk;

/// Files whose permissions a new one gets: the first of them that is there.
fn models(path: &Path) -> Vec<PathBuf> {
    let replaced = layout::replaced_by(path);
    let folder = path.parent();
    let manifests = [folder, folder.and_then(Path::parent)].into_iter().flatten();
    replaced.into_iter().chain(manifests.map(|folder| folder.join(layout::MANIFEST))).collect()
}

impl Disk for StoreDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        match mode {
            OpenMode::CreateNew => OsDisk.create_like(path, &models(path)),
            _ => OsDisk.open(path, mode),
        }
    }

    fn create_like(&self, path: &Path, model: &Path) -> io::Result<Arc<dyn DiskFile>> {
        OsDisk.create_like(path, &[model.to_path_buf()])
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        OsDisk.info(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.link(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        OsDisk.unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        OsDisk.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.create_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.sync_folder(folder)
    }
}
