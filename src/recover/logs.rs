//! Operations of logs, in their order: of single writers one log after the other, of agents by (clock, agent).

use std::ops::ControlFlow;
use std::path::Path;

use hashbrown::HashSet;

use super::records::Records;
use super::sources::LogPart;
use super::{Loss, Recovered};
use crate::disk::{Disk, OpenMode};
use crate::engine::{Id, Rank, Text};
use crate::error::Result;
use crate::wal::replay;
use crate::{layout, order};

/// Operations that are to be applied.
pub(super) struct Replay<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    operations: Vec<Operation>,
    bytes: u64,
    stage: u32,
    was_agents: bool,
}

struct Operation {
    /// Logs of agents between two of single writers are of one stage, a single writer's log is one of its own.
    stage: u32,
    rank: Rank,
    id: Id,
    value: Option<Text>,
    version: u32,
    /// Whether the snapshot may have it already.
    is_sealed: bool,
}

impl<'a> Replay<'a> {
    pub(super) fn new(disk: &'a dyn Disk, root: &'a Path) -> Self {
        Self { disk, root, operations: Vec::new(), bytes: 0, stage: 0, was_agents: false }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a log. `version` is that of the snapshot before it.
    pub(super) fn add(&mut self, log: &LogPart, version: u32, report: &mut Recovered) -> Result<()> {
        let path = layout::at(self.root, &log.relative);
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            // One that is missing was empty, or is told by the note of closing.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                report.lose_file(path, format!("this log cannot be read: {error}"));
                return Ok(());
            }
        };
        report.use_file(&log.relative);
        let version = log.version.unwrap_or(version);
        let is_agents = layout::agent_milliseconds(&log.relative).is_some();
        if !(is_agents && self.was_agents) {
            self.stage += 1;
        }
        self.was_agents = is_agents;
        let (stage, operations) = (self.stage, &mut self.operations);
        let tail = replay(&*file, &path, 0, |offset, bytes, line| {
            if offset >= log.end {
                return Ok(ControlFlow::Break(()));
            }
            let text = Text::at(&file, offset, bytes.len());
            operations.push(Operation {
                stage,
                rank: Rank {
                    clock: if is_agents { line.clock.unwrap_or(0) } else { 0 },
                    agent: line.agent.as_deref().filter(|_| is_agents).unwrap_or_default().into(),
                },
                id: (&*line.id).into(),
                value: line.data.clone().map(|range| text.part(range, bytes)),
                version: line.version.unwrap_or(version),
                is_sealed: log.is_sealed,
            });
            Ok(ControlFlow::Continue(()))
        });
        match tail {
            Ok(tail) => {
                self.bytes += tail.end;
                if log.end != u64::MAX && tail.end < log.end {
                    let what = format!("the log ends here, and had {} bytes when it was sealed", log.end);
                    report.lose(Loss { path: path.clone(), offset: Some(tail.end), what, id: None });
                }
                for offset in tail.skipped {
                    let what = "this line of the log is no operation".into();
                    report.lose(Loss { path: path.clone(), offset: Some(offset), what, id: None });
                }
                if tail.torn && tail.end.min(log.end) > tail.good {
                    let what = "the end of the log is torn, or an unfinished batch".into();
                    report.lose(Loss { path, offset: Some(tail.good), what, id: None });
                }
            }
            Err(error) => report.lose_file(path, format!("the rest of this log cannot be read: {error}")),
        }
        Ok(())
    }

    /// Applies the operations. Records that went to an archive are not brought back by operations that a snapshot has seen. Returns
    /// the highest clock.
    pub(super) fn apply(
        self,
        records: &mut Records,
        archived: &HashSet<Vec<u8>>,
        report: &mut Recovered,
    ) -> u64 {
        let mut operations = self.operations;
        order::sort_by(&mut operations, |one, other| {
            one.stage.cmp(&other.stage).then_with(|| one.rank.cmp(&other.rank))
        });
        let mut clock = 0;
        for operation in operations {
            clock = clock.max(operation.rank.clock);
            report.operations += 1;
            match operation.value {
                Some(_)
                    if operation.is_sealed
                        && !records.contains(&operation.id)
                        && archived.contains(&*operation.id) => {}
                Some(text) => records.set(&operation.id, text, operation.version),
                None => records.delete(&operation.id),
            }
        }
        clock
    }
}
