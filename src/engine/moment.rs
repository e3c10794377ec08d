//! All records as they were at one moment, whatever changes later.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::base::Base;
use super::kept::Kept;
use super::nearby::Nearby;
use super::overlay::{Overlay, State};
use super::records::Cursor;
use super::rows::{BaseLine, Row, visit, visit_base};
use super::slots::Id;
use super::text::Text;

/// All records at one moment, for readers that do without the store's lock.
#[derive(Clone)]
pub struct Moment {
    base: Arc<Base>,
    layers: Vec<Arc<Overlay>>,
    kept: Arc<Kept>,
}

/// Where a record stands: those of the base come first, by a place within their lines, then the additions of each layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// In the base, at this byte.
    Base(u64),
    /// Among the additions of this layer, counted from the lowest, at this place.
    Layer(usize, u64),
}

impl Moment {
    /// The records of a base under layers, the lowest first.
    pub(super) fn new(base: Arc<Base>, layers: Vec<Arc<Overlay>>, kept: Arc<Kept>) -> Self {
        Self { base, layers, kept }
    }

    /// The same records with a layer on top, which goes before all others.
    pub fn under(&self, layer: Overlay) -> Self {
        let mut layers = self.layers.clone();
        layers.push(Arc::new(layer));
        Self { base: Arc::clone(&self.base), layers, kept: Arc::clone(&self.kept) }
    }

    /// A record's value. Reading it is for [`Nearby::of`] what is kept of this moment.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        match self.layers.iter().rev().find_map(|layer| layer.get(id)) {
            Some(entry) => Ok(entry.state.text().cloned()),
            None => self.base.find(id),
        }
    }

    /// What the snapshot under all layers says of a record.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn stored(&self, id: &[u8]) -> io::Result<Option<Text>> {
        self.base.find(id)
    }

    /// What was cut off the log since then.
    pub fn kept(&self) -> &Arc<Kept> {
        &self.kept
    }

    /// Visits records in order, from a cursor on, until told to stop; says where to go on.
    ///
    /// # Errors
    /// Those of reading.
    pub fn visit(
        &self,
        cursor: Cursor,
        visitor: impl FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> io::Result<Cursor> {
        let layers: Vec<&Overlay> = self.layers.iter().map(|layer| &**layer).collect();
        visit(Nearby::of(&self.kept), &self.base, &layers, cursor, visitor)
    }

    /// A moment without records.
    pub fn empty() -> Self {
        Self { base: Arc::new(Base::empty()), layers: Vec::new(), kept: Arc::new(Kept::new(0)) }
    }

    /// The snapshot.
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// How many records the layers on top of the base speak of, at most.
    pub fn overlaid(&self) -> usize {
        self.layers.iter().map(|layer| layer.len()).sum()
    }

    /// The records that the layers on top of the base speak of, each once.
    pub fn overlaid_ids(&self) -> Vec<Id> {
        let mut ids = Vec::new();
        self.visit_overlaid(&mut |id, _| ids.push(Id::clone(id)));
        ids
    }

    /// Visits the ids of [`Moment::overlaid_ids`], with whether the record is there.
    pub fn visit_overlaid(&self, visitor: &mut dyn FnMut(&Id, bool)) {
        for (number, layer) in self.layers.iter().enumerate() {
            let above = self.layers.get(number + 1..).unwrap_or_default();
            for (id, entry) in layer.entries() {
                if above.iter().all(|layer| layer.get(id).is_none()) {
                    visitor(id, entry.state.text().is_some());
                }
            }
        }
    }

    /// Whether a record stands in the base as it is, if it stands there.
    pub fn says_nothing_of(&self, id: &[u8]) -> bool {
        self.layers.iter().all(|layer| layer.get(id).is_none())
    }

    /// Where a record stands of which the layers on top of the base speak, and its value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn standing(&self, id: &[u8]) -> io::Result<Option<(Standing, Text)>> {
        let mut value = None;
        for (number, layer) in self.layers.iter().enumerate().rev() {
            match layer.get(id).map(|entry| &entry.state) {
                None => {}
                Some(State::Deleted) => return Ok(None),
                Some(State::Replaced(text)) => value = value.or(Some(text)),
                Some(State::Appended(place, text)) => {
                    return Ok(Some((Standing::Layer(number, *place), value.unwrap_or(text).clone())));
                }
            }
        }
        let Some(text) = value else { return Ok(None) };
        Ok(match self.base.find(id)? {
            Some(Text::At { offset, .. }) => Some((Standing::Base(offset), text.clone())),
            _ => None,
        })
    }

    /// Visits the records that stand in the base as they are, from a place within its lines on, until told to stop. Values are not
    /// looked into.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn visit_base(
        &self,
        from: u64,
        visitor: &mut dyn FnMut(&[u8], BaseLine) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let layers: Vec<&Overlay> = self.layers.iter().map(|layer| &**layer).collect();
        visit_base(&self.base, &layers, from, visitor)
    }
}
