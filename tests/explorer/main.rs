//! Lets stores die at every call of the disk and looks at what is left: random lives from seeds, each crash
//! point, `kill -9` and power losses, crashes during recovery, and again. `OPSLOG_EXPLORER_SEEDS=n` explores
//! n seeds, `OPSLOG_EXPLORER_STATES=n` goes on until n states were looked at, `OPSLOG_EXPLORER_REPLAY=seed`
//! or `=seed/call/outcome` repeats what a failure names, `OPSLOG_EXPLORER_THREADS=n` uses n threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod agents;
mod copy;
mod counts;
mod followers;
mod foreign;
mod hand;
mod hook;
mod indexes;
mod live;
mod lives;
mod model;
mod oracle;
mod party;
mod pause;
mod plan;
mod reader;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;

use counts::{Deeds, Tally};
use lives::explore_seed;

/// How many lives `cargo test` explores.
const SEEDS: u64 = 90;
/// How often a long run says how far it has come.
const STATES_BETWEEN: u64 = 100_000;

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
        number("OPSLOG_EXPLORER_SEEDS").unwrap_or(if wanted_states.is_some() { u64::MAX } else { SEEDS });
    let next = AtomicU64::new(1);
    let total = Mutex::new(Tally::default());
    let found = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                while found.lock().is_none()
                    && wanted_states.is_none_or(|states| total.lock().states() < states)
                {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > wanted_seeds {
                        break;
                    }
                    match explore_seed(seed, None) {
                        Ok(tally) => add(&mut total.lock(), &tally),
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

fn threads() -> u64 {
    let cores = || thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    number("OPSLOG_EXPLORER_THREADS").unwrap_or_else(cores)
}

fn add(total: &mut Tally, tally: &Tally) {
    let before = total.states() / STATES_BETWEEN;
    total.add(tally);
    if total.states() / STATES_BETWEEN > before {
        println!("{} states, {} lives", total.states(), total.seeds);
    }
}

fn report(total: &Tally, seeds: u64) {
    total.print(0);
    if seeds < SEEDS {
        return;
    }
    assert!(total.states() >= 50_000, "only {} states", total.states());
    let Deeds { synced, unnoted, renewed, migrated, twice, pruned, .. } = total.deeds;
    assert!(synced > 10_000, "only {synced} steps acknowledged after a sync");
    assert!(unnoted * 1000 < synced, "{unnoted} of {synced} steps after a failed sync that no process noted");
    for (name, count) in [
        ("crash during recovery", total.in_recovery),
        ("damage of an index", total.damaged_indexes),
        ("log written anew", renewed),
        ("migration", migrated),
        ("opening twice", twice),
        ("pruning", pruned),
    ] {
        assert!(count > 0, "{name} never happened");
    }
    for (name, count) in total.faults.each() {
        match name {
            // No name is given to unsynced content: this cannot happen. That the disk does it is shown by
            // `tests/sim_disk`, and by the planted bugs.
            "rename_without_data" => assert_eq!(count, 0, "{name}"),
            _ => assert!(count > 0, "{name} never happened"),
        }
    }
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
