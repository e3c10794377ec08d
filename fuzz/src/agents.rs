//! Logs of agents as more than one hand may write them, see `growth`, each agent with a clock that only rises. A reader
//! that looks after each piece shows what one shows that opens then; so does an agent that comes in at the end, and what
//! it does, undoes and compacts.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::format::manifest::Generation;
use opslog::store::{Options, Store};
use opslog::transition::folder::fresh;

use super::bytes::Bytes;
use super::log::Log;
use super::store::{
    Dead, NOW, ROOT, SNAPSHOT, checked_records, open, options, path, set, shows_the_same, undo,
};

const AGENTS: [&str; 3] = ["x", "y", "z"];
const STEPS: usize = 24;

pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let disk = SimDisk::new();
    let records: &[u8] = b"{\"version\":1,\"timestamp\":\"t\"}\n{\"id\":\"a\",\"data\":0}\n";
    disk.plant(&path(SNAPSHOT), records).unwrap();
    // A log that was sealed for a compaction that died, and one that is empty.
    let logs = ["ops/agent-x-1.jsonl", "ops/agent-x-2.jsonl", "ops/agent-y-1.jsonl"];
    logs.iter().for_each(|log| disk.plant(&path(log), b"").unwrap());
    let mut manifest = fresh(SNAPSHOT.into(), logs[1].into(), "t".into(), Generation::new(Vec::new()));
    let keys = ["sealed/ops/agent-x-1.jsonl", "x", "y"];
    manifest.active_agent_ops =
        Some(keys.iter().zip(logs).map(|(key, log)| ((*key).into(), log.into())).collect());
    disk.plant(&path("manifest.json"), manifest.print().as_bytes()).unwrap();

    let reader = open(&disk, true).expect("a log never keeps a store from opening");
    let is_sealed = bytes.next() % 4 == 0;
    let mut of_x = Log::new(&disk, if is_sealed { logs[0] } else { logs[1] }, Some("x"));
    let mut of_y = Log::new(&disk, logs[2], Some("y"));
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        let how = bytes.next();
        if how.is_multiple_of(2) {
            of_x.step(&mut bytes)
        } else {
            of_y.step(&mut bytes)
        };
        if how & 2 == 0 {
            shows_the_same(&reader, &disk);
        }
    }
    shows_the_same(&reader, &disk);
    write_on(&disk, &reader, &mut bytes);
}

/// An agent comes in.
fn write_on(disk: &SimDisk, reader: &Store, bytes: &mut Bytes<'_>) {
    let agent = bytes.one_of(&AGENTS);
    let writer = come_in(disk, agent);
    shows_the_same(&writer, disk);
    for _ in 0..6 {
        match bytes.next() % 6 {
            0 => undo(&writer),
            1 => drop(writer.compact_agents(NOW, None).expect("nothing fails on this disk")),
            2 => drop(writer.renew().expect("nothing fails on this disk")),
            _ => set(&writer, b"b", bytes.one_of(&[&b"1"[..], b"{\"n\":1}", b"null"])),
        }
        shows_the_same(reader, disk);
        shows_the_same(&writer, disk);
    }
    let mut records = checked_records(&writer);
    records.sort();
    writer.close().expect("nothing fails on this disk");
    drop(writer);
    let mut found = checked_records(&come_in(disk, bytes.one_of(&AGENTS)));
    found.sort();
    assert_eq!(found, records, "opening again shows something else");
}

fn come_in(disk: &SimDisk, agent: &str) -> Arc<Store> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let how = Options { agent: Some(agent.into()), ..options(false) };
    Store::open(shared, Path::new(ROOT), how, &Dead).expect("a log never keeps a store from opening").store
}
