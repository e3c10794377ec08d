//! Reading operations forward from a position: all that there are now, or also those that come. Across a checkpoint the lines
//! that were carried into the next log are compared with those that were given: what is missing there was undone.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::folder::{Folder, LOOKS};
use super::ids::Record;
use super::known::{KnownLog, KnownPosition};
use super::log::Log;
use super::merge::Merge;
use super::position::{Mark, Place, Position, print_into};
use super::remembered::{Given, REMEMBERED, Taken};
use super::trail::{LogName, Stage, Stretch, Trail};
use super::{Change, Event, Sink};
use crate::disk::{Disk, FileInfo};
use crate::error::{Error, Result};
use crate::format::operation::{Line, parse_line, unmarked};
use crate::layout;
use crate::retention::Hold;
use crate::wal::LineReader;

const UNDONE: Error = Error::PositionGone("an operation up to it was undone");
const DELETED: Error = Error::PositionGone("logs that follow it were deleted");
const PUT_BACK: Error = Error::PositionGone("the store was put back to an earlier state");
const OF_ANOTHER: Error =
    Error::PositionGone("it names a log that this store never had: it is the position of another store");
const TOO_MANY: Error = Error::PositionGone("more operations were undone at once than are remembered");

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// There may be more at once.
    GoesOn,
    /// There is nothing more at the moment.
    AtEnd,
}

/// The operations of a folder from a position on.
pub struct Forward {
    folder: Folder,
    is_live: bool,
    /// What is still to be read after the current stage, oldest first.
    stages: VecDeque<Stage>,
    now: Now,
    looked: Looked,
    /// Whether the last step found nothing more.
    is_at_end: bool,
    /// If only operations on one record are wanted.
    record: Option<Record>,
    /// Keeps the log that is being read, and all later ones, from being pruned.
    hold: Option<Hold>,
}

/// What the last look at the folder saw.
#[derive(Default)]
struct Looked {
    /// The manifest's file when it was read.
    manifest: Option<FileInfo>,
    /// How many bytes of each log that may grow are read, unless this is live.
    bounds: Vec<(String, u64)>,
}

/// Where to begin: a position, and what is known of the lines up to it.
type At<'p> = (Option<&'p Position>, Option<&'p KnownPosition>);

enum Now {
    Nothing,
    Single(Box<Log>),
    Agents(Box<Merge>),
}

