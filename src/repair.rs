//! Mends what `verify` finds, where that loses nothing: lines and ends of logs that count for nothing are set aside,
//! index files are made again. Nothing is deleted, and no line of a log moves. The folder's lock is held meanwhile.
//! Invariant: a folder that opens does so afterwards, whatever failed, and each step that was taken is reported.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::file_system::FileSystem;
use crate::lock::{self, Locking, ProcessProbe};
use crate::progress::Progress;
use crate::snapshot::{self, Indexing};
use crate::store::{Durability, Options, Store, refuse_agents};
use crate::verify::{Damage, Remedy, Report, verify, verify_beside};
use crate::{layout, wal};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was damaged, and how it was mended.
    pub damage: Damage,
    /// Where what stood there was put.
    pub aside: PathBuf,
}

/// What a folder was like, what was done, and what it is like now.
#[derive(Debug)]
pub struct Repaired {
    /// What was found first.
    pub before: Report,
    /// What was mended.
    pub steps: Vec<Step>,
    /// What could not be done.
    pub failures: Vec<Failure>,
    /// What is left; none when the folder could not be checked any more.
    pub after: Option<Report>,
}

/// What could not be done, and why. Nothing that counts was lost by it.
#[derive(Debug)]
pub struct Failure {
    /// What was to be mended; none when it is not one place.
    pub damage: Option<Damage>,
    /// Where what stands there was put by then.
    pub aside: Option<PathBuf>,
    /// Why it could not be mended.
    pub error: Error,
}

/// Mends a folder.
///
/// # Errors
/// `OPSLOG_NO_STORE`; `OPSLOG_LOCKED` while a writer, or an agent, has the folder open; `OPSLOG_IO`. Nothing was changed
/// then: what fails later is among the [`Repaired::failures`].
pub fn repair(
    disk: &Arc<dyn Disk>,
    root: &Path,
    probe: &dyn ProcessProbe,
    (index_from_bytes, now_ms): (u64, i64),
    progress: &Arc<Progress>,
) -> Result<Repaired> {
    repair_with(disk, root, (Locking::Kernel, probe), (index_from_bytes, now_ms), progress)
}

/// As [`repair`]. What keeps a writer out meanwhile is what the writer would be opened with.
///
/// # Errors
/// As for [`repair`]; `OPSLOG_UNSUPPORTED` without kernel locks, unless that is accepted.
pub fn repair_with(
    disk: &Arc<dyn Disk>,
    root: &Path,
    (locking, probe): (Locking, &dyn ProcessProbe),
    (index_from_bytes, now_ms): (u64, i64),
    progress: &Arc<Progress>,
) -> Result<Repaired> {
    let before = verify(&**disk, root, progress)?;
    if before.found == 0 {
        let (steps, failures) = (Vec::new(), Vec::new());
        return Ok(Repaired { after: Some(before.clone()), before, steps, failures });
    }
    let lock = lock::acquire_with(disk, root, layout::LOCK, std::process::id(), locking, probe)?;
    let bare = disk;
    let disk: &Arc<dyn Disk> = &(Arc::new(FileSystem::new(Arc::clone(bare), root, locking, true)) as _);
    let is_shared = refuse_agents(disk, root)?;
    // NOTE: once more, now that no process writes: what was found before may have been an append under way.
    let found = verify_beside(&**disk, root, progress, true)?;
    let mut mending =
        Mending { disk, root, index_from_bytes, progress, steps: Vec::new(), failures: Vec::new() };
    for damage in &found.mendable {
        mending.mend(damage, &found);
    }
    let is_log_index = |step: &Step| {
        step.damage.remedy == Remedy::Rebuild
            && !is_made_when_needed(&step.damage.path)
            && mending.snapshot_of(&step.damage.path).is_none()
    };
    let wants_log_index = !is_shared && mending.steps.iter().any(is_log_index);
    let released = lock.release();
    if released.is_ok() && wants_log_index {
        // A log's index is made by the store that opens the log.
        let options = Options { progress: Arc::clone(progress), ..writer(index_from_bytes, now_ms) };
        let opened = Store::open_with(Arc::clone(bare), root, options, locking, probe);
        mending.note(opened.and_then(|opened| opened.store.close()));
    }
    mending.note(released);
    let after = verify(&**disk, root, progress);
    let after = after.map_err(|error| mending.note(Err(error))).ok();
    let Mending { steps, failures, .. } = mending;
    Ok(Repaired { before, steps, failures, after })
}

