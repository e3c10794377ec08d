//! Following another hand's log: a read-only store reads what its writer appended, takes back what the writer
//! undid, and moves on from WAL to WAL across checkpoints. The cost is that of what is new. Each operation
//! is returned once; one that was undone before it was seen, never.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{DiskFile, OpenMode, read_exact_at};
use crate::engine::{Engine, Id, Logged, Text};
use crate::error::{Error, Result};
use crate::format::manifest::{Descent, Manifest};
use crate::format::operation::{Kind, Line, unmarked};
use crate::layout;
use crate::publish::read_if_there;
use crate::store::following::chain::Link;
use crate::store::following::followed::skipped_in;
use crate::store::following::seen::are_all_in;
use crate::store::locked::Locked;
use crate::store::open::{Loaded, Report, load, parse_manifest};
use crate::store::{Followed, State, Store};
use crate::wal::{LineReader, Piece, Standing, Writer, replay_unlocked, unread_from};

/// About how many bytes of a log are read before others may look at the state in between.
const PIECE: usize = 1 << 20;

impl Store {
    /// Reads what other hands wrote since the last look.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`; what was read so far stays applied, [`Store::take_foreign`] has it, and the next
    /// look goes on behind it.
    pub fn follow(&self) -> Result<Followed> {
        self.follow_on(Followed::default())
    }

    /// As [`Store::follow`], when some of it has been done and came upon this.
    ///
    /// # Errors
    /// As for [`Store::follow`].
    pub fn follow_on(&self, followed: Followed) -> Result<Followed> {
        let followed = self.looked(followed)?;
        self.renew_hold();
        Ok(followed)
    }

    fn looked(&self, mut followed: Followed) -> Result<Followed> {
        let _looking = self.looking.lock();
        let state = self.lock();
        if state.agents.is_some() {
            drop(state);
            return self.catch_up();
        }
        drop(state);
        let looked = if self.options.read_only {
            self.look_as_reader(&mut followed)
        } else {
            self.look_for_foreign(self.lock(), &mut followed)
        };
        match looked {
            Ok(()) => {
                self.lock().tell_home(&mut followed);
                Ok(followed)
            }
            Err(error) => {
                self.lock().queue_for_tail(followed);
                Err(error)
            }
        }
    }

    fn look_for_foreign(&self, mut state: Locked<'_>, followed: &mut Followed) -> Result<()> {
        let before = state.following.foreign();
        self.check_former_log(&mut state)?;
        if state.logs.wal.standing(&*self.disk)? == Standing::Grew
            || state.logs.wal.contents().wants_reading()
        {
            self.read_end_anew(&mut state)?;
        }
        state.following.take_foreign(before).into_iter().for_each(|news| followed.append(news));
        state.tell_home(followed);
        Ok(())
    }

    fn look_as_reader(&self, followed: &mut Followed) -> Result<()> {
        let mut text = self.manifest_text()?;
        loop {
            match self.read_on(self.lock(), text.clone(), followed) {
                // Superseded while it was read, if the manifest has changed.
                Err(error) if error.is_missing_file() => {
                    let now = self.manifest_text()?;
                    if now == text {
                        return Err(error);
                    }
                    text = now;
                }
                looked => return looked,
            }
        }
    }

    fn read_on(&self, mut state: Locked<'_>, text: Vec<u8>, followed: &mut Followed) -> Result<()> {
        let next = parse_manifest(&self.root, &text)?;
        if next.active_agent_ops.is_some() {
            return self.turn_to_agents(state, (next, text), followed);
        }
        if self.is_put_back(&mut state, &next)? {
            return self.reload(state, (next, text), followed);
        }
        let mut reload =
            next.active_ops != state.followed_wal().0 && self.move_on(&mut state, &next, followed)?;
        let archived = next.archive_segments != state.manifest.archive_segments
            || next.stats.archived_records != state.manifest.stats.archived_records;
        let reordered = next.departures != state.manifest.departures;
        reload |= archived || reordered || state.changes_version(&next);
        if !reload {
            state.manifest = next.clone();
            state.following.follower.arrive(text.clone());
            self.advance(&mut state, None, followed)?;
            // A deletion that was taken back leaves its record at the end; the files know where it stands.
            reload = followed.undeleted || state.following.follower.is_misplaced();
        }
        if reload { self.reload(state, (next, text), followed) } else { Ok(()) }
    }

