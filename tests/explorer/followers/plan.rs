//! What happens in the folder: random steps from a seed.

use crate::plan::Random;

/// How many readers and agents there may be.
pub const READERS: usize = 2;
pub const AGENTS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
pub enum Step {
    /// The n-th of the writers that are open sets records, or deletes one.
    Set(usize, Vec<usize>),
    Delete(usize, usize),
    Undo(usize),
    Compact(usize),
    Archive(usize, usize),
    /// A checkpoint or compaction begins, perhaps of an archive: what follows comes before its publication.
    Begin(usize, Option<usize>),
    /// The one that has begun is published.
    Finish,
    /// A single writer comes, if the folder is free; or the one that is there goes.
    Single,
    /// An agent comes, if no single writer is there; or goes. It may load nothing.
    Agent(usize, bool),
    /// A reader comes, or goes. It may load nothing.
    Reader(usize, bool),
    /// A follower looks: a reader, or one of the writers that are open.
    Look(usize),
    /// The folder is copied.
    Copy,
    /// The folder is put back as it was copied.
    Restore(Restore),
}

/// How a folder is put back.
#[derive(Debug, Clone, Copy)]
pub struct Restore {
    /// The files become other files, as `rm` and `cp`, or `rsync`, leave them; otherwise they are overwritten in place.
    pub is_replaced: bool,
    /// Files that the copy does not have stay.
    pub keeps_others: bool,
    /// Agents have the folder open. What is the agents' own in `index/` stays as it is.
    pub is_under_agents: bool,
}

pub struct Planner {
    random: Random,
}

impl Planner {
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    pub fn steps(&mut self, count: u64) -> Vec<Step> {
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step {
        let n = self.random.below(12) as usize;
        match self.random.below(44) {
            0..=9 => {
                let count = 1 + if self.random.chance(3) { self.random.below(3) } else { 0 };
                Step::Set(n, (0..count).map(|_| self.random.below(6) as usize).collect())
            }
            10 | 11 => Step::Delete(n, self.random.below(6) as usize),
            12 | 13 => Step::Undo(n),
            14..=16 => Step::Compact(n),
            17 => Step::Archive(n, self.random.below(6) as usize),
            18..=20 => Step::Single,
            21..=24 => Step::Agent(n % AGENTS.len(), self.random.chance(6)),
            25 | 26 => Step::Reader(n % READERS, self.random.chance(4)),
            27..=35 => Step::Look(n),
            36 | 37 => Step::Copy,
            40 | 41 => Step::Begin(n, self.random.chance(4).then(|| self.random.below(6) as usize)),
            42 | 43 => Step::Finish,
            _ => Step::Restore(Restore {
                is_replaced: self.random.chance(2),
                keeps_others: self.random.chance(2),
                is_under_agents: self.random.chance(3),
            }),
        }
    }
}
