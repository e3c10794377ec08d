//! The simulated disk keeps the promises that the crash tests build on: what was synced is there, everything
//! else may go in each legal way, and names and handles behave as POSIX has them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use opslog::disk::sim::{CallKind, Fault, SimDisk, Times, is_simulated_crash};
use opslog::disk::{Disk, DiskFile, OpenMode, append_all, read_exact_at};

/// A generator that gives the same numbers for the same seed.
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % below
    }
}

fn path(name: &str) -> PathBuf {
    Path::new("/store").join(name)
}

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_folder(Path::new("/store")).unwrap();
    disk.sync_folder(Path::new("/")).unwrap();
    disk
}

/// Creates a file that is durable with its name.
fn durable_file(disk: &SimDisk, name: &str, content: &[u8]) -> std::sync::Arc<dyn DiskFile> {
    let file = disk.open(&path(name), OpenMode::CreateNew).unwrap();
    append_all(&*file, content).unwrap();
    file.sync().unwrap();
    disk.sync_folder(Path::new("/store")).unwrap();
    file
}

fn content(disk: &SimDisk, name: &str) -> Option<Vec<u8>> {
    disk.tree().get(&path(name)).cloned()
}

/// All contents of a file that power losses leave, over many choices.
fn outcomes(disk: &SimDisk, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    (0..2000)
        .map(|seed| content(&disk.after_crash(&mut random(seed)), name))
        .collect()
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("the call must fail").kind()
}

#[test]
fn appends_reads_and_overwrites_behave_as_on_a_real_file() {
    let disk = disk();
    let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
    append_all(&*file, b"hello ").unwrap();
    append_all(&*file, b"world").unwrap();
    assert_eq!(read_exact_at(&*file, 6, 5).unwrap(), b"world");
    assert_eq!(kind(read_exact_at(&*file, 6, 6)), ErrorKind::UnexpectedEof);
    assert_eq!(file.read_at(&mut [0; 4], 100).unwrap(), 0);
    let writer = disk.open(&path("a"), OpenMode::ReadWrite).unwrap();
    assert_eq!(writer.write_at(b"HE", 0).unwrap(), 2);
    writer.set_len(8).unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"HEllo wo");
    file.append(b"!").unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"HEllo wo!");
    assert_eq!(kind(file.write_at(b"x", 0)), ErrorKind::Unsupported);
    assert_eq!(kind(writer.append(b"x")), ErrorKind::Unsupported);
}

#[test]
fn names_follow_the_rules_of_posix() {
    let disk = disk();
    let open = |name: &str, mode| disk.open(&path(name), mode).map(drop);
    assert_eq!(kind(open("a", OpenMode::Read)), ErrorKind::NotFound);
    assert_eq!(kind(open("no/a", OpenMode::CreateNew)), ErrorKind::NotFound);
    open("a", OpenMode::CreateNew).unwrap();
    assert_eq!(
        kind(open("a", OpenMode::CreateNew)),
        ErrorKind::AlreadyExists
    );
    assert_eq!(kind(open("a/b", OpenMode::Read)), ErrorKind::NotADirectory);
    disk.create_folder(&path("f/g")).unwrap();
    disk.create_folder(&path("f/g")).unwrap();
    assert_eq!(kind(open("f", OpenMode::Append)), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.unlink(&path("f"))), ErrorKind::IsADirectory);
    assert_eq!(
        kind(disk.rename(&path("a"), &path("f"))),
        ErrorKind::IsADirectory
    );
    assert_eq!(
        kind(disk.link(&path("a"), &path("f"))),
        ErrorKind::AlreadyExists
    );
    assert_eq!(kind(disk.list(&path("a"))), ErrorKind::NotADirectory);
    let mut names = disk.list(Path::new("/store")).unwrap();
    names.sort();
    assert_eq!(names, ["a", "f"]);
}

#[test]
fn a_rename_between_two_names_of_one_file_leaves_both() {
    let disk = disk();
    drop(durable_file(&disk, "a", b"1"));
    disk.link(&path("a"), &path("b")).unwrap();
    assert_eq!(disk.info(&path("a")).unwrap().links, 2);
    disk.rename(&path("a"), &path("b")).unwrap();
    assert_eq!(
        disk.info(&path("a")).unwrap().identity,
        disk.info(&path("b")).unwrap().identity
    );
}

