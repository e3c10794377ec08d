//! The history of a folder against a list that keeps every operation: forward, backward, from every position, and as a
//! follower is told it, through checkpoints with operations in the middle of them, undos, archives, reopenings and agents.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::error::Result;
use opslog::history::{Backward, Event, Forward, Position, Reading, Record, event_into};
use opslog::store::{Options, Store};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::hook::HookDisk;
use super::support::*;

/// Every operation, in order: id, value and the value before.
#[derive(Default)]
struct Oracle {
    operations: Vec<(String, Value, Value)>,
    /// The agent of each.
    agents: Vec<Option<String>>,
    agent: Option<String>,
    records: BTreeMap<String, Value>,
    next: u64,
}

impl Oracle {
    fn set(&mut self, id: &str) -> String {
        self.next += 1;
        let value = json!({"n": self.next, "text": "long enough to make a delta pay off", "same": [1, 2]});
        let before = self.records.insert(id.to_owned(), value.clone()).unwrap_or_default();
        self.operations.push((id.to_owned(), value.clone(), before));
        self.agents.push(self.agent.clone());
        value.to_string()
    }

    fn delete(&mut self, id: &str) {
        let before = self.records.remove(id).unwrap();
        self.operations.push((id.to_owned(), Value::Null, before));
        self.agents.push(self.agent.clone());
    }

    /// Takes back the last operation of the agent that writes.
    fn undo(&mut self) {
        let place = self.agents.iter().rposition(|agent| *agent == self.agent).unwrap();
        self.agents.remove(place);
        let (id, ..) = self.operations.remove(place);
        match self.operations.iter().rfind(|(other, ..)| *other == id) {
            Some((_, value, _)) if *value != Value::Null => self.records.insert(id, value.clone()),
            _ => self.records.remove(&id),
        };
    }
}

/// A folder, the store that writes to it, and what there should be in it.
struct Folder {
    disk: HookDisk,
    store: Option<Arc<Store>>,
    oracle: Arc<Mutex<Oracle>>,
}

impl Folder {
    fn new() -> Self {
        let disk = HookDisk::new(SimDisk::new());
        let store = try_open(disk.clone(), options()).unwrap().store;
        Self { disk, store: Some(store), oracle: Arc::default() }
    }

    fn store(&self) -> &Arc<Store> {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self, agent: Option<&str>) {
        self.store.take().unwrap().close().unwrap();
        self.oracle.lock().agent = agent.map(str::to_owned);
        let options = Options { agent: agent.map(str::to_owned), ..options() };
        self.store = Some(try_open(self.disk.clone(), options).unwrap().store);
    }

    fn forward(&self, after: Option<&Position>, is_live: bool) -> Result<Forward> {
        Forward::open(Arc::new(self.disk.sim().clone()), Path::new(ROOT), after, is_live)
    }

    fn backward(&self, after: Option<&Position>) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        let mut reader = Backward::open(Arc::new(self.disk.sim().clone()), Path::new(ROOT), after)?;
        let mut sink = |event: Event<'_>| {
            found.push(parse(&event));
            Ok(())
        };
        while reader.step(100, &mut sink)? == Reading::GoesOn {}
        Ok(found)
    }

    fn read(&self, after: Option<&Position>) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        read_on(&mut self.forward(after, false)?, &mut found)?;
        Ok(found)
    }

    /// The operations on one record, found by indexes of ids.
    fn of_record(&self, id: &str, after: Option<&Position>, is_reverse: bool) -> Vec<Value> {
        let record = Record { id: id.into(), writes: true, from_bytes: 0 };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.sim().clone());
        let mut found = Vec::new();
        let mut sink = |event: Event<'_>| {
            let event = parse(&event);
            if event["id"] == id {
                found.push(event);
            }
            Ok(())
        };
        if is_reverse {
            let mut reader = Backward::open(disk, Path::new(ROOT), after).unwrap();
            reader.only(Some(record));
            while reader.step(100, &mut sink).unwrap() == Reading::GoesOn {}
        } else {
            let mut reader = Forward::open(disk, Path::new(ROOT), after, false).unwrap();
            reader.only(Some(record));
            while reader.step(100, &mut sink).unwrap() == Reading::GoesOn {}
        }
        found
    }

    /// Looks whether the operations on each record are found, from the beginning and from a position on.
    fn check_records(&self, found: &[Value], context: &str) {
        for place in [None, found.len().checked_sub(1).map(|last| last / 2)] {
            let after = place.map(|place| position(&found[place]));
            let rest = &found[place.map_or(0, |place| place + 1)..];
            for n in 0..5 {
                let id = format!("id{n}");
                let mut wanted: Vec<Value> =
                    rest.iter().filter(|event| event["id"] == *id).cloned().collect();
                assert_eq!(self.of_record(&id, after.as_ref(), false), wanted, "{context}, {id}");
                wanted.reverse();
                assert_eq!(self.of_record(&id, after.as_ref(), true), wanted, "{context}, {id} backward");
            }
        }
    }

    /// Looks whether everything is read, in either direction, and from each place on.
    fn check(&self, context: &str) -> Vec<Value> {
        let found = self.read(None).unwrap();
        let shown: Vec<_> = found.iter().map(shown).collect();
        assert_eq!(shown, self.oracle.lock().operations, "{context}");
        let mut backward = self.backward(None).unwrap();
        backward.reverse();
        assert_eq!(backward, found, "{context}, backward");
        self.check_records(&found, context);
        for (place, event) in found.iter().enumerate() {
            let after = position(event);
            let rest = found.get(place + 1..).unwrap();
            assert_eq!(self.read(Some(&after)).unwrap(), rest, "{context}, after {place}: {event}");
            let mut backward = self.backward(Some(&after)).unwrap();
            backward.reverse();
            assert_eq!(backward, rest, "{context}, backward after {place}: {event}");
        }
        found
    }
}

