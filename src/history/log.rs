//! Reading one log forward, in pieces, up to a bound. Of a log that may still be cut, the lines that were given are remembered,
//! so that those that were undone can be told.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ids::{self, Record};
use super::known::{KnownLine, KnownLog};
use super::position::Mark;
use super::remembered::{Given, REMEMBERED, Remembered, Taken};
use super::reverse_log::ReverseLog;
use super::trail::{LogName, open};
use crate::disk::{Disk, DiskFile, read_full_at};
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, Line, parse_line};
use crate::layout;
use crate::rules::batches::OpenBatch;
use crate::wal::{Piece, replay_unlocked};

/// How many bytes before the place where reading begins are read for the lines that may be undone.
const READ_BEFORE: u64 = 4 << 20;

/// A log that is being read.
pub(super) struct Log {
    pub(super) name: LogName,
    pub(super) path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    cursor: Cursor,
    /// Batches and lines from this offset on are not read.
    pub(super) until: u64,
    remembered: Remembered,
    /// Whether it does not change any more.
    pub(super) is_sealed: bool,
    /// Where the lines on one record are, if only those are read.
    picked: Option<std::vec::IntoIter<ids::Place>>,
}

/// How far a log was read.
#[derive(Default)]
struct Cursor {
    /// Where the next line begins.
    offset: u64,
    /// The last line that was read.
    last: Option<Mark>,
    /// The first line of the batch that the last line is a part of, if reading began within it.
    batch: Option<Mark>,
}

/// Takes a line: where it stands, what it says, and the first line of its batch.
pub(super) type Each<'e> = dyn FnMut(Mark, &[u8], &Line<'_>, Option<Mark>) -> Result<()> + 'e;

impl Log {
    /// A log from its beginning on, up to an offset.
    ///
    /// # Errors
    /// `OPSLOG_CORRUPT` for a path that leads elsewhere.
    pub(super) fn new(root: &Path, name: &LogName, until: u64) -> Result<Self> {
        let path = layout::inside(root, layout::OPS, &name.relative)?;
        Ok(Self {
            name: name.clone(),
            path,
            file: None,
            cursor: Cursor::default(),
            until,
            remembered: Remembered::new(until == u64::MAX),
            is_sealed: false,
            picked: None,
        })
    }

    /// The last line that was read.
    pub(super) fn last(&self) -> Option<Mark> {
        self.cursor.last
    }

    /// Whether lines may be undone: then those that are given are remembered.
    pub(super) fn is_watched(&self) -> bool {
        self.remembered.is_on
    }

    /// Says whether lines may be undone.
    pub(super) fn watch(&mut self, is_watched: bool) {
        self.remembered.is_on = is_watched;
    }

    /// The lines that were given and are remembered.
    pub(super) fn given(&self) -> &VecDeque<Given> {
        self.remembered.lines()
    }

