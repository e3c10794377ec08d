//! A copy of the store while it lives: what it holds must be what the store held at one moment meanwhile, and all of
//! it must be durable.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use opslog::disk::sim::SimDisk;
use opslog::error::Result;
use opslog::store::{Options, Store};
use parking_lot::Mutex;

use super::live::{Live, Violation, scan};
use super::model::Records;
use super::oracle::power_loss;
use super::plan::{Late, Random};
use super::reader;
use super::world::Dead;

/// Small, so that steps come in the middle of a file.
const PIECE: u64 = 100;

pub fn back_up(live: &Arc<Mutex<Live>>, late: &[Late]) -> std::result::Result<(), Violation> {
    let mut guard = live.lock();
    guard.now += 7;
    let now = guard.now;
    let (store, disk) = (Arc::clone(&guard.store), guard.disk.clone());
    let moments = Arc::new(Mutex::new(vec![guard.model.in_use()]));
    let failures = failures(disk.sim());
    drop(guard);
    for Late { nth, steps, pause } in late.iter().cloned() {
        let (live, moments) = (Arc::clone(live), Arc::clone(&moments));
        disk.before_with_pause(nth, pause, move || {
            let mut live = live.lock();
            for step in &steps {
                live.late(std::slice::from_ref(step), &AtomicBool::new(false));
                moments.lock().push(live.model.in_use());
            }
        });
    }
    let folder = PathBuf::from(format!("/copies/{now}"));
    let copied = store.begin_backup(&folder, now % 2 == 0).and_then(|mut backup| {
        while !backup.step(PIECE)?.is_complete {}
        Ok(())
    });
    disk.clear();
    let guard = live.lock();
    if guard.crashed() {
        return Ok(());
    }
    let is_disturbed = self::failures(disk.sim()) > failures;
    match copied {
        Ok(()) if guard.model.in_flight.is_empty() => {
            judge(&disk.sim().after_kill(), &folder, now, &moments.lock())?;
            let (left, _) = power_loss(disk.sim(), &mut Random::new(now as u64));
            judge(&left, &folder, now, &moments.lock())?;
        }
        Ok(()) => {}
        Err(error) if !is_disturbed => return Err(format!("a copy fails: {error}")),
        Err(_) => {}
    }
    guard.verify()
}

fn judge(
    disk: &SimDisk,
    folder: &std::path::Path,
    now: i64,
    moments: &[Records],
) -> std::result::Result<(), Violation> {
    let options = Options { read_only: false, ..reader::options(now) };
    let opened: Result<_> = Store::open(Arc::new(disk.clone()), folder, options, &Dead);
    let found = scan(&opened.map_err(|error| format!("a copy does not open: {error}"))?.store)?;
    if moments.contains(&found) {
        return Ok(());
    }
    Err(format!("a copy holds {found:?}, which is none of {moments:?}"))
}

/// How many calls have failed.
fn failures(disk: &SimDisk) -> u64 {
    let faults = disk.faults();
    faults.failed_call + faults.half_write + faults.failed_sync
}
