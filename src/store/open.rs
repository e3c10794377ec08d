//! Opening: lock, manifest, snapshot, log. A failed open leaves nothing behind: no lock, no file that counts.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::agents;
use super::checkpoint::checkpoints::Checkpoints;
use super::checkpoint::create_files;
use super::checkpoint::departures::Departures;
use super::checkpoint::holding::Holding;
use super::closing::{self, MissingLog, missing_logs};
use super::following::followed::{Skipped, skipped_in};
use super::following::standing::Following;
use super::reading::indexed::Indexed;
use super::versions::{Versions, with_schema};
use super::writing::doubtful::write_anew_if_in_doubt;
use super::writing::logs::Logs;
use super::writing::older::Older;
use super::writing::unwritten::Unwritten;
use super::{Durability, Options, Seen, State, Store};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::engine::{Base, Engine, Id, Logged, Text};
use crate::error::{Document, Error, Result};
use crate::file_system::FileSystem;
use crate::format::manifest::{self, Manifest};
use crate::format::operation::Line;
use crate::lock::{self, HeldLock, Locking, ProcessProbe};
use crate::progress::{Phase, Progress};
use crate::publish::read_if_there;
use crate::rules::snapshots::lack;
use crate::wal::end::end_of;
use crate::wal::{Tail, Writer, repair, replay, replay_unlocked};
use crate::{layout, snapshot, temporary, unpublished};

/// So many bytes of a file are read in less time than it takes to hand them to another thread.
const LITTLE: u64 = 1 << 17;

/// A store, and what opening it found.
pub struct Opened {
    /// The store.
    pub store: Arc<Store>,
    /// What was found.
    pub report: Report,
}

/// What opening found.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// The WAL that was read.
    pub wal: PathBuf,
    /// Malformed lines, of all logs that were read.
    pub skipped: Vec<Skipped>,
    /// Whether its end was torn as well, which 0.8.1 counts as one more malformed line.
    pub torn_line: bool,
    /// How many bytes of its end were set aside, or would be by a writer.
    pub torn_bytes: u64,
    /// Where they were set aside.
    pub torn_path: Option<PathBuf>,
    /// Whether an index had to be built from the snapshot.
    pub index_rebuilt: bool,
    /// Logs that are missing and were not empty.
    pub missing: Vec<MissingLog>,
    /// Whether records are of an older schema version than the program: they must be migrated first.
    pub needs_migration: bool,
}

impl Report {
    /// Takes note of a torn end that a writer sets aside.
    fn take_torn(&mut self, path: &Path, tail: &Tail) {
        if tail.torn {
            self.torn_line = true;
            self.torn_bytes = tail.end - tail.good;
            self.torn_path = Some(layout::torn(path));
        }
    }
}

/// What the files say.
pub(super) struct Loaded {
    pub engine: Engine,
    pub wal: Writer,
    pub seen: Seen,
    pub versions: Versions,
    pub snapshot_bytes: u64,
    /// How much of the log its index file speaks of.
    pub indexed: u64,
}

impl Store {
    /// Opens the store in a folder, creating it unless `read_only`.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED`, `OPSLOG_CORRUPT`, `OPSLOG_IO`, `OPSLOG_NO_STORE`.
    pub fn open(
        disk: Arc<dyn Disk>,
        root: &Path,
        options: Options,
        probe: &dyn ProcessProbe,
    ) -> Result<Opened> {
        Self::open_with(disk, root, options, Locking::Kernel, probe)
    }

    /// Whether opening would look at little and wait for no other process: then a thread of its own costs more than it spares.
    /// What cannot be found out is for opening itself to tell.
    pub fn opens_at_once(disk: &dyn Disk, root: &Path, options: &Options) -> bool {
        let is_short = |relative: &str| {
            disk.info(&root.join(relative)).is_ok_and(|file| file.is_file && file.len <= LITTLE)
        };
        // NOTE: a lock file that is left without a process number, also that of compaction, is waited for.
        let is_absent = |name: &str| is_there(disk, &root.join(name)).is_ok_and(|is_there| !is_there);
        let is_free = options.read_only || (is_absent(layout::LOCK) && is_absent(layout::COMPACT_LOCK));
        if options.agent.is_some() || !is_free || !is_short(layout::MANIFEST) {
            return false;
        }
        let Ok(Some(manifest)) = read_manifest(disk, root) else { return false };
        let snapshot = &manifest.current_snapshot;
        manifest.active_agent_ops.is_none()
            && is_short(&manifest.active_ops)
            && (options.skip_load
                || is_short(snapshot)
                || snapshot::is_indexed(disk, &root.join(snapshot), &layout::index(root, snapshot)))
    }

