//! An operation that was logged while a checkpoint ran is undone, and another one takes its place, just when a feed or a reader goes
//! over to the next log: at each call by which it reads.

use std::path::Path;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::error::Result;
use opslog::history::{Event, Forward, Position, Reading};
use opslog::store::Store;
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::support::*;

/// As many calls as a checkpoint has at most, and a look.
const CALLS: u64 = 30;
const LOOKS: u64 = 30;

/// A writer whose checkpoint is interrupted twice: `first` is called before its `nth` call, `then` before the one `gap` calls later.
/// Returns whether both were.
fn interrupted_twice(
    (nth, gap): (u64, u64),
    disk: &HookDisk,
    writer: &Arc<Store>,
    (first, then): (impl FnOnce() + Send + 'static, impl FnOnce() + Send + 'static),
) -> bool {
    let before = disk.clear();
    disk.before(nth, first);
    disk.before(nth + gap, then);
    checkpoint(writer).unwrap();
    disk.clear() >= before + nth + gap
}

/// Applies what a feed tells to what it has told.
fn read_on(feed: &mut Forward, told: &mut Vec<String>) -> Result<()> {
    let mut sink = |event: Event<'_>| {
        match &event {
            Event::Change(change) => told.push(String::from_utf8_lossy(&change.line.id).into_owned()),
            Event::Undone { id, .. } => {
                assert_eq!(told.pop().as_deref().map(str::as_bytes), Some(*id), "{told:?}");
            }
        }
        Ok(())
    };
    while feed.step(100, &mut sink)? == Reading::GoesOn {}
    Ok(())
}

/// Calls `each` for every schedule until no checkpoint is as long, and returns how many came about.
fn schedules(each: impl Fn(u64, u64, u64) -> bool) -> usize {
    let mut came = 0;
    for (nth, gap) in (1..CALLS).flat_map(|nth| (1..8).map(move |gap| (nth, gap))) {
        came += (1..LOOKS).take_while(|look| each(nth, gap, *look)).count();
    }
    came
}

fn replace(writer: &Arc<Store>) {
    assert!(undo(writer));
    set(writer, "new", "1");
}

#[test]
fn a_feed_is_told_of_an_operation_that_takes_the_place_of_another_while_it_goes_over_to_the_next_log() {
    let came = schedules(|nth, gap, look| {
        let disk = HookDisk::new(SimDisk::new());
        let writer = try_open(disk.clone(), options()).unwrap().store;
        set(&writer, "a", "1");
        let looking = HookDisk::of_reader(disk.sim().clone());
        let feed = Forward::open(Arc::new(looking.clone()), Path::new(ROOT), None, true).unwrap();
        let feed = Arc::new(Mutex::new((feed, Vec::new())));
        let first = {
            let (writer, feed) = (Arc::clone(&writer), Arc::clone(&feed));
            move || {
                set(&writer, "late", "1");
                set(&writer, "old", "1");
                let (feed, told) = &mut *feed.lock();
                read_on(feed, told).unwrap();
            }
        };
        let then = {
            let (writer, feed, looking) = (Arc::clone(&writer), Arc::clone(&feed), looking.clone());
            move || {
                looking.before(look, move || replace(&writer));
                let (feed, told) = &mut *feed.lock();
                read_on(feed, told).unwrap();
                looking.clear();
            }
        };
        let came = interrupted_twice((nth, gap), &disk, &writer, (first, then))
            && history(&writer) != ["late", "old"];
        let (feed, told) = &mut *feed.lock();
        read_on(feed, told).unwrap();
        if came {
            assert_eq!(*told, ["a", "late", "new"], "{nth} {gap} {look}");
        }
        came
    });
    assert!(came > 100, "{came}");
}

#[test]
fn a_reader_shows_an_operation_that_takes_the_place_of_another_while_it_goes_over_to_the_next_log() {
    let came = schedules(|nth, gap, look| {
        let disk = HookDisk::new(SimDisk::new());
        let writer = try_open(disk.clone(), options()).unwrap().store;
        set(&writer, "a", "1");
        let looking = HookDisk::of_reader(disk.sim().clone());
        let place = Arc::new(Mutex::new(None));
        let first = {
            let (writer, place, looking) = (Arc::clone(&writer), Arc::clone(&place), looking.clone());
            move || {
                set(&writer, "late", "1");
                set(&writer, "old", "1");
                *place.lock() = Some(
                    try_open(looking, opslog::store::Options { read_only: true, ..options() }).unwrap().store,
                );
            }
        };
        let then = {
            let (writer, place, looking) = (Arc::clone(&writer), Arc::clone(&place), looking.clone());
            move || {
                looking.before(look, move || replace(&writer));
                place.lock().as_ref().unwrap().follow().unwrap();
                looking.clear();
            }
        };
        let came = interrupted_twice((nth, gap), &disk, &writer, (first, then))
            && history(&writer) != ["late", "old"];
        if came {
            let place = place.lock();
            let reader = place.as_ref().unwrap();
            reader.follow().unwrap();
            assert_eq!(records(reader), records(&writer), "{nth} {gap} {look}");
            assert_eq!(history(reader), history(&writer), "{nth} {gap} {look}");
        }
        came
    });
    assert!(came > 100, "{came}");
}

#[test]
fn a_feed_that_is_left_between_two_retractions_at_the_end_of_a_log_does_not_go_on_without_the_second() {
    let mut came = 0;
    for nth in 1..CALLS {
        let disk = HookDisk::new(SimDisk::new());
        let writer = try_open(disk.clone(), options()).unwrap().store;
        set(&writer, "a", "1");
        let open = |sim: &SimDisk, after| Forward::open(Arc::new(sim.clone()), Path::new(ROOT), after, true);
        let feed = Arc::new(Mutex::new((open(disk.sim(), None).unwrap(), Vec::new())));
        {
            let (writer, feed) = (Arc::clone(&writer), Arc::clone(&feed));
            disk.before(nth, move || {
                (1..4).for_each(|late| set(&writer, &format!("late{late}"), "1"));
                let (feed, told) = &mut *feed.lock();
                read_on(feed, told).unwrap();
            });
        }
        checkpoint(&writer).unwrap();
        disk.clear();
        let (feed, told) = &mut *feed.lock();
        if history(&writer).len() < 3 || told.len() < 4 {
            continue;
        }
        (1..4).for_each(|_| assert!(undo(&writer)));
        let mut left_at = Vec::new();
        let mut sink = |event: Event<'_>| {
            let Event::Undone { after, .. } = event else { panic!("{nth}: more than retractions") };
            left_at.push(Position::parse(std::str::from_utf8(after).unwrap())?);
            Ok(())
        };
        while feed.step(100, &mut sink).unwrap() == Reading::GoesOn {}
        assert_eq!(left_at.len(), 3, "{nth}");
        for (place, after) in left_at.iter().enumerate() {
            let opened = open(disk.sim(), Some(after)).map(|_| ()).map_err(|error| error.code());
            let expected = if place == 2 { Ok(()) } else { Err("OPSLOG_POSITION_GONE") };
            assert_eq!(opened, expected, "{nth}, retraction {place}");
        }
        came += 1;
    }
    assert!(came > 5, "{came}");
}
