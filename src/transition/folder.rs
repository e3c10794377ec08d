//! How the manifest of a folder changes. Every change but that of an archive that stands alone makes a new generation, with a
//! name of its own, by which readers tell what came after what.

use super::shared::{add_archived, kept_versions, pruned_until, raised_clock, remove_merged};
use crate::format::manifest::{Generation, LINEAGE, Manifest, Stats};
use crate::format::timestamp::iso_into;
use crate::format::versions::unmarked_version;

/// Of so many logs the manifest says up to where they count.
const LOG_ENDS: usize = 32;
/// Of so many logs the manifest says what they follow, where their first line does not.
const AFTER: usize = 32;

/// A snapshot that takes the place of the current one.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// Its path.
    pub path: &'a str,
    /// The schema version of its records.
    pub version: u32,
    /// The newest log whose operations it holds, with the schema version of the snapshot that it supersedes, if that is another one.
    pub former: Option<(String, u32)>,
    /// How many records it has.
    pub records: u64,
    /// When it was taken, in milliseconds since the epoch.
    pub now_ms: i64,
    /// How often the state had departed from what the logs say.
    pub departures: u64,
    /// Whether it holds migrated records: it is not what the logs say then.
    pub migrates: bool,
    /// The archive segment that its missing records went to.
    pub archived: Option<&'a Archived>,
}

/// An archive segment that records were added to.
#[derive(Debug, Clone)]
pub struct Archived {
    /// Its path.
    pub segment: String,
    /// How many records it did not have before.
    pub added: u64,
}

/// Logs that follow those that are sealed.
#[derive(Debug)]
pub struct NextLogs {
    /// Agents, and keys of sealed logs, with their logs.
    pub agents: Vec<(String, String)>,
    /// The log of the agent that seals.
    pub own: String,
    /// What every agent's clock is above.
    pub clock: u64,
}

/// The log that a single writer begins with, which takes a folder of agents over.
#[derive(Debug)]
pub struct TakenOver<'a> {
    /// Its path.
    pub log: &'a str,
    /// The newest log of the agents.
    pub previous: Option<&'a str>,
    /// What the clocks of agents are above.
    pub clock: u64,
}

/// How long a superseded snapshot is kept for readers of 0.8.1, which take no second look.
const KEEP_SUPERSEDED_MS: u64 = 10_000;
/// How many snapshots stay besides the current one, however old.
const KEEP_SUPERSEDED: usize = 1;

/// The manifest of a store that has just been created. Its `version` is 1 whatever the schema version
/// is, as 0.8.1 writes it.
pub fn fresh(current_snapshot: String, active_ops: String, now: String, came: Generation) -> Manifest {
    Manifest {
        version: 1,
        current_snapshot,
        active_ops,
        stats: Stats { created: now.clone(), last_checkpoint: now, ..Stats::default() },
        generation: 1,
        lineage: vec![came],
        ..Manifest::default()
    }
}

/// The next generation of a manifest.
#[must_use]
pub fn succeeded(mut manifest: Manifest, came: Generation) -> Manifest {
    manifest.generation += 1;
    manifest.lineage.insert(0, came);
    manifest.lineage.truncate(LINEAGE);
    manifest
}

/// A snapshot of a single writer takes the place of the head of its log, up to an offset; what stands behind that, if `is_carried_on`,
/// is at the head of the next log. `is_explained` says of which older logs the first line of this one tells. Returns the snapshots that can be deleted by now, too.
pub fn checkpointed(
    current: &Manifest,
    snapshot: &Snapshot<'_>,
    (log, end, is_carried_on): (String, u64, bool),
    is_explained: impl Fn(&str) -> bool,
    came: Generation,
) -> (Manifest, Vec<String>) {
    let (mut next, gone) = with_snapshot(current, snapshot);
    next.version = u64::from(snapshot.version);
    next.log_versions.clear();
    next.former_versions.extend(snapshot.former.clone());
    // An empty log is left out of the chain: nothing in it could say what it follows.
    if end > 0 {
        next.previous_ops = Some(current.active_ops.clone());
        next.previous_end = end;
        next.log_ends.retain(|(log, end)| *end > 0 || !is_explained(log));
    } else if is_carried_on {
        note_end(&mut next, current.active_ops.clone(), 0);
    }
    next.active_ops = log;
    (succeeded(next, came), gone)
}

