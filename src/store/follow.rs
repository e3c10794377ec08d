//! Following another hand's log: a read-only store reads what its writer appended, takes back what the writer
//! undid, and moves on from WAL to WAL across checkpoints. The cost is that of what is new. Each operation
//! is returned once; one that was undone before it was seen, never.

use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use super::open::{Loaded, Report, load, read_manifest};
use super::{State, Store};
use crate::disk::{DiskFile, OpenMode, read_exact_at};
use crate::engine::{Id, Rank, Text};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::{Kind, Line, parse_line, public_text_into, unmarked, without_marker};
use crate::layout;
use crate::wal::{LineReader, Standing, Tail, Writer, repair, replay, replay_unlocked};

/// What became visible.
#[derive(Debug, Default)]
pub struct Followed {
    /// The operations, as a list of JSON texts separated by commas.
    pub operations: Vec<u8>,
    /// Records that changed, in order; those of undone operations too.
    pub changed: Vec<Id>,
    /// How many operations were taken back.
    pub undone: usize,
    /// Which, where agents write.
    pub removed: Vec<Rank>,
    /// Whether a deletion was among them.
    undeleted: bool,
    /// Records changed that no operation tells of: look at everything anew.
    pub reloaded: bool,
    /// Whether records may stand elsewhere than where the operations alone would put them.
    pub reordered: bool,
    /// Where malformed lines were skipped.
    pub skipped: Vec<u64>,
}

/// For a store that follows: where the line of each operation stands, and its hash, to see whether the writer
/// has cut and written anew. As he may do so at any time, the lines themselves are held in memory.
#[derive(Default)]
pub struct Seen {
    lines: Vec<SeenLine>,
    hasher: DefaultHashBuilder,
}

struct SeenLine {
    offset: u64,
    len: usize,
    hash: u64,
}

impl SeenLine {
    fn end(&self) -> u64 {
        self.offset + self.len as u64 + 1
    }
}

impl Seen {
    pub(super) fn push(&mut self, offset: u64, line: &[u8]) {
        self.lines.push(SeenLine { offset, len: line.len(), hash: self.hash(line) });
    }

    fn last_is(&self, line: &[u8]) -> bool {
        self.lines.last().is_some_and(|last| last.hash == self.hash(line))
    }

    /// Tells whether the last line still is in the file where it was.
    fn still_last(&self, file: &Arc<dyn DiskFile>, path: &Path) -> impl Fn() -> Result<bool> + use<> {
        let last = self.lines.last().map(|last| (last.offset, last.len, last.hash));
        let (hasher, file, path) = (self.hasher.clone(), Arc::clone(file), path.to_path_buf());
        move || {
            let Some((offset, len, hash)) = last else { return Ok(true) };
            match read_exact_at(&*file, offset, len) {
                Ok(line) => Ok(hasher.hash_one(without_marker(&line)) == hash),
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
                Err(source) => Err(Error::io("read", &path, source)),
            }
        }
    }

    /// Leaves the value of a batch marker out: an undo in the batch overwrites it, and it is the same line.
    fn hash(&self, line: &[u8]) -> u64 {
        self.hasher.hash_one(without_marker(line))
    }
}

/// Where a WAL goes on: the next one, and up to where in this one the snapshot between them reaches.
struct Link {
    relative: String,
    end: u64,
}

/// What a WAL follows.
enum Predecessor {
    /// This log, up to this offset.
    Log(String, u64),
    /// None that had a line in it.
    None,
    /// That cannot be told any more.
    Unknown,
}

fn is_newer(one: &str, other: &str) -> bool {
    layout::milliseconds(one) > layout::milliseconds(other)
}

impl Store {
    /// Reads what other hands wrote since the last look.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`; what was read so far stays applied and will be returned next time only
    /// as state.
    pub fn follow(&self) -> Result<Followed> {
        let mut followed = Followed::default();
        let mut state = self.lock();
        if state.agents.is_some() {
            drop(state);
            return self.catch_up();
        }
        if !self.options.read_only {
            if state.buffered == state.engine.operations().len()
                && state.wal.standing(&*self.disk)? == Standing::Grew
            {
                self.read_on(&mut state, None, &mut followed)?;
            }
            return Ok(followed);
        }
        let next = read_manifest(&*self.disk, &self.root)?.ok_or_else(|| {
            Error::corrupt(&self.path(layout::MANIFEST), None, "Manifest not found during refresh")
        })?;
        let mut reload = false;
        if next.active_ops != state.manifest.active_ops {
            reload = self.move_on(&mut state, &next, &mut followed)?;
        }
        if !reload {
            state.manifest = next.clone();
            self.reopen_if_replaced(&mut state)?;
            self.advance(&mut state, None, &mut followed)?;
            // A deletion that was taken back leaves its record at the end; the files know where it stands.
            reload = followed.undeleted;
        }
        if reload { self.reload(state, next, followed) } else { Ok(followed) }
    }

