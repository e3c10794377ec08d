//! Reading a WAL from JS, beside any store.

use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::CHUNK;
use super::catch::plain;
use super::operations::operations;
use super::tasks::Work;
use crate::disk::OsDisk;
use crate::layout;
use crate::wal::WalCursor;

/// Reads the operations of a WAL in pieces.
#[napi(custom_finalize)]
pub struct NativeWalCursor {
    cursor: Arc<Mutex<WalCursor>>,
}

#[napi]
impl NativeWalCursor {
    /// The next operations as a JSON list; an empty one at the end.
    #[napi]
    pub fn next(&self) -> AsyncTask<Work> {
        let cursor = Arc::clone(&self.cursor);
        AsyncTask::new(Work::new(move || operations(cursor.lock().next_chunk(CHUNK)?), |list| list))
    }

    /// Malformed lines so far.
    #[napi]
    pub fn skipped(&self) -> napi::Result<f64> {
        plain(|| self.cursor.lock().skipped() as f64)
    }
}

/// Begins to read a WAL of a folder.
#[napi]
pub fn wal_cursor(root: String, relative: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(
        move || {
            let path = layout::inside(&PathBuf::from(root), layout::OPS, &relative)?;
            WalCursor::open(&OsDisk, &path)
        },
        |cursor| NativeWalCursor { cursor: Arc::new(Mutex::new(cursor)) },
    ))
}
