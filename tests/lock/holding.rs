//! Taking a free lock, holding it, and giving it back.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use opslog::Error;
use opslog::disk::Disk;
use opslog::disk::sim::{CallKind, Times};
use opslog::lock::{COMPACT_LOCK, LOCK, acquire};

use crate::support::*;

#[test]
fn a_free_folder_is_taken_and_left_as_it_was() {
    let disk = disk();
    let held = take(&disk, &probe(&[], &[])).unwrap();
    assert_eq!(files(&disk), only_lock_with("4242"));
    assert!(held.is_still_ours().unwrap());
    assert_eq!(held.path(), lock_path());
    assert_eq!(disk.info(&lock_path()).unwrap().links, 1);
    held.release().unwrap();
    assert_eq!(files(&disk), BTreeMap::new());
}

#[test]
fn dropping_a_held_lock_releases_it() {
    let disk = disk();
    drop(take(&disk, &probe(&[], &[])).unwrap());
    assert_eq!(files(&disk), BTreeMap::new());
    take(&disk, &probe(&[], &[])).unwrap().release().unwrap();
}

#[test]
fn a_second_acquire_in_the_same_process_names_our_own_pid() {
    let disk = disk();
    let held = take(&disk, &probe(&[OWN], &[(OWN, true)])).unwrap();
    assert_eq!(locked_by(take(&disk, &probe(&[OWN], &[(OWN, false)]))), OWN);
    assert!(held.is_still_ours().unwrap());
    assert_eq!(files(&disk), only_lock_with("4242"));
}

#[test]
fn a_kernel_lock_is_believed_whatever_is_known_of_the_process() {
    let disk = disk();
    let held = take_as(&disk, OTHER, &probe(&[], &[])).unwrap();
    assert_eq!(locked_by(take(&disk, &probe(&[], &[(OTHER, false)]))), OTHER);
    held.release().unwrap();
    assert!(take(&disk, &probe(&[], &[])).is_ok());
}

#[test]
fn a_lock_that_somebody_replaced_is_not_ours_and_is_left_alone() {
    let disk = disk();
    let held = take(&disk, &probe(&[], &[])).unwrap();
    disk.unlink(&lock_path()).unwrap();
    assert!(!held.is_still_ours().unwrap());
    disk.plant(&lock_path(), b"77").unwrap();
    assert!(!held.is_still_ours().unwrap());
    held.release().unwrap();
    assert_eq!(files(&disk), only_lock_with("77"));
}

#[test]
fn a_failed_release_says_so_and_gives_the_kernel_lock_back() {
    let disk = disk();
    let held = take(&disk, &probe(&[], &[])).unwrap();
    disk.fail_next(CallKind::Unlink, 1, ErrorKind::StorageFull, Times::Once);
    assert_eq!(io_failure(held.release()), ("unlink", ErrorKind::StorageFull));
    assert!(take(&disk, &probe(&[], &[])).is_ok());
    let held = take(&disk, &probe(&[], &[])).unwrap();
    disk.fail_next(CallKind::Info, 1, ErrorKind::StorageFull, Times::Once);
    assert_eq!(io_failure(held.release()), ("lstat", ErrorKind::StorageFull));
    assert!(take(&disk, &probe(&[], &[])).is_ok());
}

#[test]
fn a_held_compaction_lock_gives_the_originals_message() {
    let disk = disk();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let take = |probe: Probe| acquire(&shared, root(), COMPACT_LOCK, OWN, &probe);
    let held = take(probe(&[], &[])).unwrap();
    let error = take(probe(&[], &[])).unwrap_err();
    assert!(matches!(error, Error::CompactionLocked { .. }));
    assert_eq!(error.to_string(), "Compaction lock held by another agent");
    assert_eq!(error.code(), "OPSLOG_LOCKED");
    held.release().unwrap();
    disk.plant(&root().join(COMPACT_LOCK), b"77").unwrap();
    assert!(take(probe(&[OTHER], &[(OTHER, true)])).is_err());
    take(probe(&[], &[])).unwrap().release().unwrap();
    assert_eq!(files(&disk), BTreeMap::new());
}

#[test]
fn the_two_locks_of_a_folder_and_those_of_two_folders_are_apart() {
    let disk = disk();
    disk.create_folder(Path::new("/second")).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let probe = probe(&[OWN], &[(OWN, true)]);
    let _held = [
        acquire(&shared, root(), LOCK, OWN, &probe).unwrap(),
        acquire(&shared, root(), COMPACT_LOCK, OWN, &probe).unwrap(),
        acquire(&shared, Path::new("/second"), LOCK, OWN, &probe).unwrap(),
    ];
}
