//! What is done to a store: random steps from a seed, always the same from the same one.

use opslog::disk::sim::{CallKind, Fault};

use super::model::Write;
use super::pause::Pause;

/// A generator that gives the same numbers for the same seed (xorshift64*, Vigna 2014).
#[derive(Clone)]
pub struct Random {
    state: u64,
    /// What is given out instead, from the end, as long as there is any: for a fuzzer.
    given: Vec<u8>,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, given: Vec::new() };
        random.below(2);
        random
    }

    /// Gives out these bytes first.
    #[allow(dead_code)] // For `fuzz/fuzz_targets/operations.rs`.
    pub fn giving(bytes: &[u8]) -> Self {
        let given = bytes.iter().rev().copied().collect();
        Self { given, ..Self::new(1) }
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        if let Some(byte) = self.given.pop() {
            return u64::from(byte) % limit.max(1);
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % limit.max(1)
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// Steps that come in the middle of something else.
#[derive(Debug, Clone)]
pub struct Late {
    /// Before which of its disk calls.
    pub nth: u64,
    pub steps: Vec<Step>,
    /// The steps wait in the middle of one of them, while what they interrupt goes on.
    pub pause: Option<Pause>,
}

#[derive(Debug, Clone)]
pub enum Step {
    Change(Write),
    Batch(Vec<Write>),
    /// A batch whose function throws.
    Abandon(Vec<Write>),
    Undo,
    Flush,
    /// What was written is synced, if the store does that.
    Sync,
    /// The history starts anew for a checkpoint that comes later.
    Hide,
    /// Of everything, or of what was there at `Hide`, with steps in the middle of it.
    Checkpoint {
        all: bool,
        late: Vec<Late>,
    },
    Archive(Vec<String>),
    /// A copy to another folder, with steps in the middle of it.
    Backup {
        late: Vec<Late>,
    },
    /// Close, with a checkpoint or without, and open again, buffering or not.
    Reopen {
        checkpoint: bool,
        buffered: bool,
    },
    /// `kill -9`, and open again.
    Kill {
        buffered: bool,
    },
    /// A reader looks what is new.
    Follow,
    /// History is deleted, but for the logs of so many checkpoints.
    Prune {
        keep: u64,
    },
    /// A call of the disk will fail.
    Fail {
        kind: CallKind,
        nth: u64,
        half: bool,
    },
    /// An append will write half of its bytes and say so.
    Short,
}

impl Step {
    /// The failure that this step scripts.
    pub fn fault(&self) -> Option<Fault> {
        match *self {
            Self::Fail { kind, nth, half } => Some(fault(kind, nth, half)),
            Self::Short => Some(Fault::short_write(CallKind::Append)),
            _ => None,
        }
    }
}

/// A failure of the n-th call of a kind from now, perhaps after half of its work.
pub fn fault(kind: CallKind, nth: u64, half: bool) -> Fault {
    let fault = Fault::new(kind, errno_of(kind)).nth(nth);
    if half { fault.after_half() } else { fault }
}

/// What the system says of a disk that is full, and of one that fails. On Windows 5 is a denied access.
pub const FULL: i32 = if cfg!(windows) { 112 } else { 28 };
const FAILING: i32 = if cfg!(windows) { 1117 } else { 5 };

/// [`FULL`] where space is needed, else [`FAILING`].
fn errno_of(kind: CallKind) -> i32 {
    if matches!(kind, CallKind::Append | CallKind::Create | CallKind::Link) { FULL } else { FAILING }
}

const IDS: [&str; 7] = ["a", "b", "c", "d", "é", "__proto__", "\"\\\n"];

pub struct Planner {
    pub random: Random,
    /// Of their own, so that plans stay what they are without them.
    pauses: Random,
    prunes: Random,
    values: u64,
}

impl Planner {
    pub fn new(seed: u64) -> Self {
        Self::with(Random::new(seed), seed % 1000 * 1000)
    }

    /// Values are numbered from there on.
    pub fn with(random: Random, values: u64) -> Self {
        let (pauses, prunes) = (Random::new(values + 1), Random::new(values + 2));
        Self { random, pauses, prunes, values }
    }

    /// A life of a store: what is done until it dies.
    pub fn steps(&mut self, count: u64) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..count {
            steps.extend(self.step_or_two());
            if self.prunes.chance(10) {
                steps.push(Step::Prune { keep: self.prunes.below(3) });
            }
        }
        steps
    }

    /// A step; or a checkpoint and another one that is asked for in the middle of the first, which may fail.
    fn step_or_two(&mut self) -> Vec<Step> {
        let mut step = self.step();
        let Step::Checkpoint { late, .. } = &mut step else { return vec![step] };
        if !self.pauses.chance(3) {
            return vec![step];
        }
        let nth = 1 + self.pauses.below(12);
        let behind = [self.other_change(), self.other_change()];
        let [one, other] = behind.clone();
        late.push(Late { nth, steps: vec![one, Step::Hide, other], pause: None });
        let mut steps = vec![step];
        steps.extend(behind);
        steps.extend([Step::Checkpoint { all: false, late: Vec::new() }, Step::Undo]);
        if self.pauses.chance(2) {
            let kinds = [CallKind::Create, CallKind::Sync, CallKind::Rename];
            let kind = kinds[self.pauses.below(kinds.len() as u64) as usize];
            steps.insert(0, Step::Fail { kind, nth: 1 + self.pauses.below(2), half: false });
        }
        steps
    }

    fn other_change(&mut self) -> Step {
        Step::Change(self.other_set())
    }

    fn step(&mut self) -> Step {
        match self.random.below(37) {
            0..=9 => Step::Change(self.write()),
            10..=13 => Step::Batch(self.writes()),
            14 => Step::Abandon(self.writes()),
            15..=18 => Step::Undo,
            19 => Step::Flush,
            20..=22 => Step::Checkpoint { all: self.random.chance(2), late: self.late_steps() },
            23 => Step::Archive(vec![self.id(), self.id()]),
            24..=25 => Step::Reopen { checkpoint: self.random.chance(2), buffered: self.random.chance(3) },
            26 => Step::Kill { buffered: self.random.chance(3) },
            27..=28 => Step::Follow,
            29 => Step::Short,
            30 => Step::Hide,
            31 => Step::Sync,
            32 => Step::Backup { late: self.late_steps() },
            _ => self.failure(),
        }
    }

    fn late_steps(&mut self) -> Vec<Late> {
        let count = self.random.below(4);
        // Publication, where two logs may count, is at the end.
        let mut at =
            || 1 + if self.random.chance(2) { self.random.below(20) } else { 10 + self.random.below(8) };
        let places: Vec<u64> = (0..count).map(|_| at()).collect();
        places.into_iter().map(|nth| self.late_at(nth)).collect()
    }

    fn late_at(&mut self, nth: u64) -> Late {
        let mut steps = self.late();
        let pause = self.pause();
        if pause.is_some() && self.pauses.chance(2) {
            // The undo that waits for a sync.
            steps.extend([Step::Batch(vec![self.other_set(), self.other_set()]), Step::Undo]);
        }
        Late { nth, steps, pause }
    }

    /// Each second group of late steps pauses, if one of its first two syncs comes.
    fn pause(&mut self) -> Option<Pause> {
        let random = &mut self.pauses;
        random.chance(2).then(|| Pause { before_sync: 1 + random.below(2), calls: 1 + random.below(14) })
    }

    fn late(&mut self) -> Vec<Step> {
        let count = 1 + self.random.below(3);
        let mut steps = Vec::new();
        for _ in 0..count {
            steps.push(match self.random.below(14) {
                0..=4 => Step::Change(self.write()),
                5..=6 => Step::Batch(self.writes()),
                7 => Step::Abandon(self.writes()),
                8..=9 => Step::Undo,
                10 => Step::Flush,
                11 => Step::Hide,
                12 => Step::Sync,
                _ => Step::Follow,
            });
        }
        steps
    }

    fn failure(&mut self) -> Step {
        const KINDS: [CallKind; 12] = [
            CallKind::Append,
            CallKind::Append,
            CallKind::Append,
            CallKind::SetLen,
            CallKind::WriteAt,
            CallKind::Sync,
            CallKind::SyncFolder,
            CallKind::Rename,
            CallKind::Create,
            CallKind::Unlink,
            CallKind::Open,
            CallKind::Info,
        ];
        let kind = KINDS[self.random.below(KINDS.len() as u64) as usize];
        let half = kind == CallKind::Append && self.random.chance(2);
        Step::Fail { kind, nth: 1 + self.random.below(4), half }
    }

    fn writes(&mut self) -> Vec<Write> {
        let count = 1 + self.random.below(4);
        (0..count).map(|_| self.write()).collect()
    }

    fn write(&mut self) -> Write {
        let id = self.id();
        if self.random.chance(4) { Write::Delete(id) } else { Write::Set(id, self.value()) }
    }

    fn other_set(&mut self) -> Write {
        self.values += 1;
        let id = IDS[self.pauses.below(IDS.len() as u64) as usize];
        Write::Set(id.to_owned(), format!("{{\"n\":{}}}", self.values))
    }

    fn id(&mut self) -> String {
        IDS[self.random.below(IDS.len() as u64) as usize].to_owned()
    }

    /// No two are equal.
    fn value(&mut self) -> String {
        self.values += 1;
        let n = self.values;
        match self.random.below(8) {
            0 => n.to_string(),
            1 => format!("[{n},\"é\"]"),
            2 => format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(500 + self.random.below(900) as usize)),
            3 => format!("{{\"n\":{n},\"more\":{{\"batch\":\"more\"}}}}"),
            _ => format!("{{\"n\":{n},\"text\":\"the same in many records\"}}"),
        }
    }
}
