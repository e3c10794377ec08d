//! Checks every file of a folder, every line in it, and every entry of an index against the line that it points to.
//! Writes nothing, takes no lock, and tells damage from what a writer is doing meanwhile: what looks wrong is looked
//! at again before it is reported.
//!
//! What it cannot see: a change inside a value that leaves valid JSON, where no checksum covers it. The format of
//! 0.8.1 has none.

mod document;
mod ids;
mod index;
mod log;
mod report;
mod snapshot;
mod tree;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub use report::{Damage, Remedy, Report};

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::layout;
use crate::order;
use crate::progress::{Phase, Progress};
use crate::publish::read_if_there;
use report::LIMIT;

/// How often a folder is gone through at most, until the same is found twice.
const PASSES: usize = 5;

/// Checks a folder.
///
/// # Errors
/// `OPSLOG_NO_STORE`; `OPSLOG_IO` for what cannot be read, a file that is gone excepted.
pub fn verify(disk: &dyn Disk, root: &Path, progress: &Progress) -> Result<Report> {
    verify_beside(disk, root, progress, false)
}

/// As [`verify`]. `is_held`: the caller holds the folder's lock, so that no single writer is at work.
///
/// # Errors
/// As for [`verify`].
pub(crate) fn verify_beside(
    disk: &dyn Disk,
    root: &Path,
    progress: &Progress,
    is_held: bool,
) -> Result<Report> {
    let mut before: Option<Report> = None;
    for _ in 0..PASSES {
        let mut report = pass(disk, root, progress, is_held)?;
        match &before {
            Some(before) if before.found == report.found && before.damage == report.damage => {
                return Ok(report);
            }
            // What a writer does meanwhile looks wrong in other places each time.
            Some(before) => report.keep_what_is_in(before),
            None => {}
        }
        if report.found == 0 {
            return Ok(report);
        }
        before = Some(report);
    }
    Ok(before.unwrap_or_default())
}

fn pass(disk: &dyn Disk, root: &Path, progress: &Progress, is_held: bool) -> Result<Report> {
    let mut verifier = Verifier {
        disk,
        root,
        progress,
        passed: 0,
        report: Report::default(),
        manifest: None,
        unsound: HashSet::new(),
        is_held,
    };
    verifier.all()?;
    Ok(verifier.report)
}

struct Verifier<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    progress: &'a Progress,
    /// Bytes of files that are done with.
    passed: u64,
    report: Report,
    manifest: Option<Manifest>,
    /// Files with damage that cannot be mended.
    unsound: HashSet<PathBuf>,
    /// Whether the caller holds the folder's lock.
    is_held: bool,
}

/// A file that is being checked.
struct Subject {
    path: PathBuf,
    relative: String,
    file: std::sync::Arc<dyn DiskFile>,
    len: u64,
    /// Whether the manifest names it.
    current: bool,
}

impl Subject {
    fn failed(&self, source: std::io::Error) -> Error {
        Error::io("read", &self.path, source)
    }
}

type Check<'a> = fn(&mut Verifier<'a>, &Subject) -> Result<()>;

impl<'a> Verifier<'a> {
    fn all(&mut self) -> Result<()> {
        let mut snapshots = self.names(layout::SNAPSHOTS, layout::is_snapshot)?;
        let mut logs = self.names(layout::OPS, layout::is_log)?;
        let mut archived = self.names(layout::ARCHIVE, layout::is_archive)?;
        let mut indexes = self.names(layout::INDEX, layout::is_index)?;
        let text = read_if_there(self.disk, &self.root.join(layout::MANIFEST))?;
        let has_data = !(snapshots.is_empty() && logs.is_empty() && archived.is_empty());
        if text.is_none() && !has_data {
            return Err(Error::NothingThere { root: self.root.to_path_buf() });
        }
        self.manifest(text.as_deref())?;
        if let Some(manifest) = &self.manifest {
            // A backend may call its files as it likes.
            let agents = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path);
            self.add(layout::SNAPSHOTS, &mut snapshots, [&manifest.current_snapshot].into_iter());
            self.add(layout::OPS, &mut logs, agents.chain([&manifest.active_ops]));
            self.add(layout::ARCHIVE, &mut archived, manifest.archive_segments.iter());
            let sources = [&manifest.current_snapshot, &manifest.active_ops];
            let named = sources.map(|source| format!("{}/{}", layout::INDEX, layout::index_name(source)));
            self.add(layout::INDEX, &mut indexes, named.iter());
        }
        let trees = self.names(layout::INDEX, |name| layout::snapshot_of_tree(name).is_some())?;
        let ids = self.names(layout::INDEX, |name| layout::log_of_ids(name).is_some())?;
        self.foreign([&snapshots, &logs, &archived, &indexes, &trees, &ids])?;
        let steps: [(&[String], Check<'a>); 6] = [
            (&snapshots, Verifier::snapshot),
            (&logs, Verifier::log),
            (&archived, Verifier::archive),
            (&indexes, Verifier::index),
            (&trees, Verifier::tree),
            (&ids, Verifier::ids),
        ];
        let files = steps.iter().flat_map(|(names, _)| names.iter());
        let total: u64 =
            files.filter_map(|name| Some(self.disk.info(&layout::at(self.root, name)).ok()?.len)).sum();
        let manifest_len = text.as_ref().map_or(0, |text| text.len() as u64);
        self.progress.begin(Phase::Verify, total + manifest_len);
        self.pass_by(manifest_len);
        for (names, check) in steps {
            for relative in names {
                self.file(relative, check)?;
            }
        }
        Ok(())
    }

