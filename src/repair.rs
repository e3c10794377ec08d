//! Mends what `verify` finds, where that loses nothing: lines and ends of logs that count for nothing are set aside,
//! index files are made again. Nothing is deleted, and no line of a log moves. The folder's lock is held meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::file_system::FileSystem;
use crate::lock::{self, Locking, ProcessProbe};
use crate::progress::Progress;
use crate::snapshot::{self, Indexing};
use crate::store::{Durability, Options, Store, refuse_agents};
use crate::verify::{Damage, Remedy, Report, verify};
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
    /// What is left.
    pub after: Report,
}

/// Mends a folder.
///
/// # Errors
/// `OPSLOG_NO_STORE`; `OPSLOG_LOCKED` while a writer, or an agent, has the folder open; `OPSLOG_IO`. What was mended
/// by then stays so.
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
        return Ok(Repaired { after: before.clone(), before, steps: Vec::new() });
    }
    let lock = lock::acquire_with(disk, root, layout::LOCK, std::process::id(), locking, probe)?;
    let bare = disk;
    let disk: &Arc<dyn Disk> = &(Arc::new(FileSystem::new(Arc::clone(bare), root, locking, true)) as _);
    let is_shared = refuse_agents(disk, root)?;
    // NOTE: once more, now that nobody writes: what was found before may have been an append under way.
    let found = verify(&**disk, root, progress)?;
    let mut steps = Vec::new();
    for damage in &found.mendable {
        let indexing = |path: PathBuf| Indexing {
            path,
            from_bytes: index_from_bytes,
            write: true,
            progress: Arc::clone(progress),
        };
        let Some(aside) = mend(&**disk, root, damage, indexing)? else { continue };
        steps.push(Step { damage: damage.clone(), aside: aside.clone() });
        // A file has one index, and one end, however much of them is wrong.
        if damage.remedy == Remedy::Blank {
            let is_other = |other: &&Damage| {
                *other != damage && other.path == damage.path && other.remedy == damage.remedy
            };
            let others = found.damage.iter().filter(is_other).cloned();
            steps.extend(others.map(|damage| Step { damage, aside: aside.clone() }));
        }
    }
    lock.release()?;
    if !is_shared && steps.iter().any(|step| step.damage.remedy == Remedy::Rebuild) {
        // A log's index is made by whoever opens the log.
        let options = Options { progress: Arc::clone(progress), ..writer(index_from_bytes, now_ms) };
        Store::open_with(Arc::clone(bare), root, options, locking, probe)?.store.close()?;
    }
    let after = verify(&**disk, root, progress)?;
    Ok(Repaired { before, steps, after })
}

/// Mends all in a file that calls for the same remedy. Returns where what stood there was put; `None` if nothing can be
/// done.
fn mend(
    disk: &dyn Disk,
    root: &Path,
    damage: &Damage,
    indexing: impl Fn(PathBuf) -> Indexing,
) -> Result<Option<PathBuf>> {
    let path = &damage.path;
    match damage.remedy {
        Remedy::Blank => wal::blank_lines(disk, path).map(Some),
        Remedy::Cut => {
            let file = disk.open(path, OpenMode::Append).map_err(|source| Error::io("open", path, source))?;
            let tail = wal::replay(&*file, path, 0, |_, _, _| Ok(std::ops::ControlFlow::Continue(())))?;
            wal::repair(disk, &*file, path, &tail)?;
            Ok(Some(layout::torn(path)))
        }
        Remedy::Rebuild => {
            let aside = (0..u32::MAX)
                .map(|n| layout::damaged(path, n))
                .find(|aside| disk.info(aside).is_err())
                .unwrap_or_else(|| layout::damaged(path, u32::MAX));
            disk.rename(path, &aside).map_err(|source| Error::io("rename", path, source))?;
            let name = path.file_name().and_then(|name| layout::indexed_name(name.to_str()?));
            let snapshot = root.join(layout::SNAPSHOTS).join(name.unwrap_or_default());
            if disk.info(&snapshot).is_ok_and(|info| info.len > 0) {
                // What is wrong with the snapshot itself was told.
                let _ = snapshot::load(disk, &snapshot, &indexing(path.clone()));
            }
            Ok(Some(aside))
        }
        Remedy::None => Ok(None),
    }
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
