//! The operations of all logs that a manifest names, in the one order that every reader agrees on, each of them once.
//! The generation that sealed a log comes first, since snapshots come about in that order; then the clock, then the agent
//! by UTF-16 code units.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::carrier::{Carrier, Error};
use super::join::join_all;
use crate::engine::{Id, compare_ranks};
use crate::error::Code;
use crate::format::document::{Manifest, Name, Numbering};
use crate::format::operation::{parse_line, unmarked};
use crate::json::number::to_integer;
use crate::order;
use crate::transition::backend::sealed_by;
use crate::transition::shared::is_sealed;

/// A log to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its path.
    pub path: Name,
    /// The generation that sealed it; [`Log::LIVE`] for one that is appended to, and for one that was left among them.
    pub generation: u64,
    /// Whether a store appends to it.
    pub is_live: bool,
    /// Tells operations without an agent apart.
    pub numbering: Numbering,
    /// The schema version of its operations, where it is known.
    pub version: Option<u64>,
    /// How many of its operations count, where the manifest says: a line behind them was refused.
    pub fence: Option<u64>,
}

impl Log {
    /// Of a log that is appended to.
    pub const LIVE: u64 = u64::MAX;
}

/// An operation as it was read.
///
/// One struct: most fields are members of one line, which is read once and asked often.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The line, with its marks.
    pub line: Arc<[u8]>,
    /// The record.
    pub id: Id,
    /// Where the new value stands in the line.
    pub data: Option<Range<usize>>,
    /// The clock; 0 for an operation of a single writer.
    pub clock: u64,
    /// The clock that the operation had when it was appended for the first time.
    pub first: u64,
    /// Whether it was appended again.
    pub is_again: bool,
    /// The agent; empty for a single writer.
    pub agent: Name,
    /// What tells it from all other operations, wherever it stands.
    pub identity: Arc<[u8]>,
    /// The log that it was read from.
    pub log: Name,
    /// See [`Log::generation`].
    pub generation: u64,
    /// The schema version of its value, if it or its log says one; else it is that of the snapshot.
    pub version: Option<u64>,
}

impl Entry {
    /// What tells an operation from all others, for a line that stands at a place of a log.
    pub fn identity_of(line: &[u8], index: usize, log: &Log) -> Option<Arc<[u8]>> {
        Self::read(line.to_vec(), index, log).map(|entry| entry.identity)
    }

    fn read(line: Vec<u8>, index: usize, log: &Log) -> Option<Self> {
        Self::of(&Arc::from(line), index, log)
    }

    /// The operation of a line that stands at a place of a log.
    pub(super) fn of(line: &Arc<[u8]>, index: usize, log: &Log) -> Option<Self> {
        let parsed = parse_line(line).ok()?;
        let agent: Name = Arc::from(parsed.agent.as_deref().unwrap_or_default());
        let clock = parsed.clock.unwrap_or_default();
        let first = parsed.again.unwrap_or(clock);
        let mut identity = Vec::with_capacity(64);
        if agent.is_empty() {
            // Without an agent, its place must do.
            let Numbering { era, first } = log.numbering;
            identity.extend_from_slice(format!("{era}/{}/", first + index as u64).as_bytes());
            identity.extend_from_slice(&unmarked(line));
        } else {
            for part in [&*agent, first.to_string().as_bytes(), &parsed.ts(line), &parsed.id] {
                identity.extend_from_slice(part);
                identity.push(b'\n');
            }
            identity.push(b'0' + u8::from(parsed.data.is_some()));
        }
        Some(Self {
            id: (&*parsed.id).into(),
            data: parsed.data.clone(),
            clock,
            first,
            is_again: parsed.again.is_some(),
            agent,
            identity: Arc::from(identity),
            log: Arc::clone(&log.path),
            generation: log.generation,
            version: parsed.version.map(u64::from).or(log.version),
            line: Arc::clone(line),
        })
    }

    /// Its number among the operations without an agent, see [`Numbering`]; `None` of an agent's.
    pub(super) fn number(&self) -> Option<Numbering> {
        let mut parts = self.identity.splitn(3, |&byte| byte == b'/').filter(|_| self.agent.is_empty());
        Some(Numbering { era: to_integer(parts.next()?)?, first: to_integer(parts.next()?)? })
    }

    fn order(&self, other: &Self) -> Ordering {
        let ranked = || compare_ranks((self.clock, &self.agent), (other.clock, &other.agent));
        self.generation.cmp(&other.generation).then_with(ranked)
    }
}

