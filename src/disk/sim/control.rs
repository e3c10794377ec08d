//! What a test does to a simulated disk from outside: scripts its failures, lets the process or the machine
//! die, plants files, and looks at what is there. None of it counts as a call of the disk.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::crash::{self, Chooser};
use super::names::Added;
use super::state::{FileData, Node, State, Write};
use super::{CallKind, Fault, FaultCounts, Inner, Says, Shared, SimDisk, Times};

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk: a root folder and nothing in it.
    pub fn new() -> Self {
        Self::from_parts(State::new(), Arc::default())
    }

    fn from_parts(state: State, counts: Arc<Mutex<FaultCounts>>) -> Self {
        let inner = Mutex::new(Inner { state, counts });
        Self { shared: Arc::new(Shared { inner }) }
    }

    /// The n-th changing or syncing call from now (1 is the next) and every call after it fail, with
    /// nothing done. Other calls before it work as ever.
    pub fn crash_after(&self, n_calls: u64) {
        self.shared.inner.lock().state.plan.crash_after(n_calls, None);
    }

    /// As [`SimDisk::crash_after`], but the last call may be carried out in part: a random prefix of a
    /// write; any other call wholly or not at all.
    pub fn crash_after_partly(&self, n_calls: u64, random: u64) {
        self.shared.inner.lock().state.plan.crash_after(n_calls, Some(random));
    }

    /// Whether the point of the crash was reached.
    pub fn crashed(&self) -> bool {
        self.shared.inner.lock().state.plan.crashed
    }

    /// The disk as the next process finds it after a `kill -9`: all that was done is there, kernel locks
    /// are gone. What was not durable still is not.
    pub fn after_kill(&self) -> Self {
        let inner = self.shared.inner.lock();
        let mut state = inner.state.clone();
        state.forget_handles();
        Self::from_parts(state, Arc::clone(&inner.counts))
    }

    /// The disk as it may be found after a power loss. `choose(n)` gives a number below n.
    pub fn after_crash(&self, choose: &mut impl FnMut(u64) -> u64) -> Self {
        let inner = self.shared.inner.lock();
        let mut chooser = Chooser { below: choose, counts: FaultCounts::default() };
        let state = crash::after_power_loss(&inner.state, &mut chooser);
        *inner.counts.lock() += chooser.counts;
        Self::from_parts(state, Arc::clone(&inner.counts))
    }

    /// What went wrong so far, on this disk and all that it comes of or that came of it.
    pub fn faults(&self) -> FaultCounts {
        *self.shared.inner.lock().counts.lock()
    }

    /// How many calls of a kind were made on this disk.
    pub fn calls(&self, kind: CallKind) -> u64 {
        self.shared.inner.lock().state.plan.calls(kind)
    }

    /// How many changing or syncing calls were made on this disk.
    pub fn changes(&self) -> u64 {
        let inner = self.shared.inner.lock();
        let changing = CallKind::ALL.iter().filter(|kind| kind.changes());
        changing.map(|kind| inner.state.plan.calls(*kind)).sum()
    }

    /// Adds a failure to the script.
    pub fn script(&self, fault: Fault) {
        self.shared.inner.lock().state.plan.add(fault);
    }

    /// The n-th call of a kind from now fails, with nothing done.
    pub fn fail_next(&self, kind: CallKind, nth: u64, says: impl Into<Says>, times: Times) {
        let fault = Fault::new(kind, says).nth(nth);
        self.script(match times {
            Times::Once => fault,
            Times::Lasting => fault.lasting(),
        });
    }

    /// The next append writes half of its bytes.
    pub fn short_write_next(&self) {
        self.script(Fault::short_write(CallKind::Append));
    }

    /// Takes back all scripted failures and the point of the crash.
    pub fn heal(&self) {
        self.shared.inner.lock().state.plan.clear();
    }

    /// Whether the number of a deleted file may be given to the next new one. Off by default.
    pub fn reuse_inodes(&self, reuse: bool) {
        self.shared.inner.lock().state.numbers.reuse = reuse;
    }

    /// Whether a file tells that some handle can write to it, as the file systems of Linux do. Off by default.
    pub fn tell_writers(&self, tell: bool) {
        self.shared.inner.lock().state.traits.tells_writers = tell;
    }

    /// How far the logical clock goes at each change; 0 makes all times equal. Default: 1 ms.
    pub fn set_clock_step_ns(&self, step: i128) {
        self.shared.inner.lock().state.set_clock_step_ns(step);
    }

    /// Makes the whole file system read-only, or writable again.
    pub fn set_read_only(&self, read_only: bool) {
        self.shared.inner.lock().state.traits.read_only = read_only;
    }

    /// Sets whether a file may be read and written; handles that are open keep what they have.
    ///
    /// # Errors
    /// If the file is not there.
    pub fn set_access(&self, path: &Path, readable: bool, writable: bool) -> io::Result<()> {
        let mut inner = self.shared.inner.lock();
        let id = inner.state.find(path, false)?;
        let inode = inner.state.inode_mut(id)?;
        (inode.readable, inode.writable) = (readable, writable);
        Ok(())
    }

    /// Makes a symbolic link. Not a call of the disk: never fails by script, durable at once.
    ///
    /// # Errors
    /// If the name is taken or its folder is not there.
    pub fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        let state = &mut self.shared.inner.lock().state;
        let before = state.journal.len();
        let (folder, name) = state.free_name(path)?;
        let id = state.create(Node::Symlink(target.to_path_buf()));
        state.add_name(Added::File, folder, name, id)?;
        state.settle_since(before);
        Ok(())
    }

    /// Makes a file with this content, or replaces the content. Not a call of the disk; folders above it
    /// are created, and all is durable at once.
    ///
    /// # Errors
    /// If the path leads to a folder.
    pub fn plant(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let state = &mut self.shared.inner.lock().state;
        let before = state.journal.len();
        state.create_folders(path.parent().unwrap_or(Path::new("/")))?;
        let id = match state.find(path, false) {
            Ok(id) => id,
            Err(_) => {
                let (folder, name) = state.free_name(path)?;
                let id = state.create(Node::File(FileData::default()));
                state.add_name(Added::File, folder, name, id)?;
                id
            }
        };
        state.write(id, Write::SetLen(0))?;
        state.write(id, Write::Append { offset: 0, bytes: content.to_vec() })?;
        state.sync(id)?;
        state.settle_since(before);
        Ok(())
    }

    /// Files of whose content, as a process sees it, a part will never be on the disk, for all that a further sync
    /// says: one has failed.
    pub fn lost_for_good(&self) -> Vec<PathBuf> {
        let state = &mut self.shared.inner.lock().state;
        let paths = state.tree(false).into_keys();
        paths.filter(|path| state.find(path, false).is_ok_and(|id| state.is_lost(id))).collect()
    }

    /// The files by path with their content, as a process sees them now. Folders end in `/`.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.shared.inner.lock().state.tree(false)
    }

    /// The files by path with their content, as far as they are durable. Folders end in `/`.
    pub fn durable_tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.shared.inner.lock().state.tree(true)
    }
}
