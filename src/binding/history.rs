//! The history of a folder, read on libuv's pool in pieces of JSON, beside any store.

use std::path::PathBuf;
use std::sync::Arc;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::CHUNK;
use super::catch::plain;
use super::operations::{Operations, operations};
use super::tasks::Work;
use super::text;
use crate::disk::OsDisk;
use crate::error::Result;
use crate::history::{Changes, Position, Wanted};

/// What is wanted of a history.
#[napi(object)]
pub struct NativeWanted<'a> {
    /// Behind this position.
    pub after: Option<String>,
    /// Later than this time, compared as text.
    pub since: Option<String>,
    /// Up to this time.
    pub until: Option<String>,
    /// On this record only.
    pub id: Option<JsString<'a>>,
    /// The last first.
    pub reverse: bool,
    /// Goes on with what comes.
    pub live: bool,
}

/// A history that is being read.
#[napi(custom_finalize)]
pub struct NativeChanges {
    changes: Arc<Mutex<Changes>>,
}

/// Begins to read the history of a folder. Resolves to a `NativeChanges`.
#[napi]
pub fn changes(root: String, wanted: NativeWanted<'_>) -> napi::Result<AsyncTask<Work>> {
    let id = wanted.id.map(text::id).transpose()?;
    let (reverse, live, after) = (wanted.reverse, wanted.live, wanted.after);
    let wanted = Wanted { id, since: wanted.since, until: wanted.until };
    let open = move || {
        let after = after.map(|after| Position::parse(&after)).transpose()?;
        Changes::open(Arc::new(OsDisk), &PathBuf::from(root), after.as_ref(), (reverse, live), wanted)
    };
    plain(|| {
        AsyncTask::new(Work::new(open, |changes| NativeChanges { changes: Arc::new(Mutex::new(changes)) }))
    })
}

fn next(changes: &Mutex<Changes>) -> Result<Option<Operations>> {
    let text = changes.lock().next(CHUNK)?;
    text.map(operations).transpose()
}

#[napi]
impl NativeChanges {
    /// The next changes as a JSON list, which may be empty; `null` when there are no more at the moment.
    #[napi]
    pub fn next(&self) -> AsyncTask<Work> {
        let changes = Arc::clone(&self.changes);
        AsyncTask::new(Work::new(move || next(&changes), |list| list))
    }
}

/// Whether a text is a position.
#[napi]
pub fn is_position(text: String) -> napi::Result<bool> {
    plain(|| Position::is_one(&text))
}
