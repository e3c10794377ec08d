//! The protocols in a simulated world: stores as futures, a scheduler that picks with a seed which step completes next and
//! what goes wrong with it, processes that die at every await. `OPSLOG_WORLD_SEEDS` says how many seeds, `OPSLOG_WORLD_FROM`
//! where to begin; `OPSLOG_WORLD_REPLAY` runs one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod actor;
mod carrier;
mod consumer;
mod disk;
mod faults;
mod ledger;
mod life;
mod regressions;
mod scheduler;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actor::UNDONE_BEHIND_CHECKPOINTS;
use life::{HISTORY, INDEXED, KEEPING, NUMBERED, run};

/// What is wrong in the world of a seed.
fn wrong_in(seed: u64) -> Vec<String> {
    let ran = std::panic::catch_unwind(|| run(seed));
    ran.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        vec![format!("panicked: {}", text.unwrap_or_default())]
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn protocols_keep_their_promises_in_every_simulated_world() {
    if let Some(seed) = number("OPSLOG_WORLD_REPLAY") {
        let wrong = wrong_in(seed);
        assert!(wrong.is_empty(), "OPSLOG_WORLD_REPLAY={seed}: {wrong:#?}");
        return;
    }
    let seeds = number("OPSLOG_WORLD_SEEDS").unwrap_or(20_000);
    let first = number("OPSLOG_WORLD_FROM").unwrap_or(1);
    run_all(first, seeds);
}

#[test]
fn object_stores_of_numbered_appends_keep_their_promises_in_every_simulated_world() {
    if number("OPSLOG_WORLD_REPLAY").is_none() && number("OPSLOG_WORLD_FROM").is_none() {
        run_all(NUMBERED, number("OPSLOG_WORLD_SEEDS").unwrap_or(20_000));
    }
}

#[test]
fn a_consumer_that_dies_at_any_step_is_told_each_operation_once_in_every_simulated_world() {
    if number("OPSLOG_WORLD_REPLAY").is_none() && number("OPSLOG_WORLD_FROM").is_none() {
        run_all(HISTORY, number("OPSLOG_WORLD_SEEDS").unwrap_or(500));
    }
}

#[test]
fn records_are_fetched_as_they_are_stored_in_every_simulated_world() {
    if number("OPSLOG_WORLD_REPLAY").is_none() && number("OPSLOG_WORLD_FROM").is_none() {
        run_all(INDEXED, number("OPSLOG_WORLD_SEEDS").unwrap_or(500));
    }
}

#[test]
fn operations_that_a_checkpoint_leaves_in_the_log_are_undone_and_told_once_in_every_simulated_world() {
    if number("OPSLOG_WORLD_REPLAY").is_none() && number("OPSLOG_WORLD_FROM").is_none() {
        run_all(KEEPING, number("OPSLOG_WORLD_SEEDS").unwrap_or(500));
        let undone = UNDONE_BEHIND_CHECKPOINTS.load(Ordering::Relaxed);
        println!("{undone} operations undone that a checkpoint had left");
        assert!(undone > 0);
    }
}

fn run_all(first: u64, seeds: u64) {
    let next = AtomicU64::new(first);
    let has_failed = AtomicBool::new(false);
    let failure = std::sync::Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds || has_failed.load(Ordering::Relaxed) {
                        return;
                    }
                    let wrong = wrong_in(seed);
                    if !wrong.is_empty() && !has_failed.swap(true, Ordering::Relaxed) {
                        *failure.lock().unwrap() = Some((seed, wrong));
                    }
                }
            });
        }
    });
    if let Some((seed, wrong)) = failure.into_inner().unwrap() {
        panic!("OPSLOG_WORLD_REPLAY={seed}: {wrong:#?}");
    }
    println!("{seeds} worlds");
    let (gone, read) = consumer::counts();
    println!("{read} operations read as history, {gone} positions gone");
    for (name, count) in faults::counts() {
        println!("{count:>12}  {name}");
        assert!(count > 0 || seeds < 1000, "no world had a fault of this kind: {name}");
    }
}
