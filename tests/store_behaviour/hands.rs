//! A folder that changes hands under a follower.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, OpenMode, write_all_at};
use opslog::store::{Options, Rejected, Store};
use parking_lot::Mutex;

use super::hook::HookDisk;
use super::support::*;

fn agent(disk: impl Disk + 'static, agent: &str) -> Arc<Store> {
    try_open(disk, Options { agent: Some(agent.into()), ..options() }).unwrap().store
}

#[test]
fn a_reader_that_opens_while_the_first_agent_makes_the_folder_follows_all_agents() {
    let mut opened = 0;
    for nth in 1..60 {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let early = Arc::new(Mutex::new(None));
        let (place, beside) = (Arc::clone(&early), sim.clone());
        disk.before(nth, move || {
            *place.lock() = try_open(beside, Options { read_only: true, ..options() }).ok();
        });
        let store = agent(disk.clone(), "one");
        disk.clear();
        let other = agent(sim.clone(), "two");
        set(&other, "a", "1");
        let Some(reader) = early.lock().take().map(|opened| opened.store) else { continue };
        opened += 1;
        reader.follow().unwrap();
        assert_eq!(
            (told(&reader), records(&reader)),
            (vec!["a".to_owned()], vec!["a=1".to_owned()]),
            "{nth}"
        );
        store.catch_up().unwrap();
        store.compact_agents(NOW, None).unwrap();
        set(&store, "b", "2");
        reader.follow().unwrap();
        assert_eq!((told(&reader), records(&reader)), (vec!["b".to_owned()], records(&store)), "{nth}");
    }
    assert!(opened > 2, "only {opened} readers could open");
}

#[test]
fn a_log_that_a_reader_of_agents_followed_counts_no_more_once_a_single_writer_has_taken_over() {
    let disk = SimDisk::new();
    let store = agent(disk.clone(), "one");
    for n in 0..3 {
        set(&store, "a", &n.to_string());
    }
    set(&store, "gone", "1");
    let reader = reader(&disk);
    store.close().unwrap();
    let single = open(&disk);
    set(&single, "a", "9");
    delete(&single, "gone");
    reader.follow().unwrap();
    assert_eq!(
        (told(&reader), records(&reader)),
        (vec!["a".to_owned(), "gone".to_owned()], vec!["a=9".to_owned()])
    );
    set(&single, "a", "10");
    assert!(undo(&single));
    checkpoint(&single).unwrap();
    set(&single, "b", "1");
    reader.follow().unwrap();
    assert_eq!((told(&reader), records(&reader)), (vec!["b".to_owned()], records(&single)));
}

#[test]
fn an_agent_takes_over_a_manifest_that_was_only_touched() {
    let disk = SimDisk::new();
    let store = agent(disk.clone(), "one");
    store.follow().unwrap();
    let manifest = path("manifest.json");
    let content = disk.tree().remove(&manifest).unwrap();
    disk.plant(&manifest, &content).unwrap();
    assert!(try_set(&store, "a", "1").is_err(), "the file is not the one that was read");
    store
        .follow_at_once()
        .map(|look| match look {
            opslog::store::Look::Done(_) => {}
            opslog::store::Look::Later(so_far) => drop(store.follow_on(so_far).unwrap()),
        })
        .unwrap();
    batch(&store, &[("a", "1"), ("b", "2")]);
    assert_eq!(records(&store), ["a=1", "b=2"]);
}

#[test]
fn a_reader_of_an_empty_log_is_told_what_was_logged_before_agents_came_and_went() {
    let disk = SimDisk::new();
    let single = open(&disk);
    set(&single, "sealed", "0");
    checkpoint(&single).unwrap();
    let reader = reader(&disk);
    checkpoint(&single).unwrap();
    set(&single, "a", "1");
    single.close().unwrap();
    agent(disk.clone(), "one").close().unwrap();
    let single = open(&disk);
    checkpoint(&single).unwrap();
    set(&single, "b", "2");
    reader.follow().unwrap();
    assert_eq!((told(&reader), records(&reader)), (vec!["a".to_owned(), "b".to_owned()], records(&single)));
}

#[test]
fn a_reader_of_agents_is_told_what_a_single_writer_logged_before_agents_came_and_went_again() {
    let disk = SimDisk::new();
    agent(disk.clone(), "one").close().unwrap();
    let reader = reader(&disk);
    let single = open(&disk);
    set(&single, "a", "1");
    single.close().unwrap();
    let one = agent(disk.clone(), "one");
    set(&one, "b", "2");
    one.compact_agents(NOW, None).unwrap();
    one.close().unwrap();
    let single = open(&disk);
    set(&single, "c", "3");
    reader.follow().unwrap();
    let all = ["a", "b", "c"].map(str::to_owned).to_vec();
    assert_eq!((told(&reader), records(&reader)), (all, records(&single)));
}

