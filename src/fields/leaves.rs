//! A reader of a tree that holds the leaf it read last: entries are asked for one after the other.

use std::sync::Arc;

use super::{Broken, Leaf, Tree};

/// The leaves of a tree, of which the last one is held.
#[derive(Clone)]
pub struct Leaves {
    tree: Arc<Tree>,
    held: Option<(u32, Arc<Leaf>)>,
}

impl Leaves {
    /// Of a tree; no leaf is read yet.
    pub fn of(tree: Arc<Tree>) -> Self {
        Self { tree, held: None }
    }

    /// The tree.
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// A leaf.
    ///
    /// # Errors
    /// When the tree is damaged.
    #[inline]
    pub fn leaf(&mut self, page: u32) -> Result<Arc<Leaf>, Broken> {
        match &self.held {
            Some((held, leaf)) if *held == page => Ok(Arc::clone(leaf)),
            _ => {
                let leaf = self.tree.leaf(page)?;
                self.held = Some((page, Arc::clone(&leaf)));
                Ok(leaf)
            }
        }
    }
}
