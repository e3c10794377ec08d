//! What was synced survives; everything else may go in each legal way.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::disk::{Disk, OpenMode, append_all};

use crate::support::*;

/// Does something of everything, without a sync at the end.
fn busy_disk() -> SimDisk {
    let disk = disk();
    let file = durable_file(&disk, "log", &[b'x'; 600]);
    drop(durable_file(&disk, "old", b"old"));
    for number in 0..5 {
        append_all(&*file, &[b'0' + number; 700]).unwrap();
    }
    file.set_len(3000).unwrap();
    let writer = disk.open(&path("log"), OpenMode::ReadWrite).unwrap();
    writer.write_at(&[b'w'; 1000], 100).unwrap();
    disk.create_folder(&path("folder")).unwrap();
    let next = disk.open(&path("next"), OpenMode::CreateNew).unwrap();
    append_all(&*next, b"next").unwrap();
    disk.rename(&path("next"), &path("manifest")).unwrap();
    disk.link(&path("old"), &path("second")).unwrap();
    disk.unlink(&path("old")).unwrap();
    disk
}

#[test]
fn what_was_synced_survives_every_power_loss() {
    let disk = disk();
    drop(durable_file(&disk, "a", b"kept"));
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([Some(b"kept".to_vec())]));
    assert_eq!(disk.durable_tree(), disk.tree());
}

#[test]
fn an_unsynced_append_is_kept_lost_torn_zeroed_or_garbage() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"old");
    append_all(&*file, b"new").unwrap();
    let found = outcomes(&disk, "a");
    for expected in ["old", "oldn", "oldne", "oldnew", "old\0\0\0"] {
        assert!(found.contains(&Some(expected.as_bytes().to_vec())), "{expected:?}");
    }
    assert!(found.iter().flatten().all(|content| content.starts_with(b"old")));
    assert!(disk.faults().garbage_block > 0);
}

#[test]
fn a_later_append_may_survive_an_earlier_one() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    append_all(&*file, b"12").unwrap();
    append_all(&*file, b"34").unwrap();
    let found = outcomes(&disk, "a");
    assert!(found.contains(&Some(b"\0\x0034".to_vec())));
    assert!(found.contains(&Some(b"12".to_vec())));
    assert!(disk.faults().reordered_write > 0);
}

#[test]
fn a_cut_that_was_not_synced_may_be_undone_under_a_later_append() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"123456");
    file.set_len(2).unwrap();
    append_all(&*file, b"ab").unwrap();
    let found = outcomes(&disk, "a");
    for expected in ["123456", "12", "12ab", "12ab56"] {
        assert!(found.contains(&Some(expected.as_bytes().to_vec())), "{expected:?}");
    }
}

#[test]
fn an_overwrite_is_torn_only_between_sectors() {
    let disk = disk();
    drop(durable_file(&disk, "a", &[b'o'; 1024]));
    let file = disk.open(&path("a"), OpenMode::ReadWrite).unwrap();
    file.write_at(b"nnnn", 510).unwrap();
    file.write_at(b"NNNN", 10).unwrap();
    for content in outcomes(&disk, "a").into_iter().flatten() {
        assert!(matches!(&content[510..514], b"oooo" | b"nnoo" | b"oonn" | b"nnnn"));
        assert!(matches!(&content[10..14], b"oooo" | b"NNNN"));
    }
    assert!(disk.faults().torn_overwrite > 0 && disk.faults().lost_overwrite > 0);
}

#[test]
fn a_new_file_needs_a_synced_folder_to_keep_its_name() {
    let disk = disk();
    let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
    append_all(&*file, b"1").unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([None, Some(b"1".to_vec())]));
    disk.sync_folder(Path::new("/store")).unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([Some(b"1".to_vec())]));
}

#[test]
fn a_new_folder_is_lost_with_all_that_is_in_it() {
    let disk = disk();
    disk.create_folder(&path("f")).unwrap();
    drop(disk.open(&path("f/a"), OpenMode::CreateNew).unwrap());
    disk.sync_folder(&path("f")).unwrap();
    assert!(outcomes(&disk, "f/a").contains(&None));
    assert!(disk.faults().lost_folder > 0);
    disk.sync_folder(Path::new("/store")).unwrap();
    assert_eq!(outcomes(&disk, "f/a"), BTreeSet::from([Some(Vec::new())]));
}

#[test]
fn a_rename_is_whole_or_not_at_all() {
    let disk = disk();
    drop(durable_file(&disk, "current", b"1"));
    drop(durable_file(&disk, "next", b"2"));
    disk.rename(&path("next"), &path("current")).unwrap();
    for seed in 0..500 {
        let tree = disk.after_crash(&mut random(seed)).tree();
        let current = tree[&path("current")].as_slice();
        assert_eq!(tree.contains_key(&path("next")), current == b"1");
    }
    assert!(disk.faults().lost_rename > 0);
    disk.sync_folder(Path::new("/store")).unwrap();
    assert_eq!(outcomes(&disk, "current"), BTreeSet::from([Some(b"2".to_vec())]));
}

