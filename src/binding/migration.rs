//! What the facade needs to migrate records: which they are, what they were migrated to, and the way back where the
//! user's function throws.

use std::sync::Arc;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use super::CHUNK;
use super::catch::{caught, plain};
use super::json;
use super::store::NativeStore;
use super::tasks::Work;
use super::text;
use crate::engine::Cursor;
use crate::error::Error;
use crate::json::number::push_integer;
use crate::json::string::escape_into;

#[napi]
impl NativeStore {
    /// Whether records are to be migrated.
    #[napi]
    pub fn needs_migration(&self) -> napi::Result<bool> {
        caught(|| self.store.needs_migration())
    }

    /// Whether a file of the store is of an older schema version than the program.
    #[napi]
    pub fn has_older_files(&self) -> napi::Result<bool> {
        plain(|| self.store.has_older_files())
    }

    /// Whether the next look may come upon records that are to be migrated.
    #[napi]
    pub fn may_meet_older(&self) -> napi::Result<bool> {
        caught(|| self.store.may_meet_older())
    }

    /// The next records that are to be migrated, as a JSON list of lists: version, id, and value if there is one. `null`
    /// when there are no more.
    #[napi]
    pub fn unmigrated(&self, restart: bool) -> napi::Result<Option<String>> {
        caught(|| {
            let mut migrating = self.migrating.lock();
            if restart {
                migrating.cursor = Cursor::Base(0);
            }
            if migrating.cursor == Cursor::End {
                return Ok(None);
            }
            let mut out = Vec::new();
            migrating.cursor = self.store.unmigrated(migrating.cursor, CHUNK, push_unmigrated(&mut out))?;
            Ok(Some(text::list(out)))
        })
    }

    /// What a record was migrated to.
    #[napi]
    pub fn migrate(&self, id: JsString<'_>, value: JsString<'_>) -> napi::Result<()> {
        let (id, value) = (text::id(id)?, text::json(value)?);
        caught(|| self.store.migrate(&id, &value))
    }

    /// All that was to be migrated is.
    #[napi]
    pub fn finish_migration(&self) -> napi::Result<()> {
        plain(|| self.store.finish_migration())
    }

    /// As `follow`, to the end of it, on this thread. If there is something new, what was in memory is remembered first.
    #[napi]
    pub fn follow_whole(&self) -> napi::Result<Option<String>> {
        caught(|| {
            if self.store.is_quiet()? {
                return Ok(None);
            }
            self.migrating.lock().savepoint = Some(self.store.save());
            Ok(json::news(self.store.follow_whole()?))
        })
    }

    /// Remembers what is in memory.
    #[napi]
    pub fn save(&self) -> napi::Result<()> {
        plain(|| self.migrating.lock().savepoint = Some(self.store.save()))
    }

    /// Brings back what was in memory at `save`, if it was not forgotten since.
    #[napi]
    pub fn restore(&self) -> napi::Result<()> {
        plain(|| {
            if let Some(savepoint) = self.migrating.lock().savepoint.take() {
                self.store.restore(savepoint);
            }
        })
    }

    /// Forgets what `save` remembered.
    #[napi]
    pub fn forget_saved(&self) -> napi::Result<()> {
        plain(|| drop(self.migrating.lock().savepoint.take()))
    }

    /// Goes on with a compaction whose records are migrated by now. Returns what was archived, as a JSON list.
    #[napi]
    pub fn finish_compaction(&self) -> AsyncTask<Work> {
        let slot = Arc::clone(&self.upkeep.compaction);
        AsyncTask::new(Work::new(
            move || {
                let begun = slot.lock().take();
                begun.ok_or_else(|| Error::Failed("no compaction is under way".into()))?.finish()
            },
            |compacted| json::ids(&compacted.archived),
        ))
    }

    /// Gives up a compaction whose records cannot be migrated.
    #[napi]
    pub fn abandon_compaction(&self) -> AsyncTask<Work> {
        let slot = Arc::clone(&self.upkeep.compaction);
        AsyncTask::new(Work::new(
            move || {
                drop(slot.lock().take());
                Ok(())
            },
            |()| (),
        ))
    }
}

/// Appends what is visited as a list of version, id, and value if there is one, behind it a comma.
pub(super) fn push_unmigrated(out: &mut Vec<u8>) -> impl FnMut(&[u8], f64, &[u8]) {
    |id, version, value| {
        out.push(b'[');
        push_version(out, version);
        out.push(b',');
        escape_into(out, id);
        if !value.is_empty() {
            out.push(b',');
            out.extend_from_slice(value);
        }
        out.extend_from_slice(b"],");
    }
}

fn push_version(out: &mut Vec<u8>, version: f64) {
    if version.fract() == 0.0 && version >= 0.0 {
        push_integer(out, version as u64);
    } else {
        out.extend_from_slice(version.to_string().as_bytes());
    }
}
