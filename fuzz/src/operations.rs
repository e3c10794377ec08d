//! Any bytes as the life of a store over a disk that fails and dies: what the crash explorer does with random numbers,
//! steered by coverage. A life without a crash is compared with the model after each step; then it dies at a call,
//! lives again, dies again, and is looked at.

use opslog::disk::sim::SimDisk;
use opslog::store::Durability;

#[allow(dead_code)]
#[path = "../../tests/explorer"]
mod explorer {
    pub mod copy;
    pub mod counts;
    pub mod hook;
    pub mod indexes;
    pub mod live;
    pub mod lives;
    pub mod model;
    pub mod oracle;
    pub mod pause;
    pub mod plan;
    pub mod reader;
    pub mod world;
}

use explorer::counts::Tally;
use explorer::lives::{OUTCOMES, explore_death};
use explorer::model::Model;
use explorer::oracle::Legal;
use explorer::plan::{Planner, Random};
use explorer::world::World;

const FIRST_MS: i64 = 1_700_000_000_000;

pub fn check(data: &[u8]) {
    let mut random = Random::giving(data);
    // Seeds stand for the durability, see the explorer.
    let seed = 1 + random.below(4);
    let (at, outcome) = (random.below(256), random.below(OUTCOMES));
    let steps = Planner::with(random, 1000).steps(10);
    let durability = if seed.is_multiple_of(4) { Durability::Process } else { Durability::Always };
    let mut whole = World::new(SimDisk::new(), Model::new(), FIRST_MS, durability, None, true);
    whole.live(&steps, Legal::InOrder).unwrap_or_else(|violation| panic!("{steps:?}: {violation}"));
    let mut tally = Tally::default();
    // The durability of the life that dies may take other calls.
    let call = 1 + at % whole.changes;
    match explore_death(seed, &steps, call, outcome, &mut tally) {
        Err(violation) if !violation.contains("did not die") => panic!("{steps:?}: {violation}"),
        _ => {}
    }
}
