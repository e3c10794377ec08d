//! The small worlds, explored to the end: every property holds in every state.

use opslog_protocol_model::Action;
use opslog_protocol_model::explore::explore;
use opslog_protocol_model::worlds::{small_folder, small_numbered, small_objects};
use stateright::Model;

fn all_hold<M>(worlds: Vec<(&'static str, M)>)
where
    M: Model<Action = Action> + Send + Sync + 'static,
    M::State: Clone + std::fmt::Debug + std::hash::Hash + Send + Sync + PartialEq + 'static,
{
    for (name, world) in worlds {
        let explored = explore(world, 2);
        println!("{name}: {} states, depth {}, {:.1} s", explored.states, explored.depth, explored.seconds);
        assert!(explored.failure.is_none(), "{name}: {:#?}", explored.failure);
        assert!(explored.never.is_empty(), "{name}: never {:?}", explored.never);
    }
}

#[test]
fn agents_on_an_object_store_keep_every_promise_in_every_state() {
    all_hold(small_objects());
}

#[test]
fn single_writers_that_replace_each_other_keep_every_promise_in_every_state() {
    all_hold(small_numbered());
}

#[test]
fn agents_in_a_folder_keep_every_promise_in_every_state() {
    all_hold(small_folder());
}
