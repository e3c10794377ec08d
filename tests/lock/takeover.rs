//! What becomes of a lock file that is already there.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use opslog::Error;
use opslog::disk::sim::{CallKind, Times};
use opslog::disk::{Disk, OpenMode};
use opslog::error::Place;
use opslog::lock::LOCK;

use crate::support::*;

#[test]
fn the_lock_of_a_killed_process_is_taken_at_once_and_in_place() {
    let disk = disk();
    let held = take_as(&disk, 123_456, &probe(&[], &[])).unwrap();
    let after = disk.after_kill();
    let before = after.info(&lock_path()).unwrap().identity;
    let probe = probe(&[], &[]);
    let taken = take(&after, &probe).unwrap();
    assert_eq!(after.info(&lock_path()).unwrap().identity, before);
    assert_eq!(files(&after), only_lock_with("4242"));
    assert_eq!(probe.slept_ms(), 0);
    taken.release().unwrap();
    assert_eq!(files(&after), BTreeMap::new());
    drop(held);
}

#[test]
fn a_takeover_never_leaves_the_file_without_a_pid_that_0_8_1_reads() {
    for calls in 1..=2 {
        for random in 0..20 {
            let disk = disk_with_lock(b"123456");
            disk.crash_after_partly(calls, random);
            drop(take(&disk, &probe(&[], &[])));
            let content = files(&disk.after_kill())[LOCK].clone();
            let pid = content.split('\n').next().unwrap();
            assert!(pid == "123456" || pid == "4242", "{content:?}");
        }
    }
}

#[test]
fn a_living_process_of_0_8_1_is_recognised_by_its_open_file() {
    let disk = disk_with_lock(b"77");
    assert_eq!(locked_by(take(&disk, &probe(&[OTHER], &[(OTHER, true)]))), OTHER);
    assert_eq!(files(&disk), only_lock_with("77"));
}

#[test]
fn a_pid_that_was_given_to_another_process_does_not_lock_out() {
    let disk = disk_with_lock(b"77");
    assert!(take(&disk, &probe(&[OTHER], &[(OTHER, false)])).is_ok());
}

#[test]
fn a_process_that_ends_while_it_is_looked_into_does_not_lock_out() {
    let disk = disk_with_lock(b"77");
    let probe = Probe { ending: [OTHER].into(), ..probe(&[OTHER], &[]) };
    assert!(take(&disk, &probe).is_ok());
}

#[test]
fn a_living_process_that_cannot_be_looked_into_keeps_its_lock() {
    let disk = disk_with_lock(b"77");
    assert_eq!(locked_by(take(&disk, &probe(&[OTHER], &[]))), OTHER);
}

#[test]
fn a_lock_with_our_own_pid_is_stale_unless_this_process_has_it_open() {
    let known = probe(&[OWN], &[(OWN, false)]);
    assert!(take(&disk_with_lock(b"4242"), &known).is_ok());
    let unknown = probe(&[OWN], &[]);
    assert!(take(&disk_with_lock(b"4242"), &unknown).is_ok());
    let beside_an_original = probe(&[OWN], &[(OWN, true)]);
    assert_eq!(locked_by(take(&disk_with_lock(b"4242"), &beside_an_original)), OWN);
}

#[test]
fn pids_are_read_as_parse_int_reads_them() {
    for content in ["77", " 77", "\n\t77\n", "77abc", "77.9", "+77", "\u{feff}77", "0077", "77\0\0"] {
        let disk = disk_with_lock(content.as_bytes());
        let probe = probe(&[OTHER], &[(OTHER, true)]);
        assert_eq!(locked_by(take(&disk, &probe)), OTHER, "{content:?}");
        assert_eq!(probe.slept_ms(), 0);
    }
    let number_of_no_process = disk_with_lock(b"99999999999999999999");
    let probe = probe(&[OTHER], &[]);
    assert!(take(&number_of_no_process, &probe).is_ok());
    assert_eq!(probe.slept_ms(), 0);
}

#[test]
fn a_file_without_a_pid_is_given_two_seconds_and_then_taken() {
    for content in [&b""[..], b"hello", b"\0\0\0", b"-5", b"0", b"\xff\xfe", b"  ", &[b' '; 9000]] {
        let disk = disk_with_lock(content);
        let probe = probe(&[], &[]);
        let held = take(&disk, &probe).unwrap();
        assert_eq!(probe.slept_ms(), 2000, "{content:?}");
        assert_eq!(files(&disk), only_lock_with("4242"));
        held.release().unwrap();
    }
}

