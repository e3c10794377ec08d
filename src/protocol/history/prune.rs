//! Deleting history: the manifest first says where it begins, then the logs before go, and at last the manifest lists them no more. A crash in
//! between leaves logs that it still lists: the next call deletes them.

use std::rc::Rc;

use super::past::time_of;
use super::retired::Page;
use crate::error::Code;
use crate::format::document::{Manifest, Name, Retired};
use crate::format::timestamp::iso_into;
use crate::protocol::carrier::{Carrier, Error};
use crate::protocol::session::{Session, missing};
use crate::retention::{Limits, Sealed, first_kept};
use crate::transition::backend::{forgotten, history_begins};

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Logs, snapshots and notes.
    pub files: u64,
    /// Their bytes, as far as the carrier says.
    pub bytes: u64,
}

impl Deleted {
    fn add(&mut self, bytes: Option<u64>) {
        self.files += u64::from(bytes.is_some());
        self.bytes += bytes.unwrap_or_default();
    }
}

impl<C: Carrier> Session<C> {
    /// Deletes the history that is beyond the limits. Where no other store reads it, what the own feeds need stays, from the era
    /// `needed` on.
    ///
    /// # Errors
    /// `OPSLOG_UNSUPPORTED` if the carrier deletes no logs; those of the steps and rules. What is left is an unbroken end of the history.
    pub async fn prune(
        &self,
        limits: &Limits,
        dry_run: bool,
        needed: impl Fn() -> Option<u64>,
    ) -> Result<Deleted, Error> {
        if !self.carrier.facts().deletes_logs {
            let message =
                "This backend deletes no logs: prune() and the option retain need its method deleteOpsFile()";
            return Err(Error::rule(Code::Unsupported, message));
        }
        if !self.options.read_only {
            self.settle_doubt().await?;
            self.check_replaced()?;
        }
        let manifest = self.manifest_now().await?;
        let mut going = self.beyond(&manifest, limits).await?;
        if self.carrier.facts().is_private
            && let Some(needed) = needed()
        {
            going.retain(|retired| retired.snapshot <= needed);
        }
        if dry_run {
            let files = going.iter().map(|retired| retired.logs.len() as u64).sum();
            return Ok(Deleted { files, bytes: going.iter().map(|retired| retired.bytes).sum() });
        }
        if let Some(last) =
            going.iter().find(|retired| going.iter().all(|other| other.snapshot <= retired.snapshot))
        {
            let newest = last.logs.last().cloned().unwrap_or_else(|| manifest.active_ops());
            let until = going.iter().filter_map(|retired| retired.until.clone()).max();
            let until = until.unwrap_or_else(|| (*b"0").into());
            // NOTE: what it took out is known no more: before it no state can be told, though no operation came behind.
            let archive =
                going.iter().filter_map(|retired| retired.archived.as_ref()).map(|note| time_of(note));
            let archive = archive.max().filter(|time| !time.is_empty()).map(Name::from);
            self.change_manifest(|manifest| {
                let is_new = manifest.number("prunedTo") < last.snapshot;
                let went = (&*newest, &*until);
                is_new.then(|| history_begins(manifest, last.snapshot, went, archive.clone()))
            })
            .await?;
        }
        self.delete_forgotten().await
    }

    /// What can be told and is beyond the limits.
    async fn beyond(&self, manifest: &Manifest, limits: &Limits) -> Result<Vec<Retired>, Error> {
        let mut all = Vec::new();
        self.visit_retired(manifest, |retired| {
            all.push(retired.clone());
            true
        })
        .await?;
        all.reverse();
        let mut now = Vec::new();
        iso_into(&mut now, self.carrier.now_ms());
        let now = String::from_utf8_lossy(&now).into_owned();
        let text = |name: &Name| String::from_utf8_lossy(name).into_owned();
        let groups = all.iter().map(|retired| {
            vec![Sealed {
                relative: retired.logs.first().map(text).unwrap_or_default(),
                ms: retired.snapshot,
                bytes: retired.bytes,
                until: retired.until.as_ref().map(text).unwrap_or_default(),
                written: now.clone(),
                clocks: None,
                beside: Vec::new(),
            }]
        });
        let groups: Vec<Vec<Sealed>> = groups.collect();
        all.truncate(first_kept(&groups, limits, &now));
        Ok(all)
    }

    /// Deletes what the manifest lists of before the beginning of the history.
    async fn delete_forgotten(&self) -> Result<Deleted, Error> {
        let manifest = self.manifest_now().await?;
        let facts = self.carrier.facts();
        let (to, current) = (manifest.number("prunedTo"), manifest.snapshot());
        let mut deleted = Deleted::default();
        let (mut has_older, mut is_listed) = (false, false);
        let mut page = Rc::new(Page::of(&manifest));
        let mut path: Option<Name> = None;
        loop {
            for retired in page.retired.iter().filter(|retired| retired.snapshot <= to) {
                is_listed |= path.is_some() || !retired.logs.is_empty();
                for log in &retired.logs {
                    deleted.add(self.carrier.delete_log(log).await?);
                }
                if let Some(from) =
                    retired.from.as_ref().filter(|from| **from != current && facts.deletes_snapshots)
                {
                    let found = self.carrier.delete_snapshot(from).await?;
                    deleted.add(found);
                    if found.is_some() && facts.keeps_indexes {
                        // What is left of one misleads no reader.
                        let _ = self.carrier.delete_index(from).await;
                    }
                }
                if let Some(note) = &retired.archived {
                    self.carrier.delete_note(note).await?;
                }
            }
            let is_needed = page.retired.iter().any(|retired| retired.snapshot > to);
            if let Some(path) = &path {
                has_older |= is_needed;
                if !is_needed {
                    self.carrier.delete_note(path).await?;
                }
            }
            let Some(older) = page.older.clone() else { break };
            let Some(next) = self.page(&older).await? else { break };
            (page, path) = (next, Some(older));
        }
        if is_listed {
            self.change_manifest(|manifest| {
                (manifest.number("prunedTo") == to).then(|| forgotten(manifest, has_older))
            })
            .await?;
        }
        Ok(deleted)
    }

    /// Publishes a change of the manifest, if there is one.
    async fn change_manifest(&self, next: impl Fn(&Manifest) -> Option<Manifest>) -> Result<(), Error> {
        let known = if self.agent().is_some() {
            self.changing(async || {
                self.update(async |manifest, _| Ok(next(&**manifest.ok_or_else(missing)?))).await
            })
            .await?
        } else {
            let Some(next) = next(&*self.known_rc()?) else { return Ok(()) };
            self.replace_own(next).await?
        };
        self.take(known);
        Ok(())
    }
}