/// The logs that a manifest names, each once.
pub fn logs_of(manifest: &Manifest) -> Vec<Log> {
    let numbering = manifest.numbering();
    let versions = manifest.log_versions();
    let version = |path: &Name| versions.iter().find(|(log, _)| log == path).map(|(_, version)| *version);
    let log = |path: Name, generation, is_live| Log {
        version: version(&path),
        path,
        generation,
        is_live,
        numbering,
        fence: None,
    };
    let Some(named) = manifest.agent_logs() else { return vec![log(manifest.active_ops(), Log::LIVE, true)] };
    let mut logs: Vec<Log> = Vec::new();
    for (key, path) in named {
        let is_live = !is_sealed(&key);
        let left = if planted!("world-left-log-first") { 0 } else { Log::LIVE };
        let generation = if is_live { Log::LIVE } else { sealed_by(&key).unwrap_or(left) };
        match logs.iter_mut().find(|known| known.path == path) {
            Some(known) => {
                known.generation = known.generation.min(generation);
                known.is_live &= is_live;
            }
            None => logs.push(log(path, generation, is_live)),
        }
    }
    logs
}

/// The sealed logs among them, which no write that counts goes to.
pub fn sealed_logs(manifest: &Manifest) -> Vec<Log> {
    let mut logs = logs_of(manifest);
    logs.retain(|log| log.generation < Log::LIVE);
    logs
}

/// The operations of some logs in their order.
///
/// # Errors
/// Those of reading; `OPSLOG_CORRUPT` for something that is no operation.
pub async fn read_logs(carrier: &impl Carrier, logs: &[Log], merge: bool) -> Result<Vec<Entry>, Error> {
    Ok(read_counted(carrier, logs, merge).await?.0)
}

/// As [`read_logs`]. Also says how many different operations each log has.
///
/// # Errors
/// As for [`read_logs`].
pub async fn read_counted(
    carrier: &impl Carrier,
    logs: &[Log],
    merge: bool,
) -> Result<(Vec<Entry>, Vec<(Name, u64)>), Error> {
    let mut found = Vec::new();
    let mut counts = Vec::with_capacity(logs.len());
    let read = join_all(logs.iter().map(|log| carrier.read_log(&log.path))).await;
    for (log, lines) in logs.iter().zip(read) {
        let lines = lines?;
        found.reserve(lines.len());
        let mut known = HashSet::with_capacity(lines.len());
        for (index, line) in lines.into_iter().enumerate() {
            let entry = Entry::read(line, index, log).ok_or_else(|| no_operation(&log.path, index))?;
            let is_counted = known.contains(&entry.identity);
            if !is_counted && log.fence.is_some_and(|fence| known.len() as u64 >= fence) {
                continue;
            }
            known.insert(Arc::clone(&entry.identity));
            found.push(entry);
        }
        counts.push((Arc::clone(&log.path), known.len() as u64));
    }
    if merge {
        in_order(&mut found);
    }
    Ok((found, counts))
}

/// Brings the operations of agents' logs into their order.
pub fn in_order(entries: &mut Vec<Entry>) {
    order::sort_by(entries, Entry::order);
    keep_last_copies(entries);
}

/// The operations of all logs that a manifest names.
///
/// # Errors
/// As for [`read_logs`].
pub async fn read_all(carrier: &impl Carrier, manifest: &Manifest) -> Result<Vec<Entry>, Error> {
    read_logs(carrier, &logs_of(manifest), manifest.agent_logs().is_some()).await
}

/// The highest clock among operations.
pub fn highest_clock(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.clock).max().unwrap_or_default()
}

/// An operation that was appended again with a higher clock stands where its last copy stands.
fn keep_last_copies(entries: &mut Vec<Entry>) {
    if planted!("world-copies-kept") {
        return;
    }
    let mut last: HashMap<Arc<[u8]>, usize> = HashMap::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        last.insert(Arc::clone(&entry.identity), place);
    }
    if last.len() == entries.len() {
        return;
    }
    let mut place = 0;
    entries.retain(|entry| {
        place += 1;
        last.get(&entry.identity) == Some(&(place - 1))
    });
}

fn no_operation(log: &Name, index: usize) -> Error {
    let path = String::from_utf8_lossy(log);
    Error::rule(
        Code::Corrupt,
        format!("readOps(\"{path}\") returned something at index {index} that is no operation"),
    )
    .at(log)
}
