//! Archive segments: reading one, and merging records into one. A segment is replaced as a whole, durably.

use std::path::Path;

use super::each_record;
use crate::disk::Disk;
use crate::error::{Document, Error, Result};
use crate::format::{Invalid, Records, archive};
use crate::json::string::escape_into;
use crate::layout;
use crate::publish::{read_if_there, replace};

/// Merges records into a segment, creating it if it is missing. Returns how many were not in it.
///
/// # Errors
/// `OPSLOG_IO`; `OPSLOG_CORRUPT` when the segment that is there cannot be read.
pub fn merge(
    disk: &dyn Disk,
    path: &Path,
    period: &str,
    now_ms: i64,
    records: &[(impl AsRef<[u8]>, Vec<u8>)],
) -> Result<u64> {
    let existing = read_if_there(disk, path)?;
    let mut content = Vec::new();
    let records = records.iter().map(|(id, text)| (id.as_ref(), &**text));
    let merged = archive::merge_into(&mut content, existing.as_deref(), period.as_bytes(), now_ms, records)
        .map_err(|invalid| refused(path, existing.unwrap_or_default(), invalid))?;
    replace(disk, path, &content)?;
    Ok(merged.added as u64)
}

/// As [`merge`], for lists of records as JSON text. Returns the segment's relative path.
///
/// # Errors
/// As for [`merge`].
pub fn merge_lists(
    disk: &dyn Disk,
    root: &Path,
    period: &str,
    now_ms: i64,
    lists: Vec<Vec<u8>>,
) -> Result<String> {
    let mut records = Vec::new();
    for list in lists {
        each_record(&list, |id, text| records.push((id.to_vec(), text.to_vec())))?;
    }
    let relative = layout::archive(period);
    merge(disk, &layout::at(root, &relative), period, now_ms, &records)?;
    Ok(relative)
}

/// The records of a segment as `"id",value,` pairs of JSON text, in pieces of about `limit` bytes.
///
/// # Errors
/// `OPSLOG_IO`, also when it is missing; `OPSLOG_CORRUPT`.
pub fn load(disk: &dyn Disk, path: &Path, limit: usize) -> Result<Vec<Vec<u8>>> {
    let missing = || Error::io("open", path, std::io::Error::from_raw_os_error(ENOENT));
    let records = read(disk, path)?.ok_or_else(missing)?;
    let mut chunks = vec![Vec::new()];
    for (id, text) in records {
        if chunks.last().is_some_and(|chunk| chunk.len() >= limit) {
            chunks.push(Vec::new());
        }
        if let Some(chunk) = chunks.last_mut() {
            escape_into(chunk, &id);
            chunk.push(b',');
            chunk.extend_from_slice(&text);
            chunk.push(b',');
        }
    }
    Ok(chunks)
}

/// The records of a segment; `None` if it is missing.
///
/// # Errors
/// As for [`load`].
pub fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Records>> {
    let Some(content) = read_if_there(disk, path)? else { return Ok(None) };
    match archive::parse_segment(&content) {
        Ok(records) => Ok(Some(records)),
        Err(invalid) => Err(refused(path, content, invalid)),
    }
}

/// As the system numbers it, on every system that Node runs on.
const ENOENT: i32 = 2;

/// What is wrong with a segment.
fn refused(path: &Path, content: Vec<u8>, invalid: Invalid) -> Error {
    let detail = match invalid {
        Invalid::NotJson { .. } => "the archive segment is not valid JSON".to_owned(),
        Invalid::Rule(rule) => format!("Invalid archive segment: {rule}"),
    };
    Error::Unreadable { document: Document::Segment, path: path.to_path_buf(), offset: None, content, detail }
}
