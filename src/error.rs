//! The one error type. A variant exists only where a caller would act differently; each has a stable
//! `code()`. This is the only Rust file that spells messages.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::damage::Damage;
use crate::disk::lacks;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the engine, the log and the disk.
#[derive(Debug)]
pub enum Error {
    /// A system call failed.
    Io {
        /// What was being done, as Node names it (`open`, `write`, `fsync`, ...).
        syscall: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the store cannot be read as what it must be.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Byte offset of the damage, where known.
        offset: Option<u64>,
        /// What is wrong, as a sentence fragment.
        detail: String,
    },
    /// A document of 0.8.1's is refused in the validator's words.
    Invalid {
        /// The file.
        path: PathBuf,
        /// The words.
        message: String,
    },
    /// The folder belongs to agents, whose logs are merged elsewhere.
    AgentFolder,
    /// Text that 0.8.1 would have V8 parse is not what it must be; V8 and the validator find the words.
    Unreadable {
        /// What it must be.
        document: Document,
        /// The file.
        path: PathBuf,
        /// Where in the file the text stands, if it is not all of it.
        offset: Option<u64>,
        /// The text.
        content: Vec<u8>,
        /// What Rust saw.
        detail: String,
    },
    /// The file system has no kernel locks, and the call does not do without.
    NoLocks {
        /// What needs them.
        needed_by: NeedsLocks,
        /// The file that could not be locked.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process, or another store of this process, holds the lock.
    Locked {
        /// The holder; 0 if the file does not tell.
        pid: u32,
        /// Where that process runs.
        place: Place,
        /// The lock file.
        path: PathBuf,
    },
    /// Another process, or another store of this process, holds the lock around a compaction.
    CompactionLocked {
        /// The lock file.
        path: PathBuf,
    },
    /// A batch is being put together, and nothing has been added to it for long.
    BatchOpen {
        /// For how long.
        seconds: u64,
    },
    /// Another agent keeps the folder's lock, and may be stopped.
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A store with this agentId has the folder open.
    AgentInUse {
        /// The agent.
        agent: String,
        /// Its lock file.
        path: PathBuf,
    },
    /// The file system takes this agentId and another one for the same name.
    SameAgentName {
        /// The agent.
        agent: String,
        /// The agent that has the name.
        other: String,
        /// Their lock file.
        path: PathBuf,
    },
    /// A delete of a record that is not there.
    NotFound {
        /// The record's id, lossily as UTF-8.
        id: String,
    },
    /// Another record has a value that must be unique.
    NotUnique(Box<NotUnique>),
    /// The snapshot that the manifest names is missing.
    SnapshotMissing {
        /// Path as the manifest spells it.
        relative: String,
        /// What the system said.
        source: io::Error,
    },
    /// A read-only open of a folder that holds no store.
    NoStore,
    /// A folder to check or mend that has nothing of a store.
    NothingThere {
        /// The folder.
        root: PathBuf,
    },
    /// `compact()` under `skipLoad`.
    SkipLoadCompact,
    /// A place in the history that is there no more, and why.
    PositionGone(&'static str),
    /// An argument is out of range or of the wrong shape.
    InvalidArgument(String),
    /// The store has records of a newer schema version than the program gave: it must not write its own beside them.
    NewerVersion {
        /// The version that was found.
        found: u32,
        /// The version that the program gave.
        given: u32,
    },
    /// Records of several schema versions stand side by side, and a program that gave none cannot make them one.
    SeveralVersions {
        /// The highest of them.
        found: u32,
    },
    /// The store refuses writes until it is reopened, because an earlier failure left the log uncertain.
    Failed(String),
}

/// What cannot do without kernel locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedsLocks {
    /// A single writer that was opened to trust nothing else.
    Writer,
    /// Agents, which share a folder.
    Agents,
    /// Deleting history: a reader says by a lock what it needs.
    Pruning,
}

/// What a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// A manifest.
    Manifest,
    /// An archive segment.
    Segment,
    /// A record's line in a snapshot.
    Record,
}

impl Document {
    /// As the facade knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Segment => "segment",
            Self::Record => "record",
        }
    }
}

/// Where the holder of a lock runs, seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the process that asks.
    ThisProcess,
    /// It is another process of this machine.
    Here,
    /// No process that can be seen has that number and the file open: it is in another container, or on another machine.
    Elsewhere,
    /// The file names no process.
    Unknown,
}

/// The codes of errors that a protocol finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Another writer has the store, or keeps a lock.
    Locked,
    /// What the carrier returned is not what it must be.
    Corrupt,
    /// Whether a write counts is not known.
    Failed,
    /// The carrier cannot keep writers apart.
    UnsafeBackend,
    /// There is no store.
    NoStore,
    /// The record is not there.
    NotFound,
    /// The carrier did what it must not do.
    Io,
    /// A newer program has written here.
    NewerVersion,
    /// A place in the history is there no more.
    PositionGone,
    /// The carrier lacks what this takes.
    Unsupported,
}

