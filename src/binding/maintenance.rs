//! Checking and mending a folder, and how far long work has come.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use serde_json::{Value, json};

use super::INDEX_FROM_BYTES;
use super::catch::plain;
use super::lock::locking;
use super::tasks::Work;
use super::text;
use crate::disk::{Disk, OsDisk};
use crate::lock::{OsProbe, ProcessProbe};
use crate::permissions::StoreDisk;
use crate::progress::{Phase, Progress};
use crate::query::Definition;
use crate::recover::{Loss, recover};
use crate::repair::{Failure, repair_with};
use crate::store::{Duplicate, Durability, Options, Store};
use crate::verify::{Damage, Report, verify};

/// How far a piece of work has come.
#[napi(custom_finalize)]
#[derive(Default)]
pub struct NativeProgress {
    pub(super) progress: Arc<Progress>,
}

#[napi]
impl NativeProgress {
    /// Nothing was done yet.
    #[napi(constructor)]
    pub fn new() -> napi::Result<Self> {
        plain(|| Self { progress: Arc::default() })
    }

    /// The phase's name.
    #[napi(getter)]
    pub fn phase(&self) -> napi::Result<&'static str> {
        plain(|| self.progress.read().0.name().0)
    }

    /// What is counted.
    #[napi(getter)]
    pub fn unit(&self) -> napi::Result<&'static str> {
        plain(|| self.progress.read().0.name().1)
    }

    /// Forgets what was done.
    #[napi]
    pub fn reset(&self) -> napi::Result<()> {
        plain(|| self.progress.begin(Phase::Idle, 0))
    }

    /// Asks the work to stop where it can.
    #[napi]
    pub fn abandon(&self) -> napi::Result<()> {
        plain(|| self.progress.abandon())
    }

    /// How much is done of how much.
    #[napi]
    pub fn counts(&self) -> napi::Result<Vec<f64>> {
        plain(|| {
            let (_, done, total) = self.progress.read();
            vec![done as f64, total as f64]
        })
    }
}

/// Checks a folder. Returns JSON.
#[napi]
pub fn folder_verify(
    root: String,
    progress: &NativeProgress,
    indexes: Option<JsString<'_>>,
) -> napi::Result<AsyncTask<Work>> {
    let progress = Arc::clone(&progress.progress);
    let indexes = indexes.map(text::json).transpose()?;
    let run = move || {
        let root = PathBuf::from(root);
        let report = verify(&OsDisk, &root, &progress)?;
        let duplicates = indexes.map(|declared| duplicates(&root, &declared)).transpose()?;
        Ok((report, duplicates))
    };
    Ok(AsyncTask::new(Work::new(run, |(report, duplicates): (Report, Option<Vec<Duplicate>>)| {
        let mut verified = verified(&report);
        if let Some(duplicates) = duplicates {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let list: Vec<Value> = duplicates
                .iter()
                .map(|found| {
                    let (first, second) = &found.ids;
                    json!({ "index": found.index, "ids": [shown(first), shown(second)], "valueText": shown(&found.value) })
                })
                .collect();
            if let Value::Object(fields) = &mut verified {
                fields.insert("ok".into(), json!(report.found == 0 && list.is_empty()));
                fields.insert("duplicates".into(), Value::Array(list));
            }
        }
        verified.to_string()
    })))
}

/// Records with the same value where that must be unique, in a folder that need not be sound otherwise.
fn duplicates(root: &Path, declared: &[u8]) -> crate::error::Result<Vec<Duplicate>> {
    let definitions = Definition::parse_all(declared)?;
    let options = Options {
        read_only: true,
        skip_load: false,
        version: 1,
        version_given: false,
        checkpoint_threshold: f64::INFINITY,
        strict: false,
        amortised: false,
        index_from_bytes: INDEX_FROM_BYTES,
        buffered: false,
        durability: Durability::Process,
        agent: None,
        now_ms: 0,
        progress: Arc::default(),
    };
    let opened = Store::open_with(Arc::new(OsDisk), root, options, locking(None), &OsProbe)?;
    let found = opened.store.duplicates(&definitions);
    opened.store.close()?;
    found
}

/// Mends a folder. Returns JSON.
#[napi]
pub fn folder_repair(
    root: String,
    now: f64,
    progress: &NativeProgress,
    by_pid: Option<bool>,
) -> AsyncTask<Work> {
    let locking = locking(by_pid);
    let progress = Arc::clone(&progress.progress);
    AsyncTask::new(Work::new(
        move || {
            let disk: Arc<dyn Disk> = Arc::new(StoreDisk);
            let asked = (locking, &OsProbe as &dyn ProcessProbe);
            repair_with(&disk, &PathBuf::from(root), asked, (INDEX_FROM_BYTES, now as i64), &progress)
        },
        |repaired| {
            let steps: Vec<Value> = repaired
                .steps
                .iter()
                .map(|step| json!({ "damage": damaged(&step.damage), "aside": step.aside.to_string_lossy() }))
                .collect();
            let failures: Vec<Value> = repaired.failures.iter().map(failed).collect();
            let (before, after) = (verified(&repaired.before), repaired.after.as_ref().map(verified));
            json!({ "before": before, "steps": steps, "failures": failures, "after": after }).to_string()
        },
    ))
}

/// Puts a store together in another folder from what is sound in this one. Returns JSON.
#[napi]
pub fn folder_recover(root: String, to: String, now: f64, progress: &NativeProgress) -> AsyncTask<Work> {
    let progress = Arc::clone(&progress.progress);
    AsyncTask::new(Work::new(
        move || {
            let disk: Arc<dyn Disk> = Arc::new(StoreDisk);
            recover(&disk, &PathBuf::from(root), &PathBuf::from(to), now as i64, &progress)
        },
        |recovered| {
            let loss = |loss: &Loss| {
                json!({
                    "path": loss.path.to_string_lossy(),
                    "offset": loss.offset,
                    "what": loss.what,
                    "id": loss.id.as_ref().map(|id| String::from_utf8_lossy(id)),
                })
            };
            json!({
                "records": recovered.records,
                "fromHistory": recovered.from_history,
                "operations": recovered.operations,
                "archivedRecords": recovered.archived,
                "missingRecords": recovered.missing,
                "used": recovered.used,
                "lost": recovered.losses.iter().map(loss).collect::<Vec<_>>(),
                "lostCount": recovered.lost,
            })
            .to_string()
        },
    ))
}

fn failed(failure: &Failure) -> Value {
    json!({
        "damage": failure.damage.as_ref().map(damaged),
        "aside": failure.aside.as_ref().map(|path| path.to_string_lossy()),
        "code": failure.error.code(),
        "message": failure.error.to_string(),
    })
}

fn verified(report: &Report) -> Value {
    json!({
        "ok": report.found == 0,
        "files": report.files,
        "bytes": report.bytes,
        "records": report.records,
        "operations": report.operations,
        "archivedRecords": report.archived,
        "indexEntries": report.entries,
        "foreign": report.foreign.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        "damage": report.damage.iter().map(damaged).collect::<Vec<_>>(),
        "damageCount": report.found,
    })
}

fn damaged(damage: &Damage) -> Value {
    json!({
        "path": damage.path.to_string_lossy(),
        "offset": damage.offset,
        "what": damage.what,
        "current": damage.current,
        "remedy": damage.remedy.name(),
    })
}
