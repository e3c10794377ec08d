//! Every file and folder name of a store, built and parsed here and nowhere else, and the rule that keeps
//! paths inside the store.

use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// Folder of snapshots.
pub const SNAPSHOTS: &str = "snapshots";
/// Folder of WALs.
pub const OPS: &str = "ops";
/// Folder of archive segments.
pub const ARCHIVE: &str = "archive";
/// The single writer's lock.
pub const LOCK: &str = ".lock";
/// The lock of the agent that compacts.
pub const COMPACT_LOCK: &str = ".compact-lock";

/// Folder of what is ours alone: a 0.8.1 never looks into it.
pub const INDEX: &str = "index";

/// The folders that a writer creates.
pub const FOLDERS: [&str; 3] = [SNAPSHOTS, OPS, ARCHIVE];

/// Relative path of the snapshot of a time in milliseconds.
pub fn snapshot(ms: u64) -> String {
    format!("{SNAPSHOTS}/snap-{ms}.jsonl")
}

/// Relative path of the single writer's WAL of a time in milliseconds.
pub fn wal(ms: u64) -> String {
    format!("{OPS}/ops-{ms}.jsonl")
}

/// Relative path of an agent's WAL of a time in milliseconds.
pub fn agent_wal(agent: &str, ms: u64) -> String {
    format!("{OPS}/agent-{agent}-{ms}.jsonl")
}

/// The index file of a snapshot.
pub fn index(root: &Path, snapshot: &str) -> PathBuf {
    root.join(INDEX).join(index_name(snapshot))
}

/// The name of the index file of a snapshot.
pub fn index_name(snapshot: &str) -> String {
    format!("{}.idx", snapshot.rsplit('/').next().unwrap_or(snapshot))
}

/// Where the index file of a snapshot is, from the store's folder or whatever a backend has for one.
pub fn index_path(snapshot: &str) -> String {
    format!("{INDEX}/{}", index_name(snapshot))
}

/// Whether a file in the folder of what is ours is an index file.
pub fn is_index(name: &str) -> bool {
    name.strip_suffix(".idx").is_some_and(|source| time_of(source).is_some()) && !is_left_by_others(name)
}

/// What an index file was made from, without its folder.
pub fn indexed_name(index: &str) -> Option<&str> {
    index.rsplit('/').next()?.strip_suffix(".idx")
}

/// The index of the ids in a sealed log.
pub fn ids(root: &Path, log: &str) -> PathBuf {
    root.join(INDEX).join(format!("{}.ids", log.rsplit('/').next().unwrap_or(log)))
}

/// Of which log a file is the index of ids, without its folder; `None` if a name is not that of such a file.
pub fn log_of_ids(name: &str) -> Option<&str> {
    name.rsplit('/').next()?.strip_suffix(".ids").filter(|log| is_log(log))
}

/// The name of the file of a declared index over a snapshot.
pub fn tree_name(snapshot: &str, index: &str) -> String {
    let sum = crate::format::index::checksum(&[index.as_bytes()]);
    format!("{}.{sum:08x}.tree", snapshot.rsplit('/').next().unwrap_or(snapshot))
}

/// Over which snapshot the file of a declared index was made, without its folder; `None` if a name is not that of such a file.
pub fn snapshot_of_tree(name: &str) -> Option<&str> {
    let (snapshot, sum) = name.rsplit('/').next()?.strip_suffix(".tree")?.rsplit_once('.')?;
    let is_sum = sum.len() == 8 && sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_sum && milliseconds(snapshot).is_some() && !is_left_by_others(name)).then_some(snapshot)
}

/// Whether a file in the folder of archive segments is one.
pub fn is_archive(name: &str) -> bool {
    name.starts_with("archive-") && name.ends_with(".json") && !is_left_by_others(name)
}

/// Whether a file in the folder of snapshots is one, by its name.
pub fn is_snapshot(name: &str) -> bool {
    name.starts_with("snap-") && milliseconds(name).is_some()
}

/// Whether a file in the folder of logs is one, by its name.
pub fn is_log(name: &str) -> bool {
    let is_single = name.starts_with("ops-") && name.ends_with(".jsonl") && milliseconds(name).is_some();
    (is_single || agent_milliseconds(name).is_some()) && !is_left_by_others(name)
}

/// Whether a relative path is that of a log, by its name.
pub fn is_log_path(relative: &str) -> bool {
    relative.rsplit('/').next().is_some_and(is_log)
}

/// Whether a name is one that systems and sync programs give to files of their own, beside or as copies of others.
pub fn is_left_by_others(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        ".DS_Store",
        ".stfolder",
        ".stignore",
        ".stversions",
        ".dropbox",
        ".dropbox.attr",
        "Thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
    ];
    let lower = name.to_ascii_lowercase();
    let is_named = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    let starts = ["._", "~$", ".syncthing.", "~syncthing~", ".fuse_hidden", ".nfs"];
    let parts = [".sync-conflict-", "conflicted copy", "(conflict", "_conflict-"];
    is_named
        || name.ends_with('~')
        || starts.iter().any(|start| name.starts_with(start))
        || parts.iter().any(|part| lower.contains(part))
}