    /// Whether the folder is one that was put back, or another one: its manifest did not come from the one that is
    /// known, or another file has the name of the log, and does not have the lines that are known.
    pub(in crate::store) fn is_put_back(&self, state: &mut State, next: &Manifest) -> Result<bool> {
        if next.descent_from(&state.manifest) == Descent::Diverges {
            return Ok(true);
        }
        let is_replaced = state.logs.wal.file().is_some() && state.logs.wal.is_replaced(&*self.disk)?;
        Ok(is_replaced && !self.is_copy(state)?)
    }

    /// Goes over to the file that has the log's name now, if it has all lines that are known: a copy of the folder that
    /// is brought up to date replaces files.
    fn is_copy(&self, state: &mut State) -> Result<bool> {
        let path = state.logs.wal.path().to_path_buf();
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        if !are_all_in(state.following.seen.lines.iter(), &self.hasher, &*file, &path)? {
            return Ok(false);
        }
        let (relative, len) = (state.logs.wal.relative().to_owned(), state.logs.wal.len());
        state.logs.wal = Writer::new(path, relative, Some(file), len);
        Ok(true)
    }

    /// The manifest as it is on the disk now.
    pub(in crate::store) fn manifest_text(&self) -> Result<Vec<u8>> {
        let path = self.path(layout::MANIFEST);
        read_if_there(&*self.disk, &path)?
            .ok_or_else(|| Error::corrupt(&path, None, "Manifest not found during refresh"))
    }

    /// Takes back what the writer undid and reads what it appended, up to an offset. It may do both meanwhile.
    /// A caller that reads records meanwhile waits for a piece of it at most.
    pub(in crate::store) fn advance(
        &self,
        state: &mut Locked<'_>,
        until: Option<u64>,
        followed: &mut Followed,
    ) -> Result<()> {
        loop {
            state.rewind(followed)?;
            let is_reached = until.is_some_and(|until| state.logs.wal.len() >= until);
            let is_done = is_reached || self.read_piece(state, until, followed)?;
            state.tell_home(followed);
            if is_done {
                return Ok(());
            }
            state.bump();
        }
    }

    /// Reads some of what was appended. Returns whether that was all; if what was read before is not what it was
    /// any more, it reads nothing.
    fn read_piece(&self, state: &mut State, until: Option<u64>, followed: &mut Followed) -> Result<bool> {
        let path = state.logs.wal.path().to_path_buf();
        let Some(file) = self.file_of(state)? else { return Ok(true) };
        let from = match state.following.seen.lines.last() {
            Some(last) => unread_from(&*file, &path, last.end(), state.logs.wal.len())?,
            None => state.logs.wal.len(),
        };
        state.keep_showing();
        let State { engine, following, versions, .. } = state;
        let seen = &mut following.seen;
        let still = seen.still_last(&file, &path);
        let piece = replay_unlocked(&*file, &path, from, PIECE, still, |offset, bytes, line| {
            if until.is_some_and(|until| offset >= until) {
                return Ok(ControlFlow::Break(()));
            }
            let applied = take(engine, Text::Held(bytes.into()), line, versions.of_line(line), &path)?;
            seen.push(offset, bytes);
            followed.applied.push(applied);
            Ok(ControlFlow::Continue(()))
        })?;
        let Some(Piece { tail, is_last }) = piece else { return Ok(false) };
        followed.skipped.extend(skipped_in(&path, &tail.skipped));
        state.logs.wal.grown_to(until.map_or(tail.good, |until| tail.good.min(until)));
        state.note_all_written();
        Ok(is_last)
    }

    pub(in crate::store) fn file_of(&self, state: &mut State) -> Result<Option<Arc<dyn DiskFile>>> {
        if let Some(file) = state.logs.wal.file() {
            return Ok(Some(Arc::clone(file)));
        }
        self.open_wal(state)
    }

    fn open_wal(&self, state: &mut State) -> Result<Option<Arc<dyn DiskFile>>> {
        let path = state.logs.wal.path().to_path_buf();
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        let (relative, len) = (state.logs.wal.relative().to_owned(), state.logs.wal.len());
        state.logs.wal = Writer::new(path, relative, Some(Arc::clone(&file)), len);
        Ok(Some(file))
    }

