//! Calls fail, stop half-way or are the last ones, as the test says.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use opslog::disk::sim::{CallKind, Fault, Times, is_simulated_crash};
use opslog::disk::{Disk, OpenMode, append_all};

use crate::support::*;

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
        assert!(is_simulated_crash(&other.rename(&path("a"), &path("b")).unwrap_err()));
        renamed.insert(content(&other.after_kill(), "b").is_some());
    }
    assert_eq!(contents.len(), 4);
    assert_eq!(renamed.len(), 2);
}

#[test]
fn a_file_that_was_being_created_at_the_crash_can_be_opened_by_the_next() {
    let disk = disk();
    disk.crash_after_partly(1, 1);
    assert!(is_simulated_crash(&disk.open(&path("a"), OpenMode::CreateNew).err().unwrap()));
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
    disk.script(Fault::new(CallKind::Create, ErrorKind::StorageFull).on("manifest").lasting());
    drop(disk.open(&path("snapshot"), OpenMode::CreateNew).unwrap());
    assert!(disk.open(&path("manifest.tmp"), OpenMode::CreateNew).is_err());
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
    assert_eq!((disk.faults().short_write, disk.faults().half_write), (1, 1));
}

#[test]
fn access_and_read_only_systems_are_honoured() {
    let disk = disk();
    let file = durable_file(&disk, "a", b"1");
    disk.set_access(&path("a"), true, false).unwrap();
    assert!(!file.info().unwrap().writable);
    assert_eq!(kind(disk.open(&path("a"), OpenMode::Append)), ErrorKind::PermissionDenied);
    assert!(disk.open(&path("a"), OpenMode::Read).is_ok());
    disk.set_access(&path("a"), false, true).unwrap();
    assert_eq!(kind(disk.open(&path("a"), OpenMode::Read)), ErrorKind::PermissionDenied);
    disk.set_access(&path("a"), true, true).unwrap();
    disk.set_read_only(true);
    assert_eq!(kind(disk.open(&path("a"), OpenMode::Append)), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(kind(disk.unlink(&path("a"))), ErrorKind::ReadOnlyFilesystem);
    assert_eq!(kind(disk.open(&path("b"), OpenMode::CreateNew)), ErrorKind::ReadOnlyFilesystem);
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