struct Mending<'a> {
    disk: &'a Arc<dyn Disk>,
    root: &'a Path,
    index_from_bytes: u64,
    progress: &'a Arc<Progress>,
    steps: Vec<Step>,
    failures: Vec<Failure>,
}

impl Mending<'_> {
    /// Mends all in a file that calls for the same remedy.
    fn mend(&mut self, damage: &Damage, found: &Report) {
        let aside = match damage.remedy {
            Remedy::None => return,
            Remedy::Blank | Remedy::Cut => layout::torn(&damage.path),
            Remedy::Rebuild => self.free_name(&damage.path),
        };
        let mended = match damage.remedy {
            Remedy::None => return,
            Remedy::Blank => wal::blank_lines(&**self.disk, &damage.path).map(drop),
            Remedy::Cut => self.cut(&damage.path),
            Remedy::Rebuild => self.rebuild(&damage.path, &aside),
        };
        if let Err(error) = mended {
            let is_missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
            let aside = (!self.disk.info(&aside).is_err_and(is_missing)).then_some(aside);
            self.failures.push(Failure { damage: Some(damage.clone()), aside, error });
            return;
        }
        self.steps.push(Step { damage: damage.clone(), aside: aside.clone() });
        // A file has one index, and one end, however much of them is wrong.
        if damage.remedy == Remedy::Blank {
            let is_other = |other: &&Damage| {
                *other != damage && other.path == damage.path && other.remedy == damage.remedy
            };
            let others = found.damage.iter().filter(is_other).cloned();
            self.steps.extend(others.map(|damage| Step { damage, aside: aside.clone() }));
        }
    }

    fn cut(&self, path: &Path) -> Result<()> {
        let file =
            self.disk.open(path, OpenMode::Append).map_err(|source| Error::io("open", path, source))?;
        let tail = wal::replay(&*file, path, 0, |_, _, _| Ok(ControlFlow::Continue(())))?;
        wal::repair(&**self.disk, &*file, path, &tail).map(drop)
    }

    /// Makes an index again.
    fn rebuild(&self, path: &Path, aside: &Path) -> Result<()> {
        let indexing = |path: &Path, write| Indexing {
            path: path.to_path_buf(),
            from_bytes: if write { self.index_from_bytes } else { u64::MAX },
            write,
            progress: Arc::clone(self.progress),
        };
        if is_made_when_needed(path) {
            // The next writer makes it again.
            return self.disk.rename(path, aside).map_err(|source| Error::io("rename", path, source));
        }
        let snapshot = self.snapshot_of(path);
        if let Some(snapshot) = &snapshot {
            // NOTE: a snapshot with a damaged line opens by its index alone, so that must stay.
            snapshot::load(&**self.disk, snapshot, &indexing(path, false))?;
        }
        self.disk.rename(path, aside).map_err(|source| Error::io("rename", path, source))?;
        if let Some(snapshot) = &snapshot {
            // What cannot be written now, the next writer writes.
            let _ = snapshot::load(&**self.disk, snapshot, &indexing(path, true));
        }
        Ok(())
    }

    /// The snapshot that an index file is of; none for that of a log.
    fn snapshot_of(&self, index: &Path) -> Option<PathBuf> {
        let name = index.file_name().and_then(|name| layout::indexed_name(name.to_str()?))?;
        let snapshot = self.root.join(layout::SNAPSHOTS).join(name);
        self.disk.info(&snapshot).is_ok_and(|info| info.len > 0).then_some(snapshot)
    }

    fn free_name(&self, path: &Path) -> PathBuf {
        let mut names = (0..u32::MAX).map(|n| layout::damaged(path, n));
        names.find(|aside| self.disk.info(aside).is_err()).unwrap_or_else(|| layout::damaged(path, u32::MAX))
    }

    fn note(&mut self, done: Result<()>) {
        let failure = done.err().map(|error| Failure { damage: None, aside: None, error });
        self.failures.extend(failure);
    }
}

/// Whether a file is that of a declared index, or of the ids in a sealed log.
fn is_made_when_needed(path: &Path) -> bool {
    let is_one = |name: &str| layout::snapshot_of_tree(name).is_some() || layout::log_of_ids(name).is_some();
    path.file_name().and_then(|name| name.to_str()).is_some_and(is_one)
}

fn writer(index_from_bytes: u64, now_ms: i64) -> Options {
    Options {
        read_only: false,
        skip_load: false,
        version: 1,
        version_given: false,
        checkpoint_threshold: f64::INFINITY,
        strict: false,
        amortised: false,
        index_from_bytes,
        buffered: false,
        durability: Durability::Process,
        agent: None,
        now_ms,
        progress: Arc::default(),
    }
}
