//! Changes that are put together and written at once, beside those of a store that looks after each of them: the looks must
//! change nothing, neither in the log nor in memory.

use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk};
use opslog::store::{Options, Store};

use super::support::*;

const ENOSPC: i32 = 28;
const IDS: [&str; 12] = ["a", "b", "c", "d", "é\"\u{1F600}", "f", "g", "h", "i", "j", "k", "l"];

/// What is done to both stores in one go.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Go {
    Single,
    Batch,
    Abandoned,
    Shared,
}

struct Twin {
    disk: SimDisk,
    store: Arc<Store>,
    looks: bool,
}

impl Twin {
    fn new(options: Options, looks: bool) -> Self {
        let disk = SimDisk::new();
        let store = try_open(disk.clone(), options).unwrap().store;
        Self { disk, store, looks }
    }

    /// Makes changes in one go; says which were refused.
    fn go(&self, go: Go, changes: &[(&str, Option<String>)], fails: bool) -> Vec<bool> {
        match go {
            Go::Single => {}
            Go::Batch | Go::Abandoned => self.store.begin_batch(),
            Go::Shared => self.store.begin_shared(),
        }
        let mut done = Vec::new();
        for (id, value) in changes {
            done.push(match value {
                Some(value) => try_set(&self.store, id, value).is_ok(),
                None => try_delete(&self.store, id).is_ok(),
            });
            if self.looks {
                self.store.counts();
            }
        }
        if fails {
            self.disk.script(Fault::new(CallKind::Append, ENOSPC).after_half());
        }
        done.push(match go {
            Go::Single => self.store.flush().is_ok(),
            Go::Batch => self.store.commit_batch().is_ok(),
            Go::Shared => self.store.commit_shared().is_ok(),
            Go::Abandoned => {
                self.store.abandon_batch();
                true
            }
        });
        self.disk.heal();
        done
    }

    fn seen(&self) -> (Vec<String>, Vec<String>, String) {
        (records(&self.store), history(&self.store), log(&self.disk, &self.store).1)
    }
}

/// With few ids, most changes are of records that the log speaks of already; with all of them, some batches are of others alone.
fn live(seed: u64, options: &Options) {
    let ids = if seed.is_multiple_of(2) { 5 } else { IDS.len() };
    let twins = [true, false].map(|looks| Twin::new(options.clone(), looks));
    let mut dice = Dice(seed * 2 + 1);
    for step in 0..30 {
        let go = [Go::Single, Go::Batch, Go::Abandoned, Go::Shared][dice.roll(4) as usize];
        if dice.roll(6) == 0 {
            let undone = twins.each_ref().map(|twin| undo(&twin.store));
            assert_eq!(undone[0], undone[1], "seed {seed}, step {step}");
        }
        if options.agent.is_none() && dice.roll(6) == 0 {
            let done = twins.each_ref().map(|twin| checkpoint(&twin.store).is_ok());
            assert_eq!(done, [true, true], "seed {seed}, step {step}");
        }
        let go = if options.buffered && go == Go::Shared { Go::Batch } else { go };
        let changes: Vec<(&str, Option<String>)> = (0..=dice.roll(5))
            .map(|_| {
                let id = IDS[dice.roll(ids as u64) as usize];
                let value = match dice.roll(5) {
                    0 => None,
                    1 => Some(format!("[{}]", dice.roll(9))),
                    kind => Some(format!(r#"{{"kind":{kind},"n":{},"text":"same in all"}}"#, dice.roll(3))),
                };
                (id, value)
            })
            .collect();
        let fails = go != Go::Single && dice.roll(5) == 0;
        let done = twins.each_ref().map(|twin| twin.go(go, &changes, fails));
        assert_eq!(done[0], done[1], "seed {seed}, step {step}: {go:?} of {changes:?}");
        if dice.roll(3) == 0 {
            let [one, other] = twins.each_ref().map(Twin::seen);
            assert_eq!(one, other, "seed {seed}, step {step}: {go:?} of {changes:?}");
        }
    }
    for twin in &twins {
        twin.store.flush().unwrap();
    }
    let [one, other] = twins.each_ref().map(Twin::seen);
    assert_eq!(one, other, "seed {seed}");
    assert_eq!(one.0, found(&twins[1].disk), "seed {seed}");
    while twins.each_ref().map(|twin| undo(&twin.store)) == [true, true] {
        let [one, other] = twins.each_ref().map(Twin::seen);
        assert_eq!(one, other, "seed {seed}");
    }
}

#[test]
fn what_is_drafted_and_written_at_once_is_what_changes_one_by_one_are() {
    for seed in 1..300 {
        live(seed, &options());
    }
}

#[test]
fn the_same_where_changes_are_buffered() {
    for seed in 1..300 {
        live(seed, &Options { buffered: true, ..options() });
    }
}

#[test]
fn the_same_for_an_agent() {
    for seed in 1..150 {
        live(seed, &Options { agent: Some("one".into()), ..options() });
    }
}

#[test]
fn a_batch_that_no_call_looks_into_is_one_append_with_its_marks() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "first", "0");
    let appends = disk.calls(CallKind::Append);
    batch(&store, &[("a", "1"), ("b", "2"), ("a", "3")]);
    assert_eq!(disk.calls(CallKind::Append), appends + 1);
    let log = log(&disk, &store).1;
    let marks: Vec<&str> = log.lines().skip(1).filter_map(|line| line.split("\"batch\":").nth(1)).collect();
    assert_eq!(marks, ["\"more\"}", "\"more\"}", "\"last\"}"]);
    assert!(log.lines().nth(3).unwrap().contains(r#""prevValue":1"#), "{log}");
    batch(&store, &[("c", "4")]);
    assert!(!log_of(&disk, &store).lines().last().unwrap().contains("batch"));
    assert_eq!(found(&disk), ["first=0", "a=3", "b=2", "c=4"]);
}

fn log_of(disk: &SimDisk, store: &Store) -> String {
    log(disk, store).1
}
