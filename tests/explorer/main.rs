//! Lets stores die at every call of the disk and looks at what is left: random lives from seeds, each crash
//! point, `kill -9` and power losses, crashes during recovery, and again. `OPSLOG_EXPLORER_SEEDS=n` explores
//! n seeds, `OPSLOG_EXPLORER_STATES=n` goes on until n states were looked at, `OPSLOG_EXPLORER_REPLAY=seed`
//! or `=seed/call/outcome` repeats what a failure names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod copy;
mod hook;
mod live;
mod model;
mod oracle;
mod plan;
mod reader;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use opslog::disk::sim::{FaultCounts, SimDisk};
use opslog::store::Durability;
use parking_lot::Mutex;

use live::{Violation, doubtful_logs};
use model::Model;
use oracle::{Legal, power_loss};
use plan::{Planner, Random, Step};
use world::World;

const FIRST_MS: i64 = 1_700_000_000_000;
/// A kill, and power losses.
const OUTCOMES: u64 = 4;

/// What was looked at.
#[derive(Default)]
struct Tally {
    seeds: u64,
    calls: u64,
    killed: u64,
    in_order: u64,
    damaged: u64,
    in_recovery: u64,
    synced: u64,
    unnoted: u64,
    renewed: u64,
    faults: FaultCounts,
}

impl Tally {
    fn states(&self) -> u64 {
        self.killed + self.in_order + self.damaged
    }

    fn count(&mut self, legal: Legal) {
        *match legal {
            Legal::Killed => &mut self.killed,
            Legal::InOrder => &mut self.in_order,
            Legal::Damaged | Legal::Garbled => &mut self.damaged,
        } += 1;
    }

    fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.calls += other.calls;
        self.killed += other.killed;
        self.in_order += other.in_order;
        self.damaged += other.damaged;
        self.in_recovery += other.in_recovery;
        self.synced += other.synced;
        self.unnoted += other.unnoted;
        self.renewed += other.renewed;
        self.faults += other.faults;
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_crash_leaves_a_store_that_opens_with_what_it_must_hold() {
    if let Ok(replay) = std::env::var("OPSLOG_EXPLORER_REPLAY") {
        let mut parts = replay.split('/').map(|part| part.parse().unwrap());
        let seed = parts.next().unwrap();
        let only = parts.next().map(|call| (call, parts.next().unwrap_or(0)));
        explore_seed(seed, only).unwrap_or_else(|violation| panic!("{}", shortened(&violation)));
        return;
    }
    let wanted_states = number("OPSLOG_EXPLORER_STATES");
    let wanted_seeds =
        number("OPSLOG_EXPLORER_SEEDS").unwrap_or(if wanted_states.is_some() { u64::MAX } else { 60 });
    let next = AtomicU64::new(1);
    let total = Mutex::new(Tally::default());
    let found = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while found.lock().is_none()
                    && wanted_states.is_none_or(|states| total.lock().states() < states)
                {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > wanted_seeds {
                        break;
                    }
                    match explore_seed(seed, None) {
                        Ok(tally) => total.lock().add(&tally),
                        Err(violation) => *found.lock() = Some(violation),
                    }
                }
            });
        }
    });
    if let Some(violation) = found.into_inner() {
        panic!("{}", shortened(&violation));
    }
    report(&total.into_inner(), wanted_seeds);
}

fn report(total: &Tally, seeds: u64) {
    println!(
        "{} states of {} lives and {} crash points: {} after a kill, {} after an orderly power loss, {} after a \
         damaging one; {} crashes during recovery",
        total.states(),
        total.seeds,
        total.calls,
        total.killed,
        total.in_order,
        total.damaged,
        total.in_recovery
    );
    println!(
        "{} steps acknowledged after a sync, {} of them after a failed one that nobody could note; {} logs written \
         anew after a failed sync; {:?}",
        total.synced, total.unnoted, total.renewed, total.faults
    );
    if seeds < 30 {
        return;
    }
    assert!(total.states() >= 5000, "only {} states", total.states());
    assert!(total.in_recovery > 0);
    assert!(total.renewed > 0);
    assert!(total.synced > 1000, "only {} steps acknowledged after a sync", total.synced);
    for (name, count) in total.faults.each() {
        match name {
            // No name is given to unsynced content: this cannot happen.
            "rename_without_data" => assert_eq!(count, 0, "{name}"),
            _ => assert!(count > 0, "{name} never happened"),
        }
    }
}