#[test]
fn a_rename_may_be_durable_before_the_data() {
    let disk = disk();
    drop(durable_file(&disk, "current", b"1"));
    let file = disk.open(&path("next"), OpenMode::CreateNew).unwrap();
    append_all(&*file, b"2").unwrap();
    disk.rename(&path("next"), &path("current")).unwrap();
    disk.sync_folder(Path::new("/store")).unwrap();
    assert!(outcomes(&disk, "current").contains(&Some(Vec::new())));
    assert!(disk.faults().rename_without_data > 0);
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "current"), BTreeSet::from([Some(b"2".to_vec())]));
}

#[test]
fn deletions_and_links_may_be_lost() {
    let disk = disk();
    drop(durable_file(&disk, "a", b"1"));
    drop(durable_file(&disk, "b", b"2"));
    disk.unlink(&path("a")).unwrap();
    disk.link(&path("b"), &path("c")).unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([None, Some(b"1".to_vec())]));
    assert_eq!(outcomes(&disk, "c"), BTreeSet::from([None, Some(b"2".to_vec())]));
    assert!(disk.faults().lost_unlink > 0 && disk.faults().lost_link > 0);
    assert!(disk.faults().reordered_name > 0);
    let after = disk.after_crash(&mut |below| below - 1);
    let links = |disk: &SimDisk| disk.info(&path("b")).unwrap().links;
    assert_eq!(links(&after), after.tree().values().filter(|content| *content == b"2").count() as u64);
}

#[test]
fn a_deletion_that_was_lost_never_shares_its_number() {
    let disk = disk();
    disk.reuse_inodes(true);
    drop(durable_file(&disk, "a", b"1"));
    disk.unlink(&path("a")).unwrap();
    drop(disk.open(&path("b"), OpenMode::CreateNew).unwrap());
    for seed in 0..200 {
        let after = disk.after_crash(&mut random(seed));
        if let (Ok(a), Ok(b)) = (after.info(&path("a")), after.info(&path("b"))) {
            assert_ne!(a.identity, b.identity);
        }
    }
}

#[test]
fn a_kill_keeps_what_was_done_but_does_not_make_it_durable() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"1");
    append_all(&*file, b"2").unwrap();
    let after = disk.after_kill();
    assert_eq!(content(&after, "a").unwrap(), b"12");
    assert!(outcomes(&after, "a").contains(&Some(b"1".to_vec())));
    append_all(&*file, b"3").unwrap();
    assert_eq!(content(&after, "a").unwrap(), b"12", "the two disks are apart");
}

#[test]
fn a_sync_after_a_failed_one_does_not_bring_the_data_back() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"1");
    append_all(&*file, b"2").unwrap();
    disk.fail_next(CallKind::Sync, 1, ErrorKind::Other, Times::Once);
    assert!(file.sync().is_err());
    append_all(&*file, b"3").unwrap();
    file.sync().unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"123");
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([Some(b"1\x003".to_vec())]));
    assert_eq!(disk.faults().lost_after_failed_sync, 1);
}

#[test]
fn planted_files_are_durable_and_nothing_else_with_them() {
    let disk = disk();
    drop(disk.open(&path("pending"), OpenMode::CreateNew).unwrap());
    disk.plant(&path("deep/down/a"), b"1").unwrap();
    disk.plant(&path("deep/down/a"), b"22").unwrap();
    assert_eq!(outcomes(&disk, "deep/down/a"), BTreeSet::from([Some(b"22".to_vec())]));
    assert!(outcomes(&disk, "pending").contains(&None));
}

#[test]
fn the_same_choices_give_the_same_disk() {
    for seed in 0..50 {
        let tree = |disk: SimDisk| disk.after_crash(&mut random(seed)).tree();
        assert_eq!(tree(busy_disk()), tree(busy_disk()));
    }
}

#[test]
fn every_kind_of_outcome_is_counted_over_all_that_comes_of_a_disk() {
    let disk = busy_disk();
    for seed in 0..500 {
        let after = disk.after_crash(&mut random(seed)).after_kill();
        after.crash_after_partly(1, seed);
        assert!(after.create_folder(&path("x")).is_err());
    }
    let file = disk.open(&path("log"), OpenMode::Append).unwrap();
    disk.short_write_next();
    disk.script(Fault::new(CallKind::Append, ErrorKind::StorageFull).nth(2).after_half());
    assert!(append_all(&*file, b"1234").is_err());
    disk.fail_next(CallKind::Sync, 1, ErrorKind::Other, Times::Once);
    assert!(file.sync().is_err());
    file.sync().unwrap();
    let counts: BTreeMap<_, _> = disk.faults().each().into_iter().collect();
    let missed: Vec<_> = counts.iter().filter(|(_, count)| **count == 0).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
