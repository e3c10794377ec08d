//! Stops panics at the border.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{panicked, to_js};
use crate::error::Result;

/// Runs a closure and makes a JS error of whatever goes wrong in it, a panic included.
pub fn caught<T, R: FnOnce() -> Result<T>>(run: R) -> napi::Result<T> {
    stopped::<R, _>(|| run().map_err(|error| to_js(&error)))
}

/// As [`caught`], for closures that make JS errors themselves.
pub fn caught_js<T, R: FnOnce() -> napi::Result<T>>(run: R) -> napi::Result<T> {
    stopped::<R, _>(run)
}

/// As [`caught`], for closures in which nothing else goes wrong.
pub fn plain<T, R: FnOnce() -> T>(run: R) -> napi::Result<T> {
    stopped::<R, _>(|| Ok(run()))
}

/// `R` is the closure of the call: its type is named for the function that it stands in.
fn stopped<R, T>(run: impl FnOnce() -> napi::Result<T>) -> napi::Result<T> {
    // NOTE: what was locked when it panicked refuses to be written to from then on, see `store::locked`; the log on
    // disk is whole at every moment.
    unpanicked(|| {
        inject::<R>("before");
        let result = run();
        inject::<R>("after");
        result
    })
}

/// As [`plain`], for the part of a task `R` that makes a JS value of what it brought.
pub fn finished<R, T>(finish: impl FnOnce() -> T) -> napi::Result<T> {
    unpanicked(|| {
        inject::<R>("finish");
        Ok(finish())
    })
}

/// Runs a closure in which no test makes anything panic.
pub fn unpanicked<T>(run: impl FnOnce() -> napi::Result<T>) -> napi::Result<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(payload) => Err(panicked(&*payload)),
    }
}

/// Panics if a test has asked for that, by `INJECT_PANIC=before:NativeStore::count`.
#[cfg(feature = "inject-panics")]
#[allow(clippy::panic)] // That is what it is for.
fn inject<R>(place: &str) {
    let name = std::any::type_name::<R>().trim_end_matches("::{{closure}}");
    let wanted = std::env::var("INJECT_PANIC").unwrap_or_default();
    if let Some((wanted_place, wanted)) = wanted.split_once(':')
        && wanted_place == place
        && name.ends_with(wanted)
    {
        panic!("{name} was asked to");
    }
}

#[cfg(not(feature = "inject-panics"))]
fn inject<R>(_: &str) {}
