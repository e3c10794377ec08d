//! The manifest: which snapshot and logs are current. 0.8.1's fields in its order and layout, then ours,
//! which it ignores.
//!
//! Invariant: accepted exactly when 0.8.1 accepts it; a field of ours that makes no sense counts as
//! absent. Paths are not checked here.

use std::hash::{BuildHasher, RandomState};

use super::Invalid;
use super::fields::{Fields, counter, integer, lossy, non_empty_string};
use crate::json::array::elements;
use crate::json::number::push_integer;
use crate::json::object::sort_keys;
use crate::json::reformat::pretty_into;
use crate::json::string::escape_into;

/// Which files make up the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Schema version of the records.
    pub version: u64,
    /// Path of the snapshot.
    pub current_snapshot: String,
    /// Path of the log.
    pub active_ops: String,
    /// Agents and their logs, where many may write.
    pub active_agent_ops: Option<Vec<(String, String)>>,
    /// Paths of the archive segments.
    pub archive_segments: Vec<String>,
    /// Counts and times.
    pub stats: Stats,
    /// Ours: counts the manifests of this folder.
    pub generation: u64,
    /// Ours: the highest Lamport clock that was published.
    pub clock: u64,
    /// Ours: the log that `active_ops` follows.
    pub previous_ops: Option<String>,
    /// Ours: how many bytes of `previous_ops` the snapshot holds. What stands behind them in that log is at
    /// the head of `active_ops` too.
    pub previous_end: u64,
    /// Ours: how often a snapshot was not what the logs before it say: records went to an archive, or an agent undid
    /// an operation.
    pub departures: u64,
    /// Ours: snapshots that are no longer current and not deleted yet, oldest first, each with the
    /// millisecond at which it was superseded.
    pub superseded: Vec<(String, u64)>,
    /// Ours: the newest log that was pruned, and the time of the last operation of all that were. Those up to it may be missing.
    pub pruned: Option<(String, String)>,
    /// Ours: logs whose lines have another schema version than the snapshot, and which.
    pub log_versions: Vec<(String, u32)>,
    /// Ours: the last generations, this one first.
    pub lineage: Vec<Generation>,
}

/// A generation of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// A random name that no other has.
    pub name: String,
    /// The times in the names of the logs that came with it.
    pub logs_ms: Vec<u64>,
}

/// How one manifest of a folder came after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descent {
    /// By changes of the other one.
    Follows,
    /// It did not: the folder was put back to what it was before, perhaps to be changed in another way since.
    Diverges,
    /// It does not say: too many generations lie between, or one of the two was written by 0.8.1.
    Unknown,
}

/// How many generations a manifest can name.
const LINEAGE: usize = 32;

/// Counts and times in the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records in the snapshot.
    pub active_records: u64,
    /// Records in archive segments.
    pub archived_records: u64,
    /// Operations since the snapshot, as of the last writing.
    pub ops_count: u64,
    /// When the store was created.
    pub created: String,
    /// When the snapshot was taken.
    pub last_checkpoint: String,
}

/// Reads a manifest.
///
/// # Errors
/// [`Invalid`] exactly when 0.8.1 refuses it.
pub fn parse(text: &[u8]) -> Result<Manifest, Invalid> {
    let fields = Fields::read(text)?.ok_or(Invalid::Rule("not an object"))?;
    let version = fields
        .integer("version")
        .filter(|&version| version >= 1)
        .ok_or(Invalid::Rule("version must be a positive finite integer"))?;
    let current_snapshot =
        fields.string("currentSnapshot").ok_or(Invalid::Rule("missing currentSnapshot"))?;
    let active_ops = fields.string("activeOps").ok_or(Invalid::Rule("missing activeOps"))?;
    let archive_segments = fields
        .get("archiveSegments")
        .and_then(elements)
        .ok_or(Invalid::Rule("archiveSegments must be an array"))?
        .into_iter()
        .map(non_empty_string)
        .collect::<Option<_>>()
        .ok_or(Invalid::Rule("archiveSegments entries must be non-empty strings"))?;
    let stats = parse_stats(&fields.object("stats").ok_or(Invalid::Rule("missing stats"))?)?;
    let active_agent_ops = match fields.get("activeAgentOps") {
        None => None,
        Some(agents) => Some(parse_agents(agents)?),
    };
    let superseded = fields.get("superseded").and_then(elements).unwrap_or_default();
    Ok(Manifest {
        version,
        current_snapshot,
        active_ops,
        active_agent_ops,
        archive_segments,
        stats,
        generation: fields.counter("generation").unwrap_or_default(),
        clock: fields.integer("clock").unwrap_or_default(),
        previous_ops: fields.string("previousOps"),
        previous_end: fields.counter("previousEnd").unwrap_or_default(),
        departures: fields.counter("departures").unwrap_or_default(),
        superseded: superseded.into_iter().filter_map(parse_superseded).collect(),
        pruned: fields.get("pruned").and_then(parse_pruned),
        log_versions: fields.object("logVersions").as_ref().map(parse_log_versions).unwrap_or_default(),
        lineage: fields.string("lineage").map(|names| parse_lineage(&names)).unwrap_or_default(),
    })
}

