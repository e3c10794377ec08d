//! Each fault of a protocol that is planted is found, with the shortest way to it.

use opslog_protocol_model::explore::explore;
use opslog_protocol_model::worlds::{small_folder, small_numbered, small_objects};
use opslog_protocol_model::{Action, folder, numbered, objects};
use stateright::Model;

/// So many of the worlds on an object store are looked through.
const CHEAP: usize = 8;

/// Looks through worlds until one shows the fault. Returns how many steps lead to it.
fn find<M>(fault: &str, worlds: impl Iterator<Item = (&'static str, M)>) -> usize
where
    M: Model<Action = Action> + Send + Sync + 'static,
    M::State: Clone + std::fmt::Debug + std::hash::Hash + Send + Sync + PartialEq + 'static,
{
    for (name, world) in worlds {
        // One thread: then the way that is found is a shortest one.
        if let Some((property, steps)) = explore(world, 1).failure {
            println!("{fault}: after {} steps does not hold: {property} ({name})", steps.len());
            for step in &steps {
                println!("    {step}");
            }
            return steps.len();
        }
    }
    0
}

#[test]
fn every_planted_fault_of_agents_on_an_object_store_is_found() {
    let mut missed = Vec::new();
    for planted in objects::Planted::ALL {
        let worlds = small_objects().into_iter().take(CHEAP);
        let worlds = worlds.map(|(name, world)| (name, objects::Objects { planted: Some(planted), ..world }));
        if find(&format!("{planted:?}"), worlds) == 0 {
            missed.push(planted);
        }
    }
    assert!(missed.is_empty(), "no world shows {missed:?}");
}

#[test]
fn every_planted_fault_of_single_writers_is_found() {
    let mut missed = Vec::new();
    for planted in numbered::Planted::ALL {
        let worlds = small_numbered().into_iter();
        let worlds =
            worlds.map(|(name, world)| (name, numbered::Numbered { planted: Some(planted), ..world }));
        if find(&format!("{planted:?}"), worlds) == 0 {
            missed.push(planted);
        }
    }
    assert!(missed.is_empty(), "no world shows {missed:?}");
}

#[test]
fn every_planted_fault_of_agents_in_a_folder_is_found() {
    let mut missed = Vec::new();
    for planted in folder::Planted::ALL {
        let worlds = small_folder().into_iter();
        let worlds = worlds.map(|(name, world)| (name, folder::Folder { planted: Some(planted), ..world }));
        if find(&format!("{planted:?}"), worlds) == 0 {
            missed.push(planted);
        }
    }
    assert!(missed.is_empty(), "no world shows {missed:?}");
}
