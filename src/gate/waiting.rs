//! The order between appends and callers that want the folder's lock alone. An append that waits says so by sharing a lock of its own
//! file. A caller that wants the folder's lock alone looks whether that file is locked, and then stands back, not for long: the process
//! of that append may be stopped. This orders, and protects nothing: an older version beside it ignores it.

use std::io;
use std::sync::Arc;

use super::Pair;
use crate::disk::DiskFile;
use crate::patience::Patience;

/// How many pauses a caller stands back for while the appends could come in, each time that it wants the lock.
pub(super) const MOST_GIVEN_WAY: u32 = 20;
/// A caller that looks has the lock for two system calls.
const MOST_TRIES: u32 = 16;

/// The appends of this store that wait.
pub(super) struct Waiting {
    file: Arc<dyn DiskFile>,
    appends: usize,
    is_told: bool,
    /// How long they wait still, if they have waited.
    patience: Option<Patience>,
}

impl Waiting {
    pub(super) fn new(file: Arc<dyn DiskFile>) -> Self {
        Self { file, appends: 0, is_told: false, patience: None }
    }

    /// Counts one append more.
    pub(super) fn add(&mut self) -> io::Result<()> {
        self.appends += 1;
        self.tell()
    }

    /// Tells other processes that appends wait. Where one looks in this moment, that fails; the next try to take the lock repeats it.
    pub(super) fn tell(&mut self) -> io::Result<()> {
        for _ in 0..MOST_TRIES {
            if self.is_told || self.appends == 0 {
                break;
            }
            self.is_told = self.file.try_lock_shared()?;
        }
        Ok(())
    }

    /// How long they wait still; `None` where they have not waited.
    pub(super) fn take_patience(&mut self) -> Option<Patience> {
        let patience = self.patience.take();
        patience.iter().for_each(Patience::goes_on);
        patience
    }

    /// They go on to wait, and no longer than this.
    pub(super) fn keep_patience(&mut self, patience: Patience) {
        patience.pauses_elsewhere();
        self.patience = Some(patience);
    }

    /// Counts one append less.
    pub(super) fn remove(&mut self) {
        self.appends = self.appends.saturating_sub(1);
        if self.appends > 0 {
            return;
        }
        self.patience = None;
        if std::mem::take(&mut self.is_told) {
            // One that is not given up makes others pause, and no more.
            let _ = self.file.unlock();
        }
    }
}

/// A caller on its way to the folder's lock, alone. Dropped, it gives the entry lock up.
pub(super) struct Approach<'p> {
    pair: &'p Pair,
    has_entry: bool,
    stands_back: bool,
    given_way: u32,
}

impl<'p> Approach<'p> {
    pub(super) fn new(pair: &'p Pair) -> Self {
        Self { pair, has_entry: false, stands_back: false, given_way: 0 }
    }

    /// Whether it is next, and its wait short.
    pub(super) fn is_next(&self) -> bool {
        self.has_entry
    }

    /// Tries to come nearer, once. `true`: it has the folder's lock, and the entry lock is free for the next.
    pub(super) fn step(&mut self) -> io::Result<bool> {
        // NOTE: while it stands back it does not touch the entry lock, which the appends must pass.
        if !self.stands_back && !self.enter()? {
            return Ok(false);
        }
        self.stands_back = self.given_way < MOST_GIVEN_WAY && is_waited_for(self.pair)?;
        if self.stands_back {
            self.leave()?;
            self.given_way += u32::from(self.is_way_free()?);
            return Ok(false);
        }
        if !self.enter()? || !self.pair.folder.try_lock()? {
            return Ok(false);
        }
        if let Err(error) = self.leave() {
            let _ = self.pair.folder.unlock();
            return Err(error);
        }
        Ok(true)
    }

    /// Whether an append that waits could come in.
    fn is_way_free(&self) -> io::Result<bool> {
        let is_free = self.pair.folder.try_lock_shared()?;
        if is_free {
            self.pair.folder.unlock()?;
        }
        Ok(is_free)
    }

    fn enter(&mut self) -> io::Result<bool> {
        if !self.has_entry {
            self.has_entry = self.pair.entry.try_lock()?;
        }
        Ok(self.has_entry)
    }

    fn leave(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.has_entry) {
            true => self.pair.entry.unlock(),
            false => Ok(()),
        }
    }
}

/// Whether an append waits.
pub(super) fn is_waited_for(pair: &Pair) -> io::Result<bool> {
    if !pair.waiting.try_lock()? {
        return Ok(true);
    }
    pair.waiting.unlock().map(|()| false)
}

