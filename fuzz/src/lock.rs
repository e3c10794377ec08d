//! Any bytes in a lock file that no kernel lock goes with. It is held just when it names, as 0.8.1 reads it, a living
//! process that has it open; else it is taken over and holds the pid of the process that took it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::store::{ROOT, path};
use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::layout;
use opslog::lock::{self, ProcessProbe};

const OURS: u32 = 4242;
const ALIVE: u32 = 17;

struct OneLives;

impl ProcessProbe for OneLives {
    fn is_alive(&self, pid: u32) -> bool {
        pid == ALIVE
    }

    fn has_open(&self, pid: u32, _: (u64, u64)) -> Option<bool> {
        Some(pid == ALIVE)
    }

    fn sleep(&self, _: Duration) {}
}

pub fn check(content: &[u8]) {
    let disk = SimDisk::new();
    disk.plant(&path(".lock"), content).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let held = lock::acquire(&shared, Path::new(ROOT), layout::LOCK, OURS, &OneLives);
    let is_alive = pid(content) == Some(u64::from(ALIVE));
    match held {
        Ok(held) => {
            assert!(!is_alive, "the lock of a living process was taken");
            let now = disk.tree().remove(&path(".lock"));
            assert_eq!(now.as_deref(), Some(OURS.to_string().as_bytes()), "it does not hold the pid");
            held.release().expect("nothing fails on this disk");
            assert!(!disk.tree().contains_key(&path(".lock")), "it is left");
        }
        Err(error) => {
            assert!(is_alive, "the lock without a holder is held: {error}");
            let now = disk.tree().remove(&path(".lock"));
            assert_eq!(now.as_deref(), Some(content), "a lock that is held was changed");
        }
    }
    assert!(
        disk.tree().keys().all(|path| !path.to_string_lossy().ends_with(".tmp")),
        "a temporary file is left"
    );
}

/// What `parseInt(text.trim(), 10)` gives for the first 4 KiB, where that is a pid.
fn pid(content: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(&content[..content.len().min(4096)]).into_owned();
    let mut rest = text.chars().skip_while(|c| c.is_whitespace() || *c == '\u{feff}').peekable();
    rest.next_if_eq(&'+');
    let mut pid = 0u64;
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        pid = pid.saturating_mul(10).saturating_add(u64::from(digit as u32 - '0' as u32));
    }
    (pid > 0).then_some(pid)
}