#[test]
fn symbolic_links_are_followed_only_for_reading() {
    let disk = disk();
    drop(durable_file(&disk, "a", b"1"));
    disk.symlink(Path::new("a"), &path("link")).unwrap();
    disk.symlink(Path::new("loop"), &path("loop")).unwrap();
    let file = disk.open(&path("link"), OpenMode::Read).unwrap();
    assert_eq!(read_exact_at(&*file, 0, 1).unwrap(), b"1");
    for mode in [OpenMode::Append, OpenMode::ReadWrite] {
        let error = disk.open(&path("link"), mode).err().unwrap();
        #[cfg(unix)]
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        drop(error);
    }
    assert_eq!(
        kind(disk.open(&path("link"), OpenMode::CreateNew)),
        ErrorKind::AlreadyExists
    );
    assert!(disk.open(&path("loop"), OpenMode::Read).is_err());
    assert_ne!(
        disk.info(&path("link")).unwrap().identity,
        disk.info(&path("a")).unwrap().identity
    );
}

#[test]
fn a_deleted_file_stays_usable_while_it_is_open() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"1");
    disk.unlink(&path("a")).unwrap();
    append_all(&*file, b"2").unwrap();
    assert_eq!(file.info().unwrap().links, 0);
    assert_eq!(read_exact_at(&*file, 0, 2).unwrap(), b"12");
    let other = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
    assert_ne!(
        other.info().unwrap().identity,
        file.info().unwrap().identity
    );
}

#[test]
fn numbers_of_files_come_again_only_when_asked_for() {
    let again = |reuse| {
        let disk = disk();
        disk.reuse_inodes(reuse);
        let first = durable_file(&disk, "a", b"").info().unwrap().identity;
        disk.unlink(&path("a")).unwrap();
        durable_file(&disk, "b", b"").info().unwrap().identity == first
    };
    assert!(!again(false));
    assert!(again(true));
}

#[test]
fn modification_times_go_up_unless_the_clock_stands() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"1");
    let modified = || {
        file.append(b"x").unwrap();
        file.info().unwrap().modified_ns
    };
    assert!(modified() < modified());
    disk.set_clock_step_ns(0);
    assert_eq!(modified(), modified());
}

#[test]
fn a_kernel_lock_belongs_to_one_handle_and_goes_with_it() {
    let disk = disk();
    let first = durable_file(&disk, "a", b"");
    let second = disk.open(&path("a"), OpenMode::ReadWrite).unwrap();
    assert!(first.try_lock().unwrap());
    assert!(first.try_lock().unwrap());
    assert!(!second.try_lock().unwrap());
    let after = disk.after_kill();
    assert!(
        after
            .open(&path("a"), OpenMode::Append)
            .unwrap()
            .try_lock()
            .unwrap()
    );
    assert!(!second.try_lock().unwrap());
    drop(first);
    assert!(second.try_lock().unwrap());
}

#[test]
fn what_was_synced_survives_every_power_loss() {
    let disk = disk();
    drop(durable_file(&disk, "a", b"kept"));
    assert_eq!(
        outcomes(&disk, "a"),
        BTreeSet::from([Some(b"kept".to_vec())])
    );
    assert_eq!(disk.durable_tree(), disk.tree());
}

#[test]
fn an_unsynced_append_is_kept_lost_torn_zeroed_or_garbage() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"old");
    append_all(&*file, b"new").unwrap();
    let found = outcomes(&disk, "a");
    for expected in ["old", "oldn", "oldne", "oldnew", "old\0\0\0"] {
        assert!(
            found.contains(&Some(expected.as_bytes().to_vec())),
            "{expected:?}"
        );
    }
    assert!(
        found
            .iter()
            .flatten()
            .all(|content| content.starts_with(b"old"))
    );
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
        assert!(
            found.contains(&Some(expected.as_bytes().to_vec())),
            "{expected:?}"
        );
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
        assert!(matches!(
            &content[510..514],
            b"oooo" | b"nnoo" | b"oonn" | b"nnnn"
        ));
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
    assert_eq!(
        outcomes(&disk, "a"),
        BTreeSet::from([None, Some(b"1".to_vec())])
    );
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
        assert_eq!(tree.get(&path("next")).is_some(), current == b"1");
    }
    assert!(disk.faults().lost_rename > 0);
    disk.sync_folder(Path::new("/store")).unwrap();
    assert_eq!(
        outcomes(&disk, "current"),
        BTreeSet::from([Some(b"2".to_vec())])
    );
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
    assert_eq!(
        outcomes(&disk, "current"),
        BTreeSet::from([Some(b"2".to_vec())])
    );
}

