//! The order of the steps of a compaction, and what a failure of each means.

use super::checkpoint_tests::Noted;
use super::compaction::{Begun, Seal, begin, carry_out};
use super::complete;
use super::script::{Facts, Script};

/// A seal that notes its steps.
struct NotedSeal {
    script: Script,
    /// How often memory is found to be behind another snapshot.
    outdated: u32,
    /// How often another writer publishes first.
    refusals: u32,
}

impl Seal for NotedSeal {
    type Error = &'static str;
    type Turn = ();
    type Logs = ();
    type Published = ();
    type Attempt = Noted;

    fn others_wait(&self) -> bool {
        self.script.facts.others_wait
    }
    async fn lock(&mut self) -> Result<bool, &'static str> {
        self.script.step("lock")?;
        Ok(!self.script.facts.is_held)
    }
    async fn is_needless(&mut self) -> Result<bool, &'static str> {
        Ok(self.script.facts.is_needless)
    }
    async fn look(&mut self) -> Result<(), &'static str> {
        self.script.step("look")
    }
    async fn make_logs_ahead(&mut self) -> Result<(), &'static str> {
        self.script.step("ahead")
    }
    async fn turn(&mut self) -> Result<Option<()>, &'static str> {
        self.script.step("turn")?;
        if let Some(left) = self.outdated.checked_sub(1) {
            self.outdated = left;
            return Ok(None);
        }
        Ok(Some(()))
    }
    async fn make_logs(&mut self, (): &()) -> Result<(), &'static str> {
        self.script.step("logs")
    }
    async fn publish(&mut self, (): &(), (): ()) -> Result<Option<()>, &'static str> {
        self.script.step("seal")?;
        if let Some(left) = self.refusals.checked_sub(1) {
            self.refusals = left;
            return Ok(None);
        }
        Ok(Some(()))
    }
    async fn go_over(&mut self, (): (), (): ()) -> Result<Noted, &'static str> {
        self.script.step("freeze")?;
        let noted = Noted(self.script.clone());
        self.script.facts.overtaken = self.script.facts.overtaken.saturating_sub(1);
        Ok(noted)
    }
    fn take_back(&mut self) {
        let _ = self.script.step("unsealed");
    }
    async fn unlock(&mut self) {
        let _ = self.script.step("unlock");
    }
}

fn seal(script: &Script) -> NotedSeal {
    NotedSeal { script: script.clone(), outdated: 0, refusals: 0 }
}

fn facts() -> Facts {
    Facts { changes_go_on: true, others_wait: true, ..Facts::default() }
}

fn begun(mut seal: NotedSeal) -> Result<&'static str, &'static str> {
    let begun = complete(begin(&mut seal), || "it waits")?;
    let what = match &begun {
        Begun::Sealed(_) => "sealed",
        Begun::NotNeeded => "not needed",
        Begun::Held => "held",
    };
    // The attempt would note that it was dropped.
    std::mem::forget(begun);
    Ok(what)
}

#[test]
fn the_logs_are_made_before_the_turn_where_others_wait_for_it() {
    let script = Script::of(facts());
    assert_eq!(begun(seal(&script)), Ok("sealed"));
    assert_eq!(script.story(), "lock look ahead turn logs seal freeze");
    let script = Script::of(Facts { others_wait: false, ..facts() });
    assert_eq!(begun(seal(&script)), Ok("sealed"));
    assert_eq!(script.story(), "lock look turn logs seal freeze");
}

#[test]
fn a_snapshot_that_came_meanwhile_takes_another_look_and_a_refused_seal_another_turn() {
    let script = Script::of(facts());
    assert_eq!(begun(NotedSeal { outdated: 1, refusals: 1, ..seal(&script) }), Ok("sealed"));
    assert_eq!(script.story(), "lock look ahead turn look ahead turn logs seal turn logs seal freeze");
}

#[test]
fn a_compaction_of_another_agent_is_waited_for_or_makes_this_one_needless() {
    let script = Script::of(Facts { is_held: true, ..facts() });
    assert_eq!(begun(seal(&script)), Ok("held"));
    assert_eq!(script.story(), "lock");
    let script = Script::of(Facts { is_needless: true, ..facts() });
    assert_eq!(begun(seal(&script)), Ok("not needed"));
    assert_eq!(script.story(), "lock unlock");
}

#[test]
fn what_fails_up_to_the_seal_takes_it_back_and_lets_the_lock_go() {
    for step in ["lock", "look", "ahead", "turn", "logs", "seal", "freeze"] {
        let script = Script { fails_at: Some(step), ..Script::of(facts()) };
        assert_eq!(begun(seal(&script)), Err(step));
        assert!(script.story().ends_with(&format!("{step} unsealed unlock")), "{}", script.story());
    }
}

#[test]
fn a_compaction_that_is_overtaken_begins_again_at_the_look_with_the_lock_held() {
    let script = Script::of(Facts { overtaken: 1, others_wait: false, ..facts() });
    assert_eq!(complete(carry_out(&mut seal(&script)), || "it waits"), Ok(Some(())));
    let attempt = "look turn logs seal freeze check next-log snapshot plan";
    let story = format!("lock {attempt} take-back {attempt} draft publish go-over clear unlock");
    assert_eq!(script.story(), story);
}

#[test]
fn one_that_is_overtaken_each_time_or_fails_shows_what_it_hid_and_lets_the_lock_go() {
    let script = Script::of(Facts { overtaken: 9, ..facts() });
    assert_eq!(complete(carry_out(&mut seal(&script)), || "it waits"), Ok(None));
    assert_eq!(script.story().matches("freeze").count(), 5);
    assert!(script.story().ends_with("take-back unsealed unlock"), "{}", script.story());
    let script = Script { fails_at: Some("snapshot"), ..Script::of(facts()) };
    assert_eq!(complete(carry_out(&mut seal(&script)), || "it waits"), Err("snapshot"));
    assert!(script.story().ends_with("snapshot take-back unsealed unlock"), "{}", script.story());
}
