//! What a snapshot that was read, or that is missing, means.

/// What is wrong with a snapshot that has fewer records than the manifest says.
pub fn lack(found: u64, told: u64) -> Option<String> {
    (found < told).then(|| format!("the snapshot holds {found} records, the manifest says {told}"))
}

/// Whether a snapshot that is missing was superseded: by now another one is named. Otherwise it is lost.
pub fn is_superseded<N: PartialEq + ?Sized>(missing: &N, named_now: Option<&N>) -> bool {
    named_now.is_some_and(|named| named != missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_with_fewer_records_than_the_manifest_says_is_damaged() {
        assert_eq!((lack(3, 3), lack(4, 3)), (None, None));
        assert_eq!(lack(2, 3).as_deref(), Some("the snapshot holds 2 records, the manifest says 3"));
    }

    #[test]
    fn a_missing_snapshot_is_superseded_only_if_another_one_is_named() {
        assert!(is_superseded("s1", Some("s2")));
        assert!(!is_superseded("s1", Some("s1")) && !is_superseded("s1", None));
    }
}
