//! A store in a folder: the engine, the log and the files around them. Invariant: bytes first, then memory.
//! All public methods can be called from any thread; the lock is never held during a sync or while a
//! snapshot is written; what runs under it are appends and cuts of a WAL, and reads.

mod agents;
mod backup;
mod checkpoint;
mod closing;
mod following;
mod foreign;
mod home;
mod known;
mod last_lines;
mod locked;
mod names;
mod open;
mod reading;
mod versions;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hashbrown::DefaultHashBuilder;
use parking_lot::Mutex;

use locked::Locked;
use versions::Versions;

pub use agents::{Agents, ArchiveRequest, Begun, Compacted, Compaction, WantedCompaction, refuse_agents};
pub(crate) use backup::Target;
pub use backup::{Backup, Copied};
pub use checkpoint::Checkpoint;
pub use checkpoint::archive::load_segment;
pub use checkpoint::prune::Prune;
pub use closing::{MissingLog, forget_deleted, missing_logs};
pub use following::followed::{Followed, Skipped};
pub use following::look::Look;
pub use following::seen::Seen;
pub use following::telling::Telling;
pub(crate) use open::parse_manifest;
pub use open::{Opened, Report};
pub use reading::ahead::{Next, Pieces};
pub use reading::find::{Find, Found, Step};
pub use reading::past::{Earlier, Past, Present, When, is_later};
pub use reading::piece::Piece;
pub use reading::read::{Counts, Place};
pub use reading::sorted::Sorted;
pub use reading::unique::Duplicate;
pub use reading::walk::{Range, Walk};
pub use writing::change::{Changed, Rejected};
pub use writing::durable::Durability;
pub use writing::savepoint::Savepoint;

use crate::disk::Disk;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::gate::Gate;
use crate::lock::HeldLock;
use crate::patience::Patience;
use crate::progress::Progress;
use crate::rules::checkpoints::{Threshold, pays};
use crate::snapshot::Indexing;
use crate::sync::Rounds;
use crate::{layout, patience};

/// How a store is opened. Argument checks are the facade's.
///
/// One struct: its fields are options of `open()`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Nothing is written, no lock is taken.
    pub read_only: bool,
    /// Records and operations are not read; the store can only be written to.
    pub skip_load: bool,
    /// The schema version that records are brought to.
    pub version: u32,
    /// Whether the program gave that version; without, it takes records as they are.
    pub version_given: bool,
    /// Operations after which a checkpoint is due.
    pub checkpoint_threshold: f64,
    /// Opening refuses a log with a malformed line, which is skipped otherwise.
    pub strict: bool,
    /// Whether the threshold was left to its default: then a checkpoint also waits until it pays.
    pub amortised: bool,
    /// The size in bytes from which on a snapshot has an index file.
    pub index_from_bytes: u64,
    /// Appends are buffered until [`Store::flush`].
    pub buffered: bool,
    /// When what was written is synced.
    pub durability: Durability,
    /// The agent that writes, where many may.
    pub agent: Option<String>,
    /// The time in milliseconds since the epoch.
    pub now_ms: i64,
    /// How far opening, a checkpoint or an archive has come.
    pub progress: Arc<Progress>,
}

/// An open store.
///
/// One struct: what threads share without the lock of the state, each part behind a lock of its own or never changed.
pub struct Store {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    options: Options,
    /// The lock of a folder of agents.
    gate: Option<Gate>,
    hasher: DefaultHashBuilder,
    /// That lock, while a transaction keeps it alone.
    alone: Mutex<Option<agents::Alone>>,
    /// One looks at a time at what others wrote.
    looking: Mutex<()>,
    rounds: Arc<Rounds>,
    /// One syncs the logs at a time: of two at once, only one would hear of a failure.
    syncing: Mutex<()>,
    state: Mutex<State>,
    /// The declared indexes.
    fields: Mutex<reading::fields::Fields>,
    /// Whether one of them was declared to be unique. NOTE: each change asks, and most stores have none.
    has_unique: AtomicBool,
}