fn parse_stats(stats: &Fields<'_>) -> Result<Stats, Invalid> {
    let integer = |name, rule| stats.integer(name).ok_or(Invalid::Rule(rule));
    let string = |name, rule| stats.string(name).ok_or(Invalid::Rule(rule));
    Ok(Stats {
        active_records: integer("activeRecords", "stats.activeRecords must be a non-negative integer")?,
        archived_records: integer("archivedRecords", "stats.archivedRecords must be a non-negative integer")?,
        ops_count: integer("opsCount", "stats.opsCount must be a non-negative integer")?,
        created: string("created", "stats.created must be a non-empty string")?,
        last_checkpoint: string("lastCheckpoint", "stats.lastCheckpoint must be a non-empty string")?,
    })
}

fn parse_agents(value: &[u8]) -> Result<Vec<(String, String)>, Invalid> {
    let fields = Fields::read(value)?.ok_or(Invalid::Rule("activeAgentOps must be an object"))?;
    fields
        .iter()
        .map(|(agent, path)| Some((lossy(agent), non_empty_string(path)?)))
        .collect::<Option<_>>()
        .ok_or(Invalid::Rule("activeAgentOps values must be non-empty strings"))
}

fn parse_log_versions(fields: &Fields<'_>) -> Vec<(String, u32)> {
    let version = |value| integer(value).and_then(|version| u32::try_from(version).ok()).filter(|&n| n >= 1);
    fields.iter().filter_map(|(path, value)| Some((lossy(path), version(value)?))).collect()
}

fn parse_superseded(value: &[u8]) -> Option<(String, u64)> {
    match elements(value)?.as_slice() {
        [path, ms] => Some((non_empty_string(path)?, counter(ms)?)),
        _ => None,
    }
}

fn parse_pruned(value: &[u8]) -> Option<(String, String)> {
    match elements(value)?.as_slice() {
        [path, until] => Some((non_empty_string(path)?, non_empty_string(until)?)),
        _ => None,
    }
}

/// Generations, separated by spaces: each a name, and behind it the times, with an `@` before each.
fn parse_lineage(text: &str) -> Vec<Generation> {
    let generations = text.split(' ').take(LINEAGE).map(|generation| {
        let mut parts = generation.split('@');
        let name = parts.next().unwrap_or_default().to_owned();
        Generation { name, logs_ms: parts.filter_map(|ms| ms.parse().ok()).collect() }
    });
    generations.collect()
}

/// How long a superseded snapshot is kept for readers of 0.8.1, which take no second look.
const KEEP_SUPERSEDED_MS: u64 = 10_000;
/// How many snapshots stay besides the current one, however old.
const KEEP_SUPERSEDED: usize = 1;

impl Manifest {
    /// Puts another snapshot in the place of the current one. Returns those that can be deleted by now.
    pub fn supersede(&mut self, snapshot: String, now_ms: u64) -> Vec<String> {
        let old = std::mem::replace(&mut self.current_snapshot, snapshot);
        // A manifest without a generation was written by 0.8.1, and so may have been its snapshot.
        if self.generation > 0 {
            self.superseded.push((old, now_ms));
        }
        // A clock may have been ahead: a snapshot was superseded before those that came after it, and by now.
        let mut latest = now_ms;
        for (_, since) in self.superseded.iter_mut().rev() {
            latest = latest.min(*since);
            *since = latest;
        }
        let mut gone = Vec::new();
        while self.superseded.len() > KEEP_SUPERSEDED
            && self.superseded.first().is_some_and(|(_, since)| since + KEEP_SUPERSEDED_MS <= now_ms)
        {
            gone.push(self.superseded.remove(0).0);
        }
        gone
    }

    /// The manifest of a store that has just been created. Its `version` is 1 whatever the schema version
    /// is, as 0.8.1 writes it.
    pub fn fresh(current_snapshot: String, active_ops: String, now: String) -> Self {
        Self {
            version: 1,
            current_snapshot,
            active_ops,
            stats: Stats { created: now.clone(), last_checkpoint: now, ..Stats::default() },
            generation: 1,
            lineage: vec![Generation::new(Vec::new())],
            ..Self::default()
        }
    }

    /// Makes it the manifest of the next generation, with which logs came that bear these times in their names.
    pub fn succeed(&mut self, logs_ms: Vec<u64>) {
        self.generation += 1;
        self.lineage.insert(0, Generation::new(logs_ms));
        self.lineage.truncate(LINEAGE);
    }