    /// Goes from the WAL of the manifest so far to that of the next one. Returns whether everything must be
    /// loaded anew.
    pub(in crate::store) fn move_on(
        &self,
        state: &mut Locked<'_>,
        next: &Manifest,
        followed: &mut Followed,
    ) -> Result<bool> {
        // NOTE: what was undone must go first: a WAL that became empty by it is left out of the chain, and what
        // is known is compared with what a reload finds.
        state.rewind(followed)?;
        let links = self.links(state, next)?;
        let is_broken = links.is_none();
        let links = links.map_or_else(|| self.links_ahead(state, next), Ok)?;
        self.go_along(state, links, followed)?;
        if is_broken {
            // NOTE: a 0.8.1 leaves no trail, but all that it appended before its checkpoint is in this WAL alone.
            self.advance(state, None, followed)?;
        }
        Ok(is_broken || state.engine.overlaid() > 1000.max(state.engine.count() / 4))
    }

    pub(in crate::store) fn go_along(
        &self,
        state: &mut Locked<'_>,
        links: Vec<Link>,
        followed: &mut Followed,
    ) -> Result<()> {
        for link in links {
            self.advance(state, Some(link.end), followed)?;
            self.enter(state, &link, followed)?;
        }
        Ok(())
    }

    /// Enters the next WAL. Operations behind the link's end went to both: those that are in the new one too
    /// are not returned again, those that are not were undone.
    fn enter(&self, state: &mut State, link: &Link, followed: &mut Followed) -> Result<()> {
        let path = layout::inside(&self.root, layout::OPS, &link.relative)?;
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        state.keep_showing();
        let operations = state.engine.operations();
        let late_from = state.following.seen.lines.partition_point(|line| line.offset < link.end);
        let mut matched = Vec::new();
        let mut len = 0;
        if let Some(file) = &file {
            let mut reader = LineReader::new(&**file, 0);
            for operation in operations.get(late_from..).unwrap_or_default() {
                let raw = reader.next_line().map_err(|source| Error::io("read", &path, source))?;
                let Some(raw) = raw.filter(|raw| raw.complete) else { break };
                let old = operation.line.read().map_err(|source| Error::io("read", &path, source))?;
                if unmarked(raw.bytes) != unmarked(&old) {
                    break;
                }
                matched.push((raw.offset, raw.bytes.to_vec()));
                len = raw.offset + raw.bytes.len() as u64 + 1;
            }
        }
        for _ in late_from + matched.len()..state.engine.operations().len() {
            state.take_back_last(&path, followed)?;
        }
        let told_late = state.following.seen.told_lines().saturating_sub(late_from);
        state.leave_log(late_from, link.end);
        state.engine.forget_operations(late_from);
        state.following.seen.set_told(matched.get(told_late).map_or(len, |(offset, _)| *offset));
        for (operation, (offset, bytes)) in state.engine.operations_mut().iter_mut().zip(&matched) {
            operation.line = Text::Held(bytes.as_slice().into());
            state.following.seen.push(*offset, bytes);
        }
        state.note_all_written();
        state.note_entered(link);
        state.logs.wal = Writer::new(path, link.relative.clone(), file, len);
        state.take_log_version();
        Ok(())
    }

    /// Loads everything anew; reads go on meanwhile over what there was.
    fn reload(
        &self,
        mut state: Locked<'_>,
        (manifest, text): (Manifest, Vec<u8>),
        followed: &mut Followed,
    ) -> Result<()> {
        let mut report = Report::default();
        let loaded: Loaded = state.unlocked(|| load(self, &manifest, &mut report))?;
        let is_put_back = manifest.descent_from(&state.manifest) == Descent::Diverges;
        let since = layout::milliseconds(state.logs.wal.relative()).unwrap_or(u64::MAX);
        let passed =
            if is_put_back { Vec::new() } else { self.passed_since(since, &state.manifest, &manifest)? };
        state.leave_whole_log();
        state.following.tail_queue.extend(passed);
        if is_put_back {
            state.following.tail_queue.put_back(&[&manifest.active_ops]);
        }
        state.go_over_to_loaded(self, loaded, is_put_back)?;
        // NOTE: not before the load has succeeded, or the next look would stay with the old log.
        state.manifest = manifest;
        state.following.follower.read(text);
        state.take_log_version();
        followed.reloaded = true;
        state.tell_home(followed);
        if self.options.skip_load { self.advance(&mut state, None, followed) } else { Ok(()) }
    }
}

