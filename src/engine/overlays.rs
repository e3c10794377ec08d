//! The overlays over a base, and how a checkpoint moves them: the frozen one is written to a snapshot, the pending one belongs to
//! the checkpoint after that, the uppermost one changes.

use std::sync::Arc;

use super::overlay::Overlay;

/// Overlays, each over the one before.
#[derive(Clone, Default)]
pub(super) struct Overlays {
    frozen: Option<Arc<Overlay>>,
    pending: Option<Arc<Overlay>>,
    /// NOTE: a look at one moment shares it, and a change meanwhile copies it first.
    top: Arc<Overlay>,
}

impl Overlays {
    /// The one that changes.
    pub(super) fn top(&self) -> &Overlay {
        &self.top
    }

    pub(super) fn top_mut(&mut self) -> &mut Overlay {
        Arc::make_mut(&mut self.top)
    }

    /// Those below it, the lowest first, and itself for changes.
    pub(super) fn parts(&mut self) -> (Lower<'_>, &mut Overlay) {
        let Self { frozen, pending, top } = self;
        (Lower { frozen: frozen.as_deref(), pending: pending.as_deref() }, Arc::make_mut(top))
    }

    /// Those below the one that changes.
    pub(super) fn lower(&self) -> Lower<'_> {
        Lower { frozen: self.frozen.as_deref(), pending: self.pending.as_deref() }
    }

    /// All of them, the lowest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Overlay>> {
        [self.frozen.as_ref(), self.pending.as_ref(), Some(&self.top)].into_iter().flatten()
    }

    /// The frozen one, and the one that is set apart, if one is.
    pub(super) fn set_apart_and_below(&self) -> Option<impl Iterator<Item = &Arc<Overlay>>> {
        let pending = self.pending.as_ref()?;
        Some(self.frozen.iter().chain([pending]))
    }

    /// Whether something is set apart.
    pub(super) fn is_apart(&self) -> bool {
        self.pending.is_some()
    }

    /// See [`super::records::Records::set_apart`].
    pub(super) fn set_apart(&mut self, relocate: impl FnOnce(&Overlay)) {
        let top = std::mem::take(&mut self.top);
        match &mut self.pending {
            Some(pending) => {
                relocate(pending);
                Arc::make_mut(pending).absorb(Arc::unwrap_or_clone(top));
            }
            None => self.pending = Some(top),
        }
    }

    /// See [`super::records::Records::rejoin`].
    pub(super) fn rejoin(&mut self, relocate: impl FnOnce(&Overlay)) {
        if let Some(mut merged) = self.pending.take() {
            relocate(&merged);
            Arc::make_mut(&mut merged).absorb(Arc::unwrap_or_clone(std::mem::take(&mut self.top)));
            self.top = merged;
        }
    }

    /// Freezes what was set apart, or all there is.
    pub(super) fn freeze(&mut self) {
        let pending = self.pending.take();
        self.frozen = Some(pending.unwrap_or_else(|| std::mem::take(&mut self.top)));
    }

    /// What is frozen.
    pub(super) fn frozen(&self) -> Arc<Overlay> {
        self.frozen.as_ref().map(Arc::clone).unwrap_or_default()
    }

    /// Puts another overlay in the place of the frozen one.
    pub(super) fn refreeze(&mut self, frozen: &Arc<Overlay>) {
        self.frozen = Some(Arc::clone(frozen));
    }

    /// Takes the frozen one away: a new base holds what it said.
    pub(super) fn take_frozen(&mut self) -> Option<Arc<Overlay>> {
        self.frozen.take()
    }

    /// See [`super::records::Records::thaw`].
    pub(super) fn thaw(&mut self, relocate: impl FnOnce(&Overlay)) {
        if let Some(frozen) = self.frozen.take() {
            let mut merged = Arc::unwrap_or_clone(frozen);
            relocate(&merged);
            let lowest = self.lowest();
            merged.absorb(Arc::unwrap_or_clone(std::mem::take(lowest)));
            *lowest = Arc::new(merged);
        }
    }

    /// Lays the one overlay of others under all that changes.
    pub(super) fn lay_over(&mut self, others: Self) {
        let lowest = self.lowest();
        let later = std::mem::replace(lowest, others.top);
        Arc::make_mut(lowest).absorb(Arc::unwrap_or_clone(later));
    }

    /// The lowest one that may change: what is set apart, if anything is.
    fn lowest(&mut self) -> &mut Arc<Overlay> {
        self.pending.as_mut().unwrap_or(&mut self.top)
    }
}

/// What is under the overlay that changes.
#[derive(Clone, Copy)]
pub(super) struct Lower<'a> {
    frozen: Option<&'a Overlay>,
    pending: Option<&'a Overlay>,
}

impl<'a> Lower<'a> {
    /// From the uppermost down.
    pub(super) fn down(self) -> impl Iterator<Item = &'a Overlay> {
        self.pending.into_iter().chain(self.frozen)
    }

    /// How many records there are, over so many below.
    pub(super) fn count_over(self, below: usize) -> usize {
        let frozen = self.frozen.map_or(below, |frozen| frozen.count_over(below));
        self.pending.map_or(frozen, |pending| pending.count_over(frozen))
    }
}
