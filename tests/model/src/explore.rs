//! Explores a model and says what was found.

use std::fmt::Debug;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::Action;

/// What an exploration came to.
pub struct Explored {
    pub states: usize,
    pub depth: usize,
    pub seconds: f64,
    /// The property that does not hold, and the shortest way to where it does not.
    pub failure: Option<(String, Vec<String>)>,
    /// What never happens, and should.
    pub never: Vec<String>,
}

/// Explores all states, or up to the first failure.
pub fn explore<M>(model: M, threads: usize) -> Explored
where
    M: Model<Action = Action> + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + Send + Sync + PartialEq + 'static,
{
    let began = Instant::now();
    let threads = NonZeroUsize::new(threads).map_or(1, NonZeroUsize::get);
    let checker =
        model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let properties = checker.model().properties();
    let failed = properties.iter().find(|property| {
        property.expectation == Expectation::Always && discoveries.contains_key(property.name)
    });
    let failure = failed.map(|property| {
        let path = discoveries.get(property.name).cloned();
        let steps = path.map(stateright::Path::into_actions).unwrap_or_default();
        (property.name.to_owned(), steps.iter().map(print).collect())
    });
    let missing = |property: &&stateright::Property<M>| {
        property.expectation == Expectation::Sometimes && !discoveries.contains_key(property.name)
    };
    let never = properties.iter().filter(missing).map(|property| property.name.to_owned()).collect();
    Explored {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        seconds: began.elapsed().as_secs_f64(),
        failure,
        never,
    }
}

fn print(action: &Action) -> String {
    match action {
        Action::Step(step) => format!("{}: {} ({:?})", step.process, step.name, step.outcome),
        Action::Arrive(late) => format!("request {late} arrives"),
        Action::Look(name) => format!("reader: {name}"),
    }
}
