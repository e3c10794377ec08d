//! One call that does nothing. Its panics are caught, as napi-rs does.

use napi_derive::napi;

/// Does nothing, and may fail.
#[napi]
pub fn nothing() -> napi::Result<()> {
    Ok(())
}
