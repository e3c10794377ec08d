//! The order of records is the same for the store, for readers and after a restart, whatever was taken back before.

use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::store::{Options, Store};

use super::hook::HookDisk;
use super::support::*;

/// A store of `a`, `b`, `c`, `d`, and a reader that follows it.
struct Case {
    disk: HookDisk,
    store: Arc<Store>,
    reader: Arc<Store>,
    agent: Option<&'static str>,
}

/// Where the four records are when the case begins.
#[derive(Debug, Clone, Copy)]
enum Begun {
    InLog,
    InSnapshot,
    InBoth,
    BehindIndex,
}

const BEGUN: [Begun; 4] = [Begun::InLog, Begun::InSnapshot, Begun::InBoth, Begun::BehindIndex];

impl Case {
    fn begin(begun: Begun, buffered: bool, agent: Option<&'static str>) -> Self {
        let disk = HookDisk::new(SimDisk::new());
        let index_from_bytes = if matches!(begun, Begun::BehindIndex) { 0 } else { u64::MAX };
        let options = Options { buffered, index_from_bytes, agent: agent.map(str::to_owned), ..options() };
        let mut store = try_open(disk.clone(), options.clone()).unwrap().store;
        for (at, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
            if at == 2 && matches!(begun, Begun::InBoth) {
                publish(&store, agent);
            }
            set(&store, id, "1");
        }
        store.flush().unwrap();
        match begun {
            Begun::InSnapshot => publish(&store, agent),
            Begun::BehindIndex => {
                store.close().unwrap();
                store = try_open(disk.clone(), options).unwrap().store;
            }
            _ => {}
        }
        let reader = reader(disk.sim());
        Self { disk, store, reader, agent }
    }

    /// Compares with each other what is shown where.
    fn check(&self, what: &str) {
        self.store.replay_head().unwrap();
        self.store.flush().unwrap();
        let live = records(&self.store);
        self.reader.catch_up_or_follow();
        assert_eq!(records(&self.reader), live, "{what}: a reader that follows");
        let disk = self.disk.sim().after_kill();
        assert_eq!(records(&reader(&disk)), live, "{what}: a reader");
        let options = Options { agent: self.agent.map(str::to_owned), ..options() };
        let again = try_open(disk, options).unwrap().store;
        assert_eq!(records(&again), live, "{what}: after a restart");
    }
}

trait Follow {
    fn catch_up_or_follow(&self);
}

impl Follow for Arc<Store> {
    fn catch_up_or_follow(&self) {
        self.follow().unwrap();
        while self.renew().unwrap().outdated {}
    }
}

fn publish(store: &Arc<Store>, agent: Option<&str>) {
    match agent {
        None => checkpoint(store).unwrap(),
        Some(_) => drop(store.compact_agents(NOW, None).unwrap()),
    }
}

/// Each letter is a step: `a` to `d` deletes the record, `A` to `D` sets it, `u` undoes, `f` lets the reader follow, `(` and `)`
/// enclose a batch, `!` abandons one, `w` flushes.
fn carry_out(case: &Case, steps: &str) {
    for step in steps.chars() {
        let id = step.to_lowercase().to_string();
        match step {
            'u' => drop(try_undo(&case.store).unwrap()),
            'f' => case.reader.catch_up_or_follow(),
            'w' => case.store.flush().unwrap(),
            '(' => case.store.begin_batch(),
            ')' => drop(case.store.commit_batch().unwrap()),
            '!' => case.store.abandon_batch(),
            'a'..='d' => delete(&case.store, &id),
            _ => set(&case.store, &id, "2"),
        }
    }
}

const STEPS: [&str; 22] = [
    "au", "afu", "buau", "abuu", "abfuu", "aAuu", "aAu", "aAfuu", "(aX)u", "(aX)uu", "(aX)fuu", "(aA)uu",
    "(aA)u", "(ab)uu", "(ab!", "(aAbX!", "aXuu", "Xaxuu", "XYxuu", "aAau", "aAauuu", "dDcCuuuu",
];

#[test]
fn undone_deletions_leave_the_order_that_the_files_say() {
    for begun in BEGUN {
        for steps in STEPS {
            for buffered in [false, true] {
                let case = Case::begin(begun, buffered, None);
                carry_out(&case, steps);
                case.check(&format!("{begun:?}, {steps}, {buffered}"));
                publish(&case.store, None);
                case.check(&format!("{begun:?}, {steps}, {buffered}, a checkpoint"));
                set(&case.store, "a", "3");
                case.check(&format!("{begun:?}, {steps}, {buffered}, a checkpoint and a change"));
            }
        }
    }
}

#[test]
fn undone_deletions_of_an_agent_leave_the_order_that_the_files_say() {
    for begun in [Begun::InLog, Begun::InSnapshot, Begun::InBoth] {
        for steps in STEPS {
            let case = Case::begin(begun, false, Some("x"));
            carry_out(&case, steps);
            case.check(&format!("{begun:?}, {steps}"));
            publish(&case.store, case.agent);
            case.check(&format!("{begun:?}, {steps}, a compaction"));
        }
    }
}