#[test]
fn an_original_that_writes_its_pid_within_two_seconds_has_the_lock() {
    let disk = disk_with_lock(b"");
    let other = disk.open(&lock_path(), OpenMode::Append).unwrap();
    let probe = probe(&[OTHER], &[(OTHER, true)]).meanwhile(move |number| {
        if number == 99 {
            other.append(b"77").unwrap();
        }
    });
    assert_eq!(locked_by(take(&disk, &probe)), OTHER);
    assert_eq!(probe.slept_ms(), 99 * 20);
}

#[test]
fn a_file_without_a_pid_that_goes_away_leaves_the_folder_free() {
    let disk = disk_with_lock(b"");
    let same = disk.clone();
    let probe = probe(&[], &[]).meanwhile(move |number| {
        if number == 3 {
            same.unlink(&lock_path()).unwrap();
        }
    });
    assert!(take(&disk, &probe).is_ok());
    assert_eq!(probe.slept_ms(), 60);
}

#[test]
fn another_file_without_a_pid_is_waited_for_from_the_start() {
    let disk = disk_with_lock(b"");
    let same = disk.clone();
    let probe = probe(&[], &[]).meanwhile(move |number| {
        if number == 50 {
            same.unlink(&lock_path()).unwrap();
            same.plant(&lock_path(), b"").unwrap();
        }
    });
    assert!(take(&disk, &probe).is_ok());
    assert_eq!(probe.slept_ms(), 1000 + 2000);
}

#[test]
fn files_without_a_pid_that_come_and_go_do_not_hold_us_for_ever() {
    let disk = disk_with_lock(b"");
    let same = disk.clone();
    let probe = probe(&[], &[]).meanwhile(move |_| {
        same.unlink(&lock_path()).unwrap();
        same.plant(&lock_path(), b"").unwrap();
    });
    assert_eq!(io_failure(take(&disk, &probe)), ("open", ErrorKind::ResourceBusy));
}

#[test]
fn of_two_that_wait_for_one_file_one_wins_and_the_other_learns_who() {
    let disk = disk_with_lock(b"");
    let winner = Arc::new(Mutex::new(None));
    let (same, won) = (disk.clone(), Arc::clone(&winner));
    // The other one's time is over just before ours.
    let first = probe(&[OTHER], &[]).meanwhile(move |number| {
        if number == 100 {
            *won.lock().unwrap() = Some(take_as(&same, OTHER, &probe(&[], &[])).unwrap());
        }
    });
    assert_eq!(locked_by(take(&disk, &first)), OTHER);
    assert!(winner.lock().unwrap().as_ref().unwrap().is_still_ours().unwrap());
}

#[test]
fn a_winner_that_has_not_written_its_pid_yet_is_waited_for() {
    let disk = disk_with_lock(b"");
    let other = disk.open(&lock_path(), OpenMode::ReadWrite).unwrap();
    assert!(other.try_lock().unwrap());
    let writer = disk.open(&lock_path(), OpenMode::Append).unwrap();
    let probe = probe(&[], &[]).meanwhile(move |number| {
        if number == 101 {
            writer.append(b"77").unwrap();
        }
    });
    assert_eq!(locked_by(take(&disk, &probe)), OTHER);
}

#[test]
fn a_winner_that_has_not_replaced_the_dead_pid_yet_is_waited_for_a_moment() {
    let disk = disk_with_lock(b"123456");
    let other = disk.open(&lock_path(), OpenMode::ReadWrite).unwrap();
    assert!(other.try_lock().unwrap());
    let writer = disk.open(&lock_path(), OpenMode::ReadWrite).unwrap();
    let patient = probe(&[OTHER], &[(OTHER, true)]).meanwhile(move |number| {
        if number == 3 {
            writer.write_at(b"77\n", 0).unwrap();
        }
    });
    assert_eq!(locked_by(take(&disk, &patient)), OTHER);
    assert_eq!(patient.slept_ms(), 3);
    let blind = probe(&[], &[]);
    assert_eq!(locked_by(take(&disk, &blind)), OTHER);
    assert_eq!(blind.slept_ms(), 10);
}

#[test]
fn a_kernel_lock_on_a_file_that_never_gets_a_pid_is_not_broken() {
    let disk = disk_with_lock(b"");
    let other = disk.open(&lock_path(), OpenMode::ReadWrite).unwrap();
    assert!(other.try_lock().unwrap());
    assert_eq!(locked_by(take(&disk, &probe(&[], &[]))), 0);
    assert_eq!(files(&disk), only_lock_with(""));
}

