//! What the writers have logged, and what the folder must hold by it.

use std::collections::BTreeMap;

/// An operation that counts. No two have the same time.
#[derive(Debug, Clone)]
pub struct Logged {
    pub ts: String,
    /// Its place in the total order of agents; `None` for a single writer.
    pub rank: Option<(u64, String)>,
    pub deed: Deed,
}

#[derive(Debug, Clone)]
pub enum Deed {
    Set(String, String),
    Delete(String),
    /// Records went to an archive: no operation, and no follower is told.
    Archive(Vec<String>),
}

impl PartialEq for Logged {
    fn eq(&self, other: &Self) -> bool {
        self.ts == other.ts
    }
}

/// What was logged, in the order in which it counts: while agents write that is their total order; what a single writer
/// logged comes before or behind.
pub fn in_order(mut logged: Vec<&Logged>) -> Vec<&Logged> {
    for turn in logged.chunk_by_mut(|one, other| one.rank.is_some() == other.rank.is_some()) {
        turn.sort_by_key(|logged| logged.rank.clone());
    }
    logged
}

/// The records, by id.
pub fn records(trail: &[Logged]) -> Vec<(String, String)> {
    let mut records = BTreeMap::new();
    for logged in in_order(trail.iter().collect()) {
        match &logged.deed {
            Deed::Set(id, value) => {
                records.insert(id.clone(), value.clone());
            }
            Deed::Delete(id) => {
                records.remove(id);
            }
            Deed::Archive(ids) => records.retain(|id, _| !ids.contains(id)),
        }
    }
    records.into_iter().collect()
}
