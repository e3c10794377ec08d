//! The manifest as a document: the fields that the protocols use, read and written by name, and every other field as it
//! was found. Invariant: a field that is not set here keeps its text, so that what a newer version wrote survives.

use std::sync::Arc;

use super::{Invalid, manifest};
use crate::json::array::elements;
use crate::json::number::{push_integer, to_integer};
use crate::json::object::{entries, sort_keys};
use crate::json::string::{escape_into, unescape};
use crate::json::{part, string_body};

/// A path or an agentId, as WTF-8.
pub type Name = Arc<[u8]>;

/// Logs that went into one snapshot.
///
/// One struct: its fields are members of a note in the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retired {
    /// The number of the snapshot, from 1.
    pub snapshot: u64,
    /// Their paths.
    pub logs: Vec<Name>,
    /// How many operations of each counted; empty where that is not known.
    pub counts: Vec<u64>,
    /// The snapshot that they follow, where that is known.
    pub from: Option<Name>,
    /// About how many bytes they have.
    pub bytes: u64,
    /// The time of their last operation, where that is known.
    pub until: Option<Name>,
    /// The note of what an archive took out behind them.
    pub archived: Option<Name>,
    /// By which numbers their operations without an agent are told from others, where that is not the usual.
    pub numbering: Option<Numbering>,
    /// So many operations behind those that count went to the log that follows, and stand first there.
    pub kept: u64,
}

/// By which numbers the operations without an agent in the logs of an era are told from those of other logs. Operations that a checkpoint
/// keeps in the log have the same numbers in the next era.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbering {
    /// The era in which the numbers began.
    pub era: u64,
    /// The number of the first operation.
    pub first: u64,
}

impl Numbering {
    /// Whether this number is below another, of the same era.
    pub fn is_below(self, other: Self) -> bool {
        self.era == other.era && self.first < other.first
    }
}

impl Retired {
    /// See [`Numbering`].
    pub fn numbering(&self) -> Numbering {
        self.numbering.unwrap_or(Numbering { era: self.snapshot.saturating_sub(1), first: 0 })
    }

    /// That of the era behind this one.
    pub fn next_numbering(&self) -> Numbering {
        let Numbering { era, first } = self.numbering();
        match self.kept {
            0 => Numbering { era: self.snapshot, first: 0 },
            _ => Numbering { era, first: first + self.counts.iter().sum::<u64>() },
        }
    }

    /// Which numbers those operations have that went to the log that follows: from the first, up to the second.
    pub fn kept_numbers(&self) -> Option<(Numbering, Numbering)> {
        let from = self.next_numbering();
        let to = Numbering { first: from.first + self.kept, ..from };
        (self.kept > 0).then_some((from, to))
    }

