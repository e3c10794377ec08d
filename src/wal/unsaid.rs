//! What the next line of a log is to say of the log itself: how often it was cut, and which log it follows.

use crate::format::operation::Marks;

/// The marks of a log, until a line says them.
#[derive(Default)]
pub(super) struct Unsaid {
    cuts: u64,
    /// No line says yet how often the log was cut.
    is_cut: bool,
    /// The log that this one follows; said by the first line.
    after: Option<String>,
}

impl Unsaid {
    pub(super) fn set_cuts(&mut self, cuts: u64) {
        self.cuts = cuts;
    }

    pub(super) fn cuts(&self) -> u64 {
        self.cuts
    }

    pub(super) fn set_after(&mut self, after: Option<String>) {
        self.after = after;
    }

    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The log was cut, or a line was taken out of it.
    pub(super) fn cut(&mut self) {
        self.cuts = self.cuts.saturating_add(1);
        self.is_cut = true;
    }

    /// A line was appended that bears the marks.
    pub(super) fn said(&mut self) {
        self.is_cut = false;
    }

    /// Whether the next line says nothing of the log.
    pub(super) fn is_nothing(&self, is_first: bool) -> bool {
        !(self.is_cut || is_first && self.after.is_some())
    }

    /// The marks of the next line.
    pub(super) fn marks(&self, is_first: bool) -> Marks<'_> {
        Marks {
            batch: None,
            cuts: if self.is_cut { self.cuts } else { 0 },
            after: if is_first { self.after.as_deref() } else { None },
        }
    }
}
