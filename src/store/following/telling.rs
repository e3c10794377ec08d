//! Telling what others wrote, each operation once: `tail()`. What is to be told is read again from the logs, or found in
//! memory, without holding the lock; should that fail, it is still to be told.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use hashbrown::HashSet;

use crate::disk::{DiskFile, OpenMode, read_full_at};
use crate::engine::{Id, Rank, Text};
use crate::error::{Error, Result};
use crate::format::operation::{Line, parse_line, public_text_into};
use crate::rules::copies::{is_one, tells_apart};
use crate::store::agents::operation_of;
use crate::store::following::seen::{Seen, SeenLine};
use crate::store::following::tail_queue::Span;
use crate::store::{State, Store};
use crate::wal::{LineReader, replay};
use crate::{layout, order};

/// What is to be told.
#[derive(Default)]
pub struct Telling {
    spans: Vec<Span>,
    /// Of a single writer's log, whose lines are in memory.
    held: Vec<Text>,
    /// Where these stand.
    held_in: Option<Span>,
    logs: Vec<LiveLog>,
}

/// A part of an agent's log that is being read.
pub(in crate::store) struct LiveLog {
    pub(in crate::store) number: u32,
    /// The schema version of lines without a mark.
    pub(in crate::store) version: u32,
    pub(in crate::store) relative: String,
    pub(in crate::store) path: PathBuf,
    pub(in crate::store) file: Arc<dyn DiskFile>,
    pub(in crate::store) lines: Vec<SeenLine>,
}

/// Operations as JSON texts, in lists of about so many bytes with commas between them.
struct Lists {
    limit: usize,
    done: Vec<Vec<u8>>,
    /// The lines themselves, each with its log, for a store that has not taken them in.
    lines: Option<Vec<(LogOf, Vec<u8>)>>,
}

/// A line of an agent, before it is put in its place, and its log.
struct Ranked {
    rank: Rank,
    log: LogOf,
    bytes: Vec<u8>,
}

/// The log of a line.
#[derive(Clone, Copy)]
enum LogOf {
    /// One that was left behind, or a single writer's.
    Left,
    /// One that is being read: its number, and the schema version of lines without a mark.
    Live(u32, u32),
}

impl Store {
    /// What others wrote since this was last asked. It counts as told from now on.
    pub fn take_tail(&self) -> Telling {
        let mut state = self.lock();
        state.checkpoints.holding.set_told(true);
        let mut telling = Telling { spans: state.following.tail_queue.take(), ..Telling::default() };
        if state.agents.is_some() {
            telling.logs = state.take_live_logs();
        } else {
            state.take_held(&mut telling);
        }
        drop(state);
        // What is to be told is still read.
        if telling.is_empty() {
            self.renew_hold();
        }
        telling
    }

    /// What others wrote so far need not be told.
    pub fn forget_tail(&self) {
        let was_told = self.lock().checkpoints.holding.is_told();
        drop(self.take_tail());
        self.lock().checkpoints.holding.set_told(was_told);
        self.renew_hold();
    }

    /// The operations that are to be told, in order, as lists of JSON texts with commas between them: each of about
    /// `limit` bytes, or one operation.
    ///
    /// # Errors
    /// `OPSLOG_IO`; all of them are still to be told then.
    pub fn tell(&self, telling: Telling, limit: usize) -> Result<Vec<Vec<u8>>> {
        let lines = self.options.skip_load.then(Vec::new);
        let mut lists = Lists { limit, done: Vec::new(), lines };
        match self.tell_into(&mut lists, &telling) {
            Ok(told) => {
                let mut state = self.lock_without_batch()?;
                state.following.tail_queue.remember(told);
                let shown = state.show(lists.lines.unwrap_or_default());
                shown.map_err(|source| self.read_failed(source))?;
                drop(state);
                self.renew_hold();
                Ok(lists.done)
            }
            Err(error) => {
                self.lock().give_back(telling);
                Err(error)
            }
        }
    }

