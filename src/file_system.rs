//! The file system under a store, as far as it can do what a store asks for. What it cannot do is left out and remembered,
//! so that the store can tell; what fails is passed on. Without kernel locks a lock is granted at once, for a writer that
//! has its folder to itself by other means; for all others they must be there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::{Disk, DiskFile, FileInfo, OpenMode, lacks};
use crate::lock::Locking;

#[derive(Debug, Default)]
struct Lacks {
    folder_sync: AtomicBool,
    file_sync: AtomicBool,
    locks: AtomicBool,
}

impl Lacks {
    /// As users see them.
    fn names(&self) -> Vec<&'static str> {
        let all = [
            ("folder-sync", &self.folder_sync),
            ("file-sync", &self.file_sync),
            ("kernel-locks", &self.locks),
        ];
        all.iter().filter(|(_, lacks)| lacks.load(Ordering::Relaxed)).map(|(name, _)| *name).collect()
    }
}

/// A disk of which some calls may be left out.
pub struct FileSystem {
    disk: Arc<dyn Disk>,
    /// What is lacking elsewhere, where a copy goes for one, is not remembered.
    root: PathBuf,
    lacks: Arc<Lacks>,
    locking: Locking,
    /// Whether no write was promised to survive a power failure.
    may_not_sync: bool,
}

impl FileSystem {
    /// The file system of a store. With `may_not_sync`, files are synced only if it can do that.
    pub fn new(disk: Arc<dyn Disk>, root: &Path, locking: Locking, may_not_sync: bool) -> Self {
        Self { disk, root: root.to_path_buf(), lacks: Arc::default(), locking, may_not_sync }
    }

    /// Remembers that there are no kernel locks.
    pub fn lacks_locks(&self) {
        self.lacks.locks.store(true, Ordering::Relaxed);
    }

    fn wrapped(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let (lacks, locking, may_not_sync) = (Arc::clone(&self.lacks), self.locking, self.may_not_sync);
        Arc::new(File { file, lacks, locking, may_not_sync })
    }
}

impl Disk for FileSystem {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(path, mode).map(|file| self.wrapped(file))
    }

    fn create_like(&self, path: &Path, model: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create_like(path, model).map(|file| self.wrapped(file))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.disk.info(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.disk.unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.create_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match self.disk.sync_folder(folder) {
            Err(error) if lacks::folder_sync(&error) => {
                if folder.starts_with(&self.root) {
                    self.lacks.folder_sync.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            synced => synced,
        }
    }

    fn lacks(&self) -> Vec<&'static str> {
        self.lacks.names()
    }
}

struct File {
    file: Arc<dyn DiskFile>,
    lacks: Arc<Lacks>,
    locking: Locking,
    may_not_sync: bool,
}

impl File {
    fn granted_without_locks(&self, tried: io::Result<bool>) -> io::Result<bool> {
        match tried {
            Err(error) if self.locking == Locking::Pid && lacks::lock(&error) => {
                self.lacks.locks.store(true, Ordering::Relaxed);
                Ok(true)
            }
            tried => tried,
        }
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.file.append(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn cut(&self, from: u64, to: u64) -> io::Result<bool> {
        self.file.cut(from, to)
    }

    fn appended_to(&self) -> io::Result<u64> {
        self.file.appended_to()
    }

    fn sync(&self) -> io::Result<()> {
        match self.file.sync() {
            Err(error) if self.may_not_sync && lacks::file_sync(&error) => {
                self.lacks.file_sync.store(true, Ordering::Relaxed);
                Ok(())
            }
            synced => synced,
        }
    }

    fn begin_sync(&self) {
        self.file.begin_sync();
    }

    fn info(&self) -> io::Result<FileInfo> {
        self.file.info()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.granted_without_locks(self.file.try_lock())
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.granted_without_locks(self.file.try_lock_shared())
    }

    fn unlock(&self) -> io::Result<()> {
        match self.file.unlock() {
            Err(error) if self.locking == Locking::Pid && lacks::lock(&error) => Ok(()),
            unlocked => unlocked,
        }
    }

    fn is_open_for_writing(&self) -> Option<bool> {
        self.file.is_open_for_writing()
    }

    fn descriptor(&self) -> Option<i32> {
        self.file.descriptor()
    }
}
