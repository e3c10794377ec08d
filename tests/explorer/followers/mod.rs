//! Lives of a folder under the eyes of followers: single writers and agents take turns in it, it is put back from copies,
//! and readers that stay open, and the agents themselves, must show what a fresh reader shows and be told of each
//! operation once. What a fresh reader shows is what was logged. `OPSLOG_EXPLORER_FOLLOWERS_REPLAY=seed` repeats what a failure names,
//! `OPSLOG_EXPLORER_FOLLOWERS_FROM=seed` begins with another seed than the first.

mod folder;
mod follower;
mod plan;
mod publication;
mod trail;

use folder::{Folder, Tally};
use plan::Planner;

use super::live::Violation;

const SEEDS: u64 = 7000;
const STEPS: u64 = 40;
/// Lives behind these that have shown a fault.
const REGRESSIONS: [u64; 9] = [13_364, 35_827, 81_237, 92_168, 98_419, 132_090, 227_213, 247_692, 268_704];

#[test]
fn followers_of_a_folder_that_changes_hands_and_is_put_back_show_what_a_fresh_reader_shows() {
    if let Ok(replay) = std::env::var("OPSLOG_EXPLORER_FOLLOWERS_REPLAY") {
        explore(replay.parse().unwrap(), &mut Tally::default())
            .unwrap_or_else(|violation| panic!("{violation}"));
        return;
    }
    if std::env::var("OPSLOG_EXPLORER_STATES").is_ok() {
        return;
    }
    let seeds = std::env::var("OPSLOG_EXPLORER_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let mut tally = Tally::default();
    let first = std::env::var("OPSLOG_EXPLORER_FOLLOWERS_FROM").map_or(1, |first| first.parse().unwrap());
    for seed in REGRESSIONS.into_iter().chain(first..first + seeds) {
        explore(seed, &mut tally).unwrap_or_else(|violation| panic!("{violation}"));
    }
    println!("followers: {tally:?}");
    if seeds >= SEEDS {
        let Tally { looks, told, turns, restored, restored_under_agents, late } = tally;
        for count in [looks, told, turns, restored, restored_under_agents, late] {
            assert!(count > 200, "{count}");
        }
    }
}

fn explore(seed: u64, tally: &mut Tally) -> Result<(), Violation> {
    let steps = Planner::new(seed).steps(STEPS);
    let mut folder = Folder::new();
    let mut done = String::new();
    for step in &steps {
        done.push_str(&format!("\n  {step:?}"));
        folder.carry_out(step, tally).map_err(|violation| {
            format!("replay with OPSLOG_EXPLORER_FOLLOWERS_REPLAY={seed}: {violation}\nsteps:{done}")
        })?;
    }
    Ok(())
}
