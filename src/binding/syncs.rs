//! Tells JS when syncs are done, from the thread that makes them. The event loop is kept alive while a caller
//! waits for one, and only then.
#![allow(deprecated)] // `refer` and `unref`, for which napi has no other way since a weak function is weak for ever.

use std::sync::{Arc, Weak};

use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use parking_lot::Mutex;

use super::catch::{plain, unpanicked};
use super::error::{reason, to_js};
use crate::store::Store;

/// The last ticket that is durable, and why those after it never will be.
pub type Report = FnArgs<(f64, Option<String>)>;

/// Calls JS from another thread. It does not keep the event loop alive by itself.
type Call = ThreadsafeFunction<(), (), Report, Status, false, true>;

/// The way from a store's syncs to its environment.
pub struct Syncs {
    /// Refers back here weakly, so that it goes when this does.
    call: Mutex<Option<Call>>,
    store: Weak<Store>,
}

impl Syncs {
    /// Has a store's writes synced. `settled` is called whenever there is news.
    pub fn start(store: &Arc<Store>, settled: &Function<'_, Report, ()>) -> napi::Result<Arc<Self>> {
        let syncs = Arc::new(Self { call: Mutex::new(None), store: Arc::downgrade(store) });
        let weak = Arc::downgrade(&syncs);
        let call =
            settled.build_threadsafe_function::<()>().weak::<true>().build_callback(move |context| {
                let syncs: Option<Arc<Self>> = weak.upgrade();
                let report =
                    plain(|| syncs.as_ref().map_or_else(nothing, |syncs| syncs.report(&context.env)));
                Ok(report.unwrap_or_else(|error| {
                    // All who wait are told that, and the event loop must not wait for them.
                    let _ = unpanicked(|| {
                        syncs.iter().for_each(|syncs| syncs.let_go(&context.env));
                        Ok(())
                    });
                    (0.0, Some(error.reason.to_string())).into()
                }))
            })?;
        *syncs.call.lock() = Some(call);
        let weak = Arc::downgrade(&syncs);
        let wake = move || {
            if let Some(syncs) = weak.upgrade() {
                syncs.wake();
            }
        };
        store.start_syncing(wake).map_err(|error| to_js(&error))?;
        Ok(syncs)
    }

    /// Keeps the event loop alive until all tickets are settled.
    pub fn keep_alive(&self, env: &Env) -> napi::Result<()> {
        self.call.lock().as_mut().map_or(Ok(()), |call| call.refer(env))
    }

    /// Lets the event loop end.
    fn let_go(&self, env: &Env) {
        if let Some(call) = &mut *self.call.lock() {
            // It fails only while the environment ends.
            let _ = call.unref(env);
        }
    }

    /// Has JS called, from the thread that syncs. Nothing else tells those who wait, and without that thread nothing is
    /// synced any more: a call that a defect has stopped is made once more.
    fn wake(&self) {
        if plain(|| self.call_js()).is_err() {
            let _ = unpanicked(|| {
                self.call_js();
                Ok(())
            });
        }
    }

    fn call_js(&self) {
        if let Some(call) = &*self.call.lock() {
            call.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn report(&self, env: &Env) -> Report {
        let Some(store) = self.store.upgrade() else { return nothing() };
        let settled = store.synced();
        if !settled.waiting {
            self.let_go(env);
        }
        (settled.durable as f64, settled.failed.map(|error| reason(&error))).into()
    }
}

fn nothing() -> Report {
    (0.0, None).into()
}
