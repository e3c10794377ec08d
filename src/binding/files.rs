//! The files of a store one by one, for `FsBackend` and `streamSnapshotFile()`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::catch::plain;
use super::tasks::Work;
use super::wal::NativeWalCursor;
use super::{CHUNK, text};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::file_system::FileSystem;
use crate::files::snapshot::{SnapshotDraft, SnapshotReader};
use crate::files::{self, segment};
use crate::lock::Locking;
use crate::permissions::StoreDisk;
use crate::store::forget_deleted;
use crate::wal::{WalCursor, unheld};

/// Behind a backend no write is promised to survive a power failure: what a file system cannot sync is left out.
static DISK: LazyLock<FileSystem> =
    LazyLock::new(|| FileSystem::new(Arc::new(StoreDisk), Path::new("/"), Locking::Kernel, true));

fn disk() -> &'static dyn Disk {
    &*DISK
}

fn texts(lists: Vec<JsString<'_>>) -> napi::Result<Vec<Vec<u8>>> {
    lists.into_iter().map(text::json).collect()
}

/// Creates the folders of a store.
#[napi]
pub fn folders_create(root: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(move || files::create_folders(disk(), &PathBuf::from(root)), |()| ()))
}

/// Replaces the manifest.
#[napi]
pub fn manifest_write(root: String, manifest: JsString<'_>) -> napi::Result<AsyncTask<Work>> {
    let manifest = text::json(manifest)?;
    Ok(AsyncTask::new(Work::new(
        move || files::write_manifest(disk(), &PathBuf::from(root), &manifest),
        |()| (),
    )))
}

/// Creates an empty log, an agent's if one is given. Resolves to its relative path.
#[napi]
pub fn log_create(root: String, agent: Option<String>, now: f64) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(
        move || files::create_log(disk(), &PathBuf::from(root), agent.as_deref(), now as i64),
        |relative| relative,
    ))
}

/// Appends lists of operations to a log.
#[napi]
pub fn log_append(path: String, lists: Vec<JsString<'_>>) -> napi::Result<AsyncTask<Work>> {
    let lists = texts(lists)?;
    Ok(AsyncTask::new(Work::new(
        move || unheld::append(disk(), &PathBuf::from(path), &files::lines_of(lists)?),
        |()| (),
    )))
}

/// A program has deleted a log, or a folder of logs, by its relative path.
#[napi]
pub fn log_deleted(root: String, relative: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(
        move || {
            forget_deleted(disk(), &PathBuf::from(root), &relative);
            Ok(())
        },
        |()| (),
    ))
}

/// Takes the last operation out of a log. Resolves to whether there was one.
#[napi]
pub fn log_cut_last(path: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(move || unheld::cut_last(disk(), &PathBuf::from(path)), |cut| cut))
}

/// Begins to read a log, whose operations keep their marks.
#[napi]
pub fn log_read(path: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(
        move || Ok(WalCursor::open(disk(), &PathBuf::from(path))?.with_marks()),
        NativeWalCursor::new,
    ))
}

/// The relative paths of a folder's logs.
#[napi]
pub fn log_list(root: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(move || files::logs(disk(), &PathBuf::from(root)), |paths| paths))
}

/// Merges lists of records into an archive segment. Resolves to its relative path.
#[napi]
pub fn segment_merge(
    root: String,
    period: String,
    now: f64,
    lists: Vec<JsString<'_>>,
) -> napi::Result<AsyncTask<Work>> {
    let lists = texts(lists)?;
    Ok(AsyncTask::new(Work::new(
        move || segment::merge_lists(disk(), &PathBuf::from(root), &period, now as i64, lists),
        |relative| relative,
    )))
}

/// Reads an archive segment. Resolves to lists of ids and values in turn.
#[napi]
pub fn segment_load(path: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(
        move || {
            let pieces = segment::load(disk(), &PathBuf::from(path), CHUNK)?;
            Ok(pieces.into_iter().map(text::list).collect())
        },
        |pieces: Vec<String>| pieces,
    ))
}

/// The relative paths of a folder's archive segments.
#[napi]
pub fn segment_list(root: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(move || files::segments(disk(), &PathBuf::from(root)), |paths| paths))
}

/// A snapshot that is being written.
#[napi(custom_finalize)]
pub struct NativeSnapshotDraft {
    draft: Arc<Mutex<Option<SnapshotDraft<'static>>>>,
}

#[napi]
impl NativeSnapshotDraft {
    /// Adds a list of records.
    #[napi]
    pub fn add(&self, list: JsString<'_>) -> napi::Result<AsyncTask<Work>> {
        let (draft, list) = (Arc::clone(&self.draft), text::json(list)?);
        Ok(AsyncTask::new(Work::new(
            move || draft.lock().as_mut().map_or_else(over, |draft| draft.add(&list)),
            |()| (),
        )))
    }

    /// Gives the snapshot its name, and resolves to its relative path; or removes it, and resolves to `null`.
    #[napi]
    pub fn end(&self, publish: bool) -> AsyncTask<Work> {
        let draft = Arc::clone(&self.draft);
        AsyncTask::new(Work::new(
            move || {
                let draft = draft.lock().take();
                draft.filter(|_| publish).map(SnapshotDraft::publish).transpose()
            },
            |relative| relative,
        ))
    }
}

fn over<T>() -> Result<T> {
    Err(Error::InvalidArgument("the snapshot has ended".into()))
}

/// Begins to write a snapshot.
#[napi]
pub fn snapshot_begin(root: String, version: u32, now: f64) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(
        move || SnapshotDraft::begin(disk(), &PathBuf::from(root), version, now as i64),
        |draft| NativeSnapshotDraft { draft: Arc::new(Mutex::new(Some(draft))) },
    ))
}

/// A snapshot that is being read.
#[napi(custom_finalize)]
pub struct NativeSnapshotReader {
    reader: Arc<Mutex<Option<SnapshotReader>>>,
}

#[napi]
impl NativeSnapshotReader {
    /// The text of the document that is all there is; `null` for a snapshot of lines.
    #[napi]
    pub fn document(&self) -> napi::Result<Option<String>> {
        plain(|| self.head(true))
    }

    /// The text of the header; `null` for a document.
    #[napi]
    pub fn header(&self) -> napi::Result<Option<String>> {
        plain(|| self.head(false))
    }

    fn head(&self, of_document: bool) -> Option<String> {
        let reader = self.reader.lock();
        let reader = reader.as_ref().filter(|reader| reader.is_document() == of_document)?;
        Some(text::to_js(reader.head().to_vec()))
    }

    /// The next records, as a JSON list of `{"id", "data"}`; an empty one at the end.
    #[napi]
    pub fn next(&self) -> AsyncTask<Work> {
        let reader = Arc::clone(&self.reader);
        AsyncTask::new(Work::new(
            move || {
                let piece = reader.lock().as_mut().map(SnapshotReader::next_piece).transpose()?;
                Ok(text::list(piece.unwrap_or_default()))
            },
            |list| list,
        ))
    }

    /// Lets the file go.
    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        plain(|| drop(self.reader.lock().take()))
    }
}

/// Begins to read a snapshot.
#[napi]
pub fn snapshot_read(path: String) -> AsyncTask<Work> {
    AsyncTask::new(Work::new(
        move || SnapshotReader::open(disk(), &PathBuf::from(path)),
        |reader| NativeSnapshotReader { reader: Arc::new(Mutex::new(Some(reader))) },
    ))
}
