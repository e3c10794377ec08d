//! A place for strings that come from JS, used again for each call.

use std::ptr;

use napi::sys::{self, napi_env, napi_value};

use super::status::checked;
use crate::json::string::from_utf16;

/// What a buffer has at least. V8 copies without measuring first when three times a string's length fit.
const ROOM: usize = 1 << 12;
/// What a buffer keeps at most: one huge string must not hold its size in memory for ever.
const KEPT: usize = 1 << 20;
/// How many bytes of a buffer may stay empty although a string did not fit: part of a character, and NUL.
const SLACK: usize = 4;

/// Bytes whose memory stays.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// The buffer, emptied, to be filled with something else.
    pub fn cleared(&mut self) -> &mut Vec<u8> {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        &mut self.bytes
    }

    /// Reads an id, as WTF-8.
    ///
    /// # Safety
    /// `value` must be a value of `env`, and `env` the environment of this thread.
    pub unsafe fn id(&mut self, env: napi_env, value: napi_value) -> napi::Result<&[u8]> {
        // SAFETY: the caller's promise.
        unsafe { self.utf8(env, value) }?;
        if !self.bytes.is_ascii() && memchr::memmem::find(&self.bytes, "\u{FFFD}".as_bytes()).is_some() {
            // Either that character itself, or half of a pair.
            // SAFETY: the caller's promise.
            let units = unsafe { utf16(env, value) }?;
            self.bytes = from_utf16(&units);
        }
        Ok(&self.bytes)
    }

    /// Reads a string as UTF-8; a lone surrogate becomes U+FFFD.
    ///
    /// # Safety
    /// As for [`Buffer::id`].
    pub unsafe fn utf8(&mut self, env: napi_env, value: napi_value) -> napi::Result<&[u8]> {
        let bytes = self.cleared();
        bytes.reserve(ROOM);
        // SAFETY: the caller's promise; the buffer has no elements and the room that its capacity says.
        let mut len = unsafe { copy_utf8(env, value, bytes.as_mut_ptr(), bytes.capacity()) }?;
        if len + SLACK >= bytes.capacity() {
            // SAFETY: the caller's promise; without a buffer N-API measures.
            let whole = unsafe { copy_utf8(env, value, ptr::null_mut(), 0) }?;
            bytes.reserve_exact(whole + SLACK);
            // SAFETY: as for the first copy.
            len = unsafe { copy_utf8(env, value, bytes.as_mut_ptr(), bytes.capacity()) }?;
        }
        // SAFETY: so many bytes were written to the buffer, which has room for them.
        unsafe { bytes.set_len(len) };
        Ok(bytes)
    }
}

/// Copies a string and returns how many bytes were written, without the NUL behind them.
///
/// # Safety
/// As for [`Buffer::id`]; `target` is null or has room for `room` bytes.
unsafe fn copy_utf8(env: napi_env, value: napi_value, target: *mut u8, room: usize) -> napi::Result<usize> {
    let mut len = 0;
    // SAFETY: the caller's promises; the length goes to a local variable.
    checked(unsafe { sys::napi_get_value_string_utf8(env, value, target.cast(), room, &mut len) })?;
    Ok(len)
}

/// The UTF-16 code units of a string.
///
/// # Safety
/// As for [`Buffer::id`].
unsafe fn utf16(env: napi_env, value: napi_value) -> napi::Result<Vec<u16>> {
    let mut len = 0;
    // SAFETY: the caller's promise; without a buffer N-API measures.
    checked(unsafe { sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &mut len) })?;
    // One more for the NUL that N-API writes.
    let mut units = vec![0_u16; len + 1];
    // SAFETY: the caller's promise; the buffer has as many elements as is said.
    checked(unsafe {
        sys::napi_get_value_string_utf16(env, value, units.as_mut_ptr(), units.len(), &mut len)
    })?;
    units.truncate(len);
    Ok(units)
}