impl Code {
    /// As JS errors carry it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Locked => "OPSLOG_LOCKED",
            Self::Corrupt => "OPSLOG_CORRUPT",
            Self::Failed => "OPSLOG_FAILED",
            Self::UnsafeBackend => "OPSLOG_UNSAFE_BACKEND",
            Self::NoStore => "OPSLOG_NO_STORE",
            Self::NotFound => "OPSLOG_NOT_FOUND",
            Self::Io => "OPSLOG_IO",
            Self::NewerVersion => "OPSLOG_NEWER_VERSION",
            Self::PositionGone => "OPSLOG_POSITION_GONE",
            Self::Unsupported => "OPSLOG_UNSUPPORTED",
        }
    }
}

impl Error {
    /// Wraps a failed system call, or damage that was found.
    pub fn io(syscall: &'static str, path: &Path, source: io::Error) -> Self {
        if let Some(Damage { path, offset, detail }) = Damage::of(&source) {
            return Self::corrupt(path, *offset, detail);
        }
        Self::Io { syscall, path: path.to_path_buf(), source }
    }

    /// Wraps a lock of agents that could not be taken.
    pub fn agent_lock(path: &Path, source: io::Error) -> Self {
        match lacks::lock(&source) {
            true => Self::NoLocks { needed_by: NeedsLocks::Agents, path: path.to_path_buf(), source },
            false => Self::io("flock", path, source),
        }
    }

    /// Wraps a lock of a part of the history that could not be taken.
    pub fn history_lock(path: &Path, source: io::Error) -> Self {
        match lacks::lock(&source) {
            true => Self::NoLocks { needed_by: NeedsLocks::Pruning, path: path.to_path_buf(), source },
            false => Self::io("flock", path, source),
        }
    }

    /// Says that a file is damaged.
    pub fn corrupt(path: &Path, offset: impl Into<Option<u64>>, detail: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_path_buf(), offset: offset.into(), detail: detail.into() }
    }

    /// The stable code that JS errors carry.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "OPSLOG_IO",
            Self::NoLocks { .. } => "OPSLOG_UNSUPPORTED",
            Self::Corrupt { .. }
            | Self::Invalid { .. }
            | Self::SnapshotMissing { .. }
            | Self::Unreadable { .. } => "OPSLOG_CORRUPT",
            Self::AgentFolder => "OPSLOG_AGENT_FOLDER",
            Self::Locked { .. } | Self::CompactionLocked { .. } => "OPSLOG_LOCKED",
            Self::Busy { .. } | Self::BatchOpen { .. } | Self::AgentInUse { .. } => "OPSLOG_LOCKED",
            Self::NotFound { .. } => "OPSLOG_NOT_FOUND",
            Self::NotUnique(_) => "OPSLOG_NOT_UNIQUE",
            Self::NoStore | Self::NothingThere { .. } => "OPSLOG_NO_STORE",
            Self::SkipLoadCompact => "OPSLOG_SKIP_LOAD",
            Self::InvalidArgument(_) | Self::SameAgentName { .. } => "OPSLOG_INVALID_ARGUMENT",
            Self::NewerVersion { .. } | Self::SeveralVersions { .. } => "OPSLOG_NEWER_VERSION",
            Self::PositionGone(_) => "OPSLOG_POSITION_GONE",
            Self::Failed(_) => "OPSLOG_FAILED",
        }
    }

    /// The file concerned, if any.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::NoLocks { path, .. }
            | Self::Corrupt { path, .. }
            | Self::Invalid { path, .. }
            | Self::Busy { path, .. }
            | Self::NothingThere { root: path }
            | Self::AgentInUse { path, .. }
            | Self::SameAgentName { path, .. }
            | Self::Unreadable { path, .. }
            | Self::Locked { path, .. }
            | Self::CompactionLocked { path } => Some(path),
            _ => None,
        }
    }

    /// The system's own error, if there is one behind this.
    pub fn io_source(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. } | Self::NoLocks { source, .. } | Self::SnapshotMissing { source, .. } => {
                Some(source)
            }
            _ => None,
        }
    }

    /// Whether the file was there already.
    pub fn is_existing_file(&self) -> bool {
        self.io_source().is_some_and(|source| source.kind() == io::ErrorKind::AlreadyExists)
    }

    /// Whether the file was not there.
    pub fn is_missing_file(&self) -> bool {
        self.io_source().is_some_and(|source| source.kind() == io::ErrorKind::NotFound)
    }
}

/// A value that must be unique, and that another record has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnique {
    /// The name of the index.
    pub index: String,
    /// The record that was to get it, lossily as UTF-8.
    pub id: String,
    /// The record that has it.
    pub other: String,
    /// The value, as JSON.
    pub value: Vec<u8>,
}

