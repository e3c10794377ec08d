//! What stands in the object store: the manifest, logs, snapshots, and requests that were answered with an error and may
//! still arrive.

pub const AGENTS: usize = 3;

/// A set of operations: one bit each.
pub type Mask = u16;
/// A log, by its number.
pub type LogId = u8;

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    pub clock: u8,
    pub agent: u8,
    /// The operation: the same in a line that was appended again.
    pub operation: u8,
}

impl Line {
    pub fn bit(self) -> Mask {
        1 << self.operation
    }
}

/// Logs that went into a snapshot, and how many lines of each did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Retired {
    pub snapshot: u8,
    pub logs: Vec<(LogId, u8)>,
}

/// A log that is read, but no more appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Old {
    /// The generation that sealed it; `None` for one that a store left when another took its agentId.
    pub generation: Option<u8>,
    pub log: LogId,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manifest {
    /// The stamp of this publication, its version too: no two have the same.
    pub stamp: u8,
    pub ancestors: Vec<u8>,
    pub generation: u8,
    pub snapshot: u8,
    pub live: [Option<LogId>; AGENTS],
    pub sessions: [u8; AGENTS],
    pub quiet: [bool; AGENTS],
    pub old: Vec<Old>,
    pub clock: u8,
    pub retired: Vec<Retired>,
}

impl Manifest {
    /// All logs that count, with the generation that sealed each.
    pub fn logs(&self) -> Vec<(u8, LogId)> {
        let old = self.old.iter().map(|old| (old.generation.unwrap_or(u8::MAX), old.log));
        old.chain(self.live.iter().flatten().map(|log| (u8::MAX, *log))).collect()
    }

    pub fn sealed(&self) -> Vec<(u8, LogId)> {
        self.old.iter().filter_map(|old| Some((old.generation?, old.log))).collect()
    }

    pub fn names(&self, log: LogId) -> bool {
        self.logs().iter().any(|(_, named)| *named == log)
    }

    /// One log takes the place of another.
    pub fn replaced(&self, log: LogId, copy: LogId) -> Self {
        let mut next = self.clone();
        for live in next.live.iter_mut().flatten().filter(|live| **live == log) {
            *live = copy;
        }
        for old in next.old.iter_mut().filter(|old| old.log == log) {
            old.log = copy;
        }
        next
    }

    /// How many lines of a log counted that is named no more.
    pub fn fence_of(&self, log: LogId) -> Option<u8> {
        self.retired
            .iter()
            .flat_map(|retired| &retired.logs)
            .find(|(path, _)| *path == log)
            .map(|(_, count)| *count)
    }
}

/// A request that was answered with an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Late {
    Append(LogId, Line),
    Publish(Box<Manifest>, Option<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Storage {
    pub manifest: Manifest,
    pub logs: Vec<Vec<Line>>,
    /// The lines that went into each snapshot, in order.
    pub snapshots: Vec<Vec<Line>>,
    pub late: Vec<Late>,
    pub next_stamp: u8,
}

impl Storage {
    /// A store without agents.
    pub fn empty() -> Self {
        let manifest = Manifest {
            stamp: 0,
            ancestors: Vec::new(),
            generation: 0,
            snapshot: 0,
            live: [None; AGENTS],
            sessions: [0; AGENTS],
            quiet: [false; AGENTS],
            old: Vec::new(),
            clock: 0,
            retired: Vec::new(),
        };
        Self { manifest, logs: Vec::new(), snapshots: vec![Vec::new()], late: Vec::new(), next_stamp: 1 }
    }

    pub fn create_log(&mut self, lines: Vec<Line>) -> LogId {
        self.logs.push(lines);
        (self.logs.len() - 1) as LogId
    }

    pub fn read_log(&self, log: LogId) -> &[Line] {
        &self.logs[usize::from(log)]
    }

    /// How many different operations a log has.
    pub fn count(&self, log: LogId) -> u8 {
        mask_of(self.read_log(log)).count_ones() as u8
    }

    /// So many different operations of a log, from its beginning on.
    pub fn first_of(&self, log: LogId, count: u8) -> Mask {
        let lines = self.read_log(log).iter();
        lines
            .fold(0, |mask, line| if mask.count_ones() < u32::from(count) { mask | line.bit() } else { mask })
    }

    pub fn append(&mut self, log: LogId, line: Line) {
        self.logs[usize::from(log)].push(line);
    }

    /// Publishes on the condition that the manifest still has a version; without one, whatever is there.
    pub fn publish(&mut self, manifest: &Manifest, condition: Option<u8>) -> bool {
        let holds = condition.is_none_or(|version| version == self.manifest.stamp);
        if holds {
            self.manifest = manifest.clone();
        }
        holds
    }

    /// A request that was thought to have failed arrives.
    pub fn arrive(&mut self, place: usize) {
        match self.late.remove(place) {
            Late::Append(log, line) => self.append(log, line),
            Late::Publish(manifest, condition) => drop(self.publish(&manifest, condition)),
        }
    }

    /// The lines of logs, in the order that every reader agrees on, each operation once: where its last copy stands.
    pub fn merged(&self, logs: &[(u8, LogId)]) -> Vec<Line> {
        let mut lines: Vec<(u8, Line)> = Vec::new();
        for (generation, log) in logs {
            lines.extend(self.read_log(*log).iter().map(|line| (*generation, *line)));
        }
        lines.sort();
        let mut lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
        keep_last_copies(&mut lines);
        lines
    }

    /// What a fresh reader finds, in order.
    pub fn state(&self) -> Vec<Line> {
        let mut lines = self.snapshots[usize::from(self.manifest.snapshot)].clone();
        lines.extend(self.merged(&self.manifest.logs()));
        keep_last_copies(&mut lines);
        lines
    }

    pub fn highest_clock(&self, logs: &[(u8, LogId)]) -> u8 {
        logs.iter().flat_map(|(_, log)| self.read_log(*log)).map(|line| line.clock).max().unwrap_or(0)
    }
}

/// An operation that was appended again stands where its last copy stands.
pub fn keep_last_copies(lines: &mut Vec<Line>) {
    let mut seen: Mask = 0;
    lines.reverse();
    lines.retain(|line| {
        let is_first = seen & line.bit() == 0;
        seen |= line.bit();
        is_first
    });
    lines.reverse();
}

/// The different operations among lines.
pub fn mask_of(lines: &[Line]) -> Mask {
    lines.iter().fold(0, |mask, line| mask | line.bit())
}
