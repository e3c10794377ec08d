//! The calls that are made for every record, registered without typed wrappers, which cost more than the work
//! itself: arguments are read into buffers that stay, results are numbers. A store is named by its handle.
//! Every callback catches panics and throws what goes wrong.

use std::cell::RefCell;
use std::ptr;

use napi::bindgen_prelude::Object;
use napi::sys::{self, napi_callback_info, napi_env, napi_value};
use napi::{Env, JsError, JsValue};
use napi_derive::napi;

use super::buffer::Buffer;
use super::catch::caught_js;
use super::change::coded;
use super::error::to_js;
use super::handles;
use super::status::checked;
use crate::engine::Change;

/// How many arguments a call may have.
const ARGUMENTS: usize = 6;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::default());
}

#[derive(Default)]
struct Buffers {
    id: Buffer,
    text: Buffer,
}

/// Adds the raw calls to the addon's exports.
#[napi(module_exports)]
pub fn register(exports: Object<'_>, env: Env) -> napi::Result<()> {
    let calls = [
        method(c"setRecord", set),
        method(c"deleteRecord", delete),
        method(c"getRecord", get),
        method(c"hasRecord", has),
    ];
    // SAFETY: `env` and `exports` are those of the module that is being loaded; the descriptors name static
    // strings and functions of the right type, and are copied.
    let status =
        unsafe { sys::napi_define_properties(env.raw(), exports.raw(), calls.len(), calls.as_ptr()) };
    checked(status)
}

fn method(
    name: &'static std::ffi::CStr,
    call: unsafe extern "C" fn(napi_env, napi_callback_info) -> napi_value,
) -> sys::napi_property_descriptor {
    sys::napi_property_descriptor {
        utf8name: name.as_ptr(),
        name: ptr::null_mut(),
        method: Some(call),
        getter: None,
        setter: None,
        value: ptr::null_mut(),
        attributes: sys::PropertyAttributes::enumerable,
        data: ptr::null_mut(),
    }
}

/// `setRecord(handle, id, text, now, check, prev?)` sets a record. Returns what became of it, see
/// [`coded`].
///
/// # Safety
/// Node calls it, with an environment and the information of this call.
unsafe extern "C" fn set(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, || {
        let call = Call::read(env, info)?;
        BUFFERS.with_borrow_mut(|Buffers { id, text }| {
            let id = call.id(1, id)?;
            let value = call.json(2, text)?;
            let mut printed = Buffer::default();
            let prev = if call.given > 5 { Some(call.json(5, &mut printed)?) } else { None };
            call.change(Change::Set(value), id, (3, 4), prev)
        })
    })
}

/// `deleteRecord(handle, id, now, check)` deletes a record. Returns what `setRecord` returns.
///
/// # Safety
/// As for [`set`].
unsafe extern "C" fn delete(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, || {
        let call = Call::read(env, info)?;
        BUFFERS.with_borrow_mut(|Buffers { id, .. }| {
            let id = call.id(1, id)?;
            call.change(Change::Delete, id, (2, 3), None)
        })
    })
}

/// `getRecord(handle, id)` gives a record's JSON, `null` if there is none, the empty string for no value.
///
/// # Safety
/// As for [`set`].
unsafe extern "C" fn get(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, || {
        let call = Call::read(env, info)?;
        BUFFERS.with_borrow_mut(|Buffers { id, text }| {
            let id = call.id(1, id)?;
            let text = text.cleared();
            let is_there = handles::with(call.number(0)?, |store| {
                store.get_into(id, text).map_err(|error| to_js(&error))
            })?;
            if is_there { call.string(text) } else { call.null() }
        })
    })
}

/// `hasRecord(handle, id)` tells whether there is a record.
///
/// # Safety
/// As for [`set`].
unsafe extern "C" fn has(env: napi_env, info: napi_callback_info) -> napi_value {
    answer(env, || {
        let call = Call::read(env, info)?;
        BUFFERS.with_borrow_mut(|Buffers { id, .. }| {
            let id = call.id(1, id)?;
            let is_there =
                handles::with(call.number(0)?, |store| store.has(id).map_err(|error| to_js(&error)))?;
            call.boolean(is_there)
        })
    })
}

