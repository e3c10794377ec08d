//! Which operations belong to one batch, by the marks of their lines. A batch is written, kept, undone and told as a whole. One whose
//! last line is missing ends before the next line that is of no batch: a crash has cut it, and a process that knows of no batches has
//! gone on.

use crate::format::operation::BatchMark;

/// The mark of a line of a batch of so many lines. A batch of one line has no marks.
pub fn mark_at(place: usize, count: usize) -> Option<BatchMark> {
    match count {
        0 | 1 => None,
        count if place + 1 < count => Some(BatchMark::More),
        _ => Some(BatchMark::Last),
    }
}

/// How many operations the last batch has, by the marks from the last operation backward: 1 if that is of no batch, 0 if there is none.
pub fn last_batch(mut backward: impl Iterator<Item = Option<BatchMark>>) -> usize {
    match backward.next() {
        None => 0,
        // NOTE: a batch that a crash has cut may stand before it.
        Some(None) => 1,
        Some(Some(_)) => 1 + backward.take_while(|mark| *mark == Some(BatchMark::More)).count(),
    }
}

/// Whether a line is to be marked as the end of its batch before those behind it are taken away, by its mark: at the end of a log a batch
/// without its last line counts as one that a crash has cut, and what was acknowledged would go with it.
pub fn is_end_to_be(mark: Option<BatchMark>) -> bool {
    mark == Some(BatchMark::More)
}

/// How many of some operations a checkpoint leaves in the log if it is to leave so many: those, and all of the batch that they begin in.
/// `mark_of` gives the mark of the operation at a place.
pub fn kept_whole(keep: usize, count: usize, mark_of: impl Fn(usize) -> Option<BatchMark>) -> usize {
    let mut kept = keep.min(count);
    let is_amid = |kept: usize| {
        let before = count.checked_sub(kept + 1);
        kept > 0 && before.is_some_and(|before| mark_of(before) == Some(BatchMark::More))
    };
    while is_amid(kept) {
        kept += 1;
    }
    kept
}

/// The batch that is being read, forward: where it begins, if one is.
#[derive(Debug, Clone, Copy)]
pub struct OpenBatch<T>(pub Option<T>);

// NOTE: derived, it would ask for a `T` that has a default.
impl<T> Default for OpenBatch<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone> OpenBatch<T> {
    /// Whether a line with this mark is one more of the batch.
    pub fn goes_on(&self, mark: Option<BatchMark>) -> bool {
        self.0.is_some() && mark.is_some()
    }

    /// Goes behind a line, which stands `at` a place. Returns where its batch begins.
    pub fn pass(&mut self, mark: Option<BatchMark>, at: impl FnOnce() -> T) -> Option<T> {
        let begun = self.0.take();
        match mark {
            Some(BatchMark::More) => {
                self.0 = begun.or_else(|| Some(at()));
                self.0.clone()
            }
            Some(BatchMark::Last) => begun,
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `m` for a line that says that its batch goes on, `l` for the last one, `-` for one of no batch.
    fn marks(text: &str) -> Vec<Option<BatchMark>> {
        let mark = |letter| match letter {
            'm' => Some(BatchMark::More),
            'l' => Some(BatchMark::Last),
            _ => None,
        };
        text.chars().map(mark).collect()
    }

    #[test]
    fn lines_of_a_batch_are_marked_but_not_the_only_one() {
        let of = |count: usize| (0..count).map(|place| mark_at(place, count)).collect::<Vec<_>>();
        assert_eq!(of(1), marks("-"));
        assert_eq!(of(2), marks("ml"));
        assert_eq!(of(4), marks("mmml"));
    }

    #[test]
    fn the_last_batch_is_what_one_append_wrote() {
        let of = |text: &str| last_batch(marks(text).into_iter().rev());
        let cases =
            [("", 0), ("-", 1), ("--", 1), ("ml", 2), ("-mmml", 4), ("mlml", 2), ("ml-", 1), ("l", 1)];
        for (text, count) in cases {
            assert_eq!(of(text), count, "{text}");
        }
        // A crash has cut the batch before, or this one.
        assert_eq!((of("mm-"), of("mm"), of("mmml")), (1, 2, 4));
    }

    #[test]
    fn only_a_line_that_says_that_its_batch_goes_on_is_to_end_it() {
        let of = |text: &str| marks(text).into_iter().map(is_end_to_be).collect::<Vec<_>>();
        assert_eq!(of("-ml"), [false, true, false]);
    }

    #[test]
    fn a_checkpoint_leaves_whole_batches() {
        let of = |text: &str, keep| {
            let marks = marks(text);
            kept_whole(keep, marks.len(), |place| marks[place])
        };
        assert_eq!([0, 1, 2, 9].map(|keep| of("---", keep)), [0, 1, 2, 3]);
        assert_eq!([0, 1, 2, 3, 4].map(|keep| of("-mml", keep)), [0, 3, 3, 3, 4]);
        assert_eq!([1, 2, 3, 4].map(|keep| of("mlml", keep)), [2, 2, 4, 4]);
        assert_eq!([1, 2].map(|keep| of("ml-", keep)), [1, 3]);
        assert_eq!(of("", 3), 0);
    }

    #[test]
    fn a_batch_is_read_from_its_first_line_to_its_last_or_to_where_it_was_cut() {
        let of = |text: &str| {
            let mut batch = OpenBatch::default();
            let lines = marks(text).into_iter().enumerate();
            lines.map(|(place, mark)| batch.pass(mark, || place)).collect::<Vec<_>>()
        };
        assert_eq!(of("-ml-"), [None, Some(1), Some(1), None]);
        assert_eq!(of("mmmlml"), [Some(0), Some(0), Some(0), Some(0), Some(4), Some(4)]);
        assert_eq!(of("m-ml"), [Some(0), None, Some(2), Some(2)]);
        assert_eq!(of("l"), [None]);
    }

    #[test]
    fn a_line_with_a_mark_belongs_to_the_batch_that_is_open() {
        let mut batch = OpenBatch::default();
        assert!(!batch.goes_on(Some(BatchMark::Last)));
        batch.pass(Some(BatchMark::More), || 0);
        assert!(batch.goes_on(Some(BatchMark::Last)) && !batch.goes_on(None));
    }
}
