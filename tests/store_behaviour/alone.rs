//! Transactions of several agents: whose turn it is, what a transaction finds, and that appends come in between.

use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::layout;
use opslog::store::Store;

use super::support::*;

fn agents(disk: &SimDisk) -> Vec<Arc<Store>> {
    let agents: Vec<_> = ["one", "two", "three"].iter().map(|id| open_agent(disk.clone(), id)).collect();
    agents.iter().for_each(|agent| drop(agent.catch_up().unwrap()));
    agents
}

/// As the facade does it, where no other store has the lock.
fn begin(store: &Store) {
    while !store.begin_alone_at_once().unwrap() {
        store.begin_alone().unwrap();
    }
    store.take_foreign();
}

fn append(store: &Store, id: &str, value: &str) {
    while try_set(store, id, value).is_err() {
        store.catch_up().unwrap();
    }
}

#[test]
fn appends_come_in_until_the_store_whose_turn_it_is_goes_on_and_its_transaction_finds_them() {
    let disk = SimDisk::new();
    let agents = agents(&disk);
    begin(&agents[0]);
    set(&agents[0], "a", "1");
    assert!(!agents[1].begin_alone_at_once().unwrap());
    agents[0].end_alone();
    // What waits on another thread ends with the turn, and without the lock.
    agents[1].begin_alone().unwrap();
    set(&agents[2], "b", "2");
    assert!(!agents[2].begin_alone_at_once().unwrap());
    assert!(agents[1].begin_alone_at_once().unwrap());
    assert!(try_set(&agents[2], "c", "3").is_err());
    agents[1].take_foreign();
    assert_eq!(records(&agents[1]), ["a=1", "b=2"]);
}

#[test]
fn a_store_that_stands_before_the_turn_reads_what_the_one_that_has_it_wrote() {
    let disk = SimDisk::new();
    let agents = agents(&disk);
    begin(&agents[0]);
    set(&agents[0], "a", "1");
    assert!(!agents[1].begin_alone_at_once().unwrap());
    agents[1].take_foreign();
    assert_eq!(records(&agents[1]), ["a=1"]);
    // It has read without the lock: what is undone since is gone when it has the lock.
    agents[0].end_alone();
    assert!(undo(&agents[0]));
    begin(&agents[1]);
    assert!(records(&agents[1]).is_empty());
}

#[test]
fn a_transaction_begins_although_another_process_keeps_the_turn() {
    let disk = SimDisk::new();
    let agents = agents(&disk);
    begin(&agents[0]);
    agents[0].end_alone();
    for lock in [layout::turn_lock(agents[0].root()), layout::next_lock(agents[0].root())] {
        let file = disk.open(&lock, opslog::disk::OpenMode::ReadWrite).unwrap();
        assert!(file.try_lock().unwrap());
        begin(&agents[0]);
        set(&agents[0], "a", "1");
        agents[0].end_alone();
        file.unlock().unwrap();
    }
    begin(&agents[0]);
}

#[test]
fn a_store_that_is_closed_before_its_turn_gives_its_place_up() {
    let disk = SimDisk::new();
    let agents = agents(&disk);
    begin(&agents[0]);
    assert!(!agents[1].begin_alone_at_once().unwrap());
    agents[1].close().unwrap();
    agents[0].close().unwrap();
    assert!(agents[2].begin_alone_at_once().unwrap() || agents[2].begin_alone().is_ok());
    begin(&agents[2]);
}

#[test]
fn a_transaction_finds_what_a_reader_finds_whatever_other_agents_do_before() {
    for seed in 1..400 {
        let disk = SimDisk::new();
        let agents = agents(&disk);
        let mut dice = Dice(seed);
        let mut holder: Option<usize> = None;
        for _ in 0..60 {
            let chosen = dice.roll(3) as usize;
            let (id, value) = (format!("r{}", dice.roll(4)), dice.roll(1000).to_string());
            if let Some(at) = holder {
                if at != chosen {
                    assert!(!agents[chosen].begin_alone_at_once().unwrap());
                    agents[chosen].take_foreign();
                    continue;
                }
                match dice.roll(4) {
                    0 => batch(&agents[at], &[(&id, &value), ("batched", &value)]),
                    1 => {
                        agents[at].end_alone();
                        holder = None;
                    }
                    _ => set(&agents[at], &id, &value),
                }
                continue;
            }
            let agent = &agents[chosen];
            match dice.roll(8) {
                0 => drop(agent.catch_up().unwrap()),
                1 => drop(agent.compact_agents(NOW, None).unwrap()),
                2 => {
                    agent.catch_up().unwrap();
                    undo(agent);
                }
                3..6 => append(agent, &id, &value),
                _ => {
                    if !agent.begin_alone_at_once().unwrap() {
                        agents.iter().for_each(|agent| agent.end_alone());
                        begin(agent);
                    }
                    agent.take_foreign();
                    assert_eq!(records(agent), records(&reader(&disk)), "seed {seed}");
                    holder = Some(chosen);
                }
            }
        }
        agents.iter().for_each(|agent| agent.end_alone());
        for agent in &agents {
            agent.catch_up().unwrap();
            agent.take_foreign();
            assert_eq!(records(agent), records(&reader(&disk)), "seed {seed}");
        }
    }
}