    /// What stays known of logs that are gone: how the operations behind them are numbered.
    pub fn forgotten(&self) -> Self {
        let numbering = (self.kept > 0).then(|| self.next_numbering());
        Self { snapshot: self.snapshot, numbering, kept: self.kept, ..Self::default() }
    }
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it, in the words of 0.8.1's validator where it has any.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        manifest::parse(text).map_err(|invalid| match invalid {
            Invalid::Rule(words) => words.to_owned(),
            Invalid::NotJson { offset } => format!("no JSON at byte {offset}"),
        })?;
        let found = entries(text).map_err(|malformed| format!("no JSON at byte {}", malformed.offset))?;
        let fields =
            found.into_iter().map(|entry| (entry.key.into_owned(), part(text, entry.value).to_vec()));
        Ok(Self { fields: fields.collect() })
    }

    /// Any object as a document, without the checks of a manifest.
    pub(crate) fn of_line(text: &[u8]) -> Option<Self> {
        let found = entries(text).ok()?.into_iter();
        Some(Self {
            fields: found.map(|entry| (entry.key.into_owned(), part(text, entry.value).to_vec())).collect(),
        })
    }

    /// A manifest without fields, for [`crate::transition::backend::fresh`].
    pub(crate) fn empty() -> Self {
        Self { fields: Vec::new() }
    }

    /// The document, as compact JSON.
    pub fn print(&self) -> Vec<u8> {
        print_object(self.fields.iter().map(|(key, value)| (key.as_slice(), value.as_slice())))
    }

    /// The names of the fields, in their order.
    pub fn keys(&self) -> Vec<String> {
        self.fields.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
    }

    /// A field's text.
    pub fn field(&self, key: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// Sets a field to JSON text.
    pub fn set(&mut self, key: &str, value: Vec<u8>) {
        match self.fields.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some((_, old)) => *old = value,
            None => self.fields.push((key.as_bytes().to_vec(), value)),
        }
    }

    /// Removes a field.
    pub fn remove(&mut self, key: &str) {
        self.fields.retain(|(name, _)| name != key.as_bytes());
    }

    /// A field that is a string.
    pub fn text(&self, key: &str) -> Option<Name> {
        Some(Arc::from(&*unescape(string_body(self.field(key)?)?)))
    }

    /// Sets a field to a string.
    pub fn set_text(&mut self, key: &str, value: &[u8]) {
        self.set(key, quoted(value));
    }

    /// A field that is a non-negative integer; 0 if it is missing.
    pub fn number(&self, key: &str) -> u64 {
        self.field(key).and_then(to_integer).unwrap_or_default()
    }

    /// Sets a field to a number.
    pub fn set_number(&mut self, key: &str, value: u64) {
        let mut text = Vec::new();
        push_integer(&mut text, value);
        self.set(key, text);
    }

    /// A field that is an object of strings, in JavaScript's order; `None` if it is missing.
    pub fn names(&self, key: &str) -> Option<Vec<(Name, Name)>> {
        let text = self.field(key)?;
        let found = entries(text).ok()?.into_iter().filter_map(|entry| {
            let value = string_body(part(text, entry.value))?;
            Some((Arc::from(&*entry.key), Arc::from(&*unescape(value))))
        });
        Some(found.collect())
    }

    /// Sets a field to an object of strings.
    pub fn set_names(&mut self, key: &str, names: &[(Name, Name)]) {
        let mut sorted: Vec<_> = names.iter().collect();
        sort_keys(&mut sorted, |(name, _)| name);
        let texts: Vec<_> = sorted.iter().map(|(name, value)| (&**name, quoted(value))).collect();
        self.set(key, print_object(texts.iter().map(|(name, value)| (*name, value.as_slice()))));
    }

    /// A field that is an object of numbers.
    pub fn numbers(&self, key: &str) -> Vec<(Name, u64)> {
        let Some(text) = self.field(key) else { return Vec::new() };
        let found = entries(text).unwrap_or_default().into_iter();
        found
            .filter_map(|entry| Some((Arc::from(&*entry.key), to_integer(part(text, entry.value))?)))
            .collect()
    }

    /// Sets a field to an object of numbers.
    pub fn set_numbers(&mut self, key: &str, numbers: &[(Name, u64)]) {
        let texts: Vec<_> = numbers
            .iter()
            .map(|(name, value)| {
                let mut text = Vec::new();
                push_integer(&mut text, *value);
                (&**name, text)
            })
            .collect();
        self.set(key, print_object(texts.iter().map(|(name, value)| (*name, value.as_slice()))));
    }

    /// The schema versions that are noted of logs. What makes no sense counts as absent.
    pub fn log_versions(&self) -> Vec<(Name, u64)> {
        let mut noted = self.numbers("logVersions");
        noted.retain(|(_, version)| (1..=u64::from(u32::MAX)).contains(version));
        noted
    }

    /// Notes schema versions of logs.
    pub fn set_log_versions(&mut self, noted: &[(Name, u64)]) {
        if noted.is_empty() {
            self.remove("logVersions");
        } else {
            self.set_numbers("logVersions", noted);
        }
    }

    /// The highest schema version that the manifest tells of. That of a new store says 1, whatever its snapshot is.
    pub fn newest_version(&self) -> u64 {
        let logs = self.log_versions().into_iter().map(|(_, version)| version);
        logs.fold(self.number("version"), u64::max)
    }

    /// A field that is a list of strings.
    pub fn list(&self, key: &str) -> Vec<Name> {
        self.field(key).map(strings).unwrap_or_default()
    }

    /// Sets a field to a list of strings.
    pub fn set_list(&mut self, key: &str, names: &[Name]) {
        self.set(key, print_list(names));
    }

    /// The snapshot.
    pub fn snapshot(&self) -> Name {
        self.text("currentSnapshot").unwrap_or_default()
    }

    /// The log of the single writer; with agents, that of the agent that compacted last.
    pub fn active_ops(&self) -> Name {
        self.text("activeOps").unwrap_or_default()
    }

    /// Agents, or keys of sealed logs, and their logs; `None` for a single writer.
    pub fn agent_logs(&self) -> Option<Vec<(Name, Name)>> {
        self.names("activeAgentOps")
    }

    /// The log that an agent appends to.
    pub fn log_of(&self, agent: &[u8]) -> Option<Name> {
        let (_, log) = self.agent_logs()?.into_iter().find(|(key, _)| **key == *agent)?;
        Some(log)
    }

    /// The store that an agent's log belongs to.
    pub fn session_of(&self, agent: &[u8]) -> Option<Name> {
        let (_, session) = self.names("sessions")?.into_iter().find(|(key, _)| **key == *agent)?;
        Some(session)
    }

    /// The newest lists of logs that went into snapshots, oldest first.
    pub fn retired(&self) -> Vec<Retired> {
        self.field("retired").map(parse_retired).unwrap_or_default()
    }

    /// Sets the lists of logs that went into snapshots.
    pub(crate) fn set_retired(&mut self, retired: &[Retired]) {
        self.set("retired", print_retired(retired));
    }

    /// How many snapshots the lists of retired logs tell of, from the first one on.
    pub fn snapshots(&self) -> u64 {
        self.retired().last().map_or(0, |retired| retired.snapshot)
    }

    /// See [`Numbering`]: that of the logs in force.
    pub fn numbering(&self) -> Numbering {
        self.retired().last().map_or(Numbering::default(), Retired::next_numbering)
    }

    /// Where the operations end that stand before those of the log of a single writer, if a checkpoint has left some to it or to an empty
    /// one before: the log, and how many bytes of it. The log before has them too, and where they are undone here, it has them still.
    pub fn follows(&self) -> Option<(Name, u64)> {
        let retired = self.retired();
        let has_gone = |retired: &Retired| retired.counts.iter().any(|count| *count > 0);
        let went = retired.iter().rposition(has_gone);
        let since = retired.get(went.unwrap_or_default()..).unwrap_or_default();
        let keeping = since.iter().find(|retired| retired.kept > 0)?;
        let (before, bytes) =
            went.and_then(|went| retired.get(went)).map_or((keeping, 0), |went| (went, went.bytes));
        Some((Arc::clone(before.logs.last()?), bytes))
    }

    /// A number of `stats`.
    pub fn stat(&self, key: &str) -> u64 {
        self.stats().number(key)
    }

    /// `stats`, as a document of its own.
    pub(crate) fn stats(&self) -> Self {
        let text = self.field("stats").unwrap_or_default();
        let found = entries(text).unwrap_or_default().into_iter();
        Self {
            fields: found.map(|entry| (entry.key.into_owned(), part(text, entry.value).to_vec())).collect(),
        }
    }

    /// Every log that is named, those of agents first.
    pub fn logs(&self) -> Vec<Name> {
        let mut logs: Vec<Name> =
            self.agent_logs().unwrap_or_default().into_iter().map(|(_, log)| log).collect();
        logs.push(self.active_ops());
        logs
    }

    /// The highest millisecond in the name of a file that is named.
    pub fn newest_name(&self) -> u64 {
        let names = self.logs().into_iter().chain([self.snapshot()]);
        names.filter_map(|name| milliseconds(&name)).max().unwrap_or_default()
    }
}

