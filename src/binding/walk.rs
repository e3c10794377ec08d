//! Walks over all records, in pieces: in the store's order at once, in the order of the ids through libuv's pool.

use std::sync::Arc;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::catch::{caught, plain};
use super::store::NativeStore;
use super::tasks::Work;
use super::text;
use super::{CHUNK, PIECE};
use crate::store::{Range, Sorted, Store, Walk};

/// A walk in the store's order.
#[napi(custom_finalize)]
pub struct NativeWalk {
    store: Arc<Store>,
    /// `None` at its end: the records' files are let go.
    walk: Mutex<Option<Walk>>,
}

/// A walk in the order of the ids.
#[napi(custom_finalize)]
pub struct NativeScan {
    store: Arc<Store>,
    /// `None` once it is closed: the records' files are let go.
    sorted: Arc<Mutex<Option<Sorted>>>,
}

/// Which ids a walk is about.
#[napi(object)]
pub struct NativeRange<'a> {
    /// What they begin with.
    pub prefix: Option<JsString<'a>>,
    /// Behind this one.
    pub gt: Option<JsString<'a>>,
    /// From this one on.
    pub gte: Option<JsString<'a>>,
    /// Before this one.
    pub lt: Option<JsString<'a>>,
    /// Up to this one.
    pub lte: Option<JsString<'a>>,
    /// The last first.
    pub reverse: bool,
    /// How many at most; less than 0 for all.
    pub limit: f64,
}

#[napi]
impl NativeStore {
    /// Begins a walk over the records as they are now.
    #[napi]
    pub fn walk(&self, ids_only: bool) -> napi::Result<NativeWalk> {
        caught(|| Ok(NativeWalk::over(&self.store, self.store.walk(ids_only)?)))
    }

    /// Begins a walk over the records as they are now, in the order of their ids. Resolves to a `NativeScan`.
    #[napi]
    pub fn sorted(&self, range: NativeRange<'_>) -> napi::Result<AsyncTask<Work>> {
        let range = range.read()?;
        let store = Arc::clone(&self.store);
        caught(|| {
            // NOTE: the moment is that of the call, but where a long log is to be replayed first.
            let moment = if store.has_head() { None } else { Some(store.moment()?) };
            let run = move || {
                let moment = moment.map_or_else(|| store.moment(), Ok)?;
                let sorted = store.sorted(&moment, range)?;
                Ok((store, sorted))
            };
            Ok(AsyncTask::new(Work::new(run, NativeScan::of)))
        })
    }
}

impl NativeRange<'_> {
    /// The range with its bounds as bytes.
    pub(super) fn read(self) -> napi::Result<Range> {
        let id = |id: Option<JsString<'_>>| id.map(text::id).transpose();
        let end = |without: Option<JsString<'_>>, with: Option<JsString<'_>>| -> napi::Result<_> {
            Ok(id(without)?.map(|id| (id, false)).or(id(with)?.map(|id| (id, true))))
        };
        Ok(Range {
            prefix: id(self.prefix)?.unwrap_or_default(),
            from: end(self.gt, self.gte)?,
            to: end(self.lt, self.lte)?,
            reverse: self.reverse,
            limit: (self.limit >= 0.0).then_some(self.limit as usize),
        })
    }
}

impl NativeScan {
    /// Steps of a sorted walk of this store.
    pub(super) fn of((store, sorted): (Arc<Store>, Sorted)) -> Self {
        Self { store, sorted: Arc::new(Mutex::new(Some(sorted))) }
    }
}

impl NativeWalk {
    /// Steps of a walk of this store.
    pub(super) fn over(store: &Arc<Store>, walk: Walk) -> Self {
        Self { store: Arc::clone(store), walk: Mutex::new(Some(walk)) }
    }
}

#[napi]
impl NativeWalk {
    /// The next records, as a JSON list of ids and values in turn, or of ids alone; `null` when there are no more.
    #[napi]
    pub fn next(&self) -> napi::Result<Option<String>> {
        caught(|| {
            let mut out = Vec::new();
            if let Some(walk) = &mut *self.walk.lock() {
                self.store.walk_on(walk, PIECE, &mut out)?;
            }
            Ok((!out.is_empty()).then(|| text::list(out)))
        })
    }

    /// Lets go of the records.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        plain(|| *self.walk.lock() = None)
    }
}

#[napi]
impl NativeScan {
    /// The next records, as a JSON list of ids and values in turn; `null` when there are no more.
    #[napi]
    pub fn next(&self) -> AsyncTask<Work> {
        let (store, sorted) = (Arc::clone(&self.store), Arc::clone(&self.sorted));
        let run = move || {
            let mut out = Vec::new();
            if let Some(sorted) = &mut *sorted.lock() {
                store.sorted_on(sorted, CHUNK, &mut out)?;
            }
            Ok((!out.is_empty()).then(|| text::list(out)))
        };
        AsyncTask::new(Work::new(run, |list: Option<String>| list))
    }

    /// Lets go of the records.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        plain(|| *self.sorted.lock() = None)
    }
}
