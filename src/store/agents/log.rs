//! One agent's log, as another agent or a reader goes through it: on from where it was left, and back where its
//! agent has undone something.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use super::told::Told;
use crate::disk::{DiskFile, FileInfo, OpenMode};
use crate::engine::{Check, Cut, Operation, Origin, Place, Rank, Text};
use crate::error::{Error, Result};
use crate::format::operation::Line;
use crate::store::Store;
use crate::store::following::followed::{Skipped, skipped_in};
use crate::store::following::seen::{SeenLine, are_all_in, count_in};
use crate::store::following::tail_queue::TailQueue;
use crate::store::following::telling::LiveLog;
use crate::store::known::{ReadLines, StoodLog};
use crate::store::last_lines::Lines;
use crate::wal::{Piece, replay, replay_unlocked, unread_from};

/// About how many bytes of a log are read and compared at once.
const PIECE: usize = 1 << 20;

/// What reading the logs brought.
#[derive(Default)]
pub(super) struct News {
    pub(super) added: Vec<Operation>,
    pub(super) removed: Vec<Cut>,
    pub(super) skipped: Vec<Skipped>,
}

impl News {
    /// Whether it changes no record.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// The highest schema version of what was added; 0 for nothing.
    pub(super) fn newest_version(&self) -> u32 {
        self.added.iter().map(|operation| operation.version).max().unwrap_or(0)
    }
}

/// A WAL that is being read.
#[derive(Clone)]
pub(super) struct Log {
    number: u32,
    relative: String,
    path: PathBuf,
    /// The schema version of lines without a mark.
    version: u32,
    file: Option<Arc<dyn DiskFile>>,
    read: ReadPart,
    told: Told,
}

/// What was read of a log.
#[derive(Clone, Default)]
struct ReadPart {
    /// Up to where it was read; of the agent's own one, up to where it was written.
    end: u64,
    /// The lines, to find out whether the end was cut.
    lines: Lines<Known>,
    /// The lines do not stand in the order of their operations: another hand appended some of them.
    is_mixed: bool,
}

/// A line that was read.
#[derive(Clone)]
pub(in crate::store) struct Known {
    pub(in crate::store) line: SeenLine,
    pub(in crate::store) rank: Rank,
}

impl ReadPart {
    /// Ends behind the last line that is left.
    fn end_at_last_line(&mut self) {
        self.end = self.lines.last().map_or(0, |last| last.line.end());
    }
}

impl Log {
    pub(super) fn new(number: u32, relative: String, path: PathBuf, version: u32, is_own: bool) -> Self {
        let (read, told) = (ReadPart::default(), Told::none(is_own));
        Self { number, relative, path, version, file: None, read, told }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn relative(&self) -> &str {
        &self.relative
    }

    pub(super) fn is(&self, relative: &str) -> bool {
        self.relative == relative
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The schema version of lines without a mark.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    pub(super) fn set_version(&mut self, version: u32) {
        self.version = version;
    }

    /// Up to where it was read; of the agent's own one, up to where it was written.
    pub(super) fn end(&self) -> u64 {
        self.read.end
    }

    /// The agent has written its own log up to here: that needs no reading.
    pub(super) fn set_end(&mut self, end: u64) {
        self.read.end = end;
    }

    /// As [`Log::set_end`]. `is_mixed`: lines do not stand in the order of their operations.
    pub(super) fn grew(&mut self, end: u64, is_mixed: bool) {
        self.read.end = end;
        self.read.is_mixed |= is_mixed;
    }

    /// Whether the lines do not stand in the order of their operations.
    pub(super) fn is_mixed(&self) -> bool {
        self.read.is_mixed
    }

    /// Up to where it was read. Of one that this agent wrote, the lines were not.
    pub(super) fn stood(&self) -> StoodLog {
        let (relative, number) = (self.relative.clone(), Some(self.number));
        if self.told.is_of_own() {
            return StoodLog::written(relative, self.read.end, number);
        }
        let lines = self.read.lines.last_lines();
        StoodLog::read(relative, self.read.end, number, ReadLines::OfAgent(lines))
    }

    /// Reads what is new. Lines of others are held in memory, for their agent may cut them; those of the
    /// agent's own log stay in the `own` file.
    pub(super) fn read_on(
        &mut self,
        store: &Store,
        own: Option<&Arc<dyn DiskFile>>,
        is_held: bool,
        news: &mut News,
    ) -> Result<()> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => match store.disk.open(&self.path, OpenMode::Read) {
                Ok(file) => Arc::clone(self.file.insert(file)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(source) => return Err(Error::io("open", &self.path, source)),
            },
        };
        let hasher = &store.hasher;
        loop {
            self.drop_cut_lines(&*file, hasher, news)?;
            let last = self.read.lines.last().map(|last| last.line);
            if !self.told.is_of_own() {
                let good = last.map_or(0, |last| last.end());
                self.read.end = unread_from(&*file, &self.path, good, self.read.end)?;
                self.told.cut(self.read.end);
            }
            let Self { number, path, version, read: ReadPart { end, lines, is_mixed }, .. } = self;
            // Nearly always one agent's, whose name need not be kept once for each line.
            let mut agent: Arc<[u8]> = Arc::default();
            let each = |offset: u64, bytes: &[u8], line: &Line<'_>| {
                let named = line.agent.as_deref().unwrap_or_default();
                if *named != *agent {
                    agent = named.into();
                }
                let text = match own {
                    Some(file) => Text::at(file, offset, bytes.len()),
                    None => Text::Held(bytes.into()),
                };
                let version = line.version.unwrap_or(*version);
                let operation = operation_of(text, bytes, (*number, version), line, &agent);
                if let Some(rank) = operation.rank() {
                    *is_mixed |= lines.last().is_some_and(|before| before.rank >= *rank);
                    lines.push(Known { line: SeenLine::new(hasher, offset, bytes), rank: rank.clone() });
                }
                news.added.push(operation);
                Ok(ControlFlow::Continue(()))
            };
            // NOTE: agents cut their logs only while they have the folder's lock alone, so an agent that shares it sees
            // none change; a reader has no lock.
            let piece = match store.gate {
                Some(_) if is_held => Some(Piece { tail: replay(&*file, path, *end, each)?, is_last: true }),
                _ => {
                    let still = || last.map_or(Ok(true), |last| last.is_in(hasher, &*file, path));
                    replay_unlocked(&*file, path, *end, PIECE, still, each)?
                }
            };
            if let Some(Piece { tail, is_last }) = piece {
                self.read.end = tail.good;
                news.skipped.extend(skipped_in(&self.path, &tail.skipped));
                if is_last {
                    return Ok(());
                }
            }
        }
    }

