//! Copying a store, a piece at a time: none keeps a thread of Node's pool for long.

use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::store::NativeStore;
use super::tasks::Work;
use crate::error::Error;
use crate::store::{Backup, Copied};

/// How many bytes are copied by one call.
const STEP: u64 = 1 << 24;

/// A copy under way.
#[napi(custom_finalize)]
pub struct NativeBackup {
    backup: Arc<Mutex<Option<Backup>>>,
}

#[napi]
impl NativeBackup {
    /// Copies on. Returns the bytes that were copied, those that there are, the files that are complete, and 1 once
    /// the copy is.
    #[napi]
    pub fn step(&self) -> AsyncTask<Work> {
        let backup = Arc::clone(&self.backup);
        AsyncTask::new(Work::new(
            move || match &mut *backup.lock() {
                Some(backup) => backup.step(STEP),
                None => Err(Error::Failed("the backup was given up".into())),
            },
            |Copied { copied, total, files, is_complete }| {
                vec![copied as f64, total as f64, files as f64, f64::from(u8::from(is_complete))]
            },
        ))
    }

    /// Ends it: a copy that is not complete is taken away.
    #[napi]
    pub fn end(&self) -> AsyncTask<Work> {
        let backup = Arc::clone(&self.backup);
        AsyncTask::new(Work::new(
            move || {
                backup.lock().take();
                Ok(())
            },
            |()| (),
        ))
    }
}

#[napi]
impl NativeStore {
    /// Begins to copy the store into a folder, with the logs that checkpoints have sealed or without.
    #[napi]
    pub fn backup(&self, folder: String, with_trail: bool) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(
            move || store.begin_backup(&PathBuf::from(folder), with_trail),
            |backup| NativeBackup { backup: Arc::new(Mutex::new(Some(backup))) },
        ))
    }
}