    /// As [`Store::open`]. Agents need kernel locks, whatever a single writer accepts.
    ///
    /// # Errors
    /// As for [`Store::open`]; `OPSLOG_UNSUPPORTED` where the file system lacks what cannot be left out.
    pub fn open_with(
        disk: Arc<dyn Disk>,
        root: &Path,
        options: Options,
        locking: Locking,
        probe: &dyn ProcessProbe,
    ) -> Result<Opened> {
        let bare = disk;
        let may_not_sync = options.durability == Durability::Process;
        let file_system = Arc::new(FileSystem::new(Arc::clone(&bare), root, locking, may_not_sync));
        let disk: Arc<dyn Disk> = Arc::clone(&file_system) as _;
        if let (Some(agent), false) = (options.agent.clone(), options.read_only) {
            return agents::open_agent(disk, root, options, &agent, probe);
        }
        let mut held = None;
        if !options.read_only {
            for folder in layout::FOLDERS {
                let path = root.join(folder);
                disk.create_folder(&path).map_err(|source| Error::io("mkdir", &path, source))?;
            }
            let was_killed = is_there(&*disk, &root.join(layout::LOCK))?;
            let pid = std::process::id();
            let lock = lock::acquire_with(&bare, root, layout::LOCK, pid, locking, probe)?;
            if !lock.has_kernel_lock() {
                file_system.lacks_locks();
            }
            held = Some(lock);
            temporary::remove_left(&*disk, root);
            lock::remove_stale(&bare, root, layout::COMPACT_LOCK, pid, probe);
            if was_killed && !planted!("found-manifest-unsynced") {
                // NOTE: a process that died with the lock may not have come to this, and the manifest that is found here
                // must not go back to an older one once there are writes that belong to it.
                disk.sync_folder(root).map_err(|source| Error::io("fsync", root, source))?;
            }
        }
        let mut found = read_manifest(&*disk, root)?;
        if held.is_some() {
            unpublished::remove_left(&*disk, root, found.as_ref());
        }
        let store = Store::closed(disk, root, options, None);
        let mut report = Report::default();
        if store.options.read_only {
            store.open_to_read(found, &mut report)?;
            return Ok(Opened { store: Arc::new(store), report });
        }
        if let Some(manifest) = &found {
            report.missing = store.look_for_missing(manifest)?;
        }
        if let Some(manifest) = found.as_ref().filter(|manifest| manifest.active_agent_ops.is_some()) {
            store.take_over(manifest)?;
            found = read_manifest(&*store.disk, root)?;
        }
        let (manifest, loaded) = match found {
            Some(manifest) => {
                let loaded = load(&store, &manifest, &mut report)?;
                (manifest, loaded)
            }
            None => {
                refuse_to_overwrite(&store)?;
                let version = store.options.version;
                let (manifest, wal, base, bytes) = create_files(&store, store.options.now_ms, version)?;
                let engine = Engine::new(base, None);
                let versions = Versions::of_header(Some(f64::from(version)), &store.options);
                let engine = with_schema(engine, &store.options, versions);
                let seen = Seen::default();
                (manifest, Loaded { engine, wal, seen, versions, snapshot_bytes: bytes, indexed: 0 })
            }
        };
        store.options.refuse_newer(loaded.versions.snapshot.max(loaded.engine.schema().newest()))?;
        store.begin(manifest, loaded, held, &mut report)?;
        if report.missing.is_empty() {
            closing::forget(&*store.disk, root, None);
        }
        store.index_log()?;
        Ok(Opened { store: Arc::new(store), report })
    }

