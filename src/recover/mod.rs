//! Puts a store together in another folder from whatever is sound in a damaged one: the current snapshot line by line, older
//! snapshots and sealed logs for what it lacks, and the logs in force. Invariant: nothing in the damaged folder is written to, and
//! the new folder is a store only once all of it is durable. What could not be brought back is told, with its place.

mod logs;
mod records;
mod snapshots;
mod sources;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashSet;

use self::logs::Replay;
use self::records::Records;
use self::snapshots::Salvaged;
use self::sources::Sources;
use crate::disk::{Disk, append_all};
use crate::error::{Error, Result};
use crate::format::archive::parse_segment;
use crate::format::manifest::Generation;
use crate::format::snapshot::{write_header, write_record};
use crate::format::timestamp::iso_into;
use crate::json::string::escape_into;
use crate::progress::{Phase, Progress};
use crate::publish::read_if_there;
use crate::store::Target;
use crate::transition::folder::fresh;
use crate::{layout, order};

/// How many losses are told by their place.
const LIMIT: usize = 1000;
/// How many bytes are written at once.
const BLOCK: usize = 1 << 20;

/// Something that could not be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: Option<u64>,
    /// What is wrong there.
    pub what: String,
    /// The record, where its id can be read.
    pub id: Option<Vec<u8>>,
}

/// What was brought back.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Records of the new store.
    pub records: u64,
    /// Those of them that the current snapshot did not give, and older files did.
    pub from_history: u64,
    /// Operations that were replayed.
    pub operations: u64,
    /// Records in archive segments.
    pub archived: u64,
    /// The files that were used, by relative paths.
    pub used: Vec<String>,
    /// What could not be brought back, up to a limit.
    pub losses: Vec<Loss>,
    /// How much that is.
    pub lost: u64,
    /// How many records the manifest says were in the snapshot and are in nothing that was found, as far as it can be read.
    pub missing: u64,
}

impl Recovered {
    fn lose(&mut self, loss: Loss) {
        self.lost += 1;
        if self.losses.len() < LIMIT {
            self.losses.push(loss);
        }
    }

    fn lose_file(&mut self, path: PathBuf, what: impl Into<String>) {
        self.lose(Loss { path, offset: None, what: what.into(), id: None });
    }

    fn use_file(&mut self, relative: &str) {
        if !self.used.iter().any(|used| used == relative) {
            self.used.push(relative.to_owned());
        }
    }
}

/// Puts a store together in `to`, which must be empty or not there.
///
/// # Errors
/// `OPSLOG_INVALID_ARGUMENT` for a folder that is not empty or lies in the damaged one; `OPSLOG_NO_STORE` where there is nothing of a
/// store; `OPSLOG_IO` of writing, and `OPSLOG_FAILED` when the work was abandoned. The new folder is taken away then.
pub fn recover(
    disk: &Arc<dyn Disk>,
    root: &Path,
    to: &Path,
    now_ms: i64,
    progress: &Progress,
) -> Result<Recovered> {
    let mut report = Recovered::default();
    let sources = Sources::find(&**disk, root, &mut report)?;
    let mut target = Target::prepare(disk, root, to, "recover")?;
    progress.begin(Phase::Recover, sources.bytes);
    let work = Work { disk: &**disk, root, sources: &sources, progress };
    let (records, clock) = work.put_together(&mut report)?;
    let segments = work.copy_segments(&mut target, &mut report)?;
    work.write(&mut target, &records, (segments, clock), now_ms, &mut report)?;
    Ok(report)
}

struct Work<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    sources: &'a Sources,
    progress: &'a Progress,
}

