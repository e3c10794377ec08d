//! The lock protocol between real processes on the real disk: one winner each round, whatever was left in
//! the folder, and no process is locked out by the dead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use opslog::Error;
use opslog::disk::{Disk, OsDisk};
use opslog::lock::{HeldLock, LOCK, OsProbe, ProcessProbe, acquire};

/// Tells a run of this program that it is a contender, and for which folder.
const FOLDER: &str = "OPSLOG_TEST_CONTENDER";
const CONTENDERS: usize = 8;

/// The real processes, with a time that passes faster.
struct Hurried;

impl ProcessProbe for Hurried {
    fn is_alive(&self, pid: u32) -> bool {
        OsProbe.is_alive(pid)
    }

    fn has_open(&self, pid: u32, identity: (u64, u64)) -> Option<bool> {
        OsProbe.has_open(pid, identity)
    }

    fn sleep(&self, duration: Duration) {
        OsProbe.sleep(duration.min(Duration::from_millis(1)));
    }
}

fn take(folder: &Path) -> opslog::Result<HeldLock> {
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    acquire(&disk, folder, LOCK, std::process::id(), &Hurried)
}

/// Not a test of its own: what a contender does, told line by line.
#[test]
fn contender() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let mut held = None;
    for order in std::io::stdin().lines() {
        let answer = match order.unwrap().as_str() {
            "take" => match take(&folder) {
                Ok(lock) => {
                    held = Some(lock);
                    "won".to_owned()
                }
                Err(Error::Locked { pid, .. }) => format!("locked by {pid}"),
                Err(error) => format!("failed: {error}"),
            },
            "release" => match held.take().map(HeldLock::release) {
                Some(Ok(())) => "released".to_owned(),
                other => format!("failed: {other:?}"),
            },
            "count" => count(&folder),
            other => format!("failed: no such order: {other}"),
        };
        println!("\n> {answer}");
    }
}

/// Adds to a number in a file, again and again, each time under the lock.
fn count(folder: &Path) -> String {
    let number = folder.join("number");
    for _ in 0..50 {
        let lock = loop {
            match take(folder) {
                Ok(lock) => break lock,
                Err(Error::Locked { .. }) => std::thread::yield_now(),
                Err(error) => return format!("failed: {error}"),
            }
        };
        let before: u64 = fs::read_to_string(&number).unwrap().parse().unwrap();
        std::thread::yield_now();
        fs::write(&number, (before + 1).to_string()).unwrap();
        lock.release().unwrap();
    }
    "counted".to_owned()
}

struct Contender {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Contender {
    fn new(folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "contender", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, orders, answers }
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the contender died");
            if let Some(answer) = line.trim_end().strip_prefix("> ") {
                return answer.to_owned();
            }
        }
    }

    fn ask(&mut self, order: &str) -> String {
        self.order(order);
        self.answer()
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn contenders(folder: &Path) -> Vec<Contender> {
    (0..CONTENDERS).map(|_| Contender::new(folder)).collect()
}

/// Lets all try at the same time; gives the answers in order.
fn race(contenders: &mut [Contender]) -> Vec<String> {
    for contender in &mut *contenders {
        contender.order("take");
    }
    contenders.iter_mut().map(Contender::answer).collect()
}

/// The number of a process that is dead and was waited for.
fn dead_pid() -> u32 {
    let mut process =
        Command::new(std::env::current_exe().unwrap()).arg("--list").stdout(Stdio::null()).spawn().unwrap();
    process.wait().unwrap();
    process.id()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names = OsDisk.list(folder).unwrap();
    names.sort();
    names
}

#[test]
fn each_round_has_exactly_one_winner_whatever_was_left_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join(LOCK);
    let mut all = contenders(folder.path());
    let dead = dead_pid().to_string();
    let longer = format!("{dead} and some more");
    let left: [Option<&[u8]>; 6] =
        [None, Some(dead.as_bytes()), Some(b""), Some(longer.as_bytes()), Some(b"what?"), Some(b"\0\0")];
    for round in 0..72 {
        if let Some(content) = left[round % left.len()] {
            fs::write(&lock, content).unwrap();
        }
        let answers = race(&mut all);
        let winners: Vec<usize> = (0..CONTENDERS).filter(|number| answers[*number] == "won").collect();
        let [winner] = winners[..] else {
            panic!("round {round}: {answers:?}");
        };
        let pid = all[winner].pid();
        assert_eq!(fs::read_to_string(&lock).unwrap(), pid.to_string());
        // One that looked before the winner had written its pid may name the dead one, or none.
        let expected = [pid.to_string(), dead.clone(), "0".to_owned()];
        for (number, answer) in answers.iter().enumerate().filter(|(number, _)| *number != winner) {
            let named = answer.strip_prefix("locked by ");
            let named = named.unwrap_or_else(|| panic!("round {round}: {number}: {answer}"));
            assert!(expected.iter().any(|pid| pid == named), "round {round}: {answer}");
        }
        assert_eq!(all[winner].ask("release"), "released");
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn what_is_done_under_the_lock_is_never_done_by_two_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let number = folder.path().join("number");
    fs::write(&number, "0").unwrap();
    let mut all = contenders(folder.path());
    for contender in &mut all {
        contender.order("count");
    }
    for contender in &mut all {
        assert_eq!(contender.answer(), "counted");
    }
    assert_eq!(fs::read_to_string(&number).unwrap(), (CONTENDERS * 50).to_string());
    assert_eq!(names(folder.path()), ["number"]);
}

#[test]
fn the_lock_of_a_killed_process_is_there_for_one_of_those_who_want_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = contenders(folder.path());
    for left in (1..CONTENDERS).rev() {
        let answers = race(&mut all);
        let winner = answers.iter().position(|answer| answer == "won").unwrap();
        let mut dying = all.remove(winner);
        assert_eq!(all.len(), left);
        dying.process.kill().unwrap();
        dying.process.wait().unwrap();
        assert!(folder.path().join(LOCK).exists());
        let answers = race(&mut all);
        assert_eq!(answers.iter().filter(|answer| *answer == "won").count(), 1, "{answers:?}");
        let winner = answers.iter().position(|answer| answer == "won").unwrap();
        assert_eq!(all[winner].ask("release"), "released");
    }
}

