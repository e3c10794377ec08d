//! Disks that fail, refuse, or die on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use opslog::Error;
use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::disk::{Disk, OpenMode};
use opslog::error::NeedsLocks;
use opslog::lock::{LOCK, Locking, acquire_with};

use crate::support::*;

#[test]
fn a_lock_file_that_cannot_be_read_is_an_error_at_once() {
    let folder = disk();
    folder.create_folder(&lock_path()).unwrap();
    let link = disk();
    link.symlink(Path::new("/store/elsewhere"), &lock_path()).unwrap();
    let unreadable = disk_with_lock(b"77");
    unreadable.set_access(&lock_path(), false, false).unwrap();
    for disk in [folder, link, unreadable] {
        let probe = probe(&[OTHER], &[]);
        let before = disk.changes();
        assert_eq!(io_failure(take(&disk, &probe)).0, "open");
        assert_eq!((disk.changes(), probe.slept_ms()), (before, 0));
    }
}

#[test]
fn a_lock_file_that_may_only_be_read_still_tells_who_has_it() {
    let disk = disk_with_lock(b"77");
    disk.set_access(&lock_path(), true, false).unwrap();
    assert_eq!(locked_by(take(&disk, &probe(&[OTHER], &[]))), OTHER);
    let dead = take(&disk, &probe(&[], &[]));
    assert_eq!(io_failure(dead), ("open", ErrorKind::PermissionDenied));
    assert_eq!(files(&disk), only_lock_with("77"));
}

#[test]
fn a_folder_that_is_missing_or_read_only_is_an_error_at_once() {
    let disk = SimDisk::new();
    assert_eq!(io_failure(take(&disk, &probe(&[], &[]))), ("open", ErrorKind::NotFound));
    disk.create_folder(root()).unwrap();
    disk.set_read_only(true);
    let refused = take(&disk, &probe(&[], &[]));
    assert_eq!(io_failure(refused), ("open", ErrorKind::ReadOnlyFilesystem));
}

#[test]
fn a_symbolic_link_is_neither_followed_nor_replaced() {
    let disk = disk();
    disk.plant(&root().join("victim"), b"precious").unwrap();
    disk.symlink(&root().join("victim"), &lock_path()).unwrap();
    assert!(take(&disk, &probe(&[], &[])).is_err());
    assert_eq!(files(&disk)["victim"], "precious");
}

#[test]
fn a_failure_on_the_way_leaves_nothing_behind() {
    for (kind, syscall) in [
        (CallKind::Create, "open"),
        (CallKind::TryLock, "flock"),
        (CallKind::Append, "write"),
        (CallKind::FileInfo, "fstat"),
        (CallKind::Link, "link"),
        (CallKind::Info, "lstat"),
    ] {
        let disk = disk();
        disk.fail_next(kind, 1, ErrorKind::StorageFull, Times::Once);
        assert_eq!(io_failure(take(&disk, &probe(&[], &[]))), (syscall, ErrorKind::StorageFull));
        let left = files(&disk);
        // Once linked, the file has our pid and no kernel lock: it is stale.
        assert!(left.keys().all(|name| name == LOCK && kind == CallKind::Info), "{left:?}");
        assert!(take(&disk, &probe(&[], &[])).is_ok());
    }
}

#[test]
fn a_failure_during_a_takeover_leaves_a_lock_that_can_be_taken() {
    for (kind, syscall) in [
        (CallKind::Open, "open"),
        (CallKind::FileInfo, "fstat"),
        (CallKind::ReadAt, "read"),
        (CallKind::TryLock, "flock"),
        (CallKind::Info, "lstat"),
        (CallKind::WriteAt, "write"),
        (CallKind::SetLen, "ftruncate"),
    ] {
        let disk = disk_with_lock(b"123456");
        disk.fail_next(kind, 1, ErrorKind::StorageFull, Times::Once);
        assert_eq!(io_failure(take(&disk, &probe(&[], &[]))), (syscall, ErrorKind::StorageFull));
        let probe = probe(&[OWN], &[(OWN, false)]);
        assert!(take(&disk, &probe).is_ok());
        assert_eq!(probe.slept_ms(), 0);
    }
}