impl Work<'_> {
    fn go_on(&self) -> Result<()> {
        match self.progress.is_abandoned() {
            true => Err(Error::Failed("the recovery was given up".into())),
            false => Ok(()),
        }
    }

    /// The records, and the highest clock of the operations.
    fn put_together(&self, report: &mut Recovered) -> Result<(Records, u64)> {
        let current = self.sources.snapshot.as_deref();
        let mut salvaged = match current {
            Some(relative) => self.salvage(relative, report)?,
            None => Salvaged::nothing(),
        };
        let expected = self.sources.expected();
        let have = salvaged.records.len() as u64;
        if salvaged.is_doubtful() || expected.is_some_and(|expected| have < expected) {
            self.fill(&mut salvaged, expected, report)?;
        }
        let Salvaged { mut records, version, .. } = salvaged;
        let mut replay = Replay::new(self.disk, self.root);
        for log in &self.sources.logs {
            self.go_on()?;
            replay.add(log, version, report)?;
            self.progress.reach(replay.bytes());
        }
        let archived = if self.sources.is_manifest_sound { HashSet::new() } else { self.archived_ids() };
        let clock = replay.apply(&mut records, &archived, report);
        records.version = version;
        Ok((records, clock))
    }

    /// Brings back from older snapshots and sealed logs what the current snapshot does not give.
    fn fill(&self, salvaged: &mut Salvaged, expected: Option<u64>, report: &mut Recovered) -> Result<()> {
        let mut older = Salvaged::nothing();
        for relative in &self.sources.older {
            self.go_on()?;
            // Only one that is sound says what all of its records were.
            let mut aside = Recovered::default();
            let found = self.salvage(relative, &mut aside)?;
            if !found.is_doubtful() {
                report.use_file(relative);
                older = found;
                older.from = layout::milliseconds(relative);
                break;
            }
        }
        let mut replay = Replay::new(self.disk, self.root);
        for log in self.sources.sealed_since(older.from) {
            self.go_on()?;
            replay.add(&log, older.version, report)?;
        }
        let archived = self.archived_ids();
        replay.apply(&mut older.records, &HashSet::new(), &mut Recovered::default());
        // What the damaged lines do not name may be any record.
        let named = (salvaged.records.len() + salvaged.lost_ids.len()) as u64;
        let takes_all = salvaged.unnamed > 0
            || salvaged.lost_ids.is_empty()
            || expected.is_some_and(|expected| named < expected);
        for row in older.records.rows() {
            let is_lost = salvaged.lost_ids.contains(&*row.id);
            let is_wanted = is_lost || takes_all && !archived.contains(&*row.id);
            let is_enough =
                !is_lost && expected.is_some_and(|expected| salvaged.records.len() as u64 >= expected);
            if is_wanted && !is_enough && !salvaged.records.contains(&row.id) {
                salvaged.records.set(&row.id, row.text.clone(), row.version);
                report.from_history += 1;
            }
        }
        if salvaged.version == 0 {
            salvaged.version = older.version;
        }
        let have = salvaged.records.len() as u64;
        report.missing = expected.map_or(0, |expected| expected.saturating_sub(have));
        let absent: Vec<&String> = self.sources.absent_since(older.from).collect();
        if report.from_history > 0 && !absent.is_empty() {
            // What comes from before such a log may have been set anew in it, or deleted.
            for relative in absent {
                let what = "this log is missing: records from older files may be outdated";
                report.lose_file(layout::at(self.root, relative), what);
            }
            return Ok(());
        }
        let is_back = |loss: &Loss| loss.id.as_ref().is_some_and(|id| salvaged.records.contains(id));
        let is_all_back = expected.is_some_and(|expected| have >= expected);
        let snapshot = self.sources.snapshot.as_ref().map(|relative| layout::at(self.root, relative));
        let before = report.losses.len();
        report.losses.retain(|loss| !(is_back(loss) || is_all_back && Some(&loss.path) == snapshot.as_ref()));
        report.lost -= (before - report.losses.len()) as u64;
        Ok(())
    }

    fn archived_ids(&self) -> HashSet<Vec<u8>> {
        let mut ids = HashSet::new();
        for relative in &self.sources.segments {
            let content = read_if_there(self.disk, &layout::at(self.root, relative)).ok().flatten();
            let records = content.and_then(|content| parse_segment(&content).ok()).unwrap_or_default();
            ids.extend(records.into_iter().map(|(id, _)| id.to_vec()));
        }
        ids
    }

    /// Copies the archive segments that are sound. Returns their paths.
    fn copy_segments(&self, target: &mut Target, report: &mut Recovered) -> Result<Vec<String>> {
        let mut copied = Vec::new();
        for relative in &self.sources.segments {
            self.go_on()?;
            let path = layout::at(self.root, relative);
            let content = match read_if_there(self.disk, &path) {
                Ok(Some(content)) => content,
                Ok(None) => {
                    report.lose_file(path, "the manifest names this archive segment, and it is missing");
                    continue;
                }
                Err(error) => {
                    report.lose_file(path, error.to_string());
                    continue;
                }
            };
            let Ok(records) = parse_segment(&content) else {
                report.lose_file(path, "this archive segment is damaged");
                continue;
            };
            report.archived += records.len() as u64;
            let file = target.create(relative)?;
            append_all(&*file, &content).map_err(|source| Error::io("write", &path, source))?;
            file.sync().map_err(|source| Error::io("fdatasync", &path, source))?;
            report.use_file(relative);
            copied.push(relative.clone());
        }
        Ok(copied)
    }

    /// Writes the new store. Records of another schema version than the snapshot's go to its log, whose lines say which.
    fn write(
        &self,
        target: &mut Target,
        records: &Records,
        (segments, clock): (Vec<String>, u64),
        now_ms: i64,
        report: &mut Recovered,
    ) -> Result<()> {
        let version = records.version.max(1);
        let mut iso = Vec::new();
        iso_into(&mut iso, now_ms);
        let now = String::from_utf8_lossy(&iso).into_owned();
        let ms = layout::after(0, now_ms);
        let (snapshot, log) = (layout::snapshot(ms), layout::wal(ms));
        let (snapshot_file, log_file) = (target.create(&snapshot)?, target.create(&log)?);
        let failed = |source| Error::io("write", Path::new(&snapshot), source);
        let (mut block, mut lines) = (Vec::new(), Vec::new());
        write_header(&mut block, version, now_ms);
        let mut active = 0;
        for row in records.rows() {
            let data = row.text.read().map_err(failed)?;
            if row.version == version || row.version == 0 {
                write_record(&mut block, &row.id, &data);
                block.push(b'\n');
                active += 1;
            } else {
                lines.extend_from_slice(format!("{{\"ts\":\"{now}\",\"op\":\"set\",\"id\":").as_bytes());
                escape_into(&mut lines, &row.id);
                lines.extend_from_slice(b",\"prev\":null,\"data\":");
                lines.extend_from_slice(&data);
                lines.extend_from_slice(format!(",\"version\":{}}}\n", row.version).as_bytes());
            }
            report.records += 1;
            if block.len() + lines.len() >= BLOCK {
                self.go_on()?;
                append_all(&*snapshot_file, &block).map_err(failed)?;
                append_all(&*log_file, &lines).map_err(failed)?;
                block.clear();
                lines.clear();
            }
        }
        append_all(&*snapshot_file, &block).map_err(failed)?;
        append_all(&*log_file, &lines).map_err(failed)?;
        for file in [&snapshot_file, &log_file] {
            file.sync().map_err(|source| Error::io("fdatasync", Path::new(&snapshot), source))?;
        }
        let mut manifest = fresh(snapshot, log, now, Generation::new(Vec::new()));
        manifest.version = u64::from(version);
        manifest.stats.active_records = active;
        manifest.stats.archived_records = report.archived;
        manifest.archive_segments = segments;
        manifest.clock = clock;
        if let Some(known) = &self.sources.manifest {
            manifest.stats.created.clone_from(&known.stats.created);
            manifest.clock = manifest.clock.max(known.clock);
        }
        order::sort(&mut report.used);
        target.publish(&manifest.print())
    }
}