/// The file whose name a temporary file is to get; logs, whose temporary files stand elsewhere, replace none.
pub fn replaced_by(temporary: &Path) -> Option<PathBuf> {
    let name = temporary.file_name()?.to_str().filter(|name| is_temporary(name))?;
    let (replaced, _) = name.strip_suffix(".tmp")?.rsplit_once('.')?;
    Some(temporary.with_file_name(replaced))
}

/// Whether a file in a folder of the store is one that the store puts there beside what it is for.
pub fn is_beside(name: &str) -> bool {
    is_temporary(name)
        || [".torn", ".damaged", ".unsynced"].iter().any(|end| name.ends_with(end))
        || ["lock", "door", "waiting", "turn", "next", "closed"].contains(&name)
        || time_of_archived(name).is_some()
        || (name.starts_with("agent-") && [".lock", ".closed"].iter().any(|end| name.ends_with(end)))
}

/// Where a file is put that is made again: `<name>.<n>.damaged`.
pub fn damaged(path: &Path, n: u32) -> PathBuf {
    with_suffix(path, &format!(".{n}.damaged"))
}

/// Says that a sync of a log has failed. `log` is its path.
pub fn doubt(log: &Path) -> PathBuf {
    with_suffix(&beside_index(log), ".unsynced")
}

/// The path that a log would have in the folder of what is ours. A temporary file of a log is put there, for the folder of
/// logs is never listed to find those that are left.
pub fn beside_index(log: &Path) -> PathBuf {
    let root = log.parent().and_then(Path::parent).unwrap_or(log);
    root.join(INDEX).join(log.file_name().unwrap_or_default())
}

/// The lock that an agent holds while it has the folder open.
pub fn agent_lock(root: &Path, agent: &str) -> PathBuf {
    root.join(INDEX).join(format!("agent-{agent}.lock"))
}

/// The agent whose lock has this name.
pub fn agent_of_lock(name: &str) -> Option<&str> {
    name.strip_prefix("agent-")?.strip_suffix(".lock")
}

/// The note of which records an archive took out behind the log that has this time in its name.
pub fn archived(root: &Path, ms: u64) -> PathBuf {
    root.join(INDEX).join(format!("archived-{ms}"))
}

/// The time in the name of such a note.
pub fn time_of_archived(name: &str) -> Option<u64> {
    name.strip_prefix("archived-")?.parse().ok()
}

/// The note of how long a writer's log was when it was closed.
pub fn closed(root: &Path, agent: Option<&str>) -> PathBuf {
    let name = agent.map_or_else(|| "closed".to_owned(), |agent| format!("agent-{agent}.closed"));
    root.join(INDEX).join(name)
}

/// Whether a name in [`INDEX`] is that of a note of [`closed`].
pub fn is_closed(name: &str) -> bool {
    name == "closed" || name.starts_with("agent-") && name.ends_with(".closed")
}

/// Taken before the lock of [`folder_lock`], so that an append cannot starve a change of the manifest that waits for it.
pub fn entry_lock(root: &Path) -> PathBuf {
    root.join(INDEX).join("door")
}

/// Shared by the appends that wait for the lock of [`folder_lock`]; callers that want that lock alone let them pass.
pub fn waiting_lock(root: &Path) -> PathBuf {
    root.join(INDEX).join("waiting")
}

/// Taken first by a caller that wants the lock of [`folder_lock`] alone for transactions, and kept for as long: the order of such callers.
pub fn turn_lock(root: &Path) -> PathBuf {
    root.join(INDEX).join("turn")
}

/// Taken before that lock, by the caller that is next.
pub fn next_lock(root: &Path) -> PathBuf {
    root.join(INDEX).join("next")
}

/// The lock that appends share and that a change of the manifest has alone. Its content is the counter of
/// those changes.
pub fn folder_lock(root: &Path) -> PathBuf {
    root.join(INDEX).join("lock")
}

/// The key under which the manifest keeps a sealed WAL among those of the agents. No agent can have it as its
/// id, for no id holds a slash.
pub fn sealed_key(relative: &str) -> String {
    format!("sealed/{relative}")
}

/// Relative path of an archive segment.
pub fn archive(period: &str) -> String {
    format!("{ARCHIVE}/archive-{period}.json")
}

/// Where the torn end of a WAL is set aside.
pub fn torn(wal: &Path) -> PathBuf {
    with_suffix(wal, ".torn")
}

/// A name for writing a file before it gets its own: `<final name>.<pid>-<n>.tmp`. In containers many have the same pid, so
/// the name may be taken.
pub fn temporary(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let n = COUNTER.fetch_add(1, Ordering::Relaxed);
    with_suffix(path, &format!(".{}-{n}.tmp", std::process::id()))
}

/// The list of files that no manifest names yet. There are only temporary files of it.
pub fn unpublished(root: &Path) -> PathBuf {
    root.join(".unpublished")
}

/// Whether a temporary file is such a list.
pub fn is_list(name: &str) -> bool {
    name.starts_with(".unpublished.")
}

