//! A simulated disk: a POSIX file system in memory that knows what is durable. Every call can be counted,
//! made to fail, or be the last one of the process; afterwards [`SimDisk::after_kill`] and
//! [`SimDisk::after_crash`] give a disk as the next process may find it. Given the same calls and the same
//! choices it always does the same. It has no users and groups, and no limit of space.

mod control;
mod counts;
mod crash;
mod errno;
mod fault;
mod file;
mod locks;
mod names;
mod paths;
mod plan;
mod state;

pub use counts::FaultCounts;
pub use fault::{CallKind, Fault, Says, Times};
pub use plan::is_simulated_crash;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;

use super::{Disk, DiskFile, FileInfo, OpenMode};
use errno::Errno;
use file::SimFile;
use names::Added;
use plan::{Portion, Verdict};
use state::{FileData, Id, Node, State};

/// A file system in memory. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    /// Shared with the disks that come of this one.
    counts: Arc<Mutex<FaultCounts>>,
}

impl Shared {
    /// Counts a call, then carries it out as far as the script allows.
    fn call<T>(
        &self,
        kind: CallKind,
        paths: &[&Path],
        carry_out: impl FnOnce(&mut State, Verdict) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut inner = self.inner.lock();
        let Inner { state, counts } = &mut *inner;
        let verdict = state.plan.judge(kind, paths, &mut counts.lock())?;
        let creates = kind.changes() && !matches!(kind, CallKind::Sync | CallKind::SyncFolder);
        if creates && state.traits.read_only {
            return Err(Errno::ReadOnlySystem.error());
        }
        carry_out(state, verdict)
    }

    /// As `call`, for calls that are carried out wholly or not at all.
    fn change<T>(
        &self,
        kind: CallKind,
        paths: &[&Path],
        carry_out: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        self.call(kind, paths, |state, Verdict { portion, then }| {
            let carried_out = match (portion, then) {
                (Portion::Random(random), Some(error)) if random % 2 == 0 => return Err(error),
                (_, then) => (carry_out(state), then),
            };
            match carried_out {
                (_, Some(error)) => Err(error),
                (result, None) => result,
            }
        })
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let opened = |state: &mut State, id: Id| {
            let inode = state.inode_mut(id)?;
            inode.opens += 1;
            inode.writers += u64::from(!mode.is_read_only());
            Ok((id, state.next_handle()))
        };
        let (id, handle) = match mode {
            OpenMode::CreateNew => self.shared.change(CallKind::Create, &[path], |state| {
                let (folder, name) = state.free_name(path)?;
                let id = state.create(Node::File(FileData::default()));
                state.add_name(Added::File, folder, name, id)?;
                opened(state, id)
            })?,
            _ => self.shared.call(CallKind::Open, &[path], |state, _| {
                let id = state.find(path, mode == OpenMode::Read)?;
                state.may_open(id, mode)?;
                opened(state, id)
            })?,
        };
        // Made outside of the call: dropping it takes the same lock.
        let shared = Arc::clone(&self.shared);
        let position = AtomicU64::new(0);
        Ok(Arc::new(SimFile { shared, id, handle, mode, path: path.to_path_buf(), position }))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.shared.call(CallKind::Info, &[path], |state, _| {
            let id = state.find(path, false)?;
            state.info(id)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.shared.change(CallKind::Rename, &[from, to], |state| state.rename_path(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.shared.change(CallKind::Link, &[from, to], |state| {
            let id = state.find(from, false)?;
            let (folder, name) = state.free_name(to)?;
            match &state.inode(id)?.node {
                Node::Folder { .. } => Err(Errno::NotPermitted.error()),
                _ => state.add_name(Added::Link, folder, name, id),
            }
        })
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.shared.change(CallKind::Unlink, &[path], |state| {
            let id = state.find(path, false)?;
            let (folder, name) = state.parent(path)?;
            match &state.inode(id)?.node {
                Node::Folder { .. } => Err(Errno::IsFolder.error()),
                _ => state.remove_name(folder, name, id),
            }
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.shared.call(CallKind::List, &[folder], |state, _| {
            let id = state.find(folder, true)?;
            Ok(state.names(id)?.keys().cloned().collect())
        })
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.shared.change(CallKind::CreateFolder, &[folder], |state| state.create_folders(folder))
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.shared.change(CallKind::RemoveFolder, &[folder], |state| {
            let id = state.find(folder, false)?;
            let (parent, name) = state.parent(folder)?;
            match state.names(id)?.is_empty() {
                true => state.remove_name(parent, name, id),
                false => Err(Errno::NotEmpty.error()),
            }
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.shared.change(CallKind::SyncFolder, &[folder], |state| {
            let id = state.find(folder, true)?;
            state.sync_folder(id)
        })
    }
}
