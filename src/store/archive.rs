//! Archiving: the segment is written and durable before the records leave the store, and they leave it by a
//! checkpoint. A failure at any point leaves memory and the manifest as they were; a crash between the two
//! leaves the records in both places.

use std::sync::Arc;

use super::Store;
use super::checkpoint::{Archived, Checkpoint};
use crate::engine::Id;
use crate::error::{Error, Result};
use crate::format::{Invalid, archive};
use crate::publish::{read_if_there, replace};
use crate::{json, layout};

/// An archive under way.
pub struct ArchivePlan {
    checkpoint: Checkpoint,
    ids: Vec<Id>,
    period: String,
    now_ms: i64,
}

impl Store {
    /// Takes the records out of the view and freezes it. `None` while a checkpoint is under way.
    ///
    /// # Errors
    /// As for [`Store::begin_checkpoint`]; nothing is changed then.
    pub fn begin_archive(
        self: &Arc<Self>,
        ids: Vec<Id>,
        period: &str,
        now_ms: i64,
    ) -> Result<Option<ArchivePlan>> {
        let Some(checkpoint) = self.begin_checkpoint(now_ms)? else { return Ok(None) };
        Ok(Some(ArchivePlan { checkpoint, ids, period: period.to_owned(), now_ms }))
    }
}

impl ArchivePlan {
    /// Writes the segment, then the checkpoint without the records.
    ///
    /// # Errors
    /// `OPSLOG_IO`; `OPSLOG_CORRUPT` when an existing segment of that name cannot be read.
    pub fn run(mut self) -> Result<()> {
        let store = Arc::clone(self.checkpoint.store());
        let relative = layout::archive(&self.period);
        let path = layout::inside(&store.root, layout::ARCHIVE, &relative)?;
        let existing = read_if_there(&*store.disk, &path)?;
        let mut records = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            let text = self.checkpoint.view().get(id).map_err(|source| store.read_failed(source))?;
            let Some(text) = text else { continue };
            let text = text.read().map_err(|source| store.read_failed(source))?.into_owned();
            records.push((Arc::clone(id), if text.is_empty() { b"null".to_vec() } else { text }));
        }
        let mut content = Vec::new();
        let merged = archive::merge_into(
            &mut content,
            existing.as_deref(),
            self.period.as_bytes(),
            self.now_ms,
            records.iter().map(|(id, text)| (&**id, &**text)),
        )
        .map_err(|invalid| match invalid {
            Invalid::NotJson { offset } => {
                Error::corrupt(&path, offset as u64, "the archive segment is not valid JSON")
            }
            Invalid::Rule(message) => Error::corrupt(&path, None, message),
        })?;
        replace(&*store.disk, &path, &content)?;
        let added = merged.added as u64;
        self.checkpoint.take_along(Archived { segment: relative, added, ids: std::mem::take(&mut self.ids) })?;
        self.checkpoint.run()
    }
}

/// The records of a segment's content as `"id",value,` pairs of JSON text, in pieces of about `limit` bytes.
///
/// # Errors
/// [`Invalid`], as 0.8.1 refuses it.
pub fn segment_pairs(content: &[u8], limit: usize) -> std::result::Result<Vec<Vec<u8>>, Invalid> {
    let mut chunks = vec![Vec::new()];
    for (id, text) in archive::parse_segment(content)? {
        if chunks.last().is_some_and(|chunk| chunk.len() >= limit) {
            chunks.push(Vec::new());
        }
        if let Some(chunk) = chunks.last_mut() {
            json::string::escape_into(chunk, &id);
            chunk.push(b',');
            chunk.extend_from_slice(&text);
            chunk.push(b',');
        }
    }
    Ok(chunks)
}
