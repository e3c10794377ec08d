//! Copies of a folder to which other hands write meanwhile: what is copied must have stood there at one moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::store::{Backup, Options, Store};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::support::*;

const COPY: &str = "/copies/one";
/// More than the longest copy here takes.
const CALLS: u64 = 5000;

fn finish(mut backup: Backup) {
    while !backup.step(512).unwrap().is_complete {}
}

fn open_copy(disk: &SimDisk) -> Arc<Store> {
    let read_only = Options { read_only: true, ..options() };
    Store::open(Arc::new(disk.clone()), Path::new(COPY), read_only, &Dead).unwrap().store
}

/// As [`set`], for an agent that may have to look first what others did.
fn put(store: &Store, id: &str, value: &str) {
    if try_set(store, id, value).is_err() {
        store.follow().unwrap();
        set(store, id, value);
    }
}

/// Writes a log anew, as another hand may that holds it open.
fn rewrite(disk: &SimDisk, path: &Path, content: &str) {
    let file = disk.open(path, OpenMode::Append).unwrap();
    file.set_len(0).unwrap();
    append_all(&*file, content.as_bytes()).unwrap();
}

#[test]
fn a_log_that_is_written_anew_while_a_reader_copies_it_is_copied_again() {
    // Two places before its end are other; or its beginning is the same, and its end is another one behind it.
    let other_beginning = |log: &str| {
        let other = log.replacen("\"data\":1}", "\"data\":2}", 1);
        other.replacen("\"data\":77}", "\"data\":78}", 1)
    };
    let other_end = |log: &str| {
        let cut = log.len() - 20;
        let id = log[..cut].rsplit_once("\"id\":\"").unwrap().1.split('"').next().unwrap();
        let last = log.trim_end().rsplit_once('\n').unwrap().0.len() + 1;
        format!("{}{}\n", &log[..last], line(id, &format!("\"{}\"", "x".repeat(400))))
    };
    let changes: [&dyn Fn(&str) -> String; 2] = [&other_beginning, &other_end];
    for (number, change) in changes.into_iter().enumerate() {
        for step in 0..30 {
            let disk = SimDisk::new();
            let store = open(&disk);
            set(&store, "first", "1");
            for n in 0..150 {
                set(&store, &format!("id-{n}"), &n.to_string());
            }
            let (path, content) = log(&disk, &store);
            assert!(content.len() > 8192);
            let mut backup = reader(&disk).begin_backup(Path::new(COPY), false).unwrap();
            for _ in 0..step {
                assert!(!backup.step(512).unwrap().is_complete || step > 15);
            }
            rewrite(&disk, &path, &change(&content));
            finish(backup);
            let copy = records(&open_copy(&disk));
            let now = records(&reader(&disk));
            let before = {
                rewrite(&disk, &path, &content);
                records(&reader(&disk))
            };
            assert!(copy == now || copy == before, "change {number} after {step} steps: {copy:?}");
        }
    }
}

/// Copies a folder of agents, as one of them or as a reader, while others write before each call in turn.
fn copy_beside_agents(copier: &Options) {
    let (mut nth, mut is_over) = (0, false);
    while !is_over {
        nth += 1;
        let sim = SimDisk::new();
        let (one, two) = (open_agent(sim.clone(), "one"), open_agent(sim.clone(), "two"));
        put(&one, "a", "1");
        put(&two, "b", "1");
        let disk = HookDisk::of_reader(sim.clone());
        let copier = try_open(disk.clone(), copier.clone()).unwrap().store;
        for store in [&one, &two, &copier] {
            store.follow().unwrap();
        }
        let opened = disk.clear();
        disk.before(nth, move || {
            for n in 0..3 {
                // A writer that is kept out writes nothing, and so nothing that rests on it.
                if try_set(&one, &format!("cause-{n}"), "1").is_ok() {
                    let _ = try_set(&two, &format!("effect-{n}"), "1");
                }
            }
        });
        finish(copier.begin_backup(Path::new(COPY), false).unwrap());
        is_over = disk.clear() < opened + nth;
        let copy = records(&open_copy(&sim));
        for n in 0..3 {
            let has = |id: &str| copy.contains(&format!("{id}-{n}=1"));
            assert!(has("cause") || !has("effect"), "before call {nth}: {copy:?}");
        }
    }
    assert!(nth > 10, "only {nth} calls");
}

