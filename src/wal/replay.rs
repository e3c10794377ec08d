//! Reads the operations of a WAL as 0.8.1 reads them: blank lines are nothing, malformed ones are skipped
//! and counted. Unlike 0.8.1 it tells a torn end and an unfinished batch from damage in the middle. Changes nothing.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use crate::disk::{DiskFile, read_full_at};
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, Line, js_trim, parse_line};
use crate::json::part;
use crate::wal::LineReader;

/// Takes a line: where it stands, its bytes, and what it says. One type, so that there is one copy of what reads a log.
type Each<'e> = dyn FnMut(u64, &[u8], &Line<'_>) -> Result<ControlFlow<()>> + 'e;

/// What was found at the end of a WAL and on the way there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tail {
    /// End of the last line that counts, its newline included if it has one.
    pub good: u64,
    /// Whether the line that ends there lacks its newline.
    pub needs_newline: bool,
    /// End of what is in the file: what lies behind `good` is torn, an unfinished batch, or blank.
    pub end: u64,
    /// Whether there is something behind `good` that is not blank.
    pub torn: bool,
    /// How many malformed lines are part of that; an unfinished batch alone has none.
    pub torn_lines: u64,
    /// Offsets of malformed lines before `good`.
    pub skipped: Vec<u64>,
    /// The highest number of cuts that a line tells of.
    pub cuts: u64,
    /// What the first line says of the WAL before this one.
    pub after: Option<String>,
}

impl Tail {
    /// Adds what was found behind it.
    pub fn join(&mut self, next: Self) {
        let mut skipped = std::mem::take(&mut self.skipped);
        skipped.extend(next.skipped);
        let (cuts, after) = (self.cuts.max(next.cuts), self.after.take().or(next.after));
        *self = Self { skipped, cuts, after, ..next };
    }
}

/// Goes through the operations from an offset on, until `each` says stop. Those of a batch are shown once the
/// batch is complete, and together.
///
/// # Errors
/// `OPSLOG_IO`, and what `each` says.
pub fn replay(
    file: &dyn DiskFile,
    path: &Path,
    from: u64,
    mut each: impl FnMut(u64, &[u8], &Line<'_>) -> Result<ControlFlow<()>>,
) -> Result<Tail> {
    replay_lines(LineReader::new(file, from), path, from, &mut each)
}

/// The lines of a batch that is not complete yet, one behind the other.
#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    lines: Vec<(u64, Range<usize>, Line<'static>)>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn push(&mut self, offset: u64, bytes: &[u8], line: Line<'_>) {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        self.lines.push((offset, start..self.text.len(), line.into_owned()));
    }

    /// Shows its lines, and begins the next one.
    fn show(&mut self, each: &mut Each<'_>) -> Result<()> {
        for (offset, range, line) in self.lines.drain(..) {
            let _ = each(offset, part(&self.text, range), &line)?;
        }
        self.text.clear();
        Ok(())
    }
}

fn replay_lines(mut reader: LineReader<'_>, path: &Path, from: u64, each: &mut Each<'_>) -> Result<Tail> {
    let mut tail = Tail { good: from, end: from, ..Tail::default() };
    let mut batch = Batch::default();
    let mut suspect: Option<(u64, Vec<u8>, bool)> = None;
    // Where the last lines that are white space alone begin, and how many of them were taken for malformed.
    let mut blank: Option<(u64, usize)> = None;
    let mut first = from == 0;
    loop {
        let raw = match reader.next_line() {
            Ok(Some(raw)) => raw,
            Ok(None) => break,
            Err(source) => return Err(Error::io("read", path, source)),
        };
        let end = raw.offset + raw.bytes.len() as u64 + u64::from(raw.complete);
        tail.end = end;
        if raw.bytes.is_empty() {
            // NOTE: an empty line before the first good one must not hold `good` back.
            if batch.is_empty() && suspect.is_none() {
                tail.good = end;
            }
            continue;
        }
        let bytes = if first { js_trim_start(raw.bytes) } else { raw.bytes };
        let Ok(line) = parse_line(bytes) else {
            if first && bytes.is_empty() {
                continue;
            }
            first = false;
            let is_blank = js_trim(bytes).is_empty();
            if let Some((offset, ..)) = suspect.replace((raw.offset, bytes.to_vec(), raw.complete)) {
                tail.skipped.push(offset);
                blank = blank.map(|(from, taken)| (from, taken + 1));
            }
            blank = if is_blank { blank.or(Some((raw.offset, 0))) } else { None };
            continue;
        };
        blank = None;
        if let Some((offset, ..)) = suspect.take() {
            tail.skipped.push(offset);
        }
        if first {
            tail.after = line.after.clone().map(Cow::into_owned);
            first = false;
        }
        tail.cuts = tail.cuts.max(line.cuts);
        let offset = raw.offset + (raw.bytes.len() - bytes.len()) as u64;
        if line.batch == Some(BatchMark::More) {
            batch.push(offset, bytes, line);
            continue;
        }
        batch.show(each)?;
        let flow = each(offset, bytes, &line)?;
        tail.good = end;
        tail.needs_newline = !raw.complete;
        if flow.is_break() {
            return Ok(tail);
        }
    }
    if let Some((from, taken)) = blank {
        // 0.8.1 trims the whole text: white space at its end is no line.
        tail.skipped.truncate(tail.skipped.len() - taken);
        if batch.is_empty() {
            tail.good = tail.good.max(from);
        }
    }
    settle(&mut tail, suspect, batch, each)?;
    if tail.torn {
        let good = tail.good;
        tail.torn_lines += tail.skipped.iter().filter(|offset| **offset >= good).count() as u64;
    }
    Ok(tail)
}

