//! The history of operations that were logged while a checkpoint ran: they stand at the end of one log and at the head of the
//! next, and of one more where a checkpoint follows that was due before them.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::sim::{CallKind, SimDisk};
use opslog::disk::{Disk, OpenMode, append_all};
use opslog::error::Result;
use opslog::history::{Backward, Event, Forward, Position, Reading};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::support::*;

/// Ids of operations, and ids of retractions with a minus before them; and the position behind the last one.
fn read_on(reader: &mut Forward) -> Result<(Vec<String>, Option<Position>)> {
    let (mut found, mut last) = (Vec::new(), None);
    let mut sink = |event: Event<'_>| {
        let (text, position) = match &event {
            Event::Change(change) => (String::from_utf8_lossy(&change.line.id).into_owned(), change.position),
            Event::Undone { id, after, .. } => (format!("-{}", String::from_utf8_lossy(id)), *after),
        };
        found.push(text);
        last = Some(Position::parse(std::str::from_utf8(position).unwrap())?);
        Ok(())
    };
    while reader.step(100, &mut sink)? == Reading::GoesOn {}
    Ok((found, last))
}

fn forward(disk: &SimDisk, after: Option<&Position>, is_live: bool) -> Result<Forward> {
    Forward::open(Arc::new(disk.clone()), Path::new(ROOT), after, is_live)
}

/// In how many logs an id stands.
fn logs_with(disk: &SimDisk, id: &str) -> usize {
    let tree = disk.tree();
    let logs = tree.iter().filter(|(path, _)| path.starts_with(Path::new(ROOT).join("ops")));
    logs.filter(|(_, content)| String::from_utf8_lossy(content).contains(&format!("\"id\":\"{id}\""))).count()
}

/// A checkpoint, during which another becomes due and then an operation is logged, and that other checkpoint. Returns in how
/// many logs the operation stands.
fn carried_twice(nth: u64, is_undone: bool) -> usize {
    let disk = HookDisk::new(SimDisk::new());
    let store = try_open(disk.clone(), options()).unwrap().store;
    set(&store, "first", "1");
    let live = Arc::new(Mutex::new(forward(disk.sim(), None, true).unwrap()));
    let at = Arc::new(Mutex::new(None));
    {
        let (store, at, live, sim) =
            (Arc::clone(&store), Arc::clone(&at), Arc::clone(&live), disk.sim().clone());
        disk.before(nth, move || {
            set(&store, "due", "2");
            store.hide_history();
            set(&store, "carried", "3");
            read_on(&mut live.lock()).unwrap();
            *at.lock() = read_on(&mut forward(&sim, None, false).unwrap()).unwrap().1;
        });
    }
    checkpoint(&store).unwrap();
    disk.clear();
    let Some(at) = at.lock().take() else { return 0 };
    while let Some(due) = store.is_checkpoint_pending().then(|| store.begin_checkpoint(NOW, false).unwrap()) {
        due.unwrap().run().unwrap();
    }
    let logs = logs_with(disk.sim(), "carried");
    if is_undone {
        assert!(undo(&store));
    }
    set(&store, "last", "4");
    let came_back = forward(disk.sim(), Some(&at), false).and_then(|mut reader| read_on(&mut reader));
    let told = read_on(&mut live.lock()).unwrap().0;
    if is_undone {
        assert_eq!(came_back.err().unwrap().code(), "OPSLOG_POSITION_GONE", "call {nth}");
        assert_eq!(told, ["-carried", "last"], "call {nth}");
    } else {
        assert_eq!(came_back.unwrap().0, ["last"], "call {nth}");
        assert_eq!(told, ["last"], "call {nth}");
    }
    logs
}

#[test]
fn an_operation_that_two_checkpoints_carried_on_is_given_once() {
    let logs: Vec<usize> = (1..60).map(|nth| carried_twice(nth, false)).collect();
    assert!(logs.contains(&3), "{logs:?}");
}

#[test]
fn an_operation_that_two_checkpoints_carried_on_and_that_was_undone_is_taken_back_once() {
    let logs: Vec<usize> = (1..60).map(|nth| carried_twice(nth, true)).collect();
    assert!(logs.contains(&3), "{logs:?}");
}

#[test]
fn a_history_whose_logs_are_never_found_twice_the_same_is_an_error_and_no_endless_look() {
    let disk = HookDisk::new(SimDisk::new());
    let store = try_open(disk.clone(), options()).unwrap().store;
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    let (sim, manifest, next) = (disk.sim().clone(), path("manifest.json"), path("next"));
    // Another process publishes before each look.
    disk.before_every(move |kind, at| {
        if kind == CallKind::Info && at == manifest {
            let text = sim.tree().remove(&manifest).unwrap();
            append_all(&*sim.open(&next, OpenMode::CreateNew).unwrap(), &text).unwrap();
            sim.rename(&next, &manifest).unwrap();
        }
    });
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let ways = [
        Forward::open(Arc::clone(&shared), Path::new(ROOT), None, false).err(),
        Forward::open(Arc::clone(&shared), Path::new(ROOT), None, true).err(),
        Backward::open(Arc::clone(&shared), Path::new(ROOT), None).err(),
    ];
    for error in ways {
        let error = error.unwrap();
        assert_eq!(error.code(), "OPSLOG_IO");
        assert!(error.to_string().contains("manifest was replaced during each of"), "{error}");
    }
}
