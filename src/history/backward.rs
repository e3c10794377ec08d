//! Reading operations backward: the last one first, down to a position. They are those that are there when it begins; what is
//! undone meanwhile is not told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chains::Pending;
use super::folder::{Folder, LOOKS};
use super::forward::Forward;
use super::ids::{self, Record};
use super::position::{Mark, Position, Standing, print_into, print_standings};
use super::reverse_log::{Found, ReverseLog};
use super::sealed_logs::SealedLogs;
use super::trail::{LogName, Stage, Stretch, Trail, open};
use super::{Change, Event, Reading, Sink};
use crate::disk::{Disk, DiskFile};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::{Line, parse_line};
use crate::layout;
use crate::retention::Hold;

/// How often it begins anew while the logs that it would begin with are being pruned.
const ATTEMPTS: u32 = 10;

/// The operations of a folder from the last one on.
pub struct Backward {
    folder: Folder,
    then: Then,
    after: Position,
    next: Option<Stage>,
    now: Now,
    /// If only operations on one record are wanted.
    record: Option<Record>,
    /// Keeps the logs that are to be read from being pruned.
    _hold: Option<Hold>,
}

/// What the folder's logs were when it began.
#[derive(Default)]
struct Then {
    manifest: Manifest,
    names: Vec<LogName>,
}

enum Now {
    Nothing,
    Single(u64, Box<ReverseLog>),
    /// Only lines on one record.
    Picked(u64, Picked),
    Agents(Vec<Chain>),
}

/// Lines of a log that an index leads to.
struct Picked {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    offsets: Vec<ids::Place>,
}

/// The logs of one agent, the newest last.
struct Chain {
    agent: Arc<str>,
    logs: Vec<LogName>,
    log: Option<(u64, ReverseLog)>,
    head: Option<Pending>,
    /// Lines of a log that an index leads to, with the time of the log.
    picked: Option<(u64, Picked)>,
    /// Whether the head is such a line: there may be others behind it.
    is_picked: bool,
    /// Whether its head was read by who came to the position, and all before it.
    is_done: bool,
    named: Named,
}

/// What positions say of an agent's logs beside the line itself.
#[derive(Default)]
struct Named {
    /// The time of the log of the line that was taken last.
    next_ms: Option<u64>,
    growing_ms: Option<u64>,
    /// The sealed logs, if only the lines on one record are read.
    sealed: SealedLogs,
}

