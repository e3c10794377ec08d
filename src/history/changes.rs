//! A history as callers read it: what they want of it, as the text of a flat JSON list.

use std::path::Path;
use std::sync::Arc;

use super::ids::FROM_BYTES;
use super::trail::Trail;
use super::{Backward, Event, Flat, Forward, KnownPosition, Position, Reading, Record};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;

/// How much is read of logs in one piece, and how much before the caller hears that nothing was wanted of it.
const PIECE: usize = 256 << 10;
const PIECES: usize = 32;

/// What is wanted.
pub struct Wanted {
    /// Operations on this record only.
    pub id: Option<Vec<u8>>,
    /// Later than this time, compared as text.
    pub since: Option<String>,
    /// Up to this time.
    pub until: Option<String>,
    /// Whether indexes that are missing may be written.
    pub writes: bool,
}

impl Wanted {
    /// Refuses a time from which on, or up to which, operations were pruned.
    fn must_be_kept(&self, manifest: &Manifest) -> Result<()> {
        let Some((_, pruned)) = &manifest.pruned else { return Ok(()) };
        let is_gone = |time: &String| time < pruned;
        match self.since.iter().chain(&self.until).any(is_gone) {
            true => Err(Error::PositionGone("operations behind that time were pruned")),
            false => Ok(()),
        }
    }

    /// Whether it is one that was asked for.
    pub(crate) fn wants(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Undone { id, .. } => self.id.as_deref().is_none_or(|wanted| wanted == *id),
            Event::Change(change) => {
                let is_it = self.id.as_deref().is_none_or(|wanted| wanted == &*change.line.id);
                if !is_it || self.since.is_none() && self.until.is_none() {
                    return is_it;
                }
                let ts = change.line.ts(change.bytes);
                self.since.as_ref().is_none_or(|since| *ts > *since.as_bytes())
                    && self.until.as_ref().is_none_or(|until| *ts <= *until.as_bytes())
            }
        }
    }
}

enum Reader {
    Forward(Box<Forward>),
    Backward(Box<Backward>),
}

/// A history that is being read.
pub struct Changes {
    reader: Reader,
    wanted: Wanted,
}

impl Changes {
    /// Begins behind a position, or at the beginning; in reverse at the end. A live one never comes to an end.
    ///
    /// # Errors
    /// `OPSLOG_POSITION_GONE`, `OPSLOG_NO_STORE`, `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn open(
        disk: Arc<dyn Disk>,
        root: &Path,
        after: Option<&Position>,
        (is_reverse, is_live): (bool, bool),
        wanted: Wanted,
    ) -> Result<Self> {
        if after.is_none() {
            wanted.must_be_kept(&Trail::read(&*disk, root)?.manifest)?;
        }
        let record = |id: &Vec<u8>| Record { id: id.clone(), writes: wanted.writes, from_bytes: FROM_BYTES };
        let record = wanted.id.as_ref().map(record);
        let reader = if is_reverse {
            let mut reader = Backward::open(disk, root, after)?;
            reader.only(record);
            Reader::Backward(Box::new(reader))
        } else {
            let mut reader = Forward::open(disk, root, after, is_live)?;
            reader.only(record);
            Reader::Forward(Box::new(reader))
        };
        Ok(Self { reader, wanted })
    }

    /// Begins behind what a store knows, and never comes to an end. What was undone of that comes first.
    ///
    /// # Errors
    /// As for [`Changes::open`].
    pub fn open_behind(
        disk: Arc<dyn Disk>,
        root: &Path,
        known: &KnownPosition,
        wanted: Wanted,
    ) -> Result<Self> {
        Ok(Self { reader: Reader::Forward(Box::new(Forward::open_behind(disk, root, known)?)), wanted })
    }

    /// The next changes, of about `limit` bytes, as texts of about `size` bytes each, as [`Flat`] makes them. `None` when there are no
    /// more at the moment; none when what was read so far is not wanted.
    ///
    /// # Errors
    /// As for [`Forward::step`].
    pub fn next(&mut self, limit: usize, size: usize) -> Result<Option<Vec<Vec<u8>>>> {
        let (mut texts, mut flat) = (Vec::new(), Flat::default());
        let wanted = &self.wanted;
        let mut reading = Reading::GoesOn;
        for _ in 0..PIECES {
            let mut sink = |event: Event<'_>| {
                if wanted.wants(&event) {
                    flat.add(&event);
                    if flat.len() >= size {
                        texts.push(std::mem::take(&mut flat).into_text());
                    }
                }
                Ok(())
            };
            reading = match &mut self.reader {
                Reader::Forward(reader) => reader.step(PIECE.min(limit), &mut sink)?,
                Reader::Backward(reader) => reader.step(PIECE.min(limit), &mut sink)?,
            };
            if reading == Reading::AtEnd || texts.len() * size + flat.len() >= limit / 2 {
                break;
            }
        }
        if !flat.is_empty() {
            texts.push(flat.into_text());
        }
        Ok((!texts.is_empty() || reading == Reading::GoesOn).then_some(texts))
    }
}
