//! What reading logs has to do: their lines, the id and the place of each, and, among agents, the order by clock.

use std::cell::RefCell;
use std::ffi::CStr;
use std::fs;

use hashbrown::HashMap;
use memchr::{memchr, memchr_iter, memmem};
use napi_sys as sys;
use serde::de::IgnoredAny;

use crate::calls::{Call, arguments, count, number, text};
use crate::readings::parts_of;

pub const CALLS: &[(&CStr, Call)] = &[(c"readLog", read_log), (c"mergeLogs", merge_logs)];

type Place = (u32, u64, u32);

thread_local! {
    static PLACES: RefCell<HashMap<Box<[u8]>, Place>> = RefCell::new(HashMap::new());
    static HELD: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The lines of a log and where each begins.
fn lines_of(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    memchr_iter(b'\n', bytes).map(move |end| {
        let line = (start, &bytes[start..end]);
        start = end + 1;
        line
    })
}

/// `readLog(path, steps)`: 0 reads it, 1 splits it, 2 keeps the place of each id, 3 also checks that each line is JSON.
unsafe extern "C" fn read_log(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    PLACES.with_borrow_mut(|places| unsafe {
        let [path, steps] = arguments(env, info);
        let steps = number(env, steps) as u32;
        let bytes = fs::read(text(env, path)).unwrap_or_default();
        if steps == 0 {
            return count(env, bytes.len());
        }
        let mut sound = 0;
        for (at, line) in lines_of(&bytes) {
            if steps >= 3 && serde_json::from_slice::<IgnoredAny>(line).is_err() {
                continue;
            }
            sound += 1;
            if steps >= 2
                && let Some((id, data)) = parts_of(line)
            {
                places.insert(id.into(), (0, (at + data.start) as u64, data.len() as u32));
            }
        }
        count(env, sound)
    })
}

fn clock_of(line: &[u8]) -> Option<u64> {
    let at = memmem::rfind(line, b"\"clock\":")? + 8;
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// `mergeLogs(steps, paths of four logs)`: 1 reads and splits them, 2 puts their lines in the order of the clock, 3 keeps the last
/// place of each id, 4 also holds the lines of all logs but the first, whose agents may take them out of the files.
unsafe extern "C" fn merge_logs(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    PLACES.with_borrow_mut(|places| unsafe {
        let [steps, paths @ ..] = arguments::<5>(env, info);
        let steps = number(env, steps) as u32;
        let logs = paths.map(|path| fs::read(text(env, path)).unwrap_or_default());
        let mut order = Vec::new();
        let mut lines = 0;
        for (log, bytes) in logs.iter().enumerate() {
            for (at, line) in lines_of(bytes) {
                lines += 1;
                if steps >= 2 {
                    order.push((clock_of(line).unwrap_or(0), log as u32, at as u64));
                }
            }
        }
        order.sort_unstable();
        if steps >= 3 {
            for (_, log, at) in order {
                let bytes = &logs[log as usize][at as usize..];
                let line = &bytes[..memchr(b'\n', bytes).unwrap_or(bytes.len())];
                if let Some((id, data)) = parts_of(line) {
                    places.insert(id.into(), (log, at + data.start as u64, data.len() as u32));
                }
            }
        }
        if steps >= 4 {
            HELD.with_borrow_mut(|held| held.extend(logs.into_iter().skip(1)));
        }
        count(env, lines)
    })
}
