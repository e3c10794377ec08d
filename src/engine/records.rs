//! The records as a user sees them: base, frozen overlay, overlay. A lookup asks from the top down;
//! iteration is base order with the overlays' updates in place, then each overlay's additions.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::base::Base;
use super::overlay::{Entry, Id, Overlay, State};
use super::text::Text;
use crate::format::snapshot::parse_record;
use crate::json::string::escape_into;

/// Base and overlays.
pub struct Records {
    base: Arc<Base>,
    frozen: Option<Arc<Overlay>>,
    overlay: Overlay,
}

/// An immutable look at base and frozen overlay, for the thread that writes a snapshot.
#[derive(Clone)]
pub struct View {
    base: Arc<Base>,
    frozen: Arc<Overlay>,
}

/// Where an iteration goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// At this position of the base.
    Base(usize),
    /// At this place among the frozen overlay's additions.
    Frozen(u64),
    /// At this place among the overlay's additions.
    Overlay(u64),
    /// Nothing is left.
    End,
}

impl Records {
    /// Records of a snapshot, with nothing on top.
    pub fn new(base: Base) -> Self {
        Self { base: Arc::new(base), frozen: None, overlay: Overlay::default() }
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.overlay.count_over(count_below(&self.base, self.frozen.as_deref()))
    }

    /// How many records the overlays speak of.
    pub fn overlaid(&self) -> usize {
        self.overlay.len() + self.frozen.as_ref().map_or(0, |frozen| frozen.len())
    }

    /// A record's value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        match self.overlay.get(id) {
            Some(entry) => Ok(entry.state.text().cloned()),
            None => get_below(&self.base, self.frozen.as_deref(), id),
        }
    }

    /// What the overlay says of an id, for [`Records::restore`].
    pub fn entry(&self, id: &[u8]) -> Option<Entry> {
        self.overlay.get(id).cloned()
    }

    /// Puts an overlay entry back exactly.
    pub fn restore(&mut self, id: &Id, before: Option<Entry>) {
        self.overlay.restore(id, before);
    }

    /// Gives a record a value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn set(&mut self, id: &Id, text: Text) -> io::Result<()> {
        let Self { base, frozen, overlay } = self;
        overlay.set(id, text, || get_below(base, frozen.as_deref(), id).map(|found| found.is_some()))
    }

    /// As [`Records::set`], for a caller that has just looked the record up.
    pub fn set_known(&mut self, id: &Id, text: Text, exists: bool) {
        let Ok(()) = self.overlay.set(id, text, || Ok::<_, std::convert::Infallible>(exists));
    }

    /// Removes a record.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn delete(&mut self, id: &Id) -> io::Result<()> {
        let Self { base, frozen, overlay } = self;
        overlay.delete(id, || get_below(base, frozen.as_deref(), id).map(|found| found.is_some()))
    }

    /// As [`Records::delete`], for a caller that has just looked the record up and found it.
    pub fn delete_known(&mut self, id: &Id) {
        let Ok(()) = self.overlay.delete(id, || Ok::<_, std::convert::Infallible>(true));
    }

    /// Freezes what there is now; later changes go to a new overlay on top.
    pub fn freeze(&mut self) -> View {
        let frozen = Arc::new(std::mem::take(&mut self.overlay));
        self.frozen = Some(Arc::clone(&frozen));
        View { base: Arc::clone(&self.base), frozen }
    }

    /// Puts another view in the place of the frozen one.
    pub fn refreeze(&mut self, view: &View) {
        self.frozen = Some(Arc::clone(&view.frozen));
    }

    /// Takes the frozen part back to the changeable one, as if it had never been frozen.
    pub fn thaw(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            let mut merged = Arc::try_unwrap(frozen).unwrap_or_else(|shared| (*shared).clone());
            merged.absorb(std::mem::take(&mut self.overlay));
            self.overlay = merged;
        }
    }

    /// Replaces base and frozen overlay by a new base that holds the same records. Returns what was
    /// replaced, so that the caller can free it elsewhere.
    pub fn rebase(&mut self, base: Base) -> (Arc<Base>, Option<Arc<Overlay>>) {
        (std::mem::replace(&mut self.base, Arc::new(base)), self.frozen.take())
    }

    /// Appends `"id",value,` pairs of JSON text to `out` until it holds `limit` bytes, and says where to go on.
    /// `null,"id",` stands for a record without a value.
    ///
    /// # Errors
    /// Those of reading.
    pub fn scan(&self, cursor: Cursor, limit: usize, out: &mut Vec<u8>) -> io::Result<Cursor> {
        let empty = Overlay::default();
        let frozen = self.frozen.as_deref().unwrap_or(&empty);
        visit(&self.base, frozen, &self.overlay, cursor, |id, text| {
            if text.is_empty() {
                out.extend_from_slice(b"null,");
                escape_into(out, id);
            } else {
                escape_into(out, id);
                out.push(b',');
                out.extend_from_slice(text);
            }
            out.push(b',');
            if out.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    }
}

impl View {
    /// The same view without some records.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn without(&self, ids: &[Id]) -> io::Result<Self> {
        let mut frozen = (*self.frozen).clone();
        for id in ids {
            frozen.delete(id, || self.base.find(id).map(|found| found.is_some()))?;
        }
        Ok(Self { base: Arc::clone(&self.base), frozen: Arc::new(frozen) })
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        count_below(&self.base, Some(&self.frozen))
    }

    /// A record's value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        get_below(&self.base, Some(&self.frozen), id)
    }

    /// Visits records in order, from a cursor on, until told to stop; says where to go on.
    ///
    /// # Errors
    /// Those of reading.
    pub fn visit(
        &self,
        cursor: Cursor,
        visitor: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> io::Result<Cursor> {
        visit(&self.base, &self.frozen, &Overlay::default(), cursor, visitor)
    }
}