/// A piece of a log that was read.
#[derive(Debug, Default)]
pub struct Piece {
    /// What was found at its end and on the way there.
    pub tail: Tail,
    /// Whether it reaches to where the log ended.
    pub is_last: bool,
}

/// As [`replay`], for a log that its writer may cut while it is read, by a reader without a lock, about
/// `limit` bytes at a time, so that no caller waits for long. What was read is read once more: only when both are
/// the same is it shown, and only if then `still` what stands before is what the caller took it for. `None` if
/// it is not: look at that first.
///
/// # Errors
/// `OPSLOG_IO`, and what `still` and `each` say.
pub fn replay_unlocked(
    file: &dyn DiskFile,
    path: &Path,
    from: u64,
    limit: usize,
    still: impl Fn() -> Result<bool>,
    mut each: impl FnMut(u64, &[u8], &Line<'_>) -> Result<ControlFlow<()>>,
) -> Result<Option<Piece>> {
    replay_piece(file, path, (from, limit), &still, &mut each)
}

fn replay_piece(
    file: &dyn DiskFile,
    path: &Path,
    (from, limit): (u64, usize),
    still: &dyn Fn() -> Result<bool>,
    each: &mut Each<'_>,
) -> Result<Option<Piece>> {
    let failed = |source| Error::io("read", path, source);
    let mut limit = limit as u64;
    let mut bytes = Vec::new();
    loop {
        let len = file.info().map_err(failed)?.len;
        if len == from {
            // Nothing new, unless the writer cuts and appends as much at this very moment: the next look shows that.
            return Ok(Some(Piece {
                tail: Tail { good: from, end: from, ..Tail::default() },
                is_last: true,
            }));
        }
        let mut is_last = len <= from.saturating_add(limit);
        let size = len.saturating_sub(from).min(limit) as usize;
        // What a shorter piece has brought is there.
        let had = bytes.len().min(size);
        bytes.try_reserve(size - had).map_err(|_| failed(ErrorKind::OutOfMemory.into()))?;
        bytes.resize(size, 0);
        let rest = bytes.get_mut(had..).unwrap_or_default();
        if read_full_at(file, rest, from + had as u64).map_err(failed)? < size - had {
            bytes.clear();
            continue;
        }
        let shown = if is_last { size } else { whole_batches(&bytes) };
        if shown == 0 && !is_last {
            // A line, or a batch, that is longer than that.
            limit = limit.saturating_mul(2);
            continue;
        }
        if !is_unchanged(file, from, part(&bytes, 0..shown)).map_err(failed)? {
            bytes.clear();
            continue;
        }
        if !still()? {
            return Ok(None);
        }
        // What is cut off here is no torn end.
        bytes.truncate(shown);
        let lines = LineReader::over(std::mem::take(&mut bytes), from);
        let mut tail = replay_lines(lines, path, from, &mut |offset, bytes, line| {
            let flow = each(offset, bytes, line)?;
            is_last |= flow.is_break();
            Ok(flow)
        })?;
        // What stands behind is read again, and told then.
        tail.skipped.retain(|offset| *offset < tail.good);
        if is_last || tail.good > from {
            tail.torn &= is_last;
            return Ok(Some(Piece { tail, is_last }));
        }
        limit = limit.saturating_mul(2);
    }
}

/// The end of the lines of a piece that are worth reading now: a batch that is not complete is read again with the rest of it.
fn whole_batches(bytes: &[u8]) -> usize {
    let whole = memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
    let lines = part(bytes, 0..whole);
    let line_around = |at: usize| {
        let start = memchr::memrchr(b'\n', part(lines, 0..at)).map_or(0, |newline| newline + 1);
        start..memchr::memchr(b'\n', part(lines, at..whole)).map_or(whole, |len| at + len)
    };
    let mark_of = |line: Range<usize>| parse_line(part(lines, line)).ok().and_then(|line| line.batch);
    if mark_of(line_around(whole.saturating_sub(1))) != Some(BatchMark::More) {
        return whole;
    }
    let mut before = lines;
    // NOTE: forward, which is several times faster than backward.
    while let Some(at) = memchr::memmem::find_iter(before, b",\"batch\":\"last\"").last() {
        let line = line_around(at);
        // What a user calls so is no mark.
        if mark_of(line.clone()) == Some(BatchMark::Last) {
            return line.end + 1;
        }
        before = part(lines, 0..at);
    }
    0
}

/// Where a log is to be read on that was read up to `from`, and whose last good line ended at `good`. What stands between them
/// was skipped; its writer may have cut it off when it opened the log, and have appended there.
///
/// # Errors
/// `OPSLOG_IO`.
pub fn unread_from(file: &dyn DiskFile, path: &Path, good: u64, from: u64) -> Result<u64> {
    if good >= from {
        return Ok(from);
    }
    let mut reader = LineReader::new(file, good);
    let mut end = good;
    while end < from {
        match reader.next_line().map_err(|source| Error::io("read", path, source))? {
            Some(raw) if raw.complete && parse_line(js_trim(raw.bytes)).is_err() => {
                end = raw.offset + raw.bytes.len() as u64 + 1;
            }
            _ => return Ok(good),
        }
    }
    Ok(if end == from { from } else { good })
}

/// Whether a part of a file is what was read before.
fn is_unchanged(file: &dyn DiskFile, from: u64, bytes: &[u8]) -> std::io::Result<bool> {
    let mut block = vec![0; bytes.len().min(1 << 16)];
    let mut at = from;
    for known in bytes.chunks(1 << 16) {
        let now = block.get_mut(..known.len()).unwrap_or_default();
        if read_full_at(file, now, at)? < known.len() || now != known {
            return Ok(false);
        }
        at += known.len() as u64;
    }
    Ok(true)
}

/// Decides about what stands behind the last good line.
fn settle(
    tail: &mut Tail,
    suspect: Option<(u64, Vec<u8>, bool)>,
    mut batch: Batch,
    each: &mut Each<'_>,
) -> Result<()> {
    if planted!("unfinished-batch-kept") {
        batch.show(each)?;
        tail.good = suspect.as_ref().map_or(tail.end, |(offset, ..)| *offset);
    }
    let unfinished = !batch.is_empty();
    let Some((offset, bytes, complete)) = suspect else {
        tail.torn = unfinished;
        return Ok(());
    };
    // 0.8.1 trims the whole file, so the last line may have white space of any kind behind it.
    let trimmed = js_trim_end(&bytes);
    match parse_line(trimmed) {
        Ok(line) if !unfinished => {
            let _ = each(offset, trimmed, &line)?;
            tail.good = tail.end;
            tail.needs_newline = !complete;
        }
        _ if trimmed.is_empty() => tail.torn = unfinished,
        _ if complete && !unfinished => {
            tail.skipped.push(offset);
            tail.good = tail.end;
        }
        _ => {
            tail.torn = true;
            tail.torn_lines = 1;
        }
    }
    Ok(())
}

fn js_trim_start(bytes: &[u8]) -> &[u8] {
    let trimmed = js_trim(bytes);
    let skipped = trimmed.as_ptr() as usize - bytes.as_ptr() as usize;
    if trimmed.is_empty() { trimmed } else { bytes.get(skipped..).unwrap_or_default() }
}

fn js_trim_end(bytes: &[u8]) -> &[u8] {
    let trimmed = js_trim(bytes);
    let end = trimmed.as_ptr() as usize - bytes.as_ptr() as usize + trimmed.len();
    if trimmed.is_empty() { trimmed } else { bytes.get(..end).unwrap_or_default() }
}
