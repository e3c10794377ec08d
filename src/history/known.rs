//! Where a store stands, with the last lines that it knows of each log up to there. A listener goes on from what its store shows:
//! by these lines it tells what another process has undone by the time the logs are read, or before the store has seen that.

use std::path::Path;
use std::sync::Arc;

use super::position::{Mark, Position, print_lasts};
use super::reverse_log::ReverseLog;
use super::trail::LogName;
use crate::disk::Disk;
use crate::error::Result;
use crate::format::operation::parse_line;

/// How much of the end of a log is read for lines of which no store knows.
const READ: usize = 64 << 10;

/// A line that a store knows.
#[derive(Debug, Clone)]
pub struct KnownLine {
    pub(super) mark: Mark,
    pub(super) id: Arc<[u8]>,
}

impl KnownLine {
    /// A line that begins at an offset, and its record.
    pub fn new(start: u64, line: &[u8], id: &Arc<[u8]>) -> Self {
        Self { mark: Mark::new(start, line), id: Arc::clone(id) }
    }

    /// A line that is there no more, so that its text is not known.
    pub fn gone(start: u64, len: u32, id: &Arc<[u8]>) -> Self {
        Self { mark: Mark { start, len: len.into(), checksum: 0 }, id: Arc::clone(id) }
    }

    /// Where the line behind it begins.
    pub fn end(&self) -> u64 {
        self.mark.end()
    }
}

/// The last lines of a log that a store knows.
#[derive(Debug, Clone)]
pub struct KnownLog {
    /// The log.
    pub relative: String,
    /// In their order.
    pub lines: Vec<KnownLine>,
    /// Whether there were others before them.
    pub has_more: bool,
}

impl KnownLog {
    /// Reads the last lines up to an offset.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn read(disk: &dyn Disk, root: &Path, relative: &str, end: u64) -> Result<Self> {
        let mut log = ReverseLog::open(disk, root, &LogName::of(relative), end)?;
        let (mut lines, mut bytes, mut has_more) = (Vec::new(), 0, false);
        while let Some(found) = log.next()? {
            if bytes >= READ {
                has_more = true;
                break;
            }
            bytes += found.bytes.len();
            let Ok(line) = parse_line(&found.bytes) else { continue };
            lines.push(KnownLine { mark: found.mark, id: Arc::from(&*line.id) });
        }
        lines.reverse();
        Ok(Self { relative: relative.to_owned(), lines, has_more })
    }
}

/// A position, and the lines up to it.
#[derive(Debug)]
pub struct KnownPosition {
    pub(super) position: Position,
    pub(super) logs: Vec<KnownLog>,
}

impl KnownPosition {
    /// Behind the last lines of logs, of which `is_of_agents` tells whether each may still grow.
    ///
    /// # Errors
    /// None for the logs of a store.
    pub fn behind(logs: Vec<KnownLog>, is_of_agents: bool) -> Result<Self> {
        let last = |log: &KnownLog| log.lines.last().map(|line| line.mark);
        let lasts: Vec<_> = logs.iter().map(|log| (log.relative.as_str(), last(log))).collect();
        let position = Position::parse(&print_lasts(&lasts, is_of_agents))?;
        Ok(Self { position, logs })
    }

    /// What is known of the log of an agent that has a time in its name.
    pub(super) fn log(&self, ms: u64, agent: &str) -> Option<&KnownLog> {
        let is_it = |log: &&KnownLog| {
            let name = LogName::of(&log.relative);
            (name.ms, &*name.agent) == (ms, agent)
        };
        self.logs.iter().find(is_it)
    }
}
