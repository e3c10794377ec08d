//! What was looked at, over all lives.

use std::ops::AddAssign;

use opslog::disk::sim::FaultCounts;

use super::oracle::Legal;

/// What lives did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deeds {
    /// Steps that the store said were done.
    pub acknowledged: u64,
    /// Of them, those whose sync it said was done.
    pub synced: u64,
    /// How many of these were so after a failed sync that no process knew of.
    pub unnoted: u64,
    /// Logs that were written anew because a sync of them had failed.
    pub renewed: u64,
    /// Stores that were brought to another version of the schema when they were opened.
    pub migrated: u64,
    /// Stores that were opened twice, to see that recovery leaves nothing to recover.
    pub twice: u64,
    /// Files of the history that were deleted.
    pub pruned: u64,
}

impl AddAssign for Deeds {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.synced += other.synced;
        self.unnoted += other.unnoted;
        self.renewed += other.renewed;
        self.migrated += other.migrated;
        self.twice += other.twice;
        self.pruned += other.pruned;
    }
}

/// What was looked at.
#[derive(Default)]
pub struct Tally {
    pub seeds: u64,
    pub calls: u64,
    pub killed: u64,
    pub in_order: u64,
    pub damaged: u64,
    pub in_recovery: u64,
    /// Files of indexes that were damaged or of another snapshot.
    pub damaged_indexes: u64,
    pub deeds: Deeds,
    pub faults: FaultCounts,
}

impl Tally {
    pub fn states(&self) -> u64 {
        self.killed + self.in_order + self.damaged
    }

    pub fn count(&mut self, legal: Legal) {
        *match legal {
            Legal::Killed => &mut self.killed,
            Legal::InOrder => &mut self.in_order,
            Legal::Damaged | Legal::Garbled => &mut self.damaged,
        } += 1;
    }

    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.calls += other.calls;
        self.killed += other.killed;
        self.in_order += other.in_order;
        self.damaged += other.damaged;
        self.in_recovery += other.in_recovery;
        self.damaged_indexes += other.damaged_indexes;
        self.deeds += other.deeds;
        self.faults += other.faults;
    }

    /// What a run prints at its end.
    pub fn print(&self, lost: u64) {
        println!(
            "{} states of {} lives and {} crash points: {} after a kill, {} after an orderly power loss, {} after a \
             damaging one; {} crashes during recovery",
            self.states(),
            self.seeds,
            self.calls,
            self.killed,
            self.in_order,
            self.damaged,
            self.in_recovery
        );
        let Deeds { acknowledged, synced, unnoted, renewed, migrated, twice, pruned } = self.deeds;
        println!(
            "{acknowledged} steps acknowledged, {lost} lost; {synced} of them after a sync ({unnoted} of these after a \
             failed one that no process could note)"
        );
        println!(
            "{} indexes damaged or of another snapshot; {renewed} logs written anew after a failed sync; {migrated} migrations; {twice} stores opened twice; {pruned} files \
             pruned",
            self.damaged_indexes
        );
        let faults: Vec<String> =
            self.faults.each().iter().map(|(name, count)| format!("{name} {count}")).collect();
        println!("faults: {}", faults.join(", "));
    }
}