#[test]
fn an_agent_whose_log_was_overwritten_with_an_earlier_state_of_the_same_length_shows_that_state() {
    let disk = SimDisk::new();
    let store = agent(disk.clone(), "one");
    // As long as the mark that the line behind a cut has.
    set(&store, "a", "1234567890");
    let own = path(&store.manifest().active_ops);
    let copied = disk.tree()[&own].clone();
    assert!(undo(&store));
    set(&store, "b", "2");
    assert_eq!(disk.tree()[&own].len(), copied.len());
    disk.plant(&own, &copied).unwrap();
    let other = agent(disk.clone(), "other");
    store.follow().unwrap();
    assert_eq!(records(&store), ["a=1234567890"]);
    set(&store, "c", "3");
    assert_eq!(records(&reader(&disk)), records(&store));
    other.close().unwrap();
}

#[test]
fn a_compaction_under_which_the_folder_was_put_back_to_a_single_writer_or_to_other_agents_is_not_published() {
    for is_single in [true, false] {
        let disk = SimDisk::new();
        let single = open(&disk);
        set(&single, "single", "1");
        single.close().unwrap();
        if !is_single {
            agent(disk.clone(), "other").close().unwrap();
        }
        let mut copied = disk.tree();
        copied.retain(|path, _| path.extension().is_some_and(|ending| ending == "json" || ending == "jsonl"));
        let store = agent(disk.clone(), "one");
        set(&store, "a", "1");
        let compaction = store.begin_compaction(NOW, None, false).unwrap().unwrap();
        for (path, content) in copied {
            disk.plant(&path, &content).unwrap();
        }
        let writer = if is_single { open(&disk) } else { agent(disk.clone(), "other") };
        set(&writer, "late", "2");
        assert!(compaction.finish().is_err());
        assert_eq!(records(&reader(&disk)), ["single=1", "late=2"]);
        writer.close().unwrap();
        store.follow().unwrap();
        set(&store, "b", "3");
        assert_eq!(records(&reader(&disk)), ["single=1", "late=2", "b=3"]);
        assert_eq!(records(&store), ["single=1", "late=2", "b=3"]);
    }
}

#[test]
fn what_another_agent_deletes_at_any_moment_of_a_compaction_stays_deleted_in_the_next_one() {
    for moment in 0..6 {
        let disk = SimDisk::new();
        let store = agent(disk.clone(), "a");
        for id in ["x", "gone"] {
            set(&store, id, "1");
        }
        let mut other = None;
        let mut come = |now: u32| {
            if now == moment % 3 {
                let c = agent(disk.clone(), "c");
                if moment >= 3 {
                    store.follow().unwrap();
                }
                delete(&c, "gone");
                other = Some(c);
            }
            if moment >= 3 {
                store.follow().unwrap();
            }
        };
        come(0);
        store.catch_up().unwrap();
        let compaction = store.begin_compaction(NOW, None, false).unwrap().unwrap();
        come(1);
        compaction.finish().unwrap();
        come(2);
        let c = other.unwrap();
        c.catch_up().unwrap();
        c.compact_agents(NOW, None).unwrap();
        c.close().unwrap();
        store.catch_up().unwrap();
        assert_eq!(records(&store), ["x=1"], "{moment}");
        set(&store, "y", "2");
        store.compact_agents(NOW, None).unwrap();
        assert_eq!(records(&store), ["x=1", "y=2"], "{moment}");
        assert_eq!(records(&reader(&disk)), ["x=1", "y=2"], "{moment}");
    }
}

#[test]
fn a_record_that_is_set_again_while_an_archive_takes_it_along_stays_in_the_store() {
    for moment in 0..3 {
        let disk = SimDisk::new();
        let store = agent(disk.clone(), "a");
        let other = agent(disk.clone(), "b");
        store.catch_up().unwrap();
        for id in ["x", "y", "z"] {
            set(&store, id, "1");
        }
        other.catch_up().unwrap();
        let request = store.choose_for_archive(vec![b"y".as_slice().into()], "2026-Q1".into()).unwrap();
        let compaction = store.begin_compaction(NOW, Some(request), false).unwrap().unwrap();
        other.catch_up().unwrap();
        match moment {
            0 => set(&store, "y", "2"),
            1 => set(&other, "y", "2"),
            _ => {
                set(&other, "y", "2");
                store.catch_up().unwrap();
            }
        }
        assert_eq!(compaction.finish().unwrap().archived.len(), 1);
        assert_eq!(records(&reader(&disk)), ["x=1", "z=1", "y=2"], "{moment}");
        store.catch_up().unwrap();
        store.renew().unwrap();
        assert_eq!(records(&store), ["x=1", "z=1", "y=2"], "{moment}");
        assert_eq!(store.counts().records, 3, "{moment}");
        store.compact_agents(NOW, None).unwrap();
        assert_eq!(records(&reader(&disk)), ["x=1", "z=1", "y=2"], "{moment}");
        assert_eq!(records(&store), ["x=1", "z=1", "y=2"], "{moment}");
    }
}

