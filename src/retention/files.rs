//! The history that lies in a folder: sealed logs and superseded snapshots, with what tells their order and age. Of a log only
//! the first and the last line are read.

use std::collections::HashSet;
use std::path::Path;

use crate::disk::{Disk, DiskFile, OpenMode, read_exact_at};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::{Line, parse_line};
use crate::format::timestamp::iso_into;
use crate::wal::LineReader;
use crate::{layout, order};

/// A log that the manifest does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its relative path.
    pub relative: String,
    /// The time in its name.
    pub ms: u64,
    /// Its bytes, without those of [`Sealed::beside`].
    pub bytes: u64,
    /// The time of its last operation as ISO 8601; empty if it has none. A clock may have been ahead.
    pub until: String,
    /// When its file was written last, as ISO 8601.
    pub written: String,
    /// The first and the last Lamport clock, of an agent's log that has an operation.
    pub clocks: Option<(u64, u64)>,
    /// What goes with it, by relative paths: indexes, and what was set aside of it.
    pub beside: Vec<(String, u64)>,
}

/// A snapshot that is not the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// Its relative path.
    pub relative: String,
    /// The time in its name.
    pub ms: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What goes with it, by relative paths.
    pub beside: Vec<(String, u64)>,
}

/// The history of a folder, in no order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Logs.
    pub logs: Vec<Sealed>,
    /// Snapshots.
    pub snapshots: Vec<Superseded>,
    /// Files of `index/` whose log or snapshot is gone, by relative paths.
    pub orphans: Vec<(String, u64)>,
}

impl Sealed {
    /// Its bytes, and those of what goes with it.
    pub fn all_bytes(&self) -> u64 {
        self.bytes + self.beside.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }
}

impl Superseded {
    /// Its bytes, and those of what goes with it.
    pub fn all_bytes(&self) -> u64 {
        self.bytes + self.beside.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }
}

impl Found {
    /// Looks through a folder for what no manifest names by now. A file that goes meanwhile is none.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn look(disk: &dyn Disk, root: &Path, manifest: &Manifest) -> Result<Self> {
        let mut found = Self::default();
        let mut sources = HashSet::new();
        let beside = names(disk, root, layout::INDEX)?;
        let in_ops = names(disk, root, layout::OPS)?;
        let named = named(manifest);
        let mut notes = Vec::new();
        for name in &beside {
            let Some(ms) = layout::time_of_archived(name) else { continue };
            let relative = format!("{}/{name}", layout::INDEX);
            notes.extend(length(disk, root, &relative)?.map(|bytes| (ms, relative, bytes)));
        }
        for name in names(disk, root, layout::SNAPSHOTS)? {
            sources.insert(name.clone());
            let relative = format!("{}/{name}", layout::SNAPSHOTS);
            let is_other = layout::is_snapshot(&name) && !named.contains(relative.as_str());
            let Some(ms) = layout::milliseconds(&name).filter(|_| is_other) else { continue };
            let Some(bytes) = length(disk, root, &relative)? else { continue };
            let beside = beside_of(disk, root, &name, &beside, &[])?;
            found.snapshots.push(Superseded { relative, ms, bytes, beside });
        }
        let mut times: Vec<u64> = in_ops.iter().filter_map(|name| layout::time_of(name)).collect();
        order::sort(&mut times);
        // NOTE: an archive came behind the last operation of this log. Until a later log goes, a caller may name that place.
        let goes_with = |noted: u64| *times.get(times.partition_point(|ms| *ms <= noted)).unwrap_or(&noted);
        for name in &in_ops {
            sources.insert(name.clone());
            let relative = format!("{}/{name}", layout::OPS);
            let is_sealed = layout::is_log(name) && !named.contains(relative.as_str());
            let Some(ms) = layout::time_of(name).filter(|_| is_sealed) else { continue };
            let mut beside = beside_of(disk, root, name, &beside, &in_ops)?;
            let notes = notes.extract_if(.., |(noted, ..)| goes_with(*noted) == ms);
            beside.extend(notes.map(|(_, note, bytes)| (note, bytes)));
            found.logs.extend(sealed(disk, root, relative, ms, beside)?);
        }
        // What was noted behind the newest log that was pruned, or behind a log that is there, is still said.
        let pruned = manifest.pruned.as_ref().and_then(|(path, _)| layout::time_of(path));
        let oldest = times.first().copied().into_iter().chain(pruned).min();
        notes.retain(|(noted, ..)| oldest.is_none_or(|oldest| *noted < oldest));
        found.orphans.extend(notes.into_iter().map(|(_, note, bytes)| (note, bytes)));
        for name in beside {
            let source = source_of(&name).filter(|source| layout::time_of(source).is_some());
            if source.is_some_and(|source| !sources.contains(source)) && !layout::is_temporary(&name) {
                let relative = format!("{}/{name}", layout::INDEX);
                found.orphans.extend(length(disk, root, &relative)?.map(|bytes| (relative, bytes)));
            }
        }
        Ok(found)
    }

    /// Leaves out what a later manifest names.
    pub fn forget_named(&mut self, manifest: &Manifest) {
        let named = named(manifest);
        self.logs.retain(|log| !named.contains(log.relative.as_str()));
        self.snapshots.retain(|snapshot| !named.contains(snapshot.relative.as_str()));
    }
}

