//! The least that a batch has to do for a record, in steps: get both strings across, put a line together, keep where it is in
//! two tables, write a thousand lines at once. No checks, no errors, no undo, no second thread: a floor, not a store.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::ptr;

use hashbrown::HashMap;
use napi_sys as sys;

#[derive(Default)]
struct Floor {
    id: Vec<u8>,
    text: Vec<u8>,
    lines: Vec<u8>,
    places: HashMap<Box<[u8]>, u64>,
    operations: Vec<(u64, u32)>,
    written: u64,
    file: Option<File>,
}

thread_local! {
    static FLOOR: RefCell<Floor> = RefCell::new(Floor::default());
}

/// # Safety
/// Node calls it.
unsafe fn read(env: sys::napi_env, value: sys::napi_value, into: &mut Vec<u8>) {
    into.clear();
    into.reserve(1 << 12);
    let mut len = 0;
    unsafe {
        sys::napi_get_value_string_utf8(env, value, into.as_mut_ptr().cast(), into.capacity(), &mut len);
        into.set_len(len);
    }
}

/// # Safety
/// Node calls it.
unsafe fn arguments<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> [sys::napi_value; N] {
    let (mut given, mut values) = (N, [ptr::null_mut(); N]);
    unsafe {
        sys::napi_get_cb_info(env, info, &mut given, values.as_mut_ptr(), ptr::null_mut(), ptr::null_mut());
    }
    values
}

/// `cross(id, text)`: both strings get across.
unsafe extern "C" fn cross(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    FLOOR.with_borrow_mut(|floor| unsafe {
        let [id, text] = arguments(env, info);
        read(env, id, &mut floor.id);
        read(env, text, &mut floor.text);
    });
    ptr::null_mut()
}

/// `add(id, text)`: a line is put together, and its place kept.
unsafe extern "C" fn add(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    FLOOR.with_borrow_mut(|floor| unsafe {
        let [id, text] = arguments(env, info);
        read(env, id, &mut floor.id);
        read(env, text, &mut floor.text);
        let at = floor.written + floor.lines.len() as u64;
        let start = floor.lines.len();
        floor.lines.extend_from_slice(b"{\"ts\":\"2026-01-01T00:00:00.000Z\",\"op\":\"set\",\"id\":\"");
        floor.lines.extend_from_slice(&floor.id);
        floor.lines.extend_from_slice(b"\",\"prev\":null,\"data\":");
        floor.lines.extend_from_slice(&floor.text);
        floor.lines.extend_from_slice(b",\"batch\":\"more\"}\n");
        floor.operations.push((at, (floor.lines.len() - start) as u32));
        floor.places.insert(floor.id.as_slice().into(), at);
    });
    ptr::null_mut()
}

/// `write()`: what was put together is written.
unsafe extern "C" fn write(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    FLOOR.with_borrow_mut(|floor| {
        if let Some(file) = &mut floor.file {
            let _ = file.write_all(&floor.lines);
        }
        floor.written += floor.lines.len() as u64;
        floor.lines.clear();
    });
    ptr::null_mut()
}

/// `open(path)`: begins anew with an empty file.
unsafe extern "C" fn open(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    FLOOR.with_borrow_mut(|floor| unsafe {
        let [path] = arguments(env, info);
        let mut bytes = Vec::new();
        read(env, path, &mut bytes);
        *floor =
            Floor { file: File::create(String::from_utf8_lossy(&bytes).as_ref()).ok(), ..Floor::default() };
    });
    ptr::null_mut()
}

/// # Safety
/// Node calls it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(
    env: sys::napi_env,
    exports: sys::napi_value,
) -> sys::napi_value {
    type Call = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;
    unsafe {
        sys::setup();
        for (name, call) in [(c"cross", cross as Call), (c"add", add), (c"write", write), (c"open", open)] {
            let mut function = ptr::null_mut();
            sys::napi_create_function(env, name.as_ptr(), -1, Some(call), ptr::null_mut(), &mut function);
            sys::napi_set_named_property(env, exports, name.as_ptr(), function);
        }
    }
    exports
}
