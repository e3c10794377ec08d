//! The order of callers that want the folder's lock alone for transactions. Each takes a lock of its own file first, and keeps it until it
//! gives the folder's lock up. It reads what others wrote, and wakes the thread that goes on, with this lock and without the folder's: appends
//! come in meanwhile. This orders, and protects nothing: an earlier version beside it ignores it, and a holder that does not go on is passed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::open_or_create;
use crate::disk::{Disk, DiskFile};
use crate::layout;
use crate::patience::Patience;

/// How many stores of this process want the turn, or have it.
static WANTING: AtomicUsize = AtomicUsize::new(0);

/// How far a store has come on its way to the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the next to have it.
    Next,
    /// It has it.
    Turn,
    /// It was kept waiting, and goes on without.
    Without,
    /// It waits, but not on this thread any longer, which others may need to give the turn up.
    Later,
}

/// This store's turn.
pub(super) struct Turn {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    files: Option<Files>,
    is_next: bool,
    is_held: bool,
    /// It was waited for in vain: until it is free once, it is not waited for again.
    is_doubted: bool,
    /// How long it is still waited for.
    patience: Patience,
    /// It is one of those that [`WANTING`] counts.
    is_wanted: bool,
}

struct Files {
    turn: Arc<dyn DiskFile>,
    /// Held by the caller that is next, which alone looks often.
    next: Arc<dyn DiskFile>,
}

impl Turn {
    pub(super) fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self {
            disk,
            root: root.to_path_buf(),
            files: None,
            is_next: false,
            is_held: false,
            is_doubted: false,
            patience: Patience::short(),
            is_wanted: false,
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    pub(super) fn is_next(&self) -> bool {
        self.is_next
    }

    pub(super) fn is_doubted(&self) -> bool {
        self.is_doubted
    }

    /// Whether a store of the same process wants it as well.
    pub(super) fn is_shared() -> bool {
        WANTING.load(Ordering::Relaxed) > 1
    }

    fn want(&mut self, wants: bool) {
        match (std::mem::replace(&mut self.is_wanted, wants), wants) {
            (false, true) => _ = WANTING.fetch_add(1, Ordering::Relaxed),
            (true, false) => _ = WANTING.fetch_sub(1, Ordering::Relaxed),
            _ => {}
        }
    }

    /// How long it is still waited for. From the next time on, as long as at first.
    pub(super) fn take_patience(&mut self) -> Patience {
        std::mem::replace(&mut self.patience, Patience::short())
    }

    /// It is waited for on, and no longer than this.
    pub(super) fn keep_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// It was waited for in vain.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
        self.leave();
    }

    /// Takes it, if it is free, or becomes the next to have it. `true`: this store has it.
    pub(super) fn try_take(&mut self) -> io::Result<bool> {
        if self.is_held {
            return Ok(true);
        }
        self.want(true);
        let Some(files) = self.files() else { return Ok(false) };
        let (turn, next) = (Arc::clone(&files.turn), Arc::clone(&files.next));
        self.is_next = self.is_next || next.try_lock()?;
        if self.is_next && turn.try_lock()? {
            (self.is_held, self.is_doubted) = (true, false);
            self.leave();
        }
        Ok(self.is_held)
    }

