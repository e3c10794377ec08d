//! What opening a folder has to do: the lock that 0.8.1 and this package look at, the manifest, the files that it names. The steps
//! that look for what a crash may have left are not among them.

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr;

use napi_sys as sys;

use crate::calls::{Call, arguments, read, string, text};
use crate::readings::parts_of;

pub const CALLS: &[(&CStr, Call)] =
    &[(c"lockFolder", lock_folder), (c"unlockFolder", unlock_folder), (c"recordAt", record_at)];

const PAGE: usize = 4096;

/// `lockFolder(folder)`: takes the lock, under a name that no other process can have taken half, and returns the manifest's text.
unsafe extern "C" fn lock_folder(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    unsafe {
        let [folder] = arguments(env, info);
        let folder = text(env, folder);
        let folder = Path::new(&folder);
        let mut options = OpenOptions::new();
        let unfinished = folder.join(".lock.floor.tmp");
        let Ok(mut lock) = options.write(true).create_new(true).open(&unfinished) else {
            return ptr::null_mut();
        };
        libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB);
        let _ = lock.write_all(std::process::id().to_string().as_bytes());
        let _ = fs::hard_link(&unfinished, folder.join(".lock"));
        let _ = fs::remove_file(&unfinished);
        std::mem::forget(lock);
        string(env, &fs::read(folder.join("manifest.json")).unwrap_or_default())
    }
}

/// `unlockFolder(folder)`
unsafe extern "C" fn unlock_folder(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    unsafe {
        let [folder] = arguments(env, info);
        let _ = fs::remove_file(Path::new(&text(env, folder)).join(".lock"));
    }
    ptr::null_mut()
}

/// `recordAt(snapshot, index, log, id)`: opens the three files, reads the first page of the index and one more of it, the snapshot's
/// first and last page and the page in its middle, and returns the text of the record of that page which has the id, or its first.
unsafe extern "C" fn record_at(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    unsafe {
        let [snapshot, index, log, id] = arguments(env, info);
        let mut wanted = Vec::new();
        read(env, id, &mut wanted);
        let mut page = [0; PAGE];
        let opened = |path| File::open(text(env, path)).ok();
        let (Some(snapshot), Some(index), Some(log)) = (opened(snapshot), opened(index), opened(log)) else {
            return ptr::null_mut();
        };
        let length = snapshot.metadata().map_or(0, |found| found.len());
        for at in [0, index.metadata().map_or(0, |found| found.len()) / 2] {
            let _ = index.read_at(&mut page, at);
        }
        let _ = log.metadata();
        for at in [0, length.saturating_sub(PAGE as u64), length / 2] {
            let _ = snapshot.read_at(&mut page, at);
        }
        std::mem::forget((snapshot, index, log));
        let mut lines =
            page.split(|&byte| byte == b'\n').skip(1).filter_map(|line| Some((line, parts_of(line)?)));
        let first = lines.next();
        let found = lines.find(|(_, (id, _))| *id == wanted.as_slice()).or(first);
        found.map_or(ptr::null_mut(), |(line, (_, data))| string(env, &line[data]))
    }
}
