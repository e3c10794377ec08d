//! Declared indexes: said at open, made on libuv's pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use super::catch::{caught, plain};
use super::maintenance::NativeProgress;
use super::store::NativeStore;
use super::tasks::Work;
use super::text;
use crate::query::Definition;

/// Throws if indexes, given as a JSON object of names and their options, cannot be declared.
#[napi]
pub fn check_indexes(declared: JsString<'_>) -> napi::Result<()> {
    let declared = text::json(declared)?;
    caught(|| Ok(Definition::parse_all(&declared).map(drop)?))
}

#[napi]
impl NativeStore {
    /// Declares indexes.
    #[napi]
    pub fn declare_indexes(&self, declared: JsString<'_>) -> napi::Result<()> {
        let declared = text::json(declared)?;
        caught(|| {
            self.store.declare_indexes(Definition::parse_all(&declared)?);
            Ok(())
        })
    }

    /// Whether an index is still to be made.
    #[napi]
    pub fn wants_indexes(&self) -> napi::Result<bool> {
        plain(|| self.store.wants_indexes())
    }

    /// Makes the indexes that are missing, until `stopIndexes`.
    #[napi]
    pub fn build_indexes(&self, progress: &NativeProgress) -> AsyncTask<Work> {
        let (store, progress) = (Arc::clone(&self.store), Arc::clone(&progress.progress));
        AsyncTask::new(Work::new(move || store.build_indexes(&progress), |()| ()))
    }

    /// Ends `buildIndexes` before its end.
    #[napi]
    pub fn stop_indexes(&self) -> napi::Result<()> {
        plain(|| self.store.stopped_indexes().store(true, Ordering::Relaxed))
    }
}
