//! How the manifest of a store behind a backend changes.
//!
//! With agents, `activeAgentOps` also names logs that are read but no more appended to, by keys that no agent can have:
//! `sealed/<generation>/<agent>` for those that a generation sealed together, `left/<generation>/<agent>` for one that a
//! store left when another took its agentId. Fields that 0.8.1 ignores: `generation` counts the manifests; `stamp` differs
//! from one to the next, and `ancestors` are those of the last ones; `clock` is what every agent's clock is above; `sessions` says which store an agent's log belongs
//! to, `writer` which single writer is at work; `quiet` names agents that wrote nothing lately; `retired` the logs that
//! went into the last snapshots, each with the snapshot before; `older` the note of those before; `beginning` the snapshot with which
//! the store was created; `prunedTo` the snapshot up to which the history was pruned, `pruned` the newest log, the time of its end and that of the last archive; `fenced` how many operations of a log counted that others may still append to; `logVersions` the schema versions of
//! logs whose lines have another one than the snapshot (`format::versions`).

use std::sync::Arc;

use super::shared::{
    add_archived, goes_on, is_sealed, kept_versions, pruned_until, raised_clock, remove_merged,
};
use crate::format::document::{Manifest, Name, Numbering, Retired};

/// What each transition writes besides its own fields.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// The number of the manifest.
    pub generation: u64,
    /// A text that no other manifest has.
    pub stamp: Name,
}

/// A snapshot and what it stands for.
///
/// One struct: a transition takes it whole, and puts nearly every field into the manifest.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its path.
    pub path: Name,
    /// The schema version of its records.
    pub version: u64,
    /// That of the snapshot whose place it takes.
    pub version_before: u64,
    /// How many records it has.
    pub records: u64,
    /// How many operations the logs had that went into it.
    pub counts: Vec<(Name, u64)>,
    /// How many operations of a single writer's log did not go into it, but to the next log.
    pub kept: u64,
    /// What is noted of those operations.
    pub went: Went,
    /// Lists of retired logs that the manifest need not have any more.
    pub paged: Option<Paged>,
    /// When it was taken, as `toISOString` prints it.
    pub taken: Vec<u8>,
    /// The archive segment that the same change made or added to.
    pub archived: Option<Archived>,
}

/// What is noted of the operations that went into a snapshot.
#[derive(Debug, Clone, Default)]
pub struct Went {
    /// About how many bytes they have.
    pub bytes: u64,
    /// The time of the last one.
    pub until: Option<Name>,
    /// The note of what an archive took out behind them.
    pub archived: Option<Name>,
}

/// Lists of retired logs that went into a note.
#[derive(Debug, Clone)]
pub struct Paged {
    /// The note.
    pub path: Name,
    /// The last snapshot that it tells of.
    pub to: u64,
}

/// An archive segment that records were added to.
#[derive(Debug, Clone)]
pub struct Archived {
    /// Its path.
    pub path: Name,
    /// How many records it did not have before.
    pub added: u64,
}

/// Fields of a folder that is written without a backend, which lead its readers from log to log. Here they are there where the name of a
/// log does not tell which operations stand before its own: where a checkpoint has left some to the next log.
const WITHOUT_BACKEND: [&str; 3] = ["previousOps", "previousEnd", "lineage"];
/// How many retired logs the manifest tells of at most.
pub const RETIRED_LIMIT: usize = 128;
/// How many fenced logs the manifest tells of at most.
const FENCED_LIMIT: usize = 32;
/// How many stamps of earlier manifests a manifest has at most.
pub const ANCESTORS: usize = 8;

/// The generation that sealed a log with all others; 0 for a key that does not say. `None` for a log that a store left when
/// another one took its agentId: its operations stand among those of the logs that are appended to, by their clocks, until
/// all are sealed.
pub fn sealed_by(key: &[u8]) -> Option<u64> {
    if key.starts_with(LEFT) {
        return None;
    }
    let number = key.strip_prefix(SEALED).and_then(|rest| rest.split(|&byte| byte == b'/').next());
    Some(number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or_default())
}

