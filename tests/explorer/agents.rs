//! Lives of two agents in one folder: each call at which the disk can die, `kill -9` of both and power losses, a second
//! life on what is left, which dies as well, and a third. `OPSLOG_EXPLORER_AGENTS_REPLAY=seed/call/outcome` repeats
//! what a failure names.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, SimDisk};
use opslog::error::Error;
use opslog::layout;
use opslog::store::{Durability, Store};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::live::{ROOT, Violation, scan};
use super::oracle::{Legal, power_loss};
use super::party::{AGENTS, Deed, Own, Party, Put, carry_out, changes, own_of};
use super::plan::{Random, fault};
use super::reader;
use super::world::Dead;

const FIRST_MS: i64 = 1_700_000_000_000;
const SEEDS: u64 = 25;
/// A kill, and power losses.
const OUTCOMES: u64 = 3;

#[derive(Debug, Default)]
struct Tally {
    states: u64,
    acknowledged: u64,
    synced: u64,
    compactions: u64,
    late: u64,
    failures: u64,
}

/// Who does something, or a call of the disk that is to fail.
#[derive(Debug, Clone)]
enum Step {
    Do(usize, Deed),
    Fail(CallKind, u64),
}

struct Planner {
    random: Random,
    values: u64,
}

impl Planner {
    fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), values: seed % 1000 * 1000 }
    }

    fn steps(&mut self, count: u64) -> Vec<Step> {
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step {
        let who = self.random.below(2) as usize;
        let deed = match self.random.below(20) {
            0..=2 => {
                let places: Vec<u64> = (0..self.random.below(4)).map(|_| 1 + self.random.below(40)).collect();
                let late = places.into_iter().map(|place| (place, self.late(1 - who))).collect();
                Deed::Compact(late)
            }
            3 => Deed::Reopen,
            4 | 5 => Deed::Follow,
            6 => {
                let kinds =
                    [CallKind::Append, CallKind::Sync, CallKind::SetLen, CallKind::Create, CallKind::Rename];
                let kind = kinds[self.random.below(kinds.len() as u64) as usize];
                return Step::Fail(kind, 1 + self.random.below(4));
            }
            _ => self.plain(who),
        };
        Step::Do(who, deed)
    }

    fn plain(&mut self, who: usize) -> Deed {
        match self.random.below(10) {
            0..=4 => Deed::Put(self.put(who)),
            5 | 6 => {
                let count = 2 + self.random.below(3);
                Deed::Batch((0..count).map(|_| self.put(who)).collect())
            }
            7 | 8 => Deed::Undo,
            _ => Deed::Sync,
        }
    }

    fn late(&mut self, who: usize) -> Vec<Deed> {
        let count = 1 + self.random.below(3);
        (0..count).map(|_| self.plain(who)).collect()
    }

    fn put(&mut self, who: usize) -> Put {
        self.values += 1;
        let id = format!("{}{}", AGENTS[who], self.random.below(4));
        let deletes = self.random.chance(4);
        (id, (!deletes).then(|| format!("{{\"n\":{}}}", self.values)))
    }
}

