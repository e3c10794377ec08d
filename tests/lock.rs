//! The lock protocol on a simulated disk, with processes and a time of the test's own making.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opslog::disk::sim::{CallKind, Fault, SimDisk, Times};
use opslog::disk::{Disk, DiskFile, FileInfo, OpenMode};
use opslog::lock::{COMPACT_LOCK, HeldLock, LOCK, ProcessProbe, acquire};
use opslog::{Error, Result};

const OWN: u32 = 4242;
const OTHER: u32 = 77;

type Step = Box<dyn Fn(u64) + Send + Sync>;

/// Processes that live as the test says.
#[derive(Default)]
struct Probe {
    alive: BTreeSet<u32>,
    has_open: BTreeMap<u32, bool>,
    slept_ms: AtomicU64,
    sleeps: AtomicU64,
    /// What happens elsewhere during the n-th sleep.
    meanwhile: Mutex<Option<Step>>,
}

impl ProcessProbe for Probe {
    fn is_alive(&self, pid: u32) -> bool {
        self.alive.contains(&pid)
    }

    fn has_open(&self, pid: u32, _identity: (u64, u64)) -> Option<bool> {
        self.has_open.get(&pid).copied()
    }

    fn sleep(&self, duration: Duration) {
        self.slept_ms
            .fetch_add(duration.as_millis() as u64, Ordering::Relaxed);
        let number = self.sleeps.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(step) = &*self.meanwhile.lock().unwrap() {
            step(number);
        }
    }
}

impl Probe {
    fn meanwhile(self, step: impl Fn(u64) + Send + Sync + 'static) -> Self {
        *self.meanwhile.lock().unwrap() = Some(Box::new(step));
        self
    }

    fn slept_ms(&self) -> u64 {
        self.slept_ms.load(Ordering::Relaxed)
    }
}

fn probe(alive: &[u32], has_open: &[(u32, bool)]) -> Probe {
    Probe {
        alive: alive.iter().copied().collect(),
        has_open: has_open.iter().copied().collect(),
        ..Probe::default()
    }
}

fn root() -> &'static Path {
    Path::new("/store")
}

fn lock_path() -> PathBuf {
    root().join(LOCK)
}

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_folder(root()).unwrap();
    disk
}

fn disk_with_lock(content: &[u8]) -> SimDisk {
    let disk = disk();
    disk.plant(&lock_path(), content).unwrap();
    disk
}

fn take_as(disk: &SimDisk, pid: u32, probe: &Probe) -> Result<HeldLock> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    acquire(&disk, root(), LOCK, pid, probe)
}

fn take(disk: &SimDisk, probe: &Probe) -> Result<HeldLock> {
    take_as(disk, OWN, probe)
}

fn locked_by<T: std::fmt::Debug>(result: Result<T>) -> u32 {
    match result {
        Err(Error::Locked { pid, path }) => {
            assert_eq!(path, lock_path());
            pid
        }
        other => panic!("not locked: {other:?}"),
    }
}

fn io_failure<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, ErrorKind) {
    match result {
        Err(Error::Io {
            syscall,
            path,
            source,
        }) => {
            assert_eq!(path, lock_path());
            (syscall, source.kind())
        }
        other => panic!("not an I/O error: {other:?}"),
    }
}

/// The names in the folder with the lock's content.
fn files(disk: &SimDisk) -> BTreeMap<String, String> {
    let tree = disk.tree();
    let files = tree.iter().filter_map(|(path, content)| {
        let name = path.strip_prefix(root()).ok()?.to_str()?;
        (!name.is_empty()).then(|| {
            (
                name.to_owned(),
                String::from_utf8_lossy(content).into_owned(),
            )
        })
    });
    files.collect()
}

fn only_lock_with(content: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(LOCK.to_owned(), content.to_owned())])
}

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
    assert_eq!(
        locked_by(take(&disk, &probe(&[], &[(OTHER, false)]))),
        OTHER
    );
    held.release().unwrap();
    assert!(take(&disk, &probe(&[], &[])).is_ok());
}

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
    assert_eq!(
        locked_by(take(&disk, &probe(&[OTHER], &[(OTHER, true)]))),
        OTHER
    );
    assert_eq!(files(&disk), only_lock_with("77"));
}

#[test]
fn a_pid_that_was_given_to_another_process_does_not_lock_out() {
    let disk = disk_with_lock(b"77");
    assert!(take(&disk, &probe(&[OTHER], &[(OTHER, false)])).is_ok());
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
    assert_eq!(
        locked_by(take(&disk_with_lock(b"4242"), &beside_an_original)),
        OWN
    );
}

