//! What carries the bytes: the steps of storage that the protocols are made of, and the facts by which carriers differ.
//! Every step may have taken effect although it failed. No rule stands in a carrier: it carries out and answers.

use std::rc::Rc;
use std::sync::Arc;

use crate::engine::Id;
use crate::error::{Code, NotUnique};
use crate::format::document::Name;

/// What the carrier gives a version of the manifest as: JSON text, `null` for "there is no manifest".
pub type Version = Rc<[u8]>;
/// Ids and the texts of their values, in order.
pub type Pairs = Vec<(Id, Vec<u8>)>;

/// A step that failed, or that was not answered in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// By which number the carrier knows what it was told.
    pub number: u64,
    /// What was said.
    pub message: String,
    /// The file is not there.
    pub is_missing: bool,
    /// Nothing was answered within the time limit: the step may still take effect.
    pub is_unanswered: bool,
    /// The log is closed: the append did not take effect, and none will.
    pub is_fenced: bool,
}

/// Why a protocol did not reach its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A step failed: the caller gets what the backend said.
    Step(Failure),
    /// A rule of the protocol.
    Rule {
        /// The code.
        code: Code,
        /// What to tell the caller.
        message: String,
        /// What led to it.
        cause: Option<Failure>,
        /// The file concerned.
        path: Option<Name>,
    },
    /// A value is not unique.
    NotUnique(Box<NotUnique>),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Step(failure)
    }
}

impl Error {
    /// An error of a rule.
    pub fn rule(code: Code, message: impl Into<String>) -> Self {
        Self::Rule { code, message: message.into(), cause: None, path: None }
    }

    /// An error of a rule that a failed step led to.
    pub fn caused(code: Code, message: impl Into<String>, cause: &Failure) -> Self {
        Self::Rule { code, message: message.into(), cause: Some(cause.clone()), path: None }
    }

    /// The error, with the file concerned.
    #[must_use]
    pub fn at(mut self, file: &Name) -> Self {
        if let Self::Rule { path, .. } = &mut self {
            *path = Some(Arc::clone(file));
        }
        self
    }

    /// The code, for an error of a rule.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Step(_) | Self::NotUnique(_) => None,
            Self::Rule { code, .. } => Some(*code),
        }
    }
}

/// By what two writers are kept apart, and what an answer means.
///
/// One struct: each is answered by a backend for itself, and a protocol asks for those that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The lock of the single writer is the kernel's: while it is held there is no other, and it dies with its process.
    /// Otherwise it is an object that can run out, and proves nothing.
    pub kernel_lock: bool,
    /// The manifest can be published on the condition that it is still the one that was read, in one step.
    pub conditional: bool,
    /// Two manifests never have the same version.
    pub exact_versions: bool,
    /// A step that was answered takes no effect afterwards, and a read shows what it did.
    pub answers_are_final: bool,
    /// Taking the last operation out of a log leaves the one before as the end of its batch.
    pub ends_batches: bool,
    /// Logs and snapshots are named by the millisecond.
    pub names_by_time: bool,
    /// There is a lock around compactions, which agents must hold to change the manifest without conditions.
    pub compaction_lock: bool,
    /// There is a lock of the single writer.
    pub single_lock: bool,
    /// The operations of one append become visible together, or not at all: changes in flight share one.
    pub whole_appends: bool,
    /// A log can be closed: every append to it is refused from then on, whichever writer makes it.
    pub closes_logs: bool,
    /// One step tells whether any writer has changed anything; what is read after it is at least as new as its answer.
    pub tells_changes: bool,
    /// There are notes: texts under names that the carrier gives.
    pub keeps_notes: bool,
    /// No other store reaches what it keeps, and nothing of that outlasts the store.
    pub is_private: bool,
    /// A log can be deleted.
    pub deletes_logs: bool,
    /// A snapshot can be deleted.
    pub deletes_snapshots: bool,
    /// Ranges of files can be read, and an index written beside a snapshot.
    pub keeps_indexes: bool,
}

/// Which lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// That of the single writer.
    Single,
    /// The one around a compaction.
    Compaction,
}

/// What became of taking a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is the caller's, known to the carrier by this number.
    Yes(u64),
    /// Another writer has it; this is what the carrier was told.
    Held(Failure),
}

/// A snapshot that was read.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Its records.
    pub records: Pairs,
    /// The schema version of its records; `None` if it is none.
    pub version: Option<u64>,
}

/// What a snapshot or a segment is written from.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    /// The records in memory.
    pub store: &'a Arc<crate::store::Store>,
    /// In their place, the records as they were before the last operations.
    pub earlier: Option<&'a crate::store::Past>,
    /// Of a segment: its ids. Of a snapshot: `None`, all of them.
    pub only: Option<&'a [Id]>,
    /// Without these.
    pub without: &'a [Id],
}

