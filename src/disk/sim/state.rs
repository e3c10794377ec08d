//! What is on a simulated disk: inodes, and the content of files. Live content is what a process sees; it
//! changes at once, what is durable only at a sync. Knows nothing of failures; [`super::crash`] chooses
//! what survives.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::super::{FileInfo, OpenMode};
use super::errno::Errno;
use super::locks::Holders;
use super::names::NameChange;
use super::plan::Plan;

pub(super) type Id = u64;
pub(super) type Names = BTreeMap<String, Id>;
pub(super) const ROOT: Id = 1;
/// Where the logical clock starts: a date that looks like one.
const FIRST_NS: i128 = 1_700_000_000_000_000_000;
const MAX_SYMLINKS: usize = 40;

#[derive(Debug, Clone)]
pub(super) enum Write {
    Append { offset: u64, bytes: Vec<u8> },
    Overwrite { offset: u64, bytes: Vec<u8> },
    SetLen(u64),
}

/// A change of a file's content that is not durable yet.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) write: Write,
    /// A sync failed after it: the next sync will not bring it to the disk.
    pub(super) doomed: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct FileData {
    pub(super) durable: Vec<u8>,
    pub(super) live: Vec<u8>,
    pub(super) pending: Vec<Pending>,
    /// A rename of the file became durable while its content was not.
    pub(super) renamed_first: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    File(FileData),
    Folder { durable: Names, live: Names },
    Symlink(PathBuf),
}

#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub(super) node: Node,
    pub(super) number: u64,
    pub(super) modified_ns: i128,
    pub(super) links: u64,
    pub(super) opens: u64,
    /// How many of them can write.
    pub(super) writers: u64,
    pub(super) readable: bool,
    pub(super) writable: bool,
}

/// What kind of file system it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Traits {
    pub(super) read_only: bool,
    /// Whether a file tells who has it open for writing.
    pub(super) tells_writers: bool,
}

/// The numbers of files, as callers see them.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    /// Whether that of a deleted file may be given to the next new one.
    pub(super) reuse: bool,
    last: u64,
    free: Vec<u64>,
}

impl Numbers {
    /// One for a new file.
    fn take(&mut self) -> u64 {
        let reused = self.free.pop().filter(|_| self.reuse);
        reused.unwrap_or_else(|| self.take_new())
    }

    /// One that no file ever had.
    pub(super) fn take_new(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn free(&mut self, number: u64) {
        if !self.free.contains(&number) {
            self.free.push(number);
        }
    }
}

/// What was given out last.
#[derive(Debug, Clone)]
struct Given {
    id: Id,
    handle: u64,
}

/// A clock that goes on at each change.
#[derive(Debug, Clone)]
struct Clock {
    now_ns: i128,
    step_ns: i128,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) inodes: BTreeMap<Id, Inode>,
    pub(super) journal: Vec<NameChange>,
    /// Who has the kernel lock of a file.
    pub(super) locks: BTreeMap<Id, Holders>,
    pub(super) plan: Plan,
    pub(super) traits: Traits,
    pub(super) numbers: Numbers,
    clock: Clock,
    given: Given,
}

impl State {
    pub(super) fn new() -> Self {
        let mut state = Self {
            inodes: BTreeMap::new(),
            journal: Vec::new(),
            locks: BTreeMap::new(),
            plan: Plan::default(),
            traits: Traits::default(),
            numbers: Numbers { reuse: false, last: 1, free: Vec::new() },
            clock: Clock { now_ns: FIRST_NS, step_ns: 1_000_000 },
            given: Given { id: ROOT - 1, handle: 0 },
        };
        state.create(Node::Folder { durable: Names::new(), live: Names::new() });
        state
    }

    pub(super) fn tick(&mut self) -> i128 {
        self.clock.now_ns += self.clock.step_ns;
        self.clock.now_ns
    }

    pub(super) fn set_clock_step_ns(&mut self, step_ns: i128) {
        self.clock.step_ns = step_ns;
    }

    pub(super) fn next_handle(&mut self) -> u64 {
        self.given.handle += 1;
        self.given.handle
    }

    pub(super) fn inode(&self, id: Id) -> io::Result<&Inode> {
        self.inodes.get(&id).ok_or_else(|| Errno::NoEntry.error())
    }