/// Whether a name is one that [`temporary`] makes for a file of a store. Blobs, which may have any other name, have none
/// that is temporary.
pub fn is_temporary(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let ends = name.strip_suffix(".tmp").and_then(|rest| rest.rsplit_once('-')).is_some_and(|(rest, n)| {
        is_number(n) && rest.rsplit_once('.').is_some_and(|(_, pid)| is_number(pid))
    });
    let starts = [
        "manifest.json.",
        "snap-",
        "ops-",
        "agent-",
        "archive-",
        ".lock.",
        ".compact-lock.",
        ".unpublished.",
    ];
    ends && starts.iter().any(|start| name.starts_with(start))
}

/// The time in the name of an agent's WAL.
pub fn agent_milliseconds(name: &str) -> Option<u64> {
    let rest = name.rsplit('/').next()?.strip_prefix("agent-")?;
    rest.strip_suffix(".jsonl")?.rsplit_once('-')?.1.parse().ok()
}

/// The agent in the name of a WAL.
pub fn agent_of(name: &str) -> Option<&str> {
    agent_milliseconds(name)?;
    let rest = name.rsplit('/').next()?.strip_prefix("agent-")?;
    Some(rest.strip_suffix(".jsonl")?.rsplit_once('-')?.0)
}

/// Whether a WAL is that of an agent, by its name.
pub fn is_log_of(name: &str, agent: &[u8]) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    let rest = name.strip_prefix("agent-").and_then(|rest| rest.strip_suffix(".jsonl"));
    let named = rest.and_then(|rest| rest.rsplit_once('-')).map(|(agent, _)| agent.as_bytes());
    named == Some(agent)
}

/// The time in the name of a snapshot or WAL of the single writer.
pub fn milliseconds(name: &str) -> Option<u64> {
    let name = name.rsplit('/').next()?;
    let rest = name.strip_prefix("snap-").or_else(|| name.strip_prefix("ops-"))?;
    let digits = rest.strip_suffix(".jsonl").or_else(|| rest.strip_suffix(".json"))?;
    digits.parse().ok()
}

/// The time in the name of a snapshot or of any WAL.
pub fn time_of(name: &str) -> Option<u64> {
    milliseconds(name).or_else(|| agent_milliseconds(name))
}

/// A time for a name behind those that are there. Behind the last there is none.
pub fn after(highest: u64, now_ms: i64) -> u64 {
    (now_ms.max(0) as u64).max(highest.saturating_add(1))
}

/// The absolute path of something that a manifest names, which must lie in its folder.
///
/// # Errors
/// `OPSLOG_CORRUPT` for a path that leads elsewhere.
pub fn inside(root: &Path, folder: &str, relative: &str) -> Result<PathBuf> {
    let mut parts = Path::new(relative).components();
    let in_folder = parts.next() == Some(Component::Normal(folder.as_ref()));
    let mut names = 0;
    let plain = parts.all(|part| {
        names += 1;
        matches!(part, Component::Normal(_))
    });
    if in_folder && plain && names > 0 && !relative.contains(['\\', '\0']) {
        return Ok(at(root, relative));
    }
    Err(Error::corrupt(
        &root.join(MANIFEST),
        None,
        format!("the manifest names \"{}\", which is not inside {folder}/", relative.escape_debug()),
    ))
}

/// The absolute path of a file of a store, spelled as the system spells paths: a relative path has slashes everywhere.
pub fn at(root: &Path, relative: &str) -> PathBuf {
    if std::path::MAIN_SEPARATOR == '/' {
        return root.join(relative);
    }
    let mut path = root.to_path_buf();
    path.extend(relative.split('/'));
    path
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_as_they_are_built() {
        assert_eq!(milliseconds(&snapshot(17)), Some(17));
        assert_eq!(milliseconds(&wal(18)), Some(18));
        assert_eq!(milliseconds("ops/agent-a-3.jsonl"), None);
        let temporary = temporary(Path::new("/x/manifest.json"));
        let name = temporary.file_name().unwrap().to_str().unwrap();
        assert!(is_temporary(name), "{name}");
        for name in
            ["snap-1.jsonl.1-0.tmp", "ops-1.jsonl.idx.7-99.tmp", ".lock.1-2.tmp", "archive-2026.json.1-1.tmp"]
        {
            assert!(is_temporary(name), "{name}");
        }
        for name in [
            "manifest.json.tmp",
            "snap-1.jsonl",
            "snap-1.jsonl.x-1.tmp",
            "snap-1.jsonl.1-.tmp",
            "blob.1-2.tmp",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    fn a_manifest_cannot_name_what_is_outside_its_folder() {
        let root = Path::new("/store");
        assert!(inside(root, OPS, "ops/ops-1.jsonl").is_ok());
        for path in
            ["", "ops", "ops/", "ops/..", "ops/../x", "/etc/passwd", "snapshots/x", "./ops/x", "ops\\x"]
        {
            assert!(inside(root, OPS, path).is_err(), "{path}");
        }
    }
}
