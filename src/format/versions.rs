//! Which schema version a value has: the mark of its line says so; else the manifest, for the lines of that log; else the
//! header of the snapshot. Pure rules on the manifest; the marks are read and written with the lines.
//!
//! Invariant: the version of a log does not change once a line stands in it.

use super::manifest::Manifest;

/// The version of the lines of a log that have no mark: what is noted of the log, else that of the snapshot.
pub fn unmarked_version<N: AsRef<[u8]>, V: Copy>(noted: &[(N, V)], log: &[u8], snapshot: V) -> V {
    noted.iter().find(|(path, _)| path.as_ref() == log).map_or(snapshot, |(_, version)| *version)
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
}

/// The version that a manifest, whose numbers have no such limit, gives.
pub fn version_of(version: u64) -> u32 {
    u32::try_from(version).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::manifest::Stats;

    fn manifest(logs: &[(&str, &str)]) -> Manifest {
        let mut manifest = Manifest {
            version: 1,
            current_snapshot: "snapshots/s".into(),
            active_ops: "ops/own".into(),
            stats: Stats { created: "now".into(), last_checkpoint: "now".into(), ..Stats::default() },
            ..Manifest::default()
        };
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