    pub(super) fn inode_mut(&mut self, id: Id) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or_else(|| Errno::NoEntry.error())
    }

    pub(super) fn file_mut(&mut self, id: Id) -> io::Result<&mut FileData> {
        match &mut self.inode_mut(id)?.node {
            Node::File(file) => Ok(file),
            Node::Folder { .. } => Err(Errno::IsFolder.error()),
            Node::Symlink(_) => Err(Errno::Loop.error()),
        }
    }

    pub(super) fn names(&self, id: Id) -> io::Result<&Names> {
        match &self.inode(id)?.node {
            Node::Folder { live, .. } => Ok(live),
            _ => Err(Errno::NotFolder.error()),
        }
    }

    pub(super) fn names_mut(&mut self, id: Id) -> io::Result<&mut Names> {
        match &mut self.inode_mut(id)?.node {
            Node::Folder { live, .. } => Ok(live),
            _ => Err(Errno::NotFolder.error()),
        }
    }

    pub(super) fn create(&mut self, node: Node) -> Id {
        self.given.id += 1;
        let number = self.numbers.take();
        let modified_ns = self.tick();
        let inode = Inode {
            node,
            number,
            modified_ns,
            links: 0,
            opens: 0,
            writers: 0,
            readable: true,
            writable: true,
        };
        self.inodes.insert(self.given.id, inode);
        self.given.id
    }

    /// Folder and last name of a path; symbolic links on the way are followed.
    pub(super) fn parent(&self, path: &Path) -> io::Result<(Id, String)> {
        let name = path.file_name().ok_or_else(|| Errno::IsFolder.error())?;
        let name = name.to_str().ok_or_else(|| Errno::NoEntry.error())?;
        if name.len() > 255 {
            return Err(Errno::NameTooLong.error());
        }
        let folder = self.find(path.parent().unwrap_or(Path::new("")), true)?;
        self.names(folder)?;
        Ok((folder, name.to_owned()))
    }

    /// What a path leads to.
    pub(super) fn find(&self, path: &Path, follow_last: bool) -> io::Result<Id> {
        self.walk(path, follow_last, MAX_SYMLINKS)
    }

    fn walk(&self, path: &Path, follow_last: bool, budget: usize) -> io::Result<Id> {
        let mut at = ROOT;
        let mut walked = PathBuf::from("/");
        let mut parts = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        });
        let mut next = parts.next();
        while let Some(name) = next {
            next = parts.next();
            let name = name.to_str().ok_or_else(|| Errno::NoEntry.error())?;
            let found = self.names(at)?.get(name).copied();
            at = found.ok_or_else(|| Errno::NoEntry.error())?;
            if let Node::Symlink(target) = &self.inode(at)?.node
                && (next.is_some() || follow_last)
            {
                let budget = budget.checked_sub(1).ok_or_else(|| Errno::Loop.error())?;
                at = self.walk(&walked.join(target), true, budget)?;
            }
            walked.push(name);
        }
        Ok(at)
    }

    pub(super) fn info(&self, id: Id) -> io::Result<FileInfo> {
        let inode = self.inode(id)?;
        Ok(FileInfo {
            identity: (1, inode.number),
            len: match &inode.node {
                Node::File(file) => file.live.len() as u64,
                Node::Folder { live, .. } => live.len() as u64,
                Node::Symlink(target) => target.as_os_str().len() as u64,
            },
            modified_ns: inode.modified_ns,
            links: inode.links,
            writable: inode.writable,
            is_file: matches!(inode.node, Node::File(_)),
        })
    }

    pub(super) fn touch(&mut self, id: Id) -> io::Result<()> {
        let now = self.tick();
        self.inode_mut(id)?.modified_ns = now;
        Ok(())
    }

    pub(super) fn unname(&mut self, id: Id) -> io::Result<()> {
        let inode = self.inode_mut(id)?;
        inode.links = inode.links.saturating_sub(1);
        self.free_number_of(id);
        Ok(())
    }

    pub(super) fn close(&mut self, id: Id, handle: u64, mode: OpenMode) {
        if let Some(holders) = self.locks.get_mut(&id) {
            holders.release(handle);
        }
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.opens = inode.opens.saturating_sub(1);
            inode.writers = inode.writers.saturating_sub(u64::from(!mode.is_read_only()));
        }
        self.free_number_of(id);
    }

    fn free_number_of(&mut self, id: Id) {
        if let Some(inode) = self.inodes.get(&id)
            && inode.links == 0
            && inode.opens == 0
        {
            self.numbers.free(inode.number);
        }
    }

    /// What the death of all processes does: no handle is open and no lock held.
    pub(super) fn forget_handles(&mut self) {
        self.locks.clear();
        self.plan = Plan::default();
        let ids: Vec<Id> = self.inodes.keys().copied().collect();
        for id in ids {
            if let Ok(inode) = self.inode_mut(id) {
                (inode.opens, inode.writers) = (0, 0);
            }
            self.free_number_of(id);
        }
    }

    /// Carries out a write on the live content and notes it as pending.
    pub(super) fn write(&mut self, id: Id, write: Write) -> io::Result<()> {
        let now = self.tick();
        self.inode_mut(id)?.modified_ns = now;
        let file = self.file_mut(id)?;
        apply_write(&mut file.live, &write);
        file.pending.push(Pending { write, doomed: false });
        Ok(())
    }

    /// Makes the content of a file durable.
    pub(super) fn sync(&mut self, id: Id) -> io::Result<u64> {
        let file = self.file_mut(id)?;
        let mut lost = 0;
        for pending in std::mem::take(&mut file.pending) {
            match pending.doomed {
                true => lost += 1,
                false => apply_write(&mut file.durable, &pending.write),
            }
        }
        file.renamed_first = false;
        Ok(lost)
    }

    /// Whether a further sync would leave on the disk something else than what a process sees.
    pub(super) fn is_lost(&mut self, id: Id) -> bool {
        let Ok(file) = self.file_mut(id) else { return false };
        let mut synced = file.durable.clone();
        file.pending
            .iter()
            .filter(|pending| !pending.doomed)
            .for_each(|pending| apply_write(&mut synced, &pending.write));
        synced != file.live
    }

    /// A sync of a file failed: what was to be written is taken for clean from now on.
    pub(super) fn doom(&mut self, id: Id) -> io::Result<()> {
        for pending in &mut self.file_mut(id)?.pending {
            pending.doomed |= !matches!(pending.write, Write::SetLen(_));
        }
        Ok(())
    }
}

/// Carries out a write on some content.
pub(super) fn apply_write(content: &mut Vec<u8>, write: &Write) {
    match write {
        Write::Append { offset, bytes } | Write::Overwrite { offset, bytes } => {
            put(content, *offset, bytes);
        }
        Write::SetLen(len) => content.resize(*len as usize, 0),
    }
}

/// Writes bytes at an offset; what lies between the end and there reads as zeros.
pub(super) fn put(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = offset as usize;
    let end = start + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(start..end) {
        place.copy_from_slice(bytes);
    }
}
