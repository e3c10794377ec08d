//! What a check found.

use std::path::PathBuf;

/// So many places are listed; all are counted.
pub(super) const LIMIT: usize = 1000;

/// What was checked, and what is damaged.
///
/// One struct: its fields are members of what `verify()` returns.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records in snapshots.
    pub records: u64,
    /// Operations in logs.
    pub operations: u64,
    /// Records in archive segments.
    pub archived: u64,
    /// Entries of index files.
    pub entries: u64,
    /// Files in the store's folders that are not the store's, such as those of sync programs, up to a thousand.
    pub foreign: Vec<PathBuf>,
    /// Damaged places, up to a thousand.
    pub damage: Vec<Damage>,
    /// How many there are.
    pub found: u64,
    /// For each file and each remedy, the first place that calls for it, listed or not.
    pub mendable: Vec<Damage>,
}

impl Report {
    /// Forgets what was not found before. Of more than are listed, that cannot be told.
    pub(super) fn keep_what_is_in(&mut self, before: &Self) {
        if self.found > LIMIT as u64 || before.found > LIMIT as u64 {
            return;
        }
        self.damage.retain(|damage| before.damage.contains(damage));
        self.found = self.damage.len() as u64;
        self.mendable.retain(|damage| before.mendable.contains(damage));
    }
}

/// A damaged place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where it begins, in bytes; `None` for a file that is missing.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// Whether the store's state depends on the file: the manifest, or what it names.
    pub current: bool,
    /// What can be done without loss.
    pub remedy: Remedy,
}

/// What can be done about damage without losing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: the data is to be had from a backup.
    None,
    /// The line, which is skipped anyway, can be set aside and overwritten with line ends.
    Blank,
    /// The end of the log, which counts for nothing, can be set aside and cut off.
    Cut,
    /// The index can be made again.
    Rebuild,
}

impl Remedy {
    /// Its name.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Blank => Some("blank"),
            Self::Cut => Some("cut"),
            Self::Rebuild => Some("rebuild"),
        }
    }
}
