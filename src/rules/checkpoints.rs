//! When a checkpoint is due. What it leaves in the log is for [`super::batches::kept_whole`].

/// When a program wants a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// Once so many operations are shown.
    pub operations: f64,
    /// So many stay behind a checkpoint, and do not count.
    pub keep: usize,
    /// Not before it pays.
    pub is_amortised: bool,
}

impl Threshold {
    /// Whether a checkpoint is due, with so many operations shown.
    pub fn is_reached(&self, shown: usize, pays: impl FnOnce() -> bool) -> bool {
        shown as f64 >= self.operations + self.keep as f64 && (!self.is_amortised || pays())
    }

    /// Whether closing makes a checkpoint, with so many operations, shown or not. With `is_asked`, whether or not it pays.
    pub fn is_due_on_close(&self, operations: usize, is_asked: bool, pays: impl FnOnce() -> bool) -> bool {
        operations > self.keep && (is_asked || pays())
    }
}

/// Whether logs have grown enough for everything to be written anew: to a quarter of the snapshot, unless that is smaller than `small`. Both
/// drivers count in what costs them: bytes in a folder, records in memory.
pub fn pays(logged: u64, snapshot: u64, small: u64) -> bool {
    snapshot < small || logged >= snapshot / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(is_amortised: bool) -> Threshold {
        Threshold { operations: 10.0, keep: 2, is_amortised }
    }

    #[test]
    fn a_checkpoint_is_due_once_the_operations_that_it_takes_along_reach_the_threshold() {
        assert!(!threshold(false).is_reached(11, || true) && threshold(false).is_reached(12, || false));
    }

    #[test]
    fn with_the_default_threshold_it_also_waits_until_it_pays() {
        assert!(!threshold(true).is_reached(12, || false) && threshold(true).is_reached(12, || true));
        let never = Threshold { operations: f64::INFINITY, ..threshold(false) };
        assert!(!never.is_reached(usize::MAX, || true));
    }

    #[test]
    fn closing_takes_along_more_than_what_stays_if_it_was_asked_for_or_pays() {
        let of =
            |operations, is_asked, pays: bool| threshold(true).is_due_on_close(operations, is_asked, || pays);
        assert!(!of(2, true, true) && of(3, true, false) && of(3, false, true) && !of(3, false, false));
    }

    #[test]
    fn a_small_snapshot_is_always_worth_writing_and_a_large_one_for_a_quarter_of_it() {
        assert!(pays(0, 99, 100));
        assert!(!pays(24, 100, 100) && pays(25, 100, 100));
    }
}