    /// The files, which only folders with transactions have.
    fn files(&mut self) -> Option<&Files> {
        if self.files.is_none() {
            let open = |path| open_or_create(&*self.disk, path).ok();
            let (turn, next) = (open(&layout::turn_lock(&self.root)), open(&layout::next_lock(&self.root)));
            // NOTE: without them there is no order. What is wrong with the folder is told of its lock.
            self.files = turn.zip(next).map(|(turn, next)| Files { turn, next });
            self.is_doubted |= self.files.is_none();
        }
        self.files.as_ref()
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.is_next)
            && let Some(files) = &self.files
        {
            // One that is not given up is waited for in vain, and passed.
            let _ = files.next.unlock();
        }
    }

    /// Gives it up.
    pub(super) fn end(&mut self) {
        self.patience = Patience::short();
        self.want(false);
        self.leave();
        if std::mem::take(&mut self.is_held)
            && let Some(files) = &self.files
        {
            let _ = files.turn.unlock();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;
    use crate::gate::Gate;

    const ROOT: &str = "/store";

    fn disk() -> Arc<dyn Disk> {
        let disk = SimDisk::new();
        disk.create_folder(&Path::new(ROOT).join(layout::INDEX)).unwrap();
        Arc::new(disk)
    }

    fn gates<const N: usize>(disk: &Arc<dyn Disk>) -> [Gate; N] {
        std::array::from_fn(|_| Gate::open(disk, Path::new(ROOT)).unwrap())
    }

    /// Where a store is once it has waited; other tests of this process may take its thread away meanwhile.
    fn waited(gate: &Gate) -> Place {
        loop {
            let place = gate.approach_turn().unwrap();
            if place != Place::Later {
                return place;
            }
        }
    }

    #[test]
    fn a_store_that_waits_leaves_its_thread_to_the_store_of_the_same_process_that_has_the_turn() {
        let [one, two, three] = gates(&disk());
        assert_eq!(one.approach_turn().unwrap(), Place::Turn);
        assert_eq!(two.approach_turn().unwrap(), Place::Next);
        assert_eq!(two.approach_turn().unwrap(), Place::Later);
        assert_eq!(three.approach_turn().unwrap(), Place::Later);
        // They still wait, in their order, and only for so long.
        assert!(two.is_next());
        one.end_turn();
        assert_eq!(two.approach_turn().unwrap(), Place::Turn);
        assert_eq!(three.approach_turn().unwrap(), Place::Next);
        assert_eq!(waited(&three), Place::Without);
    }

    #[test]
    fn a_store_that_gives_the_turn_up_is_behind_the_one_that_is_next() {
        let [one, two, three] = gates(&disk());
        assert_eq!(one.approach_turn().unwrap(), Place::Turn);
        assert_eq!(two.approach_turn().unwrap(), Place::Next);
        assert!(!three.try_turn().unwrap() && !three.is_next());
        one.end_turn();
        assert!(!one.try_turn().unwrap());
        assert!(!three.try_turn().unwrap());
        assert_eq!(two.approach_turn().unwrap(), Place::Turn);
        // Now any of the others may be next.
        assert!(!one.try_turn().unwrap() && one.is_next());
    }

    #[test]
    fn every_store_that_wants_the_turn_again_and_again_has_it() {
        let gates: [Gate; 5] = gates(&disk());
        let mut had = [0; 5];
        let mut state = 1u64;
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % gates.len();
            if gates[at].has_turn() {
                gates[at].end_turn();
            } else if gates[at].try_turn().unwrap() {
                had[at] += 1;
                assert_eq!(gates.iter().filter(|gate| gate.has_turn()).count(), 1);
            }
        }
        assert!(had.iter().all(|times| *times > 200), "{had:?}");
    }

    #[test]
    fn a_holder_whose_process_ends_gives_the_turn_up_and_so_does_the_next() {
        let [one, two, three] = gates(&disk());
        assert!(one.try_turn().unwrap());
        assert!(!two.try_turn().unwrap() && two.is_next());
        drop((one, two));
        assert_eq!(three.approach_turn().unwrap(), Place::Turn);
    }

    #[test]
    fn a_holder_that_is_stopped_is_passed_until_it_has_gone_on() {
        let [one, two] = gates(&disk());
        assert!(one.try_turn().unwrap());
        assert_eq!(two.approach_turn().unwrap(), Place::Next);
        assert_eq!(waited(&two), Place::Without);
        assert!(!two.is_next());
        assert_eq!(two.approach_turn().unwrap(), Place::Next);
        two.end_turn();
        one.end_turn();
        assert_eq!(two.approach_turn().unwrap(), Place::Turn);
    }

    #[test]
    fn a_folder_that_takes_no_file_for_the_turn_has_no_order() {
        let disk = disk();
        let [gate] = gates(&disk);
        disk.create_folder(&layout::turn_lock(Path::new(ROOT))).unwrap();
        assert_eq!(gate.approach_turn().unwrap(), Place::Without);
        assert!(gate.try_exclusive().unwrap().is_some());
    }
}