    /// Applies lines that another hand appended to the writer's own log.
    pub(super) fn read_foreign_lines(&self, state: &mut State) -> Result<()> {
        if state.buffered < state.engine.operations().len() {
            return Err(Error::Failed("another process appended to the log of this store".into()));
        }
        let mut followed = Followed::default();
        self.read_on(state, None, &mut followed)?;
        state.foreign.push(followed);
        Ok(())
    }

    /// What other hands wrote that a write of ours came upon, for the facade's cache.
    pub fn take_foreign(&self) -> Vec<Followed> {
        std::mem::take(&mut self.lock().foreign)
    }

    /// Takes back what the writer undid and reads what it appended, up to an offset. It may do both meanwhile.
    fn advance(&self, state: &mut State, until: Option<u64>, followed: &mut Followed) -> Result<()> {
        loop {
            state.rewind(followed)?;
            if until.is_some_and(|until| state.wal.len() >= until) || self.read_on(state, until, followed)? {
                return Ok(());
            }
        }
    }

    /// Reads what was appended. `false` if what was read before is not what it was any more.
    fn read_on(&self, state: &mut State, until: Option<u64>, followed: &mut Followed) -> Result<bool> {
        let path = state.wal.path().to_path_buf();
        let Some(file) = self.file_of(state)? else { return Ok(true) };
        let from = state.wal.len();
        let first = state.engine.operations().len();
        let State { engine, seen, .. } = state;
        let still = seen.still_last(&file, &path);
        let each = |offset: u64, bytes: &[u8], line: &Line<'_>| {
            if until.is_some_and(|until| offset >= until) {
                return Ok(ControlFlow::Break(()));
            }
            let text = match self.options.read_only {
                true => Text::Held(bytes.into()),
                false => Text::At { file: Arc::clone(&file), offset, len: bytes.len() as u32 },
            };
            let before = engine.get(&line.id).map_err(|source| Error::io("read", &path, source))?;
            let data = line.data.clone().map(|range| text.slice(range));
            let id: Id = (&*line.id).into();
            engine.apply(&id, data, before, text, line.batch, None);
            if self.options.read_only {
                seen.push(offset, bytes);
            }
            followed.add(bytes, line);
            followed.changed.push(id);
            Ok(ControlFlow::Continue(()))
        };
        let tail = match self.options.read_only {
            true => replay_unlocked(&*file, &path, from, still, each)?,
            false => Some(replay(&*file, &path, from, each)?),
        };
        let Some(tail) = tail else { return Ok(false) };
        followed.skipped.extend(&tail.skipped);
        state.wal.grown_to(until.map_or(tail.good, |until| tail.good.min(until)));
        state.buffered = state.engine.operations().len();
        if !self.options.read_only {
            self.take_over_lines(state, first, &*file, &tail)?;
        }
        Ok(true)
    }

    /// Makes lines that another hand appended to our log as good as our own: the last one gets its end, and
    /// during a checkpoint all of them go to the next log too.
    fn take_over_lines(
        &self,
        state: &mut State,
        first: usize,
        file: &dyn DiskFile,
        tail: &Tail,
    ) -> Result<()> {
        let path = state.wal.path().to_path_buf();
        let mut taken = repair(&*self.disk, file, &path, tail).map(|(len, _)| state.wal.grown_to(len));
        if taken.is_ok()
            && let Err(error) = state.carry(self, first)
        {
            match state.mirror.as_ref().is_some_and(|mirror| mirror.publishing) {
                true => taken = Err(error),
                false => state.give_mirror_up(self),
            }
        }
        if let Err(error) = &taken {
            state.failed = Some(format!("what another process logged could not be taken over: {error}"));
        }
        taken
    }

    fn file_of(&self, state: &mut State) -> Result<Option<Arc<dyn DiskFile>>> {
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
        if state.wal.file().is_some() && state.wal.standing(&*self.disk)? == Standing::Replaced {
            self.open_wal(state)?;
        }
        Ok(())
    }

    /// Goes from the WAL of the manifest so far to that of the next one. Returns whether everything must be
    /// loaded anew.
    fn move_on(&self, state: &mut State, next: &Manifest, followed: &mut Followed) -> Result<bool> {
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
        let stale = state.engine.overlaid() > 1000.max(state.engine.count() / 4);
        let archived = next.archive_segments != state.manifest.archive_segments
            || next.stats.archived_records != state.manifest.stats.archived_records;
        let reordered = next.departures != state.manifest.departures;
        Ok(stale || archived || reordered)
    }

    /// The way from the current WAL to that of a manifest, oldest first; `None` if it cannot be told.
    fn links(&self, state: &State, next: &Manifest) -> Result<Option<Vec<Link>>> {
        let current = state.wal.relative();
        // Nothing was logged yet when this WAL began, as far as it is known.
        let is_first = state.manifest.previous_ops.is_none();
        let mut links = Vec::new();
        let mut relative = next.active_ops.clone();
        let mut previous = next.previous_ops.clone().map(|path| (path, next.previous_end));
        while let Some((path, end)) = previous {
            if path == current {
                links.push(Link { relative, end });
                links.reverse();
                return Ok(Some(links));
            }
            // A WAL that was empty when it was superseded leaves no trace in the chain: its successor follows its
            // predecessor. Operations that are known of it went to both.
            if state.manifest.previous_ops.as_deref() == Some(&path) {
                links.push(Link { relative, end: 0 });
                links.reverse();
                return Ok(Some(links));
            }
            links.push(Link { relative, end });
            relative = path;
            match self.predecessor(&relative)? {
                Predecessor::Log(path, end) => previous = Some((path, end)),
                Predecessor::None
                    if is_first
                        && is_newer(&relative, current)
                        && self.starts_alike(current, &relative)? =>
                {
                    links.push(Link { relative, end: 0 });
                    links.reverse();
                    return Ok(Some(links));
                }
                Predecessor::None | Predecessor::Unknown => break,
            }
        }
        Ok(None)
    }

    /// Whether a WAL is empty, or begins with what went to the other one too.
    fn starts_alike(&self, relative: &str, other: &str) -> Result<bool> {
        let Some(first) = self.first_line(relative)? else { return Ok(true) };
        let others = self.first_line(other)?;
        Ok(others.is_some_and(|others| unmarked(&others) == unmarked(&first)))
    }

    /// A WAL's first line; `None` if there is none or no such WAL.
    fn first_line(&self, relative: &str) -> Result<Option<Vec<u8>>> {
        let path = layout::inside(&self.root, layout::OPS, relative)?;
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        let mut reader = LineReader::new(&*file, 0);
        let first = reader.next_line().map_err(|source| Error::io("read", &path, source))?;
        Ok(first.map(|line| line.bytes.to_vec()))
    }

    /// What a WAL's first line says of the one before.
    fn predecessor(&self, relative: &str) -> Result<Predecessor> {
        let first = self.first_line(relative)?;
        let Some(line) = first.as_deref().and_then(|line| parse_line(line).ok()) else {
            return Ok(Predecessor::Unknown);
        };
        let Some(after) = line.after else { return Ok(Predecessor::None) };
        let log = after.rsplit_once(':').and_then(|(path, end)| Some((path.to_owned(), end.parse().ok()?)));
        Ok(log.map_or(Predecessor::Unknown, |(path, end)| Predecessor::Log(path, end)))
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
        state.wal = Writer::new(path, link.relative.clone(), file, len);
        Ok(())
    }

    /// Loads everything anew; reads go on meanwhile over what there was.
    fn reload(
        &self,
        mut state: parking_lot::MutexGuard<'_, State>,
        manifest: Manifest,
        mut followed: Followed,
    ) -> Result<Followed> {
        let mut report = Report::default();
        let loaded: Loaded =
            parking_lot::MutexGuard::unlocked(&mut state, || load(self, &manifest, &mut report))?;
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
        state.engine = loaded.engine;
        state.wal = loaded.wal;
        state.seen = loaded.seen;
        state.snapshot_bytes = loaded.snapshot_bytes;
        followed.reloaded = true;
        Ok(followed)
    }
}

impl State {
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

impl Followed {
    /// Adds what a second look brought.
    pub(super) fn append(&mut self, other: Self) {
        if !self.operations.is_empty() && !other.operations.is_empty() {
            self.operations.push(b',');
        }
        self.operations.extend(other.operations);
        self.changed.extend(other.changed);
        self.undone += other.undone;
        self.removed.extend(other.removed);
        self.undeleted |= other.undeleted;
        self.reloaded |= other.reloaded;
        self.reordered |= other.reordered;
        self.skipped.extend(other.skipped);
    }

    pub(super) fn add(&mut self, bytes: &[u8], line: &Line<'_>) {
        if !self.operations.is_empty() {
            self.operations.push(b',');
        }
        public_text_into(&mut self.operations, bytes, line);
    }
}
