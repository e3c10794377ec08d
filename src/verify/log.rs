//! Logs: each line is an operation, the last one is whole, and no batch lacks its end.

use std::ops::ControlFlow;

use super::document::NOT_UTF8;
use super::{Remedy, Subject, Verifier};
use crate::error::Result;
use crate::layout;
use crate::patience::Patience;
use crate::wal::{Tail, replay_unlocked};

/// How much of a log is read at once.
const PIECE: usize = 4 << 20;
/// How often the end of a log is looked at again that looks torn and stays as it is: a process may be writing there.
const LOOKS: u32 = 20;

impl Verifier<'_> {
    /// Checks a log, also while a process writes to it.
    pub(super) fn log(&mut self, log: &Subject) -> Result<()> {
        let mut from = 0;
        let (mut looks, mut end) = (0, 0);
        let patience = Patience::new(1);
        loop {
            // NOTE: asked before the look. A writer may finish and go away in between.
            let may_be_written = self.may_be_written();
            let (tail, is_last) = self.log_piece(log, from)?;
            let is_torn = is_last && tail.torn;
            if tail.end != end {
                (looks, end) = (0, tail.end);
            }
            if is_torn && looks < LOOKS && may_be_written {
                looks += 1;
                patience.pause_long();
            } else if is_torn {
                let what = format!("the last write has not finished: {} bytes", tail.end - tail.good);
                self.damaged(log, tail.good, Remedy::Cut, what);
                return Ok(());
            } else if is_last {
                return Ok(());
            }
            from = tail.good;
            self.reach(from);
        }
    }

    /// Whether a process may be appending: a single writer is there as long as its lock file is.
    fn may_be_written(&self) -> bool {
        let is_shared = self.manifest.as_ref().is_some_and(|manifest| manifest.active_agent_ops.is_some());
        is_shared || (!self.is_held && self.disk.info(&self.root.join(layout::LOCK)).is_ok())
    }

    /// Checks what comes next, and says what was found at its end.
    fn log_piece(&mut self, log: &Subject, from: u64) -> Result<(Tail, bool)> {
        let mut operations = 0;
        let mut not_utf8 = Vec::new();
        let piece = replay_unlocked(
            &*log.file,
            &log.path,
            from,
            PIECE,
            || Ok(true),
            |offset, line, _| {
                operations += 1;
                if let Err(error) = std::str::from_utf8(line) {
                    not_utf8.push(offset + error.valid_up_to() as u64);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        self.report.operations += operations;
        for offset in not_utf8 {
            self.damaged(log, offset, Remedy::None, NOT_UTF8);
        }
        let piece = piece.unwrap_or_default();
        for offset in &piece.tail.skipped {
            self.damaged(log, *offset, Remedy::Blank, "this line is no operation, and is skipped");
        }
        Ok((piece.tail, piece.is_last))
    }
}
