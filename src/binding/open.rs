//! Opening a store: options in, a store or a promise of one out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use napi::Either;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use super::INDEX_FROM_BYTES;
use super::catch::plain;
use super::json;
use super::lock::locking;
use super::maintenance::NativeProgress;
use super::store::NativeStore;
use super::tasks::Work;
use crate::lock::{HastyProbe, Locking, OsProbe, ProcessProbe};
use crate::permissions::StoreDisk;
use crate::store::{Durability, Opened, Options, Store};

/// How a store is opened.
///
/// One struct: it is an object that JS fills in.
#[napi(object)]
pub struct NativeOptions {
    /// Write nothing, take no lock.
    pub read_only: bool,
    /// Do not read records and operations.
    pub skip_load: bool,
    /// Schema version.
    pub version: u32,
    /// Whether the program gave it.
    pub version_given: bool,
    /// Operations until a checkpoint is due.
    pub checkpoint_threshold: f64,
    /// A checkpoint also waits until it pays.
    pub amortised: bool,
    /// Opening refuses a log with a malformed line.
    pub strict: bool,
    /// Appends are buffered.
    pub buffered: bool,
    /// Milliseconds until a sync: 0 if a write waits for it, less if there is none.
    pub sync_within: f64,
    /// Without kernel locks the number in the lock file will do.
    pub by_pid: Option<bool>,
    /// The agent that writes.
    pub agent: Option<String>,
    /// So many operations at the end of the log no checkpoint takes along.
    pub keep_undo: Option<u32>,
    /// Milliseconds since the epoch.
    pub now: f64,
}

/// Opens the store of a folder: at once if little has to be read for it, else in time. What fails does so in time.
#[napi]
pub fn store_open(
    root: String,
    options: NativeOptions,
    progress: &NativeProgress,
) -> napi::Result<Either<NativeStore, AsyncTask<Work>>> {
    let locking = locking(options.by_pid);
    let keep = options.keep_undo.map_or(0, |operations| operations as usize);
    let options = Options {
        read_only: options.read_only,
        skip_load: options.skip_load,
        version: options.version,
        version_given: options.version_given,
        checkpoint_threshold: options.checkpoint_threshold,
        amortised: options.amortised,
        strict: options.strict,
        index_from_bytes: INDEX_FROM_BYTES,
        buffered: options.buffered,
        durability: durability(options.sync_within),
        agent: options.agent,
        now_ms: options.now as i64,
        progress: Arc::clone(&progress.progress),
    };
    let root = PathBuf::from(root);
    let folder = root.clone();
    let open = move |options, probe: &dyn ProcessProbe| {
        let opened = Store::open_with(Arc::new(StoreDisk), &folder, options, locking, probe)?;
        opened.store.keep_undoable(keep);
        Ok(opened)
    };
    let give = |opened: Opened| NativeStore::new(opened.store, json::report(&opened.report));
    plain(|| {
        // NOTE: a lock by number alone, without one of the kernel's, is certain only after a pause.
        let is_at_once = locking == Locking::Kernel && Store::opens_at_once(&StoreDisk, &root, &options);
        match is_at_once.then(|| open(options.clone(), &HastyProbe)) {
            Some(Ok(opened)) => Either::A(give(opened)),
            _ => Either::B(AsyncTask::new(Work::new(move || open(options, &OsProbe), give))),
        }
    })
}

fn durability(sync_within: f64) -> Durability {
    match sync_within {
        0.0 => Durability::Always,
        within if within > 0.0 => Durability::Interval(Duration::from_micros((within * 1000.0) as u64)),
        _ => Durability::Process,
    }
}
