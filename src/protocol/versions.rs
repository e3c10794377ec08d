//! Schema versions behind a carrier. A record is migrated when, and only when, what it comes from is of an older version
//! than the program: the mark of its operation says which, else the manifest for all of a log, else the snapshot
//! (`format::versions`). A program that gave a lower version than what is there must not write.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::carrier::{Carrier, Error, Pairs};
use super::entry::Entry;
use super::session::{Options, Session};
use crate::engine::Id;
use crate::error::Error as Rule;
use crate::format::document::{Manifest, Name};
use crate::format::versions::unmarked_version;
use crate::rules::program::Program;

/// Versions of what memory came about from.
pub struct Versions {
    wanted: u64,
    /// The snapshot that was read, and its version.
    snapshot: RefCell<Option<(Name, u64)>>,
    /// Those of the operations since that set a value.
    operations: RefCell<BTreeSet<u64>>,
}

impl Versions {
    /// Nothing was read. Records are to be of this version.
    pub(super) fn new(wanted: u64) -> Self {
        Self { wanted, snapshot: RefCell::default(), operations: RefCell::default() }
    }

    /// As after reading a snapshot, and nothing else. One that says none is taken for what is wanted.
    pub(super) fn of_snapshot(&self, path: &Name, version: Option<u64>) -> Self {
        let versions = Self::new(self.wanted);
        *versions.snapshot.borrow_mut() = Some((Arc::clone(path), version.unwrap_or(self.wanted)));
        versions
    }

    fn of_base(&self) -> Option<u64> {
        self.snapshot.borrow().as_ref().map(|(_, version)| *version)
    }

    /// Goes by other versions.
    pub(super) fn take(&self, other: &Self) {
        *self.snapshot.borrow_mut() = other.snapshot.take();
        *self.operations.borrow_mut() = other.operations.take();
    }

    /// Nothing counts as read.
    pub(super) fn forget(&self) {
        self.take(&Self::new(self.wanted));
    }

    /// Operations were read.
    pub(super) fn saw(&self, entries: &[Entry]) {
        let set = entries.iter().filter(|entry| entry.data.is_some());
        self.operations.borrow_mut().extend(set.map(|entry| self.of(entry)));
    }

    /// An operation of a version was appended.
    fn wrote(&self, version: u64) {
        self.operations.borrow_mut().insert(version);
    }

    fn of(&self, entry: &Entry) -> u64 {
        entry.version.or(self.of_base()).unwrap_or(self.wanted)
    }

    /// Whether something that was read is older than wanted.
    pub(super) fn is_older(&self) -> bool {
        let operations = self.operations.borrow();
        let oldest = operations.first().copied().into_iter().chain(self.of_base()).min();
        oldest.is_some_and(|oldest| oldest < self.wanted)
    }

    /// The highest version of all that was read.
    fn newest(&self) -> u64 {
        let operations = self.operations.borrow();
        operations.last().copied().into_iter().chain(self.of_base()).max().unwrap_or_default()
    }

    /// The records whose last value is older than wanted, by version: of a snapshot, if these are its records, and of
    /// operations.
    pub(super) fn older(&self, records: Option<&Pairs>, entries: &[Entry]) -> Vec<(u64, Pairs)> {
        let snapshot = self.of_base().unwrap_or(self.wanted);
        let is_old = |version: u64| version < self.wanted;
        let is_snapshot_old = records.is_some() && is_old(snapshot);
        if !is_snapshot_old && !entries.iter().any(|entry| is_old(self.of(entry))) {
            return Vec::new();
        }
        let mut last: HashMap<&Id, (u64, Option<&[u8]>)> = HashMap::new();
        let mut order: Vec<&Id> = Vec::new();
        for (id, text) in records.into_iter().flatten() {
            if last.insert(id, (snapshot, Some(text))).is_none() {
                order.push(id);
            }
        }
        for entry in entries {
            let text = entry.data.clone().and_then(|range| entry.line.get(range));
            if last.insert(&entry.id, (self.of(entry), text)).is_none() {
                order.push(&entry.id);
            }
        }
        let mut older: Vec<(u64, Pairs)> = Vec::new();
        for id in order {
            let Some((version, Some(text))) = last.get(id).copied() else { continue };
            if !is_old(version) {
                continue;
            }
            let pair = (Arc::clone(id), text.to_vec());
            match older.iter_mut().find(|(from, _)| *from == version) {
                Some((_, pairs)) => pairs.push(pair),
                None => older.push((version, vec![pair])),
            }
        }
        older
    }
}

impl<C: Carrier> Session<C> {
    /// The version of the snapshot that a manifest names: as it was read, or as the manifest says.
    pub(super) fn snapshot_version(&self, manifest: &Manifest) -> u64 {
        match &*self.view.versions().snapshot.borrow() {
            Some((path, version)) if *path == manifest.snapshot() => *version,
            _ => manifest.newest_version(),
        }
    }

    /// What the program may write.
    fn program(&self) -> Program<u64> {
        let Options { version, version_given: is_given, read_only: is_reader, .. } = self.options;
        Program { version, is_given, is_reader }
    }

    /// The version of what this store writes.
    fn written_version(&self, manifest: &Manifest) -> u64 {
        self.program().writes(self.snapshot_version(manifest))
    }

    /// The mark that lines of this store need in a log.
    pub(super) fn version_mark(&self, manifest: &Manifest, log: &[u8]) -> Option<u64> {
        self.program().mark(self.snapshot_version(manifest), self.log_version(manifest, log), false)
    }

    /// The version of lines without a mark in a log.
    pub(super) fn log_version(&self, manifest: &Manifest, log: &[u8]) -> u64 {
        unmarked_version(&manifest.log_versions(), log, self.snapshot_version(manifest))
    }

    /// Lines were appended that count.
    pub(super) fn wrote_version(&self, manifest: &Manifest) {
        self.view.versions().wrote(self.written_version(manifest));
    }

    /// Refuses to write beside what a newer program has written.
    pub(super) fn refuse_newer(&self, manifest: &Manifest) -> Result<(), Error> {
        let found = manifest.newest_version().max(self.view.versions().newest());
        match self.program().is_outdated_by(found) {
            true => {
                let given = narrow(self.options.version);
                Err(of_rule(&Rule::NewerVersion { found: narrow(found), given }))
            }
            false => Ok(()),
        }
    }

    /// The version of a snapshot of everything. `OPSLOG_NEWER_VERSION` if not all of it can be of that.
    pub(super) fn one_version(&self, manifest: &Manifest) -> Result<u64, Error> {
        self.refuse_newer(manifest)?;
        let written = self.written_version(manifest);
        let versions = self.view.versions();
        let is_one = || versions.operations.borrow().iter().all(|version| *version == written);
        if self.program().can_snapshot(is_one) {
            return Ok(written);
        }
        let found = manifest.newest_version().max(versions.newest());
        Err(of_rule(&Rule::SeveralVersions { found: narrow(found) }))
    }
}

fn narrow(version: u64) -> u32 {
    crate::format::versions::version_of(version)
}

fn of_rule(rule: &Rule) -> Error {
    Error::rule(crate::error::Code::NewerVersion, rule.to_string())
}
