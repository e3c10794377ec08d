//! Explores the worlds and prints how many states each has: `npm run model:protocols`, with `-- --large` the larger ones too.

use opslog_protocol_model::Action;
use opslog_protocol_model::explore::explore;
use opslog_protocol_model::worlds::{
    large_folder, large_numbered, large_objects, small_folder, small_numbered, small_objects,
};
use stateright::Model;

fn run<M>(carrier: &str, worlds: Vec<(&'static str, M)>, failures: &mut u32)
where
    M: Model<Action = Action> + Send + Sync + 'static,
    M::State: Clone + std::fmt::Debug + std::hash::Hash + Send + Sync + PartialEq + 'static,
{
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, world) in worlds {
        let explored = explore(world, threads);
        println!(
            "{carrier}: {name}: {} states, depth {}, {:.1} s",
            explored.states, explored.depth, explored.seconds
        );
        if let Some((property, steps)) = explored.failure {
            *failures += 1;
            println!("  does not hold: {property}");
            for step in steps {
                println!("    {step}");
            }
        }
        for never in explored.never {
            println!("  never: {never}");
        }
    }
}

fn main() {
    let mut failures = 0;
    let is_large = std::env::args().any(|argument| argument == "--large");
    run("object store, agents", small_objects(), &mut failures);
    run("object store, single writers", small_numbered(), &mut failures);
    run("folder", small_folder(), &mut failures);
    if is_large {
        run("object store, agents", large_objects(), &mut failures);
        run("object store, single writers", large_numbered(), &mut failures);
        run("folder", large_folder(), &mut failures);
    }
    std::process::exit(i32::from(failures > 0));
}
