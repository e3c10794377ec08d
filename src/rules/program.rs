//! What a program may write beside values of other schema versions, and how it marks what it writes. Which version a value has that stands
//! in a file is for [`crate::format::versions`].
//!
//! Invariant: a value is migrated once. So no value is written under a version that its readers would not take it for, and a program never
//! writes a value of an older version than one that is there.

/// The schema version of a program.
#[derive(Debug, Clone, Copy)]
pub struct Program<V> {
    /// What it brings values to.
    pub version: V,
    /// Whether it gave that version; without, it takes values as they are.
    pub is_given: bool,
    /// It writes nothing.
    pub is_reader: bool,
}

impl<V: Copy + Ord> Program<V> {
    /// The version of what it writes beside a snapshot of this one.
    pub fn writes(&self, snapshot: V) -> V {
        if self.is_given { self.version } else { snapshot }
    }

    /// The mark that its lines need in a log whose lines without a mark are of version `log`. With `is_doubtful`, a reader may still take
    /// those for ones of another version.
    pub fn mark(&self, snapshot: V, log: V, is_doubtful: bool) -> Option<V> {
        let writes = self.writes(snapshot);
        (is_doubtful || writes != log).then_some(writes)
    }

    /// Whether it must not write once a value of this version is there.
    pub fn is_outdated_by(&self, found: V) -> bool {
        self.is_given && !self.is_reader && self.version < found
    }

    /// Whether one snapshot can hold all values: those of other versions are migrated to its own, if it gave one, or else there are none.
    /// `is_one` says whether all values are of the version that it writes.
    pub fn can_snapshot(&self, is_one: impl FnOnce() -> bool) -> bool {
        self.is_given || is_one()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(version: u32, is_given: bool) -> Program<u32> {
        Program { version, is_given, is_reader: false }
    }

    #[test]
    fn a_program_writes_the_version_that_it_gave_or_that_of_the_snapshot() {
        assert_eq!((program(3, true).writes(2), program(1, false).writes(2)), (3, 2));
    }

    #[test]
    fn a_line_says_its_version_where_its_log_does_not_or_may_not() {
        assert_eq!(program(3, true).mark(3, 3, false), None);
        assert_eq!(program(3, true).mark(3, 2, false), Some(3));
        assert_eq!(program(3, true).mark(3, 3, true), Some(3));
        assert_eq!(program(1, false).mark(4, 4, false), None);
        assert_eq!(program(1, false).mark(4, 2, false), Some(4));
    }

    #[test]
    fn only_a_writer_with_a_lower_version_of_its_own_must_not_write() {
        assert!(program(2, true).is_outdated_by(3));
        assert!(!program(3, true).is_outdated_by(3) && !program(1, false).is_outdated_by(3));
        assert!(!Program { is_reader: true, ..program(2, true) }.is_outdated_by(3));
    }

    #[test]
    fn values_of_several_versions_go_into_one_snapshot_of_a_program_that_migrates() {
        assert!(program(3, true).can_snapshot(|| false) && program(1, false).can_snapshot(|| true));
        assert!(!program(1, false).can_snapshot(|| false));
    }
}
