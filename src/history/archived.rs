//! Which records an archive took out of a store, in a file of its own in `index/`: an archive is no operation, and what it took
//! along would else be missing from every earlier state. A store whose notes are gone shows earlier states without those records.

use std::path::Path;

use super::{Change, Position};
use crate::disk::{Disk, OpenMode, append_all};
use crate::engine::Id;
use crate::error::{Error, Result};
use crate::json::scan::is_valid;
use crate::json::string::{escape_into, unescape};
use crate::json::string_body;
use crate::publish::{read_if_there, sync_folder_of};
use crate::{layout, order};

/// What one archive took out.
pub struct Archived {
    /// The logs up to there, each by its agent and the time in its name; an agent's earlier ones as well.
    logs: Vec<(String, u64)>,
    /// Where the records went.
    pub segment: String,
    /// The records.
    pub ids: Vec<Id>,
}

impl Archived {
    /// An archive of which is known when it came.
    pub(crate) fn of(segment: String, ids: Vec<Id>) -> Self {
        Self { logs: Vec::new(), segment, ids }
    }

    /// Notes an archive that takes records out behind these logs.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn note(disk: &dyn Disk, root: &Path, logs: &[&str], segment: &str, ids: &[Id]) -> Result<()> {
        let Some(ms) = logs.iter().filter_map(|log| layout::time_of(log)).max() else { return Ok(()) };
        let mut out = Vec::new();
        for line in [segment.as_bytes()].into_iter().chain(logs.iter().map(|log| log.as_bytes())) {
            escape_into(&mut out, line);
            out.push(b'\n');
        }
        out.push(b'\n');
        for id in ids {
            escape_into(&mut out, id);
            out.push(b'\n');
        }
        // The end of a note that was written whole.
        out.push(b'\n');
        let path = layout::archived(root, ms);
        disk.create_folder(&root.join(layout::INDEX)).map_err(|source| Error::io("mkdir", &path, source))?;
        // NOTE: without a temporary file, which a killed archive would leave: of a note that is not whole nothing is believed.
        let _ = disk.unlink(&path);
        let failed = |syscall, source| Error::io(syscall, &path, source);
        let file = disk.open(&path, OpenMode::CreateNew).map_err(|source| failed("open", source))?;
        append_all(&*file, &out).map_err(|source| failed("write", source))?;
        file.sync().map_err(|source| failed("fsync", source))?;
        sync_folder_of(disk, &path)
    }

    /// All notes of a folder, the newest first. One that cannot be read as such is passed over.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn all(disk: &dyn Disk, root: &Path) -> Result<Vec<Self>> {
        let folder = root.join(layout::INDEX);
        let names = match disk.list(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names.map_err(|source| Error::io("scandir", &folder, source))?,
        };
        let mut times: Vec<u64> = names.iter().filter_map(|name| layout::time_of_archived(name)).collect();
        order::sort_by(&mut times, |one, other| other.cmp(one));
        let mut notes = Vec::new();
        for ms in times {
            let text = read_if_there(disk, &layout::archived(root, ms))?;
            notes.extend(text.as_deref().and_then(Self::parse));
        }
        Ok(notes)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = text.strip_suffix(b"\n\n")?.split(|&byte| byte == b'\n');
        let decoded = |line: &[u8]| {
            is_valid(line).then_some(())?;
            Some(unescape(string_body(line)?).into_owned())
        };
        let segment = String::from_utf8(decoded(lines.next()?)?).ok()?;
        let mut logs = Vec::new();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let log = String::from_utf8(decoded(line)?).ok()?;
            logs.push((layout::agent_of(&log).unwrap_or_default().to_owned(), layout::time_of(&log)?));
        }
        let ids = lines.map(|line| decoded(line).map(|id| id.as_slice().into()));
        Some(Self { logs, segment, ids: ids.collect::<Option<_>>()? })
    }

    /// The time in the name of the newest of its logs.
    pub fn last_ms(&self) -> Option<u64> {
        self.logs.iter().map(|(_, ms)| *ms).max()
    }

    /// Whether the records were taken out behind a position: not all of its logs were read up to there.
    pub fn is_behind(&self, position: &Position) -> bool {
        let has_read = |(agent, ms): &(String, u64)| {
            *ms < position.floor
                || position.places.iter().any(|place| *place.agent == **agent && place.ms > *ms)
        };
        !self.logs.iter().all(has_read)
    }

    /// Whether an operation was logged before the records were taken out.
    pub fn is_after(&self, change: &Change<'_>) -> bool {
        let Some(place) = change.place() else { return false };
        let last = self.logs.iter().find(|(agent, _)| **agent == *place.agent).map(|(_, ms)| *ms);
        let last = last.or_else(|| self.logs.iter().map(|(_, ms)| *ms).max());
        last.is_some_and(|last| place.ms <= last)
    }
}
