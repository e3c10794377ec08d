//! What is to be done when an environment ends: buffers are flushed. The facade calls it when the process
//! exits, where Node runs no hooks of environments; the hook is for worker threads that are terminated.
//! Nothing here keeps a store alive.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use napi::Env;
use napi_derive::napi;

use super::catch::plain;
use crate::store::Store;

thread_local! {
    /// The stores of this thread's environment; `None` until the hook is in place.
    static STORES: RefCell<Option<Vec<Weak<Store>>>> = const { RefCell::new(None) };
}

/// Has a store's buffer flushed when the environment ends.
pub fn register(env: Env, store: &Arc<Store>) -> napi::Result<()> {
    let is_first = STORES.with_borrow(Option::is_none);
    if is_first {
        env.add_env_cleanup_hook((), |()| flush_all())?;
    }
    STORES.with_borrow_mut(|stores| {
        let stores = stores.get_or_insert_default();
        stores.retain(|store| store.strong_count() > 0);
        stores.push(Arc::downgrade(store));
    });
    Ok(())
}

/// Flushes the buffers of this environment's stores.
#[napi]
pub fn flush_all() {
    // A panic must not cross the border, and no caller could be told.
    let stores = plain(|| STORES.with_borrow(|stores| stores.clone().unwrap_or_default()));
    for store in stores.unwrap_or_default() {
        if let Some(store) = store.upgrade() {
            let _ = plain(|| store.flush_at_exit());
        }
    }
}