impl Forward {
    /// Begins behind a position, or at the oldest log. With `is_live` it goes on with what comes; without, it ends with the
    /// operations that there are now.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE`, `OPSLOG_NO_STORE`, `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn open(disk: Arc<dyn Disk>, root: &Path, after: Option<&Position>, is_live: bool) -> Result<Self> {
        Self::open_at(disk, root, (after, None), is_live)
    }

    /// Begins behind what a store knows, and goes on with what comes. What was undone of that is told first.
    ///
    /// # Errors
    /// As for [`Forward::open`].
    pub fn open_behind(disk: Arc<dyn Disk>, root: &Path, known: &KnownPosition) -> Result<Self> {
        Self::open_at(disk, root, (Some(&known.position), Some(known)), true)
    }

    fn open_at(disk: Arc<dyn Disk>, root: &Path, (after, known): At<'_>, is_live: bool) -> Result<Self> {
        let mut forward = Self {
            folder: Folder { disk, root: root.into() },
            is_live,
            stages: VecDeque::new(),
            now: Now::Nothing,
            looked: Looked::default(),
            is_at_end: false,
            record: None,
            hold: None,
        };
        for _ in 0..LOOKS {
            let manifest = forward.folder.manifest_file();
            forward.looked.bounds.clear();
            let begun = forward.begin((after, known));
            // NOTE: what was read belongs together only if nothing was published meanwhile.
            if manifest == forward.folder.manifest_file() {
                begun?;
                forward.looked.manifest = manifest;
                if !forward.claim()? {
                    return Err(DELETED);
                }
                return Ok(forward);
            }
            forward.now = Now::Nothing;
        }
        Err(forward.folder.outrun())
    }

    /// Of sealed logs that have an index of ids, only the operations on this record are read.
    pub fn only(&mut self, record: Option<Record>) {
        self.record = record;
    }

    /// A log of which the lines up to `end` count.
    fn log(&self, name: &LogName, end: u64) -> Result<Log> {
        let until = if end == u64::MAX { self.bound_of(name) } else { end };
        let mut log = Log::new(&self.folder.root, name, until)?;
        log.watch(end == u64::MAX);
        log.is_sealed = !log.is_watched() || !self.stages.is_empty();
        Ok(log)
    }

    fn begin(&mut self, (after, known): At<'_>) -> Result<()> {
        let (disk, root) = (Arc::clone(&self.folder.disk), self.folder.root.clone());
        let trail = Trail::read(&*disk, &root)?;
        if !self.is_live {
            self.bound(&trail)?;
        }
        let beginning = Position::default();
        let after = after.unwrap_or(&beginning);
        let newest = after.places.iter().map(|place| place.ms).fold(after.floor, u64::max);
        if trail.newest_ms() < newest {
            return Err(PUT_BACK);
        }
        let is_beginning = after.floor == 0 && after.places.is_empty();
        let named = after.places.iter().map(|place| place.ms).chain([after.floor]);
        if !is_beginning && named.into_iter().any(|ms| trail.never_had(ms)) {
            return Err(OF_ANOTHER);
        }
        let found = trail.since(after.oldest_ms())?;
        let is_single = after.places.iter().any(|place| place.agent.is_empty());
        // What a single writer's log follows stands in it; agents' logs do not say which there were, and one may have come first
        // behind a position that names no line.
        if !is_beginning && !is_single && trail.pruned_ms().is_some_and(|ms| ms >= after.oldest_ms()) {
            return Err(DELETED);
        }
        self.stages = found.stages.into();
        if let Some((path, end)) = found.gap
            && !is_beginning
        {
            let is_at_its_end = |place: &Place| {
                layout::milliseconds(&path) == Some(place.ms)
                    && place.agent.is_empty()
                    && place.mark.end() == end
            };
            return if after.places.first().is_some_and(is_at_its_end) { Ok(()) } else { Err(DELETED) };
        }
        match after.places.first() {
            None => Ok(()),
            Some(place) if place.agent.is_empty() => {
                self.go_behind(place, known.and_then(|known| known.log(place.ms, "")))
            }
            Some(_) => {
                let logs = match self.stages.front_mut() {
                    Some(Stage::Agents(logs)) => {
                        let logs = std::mem::take(logs);
                        self.stages.pop_front();
                        logs
                    }
                    // All that a single writer has taken over since may have been empty.
                    _ if known.is_some() => Vec::new(),
                    _ => return Err(DELETED),
                };
                let mut merge = Merge::default();
                merge.go_to(&*disk, &root, &logs, (after, known), |log| self.bound_of(log))?;
                self.now = Now::Agents(Box::new(merge));
                Ok(())
            }
        }
    }

    /// Claims the oldest log that is still to be read. `false` if it is gone.
    fn claim(&mut self) -> Result<bool> {
        let oldest = match (&self.now, self.stages.front()) {
            (Now::Single(log), _) => Some(log.name.relative.clone()),
            (Now::Agents(merge), _) => merge.oldest_log(),
            (Now::Nothing, Some(Stage::Single(stretch))) => Some(stretch.name.relative.clone()),
            (Now::Nothing, Some(Stage::Agents(logs))) => logs.first().map(|log| log.relative.clone()),
            (Now::Nothing, None) => None,
        };
        let Some(oldest) = oldest else { return Ok(true) };
        if self.hold.as_ref().is_some_and(|hold| hold.relative() == oldest) {
            return Ok(true);
        }
        match Hold::take(&*self.folder.disk, &self.folder.root, &oldest)? {
            Some(hold) => self.hold = Some(hold),
            // A log that is missing reads as empty; one that a pruner took is found by what the manifest says.
            None => return Ok(!Trail::read(&*self.folder.disk, &self.folder.root)?.is_pruned(&oldest)),
        }
        Ok(true)
    }

    /// Goes to behind a line of a single writer's log.
    fn go_behind(&mut self, place: &Place, known: Option<&KnownLog>) -> Result<()> {
        let (ms, mark) = (place.ms, place.mark);
        let end = match self.stages.front() {
            Some(Stage::Single(Stretch { name, end })) if name.ms == ms => *end,
            // It was empty when it was superseded: what stands in it went to the next one too.
            _ => 0,
        };
        let name = match self.stages.front() {
            Some(Stage::Single(stretch)) if stretch.name.ms == ms => {
                let name = stretch.name.clone();
                self.stages.pop_front();
                name
            }
            _ => LogName { ms, agent: Arc::default(), relative: layout::wal(ms), grows: false },
        };
        let mut log = self.log(&name, end)?;
        if let Some(known) = known {
            if !log.go_behind_known(&*self.folder.disk, known)? {
                return Err(DELETED);
            }
            // What was late is told as undone if it is not found in the next log.
            self.now = Now::Single(Box::new(log));
            return Ok(());
        }
        if !log.go_behind(&*self.folder.disk, mark)? {
            return Err(if log.held().is_some() { UNDONE } else { DELETED });
        }
        self.now = Now::Single(Box::new(log));
        // A late one is found again in the next log, or in one behind that, or it was undone.
        let mut is_late = mark.end() > end;
        while is_late {
            if self.leave(&mut |_| Ok(()))? != Some(0) {
                return Err(UNDONE);
            }
            is_late = !self.stages.is_empty() && self.is_behind_bound();
        }
        Ok(())
    }

    /// Whether lines were given that stand behind what counts of their log: they stand in the next one too.
    fn is_behind_bound(&self) -> bool {
        matches!(&self.now, Now::Single(log) if log.last().is_some_and(|last| last.end() > log.until))
    }

    /// Notes how long the logs are that may grow.
    fn bound(&mut self, trail: &Trail<'_>) -> Result<()> {
        for name in trail.growing() {
            let path = layout::inside(&self.folder.root, layout::OPS, &name.relative)?;
            let len = match self.folder.disk.info(&path) {
                Ok(info) => info.len,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
                Err(source) => return Err(Error::io("stat", &path, source)),
            };
            self.looked.bounds.push((name.relative.clone(), len));
        }
        Ok(())
    }

    fn bound_of(&self, name: &LogName) -> u64 {
        let found = self.looked.bounds.iter().find(|(relative, _)| *relative == name.relative);
        found.map_or(u64::MAX, |(_, len)| *len)
    }

    /// Gives the next operations, of about `limit` bytes.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE` when what was given last is no longer known, `OPSLOG_IO`, `OPSLOG_CORRUPT`, and what `sink` says.
    pub fn step(&mut self, limit: usize, sink: &mut Sink<'_>) -> Result<Reading> {
        let (mut given, mut is_slow) = (0, false);
        if std::mem::take(&mut self.is_at_end) {
            // NOTE: first, so that what agents have logged since stands in its order, whichever logs it is in.
            self.look()?;
        }
        loop {
            if self.take_back(sink)? > 0 {
                return Ok(Reading::GoesOn);
            }
            let at_end = match &mut self.now {
                Now::Nothing => true,
                Now::Single(log) => {
                    if let Some(record) = &self.record {
                        is_slow |= log.pick(&*self.folder.disk, &self.folder.root, record)?;
                    }
                    read_single(&*self.folder.disk, log, self.record.as_ref(), (limit, &mut given), sink)?
                }
                Now::Agents(merge) => {
                    if merge.record.is_none() {
                        merge.record.clone_from(&self.record);
                    }
                    read_agents(&*self.folder.disk, &self.folder.root, merge, limit, &mut given, sink)?
                }
            };
            if given > 0 {
                return Ok(Reading::GoesOn);
            }
            if !at_end {
                continue;
            }
            if self.next_stage(sink)? {
                self.claim()?;
                // The caller may have lost interest.
                if is_slow {
                    return Ok(Reading::GoesOn);
                }
                continue;
            }
            if !self.is_live || !self.look()? {
                self.is_at_end = self.is_live;
                self.claim()?;
                return Ok(Reading::AtEnd);
            }
        }
    }

    /// The position behind what was given.
    pub fn position(&self) -> Option<String> {
        let mut out = Vec::new();
        match &self.now {
            Now::Nothing => return None,
            Now::Single(log) => print_behind(&mut out, log),
            Now::Agents(merge) => merge.print_into(&mut out, None),
        }
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    /// The position behind what was given, in a single writer's log.
    pub(super) fn at_single(&self) -> Option<Position> {
        let Now::Single(log) = &self.now else { return None };
        let place = |mark| Place { ms: log.name.ms, agent: Arc::default(), mark };
        Some(Position { floor: log.name.ms, places: log.last().map(place).into_iter().collect() })
    }

    /// Tells what was undone of what was given.
    fn take_back(&mut self, sink: &mut Sink<'_>) -> Result<usize> {
        let mut count = 0;
        loop {
            let (mut position, mut after) = (Vec::new(), Vec::new());
            let id = match &mut self.now {
                Now::Single(log) if log.is_watched() => {
                    log.look_at_file(&*self.folder.disk)?;
                    match log.take_back()? {
                        Taken::None => return Ok(count),
                        Taken::TooMany => return Err(TOO_MANY),
                        Taken::Line(given) => {
                            print_given(&mut position, log, &given);
                            print_behind(&mut after, log);
                            given.id
                        }
                    }
                }
                Now::Agents(merge) => match merge.take_back(&*self.folder.disk)? {
                    None => return Ok(count),
                    Some(undone) => {
                        position = undone.position;
                        merge.print_into(&mut after, None);
                        undone.id
                    }
                },
                _ => return Ok(count),
            };
            sink(Event::Undone { position: &position, after: &after, id: &id })?;
            count += 1;
        }
    }

    /// Goes on with the next stage, if there is one.
    fn next_stage(&mut self, sink: &mut Sink<'_>) -> Result<bool> {
        if self.stages.is_empty() {
            return Ok(false);
        }
        if self.is_behind_bound() {
            self.leave(sink)?;
            return Ok(true);
        }
        match self.stages.pop_front() {
            Some(Stage::Single(Stretch { name, end })) => {
                self.now = Now::Single(Box::new(self.log(&name, end)?));
            }
            Some(Stage::Agents(logs)) => {
                let mut merge = Merge::default();
                merge.note(&logs, |log| self.bound_of(log));
                self.now = Now::Agents(Box::new(merge));
            }
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Leaves a log of which lines were given that stand in the next one too. Those that do not were undone. Returns how many; `None`
    /// if the last of those that were given is no longer there: then it stays in that log.
    fn leave(&mut self, sink: &mut Sink<'_>) -> Result<Option<usize>> {
        let Some(Stage::Single(Stretch { name, end })) = self.stages.front() else { return Err(UNDONE) };
        let Now::Single(old) = &self.now else { return Ok(Some(0)) };
        let mut next = self.log(name, *end)?;
        let Some(undone) = carry_over(&*self.folder.disk, old, &mut next)? else {
            return if old.is_watched() { Ok(None) } else { Err(UNDONE) };
        };
        // NOTE: while its writer goes over to the one behind it, a line is cut off in both.
        next.watch(next.is_watched() || next.last().is_some());
        for (place, given) in undone.iter().enumerate().rev() {
            let (mut position, mut after) = (Vec::new(), Vec::new());
            print_given(&mut position, old, given);
            // NOTE: a consumer that goes on from here has still to be told of those before it.
            match place.checked_sub(1).and_then(|before| undone.get(before)) {
                Some(before) => print_given(&mut after, old, before),
                None => print_behind(&mut after, &next),
            }
            sink(Event::Undone { position: &position, after: &after, id: &given.id })?;
        }
        self.stages.pop_front();
        self.now = Now::Single(Box::new(next));
        Ok(Some(undone.len()))
    }

    /// Looks whether the manifest names other logs by now. Returns whether there may be something to read.
    fn look(&mut self) -> Result<bool> {
        let manifest = self.folder.manifest_file();
        if manifest == self.looked.manifest {
            return Ok(false);
        }
        let (disk, root) = (Arc::clone(&self.folder.disk), self.folder.root.clone());
        let trail = Trail::read(&*disk, &root)?;
        let at = match &self.now {
            Now::Nothing => 0,
            Now::Single(log) => log.name.ms,
            Now::Agents(merge) => merge.newest_ms(),
        };
        if trail.newest_ms() < at {
            return Err(PUT_BACK);
        }
        let from = match &self.now {
            Now::Agents(merge) => merge.oldest_ms(),
            _ => at,
        };
        let found = trail.since(from)?;
        if found.gap.is_some() {
            return Err(DELETED);
        }
        let mut stages: VecDeque<Stage> = found.stages.into();
        match &mut self.now {
            Now::Nothing => {}
            Now::Single(log) => {
                log.until = 0;
                if let Some(Stage::Single(stretch)) = stages.front()
                    && stretch.name.ms == log.name.ms
                {
                    log.until = stretch.end;
                    stages.pop_front();
                }
            }
            Now::Agents(merge) => {
                if let Some(Stage::Agents(logs)) = stages.front() {
                    merge.note(logs, |_| u64::MAX);
                    stages.pop_front();
                }
            }
        }
        self.stages = stages;
        self.looked.manifest = manifest;
        Ok(true)
    }
}

/// Goes through the lines that were given of a log behind its bound, and the head of the next one, where they stand too. Returns
/// those that do not; `None` if another line may have taken the place of one that was given.
fn carry_over(disk: &dyn Disk, old: &Log, next: &mut Log) -> Result<Option<Vec<Given>>> {
    let (Some(file), Some(last)) = (old.held(), old.last()) else { return Ok(Some(Vec::new())) };
    let next_file = next.file(disk)?;
    let mut lines = LineReader::new(&*file, old.until);
    let mut heads = next_file.as_deref().map(|file| LineReader::new(file, 0));
    let (mut undone, mut is_same) = (Vec::new(), true);
    loop {
        let raw = lines.next_line().map_err(|source| Error::io("read", &old.path, source))?;
        let Some(raw) = raw.filter(|raw| raw.offset <= last.start) else {
            // NOTE: an undo() cuts the last line first: while that is there, all that was read was given.
            return Ok(old.has(last)?.then_some(undone));
        };
        let Ok(line) = parse_line(raw.bytes) else { continue };
        let mark = Mark::new(raw.offset, raw.bytes);
        let place = old.given().partition_point(|given| given.mark.start < mark.start);
        let told =
            old.given().get(place).filter(|given| given.mark == mark).and_then(|given| given.told.clone());
        let given = Given { mark, id: Box::from(&*line.id), clock: 0, told };
        if is_same && let Some(heads) = &mut heads {
            let head = heads.next_line().map_err(|source| Error::io("read", &next.path, source))?;
            let head = head.filter(|head| head.complete && unmarked(head.bytes) == unmarked(raw.bytes));
            if let Some(head) = head {
                let mut told = Vec::new();
                print_given(&mut told, old, &given);
                let mark = Mark::new(head.offset, head.bytes);
                next.remember(Given { mark, told: Some(told.into()), ..given }, REMEMBERED);
                next.set_last(Some(mark));
                continue;
            }
        }
        is_same = false;
        if undone.len() >= REMEMBERED {
            return Err(TOO_MANY);
        }
        undone.push(given);
    }
}

fn read_single(
    disk: &dyn Disk,
    log: &mut Log,
    record: Option<&Record>,
    (limit, given): (usize, &mut usize),
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let ms = log.name.ms;
    let (mut position, mut batch): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    let mut first_known = None;
    let mut each = |mark: Mark, bytes: &[u8], line: &Line<'_>, first: Option<Mark>| {
        // NOTE: what has a clock there was taken over from agents' logs, which have it.
        if line.clock.is_some() {
            return Ok(());
        }
        position.clear();
        print_into(&mut position, ms, [(ms, "", mark)].into_iter());
        if let Some(first) = first.filter(|first| first_known != Some(*first)) {
            batch.clear();
            print_into(&mut batch, ms, [(ms, "", first)].into_iter());
            first_known = Some(first);
        }
        *given += 1;
        let batch = first.map(|_| &*batch);
        let start = mark.start;
        sink(Event::Change(Change { bytes, line, position: &position, ms, start, batch }))
    };
    if let Some(record) = record
        && let Some(is_all) = log.read_picked(limit, record, &mut each)?
    {
        return Ok(is_all);
    }
    Ok(log.read(disk, limit, true, &mut each)? == Some(true))
}

fn read_agents(
    disk: &dyn Disk,
    root: &Path,
    merge: &mut Merge,
    limit: usize,
    given: &mut usize,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let (mut position, mut batch) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < limit {
        let Some((place, next)) = merge.take(disk, root)? else { return Ok(!merge.is_disturbed()) };
        let Ok(line) = parse_line(&next.bytes) else { continue };
        position.clear();
        batch.clear();
        if merge.record.as_ref().is_none_or(|record| *record.id == *line.id) {
            merge.print_taken((disk, root), &mut position, (place, next.mark))?;
            if let Some(first) = next.batch {
                merge.print_taken((disk, root), &mut batch, (place, first))?;
            }
        }
        let first = next.batch.map(|_| &*batch);
        merge.remember(place, &next, &line.id, &position);
        read += next.bytes.len() + position.len();
        *given += 1;
        let (ms, start) = (next.ms, next.mark.start);
        let bytes = &next.bytes;
        sink(Event::Change(Change { bytes, line: &line, position: &position, ms, start, batch: first }))?;
    }
    Ok(false)
}

/// Appends the position of a line that was given.
fn print_given(out: &mut Vec<u8>, log: &Log, given: &Given) {
    match &given.told {
        Some(told) => out.extend_from_slice(told),
        None => print_into(out, log.name.ms, [(log.name.ms, "", given.mark)].into_iter()),
    }
}

/// Appends the position behind the last line of a log.
fn print_behind(out: &mut Vec<u8>, log: &Log) {
    let last = log.last().map(|mark| (log.name.ms, "", mark));
    print_into(out, log.name.ms, last.into_iter());
}