/// Runs a call and throws what goes wrong in it, a panic included.
fn answer(env: napi_env, run: impl FnOnce() -> napi::Result<napi_value>) -> napi_value {
    match caught_js(run) {
        Ok(value) => value,
        Err(error) => {
            // SAFETY: `env` is the environment of the call that is under way.
            unsafe { JsError::from(error).throw_into(env) };
            ptr::null_mut()
        }
    }
}

/// A call that is under way.
struct Call {
    env: napi_env,
    arguments: [napi_value; ARGUMENTS],
    /// How many arguments were given; those missing are `undefined`.
    given: usize,
}

impl Call {
    fn read(env: napi_env, info: napi_callback_info) -> napi::Result<Self> {
        let mut given = ARGUMENTS;
        let mut arguments = [ptr::null_mut(); ARGUMENTS];
        // SAFETY: `env` and `info` are those of the call that is under way; `arguments` has room for as many
        // values as `given` says.
        checked(unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &mut given,
                arguments.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })?;
        Ok(Self { env, arguments, given })
    }

    fn argument(&self, at: usize) -> napi_value {
        self.arguments.get(at).copied().unwrap_or(ptr::null_mut())
    }

    fn id<'b>(&self, at: usize, buffer: &'b mut Buffer) -> napi::Result<&'b [u8]> {
        // SAFETY: the value is an argument of the call that is under way in `env`.
        unsafe { buffer.id(self.env, self.argument(at)) }
    }

    fn json<'b>(&self, at: usize, buffer: &'b mut Buffer) -> napi::Result<&'b [u8]> {
        // SAFETY: as for `id`.
        unsafe { buffer.utf8(self.env, self.argument(at)) }
    }

    fn number(&self, at: usize) -> napi::Result<f64> {
        let mut number = 0.0;
        // SAFETY: as for `id`; the result goes to a local variable.
        checked(unsafe { sys::napi_get_value_double(self.env, self.argument(at), &mut number) })?;
        Ok(number)
    }

    fn flag(&self, at: usize) -> napi::Result<bool> {
        let mut flag = false;
        // SAFETY: as for `number`.
        checked(unsafe { sys::napi_get_value_bool(self.env, self.argument(at), &mut flag) })?;
        Ok(flag)
    }

    /// Makes a change; the numbers say which arguments are the time and whether to look at the file.
    fn change(
        &self,
        change: Change<'_>,
        id: &[u8],
        (now, check): (usize, usize),
        prev: Option<&[u8]>,
    ) -> napi::Result<napi_value> {
        let (now, check) = (self.number(now)? as i64, self.flag(check)?);
        let code = handles::with(self.number(0)?, |store| coded(store.change(change, id, now, prev, check)))?;
        self.made(|value| {
            // SAFETY: the environment is that of the call; the result goes where `made` says.
            unsafe { sys::napi_create_double(self.env, code, value) }
        })
    }

    fn string(&self, text: &[u8]) -> napi::Result<napi_value> {
        self.made(|value| {
            // SAFETY: the pointer and the length are those of one slice; V8 copies it, and makes U+FFFD of what is
            // not UTF-8.
            unsafe {
                sys::napi_create_string_utf8(self.env, text.as_ptr().cast(), text.len() as isize, value)
            }
        })
    }

    fn boolean(&self, flag: bool) -> napi::Result<napi_value> {
        // SAFETY: the environment is that of the call; the result goes where `made` says.
        self.made(|value| unsafe { sys::napi_get_boolean(self.env, flag, value) })
    }

    fn null(&self) -> napi::Result<napi_value> {
        // SAFETY: as for `boolean`.
        self.made(|value| unsafe { sys::napi_get_null(self.env, value) })
    }

    fn made(&self, make: impl FnOnce(*mut napi_value) -> sys::napi_status) -> napi::Result<napi_value> {
        let mut value = ptr::null_mut();
        checked(make(&mut value))?;
        Ok(value)
    }
}