/// What the lock protects.
///
/// One struct: one lock protects it. Most fields are owners in files of their own; the others are read by all of them.
struct State {
    engine: Engine,
    logs: writing::logs::Logs,
    unwritten: writing::unwritten::Unwritten,
    checkpoints: checkpoint::checkpoints::Checkpoints,
    following: following::standing::Following,
    /// The other logs, in a folder of agents.
    agents: Option<Agents>,
    manifest: Manifest,
    versions: Versions,
    lock: Option<HeldLock>,
    failed: Option<String>,
    /// There are no files: see `detached`.
    detached: bool,
    /// The thread that has the store.
    home: home::Home,
}

/// From this size on, a snapshot is not rewritten before the WAL has a quarter of its bytes.
const SMALL_SNAPSHOT: u64 = 1 << 20;
/// What agents log at least before one of them compacts by itself: all others wait for the two steps of it.
const AGENTS_LOG_AT_LEAST: u64 = 256 << 10;

impl Store {
    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Names of what the file system was found to lack by now.
    pub fn lacks(&self) -> Vec<&'static str> {
        self.disk.lacks()
    }

    /// The manifest as it was last read or published.
    pub fn manifest(&self) -> Manifest {
        self.lock().manifest.clone()
    }

    /// Gives lock and files up. Buffered operations are not flushed: that is [`Store::flush`].
    ///
    /// # Errors
    /// `OPSLOG_IO`; the lock is given up all the same.
    pub fn close(&self) -> Result<()> {
        self.rounds.stop();
        self.rounds.finish();
        let in_force = self.log_in_force();
        let mut state = self.lock();
        let is_writer = state.lock.is_some() || self.gate.is_some();
        let settled = if is_writer { state.settle_log(self, in_force.is_some()) } else { Ok(()) };
        drop(in_force);
        if is_writer && state.failed.is_none() {
            closing::note(&*self.disk, &self.root, self.options.agent.as_deref(), state.logs.wal.relative());
        }
        drop(state);
        let settled = settled.and_then(|()| self.append_swallowed_at_close());
        let settled = settled.and_then(|()| self.index_log());
        let settled = settled.and(if is_writer { self.sync_at_close() } else { Ok(()) });
        let mut state = self.lock();
        let lock = state.lock.take();
        if !state.checkpoints.upkeep.is_checkpoint() {
            // A caller that still has the store reads nothing and must not write without the lock.
            let manifest = state.manifest.clone();
            let failed = Some("it was closed".to_owned());
            let closed = State { manifest, failed, ..State::unloaded() };
            let files = std::mem::replace(&mut *state, closed);
            let indexes = std::mem::take(&mut *self.fields.lock());
            drop(state);
            drop((files, indexes));
        } else {
            drop(state);
        }
        self.end_alone();
        if let Some(gate) = &self.gate {
            gate.close();
        }
        let released = lock.map_or(Ok(()), HeldLock::release);
        settled.and(released)
    }

    /// Appends what is buffered because the process, or the thread that has the store, ends: best effort, and
    /// only while the lock is ours.
    pub fn flush_at_exit(&self) {
        let mut state = self.lock();
        let is_writer = state.lock.is_some();
        // NOTE: also among agents: work on another thread may wait for the end of a batch, and the thread that ends for it.
        if state.unwritten.has_batch_of_user() {
            // The user's function did not come to its end.
            state.engine.rollback();
        }
        state.engine.commit();
        state.unwritten.end_batch();
        drop(state);
        if is_writer {
            let _ = self.flush();
        }
    }

    fn lock(&self) -> Locked<'_> {
        Locked::new(&self.state)
    }

    /// The lock, for what adds to the drafts or writes them.
    fn lock_drafting(&self) -> Locked<'_> {
        Locked::drafting(&self.state)
    }

    /// The lock, once no batch is being put together: a batch has no clock to speak of yet. Never on the thread that
    /// runs JS, which may end in the middle of one: Node waits for this thread before it calls what would end the batch.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` when nothing was added to a batch for long.
    fn lock_without_batch(&self) -> Result<Locked<'_>> {
        let mut state = self.lock();
        let (mut patience, mut added) = (Patience::new(1), 0);
        while state.unwritten.has_batch() {
            let now = state.engine.operations().len();
            if now != added {
                (patience, added) = (Patience::new(1), now);
            }
            if !state.unlocked(|| patience.pause()) {
                return Err(Error::BatchOpen { seconds: patience::SECONDS });
            }
        }
        Ok(state)
    }

    /// How the index file of a snapshot is treated. A reader writes none.
    fn indexing(&self, snapshot: &str) -> Indexing {
        Indexing {
            path: layout::index(&self.root, snapshot),
            from_bytes: self.options.index_from_bytes,
            write: !self.options.read_only,
            progress: Arc::clone(&self.options.progress),
        }
    }

    /// The lock, once the whole log was replayed.
    fn lock_replayed(&self) -> Result<Locked<'_>> {
        loop {
            self.replay_head()?;
            let state = self.lock();
            if state.engine.head().is_none() {
                return Ok(state);
            }
        }
    }

    fn path(&self, relative: &str) -> PathBuf {
        layout::at(&self.root, relative)
    }
}

