//! Agents whose ids the file system takes for the same name, because it ignores case: their lock is one file, and each
//! would pass for the other. The second one is refused. Which names a file system takes for the same only it knows: the
//! agent's lock file is looked for under a name of another case, and listed.

use std::path::Path;

use crate::disk::{Disk, DiskFile};
use crate::error::{Error, Result};
use crate::layout;

/// Refuses an agent whose lock file, which is held open, has the name of another agent.
///
/// # Errors
/// `OPSLOG_INVALID_ARGUMENT`; `OPSLOG_IO`.
pub(super) fn refuse_same_name(disk: &dyn Disk, root: &Path, agent: &str, held: &dyn DiskFile) -> Result<()> {
    let path = layout::agent_lock(root, agent);
    let own = held.info().map_err(|source| Error::io("fstat", &path, source))?.identity;
    let is_own = |path: &Path| disk.info(path).is_ok_and(|info| info.identity == own);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    if !is_own(&folder.join(in_other_case(name))) {
        return Ok(());
    }
    let names = disk.list(folder).map_err(|source| Error::io("scandir", folder, source))?;
    if names.iter().any(|there| there == name) {
        return Ok(());
    }
    let is_same =
        |there: &&String| there.to_lowercase() == name.to_lowercase() && is_own(&folder.join(there));
    match names.iter().find(is_same).and_then(|there| layout::agent_of_lock(there)) {
        Some(other) => Err(Error::SameAgentName { agent: agent.to_owned(), other: other.to_owned(), path }),
        None => Ok(()),
    }
}

fn in_other_case(name: &str) -> String {
    name.chars()
        .map(
            |char| {
                if char.is_ascii_lowercase() { char.to_ascii_uppercase() } else { char.to_ascii_lowercase() }
            },
        )
        .collect()
}