#[test]
fn a_reader_of_agents_is_told_once_of_what_a_single_writer_logged_while_it_made_checkpoints() {
    for is_logged_before in [false, true] {
        let disk = SimDisk::new();
        let store = agent(disk.clone(), "one");
        set(&store, "a", "1");
        let reader = reader(&disk);
        store.close().unwrap();
        let single = open(&disk);
        if is_logged_before {
            set(&single, "b", "1");
        }
        let begun = single.begin_checkpoint(NOW, true).unwrap().unwrap();
        set(&single, "c", "1");
        set(&single, "d", "1");
        begun.run().unwrap();
        set(&single, "e", "1");
        single.close().unwrap();
        reader.follow().unwrap();
        let ids = if is_logged_before { vec!["b", "c", "d", "e"] } else { vec!["c", "d", "e"] };
        assert_eq!(told(&reader), ids);
        reader.follow().unwrap();
        assert!(told(&reader).is_empty());
    }
}

#[test]
fn a_reader_is_told_once_of_what_was_logged_during_a_checkpoint_before_which_the_folder_is_put_back() {
    let disk = SimDisk::new();
    let single = open(&disk);
    set(&single, "a", "1");
    let begun = single.begin_checkpoint(NOW, true).unwrap().unwrap();
    set(&single, "b", "1");
    let reader = reader(&disk);
    let mut copied = disk.tree();
    copied.retain(|path, _| path.extension().is_some_and(|ending| ending == "json" || ending == "jsonl"));
    begun.run().unwrap();
    single.close().unwrap();
    reader.follow().unwrap();
    assert!(told(&reader).is_empty());
    for (path, content) in copied {
        disk.unlink(&path).unwrap();
        disk.plant(&path, &content).unwrap();
    }
    reader.follow().unwrap();
    assert!(told(&reader).is_empty());
    assert_eq!(records(&reader), ["a=1", "b=1"]);
}

#[test]
fn an_agent_that_undid_what_it_found_in_its_log_keeps_what_others_wrote_later_when_it_looks_during_its_compaction()
 {
    for is_reopened in [false, true] {
        let disk = SimDisk::new();
        let mut store = agent(disk.clone(), "a");
        set(&store, "undone", "1");
        if is_reopened {
            store.close().unwrap();
            drop(store);
            store = agent(disk.clone(), "a");
        }
        assert!(undo(&store));
        set(&store, "k", "1");
        let other = agent(disk.clone(), "b");
        set(&other, "k", "2");
        store.catch_up().unwrap();
        set(&store, "last", "1");
        let compaction = store.begin_compaction(NOW, None, false).unwrap().unwrap();
        store.catch_up().unwrap();
        assert_eq!(records(&store), ["k=2", "last=1"]);
        compaction.finish().unwrap();
        store.compact_agents(NOW, None).unwrap();
        assert_eq!(records(&reader(&disk)), ["k=2", "last=1"]);
        assert_eq!(records(&store), ["k=2", "last=1"]);
    }
}

/// The files that a copy of the folder has.
fn copy(disk: &SimDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut copied = disk.tree();
    copied.retain(|path, _| path.extension().is_some_and(|ending| ending == "json" || ending == "jsonl"));
    copied
}

fn put_back(disk: &SimDisk, copied: &BTreeMap<PathBuf, Vec<u8>>) {
    for (path, content) in copied {
        let _ = disk.unlink(path);
        disk.plant(path, content).unwrap();
    }
}