    /// Its file; `None` if it is missing, which reads as empty.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn file(&mut self, disk: &dyn Disk) -> Result<Option<Arc<dyn DiskFile>>> {
        if self.file.is_none() {
            self.file = open(disk, &self.path)?;
        }
        Ok(self.file.clone())
    }

    /// Its file, if it was opened.
    pub(super) fn held(&self) -> Option<Arc<dyn DiskFile>> {
        self.file.clone()
    }

    /// Gives its descriptor up until it is read again.
    pub(super) fn rest(&mut self) {
        self.file = None;
    }

    /// Goes to behind a line. `false` if the line is not there.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn go_behind(&mut self, disk: &dyn Disk, mark: Mark) -> Result<bool> {
        let Some(file) = self.file(disk)? else { return Ok(false) };
        let Some(line) = mark.read(&*file, &self.path)? else { return Ok(false) };
        if parse_line(&line).is_ok_and(|line| line.batch == Some(BatchMark::More)) {
            self.cursor.batch = ReverseLog::before(&file, &self.path, mark.end()).first_of_batch()?;
        }
        if self.is_watched() && !self.remember_before(&*file, mark)? {
            self.cursor.batch = None;
            return Ok(false);
        }
        self.set_last(Some(mark));
        Ok(true)
    }

    /// As [`Log::go_behind`], of lines of which the last may be gone by now: those will be found to be taken back. Returns
    /// whether there is a file.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn go_behind_known(&mut self, disk: &dyn Disk, known: &KnownLog) -> Result<bool> {
        self.watch(true);
        let mut there = known.lines.len();
        while let Some(line) = there.checked_sub(1).and_then(|place| known.lines.get(place)) {
            if self.go_behind(disk, line.mark)? {
                break;
            }
            there -= 1;
        }
        self.remembered.has_more |= there == 0 && known.has_more;
        for KnownLine { mark, id } in known.lines.iter().skip(there) {
            self.remember(Given { mark: *mark, id: Box::from(&**id), clock: 0, told: None }, REMEMBERED);
            self.set_last(Some(*mark));
            self.cursor.batch = None;
        }
        Ok(self.file.is_some())
    }

    /// Remembers the lines up to one. `false` if that one is there no more.
    fn remember_before(&mut self, file: &dyn DiskFile, mark: Mark) -> Result<bool> {
        let from = mark.end().saturating_sub(READ_BEFORE).min(mark.start);
        let mut bytes = vec![0; (mark.start + mark.len - from) as usize];
        let read = read_full_at(file, &mut bytes, from);
        bytes.truncate(read.map_err(|source| Error::io("read", &self.path, source))?);
        // NOTE: an undo() cuts the last line first. While that was still there, so were all before it.
        let last = bytes.get((mark.start - from) as usize..).unwrap_or_default();
        if Mark::new(mark.start, last) != mark {
            return Ok(false);
        }
        let mut start = from;
        for line in bytes.split(|byte| *byte == b'\n') {
            // The first may be the rest of a line.
            if (start == 0 || start > from || start == mark.start)
                && let Ok(parsed) = parse_line(line)
            {
                let (mark, clock) = (Mark::new(start, line), parsed.clock.unwrap_or(0));
                self.remember(Given { mark, id: Box::from(&*parsed.id), clock, told: None }, REMEMBERED);
            }
            start += line.len() as u64 + 1;
        }
        self.remembered.has_more |= from > 0;
        Ok(true)
    }

    /// Remembers a line that is given.
    pub(super) fn remember(&mut self, given: Given, at_most: usize) {
        self.remembered.push(given, at_most);
    }

    /// Says which line was read last.
    pub(super) fn set_last(&mut self, last: Option<Mark>) {
        (self.cursor.last, self.cursor.offset) = (last, last.map_or(0, |last| last.end()));
    }

    /// Whether a line is in the file.
    pub(super) fn has(&self, mark: Mark) -> Result<bool> {
        Ok(self.line(mark)?.is_some())
    }

    /// The line with this mark, if it is in the file.
    pub(super) fn line(&self, mark: Mark) -> Result<Option<Vec<u8>>> {
        self.file.as_ref().map_or(Ok(None), |file| mark.read(&**file, &self.path))
    }

    /// Looks whether another file has taken the place of the one that is being read, and reads that one from now on.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn look_at_file(&mut self, disk: &dyn Disk) -> Result<()> {
        let Some(file) = self.file(disk)? else { return Ok(()) };
        let held = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        // One that is missing was deleted, and reads as it was.
        if disk.info(&self.path).is_ok_and(|now| now.identity != held.identity) {
            self.file = open(disk, &self.path)?;
        }
        Ok(())
    }

    /// Takes back the last line, if it is no longer there.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn take_back(&mut self) -> Result<Taken> {
        match self.cursor.last {
            Some(last) if !self.has(last)? => Ok(self.take_back_given()),
            _ => Ok(Taken::None),
        }
    }

    /// Takes back the last line that was given.
    pub(super) fn take_back_given(&mut self) -> Taken {
        let Some(gone) = self.remembered.pop() else { return Taken::TooMany };
        self.set_last(self.given().back().map(|given| given.mark));
        if self.last().is_none() && self.remembered.has_more { Taken::TooMany } else { Taken::Line(gone) }
    }

    /// From now on reads only the lines on a record, if the log is sealed and an index says where they are. Returns whether the
    /// whole log was read to find out.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub(super) fn pick(&mut self, disk: &dyn Disk, root: &Path, record: &Record) -> Result<bool> {
        if !self.is_sealed || self.picked.is_some() {
            return Ok(false);
        }
        let Some(file) = self.file(disk)? else { return Ok(false) };
        let Some(places) = record.places(disk, root, (&self.name.relative, &self.path), &*file)? else {
            self.is_sealed = false;
            return Ok(false);
        };
        let is_to_be_read = |(at, _): &ids::Place| (self.cursor.offset..self.until).contains(&u64::from(*at));
        let offsets: Vec<ids::Place> = places.offsets.into_iter().filter(is_to_be_read).collect();
        self.picked = Some(offsets.into_iter());
        Ok(places.is_built)
    }

    /// Reads of the picked lines about `limit` bytes. Returns whether these were all, or `None` when none were picked.
    ///
    /// # Errors
    /// `OPSLOG_IO`, and what `each` says.
    pub(super) fn read_picked(
        &mut self,
        limit: usize,
        record: &Record,
        each: &mut Each<'_>,
    ) -> Result<Option<bool>> {
        let (Some(picked), Some(file)) = (&mut self.picked, &self.file) else { return Ok(None) };
        let mut bytes = 0;
        for place in picked {
            let Some(found) = record.read(file, &self.path, place)? else { continue };
            let Ok(line) = parse_line(&found.bytes) else { continue };
            self.cursor.last = Some(found.mark);
            each(found.mark, &found.bytes, &line, found.batch)?;
            bytes += found.bytes.len();
            if bytes >= limit {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }

    /// Reads a piece of about `limit` bytes; with `gives`, what is read counts as given. Returns whether that was all that there
    /// is, or `None` when the last line is no longer there.
    ///
    /// # Errors
    /// `OPSLOG_IO`, and what `each` says.
    pub(super) fn read(
        &mut self,
        disk: &dyn Disk,
        limit: usize,
        gives: bool,
        each: &mut Each<'_>,
    ) -> Result<Option<bool>> {
        let Some(file) = self.file(disk)? else { return Ok(Some(true)) };
        let size = file.info().map_err(|source| Error::io("fstat", &self.path, source))?.len;
        if self.cursor.offset >= self.until || size == self.cursor.offset {
            return Ok(Some(true));
        }
        let (last, until) = (self.cursor.last, self.until);
        let still = || match last {
            Some(last) => Ok(last.read(&*file, &self.path)?.is_some()),
            None => Ok(true),
        };
        let (mut newest, mut batch, mut ended) = (last, OpenBatch(self.cursor.batch), false);
        let mut given = (self.is_watched() && gives).then(Vec::new);
        // What is behind the bound need not be read.
        let limit = limit.min(usize::try_from(until - self.cursor.offset).unwrap_or(usize::MAX));
        let piece =
            replay_unlocked(&*file, &self.path, self.cursor.offset, limit, still, |start, bytes, line| {
                ended |= !batch.goes_on(line.batch) && start >= until;
                if ended {
                    return Ok(ControlFlow::Break(()));
                }
                let mark = Mark::new(start, bytes);
                let first = batch.pass(line.batch, || mark);
                newest = Some(mark);
                if let Some(given) = &mut given {
                    given.push(Given { mark, id: Box::from(&*line.id), clock: 0, told: None });
                }
                each(mark, bytes, line, first)?;
                Ok(ControlFlow::Continue(()))
            })?;
        let Some(Piece { tail, is_last }) = piece else { return Ok(None) };
        if newest != last {
            self.cursor.batch = None;
        }
        self.cursor.last = newest;
        self.cursor.offset =
            if ended { newest.map_or(self.cursor.offset, |mark| mark.end()) } else { tail.good };
        for given in given.into_iter().flatten() {
            self.remember(given, REMEMBERED);
        }
        Ok(Some(is_last || ended || self.cursor.offset >= until))
    }
}