    /// Returns the lines of the logs that were left behind.
    fn tell_into(&self, lists: &mut Lists, telling: &Telling) -> Result<Vec<(String, Seen)>> {
        let (mut ranked, mut told) = (Vec::new(), Vec::new());
        for group in telling.spans.chunk_by(|one, other| one.is_ranked == other.is_ranked) {
            ranked.clear();
            for span in group {
                let mut seen = Seen::new(&self.hasher);
                self.read_span(span, |offset, bytes, line| {
                    seen.push(offset, bytes);
                    match span.is_ranked {
                        true => ranked.push(Ranked::new(LogOf::Left, bytes, line)),
                        // What has a clock there was taken over from agents' logs, which tell of it.
                        false if line.clock.is_some() => {}
                        false => lists.add(LogOf::Left, bytes, line),
                    }
                })?;
                told.push((span.relative.clone(), seen));
            }
            // The last of them may stand among those of the logs that are being read.
            if !std::ptr::eq(group.as_ptr_range().end, telling.spans.as_ptr_range().end) {
                lists.add_ranked(std::mem::take(&mut ranked));
            }
        }
        for log in &telling.logs {
            log.read(self, &mut ranked)?;
        }
        lists.add_ranked(ranked);
        for text in &telling.held {
            let bytes = text.read().map_err(|source| self.read_failed(source))?;
            match parse_line(&bytes) {
                Ok(line) if line.clock.is_none() => lists.add(LogOf::Left, &bytes, &line),
                _ => {}
            }
        }
        Ok(told)
    }

    /// Reads a part of a log that was left behind. One that is gone has nothing to tell.
    fn read_span(&self, span: &Span, mut each: impl FnMut(u64, &[u8], &Line<'_>)) -> Result<()> {
        let path = layout::inside(&self.root, layout::OPS, &span.relative)?;
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        let (from, to) = (span.range.start, span.range.end);
        if to == u64::MAX {
            let each = |offset: u64, bytes: &[u8], line: &Line<'_>| {
                each(offset, bytes, line);
                Ok(ControlFlow::Continue(()))
            };
            return replay(&*file, &path, from, each).map(drop);
        }
        let mut reader = LineReader::new(&*file, from);
        loop {
            let line = reader.next_line().map_err(|source| Error::io("read", &path, source))?;
            let Some(raw) = line.filter(|raw| raw.offset < to) else { return Ok(()) };
            if let Ok(line) = parse_line(raw.bytes) {
                each(raw.offset, raw.bytes, &line);
            }
        }
    }
}

impl State {
    fn take_held(&mut self, telling: &mut Telling) {
        let told = self.following.seen.told_lines();
        let Some(first) = self.following.seen.lines.get(told) else { return };
        let range = first.offset..self.following.seen.end();
        telling.held_in =
            Some(Span { relative: self.logs.wal.relative().to_owned(), range, is_ranked: false });
        let operations = self.engine.operations().iter().skip(told);
        telling.held = operations.map(|operation| operation.line.clone()).collect();
        self.following.seen.all_told();
    }

    /// Shows what was told, which a store that loads nothing has not taken in.
    fn show(&mut self, lines: Vec<(LogOf, Vec<u8>)>) -> std::io::Result<()> {
        // NOTE: as long as the whole log. A store that has taken in what it tells has no lines here.
        let known: HashSet<Id> = match lines.iter().any(|(log, _)| matches!(log, LogOf::Left)) {
            true => self.engine.operations().iter().map(|operation| Arc::clone(&operation.id)).collect(),
            false => HashSet::new(),
        };
        let mut added = Vec::new();
        for (log, bytes) in lines {
            let Ok(line) = parse_line(&bytes) else { continue };
            match log {
                // What is in memory comes behind it.
                LogOf::Left if known.contains(&*line.id) => {}
                LogOf::Left => self.show_below(&line, &bytes)?,
                LogOf::Live(number, version) => {
                    let agent = line.agent.as_deref().unwrap_or_default().into();
                    let version = line.version.unwrap_or(version);
                    let text = Text::Held(bytes.as_slice().into());
                    added.push(operation_of(text, &bytes, (number, version), &line, &agent));
                }
            }
        }
        self.engine.integrate(added, &[])?;
        if self.agents.is_some() {
            // NOTE: they are in a log, though not in this store's own.
            self.note_all_written();
        }
        Ok(())
    }

