//! The history of a folder, read on libuv's pool in pieces of JSON, beside any store.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::catch::plain;
use super::operations::{Items, list};
use super::tasks::Work;
use super::{CHUNK, PIECE, text};
use crate::disk::OsDisk;
use crate::error::Result;
use crate::history::{Changes, KnownPosition, Position, Wanted};

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
    /// Indexes that are missing may be written.
    pub writes: bool,
}

/// A history that is being read.
#[napi(custom_finalize)]
pub struct NativeChanges {
    changes: Arc<Reading>,
}

struct Reading {
    changes: Mutex<Option<Changes>>,
    is_over: AtomicBool,
}

impl Reading {
    fn next(&self) -> Result<Option<Vec<Items>>> {
        let mut changes = self.changes.lock();
        let texts = changes.as_mut().map_or(Ok(None), |changes| changes.next(CHUNK, PIECE));
        if self.is_over.load(Ordering::Relaxed) {
            *changes = None;
        }
        texts?.map(|texts| texts.into_iter().map(list).collect()).transpose()
    }

    /// Lets go of what it holds: at once, or when the piece is read that is being read.
    fn close(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(mut changes) = self.changes.try_lock() {
            *changes = None;
        }
    }
}

/// Begins to read the history of a folder. Resolves to a `NativeChanges`.
#[napi]
pub fn changes(root: String, wanted: NativeWanted<'_>) -> napi::Result<AsyncTask<Work>> {
    let id = wanted.id.map(text::id).transpose()?;
    let (reverse, live, after) = (wanted.reverse, wanted.live, wanted.after);
    let wanted = Wanted { id, since: wanted.since, until: wanted.until, writes: wanted.writes };
    let open = move || {
        let after = after.map(|after| Position::parse(&after)).transpose()?;
        Changes::open(Arc::new(OsDisk), &PathBuf::from(root), after.as_ref(), (reverse, live), wanted)
    };
    plain(|| AsyncTask::new(Work::new(open, begun)))
}

fn begun(changes: Changes) -> NativeChanges {
    let changes = Reading { changes: Mutex::new(Some(changes)), is_over: AtomicBool::new(false) };
    NativeChanges { changes: Arc::new(changes) }
}

/// Where a store stands, with what it knows of the lines up to there.
#[napi(custom_finalize)]
pub struct NativePosition {
    pub(super) known: Arc<KnownPosition>,
}

#[napi]
impl NativePosition {
    /// Begins to read the history of the store's folder from here on, and tells first what was undone meanwhile. Resolves to a
    /// `NativeChanges`.
    #[napi]
    pub fn changes(&self, root: String, writes: bool) -> napi::Result<AsyncTask<Work>> {
        let known = Arc::clone(&self.known);
        let open = move || {
            let wanted = Wanted { id: None, since: None, until: None, writes };
            Changes::open_behind(Arc::new(OsDisk), &PathBuf::from(root), &known, wanted)
        };
        plain(|| AsyncTask::new(Work::new(open, begun)))
    }
}

#[napi]
impl NativeChanges {
    /// The next changes as flat JSON lists, of which there may be none; `null` when there are no more at the moment.
    #[napi]
    pub fn next(&self) -> AsyncTask<Work> {
        let changes = Arc::clone(&self.changes);
        AsyncTask::new(Work::new(move || changes.next(), |list| list))
    }

    /// Lets go of the logs that it holds.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        plain(|| self.changes.close())
    }
}

/// Whether a text is a position.
#[napi]
pub fn is_position(text: String) -> napi::Result<bool> {
    plain(|| Position::is_one(&text))
}
