//! What a batch has to do for a record, in steps: get both strings across, put a line together, keep where it is in two tables,
//! write a thousand lines at once.

use std::cell::RefCell;
use std::ffi::CStr;
use std::fs::File;
use std::io::Write;
use std::ptr;

use hashbrown::HashMap;
use napi_sys as sys;

use crate::calls::{Call, arguments, read, text};

pub const CALLS: &[(&CStr, Call)] =
    &[(c"cross", cross), (c"add", add), (c"write", write), (c"open", open), (c"sync", sync)];

#[derive(Default)]
struct Batches {
    id: Vec<u8>,
    text: Vec<u8>,
    lines: Vec<u8>,
    places: HashMap<Box<[u8]>, u64>,
    operations: Vec<(u64, u32)>,
    written: u64,
    file: Option<File>,
}

thread_local! {
    static BATCHES: RefCell<Batches> = RefCell::new(Batches::default());
}

/// `cross(id, text)`: both strings get across.
unsafe extern "C" fn cross(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    BATCHES.with_borrow_mut(|batches| unsafe {
        let [id, text] = arguments(env, info);
        read(env, id, &mut batches.id);
        read(env, text, &mut batches.text);
    });
    ptr::null_mut()
}

/// `add(id, text)`: a line is put together, and its place kept.
unsafe extern "C" fn add(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    BATCHES.with_borrow_mut(|batches| unsafe {
        let [id, text] = arguments(env, info);
        read(env, id, &mut batches.id);
        read(env, text, &mut batches.text);
        let at = batches.written + batches.lines.len() as u64;
        let start = batches.lines.len();
        batches.lines.extend_from_slice(b"{\"ts\":\"2026-01-01T00:00:00.000Z\",\"op\":\"set\",\"id\":\"");
        batches.lines.extend_from_slice(&batches.id);
        batches.lines.extend_from_slice(b"\",\"prev\":null,\"data\":");
        batches.lines.extend_from_slice(&batches.text);
        batches.lines.extend_from_slice(b",\"batch\":\"more\"}\n");
        batches.operations.push((at, (batches.lines.len() - start) as u32));
        batches.places.insert(batches.id.as_slice().into(), at);
    });
    ptr::null_mut()
}

/// `write()`: what was put together is written.
unsafe extern "C" fn write(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    BATCHES.with_borrow_mut(|batches| {
        if let Some(file) = &mut batches.file {
            let _ = file.write_all(&batches.lines);
        }
        batches.written += batches.lines.len() as u64;
        batches.lines.clear();
    });
    ptr::null_mut()
}

/// `sync()`: what was written is on the disk.
unsafe extern "C" fn sync(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    BATCHES.with_borrow(|batches| {
        let _ = batches.file.as_ref().map(File::sync_data);
    });
    ptr::null_mut()
}

/// `open(path)`: begins anew with an empty file.
unsafe extern "C" fn open(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    BATCHES.with_borrow_mut(|batches| unsafe {
        let [path] = arguments(env, info);
        *batches = Batches { file: File::create(text(env, path)).ok(), ..Batches::default() };
    });
    ptr::null_mut()
}