/// What becomes of a checkpoint or an archive in whose middle steps come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Published,
    Fails,
    ArchiveFails,
}

#[test]
fn undone_deletions_in_the_middle_of_a_checkpoint_leave_the_order_that_the_files_say() {
    for outcome in [Outcome::Published, Outcome::Fails, Outcome::ArchiveFails] {
        for (before, late, after) in [
            ("", "au", ""),
            ("a", "b", "uu"),
            ("aA", "bB", "uuuu"),
            ("aA", "b", "uuu"),
            ("X", "x", "uu"),
            ("X", "xX", "uu"),
            ("aX", "xbXu", "uuu"),
            ("XY", "xXyY", "uuuu"),
            ("a", "(bX)u", "uu"),
            ("b", "aX", "uu"),
        ] {
            for begun in BEGUN {
                for hides in [false, true] {
                    let what = format!("{outcome:?}, {begun:?}, {before}, {late}, {after}, {hides}");
                    let case = Case::begin(begun, false, None);
                    carry_out(&case, before);
                    case.store.replay_head().unwrap();
                    interrupted(&case, outcome, late, hides);
                    case.check(&what);
                    for undo in after.chars() {
                        carry_out(&case, &undo.to_string());
                        case.check(&what);
                    }
                }
            }
        }
    }
}

/// Runs a checkpoint or an archive of record `d` with steps in its middle, the later half of them behind a history that was hidden again.
fn interrupted(case: &Case, outcome: Outcome, late: &str, hides: bool) {
    let sim = case.disk.sim();
    let (first, second) = late.split_at(late.len() / 2);
    let steps = || {
        carry_out(case, first);
        if hides && !late.contains('(') {
            case.store.hide_history();
        }
        carry_out(case, second);
    };
    let fails = Fault::new(CallKind::Rename, 28).on("manifest.json");
    match outcome {
        Outcome::ArchiveFails => {
            let plan =
                case.store.begin_archive(vec![b"d".as_slice().into()], "2026-Q1", NOW).unwrap().unwrap();
            steps();
            sim.script(fails);
            assert!(plan.run().is_err());
        }
        _ => {
            let begun = case.store.begin_checkpoint(NOW, true).unwrap().unwrap();
            steps();
            if outcome == Outcome::Fails {
                sim.script(fails);
            }
            assert_eq!(begun.run().is_ok(), outcome == Outcome::Published);
        }
    }
    if hides {
        case.store.show_history();
    }
}

/// `h` hides the history, `s` shows it, `c` begins a checkpoint of what is hidden, `C` of everything, `F` has it fail, `P` publishes it.
fn carry_out_with_checkpoints(case: &Case, steps: &str) {
    let mut begun = None;
    for step in steps.chars() {
        match step {
            'h' => case.store.hide_history(),
            's' => case.store.show_history(),
            'c' | 'C' => begun = case.store.begin_checkpoint(NOW, step == 'C').unwrap(),
            'F' => drop(begun.take()),
            'P' => begun.take().unwrap().run().unwrap(),
            _ => carry_out(case, &step.to_string()),
        }
    }
}

#[test]
fn deletions_are_undone_in_place_whatever_was_hidden_shown_frozen_and_taken_back_before() {
    for steps in [
        "XhxYhyXsuuuuu",
        "XhYxhXys",
        "aAhbBhaAsuuuuuu",
        "aAhbBhaAhsuuuuuu",
        "XYhxyhXYhxysuuuuuuuu",
        "aCbFuu",
        "aCXxBhbFsuuuuu",
        "aAChbBFsuuuu",
        "aAChbBhFcPuu",
        "aAChbBFcbPu",
        "XCxhXYFcyPuu",
        "XCxhXhyYFsuuuuuuu",
    ] {
        for begun in BEGUN {
            let case = Case::begin(begun, false, None);
            for (at, _) in steps.char_indices() {
                // Each prefix of it, so that all moments are looked at.
                let case = Case::begin(begun, false, None);
                carry_out_with_checkpoints(&case, &steps[..at]);
                case.store.show_history();
                case.check(&format!("{begun:?}, {}", &steps[..at]));
            }
            carry_out_with_checkpoints(&case, steps);
            case.check(&format!("{begun:?}, {steps}"));
        }
    }
}

#[test]
fn a_change_that_a_full_disk_refuses_leaves_the_order_that_the_files_say() {
    let refused: [fn(&Store); 3] = [
        |store| assert!(try_delete(store, "b").is_err()),
        |store| {
            store.begin_batch();
            delete(store, "b");
            set(store, "b", "2");
            delete(store, "a");
            assert!(store.commit_batch().is_err());
        },
        |store| {
            store.begin_shared();
            delete(store, "b");
            set(store, "b", "2");
            assert!(store.commit_shared().is_err());
        },
    ];
    for begun in BEGUN {
        for refuse in refused {
            let case = Case::begin(begun, false, None);
            case.disk.sim().fail_next(CallKind::Append, 1, 28, Times::Once);
            refuse(&case.store);
            case.check(&format!("{begun:?}"));
        }
    }
}