#[test]
fn deletions_and_links_may_be_lost() {
    let disk = disk();
    drop(durable_file(&disk, "a", b"1"));
    drop(durable_file(&disk, "b", b"2"));
    disk.unlink(&path("a")).unwrap();
    disk.link(&path("b"), &path("c")).unwrap();
    assert_eq!(
        outcomes(&disk, "a"),
        BTreeSet::from([None, Some(b"1".to_vec())])
    );
    assert_eq!(
        outcomes(&disk, "c"),
        BTreeSet::from([None, Some(b"2".to_vec())])
    );
    assert!(disk.faults().lost_unlink > 0 && disk.faults().lost_link > 0);
    assert!(disk.faults().reordered_name > 0);
    let after = disk.after_crash(&mut |below| below - 1);
    let links = |disk: &SimDisk| disk.info(&path("b")).unwrap().links;
    assert_eq!(
        links(&after),
        after
            .tree()
            .values()
            .filter(|content| *content == b"2")
            .count() as u64
    );
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
    assert_eq!(
        content(&after, "a").unwrap(),
        b"12",
        "the two disks are apart"
    );
}

#[test]
fn the_crash_strikes_at_the_given_call_and_stays() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"1");
    disk.crash_after(2);
    file.append(b"2").unwrap();
    file.info().unwrap();
    assert!(!disk.crashed());
    assert!(is_simulated_crash(&file.sync().unwrap_err()));
    assert!(disk.crashed());
    assert!(is_simulated_crash(&file.append(b"3").unwrap_err()));
    assert!(is_simulated_crash(&file.read_at(&mut [0], 0).unwrap_err()));
    let after = disk.after_kill();
    assert!(!after.crashed());
    assert_eq!(content(&after, "a").unwrap(), b"12");
}

#[test]
fn the_call_at_the_crash_may_be_carried_out_in_part() {
    let mut contents = BTreeSet::new();
    let mut renamed = BTreeSet::new();
    for number in 0..50 {
        let one = disk();
        let file = durable_file(&one, "a", b"");
        one.crash_after_partly(1, number);
        assert!(is_simulated_crash(&file.append(b"123").unwrap_err()));
        contents.insert(content(&one.after_kill(), "a").unwrap());
        let other = disk();
        drop(durable_file(&other, "a", b""));
        other.crash_after_partly(1, number);
        assert!(is_simulated_crash(
            &other.rename(&path("a"), &path("b")).unwrap_err()
        ));
        renamed.insert(content(&other.after_kill(), "b").is_some());
    }
    assert_eq!(contents.len(), 4);
    assert_eq!(renamed.len(), 2);
}

#[test]
fn a_file_that_was_being_created_at_the_crash_can_be_opened_by_the_next() {
    let disk = disk();
    disk.crash_after_partly(1, 1);
    assert!(is_simulated_crash(
        &disk.open(&path("a"), OpenMode::CreateNew).err().unwrap()
    ));
    assert!(disk.after_kill().open(&path("a"), OpenMode::Append).is_ok());
}

#[test]
fn scripted_failures_strike_once_or_last() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    disk.fail_next(CallKind::Append, 2, ErrorKind::StorageFull, Times::Once);
    file.append(b"1").unwrap();
    assert_eq!(kind(file.append(b"2")), ErrorKind::StorageFull);
    file.append(b"3").unwrap();
    disk.fail_next(CallKind::Append, 1, ErrorKind::StorageFull, Times::Lasting);
    assert!(file.append(b"4").is_err() && file.append(b"5").is_err());
    disk.heal();
    file.append(b"6").unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"136");
    assert_eq!(disk.faults().failed_call, 3);
}

#[cfg(unix)]
#[test]
fn a_scripted_failure_can_carry_the_number_of_the_system() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    disk.fail_next(CallKind::Sync, 1, libc::EIO, Times::Once);
    assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(libc::EIO));
}

