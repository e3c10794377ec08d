//! Errors on their way to JS: a reason of JSON, which the facade decodes.

use serde_json::{Map, Value, json};

use crate::disk;
use crate::error::{Error, NotUnique};

/// So many bytes of text fit into a string of V8, escaped as part of a message.
const LONGEST_SHOWN: usize = 1 << 26;

/// An error whose message tells the facade everything.
pub fn to_js(error: &Error) -> napi::Error {
    napi::Error::from_reason(reason(error))
}

/// What that message is.
pub fn reason(error: &Error) -> String {
    let mut fields = Map::new();
    fields.insert("code".into(), json!(error.code()));
    fields.insert("message".into(), json!(error.to_string()));
    if let Some(path) = error.path() {
        fields.insert("path".into(), json!(path.to_string_lossy()));
    }
    match error {
        Error::Io { syscall, source, .. } => {
            fields.insert("syscall".into(), json!(syscall));
            insert_errno(&mut fields, source);
        }
        Error::NoLocks { source, .. } => {
            fields.insert("syscall".into(), json!("flock"));
            insert_errno(&mut fields, source);
        }
        Error::SnapshotMissing { source, .. } => {
            fields.insert("syscall".into(), json!("open"));
            insert_errno(&mut fields, source);
        }
        Error::Corrupt { offset: Some(offset), .. } => {
            fields.insert("offset".into(), json!(offset));
        }
        Error::Locked { pid, .. } => {
            fields.insert("pid".into(), json!(pid));
        }
        Error::NotUnique(found) => {
            let NotUnique { index, id, other, value } = &**found;
            fields.insert("index".into(), json!(index));
            fields.insert("id".into(), json!(id));
            fields.insert("otherId".into(), json!(other));
            fields.insert("valueText".into(), json!(String::from_utf8_lossy(value)));
        }
        Error::Unreadable { document, offset, content, .. } => {
            if let Some(offset) = offset {
                fields.insert("offset".into(), json!(offset));
            }
            // What V8 has no string for, it cannot find words for.
            if content.len() <= LONGEST_SHOWN {
                fields.insert("document".into(), json!(document.name()));
                fields.insert("content".into(), json!(String::from_utf8_lossy(content)));
            }
        }
        _ => {}
    }
    Value::Object(fields).to_string()
}

fn insert_errno(fields: &mut Map<String, Value>, source: &std::io::Error) {
    if let Some(errno) = disk::errno(source) {
        fields.insert("errno".into(), json!(errno));
    }
}

/// V8 must print a value before its delta can be told.
pub fn not_canonical(text: &[u8]) -> napi::Error {
    let reason = json!({
        "code": "OPSLOG_NOT_CANONICAL",
        "message": "the previous value is not as V8 prints it",
        "text": String::from_utf8_lossy(text),
    });
    napi::Error::from_reason(reason.to_string())
}

/// A panic that was caught: a defect of ours, reported instead of a dead process.
pub fn panicked(payload: &(dyn std::any::Any + Send)) -> napi::Error {
    let what = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned());
    let reason = json!({
        "code": "OPSLOG_INTERNAL",
        "message": format!("Internal error in opslog: {what}. Please report it; close the store and open it again."),
    });
    napi::Error::from_reason(reason.to_string())
}