    fn show_below(&mut self, line: &Line<'_>, bytes: &[u8]) -> std::io::Result<()> {
        let (id, rank): (Id, Rank) = ((&*line.id).into(), rank_of(line));
        if self.shows_later(&id, &rank) {
            return Ok(());
        }
        match line.data.clone().and_then(|range| bytes.get(range)) {
            Some(data) => {
                let version = line.version.unwrap_or(self.versions.snapshot);
                self.engine.load(&id, Text::Held(data.into()), version)
            }
            None => self.engine.unload(&id),
        }
    }

    fn give_back(&mut self, telling: Telling) {
        let mut spans = telling.spans;
        for LiveLog { relative, lines, .. } in telling.logs {
            if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
                spans.push(Span { relative, range: first.offset..last.end(), is_ranked: true });
            }
        }
        match telling.held_in {
            Some(held) if held.relative == self.logs.wal.relative() => {
                self.following.seen.tell_from(held.range.start);
            }
            held => spans.extend(held),
        }
        self.following.tail_queue.give_back(spans);
    }
}

impl Telling {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.held.is_empty() && self.logs.is_empty()
    }

    /// How many bytes of logs are to be read for it, as far as that is known; `None` if it may be any number.
    pub fn size(&self) -> Option<u64> {
        if self.spans.iter().any(|span| span.range.end == u64::MAX) {
            return None;
        }
        let spans: u64 = self.spans.iter().map(|span| span.range.end - span.range.start).sum();
        let logs = self.logs.iter().flat_map(|log| &log.lines).map(|line| u64::from(line.len)).sum::<u64>();
        Some(spans + logs + self.held.iter().map(|text| text.len() as u64).sum::<u64>())
    }
}

impl LiveLog {
    /// Reads the lines again. Those that are no longer there were undone, as the next look will find.
    fn read(&self, store: &Store, ranked: &mut Vec<Ranked>) -> Result<()> {
        let (Some(first), Some(last)) = (self.lines.first(), self.lines.last()) else { return Ok(()) };
        let mut bytes = vec![0; (last.end() - first.offset) as usize];
        let read = read_full_at(&*self.file, &mut bytes, first.offset);
        read.map_err(|source| Error::io("read", &self.path, source))?;
        for line in &self.lines {
            let start = (line.offset - first.offset) as usize;
            let Some(text) = bytes.get(start..start + line.len as usize) else { break };
            if !line.is(&store.hasher, text) {
                break;
            }
            if let Ok(parsed) = parse_line(text) {
                ranked.push(Ranked::new(LogOf::Live(self.number, self.version), text, &parsed));
            }
        }
        Ok(())
    }
}

impl Lists {
    fn add(&mut self, log: LogOf, bytes: &[u8], line: &Line<'_>) {
        if let Some(lines) = &mut self.lines {
            lines.push((log, bytes.to_vec()));
        }
        let limit = self.limit;
        match self.done.last_mut().filter(|list| list.len() + bytes.len() < limit) {
            Some(list) => {
                list.push(b',');
                public_text_into(list, bytes, line);
            }
            None => {
                let mut list = Vec::new();
                public_text_into(&mut list, bytes, line);
                self.done.push(list);
            }
        }
    }

    fn add_ranked(&mut self, mut ranked: Vec<Ranked>) {
        order::sort_by(&mut ranked, |one, other| one.rank.cmp(&other.rank));
        for (at, one) in ranked.iter().enumerate() {
            let before = ranked.get(..at).unwrap_or_default().iter().rev();
            let is_of_rank = |before: &&Ranked| before.rank == one.rank && tells_apart(one.rank.clock);
            if before.take_while(is_of_rank).any(|before| is_one(&before.bytes, &one.bytes)) {
                continue;
            }
            if let Ok(line) = parse_line(&one.bytes) {
                self.add(one.log, &one.bytes, &line);
            }
        }
    }
}

impl Ranked {
    fn new(log: LogOf, bytes: &[u8], line: &Line<'_>) -> Self {
        Self { rank: rank_of(line), log, bytes: bytes.to_vec() }
    }
}

fn rank_of(line: &Line<'_>) -> Rank {
    Rank { clock: line.clock.unwrap_or(0), agent: line.agent.as_deref().unwrap_or_default().into() }
}