#[test]
fn what_a_reader_was_told_through_the_next_log_is_not_told_again_when_the_first_log_comes_back() {
    for (loads, has_looked) in [(true, false), (true, true), (false, false), (false, true)] {
        let disk = SimDisk::new();
        let single = open(&disk);
        let reader = try_open(disk.clone(), Options { read_only: true, skip_load: !loads, ..options() });
        let reader = reader.unwrap().store;
        let begun = single.begin_checkpoint(NOW, true).unwrap().unwrap();
        set(&single, "a", "1");
        set(&single, "b", "1");
        let copied = copy(&disk);
        if has_looked {
            reader.follow().unwrap();
        }
        set(&single, "c", "1");
        begun.run().unwrap();
        set(&single, "d", "1");
        single.close().unwrap();
        reader.follow().unwrap();
        assert_eq!(told(&reader), ["a", "b", "c", "d"]);
        for time in 0..2 {
            put_back(&disk, &copied);
            reader.follow().unwrap();
            assert!(told(&reader).is_empty(), "loads: {loads}, has looked: {has_looked}, time {time}");
        }
    }
}

#[test]
fn what_a_reader_was_never_told_is_told_when_the_folder_is_put_back_to_a_time_before_and_then_to_one_behind()
{
    let disk = SimDisk::new();
    let single = open(&disk);
    set(&single, "a", "1");
    let reader = reader(&disk);
    let early = copy(&disk);
    checkpoint(&single).unwrap();
    set(&single, "b", "1");
    single.close().unwrap();
    let late = copy(&disk);
    reader.follow().unwrap();
    put_back(&disk, &early);
    reader.follow().unwrap();
    assert!(told(&reader).is_empty());
    put_back(&disk, &late);
    reader.follow().unwrap();
    assert_eq!(told(&reader), ["b"]);
}

#[test]
fn what_was_logged_during_a_checkpoint_and_undone_behind_it_is_never_told_though_agents_take_over() {
    for follows_agents in [false, true] {
        let disk = SimDisk::new();
        open(&disk).close().unwrap();
        let mut early = None;
        if follows_agents {
            let other = agent(disk.clone(), "other");
            set(&other, "before", "1");
            early = Some(reader(&disk));
            other.close().unwrap();
        }
        let single = open(&disk);
        let reader = early.unwrap_or_else(|| reader(&disk));
        set(&single, "a", "1");
        let begun = single.begin_checkpoint(NOW, true).unwrap().unwrap();
        set(&single, "b", "1");
        begun.run().unwrap();
        assert!(undo(&single));
        single.close().unwrap();
        let later = agent(disk.clone(), "one");
        set(&later, "c", "1");
        later.compact_agents(NOW, None).unwrap();
        reader.follow().unwrap();
        assert_eq!(told(&reader), ["a", "c"], "follows agents: {follows_agents}");
    }
}

#[test]
fn what_a_reader_was_told_through_a_log_is_not_told_again_when_the_folder_is_put_forward_to_the_next_log() {
    let disk = SimDisk::new();
    let single = open(&disk);
    set(&single, "a", "1");
    let reader = reader(&disk);
    let begun = single.begin_checkpoint(NOW, true).unwrap().unwrap();
    batch(&single, &[("b", "1"), ("c", "1")]);
    set(&single, "d", "1");
    reader.follow().unwrap();
    assert_eq!(told(&reader), ["b", "c", "d"]);
    begun.run().unwrap();
    assert!(undo(&single));
    set(&single, "e", "1");
    single.close().unwrap();
    put_back(&disk, &copy(&disk));
    reader.follow().unwrap();
    assert_eq!(told(&reader), ["e"]);
}

/// Brings a copy up to date as `rsync --delete` does: each file that differs is replaced by another one.
fn bring_up_to_date(replica: &SimDisk, source: &SimDisk) {
    let (now, then) = (copy(source), copy(replica));
    for (path, content) in &now {
        if then.get(path) != Some(content) {
            let _ = replica.unlink(path);
            replica.plant(path, content).unwrap();
        }
    }
    for path in then.keys().filter(|path| !now.contains_key(*path)) {
        replica.unlink(path).unwrap();
    }
}

#[test]
fn a_reader_of_a_copy_that_is_brought_up_to_date_is_told_of_each_operation_once() {
    for loads in [true, false] {
        for copies_each in [1, 2, 3, 7] {
            let (source, replica) = (SimDisk::new(), SimDisk::new());
            let mut single = open(&source);
            bring_up_to_date(&replica, &source);
            let reader =
                try_open(replica.clone(), Options { read_only: true, skip_load: !loads, ..options() });
            let reader = reader.unwrap().store;
            let (mut expected, mut heard, mut begun) = (Vec::new(), Vec::new(), None);
            for n in 0..60 {
                match n % 12 {
                    3 => begun = single.begin_checkpoint(NOW, true).unwrap(),
                    7 => begun.take().unwrap().run().unwrap(),
                    9 => checkpoint(&single).unwrap(),
                    11 => {
                        single.close().unwrap();
                        single = open(&source);
                    }
                    _ => {
                        set(&single, &format!("id{n}"), "1");
                        expected.push(format!("id{n}"));
                    }
                }
                if n % copies_each == 0 {
                    bring_up_to_date(&replica, &source);
                    reader.follow().unwrap();
                    heard.extend(told(&reader));
                }
            }
            bring_up_to_date(&replica, &source);
            reader.follow().unwrap();
            heard.extend(told(&reader));
            assert_eq!(heard, expected, "loads: {loads}, each: {copies_each}");
        }
    }
}