impl Backward {
    /// Begins at the last operation, and ends behind a position.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE`, `OPSLOG_NO_STORE`, `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn open(disk: Arc<dyn Disk>, root: &Path, after: Option<&Position>) -> Result<Self> {
        Self::begin(disk, root, after, false).map(|(backward, after)| Self { after, ..backward })
    }

    /// Begins at the last operation, and ends with the first one. Returns also where a position stands in what is read.
    ///
    /// # Errors
    /// As for [`Backward::open`].
    pub fn open_past(disk: Arc<dyn Disk>, root: &Path, place: Option<&Position>) -> Result<(Self, Position)> {
        Self::begin(disk, root, place, true)
    }

    fn begin(
        disk: Arc<dyn Disk>,
        root: &Path,
        place: Option<&Position>,
        is_past: bool,
    ) -> Result<(Self, Position)> {
        let folder = Folder { disk: Arc::clone(&disk), root: root.to_path_buf() };
        let mut pruned = 0;
        for _ in 0..LOOKS {
            let file = folder.manifest_file();
            let place = match place {
                Some(place) => standing(&disk, root, place)?,
                None => Position::default(),
            };
            let oldest_ms = if is_past { 0 } else { place.oldest_ms() };
            let trail = Trail::read(&*disk, root)?;
            // NOTE: the place is one in these logs only if nothing was published meanwhile.
            if file != folder.manifest_file() {
                continue;
            }
            let oldest = trail.names.iter().find(|name| name.ms >= oldest_ms);
            let hold = oldest.map(|oldest| Hold::take(&*disk, root, &oldest.relative)).transpose()?.flatten();
            if oldest.is_some_and(|oldest| {
                hold.is_none() && disk.info(&layout::at(root, &oldest.relative)).is_ok()
            }) {
                // It is being pruned.
                pruned += 1;
                if pruned == ATTEMPTS {
                    return Err(Error::PositionGone("logs that follow it were deleted"));
                }
                continue;
            }
            let next = trail.newest();
            let Trail { manifest, names, .. } = trail;
            let then = Then { manifest, names };
            let (after, now) = (Position::default(), Now::Nothing);
            let backward = Self { folder, then, after, next, now, record: None, _hold: hold };
            return Ok((backward, place));
        }
        Err(folder.outrun())
    }

    /// The position behind which it reads, where that stands by now.
    pub fn after(&self) -> &Position {
        &self.after
    }

    /// Of sealed logs that have an index of ids, only the operations on this record are read.
    pub fn only(&mut self, record: Option<Record>) {
        self.record = record;
    }

    /// Gives the next operations, of about `limit` bytes.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, and what `sink` says.
    pub fn step(&mut self, limit: usize, sink: &mut Sink<'_>) -> Result<Reading> {
        let (mut bytes, mut is_slow) = (0, false);
        while bytes < limit && !is_slow {
            let given = match &mut self.now {
                Now::Nothing => 0,
                Now::Single(ms, log) => match log.next()? {
                    Some(found) if !is_read(&self.after, *ms, "", found.mark) => {
                        give_single(*ms, &found, sink)?
                    }
                    _ => 0,
                },
                Now::Picked(ms, picked) => match (picked.offsets.pop(), &self.record) {
                    (Some(place), Some(record)) => match record.read(&picked.file, &picked.path, place)? {
                        Some(found) if !is_read(&self.after, *ms, "", found.mark) => {
                            give_single(*ms, &found, sink)?
                        }
                        _ => 1,
                    },
                    _ => 0,
                },
                Now::Agents(chains) => {
                    let store = (&*self.folder.disk, &*self.folder.root, self.record.as_ref());
                    give_last(store, chains, &self.after, sink)?
                }
            };
            bytes += given;
            if given == 0 && !self.next_stage(&mut is_slow)? {
                return Ok(Reading::AtEnd);
            }
        }
        Ok(Reading::GoesOn)
    }

    fn next_stage(&mut self, is_slow: &mut bool) -> Result<bool> {
        let Some(stage) = self.next.take() else { return Ok(false) };
        let is_newest = matches!(self.now, Now::Nothing);
        if stage.highest_ms() < self.after.floor {
            return Ok(false);
        }
        let Folder { disk, root } = self.folder.clone();
        let Then { manifest, names } = std::mem::take(&mut self.then);
        let trail = Trail { disk: &*disk, root: &root, manifest, names };
        let next = trail.stage_before(&stage);
        self.then = Then { manifest: trail.manifest, names: trail.names };
        self.next = next?;
        self.now = match stage {
            Stage::Single(Stretch { name, end }) => {
                let picked = match self.record.as_ref().filter(|_| !is_newest) {
                    Some(record) => pick((&*disk, &root, record), &name, end)?,
                    None => None,
                };
                match picked {
                    Some((picked, is_built)) => {
                        *is_slow |= is_built;
                        Now::Picked(name.ms, picked)
                    }
                    None => Now::Single(name.ms, Box::new(ReverseLog::open(&*disk, &root, &name, end)?)),
                }
            }
            Stage::Agents(logs) => {
                let mut chains: Vec<Chain> = Vec::new();
                for name in logs {
                    let place = chains.partition_point(|chain| chain.agent < name.agent);
                    if chains.get(place).is_none_or(|chain| chain.agent != name.agent) {
                        chains.insert(place, Chain::new(&name.agent));
                    }
                    if let Some(chain) = chains.get_mut(place) {
                        chain.named.growing_ms = name.grows.then_some(name.ms).or(chain.named.growing_ms);
                        if self.record.is_some() && !name.grows {
                            chain.named.sealed.note(&name);
                        }
                        chain.logs.push(name);
                    }
                }
                for chain in &mut chains {
                    chain.read_head((&*disk, &root, self.record.as_ref()), &self.after)?;
                }
                Now::Agents(chains)
            }
        };
        Ok(true)
    }
}

