//! The one place that starts threads. That of a store's syncs waits for rounds and carries them out, so that no sync runs on the
//! thread that runs JS; it ends when the rounds do, or when the store is gone.

use std::io;
use std::sync::Arc;
use std::thread::Builder;

use super::Rounds;

/// It syncs files and nothing else.
const STACK: usize = 256 << 10;
const STACK_FOR_WORK: usize = 1 << 20;

/// Starts a thread that calls `round` whenever one is due, until it says `false`.
///
/// # Errors
/// When the system gives no thread.
pub fn start(rounds: Arc<Rounds>, mut round: impl FnMut() -> bool + Send + 'static) -> io::Result<()> {
    let run = move || while rounds.wait() && round() {};
    Builder::new().name("opslog-sync".into()).stack_size(STACK).spawn(run).map(drop)
}

/// Starts a thread that does some work and ends.
///
/// # Errors
/// When the system gives no thread.
pub fn start_once(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Builder::new().name(name.into()).stack_size(STACK_FOR_WORK).spawn(work).map(drop)
}
