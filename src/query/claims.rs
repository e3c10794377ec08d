//! What a record has of a unique index. Two records are in each other's way if they have a value in common at each path.

use super::bounds::Range;
use super::definition::{MOST_COMBINED, combined, sort_once};
use super::key;

/// For each path the whole keys of the values there, in order, but for those of `null` and of lists without values.
#[derive(Debug)]
pub struct Claims {
    values: Vec<Vec<Vec<u8>>>,
}

impl Claims {
    pub(super) fn new(mut values: Vec<Vec<Vec<u8>>>) -> Self {
        for keys in &mut values {
            keys.retain(|value| !key::is_of_nothing(value));
        }
        Self { values }
    }

    /// Whether no other record can be in its way.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() || self.values.iter().any(Vec::is_empty)
    }

    /// Whether both records cannot be there.
    pub fn meets(&self, other: &Self) -> bool {
        let meets = |(one, other): (&Vec<Vec<u8>>, &Vec<Vec<u8>>)| {
            let (few, many) = if one.len() < other.len() { (one, other) } else { (other, one) };
            few.iter().any(|key| many.binary_search(key).is_ok())
        };
        !self.is_empty() && self.values.iter().zip(&other.values).all(meets)
    }

    /// Each combination of its values; `None` if these are too many.
    pub fn combinations(&self) -> Option<Vec<Vec<u8>>> {
        let count = self.values.iter().fold(1_usize, |count, keys| count.saturating_mul(keys.len()));
        if self.values.len() > 1 && count > MOST_COMBINED {
            return None;
        }
        let mut all = combined(&self.values);
        sort_once(&mut all);
        Some(all)
    }

    /// Where the keys of all records stand in the index that may be in its way.
    pub fn ranges(&self) -> Vec<Range> {
        let keys = match self.combinations() {
            Some(keys) => keys,
            // What begins with one of its first values.
            None => self.values.first().cloned().unwrap_or_default(),
        };
        let mut ranges: Vec<Range> = keys.iter().map(|key| Range::of(key)).collect();
        if self.values.len() > 1 {
            // NOTE: a record with too many combinations has the empty key.
            ranges.push(Range::of_empty());
        }
        ranges
    }
}
