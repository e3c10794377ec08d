//! Lines of logs: which of them are the same operation.

use std::sync::Arc;

use hashbrown::HashSet;

use super::entry::{Entry, Log};
use crate::format::document::{Manifest, Numbering};

/// What tells an agent's operation from all others.
pub(super) fn identity(line: &[u8]) -> Option<Arc<[u8]>> {
    let nowhere = Log {
        path: Arc::from(&b""[..]),
        generation: Log::LIVE,
        is_live: true,
        numbering: Numbering::default(),
        version: None,
        fence: None,
    };
    Entry::identity_of(line, 0, &nowhere)
}

pub(super) fn identities(lines: &[Vec<u8>]) -> HashSet<Arc<[u8]>> {
    lines.iter().filter_map(|line| identity(line)).collect()
}

/// A line with another clock, and a mark that tells the first one.
pub(super) fn appended_again(line: &[u8], clock: u64) -> Option<Vec<u8>> {
    let parsed = crate::format::operation::parse_line(line).ok()?;
    let first = parsed.again.or(parsed.clock)?;
    let mut manifest = Manifest::of_line(line)?;
    manifest.set_number("clock", clock);
    manifest.set_number("again", first);
    Some(manifest.print())
}