fn count_below(base: &Base, frozen: Option<&Overlay>) -> usize {
    frozen.map_or(base.len(), |frozen| frozen.count_over(base.len()))
}

fn get_below(base: &Base, frozen: Option<&Overlay>, id: &[u8]) -> io::Result<Option<Text>> {
    match frozen.and_then(|frozen| frozen.get(id)) {
        Some(entry) => Ok(entry.state.text().cloned()),
        None => Ok(base.find(id)?.map(|found| found.data)),
    }
}

fn visit(
    base: &Base,
    frozen: &Overlay,
    overlay: &Overlay,
    mut cursor: Cursor,
    mut visitor: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> io::Result<Cursor> {
    if let Cursor::Base(from) = cursor {
        let mut lines = base.lines(from);
        while let Some(line) = lines.next_line()? {
            let record = parse_record(line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            let shown = match overlay.get(&record.id).or_else(|| frozen.get(&record.id)) {
                None => visitor(&record.id, line.get(record.data).unwrap_or_default()),
                // NOTE: an id that the overlay replaces in place may stand among the frozen additions.
                Some(Entry { state: State::Replaced(text), .. }) if stays_in_base(frozen, &record.id) => {
                    visitor(&record.id, &text.read()?)
                }
                Some(_) => ControlFlow::Continue(()),
            };
            if shown.is_break() {
                return Ok(Cursor::Base(lines.position()));
            }
        }
        cursor = Cursor::Frozen(0);
    }
    if let Cursor::Frozen(from) = cursor {
        for (place, id, text) in frozen.appended_from(from) {
            let shown = match overlay.get(id) {
                None => visitor(id, &text.read()?),
                Some(Entry { state: State::Replaced(text), .. }) => visitor(id, &text.read()?),
                Some(_) => ControlFlow::Continue(()),
            };
            if shown.is_break() {
                return Ok(Cursor::Frozen(place + 1));
            }
        }
        cursor = Cursor::Overlay(0);
    }
    if let Cursor::Overlay(from) = cursor {
        for (place, id, text) in overlay.appended_from(from) {
            if visitor(id, &text.read()?).is_break() {
                return Ok(Cursor::Overlay(place + 1));
            }
        }
    }
    Ok(Cursor::End)
}

/// Whether the frozen overlay leaves a base record in its position.
fn stays_in_base(frozen: &Overlay, id: &[u8]) -> bool {
    frozen.get(id).is_none_or(|entry| matches!(entry.state, State::Replaced(_)))
}
