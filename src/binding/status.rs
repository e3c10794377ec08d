//! What Node-API answers to a call.

use napi::sys;

/// Makes an error of a status that is none of success.
pub fn checked(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    let status = napi::Status::from(status);
    Err(napi::Error::new(status, format!("a value could not cross the border: {status}")))
}
