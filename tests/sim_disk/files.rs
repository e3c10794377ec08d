//! Files, names and kernel locks behave as POSIX has them.

use std::io::ErrorKind;
use std::path::Path;

use opslog::disk::{Disk, OpenMode, append_all, read_exact_at};

use crate::support::*;

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
fn what_takes_more_memory_than_there_is_is_an_error_and_no_end_of_the_process() {
    let disk = disk();
    let file = disk.open(&path("a"), OpenMode::CreateNew).unwrap();
    for len in [1 << 50, isize::MAX as usize] {
        assert_eq!(kind(read_exact_at(&*file, 0, len)), ErrorKind::OutOfMemory);
    }
}

#[test]
fn names_follow_the_rules_of_posix() {
    let disk = disk();
    let open = |name: &str, mode| disk.open(&path(name), mode).map(drop);
    assert_eq!(kind(open("a", OpenMode::Read)), ErrorKind::NotFound);
    assert_eq!(kind(open("no/a", OpenMode::CreateNew)), ErrorKind::NotFound);
    open("a", OpenMode::CreateNew).unwrap();
    assert_eq!(kind(open("a", OpenMode::CreateNew)), ErrorKind::AlreadyExists);
    assert_eq!(kind(open("a/b", OpenMode::Read)), ErrorKind::NotADirectory);
    disk.create_folder(&path("f/g")).unwrap();
    disk.create_folder(&path("f/g")).unwrap();
    assert_eq!(kind(open("f", OpenMode::Append)), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.unlink(&path("f"))), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.rename(&path("a"), &path("f"))), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.link(&path("a"), &path("f"))), ErrorKind::AlreadyExists);
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
    assert_eq!(disk.info(&path("a")).unwrap().identity, disk.info(&path("b")).unwrap().identity);
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
    assert_eq!(kind(disk.open(&path("link"), OpenMode::CreateNew)), ErrorKind::AlreadyExists);
    assert!(disk.open(&path("loop"), OpenMode::Read).is_err());
    assert_ne!(disk.info(&path("link")).unwrap().identity, disk.info(&path("a")).unwrap().identity);
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
    assert_ne!(other.info().unwrap().identity, file.info().unwrap().identity);
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
    assert!(after.open(&path("a"), OpenMode::Append).unwrap().try_lock().unwrap());
    assert!(!second.try_lock().unwrap());
    drop(first);
    assert!(second.try_lock().unwrap());
}
