//! Lines of a log that were read. With each look a store notes which were the last ones, so these are kept once more, in blocks that are
//! shared: to note them costs as much however many there are.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;

/// So many lines at least can be noted.
const LINES: usize = 1 << 12;
const BLOCK: usize = 64;
const BLOCKS: usize = LINES / BLOCK;

/// All lines that were read of a log, in order.
#[derive(Debug, Clone)]
pub(in crate::store) struct Lines<T> {
    all: Vec<T>,
    /// The last full blocks of them.
    blocks: VecDeque<Arc<[T]>>,
    /// The number of the first of these blocks.
    first: usize,
}

/// The last lines of a log, at one moment.
#[derive(Clone)]
pub(in crate::store) struct LastLines<T> {
    blocks: VecDeque<Arc<[T]>>,
    rest: Vec<T>,
    /// There were others before these.
    pub(in crate::store) has_more: bool,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self { all: Vec::new(), blocks: VecDeque::new(), first: 0 }
    }
}

impl<T> Deref for Lines<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all
    }
}

impl<T: Clone> Lines<T> {
    pub(in crate::store) fn push(&mut self, line: T) {
        self.all.push(line);
        if !self.all.len().is_multiple_of(BLOCK) {
            return;
        }
        let block = self.all.rchunks(BLOCK).next().unwrap_or_default();
        self.blocks.push_back(block.into());
        if self.blocks.len() > BLOCKS {
            self.blocks.pop_front();
            self.first += 1;
        }
    }

    pub(in crate::store) fn pop(&mut self) -> Option<T> {
        let last = self.all.pop();
        self.drop_blocks();
        last
    }

    pub(in crate::store) fn truncate(&mut self, count: usize) {
        self.all.truncate(count);
        self.drop_blocks();
    }

    /// All of them; none are left behind.
    pub(in crate::store) fn take(&mut self) -> Vec<T> {
        std::mem::take(self).all
    }

    /// The last ones as they are now.
    pub(in crate::store) fn last_lines(&self) -> LastLines<T> {
        let noted = (self.first + self.blocks.len()) * BLOCK;
        let rest = self.all.get(noted..).unwrap_or_default().to_vec();
        LastLines { blocks: self.blocks.clone(), rest, has_more: self.first > 0 }
    }

    /// Drops the blocks that are not full any more, and takes those before the first one in their place.
    fn drop_blocks(&mut self) {
        let full = self.all.len() / BLOCK;
        while self.first + self.blocks.len() > full && self.blocks.pop_back().is_some() {}
        if self.blocks.is_empty() {
            self.first = full;
        }
        while self.first > full.saturating_sub(BLOCKS) {
            self.first -= 1;
            let block = self.all.chunks(BLOCK).nth(self.first).unwrap_or_default();
            self.blocks.push_front(block.into());
        }
    }
}

impl<T> LastLines<T> {
    pub(in crate::store) fn len(&self) -> usize {
        self.blocks.len() * BLOCK + self.rest.len()
    }

    /// From the last one on.
    pub(in crate::store) fn rev(&self) -> impl Iterator<Item = &T> {
        self.rest.iter().rev().chain(self.blocks.iter().rev().flat_map(|block| block.iter().rev()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(lines: &Lines<u64>) -> (Vec<u64>, bool) {
        let last = lines.last_lines();
        let mut found: Vec<_> = last.rev().copied().collect();
        assert_eq!(found.len(), last.len());
        found.reverse();
        (found, last.has_more)
    }

    #[test]
    fn the_last_lines_are_those_of_all_whatever_was_taken_off_the_end() {
        let (mut lines, mut model, mut state) = (Lines::default(), Vec::new(), 7u64);
        for step in 0..20_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (state >> 33) % 400 {
                0 => {
                    let count = (state >> 45) as usize % (model.len() + 1);
                    lines.truncate(count);
                    model.truncate(count);
                }
                1 => {
                    lines.truncate(model.len().saturating_sub(70));
                    model.truncate(model.len().saturating_sub(70));
                }
                2..40 => assert_eq!(lines.pop(), model.pop()),
                _ => {
                    for more in 0..(state >> 50) % 60 {
                        lines.push(step * 100 + more);
                        model.push(step * 100 + more);
                    }
                }
            }
            let (found, has_more) = last(&lines);
            assert_eq!(*lines, *model);
            assert!(model.ends_with(&found), "step {step}");
            assert!(found.len() >= LINES.min(model.len()), "step {step}");
            assert_eq!(has_more, found.len() < model.len(), "step {step}");
        }
        assert_eq!(lines.take(), model);
        assert_eq!(last(&lines), (Vec::new(), false));
    }

    #[test]
    fn lines_that_were_noted_stay_what_they_were() {
        let mut lines = Lines::default();
        (0..1000u64).for_each(|line| lines.push(line));
        let noted = lines.last_lines();
        lines.truncate(10);
        (0..1000u64).for_each(|line| lines.push(line + 5000));
        assert!(noted.rev().copied().eq((0..1000).rev()));
    }
}
