//! Which schema version a value has: the mark of its line says so; else the manifest, for the lines of that log; else the
//! header of the snapshot. Pure rules on the manifest; the marks are read and written with the lines.
//!
//! Invariant: the version of a log does not change once a line stands in it.

use super::manifest::Manifest;

/// The version of the lines of a log that have no mark: what is noted of the log, else that of the snapshot.
pub fn unmarked_version<N: AsRef<[u8]>, V: Copy>(noted: &[(N, V)], log: &[u8], snapshot: V) -> V {
    noted.iter().find(|(path, _)| path.as_ref() == log).map_or(snapshot, |(_, version)| *version)
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

impl Manifest {
    /// The version of the lines of a log that have no mark, beside a snapshot of this version.
    pub fn log_version(&self, log: &str, snapshot: u32) -> u32 {
        unmarked_version(&self.log_versions, log.as_bytes(), snapshot)
    }

    /// The lowest version that an unmarked value has, beside a snapshot of this version.
    pub fn oldest_version(&self, snapshot: u32) -> u32 {
        self.log_versions.iter().map(|(_, version)| *version).fold(snapshot, u32::min)
    }

    /// Names another version of the snapshot, in the place of `before`. Logs that this manifest names keep the version of
    /// their lines; one in which nothing stands has none to keep.
    pub fn set_snapshot_version(&mut self, before: u32, version: u32, is_empty: impl Fn(&str) -> bool) {
        self.version = u64::from(version);
        let agents = self.active_agent_ops.iter().flatten().map(|(_, path)| path);
        let logs = agents.chain([&self.active_ops]).cloned().collect();
        self.log_versions = kept_versions(&self.log_versions, logs, (before, version), |log| is_empty(log));
    }
}

/// The version that a manifest, whose numbers have no such limit, gives.
pub fn version_of(version: u64) -> u32 {
    u32::try_from(version).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(logs: &[(&str, &str)]) -> Manifest {
        let mut manifest = Manifest::fresh("snapshots/s".into(), "ops/own".into(), "now".into());
        let named = logs.iter().map(|(agent, path)| ((*agent).to_owned(), (*path).to_owned()));
        manifest.active_agent_ops = Some(named.collect());
        manifest
    }

    #[test]
    fn a_log_that_the_manifest_says_nothing_of_has_the_version_of_the_snapshot() {
        let mut manifest = manifest(&[("a", "ops/a")]);
        assert_eq!(manifest.log_version("ops/a", 3), 3);
        manifest.log_versions = vec![("ops/a".into(), 2)];
        assert_eq!(manifest.log_version("ops/a", 3), 2);
        assert_eq!(manifest.log_version("ops/own", 3), 3);
        assert_eq!(manifest.oldest_version(3), 2);
    }

    #[test]
    fn logs_keep_their_version_when_the_snapshot_gets_another() {
        let mut manifest = manifest(&[("a", "ops/a"), ("b", "ops/b"), ("sealed/c", "ops/c")]);
        manifest.log_versions = vec![("ops/c".into(), 1), ("ops/gone".into(), 1)];
        manifest.set_snapshot_version(2, 3, |log| log == "ops/b" || log == "ops/own");
        assert_eq!(manifest.version, 3);
        assert_eq!(manifest.log_versions, [("ops/a".into(), 2), ("ops/c".into(), 1)]);
        manifest.set_snapshot_version(3, 1, |_| false);
        assert_eq!(manifest.log_versions, [("ops/a".into(), 2), ("ops/b".into(), 3), ("ops/own".into(), 3)]);
    }

    #[test]
    fn versions_of_logs_survive_printing_and_what_makes_no_sense_counts_as_absent() {
        let mut manifest = manifest(&[("a", "ops/a")]);
        manifest.log_versions = vec![("ops/a".into(), 2)];
        let text = manifest.print();
        assert!(text.contains("\"logVersions\": {\n    \"ops/a\": 2\n  }"), "{text}");
        assert_eq!(super::super::manifest::parse(text.as_bytes()).unwrap(), manifest);
        for nonsense in ["0", "-1", "1.5", "\"2\"", "null", "5000000000"] {
            let text = text.replace(": 2\n  }", &format!(": {nonsense}\n  }}"));
            let parsed = super::super::manifest::parse(text.as_bytes()).unwrap();
            assert_eq!(parsed.log_versions, [], "{nonsense}");
        }
    }
}
