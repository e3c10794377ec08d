//! How long a writer's log was when the writer closed it, in a file of its own in `index/`. A log that is missing reads as
//! empty, for dependents delete empty ones; with this note it is told when it was not. There is a note only while its
//! writer has the folder closed: a killed writer leaves none, and so nothing is told wrongly after a crash.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, OpenMode, append_all, read_full_at};
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::layout;
use crate::transition::shared::is_sealed;

/// A note is a number and a path.
const LONGEST: usize = 4096;

/// A log that the manifest names, that held operations, and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingLog {
    /// The log.
    pub path: PathBuf,
    /// How many bytes it had when it was closed; `None` if only that it was not empty is known.
    pub bytes: Option<u64>,
}

impl MissingLog {
    /// What is wrong with it.
    pub fn what(&self) -> String {
        match self.bytes {
            Some(bytes) => format!("this log is missing; it had {bytes} bytes when it was closed"),
            None => "this log is missing; it held operations that are in no snapshot".into(),
        }
    }
}

/// Notes how long a log is that is about to be closed. Best effort: without a note nothing is told.
pub(super) fn note(disk: &dyn Disk, root: &Path, agent: Option<&str>, relative: &str) {
    // NOTE: of one that is missing since it was opened the former note stays.
    let Ok(bytes) = disk.info(&layout::at(root, relative)).map(|info| info.len) else { return };
    forget(disk, root, agent);
    if bytes == 0 {
        return;
    }
    let _ = disk.create_folder(&root.join(layout::INDEX));
    if let Ok(file) = disk.open(&layout::closed(root, agent), OpenMode::CreateNew) {
        let _ = append_all(&*file, format!("{bytes} {relative}\n").as_bytes());
    }
}

/// Removes the note of a log that is written to again.
pub(super) fn forget(disk: &dyn Disk, root: &Path, agent: Option<&str>) {
    let _ = disk.unlink(&layout::closed(root, agent));
}

/// Removes the notes of what a program itself has deleted, a log or a folder of logs: it is not told that they are missing. Best
/// effort.
pub fn forget_deleted(disk: &dyn Disk, root: &Path, relative: &str) {
    for name in disk.list(&root.join(layout::INDEX)).unwrap_or_default() {
        let path = root.join(layout::INDEX).join(&name);
        if !layout::is_closed(&name) {
            continue;
        }
        let is_deleted = noted_in(disk, &path).is_some_and(|(_, log)| {
            log.strip_prefix(relative).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if is_deleted {
            let _ = disk.unlink(&path);
        }
    }
}

/// The logs that a manifest names, that were not empty, and that are missing.
///
/// # Errors
/// `OPSLOG_IO` if the system does not tell.
pub fn missing_logs(disk: &dyn Disk, root: &Path, manifest: &Manifest) -> Result<Vec<MissingLog>> {
    let mut missing = Vec::new();
    let agents = manifest.active_agent_ops.iter().flatten();
    let named = agents.map(|(agent, path)| (Some(agent.as_str()), path));
    let single = manifest.active_agent_ops.is_none().then_some((None, &manifest.active_ops));
    for (agent, relative) in named.chain(single) {
        let Ok(path) = layout::inside(root, layout::OPS, relative) else { continue };
        match disk.info(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(Error::io("stat", &path, source)),
            Ok(_) => continue,
        }
        // A log is sealed only with operations in it.
        let is_sealed = agent.is_some_and(|key| is_sealed(key.as_bytes()));
        let bytes = noted(disk, root, agent, relative);
        if is_sealed || bytes.is_some() {
            missing.push(MissingLog { path, bytes });
        }
    }
    Ok(missing)
}

fn noted(disk: &dyn Disk, root: &Path, agent: Option<&str>, relative: &str) -> Option<u64> {
    if agent.is_some_and(|agent| agent.contains(['/', '\\'])) {
        return None;
    }
    let (bytes, path) = noted_in(disk, &layout::closed(root, agent))?;
    (path == relative).then_some(bytes)
}

/// What a note says: how many bytes a log had, and its path.
fn noted_in(disk: &dyn Disk, note: &Path) -> Option<(u64, String)> {
    let file = disk.open(note, OpenMode::ReadNoFollow).ok()?;
    let mut text = vec![0; LONGEST];
    let read = read_full_at(&*file, &mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..read)?).ok()?;
    let (bytes, path) = text.strip_suffix('\n')?.split_once(' ')?;
    let bytes = bytes.parse().ok().filter(|&bytes| bytes > 0)?;
    Some((bytes, path.to_owned()))
}