/// All logs are sealed; the agents that are open go on with new ones.
pub fn sealed(current: &Manifest, next_logs: NextLogs, came: Generation) -> Manifest {
    let mut next = current.clone();
    next.active_agent_ops = Some(next_logs.agents);
    next.active_ops = next_logs.own;
    next.clock = raised_clock(next_logs.clock, current.clock);
    succeeded(next, came)
}

/// A snapshot takes the place of the sealed logs that went into it, and of the snapshot of version `before`. Logs that are still
/// named keep the version of their lines, unless they have none. Returns the snapshots that can be deleted by now, too.
pub fn published(
    current: &Manifest,
    snapshot: &Snapshot<'_>,
    merged: &[String],
    (before, is_empty): (u32, impl Fn(&str) -> bool),
    came: Generation,
) -> (Manifest, Vec<String>) {
    let (mut next, gone) = with_snapshot(current, snapshot);
    if let Some(logs) = &mut next.active_agent_ops {
        remove_merged(logs, merged);
        if planted!("others-late-operations-dropped") {
            logs.retain(|(_, path)| *path == current.active_ops);
        }
    }
    set_version(&mut next, (before, snapshot.version), is_empty);
    if let Some(former) = snapshot.former.clone() {
        next.former_versions.push(former);
        // NOTE: these bear the same times, and have lines of either version.
        let named = next.active_agent_ops.iter().flatten().map(|(_, path)| path).chain([&next.active_ops]);
        let of = |log: &String| {
            (log.clone(), unmarked_version(&next.log_versions, log.as_bytes(), snapshot.version))
        };
        let named: Vec<_> = named.map(of).collect();
        next.former_versions.extend(named);
    }
    if planted!("log-versions-forgotten") {
        next.log_versions.clear();
    }
    (succeeded(next, came), gone)
}

/// Records were added to an archive segment, and nothing else changed. The generation stays.
pub fn archived(current: &Manifest, Archived { segment, added }: &Archived) -> Manifest {
    let mut next = current.clone();
    add_archived(&mut next.archive_segments, &mut next.stats.archived_records, (segment, *added));
    next
}

/// An agent takes part, with a new log. In the folder of a single writer, whose log is read first if it is still to be read, with
/// the key that it has then; as in 0.8.1 `activeOps` then names an agent's.
pub fn registered(
    current: &Manifest,
    agent: &str,
    log: &str,
    single: Option<(String, String)>,
    came: Generation,
) -> Manifest {
    let mut next = current.clone();
    if next.active_agent_ops.is_none() {
        next.active_agent_ops = Some(single.into_iter().collect());
        log.clone_into(&mut next.active_ops);
    }
    next.active_agent_ops.get_or_insert_default().push((agent.to_owned(), log.to_owned()));
    succeeded(next, came)
}

/// A folder of agents is a single writer's again: everything is in a snapshot, or, where no snapshot can hold it, in the new
/// log. Returns the snapshots that can be deleted by now, too.
pub fn taken_over(
    current: &Manifest,
    TakenOver { log, previous, clock }: &TakenOver<'_>,
    snapshot: Option<&Snapshot<'_>>,
    came: Generation,
) -> (Manifest, Vec<String>) {
    let (mut next, gone) = match snapshot {
        Some(snapshot) => with_snapshot(current, snapshot),
        None => (current.clone(), Vec::new()),
    };
    next.version = snapshot.map_or(current.version, |snapshot| u64::from(snapshot.version));
    (*log).clone_into(&mut next.active_ops);
    next.active_agent_ops = None;
    next.log_versions.clear();
    // It follows no log of a single writer, and must not seem to follow one that agents came after.
    if let Some(path) = current.previous_ops.clone().filter(|_| current.previous_end > 0) {
        note_end(&mut next, path, current.previous_end);
    }
    next.previous_ops = previous.map(str::to_owned);
    next.previous_end = 0;
    next.departures = current.departures + 1;
    next.clock = raised_clock(*clock, current.clock);
    (succeeded(next, came), gone)
}