    /// Loads what the manifest names, whatever writer is there. It may be superseded meanwhile: then it looks again.
    fn open_to_read(&self, mut found: Option<Manifest>, report: &mut Report) -> Result<()> {
        loop {
            let manifest = found.ok_or(Error::NoStore)?;
            let hold = self.hold_named(&manifest)?;
            *report = Report { missing: self.look_for_missing(&manifest)?, ..Report::default() };
            let loaded = if manifest.active_agent_ops.is_some() {
                self.read_agents(&manifest, report)
            } else {
                load(self, &manifest, report)
                    .and_then(|loaded| self.begin(manifest.clone(), loaded, None, report))
            };
            match loaded {
                Err(error) if error.is_missing_file() => {
                    found = read_manifest(&*self.disk, &self.root)?;
                    if found.as_ref() == Some(&manifest) {
                        return Err(error);
                    }
                }
                loaded => {
                    self.lock().checkpoints.holding = Holding::of_reader(hold);
                    return loaded;
                }
            }
        }
    }

    /// Finds logs that are missing and were not empty, and refuses them where that was asked for.
    ///
    /// # Errors
    /// `OPSLOG_CORRUPT`, `OPSLOG_IO`.
    pub(super) fn look_for_missing(&self, manifest: &Manifest) -> Result<Vec<MissingLog>> {
        let missing = missing_logs(&*self.disk, &self.root, manifest)?;
        match missing.first() {
            Some(log) if self.options.strict => Err(Error::corrupt(&log.path, None, log.what())),
            _ => Ok(missing),
        }
    }

    /// Begins with what was loaded.
    fn begin(
        &self,
        manifest: Manifest,
        mut loaded: Loaded,
        held: Option<HeldLock>,
        report: &mut Report,
    ) -> Result<()> {
        let is_older = loaded.versions.snapshot < self.options.version && !self.options.skip_load;
        report.needs_migration =
            is_older || !loaded.engine.is_migrated().map_err(|source| self.read_failed(source))?;
        loaded.seen.all_told();
        let logs = Logs {
            wal: loaded.wal,
            older: Older::names(&self.root),
            indexed: Indexed::up_to(loaded.indexed, report.skipped.is_empty() && !report.torn_line),
            ..Logs::default()
        };
        let departures = Departures::of_manifest(manifest.departures);
        let checkpoints = Checkpoints::behind(departures, loaded.snapshot_bytes);
        *self.lock() = State {
            unwritten: Unwritten::behind(loaded.engine.operations().len()),
            engine: loaded.engine,
            logs,
            checkpoints,
            following: Following::of_seen(loaded.seen),
            manifest,
            lock: held,
            versions: loaded.versions,
            ..State::unloaded()
        };
        self.lock().take_log_version();
        Ok(())
    }

    /// Refuses a log with malformed lines, at these offsets, where that was asked for.
    ///
    /// # Errors
    /// `OPSLOG_CORRUPT`.
    pub(super) fn refuse_malformed(&self, path: &Path, offsets: &[u64]) -> Result<()> {
        match offsets.first() {
            Some(offset) if self.options.strict => {
                Err(Error::corrupt(path, *offset, format!("{} malformed line(s)", offsets.len())))
            }
            _ => Ok(()),
        }
    }
}

impl State {
    pub(super) fn unloaded() -> Self {
        Self {
            engine: Engine::new(Base::empty(), None),
            logs: Logs::default(),
            unwritten: Unwritten::default(),
            checkpoints: Checkpoints::default(),
            following: Following::default(),
            agents: None,
            manifest: Manifest::default(),
            versions: Versions::default(),
            lock: None,
            failed: None,
            detached: false,
            home: Default::default(),
        }
    }
}

pub(super) fn read_manifest(disk: &dyn Disk, root: &Path) -> Result<Option<Manifest>> {
    let text = read_if_there(disk, &root.join(layout::MANIFEST))?;
    text.map(|text| parse_manifest(root, &text)).transpose()
}

pub(crate) fn parse_manifest(root: &Path, text: &[u8]) -> Result<Manifest> {
    manifest::parse(text).map_err(|invalid| Error::Unreadable {
        document: Document::Manifest,
        path: root.join(layout::MANIFEST),
        offset: None,
        content: text.to_vec(),
        detail: format!("{invalid:?}"),
    })
}

/// Loads what a manifest names.
pub(super) fn load(store: &Store, manifest: &Manifest, report: &mut Report) -> Result<Loaded> {
    let options = &store.options;
    let mut snapshot_bytes = 0;
    let mut base = Base::empty();
    let versions = if options.skip_load {
        store.snapshot_version(manifest)?
    } else {
        let loaded = load_snapshot(store, manifest)?;
        snapshot_bytes = loaded.bytes;
        report.index_rebuilt = loaded.scanned && !loaded.base.is_empty();
        base = loaded.base;
        Versions::of_header(loaded.version, options)
    };
    let mut engine = with_schema(Engine::new(base, None), options, versions);
    let mut seen = Seen::new(&store.hasher);
    let wal = load_wal(store, manifest, &mut engine, &mut seen, report)?;
    let indexed = engine.head().map_or(0, |head| head.end());
    Ok(Loaded { engine, wal, seen, versions, snapshot_bytes, indexed })
}

