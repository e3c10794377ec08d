//! Which files of a damaged folder say what: by its manifest, or, where that cannot be trusted, by the names of the files and the
//! marks in the logs.

use std::path::Path;

use super::Recovered;
use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::format::Invalid;
use crate::format::manifest::{self, Manifest};
use crate::publish::read_if_there;
use crate::store::missing_logs;
use crate::wal::{first_line, parse_after};
use crate::{layout, order};

/// A log, as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogPart {
    pub(super) relative: String,
    /// What stands behind stands in the next log too.
    pub(super) end: u64,
    /// The schema version of its lines, where the manifest tells.
    pub(super) version: Option<u32>,
    /// Whether the snapshot may hold what it says.
    pub(super) is_sealed: bool,
}

/// What there is.
///
/// One struct: what the search of a damaged folder found, once, for the steps that follow.
pub(super) struct Sources {
    pub(super) manifest: Option<Manifest>,
    pub(super) is_manifest_sound: bool,
    /// The current snapshot.
    pub(super) snapshot: Option<String>,
    /// Other snapshots, the newest first.
    pub(super) older: Vec<String>,
    /// The logs in force, in the order in which they are read.
    pub(super) logs: Vec<LogPart>,
    /// All other logs, oldest first.
    sealed: Vec<LogPart>,
    /// Logs that others follow, and that are not there.
    absent: Vec<String>,
    pub(super) segments: Vec<String>,
    pub(super) bytes: u64,
}

impl Sources {
    pub(super) fn find(disk: &dyn Disk, root: &Path, report: &mut Recovered) -> Result<Self> {
        let mut snapshots = names(disk, root, layout::SNAPSHOTS, layout::is_snapshot)?;
        let mut logs = names(disk, root, layout::OPS, layout::is_log)?;
        let segments = names(disk, root, layout::ARCHIVE, layout::is_archive)?;
        order::sort_by_key(&mut snapshots, |name| layout::milliseconds(name));
        order::sort_by_key(&mut logs, |name| layout::time_of(name));
        let path = root.join(layout::MANIFEST);
        let (manifest, problem) = match read_if_there(disk, &path) {
            Ok(Some(text)) => match manifest::parse(&text) {
                Ok(manifest) if stays_inside(root, &manifest) => (Some(manifest), None),
                Ok(_) => (None, Some("the manifest names files outside of its folders".to_owned())),
                Err(Invalid::NotJson { offset }) => {
                    (None, Some(format!("the manifest is not valid JSON (at byte {offset})")))
                }
                Err(Invalid::Rule(words)) => (None, Some(format!("the manifest is damaged: {words}"))),
            },
            Ok(None) => (None, Some("the manifest is missing".to_owned())),
            Err(error) => (None, Some(error.to_string())),
        };
        if snapshots.is_empty() && logs.is_empty() && segments.is_empty() {
            return Err(Error::NothingThere { root: root.to_path_buf() });
        }
        if let Some(problem) = problem {
            report.lose_file(path, problem);
        }
        let bytes = snapshots
            .iter()
            .chain(&logs)
            .filter_map(|name| disk.info(&layout::at(root, name)).ok().map(|info| info.len));
        let bytes = bytes.sum();
        let mut sources = Self {
            is_manifest_sound: manifest.is_some(),
            manifest,
            snapshot: None,
            older: Vec::new(),
            logs: Vec::new(),
            sealed: Vec::new(),
            absent: Vec::new(),
            segments,
            bytes,
        };
        match sources.manifest.clone() {
            Some(manifest) => sources.go_by(disk, root, &manifest, snapshots, logs, report)?,
            None => sources.go_by_names(disk, root, snapshots, logs),
        }
        Ok(sources)
    }

    /// How many records the current snapshot held, if the manifest tells.
    pub(super) fn expected(&self) -> Option<u64> {
        self.manifest.as_ref().map(|manifest| manifest.stats.active_records)
    }

