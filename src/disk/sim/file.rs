//! An open file of a simulated disk. Goes on reading and writing after the file lost its last name; gives
//! its kernel lock back when it is dropped.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{DiskFile, FileInfo, OpenMode};
use super::Shared;
use super::crash::sectors;
use super::errno::Errno;
use super::fault::CallKind;
use super::plan::{Portion, Verdict};
use super::state::{Id, Node, Write};

pub(super) struct SimFile {
    pub(super) shared: Arc<Shared>,
    pub(super) id: Id,
    pub(super) handle: u64,
    pub(super) mode: OpenMode,
    /// By which it was opened; renames do not change it.
    pub(super) path: PathBuf,
    /// Where the last append ended.
    pub(super) position: AtomicU64,
}

impl SimFile {
    fn must_allow(&self, allowed: bool) -> io::Result<()> {
        match allowed {
            true => Ok(()),
            false => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Carries out a write as far as the verdict goes, and says how many bytes that were.
    fn write(
        &self,
        kind: CallKind,
        bytes: &[u8],
        write: impl FnOnce(u64, Vec<u8>) -> Write,
    ) -> io::Result<usize> {
        self.shared.call(kind, &[&self.path], |state, Verdict { portion, then }| {
            let kept = match portion {
                Portion::All => bytes.len(),
                // Only a failing write may have written nothing at all.
                Portion::Half if then.is_none() => bytes.len().div_ceil(2),
                Portion::Half => bytes.len() / 2,
                Portion::Random(random) if kind == CallKind::Append => {
                    (random % (bytes.len() as u64 + 1)) as usize
                }
                // A kill between two sectors: within one, an overwrite is whole.
                Portion::Random(random) => {
                    let mut ends = vec![0];
                    ends.extend(sectors(0, bytes.len()).iter().map(|sector| sector.end));
                    let position = random % ends.len() as u64;
                    ends.get(position as usize).copied().unwrap_or(0)
                }
            };
            let bytes = bytes.get(..kept).unwrap_or_default();
            if !bytes.is_empty() {
                let len = state.info(self.id)?.len;
                state.write(self.id, write(len, bytes.to_vec()))?;
                self.position.store(len + kept as u64, Ordering::Relaxed);
            }
            then.map_or(Ok(kept), Err)
        })
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.shared.call(CallKind::ReadAt, &[&self.path], |state, _| {
            let content = &state.file_mut(self.id)?.live;
            let rest = usize::try_from(offset).ok().and_then(|start| content.get(start..));
            let rest = rest.unwrap_or_default();
            let read = rest.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(rest) {
                *to = *from;
            }
            Ok(read)
        })
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.must_allow(matches!(self.mode, OpenMode::Append | OpenMode::CreateNew))?;
        self.write(CallKind::Append, bytes, |offset, bytes| Write::Append { offset, bytes })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.must_allow(self.mode == OpenMode::ReadWrite)?;
        self.write(CallKind::WriteAt, bytes, |_, bytes| Write::Overwrite { offset, bytes })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.mode.is_read_only() {
            return Err(Errno::Invalid.error());
        }
        self.shared.change(CallKind::SetLen, &[&self.path], |state| state.write(self.id, Write::SetLen(len)))
    }

    fn appended_to(&self) -> io::Result<u64> {
        Ok(self.position.load(Ordering::Relaxed))
    }

    fn sync(&self) -> io::Result<()> {
        let mut lost = 0;
        let result = self.shared.change(CallKind::Sync, &[&self.path], |state| {
            if matches!(state.inode(self.id)?.node, Node::File(_)) {
                lost = state.sync(self.id)?;
            }
            Ok(())
        });
        let mut inner = self.shared.inner.lock();
        inner.counts.lock().lost_after_failed_sync += lost;
        if result.is_err() && !inner.state.plan.crashed {
            inner.counts.lock().failed_sync += 1;
            inner.state.doom(self.id)?;
        }
        result
    }

    fn info(&self) -> io::Result<FileInfo> {
        self.shared.call(CallKind::FileInfo, &[&self.path], |state, _| state.info(self.id))
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.shared.call(CallKind::TryLock, &[&self.path], |state, _| {
            Ok(state.locks.entry(self.id).or_default().try_exclusive(self.handle))
        })
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.shared.call(CallKind::TryLock, &[&self.path], |state, _| {
            Ok(state.locks.entry(self.id).or_default().try_shared(self.handle))
        })
    }

    fn unlock(&self) -> io::Result<()> {
        self.shared.call(CallKind::TryLock, &[&self.path], |state, _| {
            state.locks.entry(self.id).or_default().release(self.handle);
            Ok(())
        })
    }

    fn is_open_for_writing(&self) -> Option<bool> {
        let inner = self.shared.inner.lock();
        match self.mode.is_read_only() && inner.state.traits.tells_writers {
            true => Some(inner.state.inode(self.id).ok()?.writers > 0),
            false => None,
        }
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.shared.inner.lock().state.close(self.id, self.handle, self.mode);
    }
}
