//! The index of a long log, so that opening need not replay it: written when the store is closed, or was opened
//! without one; used for lookups alone. A caller that needs more than that replays the log first.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashSet;

use crate::disk::DiskFile;
use crate::engine::index::Hash;
use crate::engine::log_head::LogHead;
use crate::engine::{Engine, Text};
use crate::error::{Error, Result};
use crate::format::index::{Kind, Slot};
use crate::format::manifest::Manifest;
use crate::format::operation::{BatchMark, parse_line};
use crate::index::{self, Contents};
use crate::layout;
use crate::store::open::{Replayed, label};
use crate::store::{Rejected, State, Store};
use crate::wal::{Tail, doubt};

/// An index that speaks of all but this part of a log is good enough.
const UNINDEXED_PART: u64 = 16;

impl Store {
    /// Takes in what a log says: of its head by the index, if there is one that fits, the rest by replaying it.
    pub(in crate::store) fn replay_behind_head(
        &self,
        engine: &mut Engine,
        manifest: &Manifest,
        file: &Arc<dyn DiskFile>,
        path: &Path,
    ) -> Result<Tail> {
        let progress = &*self.options.progress;
        let version = label(engine, manifest);
        let log = Replayed { file, path, version };
        let len = file.info().map_err(|source| Error::io("fstat", path, source))?.len;
        // An index tells nothing of lines that were skipped, and values that are to be migrated are all looked at.
        let is_current = version >= self.options.version;
        let found = if len >= self.options.index_from_bytes && !self.options.strict && is_current {
            let kind = (Kind::Log, index::context(&manifest.current_snapshot));
            let path = layout::index(&self.root, &manifest.active_ops);
            // NOTE: where another index is due, all is replayed for it, and should that show that this one is wrong,
            // no caller may have relied on it.
            index::open(&*self.disk, &path, kind, &**file, len)
                .filter(|(paged, _)| !self.is_long_without_index(len, paged.log().0))
        } else {
            None
        };
        let Some((paged, first_line)) = found else {
            return log.replay_into(engine, None, 0..u64::MAX, progress);
        };
        let head = LogHead::new(Arc::clone(file), path, paged);
        let (from, cuts) = (head.end(), head.cuts());
        engine.set_head(Arc::new(head));
        let mut tail = log.replay_into(engine, None, from..u64::MAX, progress)?;
        tail.cuts = tail.cuts.max(cuts);
        tail.after = parse_line(&first_line).ok().and_then(|line| line.after.map(Cow::into_owned));
        Ok(tail)
    }

    /// Replays the log's head, if that was not done, without holding the lock meanwhile. Costs about as much as opening
    /// without an index.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn replay_head(&self) -> Result<()> {
        let (head, mut engine, path, version) = {
            let state = self.lock();
            let Some(head) = state.engine.head() else { return Ok(()) };
            let mut engine = Engine::over(state.engine.base(), None);
            engine.set_schema(state.engine.schema().clone());
            let version = label(&state.engine, &state.manifest);
            (Arc::clone(head), engine, state.logs.wal.path().to_path_buf(), version)
        };
        let log = Replayed { file: head.file(), path: &path, version };
        log.replay_into(&mut engine, None, 0..head.end(), &self.options.progress)?;
        if engine.operations().len() != head.operations() || engine.count() != head.records() {
            self.forget_log_index(&mut self.lock());
            let detail = "the log is not what its index was made from; open the store again";
            return Err(Error::corrupt(&path, None, detail));
        }
        let mut state = self.lock();
        if state.engine.head().is_some_and(|now| Arc::ptr_eq(now, &head)) {
            state.take_head(engine);
        }
        Ok(())
    }

    /// Whether the log's head is still to be replayed.
    pub fn has_head(&self) -> bool {
        self.lock().engine.head().is_some()
    }

    /// Writes an index of the log if it has grown long without one, and makes the log durable for it. The index itself is
    /// best effort: the log says it all.
    ///
    /// # Errors
    /// `OPSLOG_IO` when the log cannot be synced or replayed; nothing is written to it any more then.
    pub(in crate::store) fn index_log(&self) -> Result<()> {
        if !self.lock().is_index_due(self) {
            return Ok(());
        }
        let mut state = self.lock_replayed()?;
        self.check_length(&mut state).map_err(Rejected::into_error)?;
        let Some((file, path, contents, hash, slots)) = state.log_index(self) else { return Ok(()) };
        // NOTE: an index must not outlive what it speaks of: a lookup would find a hole, and no caller would be told.
        // No other thread has the store yet, or any more.
        state.logs.wal.sync().inspect_err(|_| doubt::note(&*self.disk, state.logs.wal.path()))?;
        drop(state);
        if index::write(&*self.disk, &path, &*file, contents, hash, &slots).is_ok() {
            self.lock().logs.indexed.set_end(contents.len);
        }
        Ok(())
    }

    /// Whether a log has grown so long behind what an index speaks of that it should have another.
    fn is_long_without_index(&self, len: u64, indexed: u64) -> bool {
        len > indexed && len - indexed >= self.options.index_from_bytes.max(indexed / UNINDEXED_PART)
    }

    /// Removes the index of a log that is about to be cut before its end.
    pub(in crate::store) fn forget_log_index(&self, state: &mut State) {
        if state.logs.indexed.end() > 0 {
            state.logs.indexed.set_end(0);
            let _ = self.disk.unlink(&layout::index(&self.root, state.logs.wal.relative()));
        }
    }
}

type LogIndex = (Arc<dyn DiskFile>, std::path::PathBuf, Contents, Hash, Vec<Slot>);

impl State {
    /// Puts the replayed head of the log in its place.
    fn take_head(&mut self, replayed: Engine) {
        let is_apart = self.engine.is_apart();
        let count = self.engine.replace_head(replayed, self.checkpoints.hidden());
        self.came_before(count, is_apart);
    }

    fn is_index_due(&self, store: &Store) -> bool {
        let is_steady = !self.unwritten.has_batch()
            && self.failed.is_none()
            && !self.checkpoints.upkeep.is_checkpoint()
            && !self.holds_buffered();
        let is_single_writer = self.lock.is_some() && self.agents.is_none() && !store.options.skip_load;
        is_steady
            && is_single_writer
            && self.logs.indexed.is_plain()
            && store.is_long_without_index(self.logs.wal.len(), self.logs.indexed.end())
    }

    /// Where the last operation on each record is.
    fn log_index(&self, store: &Store) -> Option<LogIndex> {
        let file = self.logs.wal.file()?;
        let hash = Hash::random();
        let mut slots = Vec::new();
        let mut known = HashSet::new();
        for operation in self.engine.operations().iter().rev() {
            // An unfinished end must be settled before a caller may rely on the log's head.
            if operation.batch == Some(BatchMark::More) {
                return None;
            }
            let Text::At { file: log, offset, len, .. } = &operation.line else { return None };
            if !Arc::ptr_eq(log, file) {
                return None;
            }
            if known.insert(&operation.id) {
                slots.push(Slot { offset: *offset, len: *len, tag: hash.tag(&operation.id) });
            }
        }
        let contents = Contents {
            kind: Kind::Log,
            len: self.logs.wal.len(),
            records: self.engine.count() as u64,
            operations: self.engine.operations().len() as u64,
            cuts: self.logs.wal.cuts(),
            context: index::context(&self.manifest.current_snapshot),
        };
        let path = layout::index(&store.root, self.logs.wal.relative());
        (!slots.is_empty()).then(|| (Arc::clone(file), path, contents, hash, slots))
    }
}