    /// The sealed logs that say what was logged since a snapshot of this time, or all of them.
    pub(super) fn sealed_since(&self, from: Option<u64>) -> Vec<LogPart> {
        let Some(from) = from else { return self.sealed.clone() };
        // Among agents, logs begin before the snapshot of what they follow is named.
        let agents = self.sealed.iter().filter_map(|log| layout::agent_milliseconds(&log.relative));
        let first_of_agents = agents.filter(|ms| *ms < from).max().unwrap_or(from);
        let counts = |log: &&LogPart| match layout::agent_milliseconds(&log.relative) {
            Some(ms) => ms >= first_of_agents,
            None => layout::milliseconds(&log.relative).is_some_and(|ms| ms >= from),
        };
        self.sealed.iter().filter(counts).cloned().collect()
    }

    /// The logs that are not there, of those that say what was logged since a snapshot of this time.
    pub(super) fn absent_since(&self, from: Option<u64>) -> impl Iterator<Item = &String> {
        let counts = move |log: &&String| layout::time_of(log) >= from;
        self.absent.iter().filter(counts)
    }

    fn go_by(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        manifest: &Manifest,
        snapshots: Vec<String>,
        logs: Vec<String>,
        report: &mut Recovered,
    ) -> Result<()> {
        let agents = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path);
        let mut named: Vec<String> = agents.chain([&manifest.active_ops]).cloned().collect();
        order::sort(&mut named);
        named.dedup();
        order::sort_by_key(&mut named, |name| layout::time_of(name));
        for log in missing_logs(disk, root, manifest).unwrap_or_default() {
            let what = log.what();
            report.lose_file(log.path, what);
        }
        self.segments.clone_from(&manifest.archive_segments);
        self.segments.dedup();
        let mut sealed: Vec<String> = logs.into_iter().filter(|log| !named.contains(log)).collect();
        sealed.retain(|log| layout::time_of(log) <= named.last().and_then(|last| layout::time_of(last)));
        let chain: Vec<String> = sealed.iter().chain(&named).cloned().collect();
        let last = manifest.previous_ops.clone().map(|path| (path, manifest.previous_end));
        let silent = manifest.after.iter().filter_map(|(_, after)| parse_after(after));
        let known = last.into_iter().chain(silent).chain(manifest.log_ends.iter().cloned());
        let mut ends = Ends::read(disk, root, &chain, known.collect());
        self.absent = ends.absent(&chain);
        ends.leave_out(disk, root, &chain, manifest);
        let version = |path: &str| {
            manifest.log_versions.iter().find(|(log, _)| log == path).map(|(_, version)| *version)
        };
        let part = |relative: String, is_sealed| LogPart {
            end: if is_sealed { ends.of(&relative) } else { u64::MAX },
            version: version(&relative),
            relative,
            is_sealed,
        };
        self.sealed = sealed.into_iter().map(|log| part(log, true)).collect();
        self.logs = named.into_iter().map(|log| part(log, false)).collect();
        self.older = snapshots.into_iter().rev().filter(|name| *name != manifest.current_snapshot).collect();
        let newest = layout::milliseconds(&manifest.current_snapshot).unwrap_or(u64::MAX);
        self.older.retain(|name| layout::milliseconds(name).is_some_and(|ms| ms < newest));
        self.snapshot = Some(manifest.current_snapshot.clone());
        Ok(())
    }

    /// The newest snapshot counts, and the logs that came with it or later.
    fn go_by_names(&mut self, disk: &dyn Disk, root: &Path, mut snapshots: Vec<String>, logs: Vec<String>) {
        self.snapshot = snapshots.pop();
        snapshots.reverse();
        self.older = snapshots;
        let from = self.snapshot.as_deref().and_then(layout::milliseconds).unwrap_or(0);
        let ends = Ends::read(disk, root, &logs, Vec::new());
        self.absent = ends.absent(&logs);
        let agents = logs.iter().filter_map(|log| layout::agent_milliseconds(log));
        // NOTE: which of the agents' logs the snapshot has seen is not known. Replayed in their order, they do no harm.
        let first_of_agents = agents.filter(|ms| *ms < from).max().unwrap_or(from);
        for relative in logs {
            let ms = layout::time_of(&relative).unwrap_or(0);
            let is_agents = layout::agent_milliseconds(&relative).is_some();
            let counts = if is_agents { ms >= first_of_agents } else { ms >= from };
            let (end, is_sealed) = (ends.of(&relative), ms < from);
            let part = LogPart { relative, end, version: None, is_sealed };
            if counts {
                self.logs.push(part);
            } else {
                self.sealed.push(LogPart { is_sealed: true, ..part });
            }
        }
    }
}

