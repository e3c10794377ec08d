//! The last generations of a folder, by which a manifest tells whether it came after another one.

use std::hash::{BuildHasher, RandomState};

use super::Manifest;

/// A generation of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// A random name that no other has.
    pub name: String,
    /// The times in the names of the logs that came with it.
    pub logs_ms: Vec<u64>,
}

/// How one manifest of a folder came after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descent {
    /// By changes of the other one.
    Follows,
    /// It did not: the folder was put back to what it was before, perhaps to be changed in another way since.
    Diverges,
    /// It does not say: too many generations lie between, or one of the two was written by 0.8.1.
    Unknown,
}

/// How many generations a manifest can name.
pub const LINEAGE: usize = 32;

/// Generations, separated by spaces: each a name, and behind it the times, with an `@` before each.
pub(super) fn parse_lineage(text: &str) -> Vec<Generation> {
    let generations = text.split(' ').take(LINEAGE).map(|generation| {
        let mut parts = generation.split('@');
        let name = parts.next().unwrap_or_default().to_owned();
        Generation { name, logs_ms: parts.filter_map(|ms| ms.parse().ok()).collect() }
    });
    generations.collect()
}

impl Manifest {
    /// How it came after another manifest of the same folder.
    pub fn descent_from(&self, known: &Self) -> Descent {
        let is_older = self.generation > 0 && self.generation < known.generation;
        match known.lineage.first() {
            _ if self.since(known).is_some() => Descent::Follows,
            _ if is_older => Descent::Diverges,
            Some(_) if !self.lineage.is_empty() => {
                let between = self.generation - known.generation;
                if between < self.lineage.len() as u64 { Descent::Diverges } else { Descent::Unknown }
            }
            _ => Descent::Unknown,
        }
    }

    /// The times in the names of the logs that came since another manifest was in force, if that can be told.
    pub fn logs_since(&self, known: &Self) -> Option<Vec<u64>> {
        Some(self.since(known)?.iter().flat_map(|generation| &generation.logs_ms).copied().collect())
    }

    /// The generations since that of another manifest, if it names that one.
    fn since(&self, known: &Self) -> Option<&[Generation]> {
        let known = known.lineage.first()?;
        let place = self.lineage.iter().position(|generation| generation.name == known.name)?;
        self.lineage.get(..place)
    }
}

impl Generation {
    /// One that no other manifest has, with which logs came that bear these times in their names.
    pub fn new(logs_ms: Vec<u64>) -> Self {
        Self { name: format!("{:08x}", RandomState::new().hash_one(()) as u32), logs_ms }
    }

    pub(super) fn print(&self) -> String {
        self.logs_ms.iter().fold(self.name.clone(), |text, ms| format!("{text}@{ms}"))
    }
}
