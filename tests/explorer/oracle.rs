//! What a death may leave, and whether that is what was found.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::error::Error;
use opslog::store::Store;

use super::live::{ROOT, Violation, scan};
use super::model::{Generation, Model, Records, Version, Write};
use super::plan::Random;
use super::reader;
use super::world::{Dead, World};

/// What a disk holds after a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Legal {
    /// `kill -9`: all acknowledged, the step in flight or not.
    Killed,
    /// Power loss that kept the order of writes: any state since the last that was durable.
    InOrder,
    /// Power loss that zeroed or reordered writes that were never synced.
    Damaged,
    /// Power loss that left anything at all in their place. A single byte of it can make an operation of one
    /// record one of another, and no line has a checksum.
    Garbled,
}

impl World {
    /// The legal state that was found: where in the list of versions, and in which form.
    pub fn find(&self, records: &Records, log: &[Write], legal: Legal) -> Option<(usize, Generation)> {
        let Model { versions, in_flight, refused, .. } = &self.model;
        let killed = legal == Legal::Killed;
        let from = if killed { versions.len() - 1 } else { 0 };
        let refused = refused.iter().filter(|_| !killed);
        let all = versions.iter().chain(in_flight).chain(refused).enumerate().skip(from);
        let mut forms = all.flat_map(|(at, version)| version.forms.iter().map(move |form| (at, form)));
        let same = |form: &Generation| form.log == log && form.records() == *records;
        forms.find(|(_, form)| same(form)).map(|(at, form)| (at, form.clone()))
    }

    /// Writes that were never synced may be lost one by one, also in the middle of a batch: a line that is no
    /// operation is skipped, as 0.8.1 does. But a snapshot is whole, what was durable and stayed in the log
    /// comes first and in order, and nothing is there that was never written.
    pub fn accept_damaged(
        &self,
        records: &Records,
        log: &[Write],
        legal: Legal,
    ) -> Result<Generation, Violation> {
        let Model { versions, in_flight, refused, .. } = &self.model;
        let versions = versions.iter().chain(in_flight).chain(refused);
        let forms: Vec<&Generation> = versions.flat_map(|version| &version.forms).collect();
        let mut found = forms.iter().map(|form| Generation { base: form.base.clone(), log: log.to_vec() });
        let legal = found.find(|found| {
            let kept = kept_of(&forms, &found.base);
            let mut others = log.iter().skip(kept.len());
            found.records() == *records
                && log.starts_with(kept)
                && others.all(|write| legal == Legal::Garbled || was_written(&forms, write))
        });
        legal.ok_or_else(|| self.describe(records, log))
    }

    /// What left the store for an archive must be there.
    pub fn check_archive(&self) -> Result<(), Violation> {
        let mut tree = self.disk.tree();
        let segment = tree.remove(&Path::new(ROOT).join("archive/archive-2026-Q1.json")).unwrap_or_default();
        let segment: serde_json::Value = serde_json::from_slice(&segment).unwrap_or_default();
        match self.model.in_archive.iter().find(|id| segment["records"].get(id.as_str()).is_none()) {
            Some(id) => Err(format!("{id:?} is not in the archive: {segment}")),
            None => Ok(()),
        }
    }

    /// What a reader sees before the next writer opens; it must not change anything.
    pub fn peek(&self) -> Result<Records, Violation> {
        let disk = self.disk.after_kill();
        let seen =
            match Store::open(Arc::new(disk.clone()), Path::new(ROOT), reader::options(self.now), &Dead) {
                Ok(opened) => scan(&opened.store)?,
                Err(Error::NoStore) => Records::new(),
                Err(error) => return Err(format!("a reader cannot open: {error}")),
            };
        if disk.changes() > 0 {
            return Err("a reader wrote".into());
        }
        Ok(seen)
    }

    pub fn describe(&self, records: &Records, log: &[Write]) -> Violation {
        let Model { versions, in_flight, .. } = &self.model;
        let list = |versions: &[Version]| -> String {
            let forms = versions.iter().flat_map(|version| &version.forms);
            forms.map(|form| format!("\n    {} ops: {:?}", form.log.len(), form.records())).collect()
        };
        let tree = self.disk.tree().into_iter().filter(|(_, content)| !content.is_empty());
        let files: String = tree
            .map(|(path, content)| format!("\n  {}:\n{}", path.display(), String::from_utf8_lossy(&content)))
            .collect();
        format!(
            "found {} ops: {records:?}\n  acknowledged:{}\n  in flight:{}{files}",
            log.len(),
            list(versions),
            list(in_flight)
        )
    }
}

/// What all logs behind one snapshot begin with. The first of them is durable, and no later one touched this.
fn kept_of<'a>(forms: &[&'a Generation], base: &Records) -> &'a [Write] {
    let mut logs = forms.iter().filter(|form| form.base == *base).map(|form| form.log.as_slice());
    let first = logs.next().unwrap_or_default();
    logs.fold(first, |kept, log| {
        let common = kept.iter().zip(log).take_while(|(a, b)| a == b).count();
        &kept[..common]
    })
}

fn was_written(forms: &[&Generation], write: &Write) -> bool {
    forms.iter().any(|form| form.log.contains(write))
}

/// What a power loss may have done, told from what it did.
pub fn power_loss(disk: &SimDisk, random: &mut Random) -> (SimDisk, Legal) {
    let before = disk.faults();
    let after = disk.after_crash(&mut |below| random.below(below));
    let now = after.faults();
    let damaged = now.reordered_write > before.reordered_write || now.zeroed_block > before.zeroed_block;
    // A cut that is lost while what came before or after it is torn mixes two lines to one.
    let mixed = damaged && now.lost_truncate > before.lost_truncate;
    let legal = if mixed || now.garbage_block > before.garbage_block {
        Legal::Garbled
    } else if damaged {
        Legal::Damaged
    } else {
        Legal::InOrder
    };
    (after, legal)
}