/// The agent whose log has this key.
pub fn sealed_agent(key: &[u8]) -> &[u8] {
    let rest = key.strip_prefix(SEALED).or_else(|| key.strip_prefix(LEFT)).unwrap_or_default();
    let mut parts = rest.splitn(3, |&byte| byte == b'/').skip(1);
    parts.next().unwrap_or_default()
}

const SEALED: &[u8] = b"sealed/";
const LEFT: &[u8] = b"left/";

/// `left/<generation>/<agent>`: the generation tells such logs of one agent apart.
fn left_key(generation: u64, agent: &[u8]) -> Name {
    Arc::from([LEFT, generation.to_string().as_bytes(), b"/", agent].concat())
}

/// The key of a log from the generation on that seals all.
fn sealed_now(generation: u64, key: Name) -> Name {
    if !is_sealed(&key) {
        return sealed_key(generation, &key);
    }
    let Some(left) = key.strip_prefix(LEFT) else { return key };
    let left = left.split(|&byte| byte == b'/').next().unwrap_or_default();
    Arc::from([&*sealed_key(generation, sealed_agent(&key)), b"/", left].concat())
}

fn sealed_key(generation: u64, agent: &[u8]) -> Name {
    let mut key = format!("sealed/{generation}/").into_bytes();
    key.extend_from_slice(agent);
    Arc::from(key)
}

/// The manifest with the stamp that tells it from all others.
#[must_use]
pub fn stamped(manifest: &Manifest, Stamp { generation, stamp }: &Stamp) -> Manifest {
    let mut next = manifest.clone();
    if let Some(before) = manifest.text("stamp") {
        let mut ancestors = manifest.list("ancestors");
        ancestors.push(before);
        let surplus = ancestors.len().saturating_sub(ANCESTORS);
        next.set_list("ancestors", ancestors.get(surplus..).unwrap_or_default());
    }
    next.set_number("generation", *generation);
    next.set_text("stamp", stamp);
    for field in WITHOUT_BACKEND {
        next.remove(field);
    }
    if let Some((log, bytes)) = next.follows().filter(|_| next.agent_logs().is_none()) {
        next.set_text("previousOps", &log);
        next.set_number("previousEnd", bytes);
    }
    next
}

/// The manifest of a store that has just been created. Its `version` is 1 whatever the schema version is, as 0.8.1
/// writes it; a store that does not read the snapshot goes by what is noted of the log.
pub fn fresh(snapshot: &[u8], log: &Name, now: &[u8], version: u64) -> Manifest {
    let mut manifest = Manifest::empty();
    manifest.set_number("version", 1);
    manifest.set_text("currentSnapshot", snapshot);
    manifest.set_text("activeOps", log);
    manifest.set_list("archiveSegments", &[]);
    manifest.set_text("beginning", snapshot);
    let mut stats = Manifest::empty();
    for key in ["activeRecords", "archivedRecords", "opsCount"] {
        stats.set_number(key, 0);
    }
    stats.set_text("created", now);
    stats.set_text("lastCheckpoint", now);
    manifest.set("stats", stats.print());
    if version != 1 {
        manifest.set_log_versions(&[(Arc::clone(log), version)]);
    }
    manifest
}

/// A single writer says that the store is its own: an earlier one finds this after its next append.
pub fn claimed(manifest: &Manifest, session: &[u8]) -> Manifest {
    let mut next = manifest.clone();
    next.set_text("writer", session);
    next
}

/// The single writer is done: nothing of it is on its way.
pub fn released(manifest: &Manifest) -> Manifest {
    let mut next = manifest.clone();
    next.remove("writer");
    next
}

/// A copy of the log of a replaced single writer takes its place, with the operations that counted.
pub fn fenced(manifest: &Manifest, copy: &[u8], operations: u64) -> Manifest {
    let old = manifest.active_ops();
    let next = replaced(manifest, &old, copy);
    with_fence(&next, &[(old, operations)])
}

