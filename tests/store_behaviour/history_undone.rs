//! A feed is opened at the moment when a writer undoes the operations up to its position: at each call by which the feed reads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Opens feeds on a store that holds a batch, one for each kind of writer and each schedule. `check` gets what a feed told, if the
/// writer came to its work while that feed was opened and read.
fn for_each_feed(
    open: impl Fn(HookDisk, &Arc<Store>, &Arc<Store>) -> Result<Forward>,
    check: impl Fn(Result<Vec<String>>, Beside),
) {
    let mut interrupted = 0;
    for (kind, beside) in kinds().iter().flat_map(|kind| schedules().map(move |beside| (kind, beside))) {
        let sim = SimDisk::new();
        let writer = try_open(sim.clone(), kind.clone()).unwrap().store;
        set(&writer, "first", "1");
        let reader = reader(&sim);
        batch(&writer, &UNDONE.map(|id| (id, "1")));
        let (disk, has_come) = (HookDisk::of_reader(sim), Arc::new(AtomicBool::new(false)));
        {
            let (writer, has_come) = (Arc::clone(&writer), Arc::clone(&has_come));
            disk.before(beside.nth, move || {
                undo_and_write(&writer, beside);
                has_come.store(true, Ordering::Relaxed);
            });
        }
        let told = open(disk.clone(), &writer, &reader).and_then(|mut feed| {
            let mut told = read_on(&mut feed)?;
            // It may come behind the last look of the feed.
            disk.clear();
            told.extend(read_on(&mut feed)?);
            Ok(told)
        });
        if has_come.load(Ordering::Relaxed) {
            interrupted += 1;
            check(told, beside);
        } else {
            assert_eq!(told.unwrap(), [""; 0], "{beside:?}");
        }
    }
    assert!(interrupted > 50, "{interrupted}");
}

fn undo_and_write(writer: &Arc<Store>, Beside { is_compacted, written, .. }: Beside) {
    writer.undo_batch().unwrap();
    match is_compacted {
        true if writer.manifest().active_agent_ops.is_some() => {
            writer.compact_agents(NOW, None).unwrap();
        }
        true => checkpoint(writer).unwrap(),
        false => {}
    }
    for id in WRITTEN.iter().take(written) {
        set(writer, id, "1");
    }
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
    for_each_feed(
        |disk, writer, _| {
            let after = Position::parse(&writer.position()?)?;
            Forward::open(Arc::new(disk), Path::new(ROOT), Some(&after), true)
        },
        |told, beside| match told {
            Ok(told) => assert_eq!(told, expected(beside.written), "{beside:?}"),
            Err(error) => assert_eq!(error.code(), "OPSLOG_POSITION_GONE", "{beside:?}"),
        },
    );
}

#[test]
fn a_listener_of_a_reader_is_told_of_what_is_undone_while_its_feed_is_opened() {
    for_each_feed(
        |disk, _, reader| {
            reader.follow()?;
            let known = reader.known_position()?;
            Forward::open_behind(Arc::new(disk), Path::new(ROOT), &known)
        },
        |told, beside| assert_eq!(told.unwrap(), expected(beside.written), "{beside:?}"),
    );
}