/// The lines on a record in a sealed log up to an offset, and whether the whole log was read for its index.
fn pick(
    (disk, root, record): (&dyn Disk, &Path, &Record),
    name: &LogName,
    end: u64,
) -> Result<Option<(Picked, bool)>> {
    let path = layout::inside(root, layout::OPS, &name.relative)?;
    let Some(file) = open(disk, &path)? else { return Ok(None) };
    let places = record.places(disk, root, (&name.relative, &path), &*file)?;
    Ok(places.map(|places| {
        let is_built = places.is_built;
        let offsets = places.offsets.into_iter().filter(|(at, _)| u64::from(*at) < end).collect();
        (Picked { file, path, offsets }, is_built)
    }))
}

/// Where a position stands by now: a checkpoint may have carried its operation on into the next log.
///
/// # Errors
/// `OPSLOG_POSITION_GONE`, `OPSLOG_NO_STORE`, `OPSLOG_IO`, `OPSLOG_CORRUPT`.
pub fn standing(disk: &Arc<dyn Disk>, root: &Path, position: &Position) -> Result<Position> {
    if *position == Position::default() {
        return Ok(position.clone());
    }
    let found = Forward::open(Arc::clone(disk), root, Some(position), false)?;
    Ok(found.at_single().unwrap_or_else(|| position.clone()))
}

/// Whether a line was read by who came to a position.
pub(super) fn is_read(after: &Position, ms: u64, agent: &str, mark: Mark) -> bool {
    match after.places.iter().find(|place| &*place.agent == agent) {
        Some(place) => {
            ms < place.ms || ms == place.ms && mark.start <= place.mark.start && !place.mark.is_beginning()
        }
        None => ms < after.floor,
    }
}

fn give_single(ms: u64, found: &Found, sink: &mut Sink<'_>) -> Result<usize> {
    let Ok(line) = parse_line(&found.bytes) else { return Ok(1) };
    // What has a clock there was taken over from agents' logs, which have it.
    if line.clock.is_some() {
        return Ok(1);
    }
    let text = |mark: Mark| {
        let mut out = Vec::new();
        print_into(&mut out, ms, [(ms, "", mark)].into_iter());
        out
    };
    let (position, batch) = (text(found.mark), found.batch.map(text));
    let (bytes, start, batch) = (&*found.bytes, found.mark.start, batch.as_deref());
    sink(Event::Change(Change { bytes, line: &line, position: &position, ms, start, batch }))?;
    Ok(bytes.len())
}

/// Where the logs are, and which record is wanted if only one is.
type Store<'s> = (&'s dyn Disk, &'s Path, Option<&'s Record>);