#[test]
fn short_and_interrupted_writes_are_completed() {
    let fresh = disk();
    fresh.short_write_next();
    fresh.script(Fault::new(CallKind::Append, ErrorKind::Interrupted).nth(2));
    let held = take(&fresh, &probe(&[], &[])).unwrap();
    assert_eq!(files(&fresh), only_lock_with("4242"));
    drop(held);
    let stale = disk_with_lock(b"123456");
    stale.script(Fault::short_write(CallKind::WriteAt));
    stale.script(Fault::new(CallKind::WriteAt, ErrorKind::Interrupted).nth(2));
    let _held = take(&stale, &probe(&[], &[])).unwrap();
    assert_eq!(files(&stale), only_lock_with("4242"));
}

#[test]
fn a_file_system_without_hard_links_gets_its_lock_directly() {
    let disk = disk();
    disk.fail_next(CallKind::Link, 1, ErrorKind::Unsupported, Times::Lasting);
    let held = take(&disk, &probe(&[], &[])).unwrap();
    assert_eq!(files(&disk), only_lock_with("4242"));
    assert_eq!(locked_by(take_as(&disk, OTHER, &probe(&[], &[]))), OWN);
    held.release().unwrap();
    disk.fail_next(CallKind::Append, 2, ErrorKind::StorageFull, Times::Once);
    assert_eq!(io_failure(take(&disk, &probe(&[], &[]))).0, "write");
    assert_eq!(files(&disk), BTreeMap::new());
}

#[test]
fn leftovers_of_those_who_died_on_the_way_are_removed_and_nothing_else() {
    let disk = disk();
    for name in [".lock.5-0.tmp", ".lock.4242-17.tmp"] {
        disk.plant(&root().join(name), b"5").unwrap();
    }
    let kept =
        [".compact-lock.5-0.tmp", ".lock.tmp", ".lock.x-1.tmp", ".lock.5-.tmp", ".locked.5-0.tmp", "a"];
    for name in kept {
        disk.plant(&root().join(name), b"").unwrap();
    }
    let busy = disk.open(&root().join(".lock.5-0.tmp"), OpenMode::ReadWrite).unwrap();
    disk.plant(&root().join(".lock.6-0.tmp"), b"6").unwrap();
    let in_use = disk.open(&root().join(".lock.6-0.tmp"), OpenMode::ReadWrite).unwrap();
    assert!(in_use.try_lock().unwrap());
    let _held = take(&disk, &probe(&[], &[])).unwrap();
    let left: BTreeSet<String> = files(&disk).into_keys().collect();
    let mut expected: BTreeSet<String> = kept.iter().map(|name| name.to_string()).collect();
    expected.extend([LOCK.to_owned(), ".lock.6-0.tmp".to_owned()]);
    assert_eq!(left, expected);
    drop(busy);
}

#[test]
fn a_second_name_that_a_kill_left_is_removed_by_the_next() {
    let disk = disk();
    // The last change is the removal of the temporary name.
    disk.crash_after(4);
    drop(take_as(&disk, OTHER, &probe(&[], &[])));
    let after = disk.after_kill();
    assert_eq!(files(&after).len(), 2);
    let _held = take(&after, &probe(&[], &[])).unwrap();
    assert_eq!(files(&after), only_lock_with("4242"));
}

#[test]
fn a_kill_or_a_power_loss_at_any_call_never_locks_out_the_next() {
    for content in [None, Some("123456")] {
        for calls in 1..=6 {
            for seed in 0..40u64 {
                let disk = match content {
                    None => disk(),
                    Some(content) => disk_with_lock(content.as_bytes()),
                };
                disk.sync_folder(Path::new("/")).unwrap();
                disk.crash_after_partly(calls, seed);
                drop(take_as(&disk, OTHER, &probe(&[], &[])));
                let mut state = seed;
                let lost = disk.after_crash(&mut |below| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 33) % below
                });
                for after in [disk.after_kill(), lost] {
                    let held = take(&after, &probe(&[], &[])).unwrap();
                    assert_eq!(files(&after), only_lock_with("4242"));
                    held.release().unwrap();
                    assert_eq!(files(&after), BTreeMap::new());
                }
            }
        }
    }
}