    /// How many bytes were appended to it since it was read. `None` where something was undone, or another file is in its place.
    pub(super) fn ahead(&self, store: &Store) -> Result<Option<u64>> {
        let at_path = self.at_path(store)?;
        let Some(file) = &self.file else {
            // One that was never opened has nothing that could have changed; of the own one, which is written, it is not known.
            let is_unread = self.read.end == 0 && !self.told.is_of_own();
            return Ok(at_path.map_or(Some(0), |info| is_unread.then_some(info.len)));
        };
        let held = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        if at_path.is_some_and(|info| info.identity != held.identity) {
            return Ok(None);
        }
        let is_whole = match self.read.lines.last() {
            Some(last) => last.line.is_in(&store.hasher, &**file, &self.path)?,
            None => true,
        };
        Ok(held.len.checked_sub(self.read.end).filter(|_| is_whole))
    }

    /// About how many bytes were appended to it since it was read, by one call of the system: whether they can be read on is not asked.
    pub(super) fn grown(&self, store: &Store) -> u64 {
        let info = match &self.file {
            Some(file) => file.info(),
            None => store.disk.info(&self.path),
        };
        // NOTE: what is wrong with it is met by the next look.
        info.map_or(0, |info| info.len.saturating_sub(self.read.end))
    }

    /// Whether another file stands in its place than the one that was read, and does not have what was read; or none,
    /// though a log that counts no more stays when operations were in it. A file that has all of it is gone over to: a copy
    /// of the folder that is brought up to date replaces files.
    pub(super) fn is_replaced(&mut self, store: &Store, is_named: bool) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let held = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        match self.at_path(store)? {
            Some(at_path) if held.identity == at_path.identity => Ok(false),
            Some(_) => Ok(!self.goes_over_to_copy(store)?),
            None => Ok(!is_named && held.len > 0),
        }
    }

    fn goes_over_to_copy(&mut self, store: &Store) -> Result<bool> {
        let file = match store.disk.open(&self.path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(Error::io("open", &self.path, source)),
        };
        let lines = self.read.lines.iter().map(|known| &known.line);
        let is_copy = are_all_in(lines, &store.hasher, &*file, &self.path)?;
        if is_copy {
            self.file = Some(file);
        }
        Ok(is_copy)
    }

    fn at_path(&self, store: &Store) -> Result<Option<FileInfo>> {
        match store.disk.info(&self.path) {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::io("stat", &self.path, source)),
        }
    }

    /// Finds out whether the log's agent has undone something, by looking at the last line that was read.
    fn drop_cut_lines(
        &mut self,
        file: &dyn DiskFile,
        hasher: &DefaultHashBuilder,
        news: &mut News,
    ) -> Result<()> {
        let mut is_cut = false;
        while let Some(last) = self.read.lines.last() {
            if last.line.is_in(hasher, file, &self.path)? {
                break;
            }
            is_cut = true;
            let log = self.number;
            news.removed.extend(self.read.lines.pop().map(|known| Cut { rank: known.rank, log }));
        }
        if is_cut {
            self.read.end_at_last_line();
            self.told.cut(self.read.end);
        }
        Ok(())
    }

    /// Finds out how much of what was told still stands in the file that has its name now.
    pub(super) fn look_again(&mut self, store: &Store) -> Result<()> {
        let file = match store.disk.open(&self.path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::io("open", &self.path, source)),
        };
        let lines: Vec<SeenLine> = self.read.lines.iter().map(|known| known.line).collect();
        let count = count_in(&lines, &store.hasher, &*file, &self.path)?;
        self.read.lines.truncate(count);
        self.read.end_at_last_line();
        self.told.cut(self.read.end);
        Ok(())
    }

    /// Leaves it behind. It may have more than was read.
    pub(super) fn leave(&self, tail_queue: &mut TailQueue, end: u64) {
        let rest = self.told.rest();
        tail_queue.push(&self.relative, rest.start..end.min(rest.end), true);
        let lines = self.read.lines.iter().map(|known| known.line).collect();
        tail_queue.leave(&self.relative, (lines, Vec::new()));
    }

    /// The lines that are still to be told of, which count as told from now on.
    pub(super) fn take_live(&mut self) -> Option<LiveLog> {
        let place = |offset| self.read.lines.partition_point(|known| known.line.offset < offset);
        let rest = self.told.rest();
        let queued = self.read.lines.get(place(rest.start)..place(rest.end)).unwrap_or_default();
        let lines: Vec<_> = queued.iter().map(|known| known.line).collect();
        self.told.set(self.read.end);
        let file = self.file.as_ref().filter(|_| !lines.is_empty())?;
        let (relative, path, file) = (self.relative.clone(), self.path.clone(), Arc::clone(file));
        Some(LiveLog { number: self.number, version: self.version, relative, path, file, lines })
    }

    /// Nothing of it is to be told any more: what it says has never been, or the snapshot holds it.
    pub(super) fn tell_nothing(&mut self) {
        self.told.end();
    }

    /// It was loaded for the first time: what stands in it now was seen, or, by a store that loads nothing, not yet.
    pub(super) fn begin_telling(&mut self, is_blind: bool) {
        self.told.begin(self.read.end, is_blind);
    }

    /// It was loaded anew in the place of another time: what is the agent's own in it is as before.
    pub(super) fn follows(&mut self, before: &Self) {
        self.told.take_own(&before.told);
    }

    /// It was loaded anew: finds out up to where it was told before.
    pub(super) fn go_on_telling(&mut self, queue: &mut TailQueue, hasher: &DefaultHashBuilder) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(end) = queue.end_in(&self.relative) {
            // The agent's own one: what stood there when the agent opened is still to be told.
            self.told.raise_own(end);
        }
        self.told.set(queue.told_in(&self.relative, hasher, &**file, &self.path)?);
        Ok(())
    }

    /// Its agent is this store's, and has cut it. A line that was read and is gone must not be missed later, when the log is
    /// sealed: it would be read anew then, over what came behind it.
    pub(super) fn forget_from(&mut self, offset: u64) {
        let lines = &mut self.read.lines;
        lines.truncate(lines.partition_point(|known| known.line.offset < offset));
        self.told.cut_own(offset);
    }
}

/// The operation that a line of an agent's log says.
pub(in crate::store) fn operation_of(
    text: Text,
    bytes: &[u8],
    (log, version): (u32, u32),
    line: &Line<'_>,
    agent: &Arc<[u8]>,
) -> Operation {
    let rank = Rank { clock: line.clock.unwrap_or(0), agent: Arc::clone(agent) };
    let value = line.data.as_ref().map(|range| {
        // What is held in memory needs no check.
        let check = match text {
            Text::At { .. } => Check::of(bytes.get(range.clone()).unwrap_or_default()),
            _ => Check::NONE,
        };
        (range.start as u32..range.end as u32, check)
    });
    Operation {
        id: (&*line.id).into(),
        kind: line.kind,
        line: text,
        before: None,
        stood: Place::BELOW,
        batch: line.batch,
        origin: Some(Box::new(Origin { rank, log, value, placed: None, aged: None })),
        version,
    }
}