#[test]
fn what_was_told_of_a_log_that_was_left_unread_is_not_told_again_when_it_comes_back() {
    let disk = SimDisk::new();
    let first = agent(disk.clone(), "one");
    let reader = reader(&disk);
    set(&first, "a", "1");
    first.close().unwrap();
    let copied = copy(&disk);
    let single = open(&disk);
    set(&single, "b", "1");
    single.close().unwrap();
    reader.follow().unwrap();
    assert_eq!(told(&reader), ["a", "b"]);
    put_back(&disk, &copied);
    reader.follow().unwrap();
    assert!(told(&reader).is_empty());
}

#[test]
fn a_reader_of_a_copy_of_agents_that_is_brought_up_to_date_is_told_of_each_operation_once() {
    for loads in [true, false] {
        for copies_each in [1, 2, 3, 7] {
            let (source, replica) = (SimDisk::new(), SimDisk::new());
            let mut agents = [agent(source.clone(), "one"), agent(source.clone(), "two")];
            bring_up_to_date(&replica, &source);
            let reader =
                try_open(replica.clone(), Options { read_only: true, skip_load: !loads, ..options() });
            let reader = reader.unwrap().store;
            let (mut expected, mut heard, mut begun) = (Vec::new(), Vec::new(), None);
            for n in 0..60 {
                let name = ["one", "two"][n % 2];
                agents[n % 2].catch_up().unwrap();
                match n % 12 {
                    3 => begun = agents[n % 2].begin_compaction(NOW, None, false).unwrap(),
                    7 => drop(begun.take().unwrap().finish().unwrap()),
                    9 => drop(agents[n % 2].compact_agents(NOW, None).unwrap()),
                    11 => {
                        agents[n % 2].close().unwrap();
                        agents[n % 2] = agent(source.clone(), name);
                    }
                    _ => {
                        set(&agents[n % 2], &format!("id{n}"), "1");
                        expected.push(format!("id{n}"));
                    }
                }
                if n % copies_each == 0 {
                    bring_up_to_date(&replica, &source);
                    reader.follow().unwrap();
                    heard.extend(told(&reader));
                }
            }
            bring_up_to_date(&replica, &source);
            reader.follow().unwrap();
            heard.extend(told(&reader));
            assert_eq!(heard, expected, "loads: {loads}, each: {copies_each}");
        }
    }
}

/// Puts the whole folder back, lock files included, without giving files that are there another identity, as `rsync --inplace` does.
fn put_back_in_place(disk: &SimDisk, copied: &BTreeMap<PathBuf, Vec<u8>>) {
    for path in disk.tree().keys().filter(|path| !copied.contains_key(*path)) {
        // A folder stays.
        let _ = disk.unlink(path);
    }
    for (path, content) in copied {
        if disk.info(path).is_ok_and(|info| !info.is_file) {
            continue;
        }
        if disk.tree().contains_key(path) {
            let file = disk.open(path, OpenMode::ReadWrite).unwrap();
            file.set_len(0).unwrap();
            write_all_at(&*file, content, 0).unwrap();
        } else {
            disk.plant(path, content).unwrap();
        }
    }
}

#[test]
fn an_agent_that_was_idle_while_the_folder_was_put_back_and_another_compacted_writes_where_it_counts() {
    for raised in 0..6 {
        let disk = SimDisk::new();
        let (one, two) = (agent(disk.clone(), "one"), agent(disk.clone(), "two"));
        one.catch_up().unwrap();
        set(&one, "a", "1");
        let copied = disk.tree();
        one.compact_agents(NOW, None).unwrap();
        two.catch_up().unwrap();
        set(&two, "b", "1");
        put_back_in_place(&disk, &copied);
        for _ in 0..raised {
            one.catch_up().unwrap();
            one.compact_agents(NOW + 5, None).unwrap();
        }
        let mut written = try_set(&two, "c", "1");
        if matches!(written, Err(Rejected::NotNow)) && two.catch_up().is_ok() {
            written = try_set(&two, "c", "1");
        }
        if written.is_ok() {
            two.close().unwrap();
            one.close().unwrap();
            assert!(found(&disk).contains(&"c=1".to_owned()), "{raised}");
        }
    }
}
