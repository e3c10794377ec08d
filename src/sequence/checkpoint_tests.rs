//! The order of the steps of a checkpoint, and what a failure of each means.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::checkpoint::{Attempt, Moment, Plan, Publication, Steps, Unpublished};
use super::complete;
use super::script::{Facts, Script};

/// A checkpoint that notes its steps.
pub(super) struct Noted(pub(super) Script);

impl Steps for Noted {
    type Error = &'static str;
    type Snapshot = ();
    type Plan = ();
    type Published = ();
    type Made = ();

    fn changes_go_on(&self) -> bool {
        self.0.facts.changes_go_on
    }
    async fn check(&mut self) -> Result<(), &'static str> {
        self.0.step("check")
    }
    async fn write_segment(&mut self) -> Result<bool, &'static str> {
        if self.0.facts.archives {
            self.0.step("segment")?;
        }
        Ok(self.0.facts.archives)
    }
    async fn note_archived(&mut self) -> Result<(), &'static str> {
        self.0.step("note")
    }
    fn leave_out(&mut self) -> Result<(), &'static str> {
        self.0.step("leave-out")
    }
    async fn attach_next_log(&mut self, snapshot: Option<&()>) -> Result<(), &'static str> {
        assert_eq!(snapshot.is_none(), self.0.facts.changes_go_on);
        self.0.step("next-log")
    }
    async fn write_snapshot(&mut self) -> Result<(), &'static str> {
        self.0.step("snapshot")
    }
    async fn plan(&mut self, (): &()) -> Result<Plan<(), ()>, &'static str> {
        self.0.step("plan")?;
        if self.0.facts.is_in_force {
            return Ok(Plan::InForce(()));
        }
        if let Some(left) = self.0.facts.overtaken.checked_sub(1) {
            self.0.facts.overtaken = left;
            return Ok(Plan::Overtaken);
        }
        Ok(Plan::Publish(()))
    }
    async fn publish(
        &mut self,
        (): (),
        moment: &mut Moment,
    ) -> Result<Publication<()>, Unpublished<&'static str>> {
        self.0.step("draft").map_err(Unpublished::Not)?;
        moment.is_here();
        let failed = if self.0.facts.is_uncertain { Unpublished::Uncertain } else { Unpublished::Not };
        self.0.step("publish").map_err(failed)?;
        if let Some(left) = self.0.facts.refusals.checked_sub(1) {
            self.0.facts.refusals = left;
            return Ok(Publication::Refused);
        }
        Ok(Publication::InForce(()))
    }
    async fn go_over(&mut self, (): (), (): ()) -> Result<(), &'static str> {
        self.0.step("go-over")
    }
    async fn clear_away(&mut self) {
        let _ = self.0.step("clear");
    }
    fn take_back(&mut self) {
        let _ = self.0.step("take-back");
    }
    fn stop(&mut self) {
        let _ = self.0.step("stop");
    }
    fn uncertain(&mut self, error: &'static str) -> &'static str {
        let _ = self.0.step("uncertain");
        error
    }
}

const IN_A_FOLDER: Facts = Facts {
    changes_go_on: true,
    archives: true,
    others_wait: true,
    refusals: 0,
    overtaken: 0,
    is_held: false,
    is_needless: false,
    is_uncertain: false,
    is_in_force: false,
};

fn story(script: Script) -> (Result<Option<()>, &'static str>, String) {
    let made = complete(Attempt::new(Noted(script.clone())).run(), || "it waits");
    (made, script.story())
}

#[test]
fn the_next_log_comes_before_the_snapshot_where_changes_go_on_and_behind_it_where_they_wait() {
    let (made, done) = story(Script::of(IN_A_FOLDER));
    assert_eq!(made, Ok(Some(())));
    let order = "check segment note leave-out next-log snapshot plan draft publish go-over clear";
    assert_eq!(done, order);
    let (_, done) = story(Script::of(Facts { changes_go_on: false, archives: false, ..IN_A_FOLDER }));
    assert_eq!(done, "check snapshot next-log plan draft publish go-over clear");
}

#[test]
fn what_fails_before_the_publication_takes_the_checkpoint_back() {
    for step in ["check", "segment", "note", "leave-out", "next-log", "snapshot", "plan", "draft", "publish"]
    {
        let (made, done) = story(Script { fails_at: Some(step), ..Script::of(IN_A_FOLDER) });
        assert_eq!(made, Err(step));
        assert!(done.ends_with(&format!("{step} take-back")), "{done}");
    }
}

#[test]
fn a_publication_that_may_be_in_force_is_uncertain_and_not_taken_back() {
    let facts = Facts { is_uncertain: true, ..IN_A_FOLDER };
    let (made, done) = story(Script { fails_at: Some("publish"), ..Script::of(facts) });
    assert_eq!(made, Err("publish"));
    assert!(done.ends_with("publish uncertain stop"), "{done}");
    let (made, done) = story(Script { fails_at: Some("go-over"), ..Script::of(facts) });
    assert_eq!(made, Err("go-over"));
    assert!(done.ends_with("go-over uncertain stop"), "{done}");
}

#[test]
fn what_fails_behind_the_publication_is_no_failure() {
    let (made, done) = story(Script { fails_at: Some("clear"), ..Script::of(IN_A_FOLDER) });
    assert!(made.is_ok() && done.ends_with("go-over clear"), "{done}");
}

#[test]
fn a_refused_publication_is_planned_anew_and_fails_as_the_first_would() {
    let facts = Facts { refusals: 2, ..IN_A_FOLDER };
    let (made, done) = story(Script::of(facts));
    assert_eq!(made, Ok(Some(())));
    assert!(
        done.ends_with("plan draft publish plan draft publish plan draft publish go-over clear"),
        "{done}"
    );
    let (_, done) = story(Script { fails_at: Some("draft"), ..Script::of(facts) });
    assert!(done.ends_with("draft take-back"), "{done}");
}

#[test]
fn one_that_was_overtaken_is_taken_back_and_one_that_took_effect_before_is_gone_over_to() {
    let (made, done) = story(Script::of(Facts { overtaken: 1, ..IN_A_FOLDER }));
    assert!(made == Ok(None) && done.ends_with("plan take-back"), "{done}");
    let (made, done) = story(Script::of(Facts { is_in_force: true, ..IN_A_FOLDER }));
    assert!(made == Ok(Some(())) && done.ends_with("plan go-over clear"), "{done}");
}

#[test]
fn a_panic_takes_back_or_stops_as_a_failure_does() {
    let steps = [("snapshot", "take-back"), ("draft", "take-back"), ("publish", "stop"), ("go-over", "stop")];
    for (step, end) in steps {
        let script = Script { panics_at: Some(step), ..Script::of(IN_A_FOLDER) };
        assert!(catch_unwind(AssertUnwindSafe(|| story(script.clone()))).is_err());
        assert!(script.story().ends_with(&format!("{step} {end}")), "{}", script.story());
    }
}

#[test]
fn one_that_is_dropped_before_it_is_carried_out_is_taken_back() {
    let script = Script::of(IN_A_FOLDER);
    drop(Attempt::new(Noted(script.clone())));
    assert_eq!(script.story(), "take-back");
}