/// Up to where logs of single writers count, as the logs that follow them say.
struct Ends {
    ends: Vec<(String, u64)>,
    /// The times of logs, each with that of the log that it follows.
    followers: Vec<(u64, u64)>,
}

impl Ends {
    fn read(disk: &dyn Disk, root: &Path, logs: &[String], mut ends: Vec<(String, u64)>) -> Self {
        for log in logs.iter().filter(|log| layout::milliseconds(log).is_some()) {
            ends.extend(follows(disk, &layout::at(root, log)));
        }
        Self { ends, followers: Vec::new() }
    }

    /// Logs with operations that are named, and not among these.
    fn absent(&self, logs: &[String]) -> Vec<String> {
        let is_absent = |(path, end): &&(String, u64)| *end > 0 && !logs.contains(path);
        let mut absent: Vec<String> =
            self.ends.iter().filter(is_absent).map(|(path, _)| path.clone()).collect();
        order::sort(&mut absent);
        absent.dedup();
        absent
    }

    /// Takes note of the logs that a later one leaves out: they were empty when they were superseded, and what stands in them went to
    /// the next one too, or was undone there.
    fn leave_out(&mut self, disk: &dyn Disk, root: &Path, logs: &[String], manifest: &Manifest) {
        for log in logs {
            let Some(ms) = layout::milliseconds(log) else { continue };
            let after = manifest.after_of(log).and_then(|after| parse_after(&after));
            let before = after.or_else(|| follows(disk, &layout::at(root, log)));
            let before = before.and_then(|(path, _)| layout::time_of(&path));
            self.followers.extend(before.map(|before| (ms, before)));
        }
    }

    fn of(&self, relative: &str) -> u64 {
        if let Some((_, end)) = self.ends.iter().find(|(path, _)| path == relative) {
            return *end;
        }
        let Some(ms) = layout::milliseconds(relative) else { return u64::MAX };
        let is_left_out = self.followers.iter().any(|(later, before)| *before < ms && ms < *later);
        if is_left_out { 0 } else { u64::MAX }
    }
}

/// The log that a log follows, and up to where.
fn follows(disk: &dyn Disk, path: &Path) -> Option<(String, u64)> {
    let file = disk.open(path, OpenMode::Read).ok()?;
    parse_after(&first_line(&*file).ok()??.after()?)
}

fn stays_inside(root: &Path, manifest: &Manifest) -> bool {
    let is_inside = |folder, path: &String| layout::inside(root, folder, path).is_ok();
    let mut agents = manifest.active_agent_ops.iter().flatten();
    is_inside(layout::SNAPSHOTS, &manifest.current_snapshot)
        && is_inside(layout::OPS, &manifest.active_ops)
        && agents.all(|(_, path)| is_inside(layout::OPS, path))
        && manifest.archive_segments.iter().all(|path| is_inside(layout::ARCHIVE, path))
}

fn names(disk: &dyn Disk, root: &Path, folder: &str, wanted: fn(&str) -> bool) -> Result<Vec<String>> {
    let path = root.join(folder);
    match disk.list(&path) {
        Ok(names) => {
            Ok(names.into_iter().filter(|name| wanted(name)).map(|name| format!("{folder}/{name}")).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(Error::io("scandir", &path, source)),
    }
}
