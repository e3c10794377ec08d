//! A disk around a simulated one that can run something just before a chosen call: that is how a test lets
//! writes come in the middle of a checkpoint, one activity at a time and always in the same place. Only calls at
//! which the store holds no lock of its own are counted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::{CallKind, SimDisk};
use opslog::disk::{Disk, DiskFile, FileInfo, OpenMode};
use parking_lot::Mutex;

use super::pause::{self, Pause, Paused};

type Action = Box<dyn FnOnce() + Send>;
type Watcher = Box<dyn FnMut(CallKind, &Path) + Send>;

/// A simulated disk whose calls can be interrupted. Clones are the same disk.
#[derive(Clone)]
pub struct HookDisk {
    sim: SimDisk,
    hooks: Arc<Mutex<Hooks>>,
    /// Whether calls that only look are counted, and nothing else is.
    is_reader: bool,
}

#[derive(Default)]
struct Hooks {
    waiting: Vec<(u64, Option<Pause>, Action)>,
    watcher: Option<Watcher>,
    /// What has run in part, and the call before which it goes on.
    paused: Option<(u64, Paused)>,
    calls: u64,
    busy: bool,
}

impl HookDisk {
    pub fn new(sim: SimDisk) -> Self {
        Self { sim, hooks: Arc::default(), is_reader: false }
    }

    /// For a reader, and holds no lock: calls that look are counted instead.
    #[allow(dead_code)] // For the tests of the store.
    pub fn of_reader(sim: SimDisk) -> Self {
        Self { is_reader: true, ..Self::new(sim) }
    }

    pub fn sim(&self) -> &SimDisk {
        &self.sim
    }

    /// Runs something before the n-th call from now (1 is the next) that can be interrupted.
    pub fn before(&self, nth: u64, action: impl FnOnce() + Send + 'static) {
        self.before_with_pause(nth, None, action);
    }

    /// As [`HookDisk::before`]; it may pause while the interrupted activity goes on.
    pub fn before_with_pause(&self, nth: u64, pause: Option<Pause>, action: impl FnOnce() + Send + 'static) {
        let mut hooks = self.hooks.lock();
        let at = hooks.calls + nth;
        hooks.waiting.push((at, pause, Box::new(action)));
    }

    /// Runs something before every call, also where the store holds a lock of its own: it must not use the store.
    #[allow(dead_code)] // For the explorer.
    pub fn before_every(&self, watcher: impl FnMut(CallKind, &Path) + Send + 'static) {
        self.hooks.lock().watcher = Some(Box::new(watcher));
    }

    /// Lets a paused action go on to its end, and forgets the actions that have not run. Returns how many calls could
    /// have been interrupted so far.
    pub fn clear(&self) -> u64 {
        let paused = self.hooks.lock().paused.take();
        self.finish(paused);
        let mut hooks = self.hooks.lock();
        hooks.waiting.clear();
        hooks.calls
    }

    fn finish(&self, paused: Option<(u64, Paused)>) {
        if let Some((_, paused)) = paused {
            self.hooks.lock().busy = true;
            paused.finish();
            self.hooks.lock().busy = false;
        }
    }

    fn notify(&self, kind: CallKind, path: &Path) {
        let watcher = self.hooks.lock().watcher.take();
        if let Some(mut watcher) = watcher {
            watcher(kind, path);
            self.hooks.lock().watcher.get_or_insert(watcher);
        }
        if pause::is_interrupting() {
            if kind == CallKind::Sync {
                pause::before_sync();
            }
            return;
        }
        let in_wal = path.parent().is_some_and(|folder| folder.ends_with("ops"));
        let unlocked = match kind {
            CallKind::Open | CallKind::Info | CallKind::ReadAt => self.is_reader,
            _ if self.is_reader => false,
            CallKind::Create | CallKind::Sync | CallKind::SyncFolder | CallKind::Rename => true,
            CallKind::Append | CallKind::List => !in_wal,
            _ => false,
        };
        if !unlocked {
            return;
        }
        let (paused, due) = {
            let mut hooks = self.hooks.lock();
            if hooks.busy {
                return;
            }
            hooks.calls += 1;
            let now = hooks.calls;
            let (due, waiting): (Vec<_>, Vec<_>) =
                std::mem::take(&mut hooks.waiting).into_iter().partition(|(at, ..)| *at <= now);
            hooks.waiting = waiting;
            (hooks.paused.take_if(|(until, _)| *until <= now || !due.is_empty()), due)
        };
        self.finish(paused);
        for (at, pause, action) in due {
            self.interrupt(at, pause, action);
        }
    }

    fn interrupt(&self, at: u64, pause: Option<Pause>, action: Action) {
        // One that came before at this very call may pause.
        let paused = self.hooks.lock().paused.take();
        self.finish(paused);
        self.hooks.lock().busy = true;
        let paused = match pause {
            None => {
                action();
                None
            }
            Some(pause) => Paused::start(pause, action).map(|paused| (at + pause.calls, paused)),
        };
        let mut hooks = self.hooks.lock();
        hooks.busy = false;
        hooks.paused = paused;
    }
}

impl Disk for HookDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        if mode == OpenMode::CreateNew {
            self.notify(CallKind::Create, path);
        }
        self.notify(CallKind::Open, path);
        let file = self.sim.open(path, mode)?;
        Ok(Arc::new(HookFile { file, path: path.to_path_buf(), disk: self.clone() }))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.notify(CallKind::Info, path);
        self.sim.info(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.notify(CallKind::Rename, to);
        self.sim.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.notify(CallKind::Link, to);
        self.sim.link(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.notify(CallKind::Unlink, path);
        self.sim.unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.notify(CallKind::List, folder);
        self.sim.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.sim.create_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.sim.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.notify(CallKind::SyncFolder, folder);
        self.sim.sync_folder(folder)
    }
}

struct HookFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    disk: HookDisk,
}

impl DiskFile for HookFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.notify(CallKind::ReadAt, &self.path);
        self.file.read_at(buffer, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.notify(CallKind::Append, &self.path);
        self.file.append(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.notify(CallKind::WriteAt, &self.path);
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.notify(CallKind::SetLen, &self.path);
        self.file.set_len(len)
    }

    fn cut(&self, from: u64, to: u64) -> io::Result<bool> {
        self.disk.notify(CallKind::SetLen, &self.path);
        self.file.cut(from, to)
    }

    fn appended_to(&self) -> io::Result<u64> {
        self.file.appended_to()
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.notify(CallKind::Sync, &self.path);
        self.file.sync()
    }

    fn info(&self) -> io::Result<FileInfo> {
        self.disk.notify(CallKind::FileInfo, &self.path);
        self.file.info()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        self.file.try_lock_shared()
    }

    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
}
