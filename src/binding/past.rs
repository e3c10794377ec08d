//! The store as it was at an earlier place of its history: found on libuv's pool, read at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::CHUNK;
use super::catch::{caught, plain};
use super::find::{self, NativeFind, NativeSelection};
use super::migration::push_unmigrated;
use super::store::NativeStore;
use super::tasks::Work;
use super::text;
use super::walk::{NativeRange, NativeScan, NativeWalk};
use crate::history::Position;
use crate::json::string::escape_into;
use crate::store::{Past, Present, Store, When};

/// The records as they are, from which those of an earlier place are found.
#[napi(custom_finalize)]
pub struct NativePresent {
    store: Arc<Store>,
    present: Mutex<Arc<Present>>,
    cancelled: Arc<AtomicBool>,
}

/// The records at a place of the history.
#[napi(custom_finalize)]
pub struct NativeView {
    store: Arc<Store>,
    past: Mutex<Past>,
    /// How many of the records that are to be migrated were listed.
    migrating: Mutex<usize>,
    /// How many of the concerned records were listed.
    listed: Mutex<usize>,
}

impl NativeView {
    /// The records at a place that was found.
    pub(super) fn of(store: Arc<Store>, past: Past) -> Self {
        Self { store, past: Mutex::new(past), migrating: Mutex::default(), listed: Mutex::default() }
    }
}

#[napi]
impl NativeStore {
    /// Takes the records as they are now; `null` while `renew()` has to come first.
    #[napi]
    pub fn present(&self) -> napi::Result<Option<NativePresent>> {
        caught(|| {
            let Some(present) = self.store.present()? else { return Ok(None) };
            Ok(Some(NativePresent::of(Arc::clone(&self.store), present)))
        })
    }

    /// As `present`, behind a look at what others wrote, which is for `takeForeign`, and behind `renew()` if that is needed.
    #[napi]
    pub fn present_anew(&self) -> napi::Result<AsyncTask<Work>> {
        let store = Arc::clone(&self.store);
        plain(|| {
            let run = move || store.present_anew().map(|present| (store, present));
            AsyncTask::new(Work::new(run, |(store, present)| NativePresent::of(store, present)))
        })
    }
}

impl NativePresent {
    fn of(store: Arc<Store>, present: Present) -> Self {
        Self { store, present: Mutex::new(Arc::new(present)), cancelled: Arc::default() }
    }
}

#[napi]
impl NativePresent {
    /// Finds the records at a place: a position, or an ISO timestamp. Resolves to a `NativeView`.
    #[napi]
    pub fn past(&self, place: String, is_time: bool) -> napi::Result<AsyncTask<Work>> {
        let store = Arc::clone(&self.store);
        let (present, cancelled) = (Arc::clone(&self.present.lock()), Arc::clone(&self.cancelled));
        caught(|| {
            let when = match is_time {
                true => When::Time(place),
                false => When::At(Position::parse(&place)?),
            };
            let run = move || {
                let past = store.past(&present, &when, &cancelled)?;
                Ok((store, past))
            };
            let finish = |(store, past): (Arc<Store>, Past)| NativeView::of(store, past);
            Ok(AsyncTask::new(Work::new(run, finish)))
        })
    }

    /// As `past`, at once, of a position.
    #[napi]
    pub fn past_at_once(&self, position: String) -> napi::Result<NativeView> {
        caught(|| {
            let when = When::At(Position::parse(&position)?);
            let past = self.store.past(&self.present.lock(), &when, &self.cancelled)?;
            Ok(NativeView::of(Arc::clone(&self.store), past))
        })
    }

    /// Whether an operation that it shows may have been taken back since.
    #[napi]
    pub fn is_outdated(&self) -> napi::Result<bool> {
        plain(|| self.store.is_outdated(&self.present.lock()))
    }

    /// Lets go of the records, and ends the work for them before its end. Whether it is outdated can still be asked.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        plain(|| {
            self.cancelled.store(true, Ordering::Relaxed);
            let mut present = self.present.lock();
            *present = Arc::new(present.without_records());
        })
    }
}

#[napi]
impl NativeView {
    /// A record's JSON text, empty for one without a value; `null` if there is none.
    #[napi]
    pub fn get(&self, id: JsString<'_>) -> napi::Result<Option<String>> {
        let id = text::id(id)?;
        caught(|| Ok(self.store.get_past(&self.past.lock(), &id)?.map(text::to_js)))
    }

    /// The next records whose values are of an older schema version, as `NativeStore.unmigrated` gives them.
    #[napi]
    pub fn unmigrated(&self, restart: bool) -> napi::Result<Option<String>> {
        caught(|| {
            let mut from = self.migrating.lock();
            if restart {
                *from = 0;
            }
            let mut out = Vec::new();
            let next =
                self.store.unmigrated_past(&self.past.lock(), *from, CHUNK, push_unmigrated(&mut out))?;
            *from = next.unwrap_or(*from);
            Ok(next.map(|_| text::list(out)))
        })
    }

    /// What a record's value was migrated to.
    #[napi]
    pub fn migrate(&self, id: JsString<'_>, value: JsString<'_>) -> napi::Result<()> {
        let (id, value) = (text::id(id)?, text::json(value)?);
        plain(|| self.past.lock().migrate(&id, &value))
    }

    /// All values are of the program's version.
    #[napi]
    pub fn finish_migration(&self) -> napi::Result<()> {
        plain(|| self.past.lock().finish_migration())
    }

    /// Lets go of the records: there are none any more.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        plain(|| self.past.lock().let_go())
    }

    /// Whether there was a record.
    #[napi]
    pub fn has(&self, id: JsString<'_>) -> napi::Result<bool> {
        let id = text::id(id)?;
        caught(|| self.store.has_past(&self.past.lock(), &id))
    }

    /// How many records there were.
    #[napi]
    pub fn count(&self) -> napi::Result<f64> {
        plain(|| self.past.lock().count() as f64)
    }

    /// Begins a walk over the records.
    #[napi]
    pub fn walk(&self, ids_only: bool) -> napi::Result<NativeWalk> {
        plain(|| NativeWalk::over(&self.store, self.past.lock().walk(ids_only)))
    }

    /// Begins a walk over the records in the order of their ids. Resolves to a `NativeScan`.
    #[napi]
    pub fn sorted(&self, range: NativeRange<'_>) -> napi::Result<AsyncTask<Work>> {
        let range = range.read()?;
        plain(|| {
            let (store, moment) = (Arc::clone(&self.store), self.past.lock().moment().clone());
            let run = move || {
                let sorted = store.sorted(&moment, range)?;
                Ok((store, sorted))
            };
            AsyncTask::new(Work::new(run, NativeScan::of))
        })
    }

    /// Begins a query over the records, as `NativeStore.find` does.
    #[napi]
    pub fn find(&self, query: JsString<'_>, selection: NativeSelection<'_>) -> napi::Result<NativeFind> {
        let find = find::parse(query, selection)?.over(self.past.lock().moment().clone());
        NativeFind::begin(&self.store, find)
    }

    /// The next ids of records that may be different now, as a JSON list; `null` when there are no more.
    #[napi]
    pub fn concerned(&self) -> napi::Result<Option<String>> {
        plain(|| {
            let mut listed = self.listed.lock();
            let mut out = Vec::new();
            for id in self.past.lock().concerned().iter().skip(*listed) {
                escape_into(&mut out, id);
                out.push(b',');
                *listed += 1;
                if out.len() >= CHUNK {
                    break;
                }
            }
            (!out.is_empty()).then(|| text::list(out))
        })
    }
}
