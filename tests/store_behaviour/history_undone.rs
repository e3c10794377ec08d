//! A feed is opened at the moment when a writer undoes the operations up to its position: at each call by which the feed reads.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::error::Result;
use opslog::history::{Event, Forward, Position, Reading};
use opslog::store::{Options, Store};

use super::hook::HookDisk;
use super::support::*;

const UNDONE: [&str; 3] = ["gone-0", "gone-1", "gone-2"];
/// As long as those that are undone, so that their lines stand in the same places.
const WRITTEN: [&str; 3] = ["new--0", "new--1", "new--2"];
const CALLS: u64 = 40;

/// Ids of operations, and ids of retractions with a minus before them.
fn read_on(reader: &mut Forward) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut sink = |event: Event<'_>| {
        found.push(match &event {
            Event::Change(change) => String::from_utf8_lossy(&change.line.id).into_owned(),
            Event::Undone { id, .. } => format!("-{}", String::from_utf8_lossy(id)),
        });
        Ok(())
    };
    while reader.step(100, &mut sink)? == Reading::GoesOn {}
    Ok(found)
}

/// What a writer does before the n-th call of a feed that is being opened.
#[derive(Debug, Clone, Copy)]
struct Beside {
    nth: u64,
    /// It undoes its last batch, may compact, and writes so many operations.
    is_compacted: bool,
    written: usize,
}

fn schedules() -> impl Iterator<Item = Beside> {
    let all = (1..CALLS).flat_map(|nth| [false, true].map(|is_compacted| (nth, is_compacted)));
    all.flat_map(|(nth, is_compacted)| [0, 2, 3].map(|written| Beside { nth, is_compacted, written }))
}

fn opened_beside(
    (writer, sim): (&Arc<Store>, &SimDisk),
    Beside { nth, is_compacted, written }: Beside,
    open: impl FnOnce(HookDisk) -> Result<Forward>,
) -> Result<Vec<String>> {
    batch(writer, &UNDONE.map(|id| (id, "1")));
    let disk = HookDisk::of_reader(sim.clone());
    let undoing = Arc::clone(writer);
    disk.before(nth, move || {
        undoing.undo_batch().unwrap();
        match is_compacted {
            true if undoing.manifest().active_agent_ops.is_some() => {
                undoing.compact_agents(NOW, None).unwrap();
            }
            true => checkpoint(&undoing).unwrap(),
            false => {}
        }
        for id in WRITTEN.iter().take(written) {
            set(&undoing, id, "1");
        }
    });
    let mut feed = open(disk.clone())?;
    let mut told = read_on(&mut feed)?;
    told.extend(read_on(&mut feed)?);
    Ok(told)
}

fn kinds() -> [Options; 2] {
    [options(), Options { agent: Some("one".into()), ..options() }]
}

/// What must be told where the batch was undone before the feed had seen it, or behind that.
fn expected(written: usize) -> Vec<String> {
    let undone = UNDONE.iter().rev().map(|id| format!("-{id}"));
    undone.chain(WRITTEN.iter().take(written).map(ToString::to_string)).collect()
}

#[test]
fn a_feed_that_is_opened_while_its_position_is_undone_refuses_or_tells_that() {
    for kind in kinds() {
        for beside in schedules() {
            let sim = SimDisk::new();
            let writer = try_open(sim.clone(), kind.clone()).unwrap().store;
            set(&writer, "first", "1");
            let told = opened_beside((&writer, &sim), beside, |disk| {
                let after = Position::parse(&writer.position()?)?;
                Forward::open(Arc::new(disk), Path::new(ROOT), Some(&after), true)
            });
            match told {
                // No call was left to interrupt.
                Ok(told) if told.is_empty() => assert!(beside.nth > 1),
                Ok(told) => assert_eq!(told, expected(beside.written), "{beside:?}"),
                Err(error) => assert_eq!(error.code(), "OPSLOG_POSITION_GONE", "{beside:?}"),
            }
        }
    }
}

#[test]
fn a_listener_of_a_reader_is_told_of_what_is_undone_while_its_feed_is_opened() {
    for kind in kinds() {
        for beside in schedules() {
            let sim = SimDisk::new();
            let writer = try_open(sim.clone(), kind.clone()).unwrap().store;
            set(&writer, "first", "1");
            let reader = reader(&sim);
            let told = opened_beside((&writer, &sim), beside, |disk| {
                reader.follow()?;
                let known = reader.known_position()?;
                Forward::open_behind(Arc::new(disk), Path::new(ROOT), &known)
            });
            let told = told.unwrap();
            if !told.is_empty() {
                assert_eq!(told, expected(beside.written), "{beside:?}");
            } else {
                assert!(beside.nth > 1);
            }
        }
    }
}