#[test]
fn a_reader_copies_no_operation_of_an_agent_without_what_came_before_it() {
    copy_beside_agents(&Options { read_only: true, ..options() });
}

#[test]
fn an_agent_copies_no_operation_of_another_without_what_came_before_it() {
    copy_beside_agents(&Options { agent: Some("three".into()), ..options() });
}

#[test]
fn agents_that_cut_their_logs_without_end_must_wait_for_a_copy_at_last() {
    let sim = SimDisk::new();
    let (one, two) = (open_agent(sim.clone(), "one"), open_agent(sim.clone(), "two"));
    for n in 0..20 {
        put(&one, &format!("one-{n}"), "1");
        put(&two, &format!("two-{n}"), "1");
    }
    let disk = HookDisk::of_reader(sim.clone());
    let copier = open_agent(disk.clone(), "three");
    two.follow().unwrap();
    let refused = Arc::new(Mutex::new(0));
    for nth in 1..CALLS {
        let (two, refused) = (Arc::clone(&two), Arc::clone(&refused));
        disk.before(nth, move || {
            let value = format!("\"{}\"", "x".repeat(nth as usize % 50));
            if two.undo().is_err() || try_set(&two, "x", &value).is_err() {
                *refused.lock() += 1;
            }
        });
    }
    finish(copier.begin_backup(Path::new(COPY), false).unwrap());
    assert!(disk.clear() < CALLS, "it does not end");
    assert!(*refused.lock() > 0, "no copy had to wait");
    let copy = records(&open_copy(&sim));
    assert!(copy.iter().any(|record| record.starts_with("x=")), "{copy:?}");
    assert_eq!(copy.iter().filter(|record| record.starts_with("two-")).count(), 19);
    assert_eq!(copy.iter().filter(|record| record.starts_with("one-")).count(), 20);
}

#[test]
fn sealed_logs_are_copied_without_links_and_without_the_log_that_is_to_come() {
    for nth in 1..16 {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let store = try_open(disk.clone(), options()).unwrap().store;
        set(&store, "a", "1");
        checkpoint(&store).unwrap();
        set(&store, "b", "2");
        sim.plant(Path::new("/elsewhere"), b"no log\n").unwrap();
        sim.symlink(Path::new("/elsewhere"), &path("ops/ops-1.jsonl")).unwrap();
        let copier = Arc::clone(&store);
        disk.before(nth, move || finish(copier.begin_backup(Path::new(COPY), true).unwrap()));
        checkpoint(&store).unwrap();
        disk.clear();
        let is_log = |path: &PathBuf| path.starts_with("/copies/one/ops") && path.extension().is_some();
        let logs: Vec<_> = sim.tree().into_keys().filter(is_log).collect();
        if logs.is_empty() {
            continue;
        }
        let copy = open_copy(&sim);
        let active = Path::new(COPY).join(copy.manifest().active_ops);
        assert_eq!(logs.last(), Some(&active), "before call {nth}: {logs:?}");
        assert!(!logs.contains(&PathBuf::from("/copies/one/ops/ops-1.jsonl")));
        assert_eq!(records(&copy), ["a=1", "b=2"]);
    }
}

/// Numbers below a limit, the same for each seed.
fn numbers_of(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |limit| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    }
}