/// Explores one life. `only` is a crash point and an outcome.
fn explore_seed(seed: u64, only: Option<(u64, u64)>) -> Result<Tally, Violation> {
    let mut planner = Planner::new(seed);
    let count = 8 + planner.random.below(10);
    let steps = planner.steps(count);
    let mut tally = Tally { seeds: 1, ..Tally::default() };
    let told = |at: &str, violation: Violation| {
        let plan: String = steps.iter().map(|step| format!("\n  {step:?}")).collect();
        format!("replay with OPSLOG_EXPLORER_REPLAY={seed}{at}: {violation}\nsteps:{plan}")
    };
    let mut whole = World::new(SimDisk::new(), Model::new(), FIRST_MS, durability(seed), None, true);
    guarded(|| whole.live(&steps, Legal::InOrder)).map_err(|violation| told("", violation))?;
    tally.faults += whole.disk.faults();
    for call in 1..=whole.changes {
        for outcome in 0..OUTCOMES {
            if only.is_none_or(|only| only == (call, outcome)) {
                guarded(|| explore_death(seed, &steps, call, outcome, &mut tally))
                    .map_err(|violation| told(&format!("/{call}/{outcome}"), violation))?;
            }
        }
        tally.calls += 1;
    }
    Ok(tally)
}

/// One crash, one outcome, a second life on what it left that dies as well, and a third.
fn explore_death(
    seed: u64,
    steps: &[Step],
    call: u64,
    outcome: u64,
    tally: &mut Tally,
) -> Result<(), Violation> {
    let mut random = Random::new(seed << 40 ^ call << 20 ^ outcome);
    let death = Some((call, random.below(1 << 40)));
    let disk = SimDisk::new();
    let mut first = World::new(disk.clone(), Model::new(), FIRST_MS, durability(seed), death, false);
    first.live(steps, Legal::InOrder)?;
    if !first.dead {
        return Err("the disk did not die".into());
    }
    let (left, legal) = die(&first, outcome, &mut random);
    tally.count(legal);
    let in_recovery = random.chance(2);
    let death = Some((1 + random.below(if in_recovery { 12 } else { 60 }), random.below(1 << 40)));
    let again = Planner::new(random.below(1 << 20)).steps(6);
    let mode = durability(random.below(4));
    let mut second = World::new(left, first.model, first.now + 3000, mode, death, false);
    second.live(&again, legal).map_err(|violation| format!("second life {again:?}: {violation}"))?;
    tally.in_recovery += u64::from(second.dead && !second.recovered);
    let (left, then) =
        die(&second, if outcome == 0 { random.below(3) } else { random.below(2) }, &mut random);
    let then = if second.recovered { then } else { legal.max(then) };
    tally.count(then);
    let mode = durability(random.below(4));
    let mut third = World::new(left, second.model, second.now + 3000, mode, None, false);
    let last = Planner::new(random.below(1 << 20)).steps(3);
    third
        .live(&last, then)
        .map_err(|violation| format!("second life {again:?}, {then:?}, third life {last:?}: {violation}"))?;
    tally.synced += first.synced + second.synced + third.synced;
    tally.unnoted += first.unnoted + second.unnoted + third.unnoted;
    tally.renewed += first.renewed + second.renewed + third.renewed;
    let left = third.disk.after_kill();
    let mut fourth = World::new(left, third.model, third.now, Durability::Process, None, false);
    fourth.live(&[], Legal::Killed).map_err(|violation| {
        format!("second life {again:?}, {then:?}, third life {last:?}, opening once more: {violation}")
    })?;
    tally.faults += disk.faults();
    Ok(())
}

/// Which durability a life has.
fn durability(number: u64) -> Durability {
    match number % 4 {
        0 => Durability::Process,
        1 => Durability::Interval(Duration::from_secs(1)),
        _ => Durability::Always,
    }
}

fn die(world: &World, outcome: u64, random: &mut Random) -> (SimDisk, Legal) {
    match outcome {
        0 => (world.disk.after_kill(), Legal::Killed),
        _ => {
            let (left, legal) = power_loss(&world.disk, random);
            // What a failed sync did not write may be missing in the middle of what later ones did.
            (left, if !doubtful_logs(&world.disk).is_empty() { legal.max(Legal::Damaged) } else { legal })
        }
    }
}

/// A panic is a violation too.
fn guarded(explore: impl FnOnce() -> Result<(), Violation>) -> Result<(), Violation> {
    catch_unwind(AssertUnwindSafe(explore)).unwrap_or_else(|_| Err("it panicked".into()))
}

/// Long texts of one letter say nothing.
fn shortened(text: &str) -> String {
    let long = "x".repeat(100);
    let mut parts = text.split(&long);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + if part.is_empty() { "" } else { "x.." } + part.trim_start_matches('x')
    })
}