/// A process that is dead for the kernel, while its parent has not noticed yet.
#[cfg(target_os = "linux")]
#[test]
fn the_lock_of_a_killed_process_is_free_before_its_parent_notices() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Contender::new(folder.path());
    assert_eq!(holder.ask("take"), "won");
    assert!(matches!(take(folder.path()), Err(Error::Locked { pid, .. }) if pid == holder.pid()));
    holder.process.kill().unwrap();
    // Its threads end one by one; state and number of threads are the fields 3 and 20.
    let is_zombie = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", holder.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        fields[0] == "Z" && fields[17] == "1"
    };
    while !is_zombie() {
        std::thread::yield_now();
    }
    assert!(!OsProbe.is_alive(holder.pid()));
    take(folder.path()).unwrap().release().unwrap();
}

#[test]
fn a_file_that_a_living_process_has_open_without_a_kernel_lock_is_respected() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join(LOCK);
    let mut original = fs::File::create_new(&lock).unwrap();
    write!(original, "{}", std::process::id()).unwrap();
    let mut all = contenders(folder.path());
    let expected = format!("locked by {}", std::process::id());
    for _ in 0..5 {
        assert_eq!(race(&mut all), vec![expected.clone(); CONTENDERS]);
    }
    // Linux tells that this very process has it open besides.
    if cfg!(target_os = "linux") {
        let own = take(folder.path());
        assert!(matches!(own, Err(Error::Locked { pid, .. }) if pid == std::process::id()));
    }
    drop(original);
    // Left by this process, and closed: only Linux tells the others.
    if cfg!(target_os = "linux") {
        let answers = race(&mut all);
        assert_eq!(answers.iter().filter(|answer| *answer == "won").count(), 1, "{answers:?}");
    } else {
        assert!(take(folder.path()).is_ok());
    }
}

#[test]
fn two_stores_of_one_process_hold_different_folders_but_not_the_same() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let held = folders.each_ref().map(|folder| take(folder.path()).unwrap());
    for folder in &folders {
        let second = take(folder.path());
        assert!(matches!(second, Err(Error::Locked { pid, .. }) if pid == std::process::id()));
    }
    for lock in held {
        lock.release().unwrap();
    }
    assert!(folders.iter().all(|folder| names(folder.path()).is_empty()));
}

#[test]
fn threads_of_one_process_that_want_a_stale_lock_get_one_winner() {
    let barrier = Barrier::new(CONTENDERS);
    for _ in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        // As after a restart in a container: the dead one had our number.
        fs::write(folder.path().join(LOCK), std::process::id().to_string()).unwrap();
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CONTENDERS)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        take(folder.path())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_lock_file_of_the_wrong_kind_is_an_error_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join(LOCK);
    let errno = |folder: &Path| match take(folder) {
        Err(Error::Io { source, path, .. }) => {
            assert_eq!(path, lock);
            source.raw_os_error()
        }
        other => panic!("{other:?}"),
    };
    fs::create_dir(&lock).unwrap();
    assert_eq!(errno(folder.path()), Some(libc::EISDIR));
    fs::remove_dir(&lock).unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &lock).unwrap();
    assert_eq!(errno(folder.path()), Some(libc::ELOOP));
    assert_eq!(names(folder.path()), [LOCK]);
}

/// The number of a thread, which `kill` takes for a process.
#[cfg(target_os = "linux")]
#[test]
fn a_stale_lock_whose_number_is_that_of_a_thread_by_now_is_taken() {
    let thread = |number: std::sync::mpsc::Sender<String>, until: std::sync::mpsc::Receiver<()>| {
        std::thread::spawn(move || {
            let link = fs::read_link("/proc/thread-self").unwrap();
            number.send(link.file_name().unwrap().to_str().unwrap().to_owned()).unwrap();
            let _ = until.recv();
        })
    };
    let (told, number) = std::sync::mpsc::channel();
    let (end, until) = std::sync::mpsc::channel();
    let living = thread(told, until);
    let number = number.recv().unwrap();
    assert!(!OsProbe.is_alive(number.parse().unwrap()));
    for name in [LOCK, opslog::lock::COMPACT_LOCK] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), &number).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        acquire(&disk, folder.path(), name, std::process::id(), &OsProbe).unwrap().release().unwrap();
        // In another process it is the number of a thread of this one.
        fs::write(folder.path().join(name), &number).unwrap();
        assert_eq!(Contender::new(folder.path()).ask("take"), "won");
    }
    drop(end);
    living.join().unwrap();
}

/// What 0.8.1 has in another container: a file without a kernel lock that it can write to, and a number that means
/// nothing here.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_open_for_writing_somewhere_is_respected_whatever_number_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join(LOCK);
    let numbers = [dead_pid(), 1, std::process::id()].map(|pid| pid.to_string());
    for number in &numbers {
        let mut original = fs::File::create_new(&lock).unwrap();
        original.write_all(number.as_bytes()).unwrap();
        for answer in race(&mut contenders(folder.path())) {
            assert_eq!(answer, format!("locked by {number}"));
        }
        drop(original);
        let answers = race(&mut contenders(folder.path()));
        assert_eq!(answers.iter().filter(|answer| *answer == "won").count(), 1, "{answers:?}");
        let _ = fs::remove_file(&lock);
    }
}