/// What a manifest names as current. Superseded snapshots are not.
fn named(manifest: &Manifest) -> HashSet<&str> {
    let agents = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path.as_str());
    agents.chain([manifest.current_snapshot.as_str(), manifest.active_ops.as_str()]).collect()
}

fn names(disk: &dyn Disk, root: &Path, folder: &str) -> Result<Vec<String>> {
    let path = root.join(folder);
    match disk.list(&path) {
        Ok(names) => Ok(names),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(Error::io("scandir", &path, source)),
    }
}

/// The log or the snapshot that a file of `index/` belongs to.
fn source_of(name: &str) -> Option<&str> {
    [".jsonl.", ".json."].iter().find_map(|end| name.get(..name.find(end)? + end.len() - 1))
}

/// The files that belong to a log or a snapshot.
fn beside_of(
    disk: &dyn Disk,
    root: &Path,
    name: &str,
    in_index: &[String],
    in_ops: &[String],
) -> Result<Vec<(String, u64)>> {
    let belongs = |other: &&String| source_of(other) == Some(name) && !layout::is_temporary(other);
    let indexes = in_index.iter().filter(belongs).map(|other| format!("{}/{other}", layout::INDEX));
    let aside = in_ops.iter().filter(belongs).map(|other| format!("{}/{other}", layout::OPS));
    let mut beside = Vec::new();
    for relative in indexes.chain(aside) {
        beside.extend(length(disk, root, &relative)?.map(|bytes| (relative, bytes)));
    }
    Ok(beside)
}

/// The length of a file; `None` of what is none, or gone.
fn length(disk: &dyn Disk, root: &Path, relative: &str) -> Result<Option<u64>> {
    let path = layout::at(root, relative);
    match disk.info(&path) {
        Ok(info) => Ok(info.is_file.then_some(info.len)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("lstat", &path, source)),
    }
}

fn sealed(
    disk: &dyn Disk,
    root: &Path,
    relative: String,
    ms: u64,
    beside: Vec<(String, u64)>,
) -> Result<Option<Sealed>> {
    let path = layout::at(root, &relative);
    let failed = |source| Error::io("read", &path, source);
    let file = match disk.open(&path, OpenMode::ReadNoFollow) {
        Ok(file) => file,
        // It is gone, or it is no file.
        Err(_) if length(disk, root, &relative)?.is_none() => return Ok(None),
        Err(source) => return Err(Error::io("open", &path, source)),
    };
    let info = file.info().map_err(failed)?;
    let mut clocks = None;
    let mut until = String::new();
    if let Some((last, clock)) = last_operation(&*file, info.len).map_err(failed)? {
        until = last;
        clocks = first_clock(&*file).map_err(failed)?.zip(clock);
    }
    let mut written = Vec::new();
    iso_into(&mut written, (info.modified_ns / 1_000_000) as i64);
    let written = String::from_utf8_lossy(&written).into_owned();
    Ok(Some(Sealed { relative, ms, bytes: info.len, until, written, clocks, beside }))
}

/// The time and the clock of the last operation in a log.
fn last_operation(file: &dyn DiskFile, len: u64) -> std::io::Result<Option<(String, Option<u64>)>> {
    let mut span = 4096;
    loop {
        let from = len.saturating_sub(span);
        let bytes = read_exact_at(file, from, (len - from) as usize)?;
        let mut lines = bytes.split(|&byte| byte == b'\n');
        if from > 0 {
            // It may begin in the middle of a line.
            lines.next();
        }
        let last = lines.rev().find_map(|line| Some((line, parse_line(line).ok()?)));
        if let Some((bytes, line)) = last {
            let ts = String::from_utf8_lossy(&line.ts(bytes)).into_owned();
            return Ok(Some((ts, line.clock)));
        }
        if from == 0 {
            return Ok(None);
        }
        span *= 8;
    }
}

/// The clock of the first operation in a log that has one.
fn first_clock(file: &dyn DiskFile) -> std::io::Result<Option<u64>> {
    let mut lines = LineReader::new(file, 0);
    while let Some(raw) = lines.next_line()? {
        if let Ok(Line { clock, .. }) = parse_line(raw.bytes) {
            return Ok(clock);
        }
    }
    Ok(None)
}

/// Sorts by age: what bears a later time than anything that is named now was named by a clock that was ahead, and is older.
pub(super) fn sort_by_age<T>(items: &mut Vec<T>, newest: u64, ms: impl Fn(&T) -> u64) {
    order::sort_by_key(items, |item| (ms(item) <= newest, ms(item)));
}
