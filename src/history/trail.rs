//! Which logs of a folder hold its operations, the newest first: those that the manifest names, the log that each log of a
//! single writer says it follows, and, where none does (0.8.1 leaves no marks), the next older name. Logs that no manifest
//! came to name, and those that are left of a folder that was put back, are passed over.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::unmarked;
use crate::publish::read_if_there;
use crate::transition::shared::is_sealed;
use crate::wal::{first_line, first_operation, parse_after};
use crate::{layout, order};

/// A log, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogName {
    pub(super) ms: u64,
    /// Empty for a single writer's.
    pub(super) agent: Arc<str>,
    pub(super) relative: String,
    /// Whether an agent may still append to it.
    pub(super) grows: bool,
}

impl LogName {
    /// What a name tells, of a log that grows no more.
    pub(super) fn of(relative: &str) -> Self {
        let agent = layout::agent_of(relative).unwrap_or_default().into();
        let ms = layout::time_of(relative).unwrap_or_default();
        Self { ms, agent, relative: relative.to_owned(), grows: false }
    }
}

/// Logs that belong together.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// A single writer's log.
    Single(Stretch),
    /// The logs of agents, from one single writer to the next, oldest first.
    Agents(Vec<LogName>),
}

/// As much of a single writer's log as counts.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) name: LogName,
    /// Up to where it counts: what stands behind stands in the next log too. `u64::MAX` for all of it.
    pub(super) end: u64,
}

/// The stages from one log on, and what is missing before them.
pub(super) struct Stages {
    /// Oldest first.
    pub(super) stages: Vec<Stage>,
    /// The log that the first one follows, and up to where, if that log is gone.
    pub(super) gap: Option<(String, u64)>,
}

/// What a folder's logs and manifest say.
pub(super) struct Trail<'d> {
    pub(super) disk: &'d dyn Disk,
    pub(super) root: &'d Path,
    pub(super) manifest: Manifest,
    /// All logs that may count, by time.
    pub(super) names: Vec<LogName>,
}

/// What a log says of the one before.
enum Told {
    /// It follows this one, up to this offset.
    Follows(String, u64),
    /// Nothing.
    Nothing { is_empty: bool },
}

/// What is before a stage.
enum Before {
    Stage(Stage),
    Nothing,
    Gone(String, u64),
}

impl<'d> Trail<'d> {
    /// Reads the manifest and the names of the logs.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_NO_STORE`.
    pub(super) fn read(disk: &'d dyn Disk, root: &'d Path) -> Result<Self> {
        let path = root.join(layout::MANIFEST);
        let text = read_if_there(disk, &path)?.ok_or(Error::NoStore)?;
        Self::of(disk, root, crate::store::parse_manifest(root, &text)?)
    }