#[test]
fn a_reader_copies_what_the_log_of_its_writer_held_at_one_moment_though_undos_never_end() {
    for seed in 0..12_u64 {
        let sim = SimDisk::new();
        let store = open(&sim);
        for n in 0..200 {
            set(&store, &format!("id-{n}"), &format!("\"{}\"", "y".repeat(100)));
        }
        let disk = HookDisk::of_reader(sim.clone());
        let copier = try_open(disk.clone(), Options { read_only: true, ..options() }).unwrap().store;
        let states = Arc::new(Mutex::new(vec![records(&store)]));
        let (writer, held) = (Arc::clone(&store), Arc::clone(&states));
        let mut below = numbers_of(seed);
        let calls = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&calls);
        disk.before_every(move |_, path| {
            if path.starts_with(COPY) {
                return;
            }
            *counted.lock() += 1;
            for _ in 0..1 + below(3) {
                let value = format!("\"{}\"", "x".repeat(below(90) as usize));
                match below(5) {
                    0 | 1 => set(&writer, &format!("last-{}", below(3)), &value),
                    2 => batch(&writer, &[("one", &value), ("two", &value), ("three", &value)]),
                    _ => drop(undo(&writer)),
                }
                held.lock().push(records(&writer));
            }
        });
        let mut backup = copier.begin_backup(Path::new(COPY), false).unwrap();
        while !backup.step(512).unwrap().is_complete {}
        disk.clear();
        assert!(*calls.lock() > 30, "{seed}: only {} calls", calls.lock());
        let copy = records(&open_copy(&sim));
        assert!(states.lock().contains(&copy), "{seed}: {copy:?}");
    }
}

/// What an agent's record says: how often it was set, and how often those of the others when it was.
type Seen = Vec<u64>;

fn seen(records: &[String], agents: &[&str]) -> Vec<Option<Seen>> {
    let of = |agent: &&str| {
        let value = records.iter().find_map(|record| record.strip_prefix(&format!("{agent}=")))?;
        Some(serde_json::from_str(value).unwrap())
    };
    agents.iter().map(of).collect()
}

#[test]
fn a_reader_copies_what_agents_had_seen_of_each_other_though_their_undos_never_end() {
    let agents = ["a", "b", "c"];
    for seed in 0..12_u64 {
        let sim = SimDisk::new();
        let stores: Vec<Arc<Store>> = agents.iter().map(|agent| open_agent(sim.clone(), agent)).collect();
        for (store, agent) in stores.iter().zip(agents) {
            store.follow().unwrap();
            for n in 0..60 {
                put(store, &format!("{agent}-{n}"), &format!("\"{}\"", "y".repeat(100)));
            }
        }
        let disk = HookDisk::of_reader(sim.clone());
        let copier = try_open(disk.clone(), Options { read_only: true, ..options() }).unwrap().store;
        let mut below = numbers_of(seed);
        let calls = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&calls);
        disk.before_every(move |_, path| {
            if path.starts_with(COPY) {
                return;
            }
            *counted.lock() += 1;
            // One agent sets its record and says what it saw; another sees that, and says so; what no other saw is undone.
            let (one, other) = (below(3) as usize, below(3) as usize);
            for who in [one, other] {
                let store = &stores[who];
                store.follow().unwrap();
                let found = seen(&records(store), &agents);
                let counts =
                    found.iter().enumerate().map(|(of, seen)| seen.as_ref().map_or(0, |seen| seen[of]));
                let mut counts: Seen = counts.collect();
                counts[who] += 1;
                put(store, agents[who], &serde_json::to_string(&counts).unwrap());
            }
            let third = &stores[below(3) as usize];
            put(third, &format!("undone-{}", below(3)), "1");
            undo(third);
        });
        let mut backup = copier.begin_backup(Path::new(COPY), false).unwrap();
        while !backup.step(512).unwrap().is_complete {}
        disk.clear();
        assert!(*calls.lock() > 30, "{seed}: only {} calls", calls.lock());
        let copy = records(&open_copy(&sim));
        let found = seen(&copy, &agents);
        for by in found.iter().flatten() {
            for (of, count) in by.iter().enumerate() {
                let there = found[of].as_ref().map_or(0, |seen| seen[of]);
                assert!(there >= *count, "{seed}: {found:?} in a copy");
            }
        }
        assert_eq!(copy.iter().filter(|record| record.contains("yyy")).count(), 180, "{seed}");
    }
}