impl State {
    fn writable(&self) -> Result<()> {
        self.refuse_newer()?;
        match &self.failed {
            Some(why) => Err(Error::Failed(why.clone())),
            // NOTE: with a clock that is another operation's, one of the two would count for a copy.
            None if self.engine.is_clock_spent() => {
                Err(Error::Failed("an operation has the highest clock, and none can follow it".into()))
            }
            None => Ok(()),
        }
    }

    /// Operations that the API shows.
    fn shown(&self) -> usize {
        Self::shown_of(&self.engine, self.unwritten.drafts.len(), self.hidden_operations())
    }

    fn shown_of(engine: &Engine, drafts: usize, hidden: usize) -> usize {
        let head = match engine.head() {
            Some(head) if !engine.is_apart() => head.operations(),
            _ => 0,
        };
        head + (engine.operations().len() + drafts).saturating_sub(hidden)
    }

    /// How many operations belong to a checkpoint that is due but has not begun.
    fn hidden_operations(&self) -> usize {
        match &self.agents {
            // Operations of others may come in before them.
            Some(agents) => agents.hidden(self.engine.operations()),
            None => self.checkpoints.hidden(),
        }
    }

    /// Lets the history shown start anew: what there is now belongs to the next checkpoint, but for what is kept undoable.
    fn hide(&mut self) {
        self.hide_but(self.checkpoints.keep());
    }

    fn hide_but(&mut self, keep: usize) {
        if let Some(agents) = &mut self.agents {
            agents.hide(self.engine.operations().last());
            self.engine.turn_history();
            return;
        }
        if keep > 0 && self.engine.head().is_some() {
            // Which operations are the last is known once the log was replayed.
            return;
        }
        self.checkpoints.departures.hide();
        self.engine.turn_history();
        // Without files, a checkpoint waits for what is on its way, and takes everything along.
        let hidden = match self.detached {
            true => self.engine.operations().len(),
            false if keep > 0 => self.engine.set_apart_but(self.checkpoints.hidden(), keep),
            false => self.engine.set_apart(self.checkpoints.hidden()),
        };
        self.checkpoints.set_hidden(hidden);
    }

    /// Gives the operations back that were hidden.
    fn unhide(&mut self) {
        if let Some(agents) = &mut self.agents {
            agents.hide(None);
            self.engine.turn_history();
            return;
        }
        self.engine.rejoin(self.checkpoints.hidden());
        self.checkpoints.set_hidden(0);
    }

    /// Whether the operations shown have reached the threshold, and a checkpoint pays.
    fn is_due(&self, options: &Options) -> bool {
        !options.skip_load && self.threshold(options).is_reached(self.shown(), || self.pays())
    }

    /// When the program wants a checkpoint.
    fn threshold(&self, options: &Options) -> Threshold {
        Threshold {
            operations: options.checkpoint_threshold,
            keep: self.checkpoints.keep(),
            is_amortised: options.amortised,
        }
    }

    /// Whether the log has grown enough for a rewrite of everything.
    fn pays(&self) -> bool {
        let snapshot = self.checkpoints.snapshot_bytes();
        let own = self.logs.wal.len();
        match &self.agents {
            Some(agents) => {
                let logged = agents.logged(own);
                logged >= AGENTS_LOG_AT_LEAST && pays(logged, snapshot, SMALL_SNAPSHOT)
            }
            None => pays(own, snapshot, SMALL_SNAPSHOT),
        }
    }
}