impl fmt::Display for NotUnique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, id, other, .. } = self;
        write!(f, "Record '{id}' was not set: record '{other}' has the same {index}, which must be unique")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { syscall, path, source } => {
                write!(f, "{source}, {syscall} '{}'", path.display())
            }
            Self::NoLocks { needed_by: NeedsLocks::Writer, path, source } => write!(
                f,
                "The file system of {} has no kernel locks (flock: {source}), and nothing else keeps a second writer out \
                 reliably. Put the store on another file system, or open it with locking: \"pid\": then the number in the \
                 file keeps writers of this machine apart, as in 0.8.1.",
                path.display()
            ),
            Self::NoLocks { needed_by: NeedsLocks::Agents, path, source } => write!(
                f,
                "The file system of {} has no kernel locks (flock: {source}), and without them agents that share a folder \
                 lose each other's writes. Put the store on another file system, or write to it without agentId.",
                path.display()
            ),
            Self::NoLocks { needed_by: NeedsLocks::Pruning, path, source } => write!(
                f,
                "The file system of {} has no kernel locks (flock: {source}), and without them nothing tells which history \
                 other processes still read. Nothing was deleted.",
                path.display()
            ),
            Self::Corrupt { path, offset: Some(offset), detail } => {
                write!(f, "{}: {detail} (at byte {offset})", path.display())
            }
            Self::Invalid { message, .. } => f.write_str(message),
            Self::AgentFolder => f.write_str("The folder is used by agents. Open it with an agentId."),
            Self::Unreadable { path, detail, .. } => write!(f, "{}: {detail}", path.display()),
            Self::Corrupt { path, offset: None, detail } => write!(f, "{}: {detail}", path.display()),
            Self::Locked { pid, place, path } => {
                let path = path.display();
                write!(f, "Store is locked by process {pid}. ")?;
                match place {
                    Place::ThisProcess => f.write_str(
                        "It is this very process: another Store in it has the folder open. Close that one first, or open \
                         this one with readOnly.",
                    ),
                    Place::Here => f.write_str(
                        "Close the store there, or end that process, or open this one with readOnly. The lock of a process \
                         that has ended is taken over.",
                    ),
                    Place::Elsewhere => write!(
                        f,
                        "It has {path} open but cannot be seen from here: it runs in another container or on another \
                         machine. Close the store there, or open this one with readOnly."
                    ),
                    Place::Unknown => write!(
                        f,
                        "It has {path} open and has not written its number yet. Try again, or open this one with readOnly."
                    ),
                }
            }
            Self::CompactionLocked { .. } => f.write_str("Compaction lock held by another agent"),
            Self::BatchOpen { seconds } => {
                write!(
                    f,
                    "A batch of this store has not come to its end for {seconds} s, and others wait for it."
                )
            }
            Self::Busy { path, seconds } => write!(
                f,
                "Another process has held {} for {seconds} s; it may be stopped. Let it go on, or end it.",
                path.display()
            ),
            Self::AgentInUse { agent, path } => write!(
                f,
                "Agent '{agent}' has this folder open already ({}). Close it, or use another agentId.",
                path.display()
            ),
            Self::SameAgentName { agent, other, path } => write!(
                f,
                "The file system of {} ignores case, so that the agentIds '{agent}' and '{other}' would be one agent. Use \
                 '{other}', or an agentId that differs in more than case.",
                path.display()
            ),
            Self::NotFound { id } => write!(f, "Record '{id}' not found"),
            Self::NotUnique(found) => found.fmt(f),
            Self::SnapshotMissing { relative, .. } => {
                write!(f, "Snapshot file not found: {relative}. The data directory may be corrupted.")
            }
            Self::NothingThere { root } => write!(
                f,
                "There is no store in {}: it has no manifest.json, and no snapshot, log or archive",
                root.display()
            ),
            Self::NoStore => f.write_str("Cannot open in readOnly mode: no existing store found"),
            Self::SkipLoadCompact => {
                f.write_str("Cannot compact in skipLoad mode \u{2014} in-memory Map is incomplete")
            }
            Self::PositionGone(why) => write!(
                f,
                "The history cannot go on from this place: {why}. Read the state of the store, and begin anew from \
                 store.position."
            ),
            Self::InvalidArgument(message) => f.write_str(message),
            Self::NewerVersion { found, given } => write!(
                f,
                "The store has records of version {found}, and this program gave version {given}: it must not write \
                 to it. Use the newer program, or open the store read-only."
            ),
            Self::SeveralVersions { found } => write!(
                f,
                "A migration to version {found} has not come to its end, and no snapshot can hold records of several \
                 versions. Open the store once with version {found} and its migrate function."
            ),
            Self::Failed(why) => write!(
                f,
                "Store refuses writes after a failure: {why}. Close it and open it again to recover."
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io_source().map(|source| source as _)
    }
}
