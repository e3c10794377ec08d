//! The schema versions of the files that a store has in use, and what follows for a program of a version: which mark its
//! lines bear, whether it may write at all, and whether a snapshot can be of one version. `format::versions` has the rules
//! of the manifest, `engine::schema` those of values in memory.

use super::open::{parse_manifest, read_manifest};
use super::{Options, State, Store};
use crate::engine::{Cursor, Engine, Id, Schema};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::Line;
use crate::format::versions::version_of;
use crate::rules::program::Program;
use crate::{layout, snapshot};

/// Versions of the files in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Versions {
    /// Of the snapshot that the manifest names.
    pub(super) snapshot: u32,
    /// What the header says beyond that: 0.8.1 took any number.
    fraction: f64,
    /// Of lines without a mark in the log that is written to, or followed.
    log: u32,
    /// Whether it was named before a migration was published, by a manifest that tells another version of it.
    is_log_older: bool,
    /// A version that is newer than the one that the program gave, and that one: it must write no more.
    newer: Option<(u32, u32)>,
}

impl Default for Versions {
    fn default() -> Self {
        Self { snapshot: 1, fraction: 0.0, log: 1, is_log_older: false, newer: None }
    }
}

impl Versions {
    /// What a snapshot's header says. One without a number is taken for what the program wants, as by 0.8.1.
    pub(super) fn of_header(stored: Option<f64>, options: &Options) -> Self {
        let Some(stored) = stored else {
            return Self { snapshot: options.version, ..Self::default() };
        };
        let snapshot = stored.floor() as u32;
        Self { snapshot, fraction: stored - f64::from(snapshot), ..Self::default() }
    }

    /// What a manifest says of a snapshot that was not read. The manifest of a new store says 1 whatever it is.
    pub(super) fn of_manifest(manifest: &Manifest) -> Self {
        Self { snapshot: version_of(manifest.version), ..Self::default() }
    }

    /// Goes by the versions of another snapshot.
    pub(super) fn take_snapshot(&mut self, other: Self) {
        (self.snapshot, self.fraction) = (other.snapshot, other.fraction);
    }

    /// The version of a line of the log.
    pub(super) fn of_line(&self, line: &Line<'_>) -> u32 {
        line.version.unwrap_or(self.log)
    }

    /// How a program hears of a version.
    pub(super) fn exact(&self, version: u32) -> f64 {
        let fraction = if version == self.snapshot { self.fraction } else { 0.0 };
        f64::from(version) + fraction
    }
}

/// The newest of some logs with the schema version of the snapshot before, if the next snapshot has another one.
pub(super) fn former_version<'l>(
    logs: impl Iterator<Item = &'l String>,
    (before, version): (u32, u32),
) -> Option<(String, u32)> {
    let newest = logs.max_by_key(|log| layout::time_of(log)).filter(|_| before != version);
    newest.map(|log| (log.clone(), before))
}

impl Options {
    /// What the program may write.
    fn program(&self) -> Program<u32> {
        Program { version: self.version, is_given: self.version_given, is_reader: self.read_only }
    }

    /// The version of what the program writes beside a snapshot of this version.
    pub(super) fn writes(&self, snapshot: u32) -> u32 {
        self.program().writes(snapshot)
    }

    /// What the program wants values to be over a base of this version.
    pub(super) fn schema(&self, base: u32) -> Schema {
        Schema::new(self.version, base)
    }

    /// Refuses a program that gave a lower version than something in the store has.
    ///
    /// # Errors
    /// `OPSLOG_NEWER_VERSION`.
    pub(super) fn refuse_newer(&self, found: u32) -> Result<()> {
        if self.program().is_outdated_by(found) {
            return Err(Error::NewerVersion { found, given: self.version });
        }
        Ok(())
    }
}

impl State {
    /// The version of what the program writes.
    pub(super) fn writes(&self, options: &Options) -> u32 {
        options.writes(self.versions.snapshot)
    }

    /// The mark that a line of the program's needs in the log that is written to.
    pub(super) fn version_mark(&self, options: &Options) -> Option<u32> {
        // NOTE: a log that was empty when a migration was published is of the new version from then on. What reads it without the
        // folder's lock may still go by the manifest before.
        options.program().mark(self.versions.snapshot, self.versions.log, self.versions.is_log_older)
    }

    /// Takes note of the version of the log that is written to, or followed, as the manifest has it.
    pub(super) fn take_log_version(&mut self) {
        let log = self.logs.wal.relative();
        self.versions.log = self.manifest.log_version(log, self.versions.snapshot);
        self.versions.is_log_older = self.manifest.former_versions.iter().any(|(former, _)| former == log);
    }

