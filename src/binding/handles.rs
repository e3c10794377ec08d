//! Numbers that stand for the stores of this thread's environment, so that a raw call can be given any value
//! and never follows a pointer that came from JS. No number is given twice in a process: one that was given
//! back, or belongs to another thread, means nothing.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::Store;

/// How many places a thread has. The rest of a handle is its number among all handles.
const PLACES: u64 = 1 << 16;

static NUMBERS: AtomicU64 = AtomicU64::new(1);

#[derive(Default)]
struct Place {
    number: u64,
    store: Option<Arc<Store>>,
}

thread_local! {
    static PLACES_HERE: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// Gives a store a handle, which is a safe integer of JavaScript. `None` if all places are taken.
pub fn give(store: &Arc<Store>) -> Option<f64> {
    PLACES_HERE.with_borrow_mut(|places| {
        let free = places.iter().position(|place| place.store.is_none()).unwrap_or(places.len());
        if free as u64 >= PLACES {
            return None;
        }
        if free == places.len() {
            places.push(Place::default());
        }
        let place = places.get_mut(free)?;
        place.number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        place.store = Some(Arc::clone(store));
        Some((place.number * PLACES + free as u64) as f64)
    })
}

/// Takes a handle back.
pub fn take_back(handle: f64) {
    // The thread may be at its end, and its places gone.
    let _ = PLACES_HERE.try_with(|places| {
        if let Ok(mut places) = places.try_borrow_mut()
            && let (at, number) = split(handle)
            && let Some(place) = places.get_mut(at).filter(|place| place.number == number)
        {
            place.store = None;
        }
    });
}

/// Runs a closure with the store of a handle. It must not call into JS.
pub fn with<T>(handle: f64, run: impl FnOnce(&Store) -> napi::Result<T>) -> napi::Result<T> {
    PLACES_HERE.with_borrow(|places| {
        let (at, number) = split(handle);
        match places.get(at) {
            Some(Place { store: Some(store), number: here }) if *here == number => run(store),
            _ => Err(napi::Error::from_reason("no such store")),
        }
    })
}

fn split(handle: f64) -> (usize, u64) {
    let handle = handle as u64;
    ((handle % PLACES) as usize, handle / PLACES)
}