fn shown(event: &Value) -> (String, Value, Value) {
    (event["id"].as_str().unwrap().to_owned(), event["value"].clone(), event["before"].clone())
}

fn position(event: &Value) -> Position {
    Position::parse(event["position"].as_str().unwrap()).unwrap()
}

fn parse(event: &Event<'_>) -> Value {
    let mut text = Vec::new();
    event_into(&mut text, event);
    serde_json::from_slice(&text).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&text)))
}

/// Reads what there is, and takes back what is retracted.
fn read_on(reader: &mut Forward, found: &mut Vec<Value>) -> Result<Option<Position>> {
    let mut last = None;
    let mut sink = |event: Event<'_>| {
        let event = parse(&event);
        let place = event.get("after").unwrap_or(&event["position"]);
        last = Some(Position::parse(place.as_str().unwrap()).unwrap());
        if event["type"] == "undone" {
            let place = found.iter().rposition(|given| given["position"] == event["position"]);
            let gone = found.remove(place.unwrap_or_else(|| panic!("{event} was never given")));
            assert_eq!(gone["id"], event["id"]);
        } else {
            found.push(event);
        }
        Ok(())
    };
    while reader.step(300, &mut sink)? == Reading::GoesOn {}
    Ok(last)
}

/// Changes something at random. `undone` bounds how many operations can be undone.
fn change(store: &Arc<Store>, oracle: &Mutex<Oracle>, dice: &mut Dice) {
    let mut oracle = oracle.lock();
    let id = format!("id{}", dice.roll(5));
    match dice.roll(10) {
        0..5 => set(store, &id, &oracle.set(&id)),
        5 if oracle.records.contains_key(&id) => {
            delete(store, &id);
            oracle.delete(&id);
        }
        6 => {
            store.begin_batch();
            for _ in 0..2 + dice.roll(3) {
                let id = format!("id{}", dice.roll(5));
                set(store, &id, &oracle.set(&id));
            }
            store.commit_batch().unwrap();
        }
        _ => {
            for _ in 0..1 + dice.roll(3) {
                if undo(store) {
                    oracle.undo();
                }
            }
        }
    }
}

fn run(seed: u64, with_agents: bool) {
    let mut dice = Dice(seed);
    let mut folder = Folder::new();
    let mut follower = folder.forward(None, true).unwrap();
    let (mut followed, mut at) = (Vec::new(), None);
    let mut is_of_agents = false;
    for step in 0..40 {
        let context = format!("seed {seed}, step {step}");
        match dice.roll(12) {
            0 if !is_of_agents => {
                let nth = dice.roll(40) + 1;
                let (store, oracle) = (Arc::clone(folder.store()), Arc::clone(&folder.oracle));
                let mut late = Dice(seed ^ step);
                // NOTE: where agents come next, an empty log does not tell how much of the one before it counts.
                if !with_agents {
                    folder.disk.before(nth, move || {
                        for _ in 0..late.roll(4) {
                            change(&store, &oracle, &mut late);
                        }
                    });
                }
                checkpoint(folder.store()).unwrap();
                folder.disk.clear();
            }
            0 => drop(folder.store().compact_agents(NOW, None).unwrap()),
            1 => {
                is_of_agents = with_agents && dice.roll(2) == 0;
                let agent = format!("agent{}", dice.roll(2));
                folder.reopen(is_of_agents.then_some(&agent));
            }
            2 => {
                let last = read_on(&mut follower, &mut followed);
                at = last.unwrap_or_else(|error| panic!("{context}: {error}")).or(at);
                let shown: Vec<_> = followed.iter().map(shown).collect();
                assert_eq!(shown, folder.oracle.lock().operations, "{context}, followed");
            }
            3 => {
                folder.check(&context);
            }
            4 if at.is_some() && dice.roll(3) == 0 => {
                // It comes back with its position.
                match folder.forward(at.as_ref(), true) {
                    Ok(reader) => follower = reader,
                    Err(error) => {
                        assert_eq!(error.code(), "OPSLOG_POSITION_GONE", "{context}: {error}");
                        let known: Vec<_> = followed.iter().map(shown).collect();
                        assert!(!folder.oracle.lock().operations.starts_with(&known), "{context}: {error}");
                        followed.clear();
                        at = None;
                        follower = folder.forward(None, true).unwrap();
                    }
                }
            }
            _ => change(folder.store(), &folder.oracle, &mut dice),
        }
    }
    folder.check(&format!("seed {seed}, at the end"));
    read_on(&mut follower, &mut followed).unwrap();
    let shown: Vec<_> = followed.iter().map(shown).collect();
    assert_eq!(shown, folder.oracle.lock().operations, "seed {seed}, followed to the end");
}

#[test]
fn a_history_is_what_was_done_in_a_folder_of_a_single_writer() {
    for seed in 0..100 {
        run(seed, false);
    }
}

#[test]
fn a_history_is_what_was_done_in_a_folder_that_goes_from_agents_to_a_single_writer_and_back() {
    for seed in 0..100 {
        run(seed, true);
    }
}