impl State {
    /// Keeps what a look came upon that then failed: it is in memory, and the code that shows it must hear of it.
    pub(in crate::store) fn queue_for_tail(&mut self, followed: Followed) {
        if followed.undeleted {
            self.following.follower.misplace();
        }
        if !followed.is_empty() {
            self.following.came_upon(followed);
        }
    }

    /// Takes back the operations at the end whose lines are no longer what they were.
    pub(in crate::store) fn rewind(&mut self, followed: &mut Followed) -> Result<()> {
        let path = self.logs.wal.path().to_path_buf();
        let mut rewound = false;
        while let Some(last) = self.following.seen.lines.last() {
            let now = self.logs.wal.file().map(|file| read_exact_at(&**file, last.offset, last.len as usize));
            match now {
                Some(Ok(line)) if self.following.seen.last_is(&line) => break,
                Some(Err(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                    return Err(Error::io("read", &path, error));
                }
                _ => {
                    self.take_back_last(&path, followed)?;
                    rewound = true;
                }
            }
        }
        if rewound {
            self.logs.wal.grown_to(self.following.seen.end());
        }
        Ok(())
    }

    /// Whether a deletion is among the operations at the end whose lines are no longer what they were.
    pub(super) fn would_undelete(&self, store: &Store) -> Result<bool> {
        let Some(file) = self.logs.wal.file() else { return Ok(false) };
        for (line, operation) in
            self.following.seen.lines.iter().rev().zip(self.engine.operations().iter().rev())
        {
            if line.is_in(&store.hasher, &**file, self.logs.wal.path())? {
                break;
            }
            if operation.kind == Kind::Delete {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Leaves a single writer's log behind, of which the first lines count, up to an offset.
    pub(in crate::store) fn leave_log(&mut self, count: usize, end: u64) {
        let relative = self.logs.wal.relative().to_owned();
        let told = self.following.seen.told_lines();
        if let Some(first) = self.following.seen.lines.get(told..count).and_then(<[_]>::first) {
            self.following.tail_queue.push(&relative, first.offset..end, false);
        }
        // What was told of the lines behind stands in the next log, and here too, should this one come back.
        self.following.seen.lines.truncate(count.max(told));
        self.following.tail_queue.leave(&relative, self.following.seen.take());
    }

    pub(in crate::store) fn leave_whole_log(&mut self) {
        let (count, end) = (self.following.seen.lines.len(), self.following.seen.end());
        self.leave_log(count, end);
    }

    /// Puts what was loaded in the place of what is in memory.
    pub(in crate::store) fn go_over_to_loaded(
        &mut self,
        store: &Store,
        mut loaded: Loaded,
        is_put_back: bool,
    ) -> Result<()> {
        self.keep_showing();
        if let Some(file) = loaded.wal.file() {
            let (relative, path) = (loaded.wal.relative(), loaded.wal.path());
            let told = self.following.tail_queue.told_in(relative, &store.hasher, &**file, path)?;
            loaded.seen.set_told(told);
        }
        self.logs.wal = loaded.wal;
        self.following.seen = loaded.seen;
        self.versions = loaded.versions;
        if store.options.skip_load && !is_put_back {
            // What is known goes on showing: nothing else could be loaded in its place.
            let count = self.engine.operations().len();
            self.engine.forget_operations(count);
        } else {
            self.engine = loaded.engine;
        }
        self.note_all_written();
        self.following.follower.reloaded();
        self.checkpoints.set_snapshot_bytes(loaded.snapshot_bytes);
        Ok(())
    }

    fn take_back_last(&mut self, path: &Path, followed: &mut Followed) -> Result<()> {
        self.keep_showing();
        let undone = self.engine.undo_last().map_err(|source| Error::io("read", path, source))?;
        self.following.seen.pop();
        self.note_all_written();
        if let Some(operation) = undone {
            followed.undeleted |= operation.kind == Kind::Delete;
            followed.changed.push(operation.id);
        }
        followed.undone += 1;
        Ok(())
    }
}

/// Takes an operation of a single writer in.
fn take(engine: &mut Engine, text: Text, line: &Line<'_>, version: u32, path: &Path) -> Result<(Id, Kind)> {
    let before = engine.get(&line.id).map_err(|source| Error::io("read", path, source))?;
    let data = line.data.clone().map(|range| text.slice(range));
    let id: Id = (&*line.id).into();
    let applied = (Arc::clone(&id), line.kind);
    engine.apply(Logged { id, data, line: text, batch: line.batch, origin: None, version }, before);
    Ok(applied)
}