/// Says how many operations counted of logs that are named no more.
pub fn with_fence(manifest: &Manifest, counts: &[(Name, u64)]) -> Manifest {
    let mut next = manifest.clone();
    let mut fenced = manifest.numbers("fenced");
    fenced.extend_from_slice(counts);
    let surplus = fenced.len().saturating_sub(FENCED_LIMIT);
    next.set_numbers("fenced", fenced.get(surplus..).unwrap_or_default());
    next
}

/// Sealed logs without operations are named no more.
pub fn without_empty(manifest: &Manifest, empty: &[Name]) -> Manifest {
    let Some(mut logs) = manifest.agent_logs().filter(|_| !empty.is_empty()) else { return manifest.clone() };
    logs.retain(|(key, log)| !(is_sealed(key) && empty.contains(log)));
    let counts: Vec<(Name, u64)> = empty.iter().map(|log| (Arc::clone(log), 0)).collect();
    let mut next = with_fence(manifest, &counts);
    next.set_names("activeAgentOps", &logs);
    let mut noted = next.log_versions();
    noted.retain(|(log, _)| !empty.contains(log));
    if next.field("logVersions").is_some() {
        next.set_log_versions(&noted);
    }
    next
}

/// How many operations counted of a log that is named no more, if the manifest says.
pub fn fence_of(manifest: &Manifest, log: &[u8]) -> Option<u64> {
    manifest.numbers("fenced").iter().find(|(fenced, _)| **fenced == *log).map(|(_, count)| *count)
}

/// One log takes the place of another, wherever it is named: a copy without an operation that was undone or refused.
pub fn replaced(manifest: &Manifest, old: &[u8], copy: &[u8]) -> Manifest {
    let mut next = manifest.clone();
    if *manifest.active_ops() == *old {
        next.set_text("activeOps", copy);
    }
    if let Some(mut logs) = manifest.agent_logs() {
        for (_, log) in logs.iter_mut().filter(|(_, log)| **log == *old) {
            *log = Arc::from(copy);
        }
        next.set_names("activeAgentOps", &logs);
    }
    let mut noted = manifest.log_versions();
    if let Some(noted_log) = noted.iter_mut().find(|(log, _)| **log == *old) {
        noted_log.0 = Arc::from(copy);
        next.set_log_versions(&noted);
    }
    next
}

/// An agent takes part, with a log of its own: a new one, or the one that it had, if no store may still be at work there. With
/// a new one, one that it had is left. The log of a single writer is read before everything that agents write.
pub fn registered(
    manifest: &Manifest,
    agent: &[u8],
    session: &[u8],
    log: &[u8],
    generation: u64,
) -> Manifest {
    let mut next = manifest.clone();
    let mut logs = match manifest.agent_logs() {
        Some(logs) => logs,
        None => vec![(sealed_key(0, b""), manifest.active_ops())],
    };
    if !logs.iter().any(|(key, path)| **key == *agent && **path == *log) {
        for (key, _) in logs.iter_mut().filter(|(key, _)| **key == *agent) {
            *key = left_key(generation, agent);
        }
        logs.push((Arc::from(agent), Arc::from(log)));
    }
    if !logs.iter().any(|(_, path)| *path == manifest.active_ops()) {
        // It is named no more, but 0.8.1 would still read it, and what arrives in it late does not count.
        next.set_text("activeOps", log);
    }
    next.set_names("activeAgentOps", &logs);
    let mut sessions = manifest.names("sessions").unwrap_or_default();
    sessions.retain(|(key, _)| **key != *agent);
    sessions.push((Arc::from(agent), Arc::from(session)));
    next.set_names("sessions", &sessions);
    let mut quiet = manifest.list("quiet");
    quiet.retain(|quiet| **quiet != *agent);
    next.set_list("quiet", &quiet);
    next.remove("writer");
    next
}

/// The agent's store is done: nothing of it is on its way, and it needs no log before it is opened again.
pub fn agent_released(manifest: &Manifest, agent: &[u8]) -> Manifest {
    let mut next = manifest.clone();
    let mut sessions = manifest.names("sessions").unwrap_or_default();
    sessions.retain(|(known, _)| **known != *agent);
    next.set_names("sessions", &sessions);
    let mut quiet = manifest.list("quiet");
    quiet.retain(|quiet| **quiet != *agent);
    quiet.push(Arc::from(agent));
    next.set_list("quiet", &quiet);
    next
}

