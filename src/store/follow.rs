//! Following another hand's log: a read-only store reads what its writer appended, takes back what the writer
//! undid, and moves on from WAL to WAL across checkpoints. The cost is that of what is new. Each operation
//! is returned once; one that was undone before it was seen, never.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::chain::Link;
use super::locked::Locked;
use super::open::{Loaded, Report, load, parse_manifest};
use super::seen::SeenLine;
use super::{Followed, State, Store};
use crate::disk::{DiskFile, OpenMode, read_exact_at};
use crate::engine::{Engine, Id, Logged, Text};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::{Kind, Line, parse_line, unmarked};
use crate::layout;
use crate::publish::read_if_there;
use crate::wal::{LineReader, Piece, Standing, Writer, replay_unlocked};

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
    pub fn follow_on(&self, mut followed: Followed) -> Result<Followed> {
        let _looking = self.looking.lock();
        let state = self.lock();
        if state.agents.is_some() {
            drop(state);
            return self.catch_up();
        }
        let looked = if self.options.read_only {
            self.read_on(state, &mut followed)
        } else {
            self.look_for_foreign(state, &mut followed)
        };
        match looked {
            Ok(()) => Ok(followed),
            Err(error) => {
                self.lock().keep_untold(followed);
                Err(error)
            }
        }
    }

    fn look_for_foreign(&self, mut state: Locked<'_>, followed: &mut Followed) -> Result<()> {
        let before = state.foreign.len();
        self.check_former_log(&mut state)?;
        if state.wal.standing(&*self.disk)? == Standing::Grew || state.wal.wants_reading() {
            self.read_end_anew(&mut state)?;
        }
        state.foreign.drain(before..).for_each(|news| followed.append(news));
        Ok(())
    }

    fn read_on(&self, mut state: Locked<'_>, followed: &mut Followed) -> Result<()> {
        let text = self.manifest_text()?;
        let next = parse_manifest(&self.root, &text)?;
        let mut reload =
            next.active_ops != state.followed_wal().0 && self.move_on(&mut state, &next, followed)?;
        let archived = next.archive_segments != state.manifest.archive_segments
            || next.stats.archived_records != state.manifest.stats.archived_records;
        let reordered = next.departures != state.manifest.departures;
        reload |= archived || reordered;
        if !reload {
            state.manifest = next.clone();
            state.manifest_text.clone_from(&text);
            state.entered = None;
            self.reopen_if_replaced(&mut state)?;
            self.advance(&mut state, None, followed)?;
            // A deletion that was taken back leaves its record at the end; the files know where it stands.
            reload = followed.undeleted || state.misplaced;
        }
        if reload { self.reload(state, (next, text), followed) } else { Ok(()) }
    }

    /// The manifest as it is on the disk now.
    pub(super) fn manifest_text(&self) -> Result<Vec<u8>> {
        let path = self.path(layout::MANIFEST);
        read_if_there(&*self.disk, &path)?
            .ok_or_else(|| Error::corrupt(&path, None, "Manifest not found during refresh"))
    }

    /// What other hands wrote that a write of ours came upon, for the facade's cache.
    pub fn take_foreign(&self) -> Vec<Followed> {
        std::mem::take(&mut self.lock().foreign)
    }

    /// Takes back what the writer undid and reads what it appended, up to an offset. It may do both meanwhile.
    /// Whoever reads records meanwhile waits for a piece of it at most.
    pub(super) fn advance(
        &self,
        state: &mut Locked<'_>,
        until: Option<u64>,
        followed: &mut Followed,
    ) -> Result<()> {
        loop {
            state.rewind(followed)?;
            let is_reached = until.is_some_and(|until| state.wal.len() >= until);
            if is_reached || self.read_piece(state, until, followed)? {
                return Ok(());
            }
            state.bump();
        }
    }

    /// Reads some of what was appended. Returns whether that was all; if what was read before is not what it was
    /// any more, it reads nothing.
    fn read_piece(&self, state: &mut State, until: Option<u64>, followed: &mut Followed) -> Result<bool> {
        let path = state.wal.path().to_path_buf();
        let Some(file) = self.file_of(state)? else { return Ok(true) };
        let from = state.wal.len();
        let State { engine, seen, versions, .. } = state;
        let still = seen.still_last(&file, &path);
        let piece = replay_unlocked(&*file, &path, from, PIECE, still, |offset, bytes, line| {
            if until.is_some_and(|until| offset >= until) {
                return Ok(ControlFlow::Break(()));
            }
            take(engine, Text::Held(bytes.into()), line, versions.of_line(line), &path)?;
            seen.push(offset, bytes);
            followed.add(bytes, line);
            Ok(ControlFlow::Continue(()))
        })?;
        let Some(Piece { tail, is_last }) = piece else { return Ok(false) };
        followed.skipped.extend(&tail.skipped);
        state.wal.grown_to(until.map_or(tail.good, |until| tail.good.min(until)));
        state.buffered = state.engine.operations().len();
        Ok(is_last)
    }

    pub(super) fn file_of(&self, state: &mut State) -> Result<Option<Arc<dyn DiskFile>>> {
        if let Some(file) = state.wal.file() {
            return Ok(Some(Arc::clone(file)));
        }
        self.open_wal(state)
    }

    fn open_wal(&self, state: &mut State) -> Result<Option<Arc<dyn DiskFile>>> {
        let path = state.wal.path().to_path_buf();
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        let (relative, len) = (state.wal.relative().to_owned(), state.wal.len());
        state.wal = Writer::new(path, relative, Some(Arc::clone(&file)), len);
        Ok(Some(file))
    }

    fn reopen_if_replaced(&self, state: &mut State) -> Result<()> {
        if state.wal.file().is_some() && state.wal.look(&*self.disk)?.0 == Standing::Replaced {
            self.open_wal(state)?;
        }
        Ok(())
    }

    /// Goes from the WAL of the manifest so far to that of the next one. Returns whether everything must be
    /// loaded anew.
    fn move_on(&self, state: &mut Locked<'_>, next: &Manifest, followed: &mut Followed) -> Result<bool> {
        // NOTE: what was undone must go first: a WAL that became empty by it is left out of the chain, and what
        // is known is compared with what a reload finds.
        state.rewind(followed)?;
        let Some(links) = self.links(state, next)? else {
            // NOTE: a 0.8.1 leaves no trail, but all that it appended before its checkpoint is in this WAL alone.
            if next.generation == 0 {
                self.advance(state, None, followed)?;
            }
            return Ok(true);
        };
        for link in links {
            self.advance(state, Some(link.end), followed)?;
            self.enter(state, &link, followed)?;
        }
        Ok(state.engine.overlaid() > 1000.max(state.engine.count() / 4))
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
        let operations = state.engine.operations();
        let late_from = state.seen.lines.partition_point(|line| line.offset < link.end);
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
        state.engine.forget_operations(late_from);
        state.seen.lines.clear();
        for (operation, (offset, bytes)) in state.engine.operations_mut().iter_mut().zip(&matched) {
            operation.line = Text::Held(bytes.as_slice().into());
            state.seen.push(*offset, bytes);
        }
        state.buffered = state.engine.operations().len();
        state.note_entered(link);
        state.wal = Writer::new(path, link.relative.clone(), file, len);
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
        let mut known = state.engine.operations().iter();
        let mut is_known = true;
        for operation in loaded.engine.operations() {
            let line = operation.line.read().map_err(|source| self.read_failed(source))?;
            // NOTE: a log that was cut since cannot be read where the operation was; then it is another one.
            let before = known.next().and_then(|known| known.line.read().ok());
            is_known = is_known && before.is_some_and(|before| unmarked(&before) == unmarked(&line));
            if let (false, Ok(parsed)) = (is_known, parse_line(&line)) {
                followed.add(&line, &parsed);
            }
        }
        state.buffered = loaded.engine.operations().len();
        // NOTE: not before the load has succeeded, or the next look would stay with the old log.
        state.manifest = manifest;
        state.manifest_text = text;
        state.entered = None;
        state.misplaced = false;
        state.engine = loaded.engine;
        state.wal = loaded.wal;
        state.seen = loaded.seen;
        state.versions = loaded.versions;
        state.take_log_version();
        state.snapshot_bytes = loaded.snapshot_bytes;
        followed.reloaded = true;
        Ok(())
    }
}

