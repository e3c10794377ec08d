//! The models' steps bear the names of the engine's functions: a name that the engine does not have any more is found here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use opslog_protocol_model::Action;
use opslog_protocol_model::worlds::{small_folder, small_numbered, small_objects};
use stateright::Model;

/// Steps of a model that stand for no function: a program that calls the next thing.
const CALLS: [&str; 1] = ["begin"];

fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.insert(name);
        }
    }
}

/// The names of the steps that are made in a world, looked for in so many of its states.
fn steps<M: Model<Action = Action>>(world: &M, names: &mut BTreeSet<&'static str>)
where
    M::State: Clone + PartialEq,
{
    let mut states = world.init_states();
    for round in 0..20_000_usize {
        // Through the states in some order that goes deep and comes back.
        let Some(state) = states.pop() else { return };
        let mut actions = Vec::new();
        world.actions(&state, &mut actions);
        for action in &actions {
            match action {
                Action::Step(step) => drop(names.insert(step.name)),
                Action::Look(name) => drop(names.insert(name)),
                Action::Arrive(_) => {}
            }
        }
        let count = actions.len().max(1);
        actions.rotate_left(round % count);
        states.extend(actions.into_iter().filter_map(|action| world.next_state(&state, action)));
    }
}

fn assert_known(names: BTreeSet<&'static str>, folders: &[&str]) {
    let mut known = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    for folder in folders {
        functions(&sources.join(folder), &mut known);
    }
    assert!(names.len() > 6, "{names:?}");
    let unknown: Vec<_> =
        names.iter().filter(|name| !known.contains(**name) && !CALLS.contains(name)).collect();
    assert!(unknown.is_empty(), "the engine has no function {unknown:?}");
}

#[test]
fn the_steps_on_an_object_store_bear_the_names_of_the_protocols_functions() {
    let mut names = BTreeSet::new();
    small_objects().iter().for_each(|(_, world)| steps(world, &mut names));
    small_numbered().iter().for_each(|(_, world)| steps(world, &mut names));
    assert_known(names, &["protocol", "sequence"]);
}

#[test]
fn the_steps_in_a_folder_bear_the_names_of_the_stores_functions() {
    let mut names = BTreeSet::new();
    small_folder().iter().for_each(|(_, world)| steps(world, &mut names));
    assert_known(names, &["store", "lock", "sequence"]);
}