/// The agents that get a new log when all are sealed: those that have one and were not quiet, and the one that compacts.
pub fn going_on(manifest: &Manifest, agent: Option<&[u8]>) -> Vec<Name> {
    let Some(agent) = agent else { return Vec::new() };
    let quiet = manifest.list("quiet");
    let logs = manifest.agent_logs().unwrap_or_default();
    let mut going: Vec<Name> = logs.into_iter().map(|(key, _)| key).collect();
    going.retain(|key| goes_on(key, quiet.contains(key)));
    if !going.iter().any(|key| **key == *agent) {
        going.push(Arc::from(agent));
    }
    going
}

/// The logs that follow those that are sealed.
#[derive(Debug, Clone)]
pub struct NextLogs {
    /// Agents and their new logs.
    pub writers: Vec<(Name, Name)>,
    /// What `activeOps` says.
    pub active: Name,
    /// The agent that compacts, and its session.
    pub own: Option<(Name, Name)>,
}

/// All logs are sealed; those that write go on with new ones.
pub fn sealed(manifest: &Manifest, generation: u64, next_logs: &NextLogs, clock: u64) -> Manifest {
    let NextLogs { writers, active, own } = next_logs;
    let mut next = manifest.clone();
    let logs = manifest.agent_logs().unwrap_or_else(|| vec![(Arc::from(&b""[..]), manifest.active_ops())]);
    let mut logs: Vec<(Name, Name)> =
        logs.into_iter().map(|(key, log)| (sealed_now(generation, key), log)).collect();
    logs.extend_from_slice(writers);
    next.set_text("activeOps", active);
    next.set_names("activeAgentOps", &logs);
    let mut sessions = manifest.names("sessions").unwrap_or_default();
    sessions.retain(|(agent, _)| writers.iter().any(|(writer, _)| writer == agent));
    if let Some((agent, session)) = own {
        sessions.retain(|(known, _)| known != agent);
        sessions.push((Arc::clone(agent), Arc::clone(session)));
    }
    next.set_names("sessions", &sessions);
    next.set_list("quiet", &[]);
    next.set_number("clock", raised_clock(clock, manifest.number("clock")));
    next
}

/// A snapshot takes the place of the sealed logs that went into it. Without agents, a single writer is left.
pub fn published(
    manifest: &Manifest,
    snapshot: &Snapshot,
    merged: &[Name],
    quiet: &[Name],
    clock: u64,
) -> Manifest {
    let mut next = with_snapshot(manifest, snapshot, merged);
    let mut logs = manifest.agent_logs().unwrap_or_default();
    remove_merged(&mut logs, merged);
    next.set_number("clock", raised_clock(clock, manifest.number("clock")));
    if logs.is_empty() {
        for key in ["activeAgentOps", "sessions", "quiet"] {
            next.remove(key);
        }
    } else {
        let mut quiet = quiet.to_vec();
        quiet.retain(|agent| logs.iter().any(|(key, _)| key == agent));
        next.set_names("activeAgentOps", &logs);
        next.set_list("quiet", &quiet);
    }
    set_kept_versions(&mut next, snapshot);
    next
}

/// A snapshot of a single writer takes the place of its log, and a log follows with what the snapshot does not hold.
pub fn checkpointed(manifest: &Manifest, snapshot: &Snapshot, log: &[u8]) -> Manifest {
    let mut next = with_snapshot(manifest, snapshot, &[manifest.active_ops()]);
    next.set_text("activeOps", log);
    next.set_log_versions(&[]);
    next
}