/// History was deleted: superseded snapshots, and logs, of which the newest one and the time of the last operation of all are
/// given. The generation stays.
pub fn pruned(
    current: &Manifest,
    is_gone: impl Fn(&str) -> bool,
    newest: Option<(String, String)>,
) -> Manifest {
    let mut next = current.clone();
    next.superseded.retain(|(path, _)| !is_gone(path));
    if let Some((path, until)) = newest.filter(|(_, until)| !until.is_empty()) {
        let before = next.pruned.take().map(|(_, until)| until).unwrap_or_default();
        next.pruned = Some((path, pruned_until(before, until)));
    }
    next
}

/// The first line of the current log, which is about to be followed by another one, does not say which log it follows.
#[must_use]
pub fn noted_after(current: &Manifest, after: &str) -> Manifest {
    let mut next = current.clone();
    next.after.retain(|(log, _)| *log != current.active_ops);
    next.after.push((current.active_ops.clone(), after.to_owned()));
    next.after.drain(..next.after.len().saturating_sub(AFTER));
    next
}

/// Notes up to where a log counts.
fn note_end(next: &mut Manifest, log: String, end: u64) {
    next.log_ends.retain(|(known, _)| *known != log);
    next.log_ends.push((log, end));
    next.log_ends.drain(..next.log_ends.len().saturating_sub(LOG_ENDS));
}

fn with_snapshot(current: &Manifest, snapshot: &Snapshot<'_>) -> (Manifest, Vec<String>) {
    let mut next = match snapshot.archived {
        Some(segment) => archived(current, segment),
        None => current.clone(),
    };
    let gone = supersede(&mut next, snapshot.path, snapshot.now_ms.max(0) as u64);
    next.stats.active_records = snapshot.records;
    next.stats.ops_count = 0;
    let mut taken = Vec::new();
    iso_into(&mut taken, snapshot.now_ms);
    next.stats.last_checkpoint = String::from_utf8_lossy(&taken).into_owned();
    let departs = u64::from(snapshot.migrates) + u64::from(snapshot.archived.is_some());
    next.departures = snapshot.departures + departs;
    (next, gone)
}

/// Puts another snapshot in the place of the current one. Returns those that can be deleted by now.
fn supersede(next: &mut Manifest, snapshot: &str, now_ms: u64) -> Vec<String> {
    let old = std::mem::replace(&mut next.current_snapshot, snapshot.to_owned());
    // A manifest without a generation was written by 0.8.1, and so may have been its snapshot.
    if next.generation > 0 {
        next.superseded.push((old, now_ms));
    }
    // A clock may have been ahead: a snapshot was superseded before those that came after it, and by now.
    let mut latest = now_ms;
    for (_, since) in next.superseded.iter_mut().rev() {
        latest = latest.min(*since);
        *since = latest;
    }
    let mut gone = Vec::new();
    while next.superseded.len() > KEEP_SUPERSEDED
        && next.superseded.first().is_some_and(|(_, since)| since + KEEP_SUPERSEDED_MS <= now_ms)
    {
        gone.push(next.superseded.remove(0).0);
    }
    gone
}

/// Names another version of the snapshot, in the place of `before`.
fn set_version(next: &mut Manifest, (before, version): (u32, u32), is_empty: impl Fn(&str) -> bool) {
    next.version = u64::from(version);
    let agents = next.active_agent_ops.iter().flatten().map(|(_, path)| path);
    let logs = agents.chain([&next.active_ops]).cloned().collect();
    next.log_versions = kept_versions(&next.log_versions, logs, (before, version), |log| is_empty(log));
}
