//! What a snapshot is written from: the base and what is frozen over it.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::base::Base;
use super::nearby::Nearby;
use super::overlay::Overlay;
use super::records::Cursor;
use super::rows::{Row, visit};
use super::slots::Id;
use super::text::Text;

/// An immutable look at base and frozen overlay, for the thread that writes a snapshot.
#[derive(Clone)]
pub struct View {
    base: Arc<Base>,
    /// What values of the base were migrated to.
    values: Arc<Overlay>,
    frozen: Arc<Overlay>,
}

impl View {
    pub(super) fn new(base: Arc<Base>, values: Arc<Overlay>, frozen: Arc<Overlay>) -> Self {
        Self { base, values, frozen }
    }

    pub(super) fn frozen(&self) -> &Arc<Overlay> {
        &self.frozen
    }

    /// The same view without some records.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn without(&self, ids: &[Id]) -> io::Result<Self> {
        let mut frozen = (*self.frozen).clone();
        for id in ids {
            frozen.delete(id, || self.base.find(id).map(|found| found.is_some()))?;
        }
        Ok(Self { frozen: Arc::new(frozen), ..self.clone() })
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.frozen.count_over(self.base.len())
    }

    /// A record's value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        let entry = self.frozen.get(id).or_else(|| self.values.get(id));
        match entry {
            Some(entry) => Ok(entry.state.text().cloned()),
            None => self.base.find(id),
        }
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
        visit(Nearby::default(), &self.base, &[&self.values, &self.frozen], cursor, visitor)
    }
}
