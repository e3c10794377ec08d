//! Settles a log before its store gives it up: every line of a batch becomes a valid end, for a 0.8.1 may cut the log within
//! a batch from here on, and what is left must not look like a batch that a crash cut. The markers of a block of the log
//! are changed with one read and one write.

use crate::disk::read_exact_at;
use crate::engine::Text;
use crate::error::{Error, Result};
use crate::format::operation::{BatchMark, batch_marker};
use crate::gate::Shared;
use crate::rules::batches::is_end_to_be;
use crate::store::agents::own_path;
use crate::store::open::read_manifest;
use crate::store::{Rejected, State, Store};
use crate::wal::doubt;

/// A block is at most this long, unless one line is longer.
const BLOCK: u64 = 1 << 20;
/// Lines that are further apart stand in two blocks: the bytes between them would be written for nothing.
const GAP: u64 = 1 << 16;

/// A line within a batch: where it begins, how long it is, and which operation it is.
struct Line {
    offset: u64,
    len: u64,
    operation: usize,
}

impl Line {
    fn end(&self) -> u64 {
        self.offset + self.len
    }
}

impl Store {
    /// Proof that the log is in force and stays so: among agents another one may have sealed it, and made an index of its lines as they are.
    /// `None`: it was sealed, or the folder's lock cannot be had.
    pub(in crate::store) fn log_in_force(&self) -> Option<Option<Shared<'_>>> {
        let (Some(gate), Some(agent)) = (&self.gate, &self.options.agent) else { return Some(None) };
        if self.lock().lines_within_batches().is_empty() {
            return None;
        }
        let shared = gate.shared().ok()?;
        let manifest = read_manifest(&*self.disk, &self.root).ok()??;
        let is_in_force = own_path(&manifest, agent) == Some(self.lock().logs.wal.relative());
        is_in_force.then_some(Some(shared))
    }
}

impl State {
    /// Settles the log before it is given up. Not `is_in_force`: it is sealed, and stays as it is.
    pub(in crate::store) fn settle_log(&mut self, store: &Store, is_in_force: bool) -> Result<()> {
        if self.failed.is_some() {
            return Ok(());
        }
        store.check_former_log(self)?;
        match store.check_length(self) {
            Ok(()) if is_in_force => self.settle_batches(store),
            Ok(()) => Ok(()),
            // The next one to open it reads what is there.
            Err(Rejected::NotNow) => Ok(()),
            Err(rejected) => Err(rejected.into_error()),
        }
    }

    fn settle_batches(&mut self, store: &Store) -> Result<()> {
        let lines = self.lines_within_batches();
        if lines.is_empty() {
            return Ok(());
        }
        // NOTE: the lines must be durable before one of them can pass for the batch's end.
        self.logs.wal.sync().inspect_err(|_| doubt::note(&*store.disk, self.logs.wal.path()))?;
        for block in blocks(&lines) {
            let Some((offset, bytes)) = self.settled_block(block)? else { continue };
            match self.logs.wal.overwrite(&*store.disk, offset, &bytes) {
                // A caller may have deleted the log; then there is nothing to settle.
                Err(error) if error.is_missing_file() => return Ok(()),
                settled => settled?,
            }
        }
        for operation in self.engine.operations_mut() {
            if is_end_to_be(operation.batch) {
                operation.batch = Some(BatchMark::Last);
            }
        }
        Ok(())
    }

    /// The lines in this log that are not the last of their batch, in the order of the log.
    fn lines_within_batches(&self) -> Vec<Line> {
        let flushed = self.engine.operations().get(..self.unwritten.buffered()).unwrap_or_default();
        let Some(own) = self.logs.wal.file() else { return Vec::new() };
        let lines = flushed.iter().enumerate().filter_map(|(operation, of)| match &of.line {
            // NOTE: among agents, operations of logs that were sealed may stand here too.
            Text::At { file, offset, len, .. }
                if is_end_to_be(of.batch) && std::sync::Arc::ptr_eq(file, own) =>
            {
                Some(Line { offset: *offset, len: u64::from(*len), operation })
            }
            _ => None,
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort_unstable_by_key(|line| line.offset);
        lines
    }

    /// The bytes of a block from its first marker to its last, all of them those of an end, and where they belong.
    fn settled_block(&self, block: &[Line]) -> Result<Option<(u64, Vec<u8>)>> {
        let (Some(first), Some(last), Some(file)) = (block.first(), block.last(), self.logs.wal.file())
        else {
            return Ok(None);
        };
        let path = self.logs.wal.path();
        let len = (last.end() - first.offset) as usize;
        let mut bytes =
            read_exact_at(&**file, first.offset, len).map_err(|source| Error::io("read", path, source))?;
        let end = BatchMark::Last.text();
        let (mut from, mut to) = (len, 0);
        for line in block {
            let begin = (line.offset - first.offset) as usize;
            let text = bytes.get(begin..begin + line.len as usize).unwrap_or_default();
            let is_intact =
                self.engine.operations().get(line.operation).is_some_and(|of| of.line.is_intact(text));
            let marker = batch_marker(text).filter(|_| is_intact).map(|at| begin + at);
            let place = marker.and_then(|at| Some((at, bytes.get_mut(at..at + end.len())?)));
            let Some((at, place)) = place else {
                return Err(Error::corrupt(path, line.offset, "a batch marker is not where it was written"));
            };
            place.copy_from_slice(end);
            from = from.min(at);
            to = to.max(at + end.len());
        }
        Ok(bytes.get(from..to).map(|changed| (first.offset + from as u64, changed.to_vec())))
    }
}

/// Lines that are read and written together.
fn blocks(lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let fits = |(before, line): (&Line, &Line)| {
            line.end() - first.offset <= BLOCK && line.offset.saturating_sub(before.end()) <= GAP
        };
        let count = 1 + rest.iter().zip(rest.iter().skip(1)).take_while(|&pair| fits(pair)).count();
        let (block, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(block)
    })
}
