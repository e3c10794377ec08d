//! Deletes what a plan names, one part of the history at a time, and stops before the first that a process claims: also one that
//! claimed it since the plan was made. All files of a part are locked before the first of them goes.

use std::path::Path;

use super::Pruned;
use super::hold::{Claim, Unclaimed};
use super::plan::{Part, Plan};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::layout;

/// A plan that is being carried out.
pub struct Deleting<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    plan: Plan,
    done: usize,
    orphans: Vec<(String, u64)>,
}

/// What belongs to a part: files that can be claimed, and those that go with them.
struct Files<'p> {
    claimable: Vec<(&'p str, u64)>,
    beside: Vec<(&'p str, u64)>,
}

impl Files<'_> {
    fn of(part: &Part) -> Files<'_> {
        let (claimable, beside) = match part {
            Part::Logs(logs) => (
                logs.iter().map(|log| (log.relative.as_str(), log.bytes)).collect(),
                logs.iter().flat_map(|log| &log.beside).collect::<Vec<_>>(),
            ),
            Part::Snapshot(snapshot) => {
                (vec![(snapshot.relative.as_str(), snapshot.bytes)], snapshot.beside.iter().collect())
            }
        };
        Files { claimable, beside: beside.into_iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect() }
    }

    fn count(&self) -> Pruned {
        let all = self.claimable.iter().chain(&self.beside);
        all.fold(Pruned::default(), |sum, (_, bytes)| Pruned {
            files: sum.files + 1,
            bytes: sum.bytes + bytes,
        })
    }
}

impl<'a> Deleting<'a> {
    /// Leaves out what is claimed, and all behind it. `orphans` belong to nothing that is there, and go last.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_UNSUPPORTED`.
    pub fn new(
        disk: &'a dyn Disk,
        root: &'a Path,
        mut plan: Plan,
        orphans: Vec<(String, u64)>,
    ) -> Result<Self> {
        let mut free = 0;
        for part in &plan.parts {
            if locked(disk, root, &Files::of(part))?.is_none() {
                break;
            }
            free += 1;
        }
        // The snapshot that a log follows stays with it.
        let stop = plan.parts.get(free).map(Part::ms);
        while free > 0 && plan.parts.get(free - 1).is_some_and(|part| Some(part.ms()) == stop) {
            free -= 1;
        }
        plan.cut(free);
        Ok(Self { disk, root, plan, done: 0, orphans })
    }

    /// What goes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many files go.
    pub fn files(&self) -> u64 {
        self.all().files
    }

    /// What goes, in all.
    pub fn all(&self) -> Pruned {
        let parts = self.plan.parts.iter().map(|part| Files::of(part).count());
        let orphans = self.orphans.iter().map(|(_, bytes)| Pruned { files: 1, bytes: *bytes });
        parts.chain(orphans).fold(Pruned::default(), |sum, one| Pruned {
            files: sum.files + one.files,
            bytes: sum.bytes + one.bytes,
        })
    }

    /// Deletes the next part, and adds it up. `false` once there is no more that can go.
    ///
    /// # Errors
    /// `OPSLOG_IO`; what is left is an unbroken end of the history.
    pub fn step(&mut self, pruned: &mut Pruned) -> Result<bool> {
        let Some(part) = self.plan.parts.get(self.done) else {
            for (relative, bytes) in self.orphans.drain(..) {
                unlink(self.disk, self.root, &relative)?;
                *pruned = Pruned { files: pruned.files + 1, bytes: pruned.bytes + bytes };
            }
            return Ok(false);
        };
        let files = Files::of(part);
        let Some(locked) = locked(self.disk, self.root, &files)? else {
            self.plan.cut(self.done);
            return Ok(true);
        };
        for file in locked {
            file.delete()?;
        }
        for (relative, _) in &files.beside {
            unlink(self.disk, self.root, relative)?;
        }
        let count = files.count();
        *pruned = Pruned { files: pruned.files + count.files, bytes: pruned.bytes + count.bytes };
        self.done += 1;
        Ok(true)
    }
}

/// Locks all files of a part. `None` if one is claimed.
fn locked<'a>(disk: &'a dyn Disk, root: &Path, files: &Files<'_>) -> Result<Option<Vec<Unclaimed<'a>>>> {
    let mut locked = Vec::new();
    for (relative, _) in &files.claimable {
        match Unclaimed::find(disk, root, relative)? {
            Claim::Claimed => return Ok(None),
            Claim::Free(file) => locked.push(file),
            Claim::Missing => {}
        }
    }
    Ok(Some(locked))
}

fn unlink(disk: &dyn Disk, root: &Path, relative: &str) -> Result<()> {
    let path = layout::at(root, relative);
    match disk.unlink(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("unlink", &path, error)),
        _ => Ok(()),
    }
}
