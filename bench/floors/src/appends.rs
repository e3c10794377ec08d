//! What an awaited call has to do: a line with the value before, as 0.8.1 reads it, one `write(2)`, and what a reader of memory
//! needs. An agent takes the folder's lock around it and looks at a counter.

use std::cell::RefCell;
use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::ptr;

use hashbrown::HashMap;
use napi_sys as sys;

use crate::calls::{Call, arguments, read, string, text};

pub const CALLS: &[(&CStr, Call)] = &[
    (c"openLog", open_log),
    (c"openLock", open_lock),
    (c"hold", hold),
    (c"append", append),
    (c"appendLocked", append_locked),
    (c"held", held),
];

#[derive(Default)]
struct Appends {
    id: Vec<u8>,
    text: Vec<u8>,
    line: Vec<u8>,
    values: HashMap<Box<[u8]>, Vec<u8>>,
    operations: Vec<(u64, u32)>,
    written: u64,
    log: Option<File>,
    lock: Option<File>,
}

thread_local! {
    static APPENDS: RefCell<Appends> = RefCell::new(Appends::default());
}

impl Appends {
    /// The line has the new value, and of the one before what is different between its first and its last changed byte.
    fn append(&mut self) {
        self.line.clear();
        self.line.extend_from_slice(b"{\"ts\":\"2026-01-01T00:00:00.000Z\",\"op\":\"set\",\"id\":\"");
        self.line.extend_from_slice(&self.id);
        self.line.extend_from_slice(b"\",\"data\":");
        self.line.extend_from_slice(&self.text);
        match self.values.get_mut(self.id.as_slice()) {
            Some(before) => {
                let same = |(one, other): &(&u8, &u8)| one == other;
                let start = before.iter().zip(&self.text).take_while(same).count();
                let rest = before[start..].iter().rev().zip(self.text[start..].iter().rev());
                let end = before.len() - rest.take_while(same).count();
                self.line.extend_from_slice(b",\"prev\":{\"$set\":{");
                self.line.extend_from_slice(&before[start..end]);
                self.line.extend_from_slice(b"}}}\n");
                before.clear();
                before.extend_from_slice(&self.text);
            }
            None => {
                self.line.extend_from_slice(b",\"prev\":null}\n");
                self.values.insert(self.id.as_slice().into(), self.text.clone());
            }
        }
        if let Some(log) = &mut self.log {
            let _ = log.write_all(&self.line);
        }
        self.operations.push((self.written, self.line.len() as u32));
        self.written += self.line.len() as u64;
    }
}

/// # Safety
/// Called within a call from JS.
unsafe fn with_both(env: sys::napi_env, info: sys::napi_callback_info, work: impl FnOnce(&mut Appends)) {
    APPENDS.with_borrow_mut(|appends| unsafe {
        let [id, text] = arguments(env, info);
        read(env, id, &mut appends.id);
        read(env, text, &mut appends.text);
        work(appends);
    });
}

/// `hold(id, text)`: a value that is there already.
unsafe extern "C" fn hold(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    unsafe {
        with_both(env, info, |appends| {
            appends.values.insert(appends.id.as_slice().into(), appends.text.clone());
        });
    }
    ptr::null_mut()
}

/// `append(id, text)`: the line is written, the value held.
unsafe extern "C" fn append(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    unsafe { with_both(env, info, Appends::append) };
    ptr::null_mut()
}

/// `appendLocked(id, text)`: the same under a shared lock, after a look at the counter in the lock's file.
unsafe extern "C" fn append_locked(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    unsafe {
        with_both(env, info, |appends| {
            let Some(lock) = appends.lock.as_ref().map(AsRawFd::as_raw_fd) else { return };
            libc::flock(lock, libc::LOCK_SH);
            let _ = appends.lock.as_ref().map(|file| file.read_at(&mut [0; 8], 0));
            appends.append();
            libc::flock(lock, libc::LOCK_UN);
        });
    }
    ptr::null_mut()
}

/// `held(id)`: the value's text.
unsafe extern "C" fn held(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    APPENDS.with_borrow_mut(|appends| unsafe {
        let [id] = arguments(env, info);
        read(env, id, &mut appends.id);
        string(env, appends.values.get(appends.id.as_slice()).map_or(&[], Vec::as_slice))
    })
}

/// `openLog(path)`: begins anew with an empty file.
unsafe extern "C" fn open_log(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    APPENDS.with_borrow_mut(|appends| unsafe {
        let [path] = arguments(env, info);
        *appends = Appends { log: File::create(text(env, path)).ok(), ..Appends::default() };
    });
    ptr::null_mut()
}

/// `openLock(path)`: the file that all agents lock.
unsafe extern "C" fn open_lock(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    APPENDS.with_borrow_mut(|appends| unsafe {
        let [path] = arguments(env, info);
        let mut options = OpenOptions::new();
        appends.lock = options.read(true).append(true).create(true).open(text(env, path)).ok();
        let _ = appends.lock.as_mut().map(|file| file.write_all(&[0; 8]));
    });
    ptr::null_mut()
}