/// The history begins behind this snapshot: what is before may be missing. Names the newest of its logs, and the time of the last of its
/// operations: that of an earlier one, where these logs hold none; and that of the last archive behind these, if there was one.
pub fn history_begins(
    manifest: &Manifest,
    to: u64,
    (newest, until): (&[u8], &[u8]),
    archive: Option<Name>,
) -> Manifest {
    let mut next = manifest.clone();
    let mut before = manifest.list("pruned").into_iter().skip(1);
    let until = pruned_until(before.next().unwrap_or_default(), Name::from(until));
    let mut pruned = vec![Arc::from(newest), until];
    pruned.extend(pruned_until(before.next(), archive));
    next.set_number("prunedTo", to);
    next.set_list("pruned", &pruned);
    next
}

/// The manifest tells no more of logs before the beginning of the history.
pub fn forgotten(manifest: &Manifest, has_older: bool) -> Manifest {
    let mut next = manifest.clone();
    let to = manifest.number("prunedTo");
    let mut retired = manifest.retired();
    // NOTE: the last one says how many snapshots there are.
    let last = retired.last().map_or(0, |retired| retired.snapshot);
    retired.retain(|retired| retired.snapshot > to || retired.snapshot == last);
    for gone in retired.iter_mut().filter(|retired| retired.snapshot <= to) {
        *gone = gone.forgotten();
    }
    next.set_retired(&retired);
    if !has_older {
        next.remove("older");
    }
    next
}

/// Records were added to an archive segment, and nothing else changed.
pub fn archived(manifest: &Manifest, Archived { path, added }: &Archived) -> Manifest {
    let mut next = manifest.clone();
    let (mut segments, mut stats) = (manifest.list("archiveSegments"), manifest.stats());
    let mut records = stats.number("archivedRecords");
    add_archived(&mut segments, &mut records, (path, *added));
    next.set_list("archiveSegments", &segments);
    stats.set_number("archivedRecords", records);
    next.set("stats", stats.print());
    next
}

/// Notes the schema version of the lines of every log that is still named, where it is not that of the new snapshot.
fn set_kept_versions(next: &mut Manifest, snapshot: &Snapshot) {
    let versions = (snapshot.version_before, snapshot.version);
    // NOTE: also that of a log without lines: a store that reads what comes may still go by the manifest before.
    let kept = kept_versions(&next.log_versions(), next.logs(), versions, |_| false);
    next.set_log_versions(&kept);
}

fn with_snapshot(manifest: &Manifest, snapshot: &Snapshot, merged: &[Name]) -> Manifest {
    let mut next = match &snapshot.archived {
        Some(segment) => archived(manifest, segment),
        None => manifest.clone(),
    };
    next.set_number("version", snapshot.version);
    next.set_text("currentSnapshot", &snapshot.path);
    let mut retired = manifest.retired();
    let count = |log: &Name| snapshot.counts.iter().find(|(path, _)| path == log).map(|(_, count)| *count);
    let counts = merged.iter().map(count).collect::<Option<Vec<u64>>>().unwrap_or_default();
    let Went { bytes, until, archived } = snapshot.went.clone();
    let (number, from) = (manifest.snapshots() + 1, Some(manifest.snapshot()));
    let (numbering, kept) = (manifest.numbering(), snapshot.kept);
    let usual = Numbering { era: manifest.snapshots(), first: 0 };
    let numbering = (numbering != usual).then_some(numbering);
    let logs = merged.to_vec();
    retired.push(Retired { snapshot: number, logs, counts, from, bytes, until, archived, numbering, kept });
    if let Some(paged) = &snapshot.paged {
        retired.retain(|retired| retired.snapshot > paged.to);
        next.set_text("older", &paged.path);
    }
    let mut count: usize = retired.iter().map(|retired| retired.logs.len()).sum();
    while retired.len() > 1 && count > RETIRED_LIMIT {
        count -= retired.remove(0).logs.len();
        // What the lists tell is to have no gap.
        next.remove("older");
    }
    next.set_retired(&retired);
    let mut stats = next.stats();
    stats.set_number("activeRecords", snapshot.records);
    stats.set_number("opsCount", 0);
    stats.set_text("lastCheckpoint", &snapshot.taken);
    next.set("stats", stats.print());
    next
}
