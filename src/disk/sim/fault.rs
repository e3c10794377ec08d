//! What can be made to go wrong on a [`super::SimDisk`]: kinds of calls, and failures that wait for theirs.
//! Only the words of a script; [`super::plan`] carries it out.

use std::io;
use std::path::Path;

/// The calls of the two disk traits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // Each is named for the call that it stands for.
pub enum CallKind {
    /// Opening an existing file.
    Open,
    /// Opening as `CreateNew`.
    Create,
    /// `Disk::info`.
    Info,
    Rename,
    Link,
    Unlink,
    List,
    CreateFolder,
    RemoveFolder,
    SyncFolder,
    ReadAt,
    Append,
    WriteAt,
    SetLen,
    Sync,
    /// `DiskFile::info`.
    FileInfo,
    TryLock,
}

impl CallKind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::Open,
        Self::Create,
        Self::Info,
        Self::Rename,
        Self::Link,
        Self::Unlink,
        Self::List,
        Self::CreateFolder,
        Self::RemoveFolder,
        Self::SyncFolder,
        Self::ReadAt,
        Self::Append,
        Self::WriteAt,
        Self::SetLen,
        Self::Sync,
        Self::FileInfo,
        Self::TryLock,
    ];

    /// Whether such a call changes what is on the disk, or what of it is durable.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Open | Self::Info | Self::List | Self::ReadAt | Self::FileInfo | Self::TryLock)
    }
}

/// How often a scripted failure strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// At one call.
    Once,
    /// At that call and all later ones.
    Lasting,
}

/// What a failing call says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// An error of this kind.
    Kind(io::ErrorKind),
    /// An error number of the system.
    Errno(i32),
}

impl From<io::ErrorKind> for Says {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<i32> for Says {
    fn from(errno: i32) -> Self {
        Self::Errno(errno)
    }
}

impl Says {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Kind(kind) => kind.into(),
            Self::Errno(errno) => io::Error::from_raw_os_error(errno),
        }
    }
}

/// A failure that waits for its call.
#[derive(Debug, Clone)]
pub struct Fault {
    pub(super) kinds: Vec<CallKind>,
    pub(super) nth: u64,
    pub(super) says: Option<Says>,
    pub(super) times: Times,
    pub(super) after_half: bool,
    pub(super) path_contains: String,
}

impl Fault {
    /// The next call of this kind fails, once, with nothing done.
    pub fn new(kind: CallKind, says: impl Into<Says>) -> Self {
        Self::of(&[kind], says)
    }

    /// The next call of any of these kinds fails, once, with nothing done.
    pub fn of(kinds: &[CallKind], says: impl Into<Says>) -> Self {
        Self {
            kinds: kinds.to_vec(),
            nth: 1,
            says: Some(says.into()),
            times: Times::Once,
            after_half: false,
            path_contains: String::new(),
        }
    }

    /// The next append or overwrite writes half of its bytes, and says so.
    pub fn short_write(kind: CallKind) -> Self {
        Self { says: None, ..Self::new(kind, io::ErrorKind::Other) }
    }

    /// Not the next of these calls but the n-th from now; 1 is the next.
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = nth.max(1);
        self
    }

    /// All later calls fail too.
    pub fn lasting(mut self) -> Self {
        self.times = Times::Lasting;
        self
    }

    /// Only calls whose path contains this text count (for a rename or link: either path; for an open
    /// file: the path by which it was opened).
    pub fn on(mut self, path_contains: &str) -> Self {
        path_contains.clone_into(&mut self.path_contains);
        self
    }

    /// Whether it strikes calls on this path. Separators are written as `/` in faults, on Windows too.
    pub(super) fn is_about(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        match std::path::MAIN_SEPARATOR {
            '/' => path.contains(&self.path_contains),
            separator => path.replace(separator, "/").contains(&self.path_contains),
        }
    }

    /// A failing append or overwrite has written half of its bytes; any other change was made all the same.
    pub fn after_half(mut self) -> Self {
        self.after_half = true;
        self
    }
}
