//! The manifest: which snapshot and logs are current. 0.8.1's fields in its order and layout, then ours,
//! which it ignores.
//!
//! Invariant: accepted exactly when 0.8.1 accepts it; a field of ours that makes no sense counts as
//! absent. Fields of newer versions keep their texts. Paths are not checked here. How a manifest changes: `transition`.

mod lineage;
mod print;

use super::Invalid;
use super::fields::{Fields, counter, integer, lossy, non_empty_string};
use crate::json::array::elements;
use crate::json::reformat::compact_into;

pub use lineage::{Descent, Generation, LINEAGE};

/// Members that this version does not know: keys, as WTF-8, and the texts of their values.
pub type Others = Vec<(Vec<u8>, Vec<u8>)>;

/// Which files make up the store.
///
/// One struct: its fields are the members of `manifest.json`.
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
    /// Ours: logs that are named no more, each with the schema version of the values in its lines, and in those of older logs that stand
    /// neither here nor in `log_versions`. Of what is not older than any of them the lines are as the snapshot.
    pub former_versions: Vec<(String, u32)>,
    /// Ours: logs of a single writer that agents came after, and up to where they count, as [`Manifest::previous_end`] said then. The log
    /// behind such a one may be empty, or gone: then no other place says that.
    pub log_ends: Vec<(String, u64)>,
    /// Ours: logs of a single writer whose first line does not say which log they follow, as another process wrote it, with what it
    /// would say.
    pub after: Vec<(String, String)>,
    /// Ours: the last generations, this one first.
    pub lineage: Vec<Generation>,
    /// Fields of newer versions.
    pub others: Others,
}

impl Manifest {
    /// What the first line of the current log says of the log before: `<path>:<bytes>`.
    pub fn after_previous(&self) -> Option<String> {
        self.previous_ops.as_ref().map(|path| format!("{path}:{}", self.previous_end))
    }

    /// What the first line of a log would say of the log before, had its writer written it, as far as it stands here: of a single
    /// writer's current log, and of those whose first line another process wrote.
    pub fn after_of(&self, log: &str) -> Option<String> {
        if self.active_agent_ops.is_none() && log == self.active_ops && self.previous_ops.is_some() {
            return self.after_previous();
        }
        self.after.iter().find(|(known, _)| known == log).map(|(_, after)| after.clone())
    }
}

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
    /// Fields of newer versions.
    pub others: Others,
}

const KNOWN: [&str; 18] = [
    "version",
    "currentSnapshot",
    "activeOps",
    "activeAgentOps",
    "archiveSegments",
    "stats",
    "generation",
    "clock",
    "previousOps",
    "previousEnd",
    "departures",
    "superseded",
    "pruned",
    "logVersions",
    "formerVersions",
    "logEnds",
    "after",
    "lineage",
];
/// By these fields stores behind backends know each other and the last logs. In a folder that is written without a backend they
/// would be out of date, and are left out.
const BEHIND_BACKENDS: [&str; 10] = [
    "stamp",
    "ancestors",
    "writer",
    "sessions",
    "quiet",
    "retired",
    "fenced",
    "beginning",
    "older",
    "prunedTo",
];
const KNOWN_STATS: [&str; 5] = ["activeRecords", "archivedRecords", "opsCount", "created", "lastCheckpoint"];

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
    let former = fields.get("formerVersions").and_then(elements).unwrap_or_default();
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
        former_versions: former.into_iter().filter_map(parse_former_version).collect(),
        log_ends: fields.object("logEnds").as_ref().map(parse_log_ends).unwrap_or_default(),
        after: fields.object("after").as_ref().map(parse_after).unwrap_or_default(),
        lineage: fields.string("lineage").map(|names| lineage::parse_lineage(&names)).unwrap_or_default(),
        others: others(&fields, &[&KNOWN, &BEHIND_BACKENDS]),
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
        others: others(stats, &[&KNOWN_STATS]),
    })
}

fn others(fields: &Fields<'_>, known: &[&[&str]]) -> Others {
    let is_known = |key: &[u8]| known.iter().any(|names| names.iter().any(|name| name.as_bytes() == key));
    let others = fields.iter().filter(|(key, _)| !is_known(key)).map(|(key, value)| {
        let mut text = Vec::with_capacity(value.len());
        // NOTE: bytes that are not UTF-8 are read as Node reads them.
        compact_into(&mut text, String::from_utf8_lossy(value).as_bytes());
        (lossy(key).into_bytes(), text)
    });
    others.collect()
}

fn parse_agents(value: &[u8]) -> Result<Vec<(String, String)>, Invalid> {
    let fields = Fields::read(value)?.ok_or(Invalid::Rule("activeAgentOps must be an object"))?;
    fields
        .iter()
        .map(|(agent, path)| Some((lossy(agent), non_empty_string(path)?)))
        .collect::<Option<_>>()
        .ok_or(Invalid::Rule("activeAgentOps values must be non-empty strings"))
}

fn schema_version(value: &[u8]) -> Option<u32> {
    integer(value).and_then(|version| u32::try_from(version).ok()).filter(|&n| n >= 1)
}

fn parse_log_versions(fields: &Fields<'_>) -> Vec<(String, u32)> {
    fields.iter().filter_map(|(path, value)| Some((lossy(path), schema_version(value)?))).collect()
}

fn parse_former_version(value: &[u8]) -> Option<(String, u32)> {
    match elements(value)?.as_slice() {
        [path, version] => Some((non_empty_string(path)?, schema_version(version)?)),
        _ => None,
    }
}

fn parse_log_ends(fields: &Fields<'_>) -> Vec<(String, u64)> {
    fields.iter().filter_map(|(path, value)| Some((lossy(path), counter(value)?))).collect()
}

fn parse_after(fields: &Fields<'_>) -> Vec<(String, String)> {
    fields.iter().filter_map(|(path, after)| Some((lossy(path), non_empty_string(after)?))).collect()
}

fn parse_superseded(value: &[u8]) -> Option<(String, u64)> {
    match elements(value)?.as_slice() {
        [path, ms] => Some((non_empty_string(path)?, counter(ms)?)),
        _ => None,
    }
}

fn parse_pruned(value: &[u8]) -> Option<(String, String)> {
    match elements(value)?.as_slice() {
        [path, until, ..] => Some((non_empty_string(path)?, non_empty_string(until)?)),
        _ => None,
    }
}