impl Drop for Approach<'_> {
    fn drop(&mut self) {
        let _ = self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::Disk;
    use crate::disk::sim::SimDisk;
    use crate::gate::Gate;
    use crate::layout;

    const ROOT: &str = "/store";

    fn disk() -> Arc<dyn Disk> {
        let disk = SimDisk::new();
        disk.create_folder(&Path::new(ROOT).join(layout::INDEX)).unwrap();
        Arc::new(disk)
    }

    /// Processes that take the lock alone again and again, each kept for a while.
    struct Holders<'p> {
        pairs: &'p [Pair],
        approaches: Vec<Approach<'p>>,
        holder: Option<usize>,
        entries: usize,
    }

    impl<'p> Holders<'p> {
        fn new(pairs: &'p [Pair]) -> Self {
            Self { pairs, approaches: pairs.iter().map(Approach::new).collect(), holder: None, entries: 0 }
        }

        fn step(&mut self, number: usize) {
            if self.holder == Some(number) {
                self.pairs[number].folder.unlock().unwrap();
                self.approaches[number] = Approach::new(&self.pairs[number]);
                self.holder = None;
            } else if self.approaches[number].step().unwrap() {
                self.holder = Some(number);
                self.entries += 1;
            }
        }
    }

    fn pairs(disk: &Arc<dyn Disk>) -> Vec<Pair> {
        (0..8).map(|_| Pair::open(disk, Path::new(ROOT)).unwrap()).collect()
    }

    /// Numbers below 8, in no order but the same in each run.
    fn choices(seed: u64) -> impl Iterator<Item = usize> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        std::iter::from_fn(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some((state >> 32) as usize % 8)
        })
    }

    #[test]
    fn an_append_that_waits_is_overtaken_by_no_caller_that_wants_the_lock_alone() {
        for seed in 1..1000 {
            let disk = disk();
            let (pairs, gate) = (pairs(&disk), Gate::open(&disk, Path::new(ROOT)).unwrap());
            let (mut holders, mut choices) = (Holders::new(&pairs), choices(seed));
            for number in choices.by_ref().take(100) {
                holders.step(number);
            }
            while holders.holder.is_none() {
                holders.step(choices.next().unwrap());
            }
            assert!(gate.try_shared().unwrap().is_none());
            gate.waits().unwrap();
            let before = holders.entries;
            for round in 0.. {
                if gate.try_shared().unwrap().is_some() {
                    break;
                }
                for number in choices.by_ref().take(8) {
                    holders.step(number);
                }
                assert!(round < 1000, "it never came in");
            }
            assert_eq!(holders.entries, before);
        }
    }

    #[test]
    fn appends_that_always_wait_do_not_starve_a_caller_that_wants_the_lock_alone() {
        let disk = disk();
        let (pairs, gate) = (pairs(&disk), Gate::open(&disk, Path::new(ROOT)).unwrap());
        gate.waits().unwrap();
        let mut holders = Holders::new(&pairs);
        for number in choices(1).take(10_000) {
            holders.step(number);
        }
        assert!(holders.entries > 100, "they came in {} times", holders.entries);
    }

    #[test]
    fn an_append_whose_process_ends_while_it_waits_is_waited_for_no_more() {
        let disk = disk();
        let (pairs, gate) = (pairs(&disk), Gate::open(&disk, Path::new(ROOT)).unwrap());
        gate.waits().unwrap();
        let mut approach = Approach::new(&pairs[0]);
        assert!(!approach.step().unwrap());
        drop(gate);
        assert!(approach.step().unwrap());
    }

    #[test]
    fn an_append_leaves_its_thread_from_time_to_time_and_is_patient_until_it_has_the_lock() {
        let disk = disk();
        let (pairs, gate) = (pairs(&disk), Gate::open(&disk, Path::new(ROOT)).unwrap());
        let left =
            || gate.waiting.lock().as_ref().and_then(|waiting| waiting.patience.as_ref().map(Patience::left));
        assert!(Approach::new(&pairs[0]).step().unwrap());
        gate.waits().unwrap();
        let mut before = None;
        for _ in 0..3 {
            assert!(gate.shared_for_a_while().unwrap().is_none());
            assert!(before.is_none_or(|before| left() < Some(before)));
            before = left();
            // What passes until it comes back counts as well.
            let pause = std::time::Duration::from_millis(20);
            crate::patience::rest(pause);
            let patience = gate.waiting.lock().as_mut().and_then(Waiting::take_patience).unwrap();
            assert!(before.is_some_and(|before| patience.left() <= before - pause));
            gate.waiting.lock().as_mut().unwrap().keep_patience(patience);
        }
        pairs[0].folder.unlock().unwrap();
        assert!(gate.shared_for_a_while().unwrap().is_some());
        gate.arrived();
        assert_eq!(left(), None);
    }

    #[test]
    fn a_caller_that_waits_for_the_lock_alone_is_before_those_that_had_it() {
        let disk = disk();
        let pairs = pairs(&disk);
        let mut holders = Holders::new(&pairs);
        holders.step(0);
        holders.step(1);
        // The first lets go, and wants it again at once.
        holders.step(0);
        holders.step(0);
        assert_eq!(holders.holder, None);
        holders.step(1);
        assert_eq!(holders.holder, Some(1));
    }
}
