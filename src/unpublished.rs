//! Files that have their names before a manifest names them, or still have them after the last that did. While they do, a
//! temporary file of the writer lists them: when it dies, the next writer finds the list without its lock, and removes what
//! the manifest in force does not name.
//!
//! Nothing else is removed: of logs, only those that are empty, or that no manifest can have named since. The list is not
//! synced, for after a power loss the files harm nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, append_all, read_full_at};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::{layout, temporary};

/// A list is a few names.
const LONGEST: u64 = 1 << 20;
/// In front of a name that is no longer on the list.
const WITHDRAWN: char = '-';

/// The list of files that are about to be named by a manifest.
pub struct Unpublished {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

impl Unpublished {
    /// Begins a list, with the generation of the manifest that is in force.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn begin(disk: &Arc<dyn Disk>, root: &Path, generation: u64) -> Result<Self> {
        let final_path = layout::unpublished(root);
        let (path, file) = temporary::create(&**disk, || layout::temporary(&final_path))?;
        let list = Self { disk: Arc::clone(disk), path, file };
        list.write(&format!("{generation}\n"))?;
        Ok(list)
    }

    /// Adds a file that is about to get its name, by its relative path. No file has that name yet.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn add(&self, relative: &str) -> Result<()> {
        self.write(&format!("{relative}\n"))
    }

    /// Adds files that are to be deleted once the next manifest, which does not name them, is in force.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn add_superseded(&self, relatives: &[String]) -> Result<()> {
        if relatives.is_empty() {
            return Ok(());
        }
        self.write(&relatives.iter().map(|relative| format!("{relative}\n")).collect::<String>())
    }

    /// Takes a file from the list whose name was taken after all.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn withdraw(&self, relative: &str) -> Result<()> {
        self.write(&format!("{WITHDRAWN}{relative}\n"))
    }

    fn write(&self, line: &str) -> Result<()> {
        append_all(&*self.file, line.as_bytes()).map_err(|source| Error::io("write", &self.path, source))
    }

    /// Removes the listed files that this manifest, which is the one in force, does not name. Best effort.
    pub fn give_up(self, root: &Path, manifest: Option<&Manifest>) {
        remove_unnamed(&*self.disk, root, &*self.file, manifest);
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        let _ = self.disk.unlink(&self.path);
    }
}

/// Removes what a dead writer has listed and no manifest names. Best effort. The caller keeps other writers from publishing.
pub fn remove_left(disk: &dyn Disk, root: &Path, manifest: Option<&Manifest>) {
    if manifest.is_none() {
        return;
    }
    for name in disk.list(root).unwrap_or_default() {
        if layout::is_list(&name) && layout::is_temporary(&name) {
            temporary::with_left(disk, &root.join(name), |file| remove_unnamed(disk, root, file, manifest));
        }
    }
}

fn remove_unnamed(disk: &dyn Disk, root: &Path, list: &dyn DiskFile, manifest: Option<&Manifest>) {
    let Some(manifest) = manifest else { return };
    let Some((generation, paths)) = read(list) else { return };
    for relative in paths {
        if !names(manifest, &relative) && can_go(disk, root, manifest, generation, &relative) {
            let _ = disk.unlink(&layout::at(root, &relative));
            let _ = disk.unlink(&layout::index(root, &relative));
            remove_trees(disk, root, &[relative.clone(), layout::index_name(&relative)]);
        }
    }
}

/// Removes the files of declared indexes over snapshots of which these are the index files.
pub fn remove_trees(disk: &dyn Disk, root: &Path, indexes: &[String]) {
    let folder = root.join(layout::INDEX);
    let snapshots: Vec<&str> = indexes.iter().filter_map(|index| layout::indexed_name(index)).collect();
    for name in disk.list(&folder).unwrap_or_default() {
        if layout::snapshot_of_tree(&name).is_some_and(|snapshot| snapshots.contains(&snapshot)) {
            let _ = disk.unlink(&folder.join(name));
        }
    }
}

/// The generation and the paths. A last line without its end was not written whole.
fn read(list: &dyn DiskFile) -> Option<(u64, Vec<String>)> {
    let len = list.info().ok()?.len.min(LONGEST);
    let mut bytes = vec![0; len as usize];
    let read = read_full_at(list, &mut bytes, 0).ok()?;
    let text = std::str::from_utf8(bytes.get(..read)?).ok()?;
    let (whole, _) = text.rsplit_once('\n')?;
    let mut lines = whole.lines();
    let generation = lines.next()?.parse().ok()?;
    let mut paths = Vec::new();
    for line in lines {
        match line.strip_prefix(WITHDRAWN) {
            Some(path) => paths.retain(|listed| listed != path),
            None => paths.push(line.to_owned()),
        }
    }
    Some((generation, paths))
}

fn names(manifest: &Manifest, relative: &str) -> bool {
    let logs = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path);
    let superseded = manifest.superseded.iter().map(|(path, _)| path);
    let current =
        [&manifest.current_snapshot, &manifest.active_ops].into_iter().chain(&manifest.previous_ops);
    logs.chain(superseded).chain(current).any(|path| path == relative)
}

/// Whether a file is the index of one that the manifest does not name, or not for lookups: that can be made again.
fn is_index_of_none(root: &Path, manifest: &Manifest, relative: &str) -> bool {
    let logs = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path);
    let mut indexed = [&manifest.current_snapshot, &manifest.active_ops].into_iter().chain(logs);
    if let Some(snapshot) = layout::snapshot_of_tree(relative) {
        let is_current = manifest.current_snapshot.rsplit('/').next() == Some(snapshot);
        return !is_current && layout::inside(root, layout::INDEX, relative).is_ok();
    }
    layout::is_index(relative)
        && layout::inside(root, layout::INDEX, relative)
            .is_ok_and(|path| indexed.all(|file| layout::index(root, file) != path))
}

/// Whether a file that the manifest in force does not name can go: an index, an empty log, or what no manifest can have
/// named that still counts for something.
fn can_go(disk: &dyn Disk, root: &Path, manifest: &Manifest, begun: u64, relative: &str) -> bool {
    if is_index_of_none(root, manifest, relative) {
        return true;
    }
    if layout::milliseconds(relative).is_some() && layout::inside(root, layout::SNAPSHOTS, relative).is_ok() {
        // A snapshot that was named is current, superseded, or deleted by now.
        return manifest.generation >= begun;
    }
    if layout::time_of(relative).is_none() {
        return false;
    }
    let Ok(path) = layout::inside(root, layout::OPS, relative) else { return false };
    manifest.generation == begun || disk.info(&path).is_ok_and(|info| info.is_file && info.len == 0)
}
