//! The records of earlier places, against an oracle that applies the operations of a folder one by one: single writers with
//! checkpoints, undos, batches and reopenings; agents that write the same records at once; stores with `skipLoad`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use opslog::disk::sim::SimDisk;
use opslog::engine::Change;
use opslog::history::{Event, Forward, Position, Reading};
use opslog::store::{Options, Past, Present, Store, When};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::support::*;

type Records = BTreeMap<String, String>;

/// Archives: how many operations there were before each, and which records it took out.
type Archives = Vec<(usize, Vec<String>)>;

/// The records behind an operation.
struct Behind {
    position: Position,
    ts: String,
    records: Records,
    /// Behind the archives that came right behind it as well.
    archived: Records,
}

/// The records behind each operation of a folder: what its operations say, applied in order.
fn states(disk: &SimDisk, archives: &Archives) -> Vec<Behind> {
    let mut reader = Forward::open(Arc::new(disk.clone()), Path::new(ROOT), None, false).unwrap();
    let mut records = Records::new();
    let mut states = Vec::new();
    let mut sink = |event: Event<'_>| {
        let Event::Change(change) = event else { panic!("nothing is undone while this reads") };
        let id = String::from_utf8(change.line.id.to_vec()).unwrap();
        match &change.line.data {
            Some(data) => records.insert(id, text(&change.bytes[data.clone()])),
            None => records.remove(&id),
        };
        let before = records.clone();
        for (_, ids) in archives.iter().filter(|(before, _)| *before == states.len() + 1) {
            records.retain(|id, _| !ids.contains(id));
        }
        let position = Position::parse(&text(change.position)).unwrap();
        let ts = text(&change.line.ts(change.bytes));
        states.push(Behind { position, ts, records: before, archived: records.clone() });
        Ok(())
    };
    while reader.step(300, &mut sink).unwrap() == Reading::GoesOn {}
    states
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn present(store: &Store) -> Present {
    loop {
        match store.present().unwrap() {
            Some(present) => return present,
            None => store.renew().unwrap(),
        };
    }
}

fn past(store: &Store, when: &When) -> Past {
    store.past(&present(store), when, &AtomicBool::new(false)).unwrap()
}

fn records_of(store: &Store, past: &Past) -> Records {
    let mut walk = past.walk(false);
    let mut found = Records::new();
    loop {
        let mut out = Vec::new();
        store.walk_on(&mut walk, 50, &mut out).unwrap();
        if out.is_empty() {
            break;
        }
        out.pop();
        let list: Vec<serde_json::Value> = serde_json::from_str(&format!("[{}]", text(&out))).unwrap();
        for pair in list.chunks(2) {
            assert_eq!(found.insert(pair[0].as_str().unwrap().into(), pair[1].to_string()), None);
        }
    }
    assert_eq!(past.count(), found.len());
    for (id, value) in &found {
        assert_eq!(text(&store.get_past(past, id.as_bytes()).unwrap().unwrap()), *value);
        assert!(store.has_past(past, id.as_bytes()).unwrap());
    }
    assert!(!store.has_past(past, b"never").unwrap());
    found
}

/// Looks whether a store tells every earlier state as it was. With `carries`, a checkpoint may have carried an operation on behind the archive
/// that came right behind it.
fn check(disk: &SimDisk, store: &Store, archives: &Archives, carries: bool, context: &str) {
    let states = states(disk, archives);
    for Behind { position, ts, records, archived } in &states {
        let seen = records_of(store, &past(store, &When::At(position.clone())));
        if !(carries && seen == *archived) {
            assert_eq!(&seen, records, "{context}, behind {position:?}");
        }
        // The clocks of agents differ: the last operation in the order that is not later decides.
        let last = states.iter().rfind(|other| other.ts <= *ts).unwrap();
        let seen = records_of(store, &past(store, &When::Time(ts.clone())));
        // Logs are named by another clock than that of the operations here, so that an archive may come before or behind them.
        if seen != last.archived {
            assert_eq!(seen, last.records, "{context}, at {ts}");
        }
    }
    let seen = past(store, &When::Time("0000-01-01T00:00:00.000Z".into()));
    assert_eq!(records_of(store, &seen), Records::new(), "{context}, before everything");
}