    /// Lists the files that are not the store's: they are left alone.
    fn foreign(&mut self, own: [&Vec<String>; 6]) -> Result<()> {
        let is_own = |name: &str| own.iter().any(|names| names.iter().any(|own| own == name));
        for folder in [layout::SNAPSHOTS, layout::OPS, layout::ARCHIVE, layout::INDEX] {
            let names = self.names(folder, |name| !layout::is_beside(name))?;
            let foreign = names.into_iter().filter(|name| !is_own(name));
            self.report.foreign.extend(foreign.map(|name| layout::at(self.root, &name)));
        }
        // Beside the folders there may be blobs of any name.
        let names = self.disk.list(self.root).unwrap_or_default();
        let foreign = names.into_iter().filter(|name| layout::is_left_by_others(name));
        self.report.foreign.extend(foreign.map(|name| self.root.join(name)));
        order::sort(&mut self.report.foreign);
        self.report.foreign.truncate(LIMIT);
        Ok(())
    }

    /// Adds files that the manifest names, if they lie in their folder.
    fn add<'p>(&self, folder: &str, names: &mut Vec<String>, named: impl Iterator<Item = &'p String>) {
        for relative in named {
            if !names.contains(relative) && layout::inside(self.root, folder, relative).is_ok() {
                names.push(relative.clone());
            }
        }
    }

    /// Relative paths of the files of a folder, in order.
    fn names(&self, folder: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let path = self.root.join(folder);
        let mut names = match self.disk.list(&path) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::io("scandir", &path, source)),
        };
        names.retain(|name| wanted(name));
        order::sort(&mut names);
        Ok(names.into_iter().map(|name| format!("{folder}/{name}")).collect())
    }

    /// Checks a file. One that is gone by now was superseded.
    fn file(&mut self, relative: &str, check: Check<'a>) -> Result<()> {
        let path = layout::at(self.root, relative);
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        let info = file.info().map_err(|source| Error::io("fstat", &path, source))?;
        let (len, current) = (info.len, self.is_current(relative));
        let subject = Subject { path, relative: relative.to_owned(), file, len, current };
        if info.is_file {
            check(self, &subject)?;
        } else if current {
            self.damaged(&subject, 0, Remedy::None, "the manifest names this, and it is no file");
        } else {
            return Ok(());
        }
        self.pass_by(len);
        Ok(())
    }

    fn is_current(&self, relative: &str) -> bool {
        let Some(manifest) = &self.manifest else { return false };
        let is_index_of =
            |source: &str| format!("{}/{}", layout::INDEX, layout::index_name(source)) == relative;
        let agents = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path);
        let sources = [&manifest.current_snapshot, &manifest.active_ops];
        if let Some(snapshot) = layout::snapshot_of_tree(relative) {
            return manifest.current_snapshot.rsplit('/').next() == Some(snapshot);
        }
        sources.iter().any(|source| *source == relative || is_index_of(source))
            || agents.chain(&manifest.archive_segments).any(|path| path == relative)
    }

    /// Says that a file was checked.
    fn pass_by(&mut self, len: u64) {
        self.report.files += 1;
        self.report.bytes += len;
        self.passed += len;
        self.progress.reach(self.passed);
    }

    /// Says how far the file at hand was checked.
    fn reach(&self, offset: u64) {
        self.progress.reach(self.passed + offset);
    }

    fn damaged(&mut self, subject: &Subject, offset: u64, remedy: Remedy, what: impl Into<String>) {
        self.push(Damage {
            path: subject.path.clone(),
            offset: Some(offset),
            what: what.into(),
            current: subject.current,
            remedy,
        });
    }

    fn push(&mut self, mut damage: Damage) {
        if damage.remedy == Remedy::Rebuild {
            // NOTE: where the snapshot itself is damaged, its other records are found by the index alone.
            // A declared index is no way to records of a damaged snapshot.
            let name = damage.path.file_name().and_then(|name| layout::indexed_name(name.to_str()?));
            let snapshot = name.map(|name| self.root.join(layout::SNAPSHOTS).join(name));
            if snapshot.is_some_and(|snapshot| self.unsound.contains(&snapshot)) {
                damage.remedy = Remedy::None;
            }
        } else if damage.remedy == Remedy::None {
            self.unsound.insert(damage.path.clone());
        }
        let is_same_remedy = |known: &Damage| known.path == damage.path && known.remedy == damage.remedy;
        if damage.remedy != Remedy::None && !self.report.mendable.iter().rev().any(is_same_remedy) {
            self.report.mendable.push(damage.clone());
        }
        self.report.found += 1;
        if self.report.damage.len() < LIMIT {
            self.report.damage.push(damage);
        }
    }
}