/// Gives the last operation of all agents.
fn give_last(store: Store<'_>, chains: &mut [Chain], after: &Position, sink: &mut Sink<'_>) -> Result<usize> {
    let mut last: Option<usize> = None;
    for (place, chain) in chains.iter().enumerate() {
        let Some(head) = chain.head.as_ref().filter(|_| !chain.is_done) else { continue };
        let most = last.and_then(|last| chains.get(last)).and_then(|chain| chain.head.as_ref());
        if most.is_none_or(|most| head.compare(most).is_gt()) {
            last = Some(place);
        }
    }
    let Some(place) = last else { return Ok(0) };
    let (mut position, mut batch) = (Vec::new(), Vec::new());
    let Some(chain) = chains.get_mut(place) else { return Ok(0) };
    let Some(head) = chain.head.take() else { return Ok(0) };
    let is_wanted = |line: &Line<'_>| store.2.is_none_or(|record| *record.id == *line.id);
    if parse_line(&head.bytes).is_ok_and(|line| is_wanted(&line)) {
        print_chains(&mut position, store, chains, (place, &head, head.mark))?;
        if let Some(first) = head.batch {
            print_chains(&mut batch, store, chains, (place, &head, first))?;
        }
    }
    let Some(chain) = chains.get_mut(place) else { return Ok(0) };
    chain.named.next_ms = Some(head.ms);
    chain.read_head(store, after)?;
    // What was logged twice counts once.
    if let Ok(line) = parse_line(&head.bytes)
        && is_wanted(&line)
        && !chains.iter().any(|chain| chain.head.as_ref().is_some_and(|other| other.is_twin(&head)))
    {
        let batch = head.batch.map(|_| &*batch);
        let (bytes, ms, start) = (&head.bytes, head.ms, head.mark.start);
        sink(Event::Change(Change { bytes, line: &line, position: &position, ms, start, batch }))?;
    }
    Ok(head.bytes.len())
}

impl Chain {
    fn new(agent: &Arc<str>) -> Self {
        let agent = Arc::clone(agent);
        Self {
            agent,
            logs: Vec::new(),
            log: None,
            head: None,
            picked: None,
            is_picked: false,
            is_done: false,
            named: Named::default(),
        }
    }

    /// Reads the line before, unless it was read by who came to the position.
    fn read_head(&mut self, (disk, root, record): Store<'_>, after: &Position) -> Result<()> {
        while self.head.is_none() {
            if let (Some((ms, picked)), Some(record)) = (&mut self.picked, record) {
                let Some(place) = picked.offsets.pop() else {
                    self.picked = None;
                    continue;
                };
                if let Some(found) = record.read(&picked.file, &picked.path, place)? {
                    let ms = *ms;
                    self.take_head(ms, &found, after);
                    self.is_picked = true;
                }
                continue;
            }
            let Some((ms, log)) = &mut self.log else {
                let Some(name) = self.logs.pop() else { return Ok(()) };
                if let Some(record) = record.filter(|_| !name.grows)
                    && let Some((picked, _)) = pick((disk, root, record), &name, u64::MAX)?
                {
                    self.picked = Some((name.ms, picked));
                    continue;
                }
                self.log = Some((name.ms, ReverseLog::open(disk, root, &name, u64::MAX)?));
                continue;
            };
            let Some(found) = log.next()? else {
                self.log = None;
                continue;
            };
            let ms = *ms;
            self.take_head(ms, &found, after);
            self.is_picked = false;
        }
        Ok(())
    }

    fn take_head(&mut self, ms: u64, found: &Found, after: &Position) {
        if let Ok(line) = parse_line(&found.bytes) {
            self.is_done = is_read(after, ms, &self.agent, found.mark);
            self.head = Some(Pending::new(ms, found.mark, &found.bytes, &line, found.batch));
        }
    }
}

/// Appends the position of a line of a chain, of which the operation is that was taken, when the heads of the others come before it.
fn print_chains(
    out: &mut Vec<u8>,
    (disk, root, record): Store<'_>,
    chains: &mut [Chain],
    (place, taken, mark): (usize, &Pending, Mark),
) -> Result<()> {
    let mut standings = Vec::new();
    for (other, chain) in chains.iter_mut().enumerate() {
        let (mut last, mut next_ms) =
            (chain.head.as_ref().map(|head| (head.ms, head.mark)), chain.named.next_ms);
        if other == place {
            last = Some((taken.ms, mark));
        } else if record.is_some() && (last.is_none() || chain.is_picked) {
            let found = chain.named.sealed.before(disk, root, &chain.agent, taken.rank_ref())?;
            (last, next_ms) = (found.last, found.next_ms.or(next_ms));
        }
        standings.push(Standing { agent: &chain.agent, last, next_ms, growing_ms: chain.named.growing_ms });
    }
    print_standings(out, taken.ms, standings.into_iter());
    Ok(())
}
