//! The files' formats: bytes to values and back. No I/O, no clock, no policy.
//!
//! Invariant: reads exactly what the published 0.8.1 reads, writes what it reads with the same meaning.

pub mod archive;
pub mod document;
mod fields;
pub mod ids;
pub mod index;
pub mod manifest;
pub mod operation;
pub mod snapshot;
#[cfg(test)]
mod tests;
pub mod timestamp;
pub mod tree;
mod trim;
pub mod versions;

pub use trim::js_trim;

/// Ids (WTF-8) and the texts of their values, in order.
pub type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// A whole-file document (manifest, legacy snapshot, archive segment) that 0.8.1 would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// `JSON.parse` refuses it.
    NotJson {
        /// Where it stops making sense.
        offset: usize,
    },
    /// The validator refuses it, in these words.
    Rule(&'static str),
}

impl From<crate::json::Malformed> for Invalid {
    fn from(malformed: crate::json::Malformed) -> Self {
        Self::NotJson { offset: malformed.offset }
    }
}
