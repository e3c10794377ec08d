//! What crosses the border as JSON text, in either direction.

use serde_json::json;

use super::text;
use crate::engine::Id;
use crate::format::operation::Kind;
use crate::json as raw_json;
use crate::json::string::{escape_into, unescape};
use crate::store::{Followed, MissingLog, Report, Skipped};

/// What opening found.
pub fn report(report: &Report) -> String {
    let torn_path = report.torn_path.as_ref().map(|path| path.to_string_lossy());
    json!({
        "wal": report.wal.to_string_lossy(),
        "skipped": skipped(&report.skipped),
        "tornLine": report.torn_line,
        "tornBytes": report.torn_bytes,
        "tornPath": torn_path,
        "indexRebuilt": report.index_rebuilt,
        "missing": report.missing.iter().map(missing).collect::<Vec<_>>(),
        "needsMigration": report.needs_migration,
    })
    .to_string()
}

fn missing(log: &MissingLog) -> serde_json::Value {
    json!({ "path": log.path.to_string_lossy(), "bytes": log.bytes })
}

/// What other hands wrote, if they did.
pub fn news(followed: Followed) -> Option<String> {
    (!followed.is_empty()).then(|| self::followed(followed))
}

/// What other hands wrote.
pub fn followed(followed: Followed) -> String {
    let mut out = b"{\"applied\":[".to_vec();
    for (id, kind) in &followed.applied {
        escape_into(&mut out, id);
        out.extend_from_slice(if *kind == Kind::Set { b",true," } else { b",false," });
    }
    out.pop_if(|last| *last == b',');
    out.extend_from_slice(b"],\"changed\":");
    out.extend_from_slice(ids(&followed.changed).as_bytes());
    let rest = json!({
        "undone": followed.undone,
        "reloaded": followed.reloaded,
        "reordered": followed.reordered,
        "outdated": followed.outdated,
        "skipped": skipped(&followed.skipped),
    });
    out.push(b',');
    out.extend_from_slice(rest.to_string().get(1..).unwrap_or_default().as_bytes());
    text::to_js(out)
}

/// Malformed lines, each with its log.
fn skipped(lines: &[Skipped]) -> serde_json::Value {
    let line =
        |Skipped { path, offset }: &Skipped| json!({ "path": path.to_string_lossy(), "offset": offset });
    lines.iter().map(line).collect()
}

/// A list of ids.
pub fn ids(ids: &[Id]) -> String {
    let mut out = Vec::new();
    for id in ids {
        escape_into(&mut out, id);
        out.push(b',');
    }
    text::list(out)
}

/// Ids from a list of strings, as V8 printed it.
pub fn parse_ids(list: &[u8]) -> Vec<Id> {
    let mut ids = Vec::new();
    let mut at = 1;
    while let Some(end) = raw_json::skip_value(list, at) {
        if let Some(body) = list.get(at + 1..end - 1) {
            ids.push(unescape(body).as_ref().into());
        }
        at = end + 1;
    }
    ids
}
