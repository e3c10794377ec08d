//! Which records an archive may move.

/// Whether a record that was chosen for an archive may go there: it still says what it said then. Another writer may have changed it
/// since, or deleted it, and what it wrote would be lost with the record.
pub fn may_move(now: Option<&[u8]>, chosen: &[u8]) -> bool {
    now == Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_changed_or_deleted_since_it_was_chosen_stays() {
        assert!(may_move(Some(b"1"), b"1"));
        assert!(!may_move(Some(b"2"), b"1") && !may_move(None, b"1"));
    }
}