    /// Whether another manifest names a snapshot of another version than the one in memory: lines of logs that came in between
    /// may be of either.
    pub(super) fn changes_version(&self, next: &Manifest) -> bool {
        let is_known = next.current_snapshot == self.manifest.current_snapshot;
        !is_known && version_of(next.version) != self.versions.snapshot
    }

    /// Takes note of a version that was seen: from a version on that is newer than the program's, nothing more is written.
    pub(super) fn look_for_newer(&mut self, options: &Options, found: u32) {
        if options.program().is_outdated_by(found) && !planted!("newer-version-unnoticed") {
            self.versions.newer = Some((found, options.version));
        }
    }

    /// Refuses to write once something newer than the program was seen.
    pub(super) fn refuse_newer(&self) -> Result<()> {
        match self.versions.newer {
            Some((found, given)) => Err(Error::NewerVersion { found, given }),
            None => Ok(()),
        }
    }

    /// Whether everything can stand in one snapshot: it is of one version, or is migrated to it.
    ///
    /// # Errors
    /// `OPSLOG_NEWER_VERSION` when it cannot.
    pub(super) fn require_one_version(&self, options: &Options) -> Result<()> {
        self.refuse_newer()?;
        if !options.program().can_snapshot(|| self.is_of_one_version(options)) {
            return Err(Error::SeveralVersions { found: self.engine.schema().newest() });
        }
        Ok(())
    }

    /// Whether no value is of another version than the program writes.
    pub(super) fn is_of_one_version(&self, options: &Options) -> bool {
        self.engine.is_of_one_version(self.writes(options))
    }
}

impl Store {
    /// The version of the snapshot that a manifest names, read from its first line.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn snapshot_version(&self, manifest: &Manifest) -> Result<Versions> {
        let path = layout::inside(&self.root, layout::SNAPSHOTS, &manifest.current_snapshot)?;
        Ok(match snapshot::header_version(&*self.disk, &path)? {
            Some(stored) => Versions::of_header(stored, &self.options),
            None => Versions::of_manifest(manifest),
        })
    }

    /// Whether a look at this manifest may come upon values that are to be migrated.
    pub(super) fn meets_older(&self, state: &State, manifest: &Manifest) -> bool {
        let is_known = manifest.current_snapshot == state.manifest.current_snapshot;
        let snapshot = if is_known { state.versions.snapshot } else { version_of(manifest.version) };
        !self.options.skip_load && manifest.oldest_version(snapshot) < self.options.version
    }

    /// The version of the snapshot that the manifest on the disk names, where it may be another hand's.
    pub(super) fn version_on_disk(&self) -> Option<u32> {
        let manifest = read_manifest(&*self.disk, &self.root).ok().flatten()?;
        Some(version_of(manifest.version))
    }

    /// Whether some file that the manifest names is older than the program: a snapshot is due that is not.
    pub fn has_older_files(&self) -> bool {
        let state = self.lock();
        self.meets_older(&state, &state.manifest)
    }

    /// Whether the next look may come upon values that are to be migrated.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn may_meet_older(&self) -> Result<bool> {
        let text = self.manifest_text()?;
        let state = self.lock();
        if state.following.follower.has_read(&text) {
            return Ok(self.meets_older(&state, &state.manifest));
        }
        Ok(self.meets_older(&state, &parse_manifest(&self.root, &text)?))
    }

    /// Whether records are to be migrated.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn needs_migration(&self) -> Result<bool> {
        self.lock().engine.is_migrated().map(|is| !is).map_err(|source| self.read_failed(source))
    }

    /// Visits the next records that are to be migrated: id, the version that they have, value (empty for none). Begins
    /// with `Cursor::Base(0)`; nothing may change in between but that they are migrated.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn unmigrated(
        &self,
        cursor: Cursor,
        limit: usize,
        mut visitor: impl FnMut(&[u8], f64, &[u8]),
    ) -> Result<Cursor> {
        let mut state = self.lock_replayed()?;
        let versions = state.versions;
        let visited = state
            .engine
            .unmigrated(cursor, limit, |id, version, text| visitor(id, versions.exact(version), text));
        visited.map_err(|source| self.read_failed(source))
    }

    /// Gives a record that is to be migrated its new value, without an operation.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn migrate(&self, id: &[u8], text: &[u8]) -> Result<()> {
        let id: Id = id.into();
        self.lock().engine.migrate(&id, text).map_err(|source| self.read_failed(source))
    }

    /// Says that all records that were visited are migrated.
    pub fn finish_migration(&self) {
        self.lock().engine.finish_migration();
    }
}

/// A fresh engine's versions, once they are known.
pub(super) fn with_schema(mut engine: Engine, options: &Options, versions: Versions) -> Engine {
    engine.set_schema(options.schema(versions.snapshot));
    engine
}