/// A value that is long enough for a delta, or is no object.
fn value(dice: &mut Dice) -> String {
    match dice.roll(6) {
        0 => format!("[{}]", dice.roll(9)),
        1 => "\"text\"".into(),
        number => {
            format!(r#"{{"n":{},"text":"long enough to make a delta pay off","m":{number}}}"#, dice.roll(9))
        }
    }
}

fn change(store: &Store, dice: &mut Dice, now: &mut i64) {
    *now += dice.roll(3) as i64;
    let id = format!("id{}", dice.roll(6));
    let exists = store.has(id.as_bytes()).unwrap();
    let value = value(dice);
    let change = match dice.roll(4) {
        0 if exists => Change::Delete,
        _ => Change::Set(value.as_bytes()),
    };
    store.change(change, id.as_bytes(), *now, None, true).unwrap();
}

#[test]
fn every_earlier_state_of_a_single_writer_is_found_through_checkpoints_archives_undos_and_reopenings() {
    for seed in 1..60 {
        let (mut dice, mut now) = (Dice(seed), NOW);
        let disk = SimDisk::new();
        let keep = [0, 2, 9][seed as usize % 3];
        let open_keeping = || {
            let store = open(&disk);
            store.keep_undoable(keep);
            store
        };
        let mut store = open_keeping();
        let mut archives = Archives::new();
        // Positions as a program notes them: checkpoints carry operations on behind them.
        let mut noted: Vec<(usize, String, Vec<String>)> = Vec::new();
        for _ in 0..60 {
            match dice.roll(14) {
                0 => checkpoint(&store).unwrap(),
                1 => {
                    store.close().unwrap();
                    store = open_keeping();
                }
                2 => {
                    if undo(&store) {
                        noted.clear();
                    }
                }
                4 => {
                    let found: Vec<String> = records(&store);
                    let all = found.iter().map(|record| record.split_once('=').unwrap().0.to_owned());
                    let ids: Vec<String> = all.filter(|_| dice.roll(3) == 0).collect();
                    archive(&store, &ids.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
                    archives.push((states(&disk, &archives).len(), ids));
                }
                3 => {
                    store.begin_batch();
                    for _ in 0..=dice.roll(4) {
                        change(&store, &mut dice, &mut now);
                    }
                    store.commit_batch().unwrap();
                }
                _ => change(&store, &mut dice, &mut now),
            }
            let position = store.position().unwrap();
            // NOTE: an archive is no operation, and yet the place behind it is another one.
            let all = states(&disk, &archives).len();
            noted.retain(|(count, known, _)| *count < all || *count == all && *known != position);
            noted.push((all, position, records(&store)));
        }
        for (_, position, expected) in &noted {
            let when = When::At(Position::parse(position).unwrap());
            let seen = records_of(&store, &past(&store, &when));
            let seen: Vec<String> = seen.iter().map(|(id, value)| format!("{id}={value}")).collect();
            let mut expected = expected.clone();
            expected.sort();
            assert_eq!(seen, expected, "seed {seed}, keeping {keep}, behind {position}");
        }
        check(&disk, &store, &archives, keep > 0, &format!("seed {seed}"));
        check(&disk, &reader(&disk), &archives, keep > 0, &format!("seed {seed}, a reader"));
    }
}

#[test]
fn every_earlier_state_of_agents_is_found_though_they_did_not_know_of_each_other() {
    let open_agent = |disk: &SimDisk, id: &str| {
        try_open(disk.clone(), Options { agent: Some(id.into()), ..options() }).unwrap().store
    };
    for seed in 1..60 {
        let (mut dice, mut now) = (Dice(seed * 7), NOW);
        let disk = SimDisk::new();
        let mut agents = [open_agent(&disk, "one"), open_agent(&disk, "two"), open_agent(&disk, "three")];
        for _ in 0..60 {
            let at = dice.roll(3) as usize;
            match dice.roll(14) {
                0 => drop(agents[at].compact_agents(now, None).unwrap()),
                1 => {
                    let id = ["one", "two", "three"][at];
                    agents[at].close().unwrap();
                    agents[at] = open_agent(&disk, id);
                }
                2 => drop(undo(&agents[at])),
                3 => drop(agents[at].follow().unwrap()),
                _ => {
                    // NOTE: an agent that must catch up first is asked again.
                    if agents[at].has(b"x").is_ok() {
                        change_of_agent(&agents[at], &mut dice, &mut now);
                    }
                }
            }
        }
        agents.iter().for_each(|agent| drop(agent.follow().unwrap()));
        check(&disk, &agents[0], &Archives::new(), false, &format!("seed {seed}"));
        check(&disk, &reader(&disk), &Archives::new(), false, &format!("seed {seed}, a reader"));
    }
}

fn change_of_agent(store: &Store, dice: &mut Dice, now: &mut i64) {
    *now += dice.roll(3) as i64;
    let id = format!("id{}", dice.roll(6));
    let value = value(dice);
    let made = store.change(Change::Set(value.as_bytes()), id.as_bytes(), *now, None, true);
    if made.is_err() {
        store.follow().unwrap();
        store.change(Change::Set(value.as_bytes()), id.as_bytes(), *now, None, true).unwrap();
    }
}

#[test]
fn no_earlier_state_is_found_from_records_that_another_agent_has_archived() {
    let disk = SimDisk::new();
    let one = open_agent(disk.clone(), "one");
    set(&one, "a", "1");
    set(&one, "b", "2");
    let stores = [open_agent(disk.clone(), "two"), reader(&disk)];
    let request = one.choose_for_archive(vec![b"a".as_slice().into()], "2026-Q1".into()).unwrap();
    one.compact_agents(NOW, Some(request)).unwrap();
    for store in stores {
        store.follow().unwrap();
        let later = When::Time("9999-01-01T00:00:00.000Z".into());
        assert_eq!(records_of(&store, &past(&store, &later)).into_keys().collect::<Vec<_>>(), ["b"]);
    }
}

/// As many calls as a checkpoint has at most.
const CALLS: u64 = 60;

/// The positions of a store, each with its records.
#[derive(Default)]
struct Noted(Vec<(Position, Records)>);

impl Noted {
    fn note(&mut self, store: &Store) {
        let pairs = records(store).into_iter();
        let pairs = pairs.map(|record| record.split_once('=').map(|(id, value)| (id.into(), value.into())));
        self.0.push((
            Position::parse(&store.position().unwrap()).unwrap(),
            pairs.map(Option::unwrap).collect(),
        ));
    }
}

/// A store with operations behind a checkpoint: a record is new, one is changed, and one was deleted.
fn store_with_places(disk: &HookDisk, keep: usize) -> (Arc<Store>, Noted) {
    let store = try_open(disk.clone(), options()).unwrap().store;
    store.keep_undoable(keep);
    let mut noted = Noted::default();
    for (id, value) in [("a", "1"), ("b", "1"), ("a", "2")] {
        set(&store, id, value);
        noted.note(&store);
    }
    checkpoint(&store).unwrap();
    for (id, value) in [("a", "3"), ("c", "1")] {
        set(&store, id, value);
        noted.note(&store);
    }
    delete(&store, "b");
    noted.note(&store);
    (store, noted)
}

#[test]
fn earlier_states_are_found_from_records_that_were_taken_in_the_middle_of_a_checkpoint() {
    for (keep, nth) in [0, 1, 4].into_iter().flat_map(|keep| (1..CALLS).map(move |nth| (keep, nth))) {
        let disk = HookDisk::new(SimDisk::new());
        let (store, noted) = store_with_places(&disk, keep);
        let taken = Arc::new(Mutex::new((noted, None)));
        let before = disk.clear();
        let (late, in_hook) = (Arc::clone(&store), Arc::clone(&taken));
        disk.before(nth, move || {
            let (noted, taken) = &mut *in_hook.lock();
            for change in [set as fn(&Store, &str, &str), |store, id, _| delete(store, id), set] {
                change(&late, "b", "2");
                noted.note(&late);
                change(&late, "d", "2");
                noted.note(&late);
            }
            delete(&late, "a");
            noted.note(&late);
            *taken = Some(present(&late));
        });
        checkpoint(&store).unwrap();
        if disk.clear() < before + nth {
            assert!(nth > 10);
            continue;
        }
        let (noted, present) = &*taken.lock();
        let present = present.as_ref().unwrap();
        for (position, expected) in &noted.0 {
            let when = When::At(position.clone());
            let found = store.past(present, &when, &AtomicBool::new(false)).unwrap();
            let context = format!("keeping {keep}, call {nth}, behind {position:?}");
            assert_eq!(&records_of(&store, &found), expected, "{context}");
        }
    }
}

#[test]
fn earlier_states_are_found_while_a_checkpoint_carries_operations_on_at_any_call_of_the_look() {
    let (mut nth, mut came) = (0, true);
    while came {
        (nth, came) = (nth + 1, false);
        let sim = SimDisk::new();
        let (store, noted) = store_with_places(&HookDisk::new(sim.clone()), 4);
        let disk = HookDisk::of_reader(sim);
        let read_only = Options { read_only: true, ..options() };
        let reader = try_open(disk.clone(), read_only).unwrap().store;
        for (position, expected) in &noted.0 {
            reader.catch_up().unwrap();
            let present = present(&reader);
            let (before, writer) = (disk.clear(), Arc::clone(&store));
            disk.before(nth, move || checkpoint(&writer).unwrap());
            let when = When::At(position.clone());
            let found = reader.past(&present, &when, &AtomicBool::new(false)).unwrap();
            came |= disk.clear() >= before + nth;
            assert_eq!(&records_of(&reader, &found), expected, "call {nth}, behind {position:?}");
        }
    }
    assert!(nth > 10, "{nth}");
}
