//! Calls from JS: their arguments and answers, without a check of any.

use std::ffi::CStr;
use std::ptr;

use napi_sys as sys;

pub type Call = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// # Safety
/// `env` and `exports` are those that Node gave.
pub unsafe fn export(env: sys::napi_env, exports: sys::napi_value, name: &CStr, call: Call) {
    let mut function = ptr::null_mut();
    unsafe {
        sys::napi_create_function(env, name.as_ptr(), -1, Some(call), ptr::null_mut(), &mut function);
        sys::napi_set_named_property(env, exports, name.as_ptr(), function);
    }
}

/// # Safety
/// Called within a call from JS, with what it was given.
pub unsafe fn arguments<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> [sys::napi_value; N] {
    let (mut given, mut values) = (N, [ptr::null_mut(); N]);
    unsafe {
        sys::napi_get_cb_info(env, info, &mut given, values.as_mut_ptr(), ptr::null_mut(), ptr::null_mut());
    }
    values
}

/// Puts a string's bytes, at most 4 KiB of them, in the place of what is in `into`.
///
/// # Safety
/// Called within a call from JS, with one of its values.
pub unsafe fn read(env: sys::napi_env, value: sys::napi_value, into: &mut Vec<u8>) {
    into.clear();
    into.reserve(1 << 12);
    let mut len = 0;
    unsafe {
        sys::napi_get_value_string_utf8(env, value, into.as_mut_ptr().cast(), into.capacity(), &mut len);
        into.set_len(len);
    }
}

/// # Safety
/// As for `read()`.
pub unsafe fn text(env: sys::napi_env, value: sys::napi_value) -> String {
    let mut bytes = Vec::new();
    unsafe { read(env, value, &mut bytes) };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// # Safety
/// As for `read()`.
pub unsafe fn number(env: sys::napi_env, value: sys::napi_value) -> f64 {
    let mut number = 0.0;
    unsafe { sys::napi_get_value_double(env, value, &mut number) };
    number
}

/// The text as a string of JS; the records of the benchmark are ASCII.
///
/// # Safety
/// Called within a call from JS.
pub unsafe fn string(env: sys::napi_env, text: &[u8]) -> sys::napi_value {
    let mut made = ptr::null_mut();
    unsafe {
        sys::napi_create_string_latin1(env, text.as_ptr().cast(), text.len() as isize, &mut made);
    }
    made
}

/// # Safety
/// Called within a call from JS.
pub unsafe fn count(env: sys::napi_env, count: usize) -> sys::napi_value {
    let mut made = ptr::null_mut();
    unsafe { sys::napi_create_double(env, count as f64, &mut made) };
    made
}
