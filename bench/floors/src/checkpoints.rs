//! What a checkpoint of a store with an index has to do: the bytes of the records in a new file, an entry for each in an index, and
//! both on the disk under their names.

use std::ffi::CStr;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use hashbrown::DefaultHashBuilder;
use memchr::memchr;
use napi_sys as sys;

use crate::calls::{Call, arguments, count, number, text};
use crate::readings::parts_of;

pub const CALLS: &[(&CStr, Call)] = &[(c"copyRecords", copy_records)];

const PIECE: usize = 1 << 20;

/// `copyRecords(from, to, steps)`: 0 copies the bytes, 1 also syncs file and folder, 2 also writes an entry of 16 bytes for each line
/// to `to` with `.idx` behind it, in the order of hashes, and syncs that.
unsafe extern "C" fn copy_records(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    unsafe {
        let [from, to, steps] = arguments(env, info);
        let steps = number(env, steps) as u32;
        let to = text(env, to);
        count(env, copy(&text(env, from), &to, steps).unwrap_or(0))
    }
}

fn copy(from: &str, to: &str, steps: u32) -> std::io::Result<usize> {
    let (mut source, mut target) = (File::open(from)?, File::create(to)?);
    let hashes = DefaultHashBuilder::default();
    let mut entries = Vec::new();
    let (mut bytes, mut kept, mut done) = (vec![0; 2 * PIECE], 0, 0);
    loop {
        let given = source.read(&mut bytes[kept..kept + PIECE])?;
        if given == 0 {
            break;
        }
        target.write_all(&bytes[kept..kept + given])?;
        let end = kept + given;
        let mut at = 0;
        while steps >= 2
            && let Some(length) = memchr(b'\n', &bytes[at..end])
        {
            if let Some((id, _)) = parts_of(&bytes[at..at + length]) {
                let mut hasher = hashes.build_hasher();
                hasher.write(id);
                entries.push((hasher.finish(), (done + at) as u64));
            }
            at += length + 1;
        }
        if steps >= 2 {
            bytes.copy_within(at..end, 0);
            (kept, done) = (end - at, done + at);
        }
    }
    if steps >= 1 {
        target.sync_data()?;
        sync_folder(to)?;
    }
    if steps >= 2 {
        entries.sort_unstable();
        let path = format!("{to}.idx");
        let mut index = BufWriter::with_capacity(PIECE, File::create(&path)?);
        for (hash, at) in &entries {
            index.write_all(&hash.to_le_bytes())?;
            index.write_all(&at.to_le_bytes())?;
        }
        index.into_inner()?.sync_data()?;
    }
    Ok(fs::metadata(to)?.len() as usize)
}

fn sync_folder(path: &str) -> std::io::Result<()> {
    Path::new(path).parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