#[test]
fn pids_are_read_as_parse_int_reads_them() {
    for content in [
        "77",
        " 77",
        "\n\t77\n",
        "77abc",
        "77.9",
        "+77",
        "\u{feff}77",
        "0077",
        "77\0\0",
    ] {
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
    for content in [
        &b""[..],
        b"hello",
        b"\0\0\0",
        b"-5",
        b"0",
        b"\xff\xfe",
        b"  ",
        &[b' '; 9000],
    ] {
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
    assert_eq!(
        io_failure(take(&disk, &probe)),
        ("open", ErrorKind::ResourceBusy)
    );
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
    assert!(
        winner
            .lock()
            .unwrap()
            .as_ref()
            .unwrap()
            .is_still_ours()
            .unwrap()
    );
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
fn a_kernel_lock_on_a_file_that_never_gets_a_pid_is_not_broken() {
    let disk = disk_with_lock(b"");
    let other = disk.open(&lock_path(), OpenMode::ReadWrite).unwrap();
    assert!(other.try_lock().unwrap());
    assert_eq!(locked_by(take(&disk, &probe(&[], &[]))), 0);
    assert_eq!(files(&disk), only_lock_with(""));
}

#[test]
fn a_lock_file_that_cannot_be_read_is_an_error_at_once() {
    let folder = disk();
    folder.create_folder(&lock_path()).unwrap();
    let link = disk();
    link.symlink(Path::new("/store/elsewhere"), &lock_path())
        .unwrap();
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
    assert_eq!(
        io_failure(take(&disk, &probe(&[], &[]))),
        ("open", ErrorKind::NotFound)
    );
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
        assert_eq!(
            io_failure(take(&disk, &probe(&[], &[]))),
            (syscall, ErrorKind::StorageFull)
        );
        let left = files(&disk);
        // Once linked, the file has our pid and no kernel lock: it is stale.
        assert!(
            left.keys()
                .all(|name| name == LOCK && kind == CallKind::Info),
            "{left:?}"
        );
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
        assert_eq!(
            io_failure(take(&disk, &probe(&[], &[]))),
            (syscall, ErrorKind::StorageFull)
        );
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
    let kept = [
        ".compact-lock.5-0.tmp",
        ".lock.tmp",
        ".lock.x-1.tmp",
        ".lock.5-.tmp",
        ".locked.5-0.tmp",
        "a",
    ];
    for name in kept {
        disk.plant(&root().join(name), b"").unwrap();
    }
    let busy = disk
        .open(&root().join(".lock.5-0.tmp"), OpenMode::ReadWrite)
        .unwrap();
    disk.plant(&root().join(".lock.6-0.tmp"), b"6").unwrap();
    let in_use = disk
        .open(&root().join(".lock.6-0.tmp"), OpenMode::ReadWrite)
        .unwrap();
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
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
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
    assert_eq!(
        io_failure(held.release()),
        ("unlink", ErrorKind::StorageFull)
    );
    assert!(take(&disk, &probe(&[], &[])).is_ok());
    let held = take(&disk, &probe(&[], &[])).unwrap();
    disk.fail_next(CallKind::Info, 1, ErrorKind::StorageFull, Times::Once);
    assert_eq!(
        io_failure(held.release()),
        ("lstat", ErrorKind::StorageFull)
    );
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

/// What happens elsewhere just before one call of the disk.
struct Meddling {
    disk: SimDisk,
    before_open: Box<dyn Fn(u64, OpenMode) + Send + Sync>,
    before_link: Box<dyn Fn() + Send + Sync>,
    after_link: Box<dyn Fn() + Send + Sync>,
    after_open: Box<dyn Fn(OpenMode) + Send + Sync>,
    opens: AtomicU64,
}

impl Meddling {
    fn new(disk: &SimDisk) -> Self {
        Self {
            disk: disk.clone(),
            before_open: Box::new(|_, _| {}),
            before_link: Box::new(|| {}),
            after_link: Box::new(|| {}),
            after_open: Box::new(|_| {}),
            opens: AtomicU64::new(0),
        }
    }

    fn take(self, probe: &Probe) -> Result<HeldLock> {
        let disk: Arc<dyn Disk> = Arc::new(self);
        acquire(&disk, root(), LOCK, OWN, probe)
    }
}

impl Disk for Meddling {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        (self.before_open)(self.opens.fetch_add(1, Ordering::Relaxed) + 1, mode);
        let file = self.disk.open(path, mode);
        (self.after_open)(mode);
        file
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.disk.info(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.before_link)();
        let linked = self.disk.link(from, to);
        (self.after_link)();
        linked
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.disk.unlink(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.create_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }
}

#[test]
fn somebody_who_was_faster_at_the_link_has_the_lock() {
    let disk = disk();
    let winner = Arc::new(Mutex::new(None));
    let (same, won) = (disk.clone(), Arc::clone(&winner));
    let mut meddling = Meddling::new(&disk);
    meddling.before_link = Box::new(move || {
        let file = same.open(&lock_path(), OpenMode::CreateNew).unwrap();
        file.append(b"77").unwrap();
        assert!(file.try_lock().unwrap());
        *won.lock().unwrap() = Some(file);
    });
    assert_eq!(locked_by(meddling.take(&probe(&[], &[]))), OTHER);
    assert_eq!(files(&disk), only_lock_with("77"));
}

#[test]
fn an_original_that_removes_our_file_at_once_makes_us_start_again() {
    let disk = disk();
    let (same, times) = (disk.clone(), AtomicU64::new(0));
    let mut meddling = Meddling::new(&disk);
    meddling.after_link = Box::new(move || {
        if times.fetch_add(1, Ordering::Relaxed) < 3 {
            same.unlink(&lock_path()).unwrap();
        }
    });
    let held = meddling.take(&probe(&[], &[])).unwrap();
    assert!(held.is_still_ours().unwrap());
    assert_eq!(files(&disk), only_lock_with("4242"));
}

#[test]
fn somebody_who_removes_our_file_every_time_ends_in_an_error() {
    let disk = disk();
    let same = disk.clone();
    let mut meddling = Meddling::new(&disk);
    meddling.after_link = Box::new(move || same.unlink(&lock_path()).unwrap());
    let probe = probe(&[], &[]);
    assert_eq!(
        io_failure(meddling.take(&probe)),
        ("open", ErrorKind::ResourceBusy)
    );
    assert_eq!(files(&disk), BTreeMap::new());
    assert!(probe.slept_ms() < 2000);
}

#[test]
fn a_temporary_that_somebody_cleaned_away_makes_us_start_again() {
    let disk = disk();
    let (same, times) = (disk.clone(), AtomicU64::new(0));
    let mut meddling = Meddling::new(&disk);
    meddling.before_link = Box::new(move || {
        if times.fetch_add(1, Ordering::Relaxed) == 0 {
            for name in same.list(root()).unwrap() {
                same.unlink(&root().join(name)).unwrap();
            }
        }
    });
    let _held = meddling.take(&probe(&[], &[])).unwrap();
    assert_eq!(files(&disk), only_lock_with("4242"));
}

#[test]
fn a_holder_that_leaves_between_our_open_and_our_lock_makes_us_start_again() {
    let disk = disk();
    let holder = take_as(&disk, OTHER, &probe(&[], &[])).unwrap();
    let holder = Mutex::new(Some(holder));
    let mut meddling = Meddling::new(&disk);
    meddling.after_open = Box::new(move |mode| {
        if mode == OpenMode::ReadWrite
            && let Some(holder) = holder.lock().unwrap().take()
        {
            holder.release().unwrap();
        }
    });
    let held = meddling.take(&probe(&[], &[])).unwrap();
    assert!(held.is_still_ours().unwrap());
    assert_eq!(files(&disk), only_lock_with("4242"));
}

#[test]
fn a_holder_that_leaves_between_our_link_and_our_open_makes_us_start_again() {
    let disk = disk();
    let same = disk.clone();
    let holder = Arc::new(Mutex::new(None));
    let mut meddling = Meddling::new(&disk);
    let (taken, left) = (Arc::clone(&holder), Arc::new(AtomicU64::new(0)));
    meddling.before_link = Box::new(move || {
        if left.fetch_add(1, Ordering::Relaxed) == 0 {
            *taken.lock().unwrap() = Some(take_as(&same, OTHER, &probe(&[], &[])).unwrap());
        }
    });
    meddling.before_open = Box::new(move |number, _| {
        if number == 3 {
            holder.lock().unwrap().take().unwrap().release().unwrap();
        }
    });
    assert!(meddling.take(&probe(&[], &[])).is_ok());
}