/// Reads lists of logs that went into snapshots.
pub fn parse_retired(list: &[u8]) -> Vec<Retired> {
    let retired = elements(list).unwrap_or_default().into_iter().filter_map(|text| {
        let fields = entries(text).ok()?;
        let value = |key: &[u8]| {
            let entry = fields.iter().find(|entry| *entry.key == *key)?;
            Some(part(text, entry.value.clone()))
        };
        let string = |key: &[u8]| Some(Arc::from(&*unescape(string_body(value(key)?)?)));
        let logs = strings(value(b"ops")?);
        let counts = value(b"counts").and_then(elements).unwrap_or_default();
        let mut counts: Vec<u64> = counts.into_iter().filter_map(to_integer).collect();
        if counts.len() != logs.len() {
            counts.clear();
        }
        let bytes = value(b"bytes").and_then(to_integer).unwrap_or_default();
        let (snapshot, from, until) = (to_integer(value(b"snapshot")?)?, string(b"from"), string(b"until"));
        let archived = string(b"archived");
        let numbers = value(b"numbering").and_then(elements).unwrap_or_default();
        let numbering = match numbers.as_slice() {
            [era, first] => Some(Numbering { era: to_integer(era)?, first: to_integer(first)? }),
            _ => None,
        };
        let kept = value(b"kept").and_then(to_integer).unwrap_or_default();
        Some(Retired { snapshot, logs, counts, from, bytes, until, archived, numbering, kept })
    });
    retired.collect()
}

