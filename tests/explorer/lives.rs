//! Whole lives of a store: one without a crash, then one for each call at which it can die, each with a second life
//! on what it left, which dies as well, a third, and a last look.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use opslog::disk::sim::SimDisk;
use opslog::store::{Durability, Options};

use super::counts::Tally;
use super::indexes;
use super::live::{Violation, doubtful_logs};
use super::model::Model;
use super::oracle::{Legal, power_loss};
use super::plan::{Planner, Random, Step};
use super::reader;
use super::world::World;

const FIRST_MS: i64 = 1_700_000_000_000;
/// A kill, and power losses.
pub const OUTCOMES: u64 = 4;

/// Explores one life. `only` is a crash point and an outcome.
pub fn explore_seed(seed: u64, only: Option<(u64, u64)>) -> Result<Tally, Violation> {
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
pub fn explore_death(
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
        // The queries of the life without a crash leave files of indexes, which are pruned as well.
        let prunes = steps.iter().any(|step| matches!(step, Step::Prune { .. }));
        return if prunes { Ok(()) } else { Err("the disk did not die".into()) };
    }
    let (left, legal) = die(&first, outcome, &mut random);
    tally.count(legal);
    let in_recovery = random.chance(2);
    let death = Some((1 + random.below(if in_recovery { 12 } else { 60 }), random.below(1 << 40)));
    let again = Planner::new(random.below(1 << 20)).steps(6);
    let mode = durability(random.below(4));
    let mut second = World::new(left, first.model, first.now + 3000, mode, death, false);
    second.version = 1 + random.below(2) as u32;
    second.live(&again, legal).map_err(|violation| format!("second life {again:?}: {violation}"))?;
    tally.in_recovery += u64::from(second.dead && !second.recovered);
    let (left, then) =
        die(&second, if outcome == 0 { random.below(3) } else { random.below(2) }, &mut random);
    let then = if second.recovered { then } else { legal.max(then) };
    tally.count(then);
    let mode = durability(random.below(4));
    let mut third = World::new(left, second.model, second.now + 3000, mode, None, false);
    third.version = second.version + random.below(2) as u32;
    let last = Planner::new(random.below(1 << 20)).steps(3);
    third
        .live(&last, then)
        .map_err(|violation| format!("second life {again:?}, {then:?}, third life {last:?}: {violation}"))?;
    for deeds in [first.deeds, second.deeds, third.deeds] {
        tally.deeds += deeds;
    }
    let left = third.disk.after_kill();
    let mut fourth = World::new(left, third.model, third.now, Durability::Process, None, false);
    fourth.version = third.version;
    fourth.live(&[], Legal::Killed).map_err(|violation| {
        format!("second life {again:?}, {then:?}, third life {last:?}, opening once more: {violation}")
    })?;
    let options = Options {
        read_only: false,
        version: fourth.version,
        version_given: true,
        ..reader::options(fourth.now + 3000)
    };
    let damaged = indexes::survive_damage(&fourth.disk.after_kill(), &options, &mut random);
    tally.damaged_indexes += damaged.map_err(|violation| format!("a damaged index: {violation}"))?;
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
