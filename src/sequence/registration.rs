//! How an agent comes to be named in the manifest, at open and when others have dropped it: look, keep a single writer out, make a log,
//! publish.
//!
//! What a failure means: before the publication the new log goes. A registration that was published stays: its log is empty, and the agent goes
//! on with it.

/// What a turn has found.
#[derive(Debug)]
pub enum Found<T, P> {
    /// The agent's log is named.
    Named(P),
    /// It is to be named.
    Missing(T),
}

/// The steps of a registration.
#[allow(async_fn_in_trait)] // No runtime: the carrier of a future polls it, on one thread.
pub trait Register {
    /// Why a step failed.
    type Error;
    /// The manifest, for as long as it can be changed.
    type Turn;
    /// The agent's log.
    type Log;
    /// A manifest in which it is named.
    type Published;

    /// Gets a turn, and refuses a manifest in which this agent must not be named.
    async fn turn(&mut self) -> Result<Found<Self::Turn, Self::Published>, Self::Error>;
    /// Keeps out a single writer, which would not know that there are agents, until the agent is named: only where there are none yet. Makes a
    /// store of one that is missing or that agents cannot come into.
    async fn keep_single_writer_out(&mut self, turn: Self::Turn) -> Result<Self::Turn, Self::Error>;
    /// Makes the log, durably.
    async fn make_log(&mut self, turn: &Self::Turn) -> Result<Self::Log, Self::Error>;
    /// Publishes a manifest that names it; `None` if another writer was faster.
    async fn publish(
        &mut self,
        turn: Self::Turn,
        log: Self::Log,
    ) -> Result<Option<Self::Published>, Self::Error>;
    /// Goes by that manifest.
    fn take(&mut self, published: Self::Published);
    /// A file that no manifest names goes.
    fn take_back(&mut self);
    /// A single writer may come in again: it finds agents.
    async fn let_single_writer_in(&mut self) -> Result<(), Self::Error>;
}

/// Names the agent's log in the manifest, if it is not named there.
///
/// # Errors
/// Those of the steps.
pub async fn register<S: Register>(steps: &mut S) -> Result<(), S::Error> {
    let named = name(steps).await;
    if named.is_err() {
        steps.take_back();
    }
    let let_in = steps.let_single_writer_in().await;
    steps.take(named?);
    let_in
}

async fn name<S: Register>(steps: &mut S) -> Result<S::Published, S::Error> {
    loop {
        let turn = match steps.turn().await? {
            Found::Named(published) => return Ok(published),
            Found::Missing(turn) => turn,
        };
        let turn = steps.keep_single_writer_out(turn).await?;
        let log = steps.make_log(&turn).await?;
        if let Some(published) = steps.publish(turn, log).await? {
            return Ok(published);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::complete;
    use super::super::script::{Facts, Script};
    use super::*;

    /// A registration that notes its steps.
    struct Noted(Script);

    impl Register for Noted {
        type Error = &'static str;
        type Turn = ();
        type Log = ();
        type Published = ();

        async fn turn(&mut self) -> Result<Found<(), ()>, &'static str> {
            self.0.step("turn")?;
            Ok(if self.0.facts.is_in_force { Found::Named(()) } else { Found::Missing(()) })
        }
        async fn keep_single_writer_out(&mut self, (): ()) -> Result<(), &'static str> {
            self.0.step("keep-out")
        }
        async fn make_log(&mut self, (): &()) -> Result<(), &'static str> {
            self.0.step("log")
        }
        async fn publish(&mut self, (): (), (): ()) -> Result<Option<()>, &'static str> {
            self.0.step("publish")?;
            if let Some(left) = self.0.facts.refusals.checked_sub(1) {
                self.0.facts.refusals = left;
                return Ok(None);
            }
            Ok(Some(()))
        }
        fn take(&mut self, (): ()) {
            let _ = self.0.step("take");
        }
        fn take_back(&mut self) {
            let _ = self.0.step("take-back");
        }
        async fn let_single_writer_in(&mut self) -> Result<(), &'static str> {
            self.0.step("let-in")
        }
    }

    fn story(script: &Script) -> (Result<(), &'static str>, String) {
        let registered = complete(register(&mut Noted(script.clone())), || "it waits");
        (registered, script.story())
    }

    #[test]
    fn a_single_writer_is_kept_out_from_before_the_log_is_made_until_the_agent_is_named() {
        let (registered, done) = story(&Script::default());
        assert_eq!((registered, done.as_str()), (Ok(()), "turn keep-out log publish let-in take"));
    }

    #[test]
    fn an_agent_that_is_named_needs_nothing_and_one_that_was_overtaken_another_turn() {
        let (_, done) = story(&Script::of(Facts { is_in_force: true, ..Facts::default() }));
        assert_eq!(done, "turn let-in take");
        let (_, done) = story(&Script::of(Facts { refusals: 1, ..Facts::default() }));
        assert_eq!(done, "turn keep-out log publish turn keep-out log publish let-in take");
    }

    #[test]
    fn what_fails_is_taken_back_and_lets_a_single_writer_in() {
        for step in ["turn", "keep-out", "log", "publish"] {
            let (registered, done) = story(&Script { fails_at: Some(step), ..Script::default() });
            assert_eq!(registered, Err(step));
            assert!(done.ends_with(&format!("{step} take-back let-in")), "{done}");
        }
        let (registered, done) = story(&Script { fails_at: Some("let-in"), ..Script::default() });
        assert_eq!((registered, done.ends_with("publish let-in take")), (Err("let-in"), true));
    }
}