fn take_by_pid(disk: &SimDisk, pid: u32, probe: &Probe) -> opslog::Result<opslog::lock::HeldLock> {
    let disk: std::sync::Arc<dyn Disk> = std::sync::Arc::new(disk.clone());
    acquire_with(&disk, root(), LOCK, pid, Locking::Pid, probe)
}

/// What the system says of a file system without kernel locks; on Windows that is "not supported".
#[cfg(unix)]
const ENOLCK: i32 = libc::ENOLCK;
#[cfg(windows)]
const ENOLCK: i32 = 50;

#[test]
fn a_file_system_without_kernel_locks_is_refused_unless_the_pid_is_to_do() {
    for found in [None, Some(b"77")] {
        let disk = found.map_or_else(disk, |found| disk_with_lock(found));
        disk.fail_next(CallKind::TryLock, 1, ENOLCK, Times::Lasting);
        let refused = take(&disk, &probe(&[], &[])).unwrap_err();
        assert!(matches!(refused, Error::NoLocks { needed_by: NeedsLocks::Writer, .. }), "{refused:?}");
        assert_eq!(refused.code(), "OPSLOG_UNSUPPORTED");
        assert_eq!(files(&disk).len(), usize::from(found.is_some()));
        let held = take_by_pid(&disk, OWN, &probe(&[], &[])).unwrap();
        assert!(!held.has_kernel_lock());
        assert_eq!(files(&disk), only_lock_with("4242"));
        assert_eq!(locked_by(take_by_pid(&disk, OTHER, &probe(&[OWN], &[(OWN, true)]))), OWN);
        held.release().unwrap();
        assert_eq!(files(&disk), BTreeMap::new());
    }
}

#[test]
fn without_kernel_locks_a_lock_that_was_removed_meanwhile_is_not_held() {
    let disk = disk_with_lock(b"123456");
    disk.fail_next(CallKind::TryLock, 1, ENOLCK, Times::Lasting);
    // Another process has seen the same stale file, removes ours instead, and creates its own.
    let same = disk.clone();
    let slow = probe(&[OTHER], &[(OTHER, true)]).meanwhile(move |number| {
        if number == 1 {
            same.unlink(&lock_path()).unwrap();
            same.plant(&lock_path(), b"77").unwrap();
        }
    });
    assert_eq!(locked_by(take_by_pid(&disk, OWN, &slow)), OTHER);
    assert_eq!(files(&disk), only_lock_with("77"));
}

#[test]
fn without_kernel_locks_a_stale_lock_that_another_process_removes_first_is_no_failure() {
    let disk = disk_with_lock(b"123456");
    disk.fail_next(CallKind::TryLock, 1, ENOLCK, Times::Lasting);
    disk.fail_next(CallKind::Unlink, 1, 2, Times::Once);
    let held = take_by_pid(&disk, OWN, &probe(&[], &[])).unwrap();
    assert_eq!(files(&disk), only_lock_with("4242"));
    held.release().unwrap();
}

#[test]
fn accepting_pids_changes_nothing_where_there_are_kernel_locks() {
    let disk = disk_with_lock(b"77");
    let held = take_by_pid(&disk, OWN, &probe(&[], &[])).unwrap();
    assert!(held.has_kernel_lock());
    assert_eq!(locked_by(take(&disk, &probe(&[], &[]))), OWN);
    disk.fail_next(CallKind::TryLock, 1, 5, Times::Once);
    assert_eq!(io_failure(take_by_pid(&disk, OTHER, &probe(&[], &[]))).0, "flock");
}
