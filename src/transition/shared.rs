//! Rules of the manifest's fields that hold in a folder and behind a backend, on the values of fields.

use crate::format::versions::unmarked_version;

/// Whether a key among those of the agents is that of a log to which nothing is appended any more. No id of an agent holds a
/// slash.
pub fn is_sealed(key: &[u8]) -> bool {
    key.contains(&b'/')
}

/// Whether an agent with this key goes on when all logs are sealed, with a new one. One that is gone gets none: it registers again when it
/// comes back, and until then no log of its own is to be read.
pub fn goes_on(key: &[u8], is_gone: bool) -> bool {
    !is_sealed(key) && !is_gone
}

/// The time of the last operation that was pruned: that of an earlier one, where the logs that go now hold none.
pub fn pruned_until<T: Ord>(before: T, until: T) -> T {
    before.max(until)
}

/// Takes the logs out that went into a snapshot. A log that an agent still appends to stays, whatever was read of it.
pub fn remove_merged<N: AsRef<[u8]> + PartialEq>(logs: &mut Vec<(N, N)>, merged: &[N]) {
    logs.retain(|(key, log)| !(is_sealed(key.as_ref()) && merged.contains(log)));
}

/// Adds records to an archive segment, which is named once.
pub fn add_archived<N: Clone + PartialEq>(
    segments: &mut Vec<N>,
    records: &mut u64,
    (segment, added): (&N, u64),
) {
    if !segments.contains(segment) {
        segments.push(segment.clone());
    }
    *records = records.saturating_add(added);
}

/// The clock that every agent's is above: it never goes back.
pub fn raised_clock(clock: u64, known: u64) -> u64 {
    clock.max(known)
}

/// What is to be noted of logs when a snapshot of another version takes the place of one of version `before`: each keeps the
/// version of its lines. A log without lines has none to keep.
pub fn kept_versions<N: AsRef<[u8]> + Ord, V: Copy + PartialEq>(
    noted: &[(N, V)],
    mut logs: Vec<N>,
    (before, version): (V, V),
    is_empty: impl Fn(&N) -> bool,
) -> Vec<(N, V)> {
    logs.sort();
    logs.dedup();
    let kept = logs.into_iter().map(|log| {
        let version = unmarked_version(noted, log.as_ref(), before);
        (log, version)
    });
    kept.filter(|(log, kept)| *kept != version && !is_empty(log)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_goes_on_unless_it_is_gone_and_a_sealed_log_never_does() {
        assert!(goes_on(b"one", false) && !goes_on(b"one", true));
        assert!(!goes_on(b"sealed/l1", false) && !goes_on(b"left/3/one", false));
    }

    #[test]
    fn the_time_up_to_which_history_was_pruned_never_goes_back() {
        assert_eq!((pruned_until("2020", "2021"), pruned_until("2020", "")), ("2021", "2020"));
    }
}
