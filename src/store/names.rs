//! Names for new files. Each carries a time in milliseconds, above those of all files that the manifest names; a name
//! that is taken is passed over. Folders are not listed for that: they hold every log that was ever written.

use std::collections::HashSet;
use std::io::ErrorKind;

use super::Store;
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::layout;
use crate::unpublished::Unpublished;
use crate::wal::Writer;

/// How many names that are taken are passed over one by one, before the folder is listed.
const STEPS: u32 = 16;
/// How many names are tried in all.
const MOST: u32 = 1 << 12;

/// What became of an attempt to use a name.
enum Attempt<T> {
    Made(T),
    Taken,
}

impl Store {
    /// Creates the log of the first free time from one on whose snapshot is free as well. Returns it with that time.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn create_log(
        &self,
        list: &Unpublished,
        from: u64,
        after: Option<&str>,
    ) -> Result<(Writer, u64)> {
        self.first_free(layout::OPS, layout::wal, from, |relative, ms| {
            if self.is_taken(&layout::snapshot(ms))? {
                return Ok(Attempt::Taken);
            }
            self.try_create_log(list, relative, after)
        })
    }

    /// Creates an agent's log, of the first free time from one on.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn create_agent_log(&self, list: &Unpublished, agent: &str, from: u64) -> Result<Writer> {
        let name = |ms| layout::agent_wal(agent, ms);
        let created =
            self.first_free(layout::OPS, name, from, |relative, _| self.try_create_log(list, relative, None));
        created.map(|(writer, _)| writer)
    }

    /// The first time from one on of which there is no snapshot. The caller keeps other writers of snapshots out.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn free_snapshot(&self, from: u64) -> Result<u64> {
        let free = self.first_free(layout::SNAPSHOTS, layout::snapshot, from, |relative, _| {
            Ok(if self.is_taken(&relative)? { Attempt::Taken } else { Attempt::Made(()) })
        });
        free.map(|((), ms)| ms)
    }

    fn try_create_log(
        &self,
        list: &Unpublished,
        relative: String,
        after: Option<&str>,
    ) -> Result<Attempt<Writer>> {
        if self.is_taken(&relative)? {
            return Ok(Attempt::Taken);
        }
        list.add(&relative)?;
        let path = self.path(&relative);
        match Writer::create(&*self.disk, path, relative.clone(), after.map(str::to_owned)) {
            Err(error) if error.is_existing_file() => {
                list.withdraw(&relative)?;
                Ok(Attempt::Taken)
            }
            created => created.map(Attempt::Made),
        }
    }

    fn is_taken(&self, relative: &str) -> Result<bool> {
        let path = self.path(relative);
        match self.disk.info(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::io("lstat", &path, source)),
        }
    }

    fn first_free<T>(
        &self,
        folder: &str,
        name: impl Fn(u64) -> String,
        from: u64,
        attempt: impl Fn(String, u64) -> Result<Attempt<T>>,
    ) -> Result<(T, u64)> {
        let (mut ms, mut tries, mut listed) = (from, 0, HashSet::new());
        loop {
            let relative = name(ms);
            if !listed.contains(&relative) {
                if let Attempt::Made(made) = attempt(relative, ms)? {
                    return Ok((made, ms));
                }
                tries += 1;
            }
            if tries == STEPS && listed.is_empty() {
                listed = self.names_in(folder)?;
            } else if tries == MOST {
                return Err(Error::io("open", &self.path(&name(ms)), ErrorKind::AlreadyExists.into()));
            }
            ms = ms.checked_add(1).unwrap_or(1);
        }
    }

    fn names_in(&self, folder: &str) -> Result<HashSet<String>> {
        let path = self.path(folder);
        let names = self.disk.list(&path).map_err(|source| Error::io("scandir", &path, source))?;
        Ok(names.into_iter().map(|name| format!("{folder}/{name}")).collect())
    }
}

/// The time for the next file, behind all that a manifest names.
pub(super) fn time_after(manifest: Option<&Manifest>, now_ms: i64) -> u64 {
    let highest = manifest.into_iter().flat_map(names_of).filter_map(layout::time_of).max();
    layout::after(highest.unwrap_or(0), now_ms)
}

fn names_of(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let logs = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path.as_str());
    let superseded = manifest.superseded.iter().map(|(path, _)| path.as_str());
    let pruned = manifest.pruned.as_ref().map(|(path, _)| path.as_str());
    let current = [manifest.current_snapshot.as_str(), manifest.active_ops.as_str()];
    logs.chain(superseded).chain(pruned).chain(current)
}