impl State {
    /// Keeps what a look came upon that then failed: it is in memory, and whoever shows it must hear of it.
    pub(super) fn keep_untold(&mut self, followed: Followed) {
        self.misplaced |= followed.undeleted;
        if !followed.is_empty() {
            self.foreign.push(followed);
        }
    }

    /// Takes back the operations at the end whose lines are no longer what they were.
    fn rewind(&mut self, followed: &mut Followed) -> Result<()> {
        let path = self.wal.path().to_path_buf();
        let mut rewound = false;
        while let Some(last) = self.seen.lines.last() {
            let now = self.wal.file().map(|file| read_exact_at(&**file, last.offset, last.len));
            match now {
                Some(Ok(line)) if self.seen.last_is(&line) => break,
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
            self.wal.grown_to(self.seen.lines.last().map_or(0, SeenLine::end));
        }
        Ok(())
    }

    fn take_back_last(&mut self, path: &Path, followed: &mut Followed) -> Result<()> {
        let undone = self.engine.undo_last().map_err(|source| Error::io("read", path, source))?;
        self.seen.lines.pop();
        self.buffered = self.engine.operations().len();
        if let Some(operation) = undone {
            followed.undeleted |= operation.kind == Kind::Delete;
            followed.changed.push(operation.id);
        }
        followed.undone += 1;
        Ok(())
    }
}

/// Takes an operation of a single writer in.
fn take(engine: &mut Engine, text: Text, line: &Line<'_>, version: u32, path: &Path) -> Result<()> {
    let before = engine.get(&line.id).map_err(|source| Error::io("read", path, source))?;
    let data = line.data.clone().map(|range| text.slice(range));
    let id: Id = (&*line.id).into();
    engine.apply(Logged { id, data, line: text, batch: line.batch, origin: None, version }, before);
    Ok(())
}