fn length_of(file: &dyn DiskFile, path: &Path) -> Result<u64> {
    Ok(file.info().map_err(|source| Error::io("fstat", path, source))?.len)
}

/// Opens an agent's own WAL, as a writer: a torn end is repaired, and told in the report.
pub(super) fn open_own_wal(store: &Store, relative: &str, report: &mut Report) -> Result<Writer> {
    let path = layout::inside(&store.root, layout::OPS, relative)?;
    let file = match store.disk.open(&path, OpenMode::Append) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Writer::new(path, relative.to_owned(), None, 0));
        }
        Err(source) => return Err(Error::io("open", &path, source)),
    };
    if store.options.strict && !store.options.skip_load {
        // NOTE: before its end is cut: what is refused is left as it is.
        let whole = replay(&*file, &path, 0, |_, _, _| Ok(ControlFlow::Continue(())))?;
        store.refuse_malformed(&path, &whole.skipped)?;
    }
    let tail = tail_only(&*file, &path)?;
    report.take_torn(&path, &tail);
    let (len, _) = repair(&*store.disk, &*file, &path, &tail)?;
    let mut wal = Writer::new(path, relative.to_owned(), Some(file), len);
    wal.set_cuts(tail.cuts);
    Ok(wal)
}

pub(super) fn load_snapshot(store: &Store, manifest: &Manifest) -> Result<snapshot::Loaded> {
    let relative = &manifest.current_snapshot;
    let path = layout::inside(&store.root, layout::SNAPSHOTS, relative)?;
    let loaded =
        snapshot::load(&*store.disk, &path, &store.indexing(relative)).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Error::SnapshotMissing { relative: relative.clone(), source }
            }
            other => other,
        })?;
    match lack(loaded.base.len() as u64, manifest.stats.active_records) {
        Some(lack) => Err(Error::corrupt(&path, loaded.bytes, lack)),
        None => Ok(loaded),
    }
}

fn load_wal(
    store: &Store,
    manifest: &Manifest,
    engine: &mut Engine,
    seen: &mut Seen,
    report: &mut Report,
) -> Result<Writer> {
    let relative = manifest.active_ops.clone();
    let path = layout::inside(&store.root, layout::OPS, &relative)?;
    report.wal.clone_from(&path);
    if !store.options.read_only {
        write_anew_if_in_doubt(&*store.disk, &path)?;
    }
    let mode = if store.options.read_only { OpenMode::Read } else { OpenMode::Append };
    let file = match store.disk.open(&path, mode) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => return Err(Error::io("open", &path, source)),
    };
    let (mut len, mut cuts, mut after) = (0, 0, None);
    if let Some(file) = &file {
        let tail = if store.options.skip_load && store.options.read_only {
            // Nothing of it was read: the first look begins with it.
            Tail::default()
        } else if store.options.skip_load {
            tail_only(&**file, &path)?
        } else if store.options.read_only {
            let log = Replayed { file, path: &path, version: label(engine, manifest) };
            log.replay_into(engine, Some(seen), 0..u64::MAX, &store.options.progress)?
        } else {
            store.replay_behind_head(engine, manifest, file, &path)?
        };
        store.refuse_malformed(&path, &tail.skipped)?;
        // NOTE: a reader may have come while its writer was in the middle of an append, which is over by now.
        let is_written = store.options.read_only && tail.torn && length_of(&**file, &path)? > tail.end;
        if !is_written {
            report.take_torn(&path, &tail);
        }
        if store.options.read_only {
            report.torn_path = None;
        }
        report.skipped = skipped_in(&path, &tail.skipped).collect();
        len = tail.good;
        if !store.options.read_only {
            (len, _) = repair(&*store.disk, &**file, &path, &tail)?;
        }
        cuts = tail.cuts;
        after = tail.after;
    }
    // NOTE: another process may have written the first line.
    let after = manifest.after_previous().or(after);
    let mut wal = Writer::new(path, relative, file, len);
    wal.set_cuts(cuts);
    wal.set_after(after);
    Ok(wal)
}

