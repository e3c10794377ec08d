//! A reader that follows the writer: after each look it must show what is in the log, and it must have been
//! told of each operation once, in order.

use std::path::Path;
use std::sync::Arc;

use opslog::store::{Durability, Look, Options, Store};

use super::hook::HookDisk;
use super::live::{ROOT, Violation, scan};
use super::model::Model;
use super::world::Dead;

pub struct Reader {
    store: Arc<Store>,
    /// What it has been told, by serial number.
    told: Vec<u64>,
}

impl Reader {
    pub fn open(disk: &HookDisk, now: i64, model: &Model) -> Result<Self, Violation> {
        // A scripted failure may strike.
        let mut attempts = 0;
        let store = loop {
            attempts += 1;
            let disk = Arc::new(disk.sim().clone());
            match Store::open(disk, Path::new(ROOT), options(now), &Dead) {
                Ok(opened) => break opened.store,
                Err(error) if attempts > 8 => return Err(format!("a reader cannot open: {error}")),
                Err(_) => {}
            }
        };
        let told = model.trail.iter().map(|(serial, _)| *serial).collect();
        Ok(Self { store, told })
    }

    pub fn follow(&mut self, model: &Model, crashed: impl Fn() -> bool) -> Result<(), Violation> {
        // A scripted failure may strike; the next look finds what this one did not.
        let mut failed = 0;
        let (followed, lists) = loop {
            let looked = self.store.follow_at_once().and_then(|look| match look {
                Look::Done(followed) => Ok(followed),
                Look::Later(so_far) => self.store.follow_on(so_far),
            });
            let told = |followed| Ok((followed, self.store.tell(self.store.take_tail(), 1000)?));
            match looked.and_then(told) {
                Ok(looked) => break looked,
                Err(_) if crashed() => return Ok(()),
                Err(error) if failed > 8 => return Err(format!("a reader cannot follow: {error}")),
                Err(_) => failed += 1,
            }
        };
        self.compare(model)?;
        // What a look had read when it failed shows as state only.
        if failed == 0 {
            self.hear(&lists.join(&b','), followed.reloaded, model)?;
        }
        self.told = model.trail.iter().map(|(serial, _)| *serial).collect();
        Ok(())
    }

    fn compare(&self, model: &Model) -> Result<(), Violation> {
        let shown = scan(&self.store)?;
        let expected = model.on_disk();
        if shown != expected {
            return Err(format!("a reader shows {shown:?}, not {expected:?}"));
        }
        match self.store.counts().records == shown.len() {
            true => Ok(()),
            false => Err("a reader counts wrong".into()),
        }
    }

    fn hear(&self, operations: &[u8], reloaded: bool, model: &Model) -> Result<(), Violation> {
        let common =
            self.told.iter().zip(&model.trail).take_while(|(told, (there, _))| *told == there).count();
        let new = model.trail.get(common..).unwrap_or_default();
        let text = format!("[{}]", String::from_utf8_lossy(operations));
        let heard: Vec<serde_json::Value> = serde_json::from_str(&text)
            .map_err(|error| format!("operations are no JSON: {error}: {text}"))?;
        let heard: Vec<&str> = heard.iter().filter_map(|operation| operation["id"].as_str()).collect();
        let expected: Vec<&str> = new.iter().map(|(_, id)| id.as_str()).collect();
        // A reader that lost the chain of logs has loaded everything anew, and may not know of some.
        let mut rest = expected.iter();
        let in_order = heard.iter().all(|id| rest.any(|there| there == id));
        if heard != expected && !(reloaded && in_order) {
            return Err(format!("a reader was told of {heard:?}, not of {expected:?}"));
        }
        Ok(())
    }
}

/// How a reader opens.
pub fn options(now: i64) -> Options {
    Options {
        read_only: true,
        skip_load: false,
        version: 1,
        version_given: false,
        checkpoint_threshold: f64::INFINITY,
        strict: false,
        amortised: false,
        index_from_bytes: 0,
        buffered: false,
        durability: Durability::Process,
        agent: None,
        now_ms: now,
        progress: Arc::default(),
    }
}