#[test]
fn a_holder_in_another_container_is_told_by_its_open_file_whatever_its_number_means_here() {
    // Nothing here has that number; another process has it; this very process has it.
    for (pid, alive) in [("7", vec![]), ("77", vec![OTHER]), ("4242", vec![OWN])] {
        let disk = disk_with_lock(pid.as_bytes());
        disk.tell_writers(true);
        let known: Vec<_> = alive.iter().map(|pid| (*pid, false)).collect();
        let original = disk.open(&lock_path(), OpenMode::Append).unwrap();
        let refused = take(&disk, &probe(&alive, &known)).unwrap_err();
        assert!(matches!(refused, Error::Locked { place: Place::Elsewhere, .. }), "{refused:?}");
        drop(original);
        assert!(take(&disk, &probe(&alive, &known)).is_ok());
    }
}

#[test]
fn a_file_that_nothing_can_write_to_is_stale_although_its_pid_lives() {
    let disk = disk_with_lock(b"77");
    disk.tell_writers(true);
    let reader = disk.open(&lock_path(), OpenMode::Read).unwrap();
    assert!(take(&disk, &probe(&[OTHER], &[])).is_ok());
    drop(reader);
}

#[test]
fn an_original_that_is_stopped_before_it_has_written_its_pid_keeps_its_lock() {
    let disk = disk_with_lock(b"");
    disk.tell_writers(true);
    let original = disk.open(&lock_path(), OpenMode::Append).unwrap();
    assert_eq!(locked_by(take(&disk, &probe(&[], &[]))), 0);
    assert_eq!(files(&disk), only_lock_with(""));
    drop(original);
    assert!(take(&disk, &probe(&[], &[])).is_ok());
}

#[test]
fn a_file_system_that_locks_only_what_can_be_written_to_gets_such_a_handle() {
    const BAD_DESCRIPTOR: i32 = 9;
    let disk = disk_with_lock(b"77");
    disk.fail_next(CallKind::TryLock, 1, BAD_DESCRIPTOR, Times::Once);
    let held = take(&disk, &probe(&[], &[])).unwrap();
    assert_eq!(files(&disk), only_lock_with("4242"));
    assert_eq!(locked_by(take_as(&disk, OTHER, &probe(&[OWN], &[]))), OWN);
    held.release().unwrap();
}

#[test]
fn the_message_says_where_the_holder_is_and_never_to_delete_the_file() {
    let told = |alive: &[u32], open: &[(u32, bool)], content: &[u8]| {
        let disk = disk_with_lock(content);
        let other = disk.open(&lock_path(), OpenMode::ReadWrite).unwrap();
        assert!(other.try_lock().unwrap());
        let message = take(&disk, &probe(alive, open)).unwrap_err().to_string();
        assert!(!message.contains("delete"), "{message}");
        message
    };
    let own = told(&[OWN], &[(OWN, true)], b"4242");
    assert!(own.starts_with("Store is locked by process 4242. It is this very process"), "{own}");
    let namesake = told(&[OWN], &[(OWN, false)], b"4242");
    assert!(namesake.contains("runs in another container"), "{namesake}");
    let unseen = told(&[], &[], b"7");
    assert!(unseen.starts_with("Store is locked by process 7. "), "{unseen}");
    assert!(unseen.contains("runs in another container"), "{unseen}");
    let other = told(&[OTHER], &[(OTHER, true)], b"77");
    assert!(other.starts_with("Store is locked by process 77. Close the store there"), "{other}");
    assert!(told(&[], &[], b"").contains("has not written its number yet"));
}

#[test]
fn a_caller_that_must_not_wait_is_refused_where_another_waits_and_changes_nothing() {
    let hasty = |open| Probe { is_hasty: true, ..probe(&[OTHER], &[(OTHER, open)]) };
    for content in [b"".as_slice(), b"77"] {
        let disk = disk_with_lock(content);
        let probe = hasty(true);
        assert!(take(&disk, &probe).is_err(), "{content:?}");
        assert_eq!((probe.slept_ms(), disk.changes()), (0, disk_with_lock(content).changes()));
    }
    let disk = disk_with_lock(b"77");
    assert!(take(&disk, &hasty(false)).is_ok(), "nothing is waited for");
}