impl Records<'_> {
    /// The records, in order, with their texts.
    pub fn pairs(&self) -> Pairs {
        let mut pairs = match self.earlier {
            Some(past) => self.store.past_pairs(past).unwrap_or_default(),
            None => self.store.pairs().unwrap_or_default(),
        };
        let only: Option<hashbrown::HashSet<&Id>> = self.only.map(|only| only.iter().collect());
        let without: hashbrown::HashSet<&Id> = self.without.iter().collect();
        pairs.retain(|(id, _)| !without.contains(id) && only.as_ref().is_none_or(|only| only.contains(id)));
        pairs
    }
}

/// What a step is answered with.
pub type Answer<T> = Result<T, Failure>;

/// The steps of storage.
#[allow(async_fn_in_trait)] // No runtime: the carrier of a future polls it, on one thread.
pub trait Carrier {
    /// What holds for this carrier.
    fn facts(&self) -> Facts;
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;
    /// A number that no other call returns, for names and pauses.
    fn random(&self) -> u64;
    /// Waits for about so many milliseconds.
    async fn pause(&self, ms: u64);

    /// The version of the manifest.
    async fn manifest_version(&self) -> Answer<Version>;
    /// The text of the manifest; `None` if there is none.
    async fn read_manifest(&self) -> Answer<Option<Vec<u8>>>;
    /// Replaces the manifest, with a condition only if it has this version: `None` if it has not.
    async fn publish(&self, manifest: &[u8], condition: Option<&Version>) -> Answer<Option<Version>>;

    /// The operations of a log, a line each; none if it is missing.
    async fn read_log(&self, log: &Name) -> Answer<Vec<Vec<u8>>>;
    /// Appends operations to a log.
    async fn append(&self, log: &Name, lines: &[Vec<u8>]) -> Answer<()>;
    /// Takes the last operation out of a log; `false` if there is none.
    async fn cut(&self, log: &Name) -> Answer<bool>;
    /// Closes a log: every later append to it fails, and says that it is fenced. Appends that are in it stay.
    async fn close_log(&self, log: &Name) -> Answer<()>;
    /// A text that differs once a writer has published a manifest or appended to a log that the manifest names.
    async fn change_token(&self) -> Answer<Version>;
    /// Creates an empty log.
    async fn create_log(&self, agent: Option<&Name>) -> Answer<Name>;

    /// Reads a snapshot.
    async fn load_snapshot(&self, path: &Name) -> Answer<Loaded>;
    /// Writes a snapshot.
    async fn write_snapshot(&self, records: Records<'_>, version: u64) -> Answer<Name>;
    /// Writes the index of a snapshot that was just written, if it is large enough to need one.
    async fn write_index(&self, snapshot: &Name) -> Answer<()>;
    /// So many bytes of a snapshot, from an offset on; fewer at its end.
    async fn read_range(&self, snapshot: &Name, offset: u64, len: u64) -> Answer<Vec<u8>>;
    /// As [`Carrier::read_range`], of the index of a snapshot.
    async fn read_index(&self, snapshot: &Name, offset: u64, len: u64) -> Answer<Vec<u8>>;
    /// Deletes the index of a snapshot.
    async fn delete_index(&self, snapshot: &Name) -> Answer<()>;
    /// The ids in an archive segment.
    async fn segment_ids(&self, path: &Name) -> Answer<Vec<Id>>;
    /// Adds records to an archive segment.
    async fn write_segment(&self, period: &Name, records: Records<'_>) -> Answer<Name>;

    /// The records of an archive segment.
    async fn load_segment(&self, path: &Name) -> Answer<Pairs>;

    /// Keeps a text under a name of its own.
    async fn write_note(&self, text: &[u8]) -> Answer<Name>;
    /// The text of a note.
    async fn read_note(&self, path: &Name) -> Answer<Vec<u8>>;
    /// Deletes a note.
    async fn delete_note(&self, path: &Name) -> Answer<()>;
    /// Deletes a log that no manifest names any more. Returns how many bytes it had; `None` if it is not there, or goes later.
    async fn delete_log(&self, path: &Name) -> Answer<Option<u64>>;
    /// As [`Carrier::delete_log`], a snapshot.
    async fn delete_snapshot(&self, path: &Name) -> Answer<Option<u64>>;

    /// Takes a lock.
    async fn lock(&self, lock: Lock) -> Answer<Taken>;
    /// Gives a lock back.
    async fn unlock(&self, lock: Lock, handle: u64) -> Answer<()>;
    /// Makes durable what was appended.
    async fn sync(&self) -> Answer<()>;

    /// Brings values from an older schema version to the store's, by the user's function.
    async fn migrate(&self, from: u64, records: &Pairs) -> Answer<Vec<Vec<u8>>>;
    /// The steps that follow are for this change; for no one, if there is none.
    fn carries(&self, _ticket: Option<u64>) {}
    /// Says how far a long step has come to be.
    fn begins(&self, _phase: Phase, _total: u64) {}
    /// The phase is over.
    fn ends(&self) {}
}

/// What takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A snapshot is read.
    ReadSnapshot,
    /// A snapshot is written.
    WriteSnapshot,
    /// Records go to an archive segment.
    Archive,
}
