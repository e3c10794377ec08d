//! A reader that follows the writer: after each look it must show what is in the log, and it must have been
//! told of each operation once, in order.

use std::path::Path;
use std::sync::Arc;

use opslog::store::{Options, Store};

use super::hook::HookDisk;
use super::live::{ROOT, Violation, scan};
use super::model::{Model, Records};
use super::world::Dead;

pub struct Reader {
    store: Arc<Store>,
    /// What it has been told, by serial number.
    told: Vec<u64>,
}

impl Reader {
    pub fn open(disk: &HookDisk, now: i64, model: &Model) -> Result<Self, Violation> {
        let disk = Arc::new(disk.sim().clone());
        let opened = Store::open(disk, Path::new(ROOT), options(now), &Dead)
            .map_err(|error| format!("a reader cannot open: {error}"))?;
        let told = model.trail.iter().map(|(serial, _)| *serial).collect();
        Ok(Self { store: opened.store, told })
    }

    pub fn follow(&mut self, model: &Model, crashed: impl Fn() -> bool) -> Result<(), Violation> {
        // A scripted failure may strike; the next look finds what this one did not.
        let mut operations = Vec::new();
        for attempt in 0.. {
            match self.store.follow() {
                Ok(followed) => {
                    operations.extend(followed.operations);
                    break;
                }
                Err(_) if crashed() => return Ok(()),
                Err(error) if attempt > 8 => return Err(format!("a reader cannot follow: {error}")),
                Err(_) => {}
            }
        }
        self.compare(model)?;
        self.hear(&operations, model)
    }

    fn compare(&self, model: &Model) -> Result<(), Violation> {
        let sorted = |mut records: Records| {
            records.sort();
            records
        };
        let shown = sorted(scan(&self.store)?);
        let expected = sorted(model.on_disk());
        if shown != expected {
            return Err(format!("a reader shows {shown:?}, not {expected:?}"));
        }
        match self.store.counts().records == shown.len() {
            true => Ok(()),
            false => Err("a reader counts wrong".into()),
        }
    }

    fn hear(&mut self, operations: &[u8], model: &Model) -> Result<(), Violation> {
        let common = self.told.iter().zip(&model.trail).take_while(|(told, (there, _))| *told == there).count();
        let new = model.trail.get(common..).unwrap_or_default();
        let text = format!("[{}]", String::from_utf8_lossy(operations));
        let heard: Vec<serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| format!("operations are no JSON: {error}: {text}"))?;
        let heard: Vec<&str> = heard.iter().filter_map(|operation| operation["id"].as_str()).collect();
        let expected: Vec<&str> = new.iter().map(|(_, id)| id.as_str()).collect();
        if heard != expected {
            return Err(format!("a reader was told of {heard:?}, not of {expected:?}"));
        }
        self.told = model.trail.iter().map(|(serial, _)| *serial).collect();
        Ok(())
    }
}

/// How a reader opens.
pub fn options(now: i64) -> Options {
    Options {
        read_only: true,
        skip_load: false,
        version: 1,
        checkpoint_threshold: f64::INFINITY,
        amortised: false,
        buffered: false,
        now_ms: now,
    }
}