#[test]
fn agents_that_die_together_leave_what_each_was_told_is_there() {
    if let Ok(replay) = std::env::var("OPSLOG_EXPLORER_AGENTS_REPLAY") {
        let parts: Vec<u64> = replay.split('/').map(|part| part.parse().unwrap()).collect();
        explore_seed(parts[0], parts.get(1).map(|call| (*call, parts[2])), &mut Tally::default()).unwrap();
        return;
    }
    if std::env::var("OPSLOG_EXPLORER_STATES").is_ok() {
        return;
    }
    let seeds = std::env::var("OPSLOG_EXPLORER_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let mut tally = Tally::default();
    for seed in 1..=seeds {
        explore_seed(seed, None, &mut tally).unwrap_or_else(|violation| panic!("{violation}"));
    }
    println!("agents: {tally:?}");
    if seeds >= SEEDS {
        let Tally { states, acknowledged, synced, compactions, late, failures } = tally;
        assert!(states > 5000, "only {states} states");
        for count in [acknowledged, synced, compactions, late, failures] {
            assert!(count > 100, "{count}");
        }
    }
}

fn explore_seed(seed: u64, only: Option<(u64, u64)>, tally: &mut Tally) -> Result<(), Violation> {
    let mut planner = Planner::new(seed);
    let steps = planner.steps(12);
    let told = |at: &str, violation: Violation| {
        let plan: String = steps.iter().map(|step| format!("\n  {step:?}")).collect();
        format!("replay with OPSLOG_EXPLORER_AGENTS_REPLAY={seed}{at}: {violation}\nsteps:{plan}")
    };
    let durability = durability(seed);
    let disk = SimDisk::new();
    let party = live(disk.clone(), Default::default(), FIRST_MS, durability, &steps, tally)
        .map_err(|violation| told("", violation))?;
    if disk.faults().failed_call + disk.faults().half_write == 0 {
        party.check().map_err(|violation| told("", violation))?;
    }
    drop(party);
    for call in 1..=disk.changes() {
        for outcome in 0..OUTCOMES {
            if only.is_none_or(|only| only == (call, outcome)) {
                let mut random = Random::new(seed << 40 ^ call << 20 ^ outcome);
                explore_death(&steps, durability, call, outcome, &mut random, tally)
                    .map_err(|violation| told(&format!("/{call}/{outcome}"), violation))?;
            }
        }
    }
    Ok(())
}

fn durability(seed: u64) -> Durability {
    match seed % 3 {
        0 => Durability::Process,
        1 => Durability::Interval(Duration::from_secs(1)),
        _ => Durability::Always,
    }
}

fn explore_death(
    steps: &[Step],
    durability: Durability,
    call: u64,
    outcome: u64,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), Violation> {
    let disk = SimDisk::new();
    disk.crash_after_partly(call, random.below(1 << 40));
    let first = live(disk.clone(), Default::default(), FIRST_MS, durability, steps, tally)?;
    tally.failures += disk.faults().failed_call;
    let (disk, own) = die(disk, first, outcome > 0, random)?;
    tally.states += 1;
    disk.crash_after_partly(1 + random.below(60), random.below(1 << 40));
    let again = Planner::new(random.below(1 << 20)).steps(6);
    let told = |violation| format!("second life {again:?}: {violation}");
    let second = live(disk.clone(), own, FIRST_MS + 30_000, durability, &again, tally).map_err(told)?;
    let (disk, own) = die(disk, second, random.chance(2), random).map_err(told)?;
    tally.states += 1;
    let third = live(disk, own, FIRST_MS + 60_000, durability, &[], tally).map_err(told)?;
    third.check().map_err(told)
}

/// Opens the folder for both agents and carries the steps out, as far as the disk lives.
fn live(
    disk: SimDisk,
    own: [Own; 2],
    now: i64,
    durability: Durability,
    steps: &[Step],
    tally: &mut Tally,
) -> Result<Party, Violation> {
    let hooked = HookDisk::new(disk.clone());
    let party = Arc::new(Mutex::new(Party::new(hooked.clone(), own, now, durability)));
    for who in 0..AGENTS.len() {
        if !disk.crashed() {
            party.lock().open(who)?;
        }
    }
    for step in steps.iter().take_while(|_| !disk.crashed()) {
        match step {
            Step::Fail(kind, nth) => disk.script(fault(*kind, *nth, false)),
            Step::Do(who, deed) => {
                carry_out(&party, *who, deed).map_err(|violation| format!("{step:?}: {violation}"))?;
                if let Deed::Compact(late) = deed {
                    tally.compactions += 1;
                    tally.late += late.len() as u64;
                }
            }
        }
        if let Some(violation) = party.lock().violation.take() {
            return Err(format!("{step:?}: {violation}"));
        }
    }
    hooked.clear();
    let party = Arc::into_inner(party).ok_or("another reference to the party is left")?.into_inner();
    tally.acknowledged += party.acknowledged;
    tally.synced += party.synced;
    Ok(party)
}

/// What both leave when they die, with what was found of it.
fn die(
    disk: SimDisk,
    mut party: Party,
    loses_power: bool,
    random: &mut Random,
) -> Result<(SimDisk, [Own; 2]), Violation> {
    let (left, legal) =
        if loses_power { power_loss(&disk, random) } else { (disk.after_kill(), Legal::Killed) };
    // As the processes go, so do their stores.
    party.stores = [None, None];
    let reader = Store::open(Arc::new(left.after_kill()), Path::new(ROOT), reader::options(party.now), &Dead);
    let records = match reader {
        Ok(reader) => scan(&reader.store)?,
        Err(Error::NoStore) => Vec::new(),
        Err(error) => return Err(format!("a reader cannot open: {error}")),
    };
    // Whether its process lives is asked of the true system: `tests/lock` has that.
    let lock = Path::new(ROOT).join(layout::COMPACT_LOCK);
    if left.info(&lock).is_ok() {
        left.unlink(&lock).map_err(|error| error.to_string())?;
    }
    for (who, own) in party.own.iter_mut().enumerate() {
        let found = own_of(who, &records);
        let last = own.doubts.iter().chain(own.versions.last());
        let is_legal = match legal {
            Legal::Killed if own.is_unclear => changes(own.now(), &found).len() <= 1,
            Legal::Killed => last.map(|version| &version.records).any(|records| *records == found),
            _ if own.is_unclear => true,
            // A byte of garbage can make an operation of one record one of another.
            Legal::Garbled => keeps_untouched(own, &found),
            _ => keeps_untouched(own, &found) && holds_only_written(own, &found),
        };
        if !is_legal {
            return Err(format!("{legal:?}: of agent {who} there is {found:?}; it was told {own:?}"));
        }
        own.adopt(found, loses_power);
    }
    Ok((left, party.own))
}

/// What was durable and not written since is there.
fn keeps_untouched(own: &Own, found: &super::party::Records) -> bool {
    let durable = &own.versions[0].records;
    durable
        .iter()
        .all(|(id, value)| found.get(id) == Some(value) || puts_since(own).any(|(there, _)| there == id))
}

/// Each record is as it was when all was durable, or as something made it since.
fn holds_only_written(own: &Own, found: &super::party::Records) -> bool {
    let durable = &own.versions[0].records;
    let is_written = |id: &String, value: &String| {
        durable.get(id) == Some(value)
            || puts_since(own).any(|(there, put)| there == id && put.as_ref() == Some(value))
    };
    found.iter().all(|(id, value)| is_written(id, value))
}

fn puts_since(own: &Own) -> impl Iterator<Item = &Put> {
    own.versions.iter().skip(1).chain(&own.doubts).flat_map(|version| &version.puts)
}
