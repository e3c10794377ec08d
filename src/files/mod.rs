//! The files of a store one by one, without a store: what an `FsBackend` and `streamSnapshotFile()` do. The rules are those
//! of the engine: lines are read and appended by `wal`, texts are printed by `format`, names are given by `publish`.

mod numbered;
pub mod segment;
pub mod snapshot;

pub use numbered::create_log;

use std::path::Path;

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::format::snapshot::parse_record;
use crate::json::array::elements;
use crate::json::part;
use crate::json::reformat::pretty_into;
use crate::{layout, publish};

/// Creates the folders of a store.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn create_folders(disk: &dyn Disk, root: &Path) -> Result<()> {
    for folder in layout::FOLDERS.map(|folder| root.join(folder)) {
        disk.create_folder(&folder).map_err(|source| Error::io("mkdir", &folder, source))?;
    }
    Ok(())
}

/// Replaces the manifest by this text, laid out as 0.8.1 lays it out.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn write_manifest(disk: &dyn Disk, root: &Path, text: &[u8]) -> Result<()> {
    let mut pretty = Vec::with_capacity(text.len() * 2);
    pretty_into(&mut pretty, text, 0);
    Ok(publish::replace(disk, &root.join(layout::MANIFEST), &pretty)?)
}

/// The relative paths of the logs in a folder: of every file that may be one.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn logs(disk: &dyn Disk, root: &Path) -> Result<Vec<String>> {
    list(disk, root, layout::OPS, |name| name.ends_with(".jsonl"))
}

/// The relative paths of the archive segments in a folder: of every file that may be one.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn segments(disk: &dyn Disk, root: &Path) -> Result<Vec<String>> {
    list(disk, root, layout::ARCHIVE, |name| name.starts_with("archive-") && name.ends_with(".json"))
}

fn list(disk: &dyn Disk, root: &Path, folder: &str, is_one: fn(&str) -> bool) -> Result<Vec<String>> {
    let path = root.join(folder);
    match disk.list(&path) {
        Ok(names) => {
            Ok(names.iter().filter(|name| is_one(name)).map(|name| format!("{folder}/{name}")).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(Error::io("scandir", &path, source)),
    }
}

/// Lines of a log, from lists of operations as JSON text.
///
/// # Errors
/// `OPSLOG_INVALID_ARGUMENT`.
pub fn lines_of(lists: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    let mut lines = Vec::with_capacity(lists.iter().map(Vec::len).sum());
    for list in lists {
        for operation in elements(&list).ok_or_else(no_list)? {
            lines.extend_from_slice(operation);
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// Shows each record of a list of `{"id", "data"}` as JSON text, with an empty text for one without value.
///
/// # Errors
/// `OPSLOG_INVALID_ARGUMENT`, and those of `each`.
fn each_record(list: &[u8], mut each: impl FnMut(&[u8], &[u8])) -> Result<()> {
    for element in elements(list).ok_or_else(no_list)? {
        let record = parse_record(element).map_err(|_| no_list())?;
        each(&record.id, part(element, record.data));
    }
    Ok(())
}

fn no_list() -> Error {
    Error::InvalidArgument("the list that was to be written is not valid".into())
}

#[cfg(test)]
mod tests;