/// The version of lines without a mark in a single writer's log.
pub(super) fn label(engine: &Engine, manifest: &Manifest) -> u32 {
    manifest.log_version(&manifest.active_ops, engine.schema().base())
}

/// A log that is to be replayed; `version` is that of lines without a mark.
pub(super) struct Replayed<'a> {
    pub file: &'a Arc<dyn DiskFile>,
    pub path: &'a Path,
    pub version: u32,
}

impl Replayed<'_> {
    /// Applies the operations of the log. With `seen`, for a store that follows, the lines are held in memory.
    pub(super) fn replay_into(
        &self,
        engine: &mut Engine,
        mut seen: Option<&mut Seen>,
        range: Range<u64>,
        progress: &Progress,
    ) -> Result<Tail> {
        let Self { file, path, version } = *self;
        let is_follower = seen.is_some();
        let len = file.info().map_err(|source| Error::io("fstat", path, source))?.len;
        progress.begin(Phase::ReadLog, len.min(range.end).saturating_sub(range.start));
        let each = |offset: u64, bytes: &[u8], line: &Line<'_>| {
            if offset >= range.end {
                return Ok(ControlFlow::Break(()));
            }
            progress.reach(offset - range.start);
            let text = match &mut seen {
                Some(seen) => {
                    seen.push(offset, bytes);
                    Text::Held(bytes.into())
                }
                None => Text::at(file, offset, bytes.len()),
            };
            let before = engine.get(&line.id).map_err(|source| Error::io("read", path, source))?;
            let data = line.data.clone().map(|range| text.part(range, bytes));
            let id: Id = (&*line.id).into();
            let version = line.version.unwrap_or(version);
            engine.apply(Logged { id, data, line: text, batch: line.batch, origin: None, version }, before);
            Ok(ControlFlow::Continue(()))
        };
        if is_follower {
            let whole = replay_unlocked(&**file, path, range.start, usize::MAX, || Ok(true), each)?;
            return Ok(whole.unwrap_or_default().tail);
        }
        replay(&**file, path, range.start, each)
    }
}

/// What the end of a WAL tells, for a store that reads no more of it.
fn tail_only(file: &dyn DiskFile, path: &Path) -> Result<Tail> {
    Ok(Tail { skipped: Vec::new(), ..end_of(file, path, 1 << 16)?.tail })
}

/// Without a manifest, a folder that holds data is damaged, not fresh.
pub(super) fn refuse_to_overwrite(store: &Store) -> Result<()> {
    if planted!("missing-manifest-is-fresh") {
        return Ok(());
    }
    let list = |folder: &str| {
        let path = store.path(folder);
        store.disk.list(&path).map_err(|source| Error::io("scandir", &path, source))
    };
    let refuse = |what: String| {
        let detail = format!(
            "the manifest is missing but {what} holds data; restore the manifest, or move the folder away"
        );
        Err(Error::corrupt(&store.path(layout::MANIFEST), None, detail))
    };
    for name in list(layout::SNAPSHOTS)?.iter().filter(|name| layout::milliseconds(name).is_some()) {
        let relative = format!("{}/{name}", layout::SNAPSHOTS);
        let path = store.path(&relative);
        match snapshot::load(&*store.disk, &path, &store.indexing(&relative)) {
            Ok(loaded) if loaded.base.is_empty() => {}
            // What is in it is not known.
            Err(error @ Error::Io { .. }) => return Err(error),
            // NOTE: a damaged snapshot is data as well.
            Ok(_) | Err(_) => return refuse(relative),
        }
    }
    for name in list(layout::OPS)?.iter().filter(|name| name.ends_with(".jsonl")) {
        let relative = format!("{}/{name}", layout::OPS);
        let path = store.path(&relative);
        let info = store.disk.info(&path).map_err(|source| Error::io("stat", &path, source))?;
        if info.len > 0 {
            return refuse(relative);
        }
    }
    let archived = list(layout::ARCHIVE)?;
    match archived.iter().find(|name| layout::is_archive(name)) {
        Some(name) => refuse(format!("{}/{name}", layout::ARCHIVE)),
        None => Ok(()),
    }
}

fn is_there(disk: &dyn Disk, path: &Path) -> Result<bool> {
    match disk.info(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::io("lstat", path, source)),
    }
}
