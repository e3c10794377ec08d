//! Reading a WAL from JS, beside any store.

use std::path::PathBuf;
use std::sync::Arc;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::CHUNK;
use super::catch::plain;
use super::operations::operations;
use super::tasks::Work;
use super::text;
use crate::disk::OsDisk;
use crate::engine::{Rank, places_in_order};
use crate::layout;
use crate::wal::WalCursor;

/// Reads the operations of a WAL in pieces.
#[napi(custom_finalize)]
pub struct NativeWalCursor {
    cursor: Arc<Mutex<WalCursor>>,
}

impl NativeWalCursor {
    /// What JS gets of a cursor.
    pub(super) fn new(cursor: WalCursor) -> Self {
        Self { cursor: Arc::new(Mutex::new(cursor)) }
    }
}

#[napi]
impl NativeWalCursor {
    /// The next operations as a JSON list; an empty one at the end.
    #[napi]
    pub fn next(&self) -> AsyncTask<Work> {
        let cursor = Arc::clone(&self.cursor);
        AsyncTask::new(Work::new(move || operations(cursor.lock().next_chunk(CHUNK)?), |list| list))
    }

    /// Lets go of the file. No piece is being read.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        plain(|| self.cursor.lock().let_go())
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
        NativeWalCursor::new,
    ))
}

/// The places of operations, of which each is given by agent and clock, in the order that agents agree on.
#[napi]
pub fn operations_in_order(agents: Vec<JsString<'_>>, clocks: Vec<f64>) -> napi::Result<Vec<u32>> {
    let agents = agents.into_iter().map(text::id).collect::<napi::Result<Vec<_>>>()?;
    plain(|| {
        let ranks = agents.iter().zip(clocks);
        places_in_order(
            ranks.map(|(agent, clock)| Rank { agent: agent.as_slice().into(), clock: clock as u64 }),
        )
    })
}