#[test]
fn a_scripted_failure_can_be_meant_for_one_path() {
    let disk = disk();
    disk.script(
        Fault::new(CallKind::Create, ErrorKind::StorageFull)
            .on("manifest")
            .lasting(),
    );
    drop(disk.open(&path("snapshot"), OpenMode::CreateNew).unwrap());
    assert!(
        disk.open(&path("manifest.tmp"), OpenMode::CreateNew)
            .is_err()
    );
    drop(disk.open(&path("wal"), OpenMode::CreateNew).unwrap());
    disk.script(Fault::new(CallKind::Rename, ErrorKind::Other).on("to-here"));
    assert!(disk.rename(&path("wal"), &path("to-here")).is_err());
}

#[test]
fn writes_can_be_short_or_fail_half_way() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"");
    disk.short_write_next();
    append_all(&*file, b"1234").unwrap();
    assert_eq!(disk.calls(CallKind::Append), 2);
    disk.script(Fault::new(CallKind::Append, ErrorKind::StorageFull).after_half());
    assert_eq!(kind(append_all(&*file, b"5678")), ErrorKind::StorageFull);
    assert_eq!(content(&disk, "a").unwrap(), b"123456");
    assert_eq!(
        (disk.faults().short_write, disk.faults().half_write),
        (1, 1)
    );
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
    assert_eq!(
        outcomes(&disk, "a"),
        BTreeSet::from([Some(b"1\x003".to_vec())])
    );
    assert_eq!(disk.faults().lost_after_failed_sync, 1);
}

#[test]
fn access_and_read_only_systems_are_honoured() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"1");
    disk.set_access(&path("a"), true, false).unwrap();
    assert!(!file.info().unwrap().writable);
    assert_eq!(
        kind(disk.open(&path("a"), OpenMode::Append)),
        ErrorKind::PermissionDenied
    );
    assert!(disk.open(&path("a"), OpenMode::Read).is_ok());
    disk.set_access(&path("a"), false, true).unwrap();
    assert_eq!(
        kind(disk.open(&path("a"), OpenMode::Read)),
        ErrorKind::PermissionDenied
    );
    disk.set_access(&path("a"), true, true).unwrap();
    disk.set_read_only(true);
    assert_eq!(
        kind(disk.open(&path("a"), OpenMode::Append)),
        ErrorKind::ReadOnlyFilesystem
    );
    assert_eq!(kind(disk.unlink(&path("a"))), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(
        kind(disk.open(&path("b"), OpenMode::CreateNew)),
        ErrorKind::ReadOnlyFilesystem
    );
}

#[test]
fn planted_files_are_durable_and_nothing_else_with_them() {
    let disk = disk();
    drop(disk.open(&path("pending"), OpenMode::CreateNew).unwrap());
    disk.plant(&path("deep/down/a"), b"1").unwrap();
    disk.plant(&path("deep/down/a"), b"22").unwrap();
    assert_eq!(
        outcomes(&disk, "deep/down/a"),
        BTreeSet::from([Some(b"22".to_vec())])
    );
    assert!(outcomes(&disk, "pending").contains(&None));
}

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
    disk.script(
        Fault::new(CallKind::Append, ErrorKind::StorageFull)
            .nth(2)
            .after_half(),
    );
    assert!(append_all(&*file, b"1234").is_err());
    disk.fail_next(CallKind::Sync, 1, ErrorKind::Other, Times::Once);
    assert!(file.sync().is_err());
    file.sync().unwrap();
    let counts: BTreeMap<_, _> = disk.faults().each().into_iter().collect();
    let missed: Vec<_> = counts.iter().filter(|(_, count)| **count == 0).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn calls_are_counted_by_kind_and_the_changing_ones_together() {
    let disk = disk();
    let before = disk.changes();
    let file = durable_file(&disk, "a", b"1");
    file.info().unwrap();
    disk.info(&path("a")).unwrap();
    disk.list(Path::new("/store")).unwrap();
    assert_eq!(disk.changes() - before, 4);
    assert_eq!(disk.calls(CallKind::FileInfo), 1);
    assert_eq!(disk.calls(CallKind::Info), 1);
}