/// Prints lists of logs that went into snapshots.
pub fn print_retired(retired: &[Retired]) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (place, retired) in retired.iter().enumerate() {
        let Retired { snapshot, logs, counts, from, bytes, until, archived, numbering, kept } = retired;
        out.extend_from_slice(if place > 0 { b",{\"snapshot\":" } else { b"{\"snapshot\":" });
        push_integer(&mut out, *snapshot);
        out.extend_from_slice(b",\"ops\":");
        out.extend_from_slice(&print_list(logs));
        for (place, count) in counts.iter().enumerate() {
            out.extend_from_slice(if place > 0 { b"," } else { b",\"counts\":[" });
            push_integer(&mut out, *count);
        }
        if !counts.is_empty() {
            out.push(b']');
        }
        if *bytes > 0 {
            out.extend_from_slice(b",\"bytes\":");
            push_integer(&mut out, *bytes);
        }
        let texts: [(&[u8], _); 3] =
            [(b",\"from\":", from), (b",\"until\":", until), (b",\"archived\":", archived)];
        for (key, text) in texts {
            if let Some(text) = text {
                out.extend_from_slice(key);
                escape_into(&mut out, text);
            }
        }
        if let Some(Numbering { era, first }) = numbering {
            out.extend_from_slice(b",\"numbering\":[");
            push_integer(&mut out, *era);
            out.push(b',');
            push_integer(&mut out, *first);
            out.push(b']');
        }
        if *kept > 0 {
            out.extend_from_slice(b",\"kept\":");
            push_integer(&mut out, *kept);
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

/// The number at the end of a name, before `.json` or `.jsonl`.
fn milliseconds(name: &[u8]) -> Option<u64> {
    let stem = name.strip_suffix(b".jsonl").or_else(|| name.strip_suffix(b".json")).unwrap_or(name);
    let dash = stem.iter().rposition(|&byte| byte == b'-')?;
    let digits = stem.get(dash + 1..)?;
    let is_number = !digits.is_empty() && digits.len() <= 15 && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

fn strings(list: &[u8]) -> Vec<Name> {
    let found = elements(list).unwrap_or_default().into_iter();
    found.filter_map(|text| Some(Arc::from(&*unescape(string_body(text)?)))).collect()
}

/// A string's JSON text.
pub fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    escape_into(&mut out, text);
    out
}

fn print_list(names: &[Name]) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        escape_into(&mut out, name);
    }
    out.push(b']');
    out
}

fn print_object<'a>(members: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut out = b"{".to_vec();
    for (key, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        escape_into(&mut out, key);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
    out
}