    /// How it came after another manifest of the same folder.
    pub fn descent_from(&self, known: &Self) -> Descent {
        let is_older = self.generation > 0 && self.generation < known.generation;
        match known.lineage.first() {
            _ if self.since(known).is_some() => Descent::Follows,
            _ if is_older => Descent::Diverges,
            Some(_) if !self.lineage.is_empty() => {
                let between = self.generation - known.generation;
                if between < self.lineage.len() as u64 { Descent::Diverges } else { Descent::Unknown }
            }
            _ => Descent::Unknown,
        }
    }

    /// The times in the names of the logs that came since another manifest was in force, if that can be told.
    pub fn logs_since(&self, known: &Self) -> Option<Vec<u64>> {
        Some(self.since(known)?.iter().flat_map(|generation| &generation.logs_ms).copied().collect())
    }

    /// The generations since that of another manifest, if it names that one.
    fn since(&self, known: &Self) -> Option<&[Generation]> {
        let known = known.lineage.first()?;
        let place = self.lineage.iter().position(|generation| generation.name == known.name)?;
        self.lineage.get(..place)
    }

    /// The manifest's file content: what `JSON.stringify(manifest, null, 2)` prints. Fields of ours that
    /// have their default are left out.
    pub fn print(&self) -> String {
        let mut text = Vec::with_capacity(512);
        let out = &mut text;
        out.push(b'{');
        push_number(out, "version", self.version);
        push_string(out, "currentSnapshot", &self.current_snapshot);
        push_string(out, "activeOps", &self.active_ops);
        if let Some(agents) = &self.active_agent_ops {
            push_key(out, "activeAgentOps");
            push_agents(out, agents);
        }
        push_key(out, "archiveSegments");
        push_list(out, &self.archive_segments, |out, path| escape_into(out, path.as_bytes()));
        push_key(out, "stats");
        out.push(b'{');
        push_number(out, "activeRecords", self.stats.active_records);
        push_number(out, "archivedRecords", self.stats.archived_records);
        push_number(out, "opsCount", self.stats.ops_count);
        push_string(out, "created", &self.stats.created);
        push_string(out, "lastCheckpoint", &self.stats.last_checkpoint);
        out.push(b'}');
        self.push_ours(out);
        out.push(b'}');
        let mut pretty = Vec::with_capacity(2 * text.len());
        pretty_into(&mut pretty, &text, 0);
        lossy(&pretty)
    }

    fn push_ours(&self, out: &mut Vec<u8>) {
        if self.generation > 0 {
            push_number(out, "generation", self.generation);
        }
        if self.clock > 0 {
            push_number(out, "clock", self.clock);
        }
        if let Some(path) = &self.previous_ops {
            push_string(out, "previousOps", path);
        }
        if self.previous_end > 0 {
            push_number(out, "previousEnd", self.previous_end);
        }
        if self.departures > 0 {
            push_number(out, "departures", self.departures);
        }
        if !self.superseded.is_empty() {
            push_key(out, "superseded");
            push_list(out, &self.superseded, |out, (path, ms)| {
                out.push(b'[');
                escape_into(out, path.as_bytes());
                out.push(b',');
                push_integer(out, *ms);
                out.push(b']');
            });
        }
        if let Some((path, until)) = &self.pruned {
            push_key(out, "pruned");
            push_list(out, &[path, until], |out, text| escape_into(out, text.as_bytes()));
        }
        if !self.log_versions.is_empty() {
            push_key(out, "logVersions");
            out.push(b'{');
            for (path, version) in &self.log_versions {
                push_number(out, path, u64::from(*version));
            }
            out.push(b'}');
        }
        if !self.lineage.is_empty() {
            let generations: Vec<String> = self.lineage.iter().map(Generation::print).collect();
            push_string(out, "lineage", &generations.join(" "));
        }
    }
}

impl Generation {
    fn new(logs_ms: Vec<u64>) -> Self {
        Self { name: format!("{:08x}", RandomState::new().hash_one(()) as u32), logs_ms }
    }

    fn print(&self) -> String {
        self.logs_ms.iter().fold(self.name.clone(), |text, ms| format!("{text}@{ms}"))
    }
}

fn push_agents(out: &mut Vec<u8>, agents: &[(String, String)]) {
    let mut agents: Vec<_> = agents.iter().collect();
    sort_keys(&mut agents, |(agent, _)| agent.as_bytes());
    out.push(b'{');
    for (agent, path) in agents {
        push_string(out, agent, path);
    }
    out.push(b'}');
}

fn push_list<T>(out: &mut Vec<u8>, items: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

/// Starts a member, behind a comma unless it is the first.
fn push_key(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    escape_into(out, key.as_bytes());
    out.push(b':');
}

fn push_number(out: &mut Vec<u8>, key: &str, value: u64) {
    push_key(out, key);
    push_integer(out, value);
}

fn push_string(out: &mut Vec<u8>, key: &str, value: &str) {
    push_key(out, key);
    escape_into(out, value.as_bytes());
}
