//! Stops panics at the border.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{panicked, to_js};
use crate::error::Result;

/// Runs a closure and makes a JS error of whatever goes wrong in it, a panic included.
pub fn caught<T>(run: impl FnOnce() -> Result<T>) -> napi::Result<T> {
    caught_js(|| run().map_err(|error| to_js(&error)))
}

/// As [`caught`], for closures that make JS errors themselves.
pub fn caught_js<T>(run: impl FnOnce() -> napi::Result<T>) -> napi::Result<T> {
    // A panic inside the store may leave it half changed. Its mutex does not poison, but what the user is
    // told is to reopen, and the log on disk is whole at every moment.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(payload) => Err(panicked(&*payload)),
    }
}
