//! Who shares which round, and what a failure does; and one run with a real thread.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use super::{Rounds, start};
use crate::error::{Error, Result};

const NEVER: Duration = Duration::from_secs(3600);

fn failure() -> Result<()> {
    Err(Error::io("fdatasync", "/store/ops/a".as_ref(), std::io::Error::from_raw_os_error(5)))
}

fn durable(rounds: &Rounds) -> u64 {
    rounds.settled().durable
}

#[test]
fn a_round_settles_all_who_asked_before_it_began() {
    let rounds = Rounds::new(NEVER);
    let tickets = [rounds.ask().unwrap(), rounds.ask().unwrap()];
    assert_eq!(tickets, [1, 2]);
    assert!(rounds.settled().waiting);
    assert!(rounds.wait());
    assert!(rounds.run(|| Ok(())));
    assert_eq!(durable(&rounds), 2);
    assert!(!rounds.settled().waiting);
}

#[test]
fn who_asks_while_a_round_runs_waits_for_the_next_one() {
    let rounds = Rounds::new(NEVER);
    rounds.ask().unwrap();
    let mut late = 0;
    assert!(rounds.run(|| {
        late = rounds.ask().unwrap();
        rounds.ask().unwrap();
        Ok(())
    }));
    assert_eq!(durable(&rounds), late - 1);
    assert!(rounds.settled().waiting);
    assert!(rounds.wait(), "the next round is due at once");
    assert!(rounds.run(|| Ok(())));
    assert_eq!(durable(&rounds), late + 1);
}

#[test]
fn a_failed_round_fails_all_who_wait_and_all_who_come() {
    let rounds = Rounds::new(NEVER);
    rounds.ask().unwrap();
    assert!(rounds.run(|| Ok(())));
    rounds.ask().unwrap();
    assert!(rounds.run(|| {
        rounds.ask().unwrap();
        failure()
    }));
    let settled = rounds.settled();
    assert_eq!(settled.durable, 1);
    assert!(!settled.waiting);
    assert!(matches!(settled.failed.as_deref(), Some(Error::Io { syscall: "fdatasync", .. })));
    assert!(matches!(rounds.ask(), Err(Error::Failed(why)) if why.contains("fdatasync")));
}

#[test]
fn after_a_failed_round_there_is_no_other() {
    let rounds = Rounds::new(NEVER);
    rounds.ask().unwrap();
    rounds.run(failure);
    assert!(!rounds.wait());
    assert!(!rounds.run(|| panic!("a sync is tried again")));
    assert!(rounds.settled().failed.is_some());
}

#[test]
fn a_round_that_no_writer_waits_for_settles_nothing() {
    let rounds = Rounds::new(Duration::from_millis(1));
    rounds.note();
    assert!(rounds.wait(), "the interval passes");
    assert!(!rounds.run(|| Ok(())));
    assert_eq!(durable(&rounds), 0);
}

#[test]
fn a_failed_round_is_news_also_when_no_writer_waits() {
    let rounds = Rounds::new(NEVER);
    assert!(rounds.run(failure));
}

#[test]
fn who_asks_does_not_wait_for_the_interval() {
    let rounds = Rounds::new(NEVER);
    rounds.note();
    rounds.ask().unwrap();
    assert!(rounds.wait());
    assert!(rounds.run(|| Ok(())));
    assert_eq!(durable(&rounds), 1);
}

#[test]
fn nothing_is_asked_of_rounds_that_were_stopped() {
    let rounds = Rounds::new(NEVER);
    rounds.stop();
    assert!(!rounds.wait());
    assert!(matches!(rounds.ask(), Err(Error::Failed(_))));
    assert!(!rounds.run(|| panic!("a round begins")));
    rounds.finish();
}

#[test]
fn a_panic_in_a_round_is_a_failure() {
    let rounds = Rounds::new(NEVER);
    rounds.ask().unwrap();
    assert!(rounds.run(|| panic!("this panic is part of the test")));
    assert!(rounds.settled().failed.is_some());
    rounds.finish();
}

#[test]
fn the_thread_carries_rounds_out_until_they_are_stopped() {
    let rounds = Arc::new(Rounds::new(NEVER));
    let (told, hears) = mpsc::channel();
    let thread = Arc::clone(&rounds);
    start(Arc::clone(&rounds), move || {
        let settled = thread.run(|| Ok(()));
        told.send(settled).is_ok()
    })
    .unwrap();
    for _ in 0..100 {
        let ticket = rounds.ask().unwrap();
        while durable(&rounds) < ticket {
            assert!(hears.recv().unwrap());
        }
    }
    rounds.stop();
    rounds.finish();
    // This ends with the thread.
    assert!(hears.iter().all(|settled| settled));
    assert_eq!(durable(&rounds), 100);
}

#[test]
fn the_thread_syncs_within_the_interval_what_no_writer_asks_about() {
    let rounds = Arc::new(Rounds::new(Duration::from_millis(1)));
    let (told, hears) = mpsc::channel();
    start(Arc::clone(&rounds), {
        let rounds = Arc::clone(&rounds);
        move || {
            rounds.run(|| Ok(()));
            told.send(()).is_ok()
        }
    })
    .unwrap();
    for _ in 0..3 {
        rounds.note();
        hears.recv().unwrap();
    }
    rounds.stop();
    assert!(hears.recv().is_err(), "the thread has ended");
}

#[test]
fn finish_waits_for_the_round_that_is_under_way() {
    let rounds = Arc::new(Rounds::new(NEVER));
    let (begun, has_begun) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    start(Arc::clone(&rounds), {
        let rounds = Arc::clone(&rounds);
        move || {
            rounds.run(|| {
                begun.send(()).unwrap();
                waits.recv().unwrap();
                Ok(())
            });
            true
        }
    })
    .unwrap();
    rounds.ask().unwrap();
    has_begun.recv().unwrap();
    rounds.stop();
    go_on.send(()).unwrap();
    rounds.finish();
    assert_eq!(durable(&rounds), 1);
}