    /// Reads the names of the logs.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn of(disk: &'d dyn Disk, root: &'d Path, manifest: Manifest) -> Result<Self> {
        let folder = root.join(layout::OPS);
        let listed = disk.list(&folder).map_err(|source| Error::io("scandir", &folder, source))?;
        let agents = manifest.active_agent_ops.as_deref().unwrap_or_default();
        let growing = |relative: &str| {
            manifest.active_agent_ops.is_some()
                && (manifest.active_ops == relative
                    || agents.iter().any(|(key, path)| path == relative && !is_sealed(key.as_bytes())))
        };
        let is_named = |relative: &str| {
            manifest.active_ops == relative || agents.iter().any(|(_, path)| path == relative)
        };
        let newest = agents.iter().map(|(_, path)| path).chain([&manifest.active_ops]);
        let newest = newest.filter_map(|path| layout::time_of(path)).max();
        let came: Vec<u64> = manifest.lineage.iter().flat_map(|come| &come.logs_ms).copied().collect();
        let first_told = came.iter().min().copied().unwrap_or(u64::MAX);
        let mut names = Vec::new();
        for name in listed.iter().filter(|name| layout::is_log(name)) {
            let (relative, Some(ms)) = (format!("{}/{name}", layout::OPS), layout::time_of(name)) else {
                continue;
            };
            let agent = layout::agent_of(name).unwrap_or_default();
            let is_of_lineage = agent.is_empty() || ms < first_told || came.contains(&ms);
            if is_named(&relative) || newest.is_none_or(|newest| ms <= newest) && is_of_lineage {
                let grows = growing(&relative);
                names.push(LogName { ms, agent: agent.into(), relative, grows });
            }
        }
        let is_listed = names.iter().any(|name| name.relative == manifest.active_ops);
        if !is_listed && !manifest.active_ops.is_empty() {
            // A log that is missing reads as empty.
            let agent = layout::agent_of(&manifest.active_ops).unwrap_or_default().into();
            let ms = layout::time_of(&manifest.active_ops).unwrap_or(u64::MAX);
            let relative = manifest.active_ops.clone();
            names.push(LogName { ms, agent, grows: growing(&relative), relative });
        }
        order::sort_by(&mut names, |one, other| (one.ms, &one.relative).cmp(&(other.ms, &other.relative)));
        Ok(Self { disk, root, manifest, names })
    }

    /// The logs that may still grow.
    pub(super) fn growing(&self) -> impl Iterator<Item = &LogName> {
        self.names.iter().filter(|name| name.grows || name.relative == self.manifest.active_ops)
    }

    /// The time in the name of the newest log that was pruned.
    pub(super) fn pruned_ms(&self) -> Option<u64> {
        self.manifest.pruned.as_ref().and_then(|(path, _)| layout::time_of(path))
    }

    /// Whether a log is among those that were pruned.
    pub(super) fn is_pruned(&self, relative: &str) -> bool {
        layout::time_of(relative).is_some_and(|ms| self.pruned_ms().is_some_and(|pruned| ms <= pruned))
    }

    /// Whether it is certain that no log of the store has, or had, this time in its name.
    pub(super) fn never_had(&self, ms: u64) -> bool {
        let came: Vec<u64> =
            self.manifest.lineage.iter().flat_map(|generation| &generation.logs_ms).copied().collect();
        let is_known = came.contains(&ms) || self.names.iter().any(|name| name.ms == ms);
        if is_known || self.pruned_ms().is_some_and(|pruned| ms <= pruned) {
            return false;
        }
        // All logs that came since are told. The first of a store is not: it may be gone, if it was empty.
        let is_first_there = || self.names.first().is_some_and(|first| !came.contains(&first.ms));
        match came.iter().min() {
            Some(first_told) if ms > *first_told => true,
            _ => self.is_of_this_version() && is_first_there(),
        }
    }

    /// The time of the newest log. It may have been deleted, if all that was in it was undone.
    pub(super) fn newest_ms(&self) -> u64 {
        let came = self.manifest.lineage.iter().flat_map(|generation| &generation.logs_ms).copied();
        self.names.last().map(|name| name.ms).into_iter().chain(came).max().unwrap_or(0)
    }

    /// The stages that have logs from this time on, and only those logs.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn since(&self, floor: u64) -> Result<Stages> {
        let (mut stages, mut gap) = (Vec::new(), None);
        let mut found = self.newest();
        while let Some(stage) = found.take() {
            let mut stage = stage;
            let lowest = stage.lowest_ms();
            match &mut stage {
                Stage::Agents(logs) => logs.retain(|log| log.ms >= floor),
                Stage::Single(stretch) if stretch.name.ms < floor => break,
                Stage::Single(_) => {}
            }
            if lowest > floor {
                match self.before(&stage)? {
                    Before::Stage(before) => found = Some(before),
                    Before::Nothing => {}
                    Before::Gone(path, end) if layout::time_of(&path).is_some_and(|ms| ms >= floor) => {
                        gap = Some((path, end));
                    }
                    Before::Gone(..) => {}
                }
            }
            if !stage.is_empty() {
                stages.push(stage);
            }
        }
        stages.reverse();
        Ok(Stages { stages, gap })
    }

    /// The newest stage.
    pub(super) fn newest(&self) -> Option<Stage> {
        let active = self.names.iter().find(|name| name.relative == self.manifest.active_ops);
        match active {
            Some(name) if self.manifest.active_agent_ops.is_none() && name.agent.is_empty() => {
                Some(Stage::Single(Stretch { name: name.clone(), end: u64::MAX }))
            }
            _ => self.run_below(u64::MAX),
        }
    }

    /// The stage before another one, if there is one.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn stage_before(&self, stage: &Stage) -> Result<Option<Stage>> {
        Ok(match self.before(stage)? {
            Before::Stage(stage) => Some(stage),
            Before::Nothing | Before::Gone(..) => None,
        })
    }

    fn before(&self, stage: &Stage) -> Result<Before> {
        let stretch = match stage {
            // Nothing is carried into the logs of agents.
            Stage::Agents(_) => return Ok(self.below(stage.lowest_ms())),
            Stage::Single(stretch) => stretch,
        };
        let is_active = stretch.name.relative == self.manifest.active_ops;
        // 0.8.1 leaves no marks; where it has never written, a log without one follows none that had operations.
        let mut says_none = self.is_of_this_version();
        let told = match self.predecessor(&stretch.name.relative)? {
            Told::Follows(path, end) => Some((path, end)),
            // An empty log says nothing; the manifest does, also after agents have come.
            Told::Nothing { is_empty } => {
                says_none &= is_active || !is_empty;
                self.manifest.previous_ops.clone().and_then(|path| {
                    let is_older = layout::milliseconds(&path).is_some_and(|ms| ms < stretch.name.ms);
                    (is_active || is_empty && is_older).then_some((path, self.manifest.previous_end))
                })
            }
        };
        let Some((path, end)) = told else { return self.older_by_name(stretch, says_none) };
        if let Some(taken_over_ms) = layout::agent_milliseconds(&path) {
            return Ok(self.below(self.first_since(taken_over_ms, stretch.name.ms)));
        }
        let before = self.names.iter().find(|name| name.relative == path && name.ms < stretch.name.ms);
        Ok(match before {
            Some(name) => Before::Stage(Stage::Single(Stretch { name: name.clone(), end })),
            None => Before::Gone(path, end),
        })
    }

    /// The stage below a log that follows none as far as it says: it is the first, or 0.8.1 wrote it or the one before.
    fn older_by_name(&self, stretch: &Stretch, says_none: bool) -> Result<Before> {
        let mut ms = stretch.name.ms;
        loop {
            match self.below(ms) {
                // It was empty when it was superseded, and what stands in it went to the next one too.
                Before::Stage(Stage::Single(older))
                    if says_none || self.starts_alike(&older.name.relative, &stretch.name.relative)? =>
                {
                    ms = older.name.ms;
                }
                before => return Ok(before),
            }
        }
    }

    /// Whether 0.8.1 has never written here: the lineage goes back to the generation that created the store, which came with
    /// no log of a later one.
    fn is_of_this_version(&self) -> bool {
        let lineage = &self.manifest.lineage;
        self.manifest.generation == lineage.len() as u64
            && lineage.last().is_some_and(|first| first.logs_ms.is_empty())
    }

    /// The time of the first log of the single writer who took a folder of agents over. What stands in that log, and was carried
    /// on as a whole to a later one, which follows the agents' logs as well, is not to be read twice.
    fn first_since(&self, taken_over_ms: u64, ms: u64) -> u64 {
        let of_writer = self.names.iter().filter(|name| name.agent.is_empty() && name.ms > taken_over_ms);
        of_writer.map(|name| name.ms).min().unwrap_or(ms).min(ms)
    }

    /// The stage whose newest log is the newest before a time.
    fn below(&self, ms: u64) -> Before {
        self.run_below(ms).map_or(Before::Nothing, Before::Stage)
    }

    fn run_below(&self, ms: u64) -> Option<Stage> {
        let older = self.names.get(..self.names.partition_point(|name| name.ms < ms))?;
        let newest = older.last()?;
        if newest.agent.is_empty() {
            let ends = &self.manifest.log_ends;
            let end = ends.iter().find(|(log, _)| *log == newest.relative).map_or(u64::MAX, |(_, end)| *end);
            return Some(Stage::Single(Stretch { name: newest.clone(), end }));
        }
        let from = older.iter().rposition(|name| name.agent.is_empty()).map_or(0, |place| place + 1);
        Some(Stage::Agents(older.get(from..)?.to_vec()))
    }

    /// Whether a log has an operation, and its first one is that of the other one too.
    fn starts_alike(&self, relative: &str, other: &str) -> Result<bool> {
        let Some(first) = self.read_of(relative, first_operation)?.flatten() else { return Ok(false) };
        let other = self.read_of(other, first_operation)?.flatten();
        Ok(other.is_some_and(|other| unmarked(&other) == unmarked(&first)))
    }

    /// What the manifest says of the log before, where another process wrote a log's first line, or else that line.
    fn predecessor(&self, relative: &str) -> Result<Told> {
        let first = self.read_of(relative, first_line)?.flatten();
        let Some(first) = first else { return Ok(Told::Nothing { is_empty: true }) };
        let after = self.manifest.after_of(relative).or_else(|| first.after());
        let follows = after.as_deref().and_then(parse_after);
        Ok(follows.map_or(Told::Nothing { is_empty: false }, |(path, end)| Told::Follows(path, end)))
    }

    /// Reads a log; `None` if there is none.
    fn read_of<T>(&self, relative: &str, read: fn(&dyn DiskFile) -> std::io::Result<T>) -> Result<Option<T>> {
        let path = layout::inside(self.root, layout::OPS, relative)?;
        let Some(file) = open(self.disk, &path)? else { return Ok(None) };
        read(&*file).map(Some).map_err(|source| Error::io("read", &path, source))
    }
}

impl Stage {
    /// The time of its oldest log.
    pub(super) fn lowest_ms(&self) -> u64 {
        match self {
            Self::Single(stretch) => stretch.name.ms,
            Self::Agents(logs) => logs.first().map_or(0, |log| log.ms),
        }
    }

    /// The time of its newest log.
    pub(super) fn highest_ms(&self) -> u64 {
        match self {
            Self::Single(stretch) => stretch.name.ms,
            Self::Agents(logs) => logs.last().map_or(0, |log| log.ms),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Agents(logs) if logs.is_empty())
    }
}

/// Opens a log; `None` if it is missing, which reads as empty.
pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<Option<Arc<dyn DiskFile>>> {
    match disk.open(path, OpenMode::Read) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("open", path, source)),
    }
}
