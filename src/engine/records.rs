//! The records as a user sees them: base, head of a long log that was not replayed, frozen overlay (a checkpoint
//! writes it), pending overlay (the next checkpoint will), overlay. A lookup asks from the top down; iteration is
//! base order with the overlays' updates in place, then each overlay's additions.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::base::Base;
use super::kept::Kept;
use super::log_head::LogHead;
use super::nearby::Nearby;
use super::overlay::{Entry, Overlay, Place, State};
use super::rows::{Row, visit, visit_texts};
use super::schema::Schema;
use super::slots::Id;
use super::text::Text;
use super::touched::Touched;

/// Base and overlays.
#[derive(Clone)]
pub struct Records {
    base: Arc<Base>,
    /// While it is there, nothing is frozen, and no caller goes through all records.
    head: Option<Arc<LogHead>>,
    frozen: Option<Arc<Overlay>>,
    pending: Option<Arc<Overlay>>,
    /// NOTE: a look at one moment shares it, and a change meanwhile copies it first.
    overlay: Arc<Overlay>,
    epoch: u64,
    schema: Schema,
    touched: Touched,
    /// What was cut off the log since, for a copy.
    kept: Option<Arc<Kept>>,
}

/// The epochs of all records: no two are the same.
static EPOCHS: AtomicU64 = AtomicU64::new(1);

/// An immutable look at base and frozen overlay, for the thread that writes a snapshot.
#[derive(Clone)]
pub struct View {
    base: Arc<Base>,
    /// What values of the base were migrated to.
    values: Arc<Overlay>,
    frozen: Arc<Overlay>,
}

/// All records at one moment, for readers that do without the store's lock.
#[derive(Clone)]
pub struct Moment {
    base: Arc<Base>,
    layers: Vec<Arc<Overlay>>,
    kept: Arc<Kept>,
}

/// Where an iteration goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// At this place of the base.
    Base(u64),
    /// At this place among the additions of this layer, counted from the lowest.
    Layer(usize, u64),
    /// Nothing is left.
    End,
}

/// Where a record stands: those of the base come first, by a place within their lines, then the additions of each layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// In the base, at this byte.
    Base(u64),
    /// Among the additions of this layer, counted from the lowest, at this place.
    Layer(usize, u64),
}

impl Records {
    /// Records of a snapshot, with nothing on top.
    pub fn new(base: Arc<Base>) -> Self {
        Self {
            base,
            head: None,
            frozen: None,
            pending: None,
            overlay: Arc::default(),
            epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
            schema: Schema::default(),
            touched: Touched::default(),
            kept: None,
        }
    }

    /// A copy for reading. `kept` gets what is cut off the log from now on.
    pub(super) fn as_they_are(&self, kept: Arc<Kept>) -> Self {
        Self { kept: Some(kept), ..self.clone() }
    }

    /// Which schema versions the values have.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn schema_mut(&mut self) -> &mut Schema {
        &mut self.schema
    }

    /// Which records have changed.
    pub fn touched(&mut self) -> &mut Touched {
        &mut self.touched
    }

    fn touch(&mut self, id: &Id) {
        self.touched.note(id, self.overlay.len());
    }

    /// Changes whenever a [`Cursor`] that was got before means nothing any more. Setting and deleting records
    /// does not change it.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The head of the log that was not replayed.
    pub fn head(&self) -> Option<&Arc<LogHead>> {
        self.head.as_ref()
    }

    /// Goes by the index of the log's head.
    pub fn set_head(&mut self, head: Arc<LogHead>) {
        self.head = Some(head);
    }

    /// Puts what the log's head says, replayed over the same base, in its place. `relocate` is told of the overlay that
    /// the lowest one here is laid into.
    pub fn replace_head(&mut self, replayed: Self, relocate: impl FnOnce(&Overlay)) {
        self.turn();
        self.touched.turn();
        self.head = None;
        relocate(&replayed.overlay);
        let lowest = self.pending.as_mut().unwrap_or(&mut self.overlay);
        let later = std::mem::replace(lowest, replayed.overlay);
        Arc::make_mut(lowest).absorb(Arc::unwrap_or_clone(later));
    }

    fn turn(&mut self) {
        self.epoch = EPOCHS.fetch_add(1, Ordering::Relaxed);
    }

    /// The current snapshot.
    pub fn base(&self) -> Arc<Base> {
        Arc::clone(&self.base)
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.overlay.count_over(self.below().count())
    }

    /// How many records the overlays speak of.
    pub fn overlaid(&self) -> usize {
        self.overlay.len()
            + self.pending.as_ref().map_or(0, |pending| pending.len())
            + self.frozen.as_ref().map_or(0, |frozen| frozen.len())
    }

    /// A record's value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        self.get_with(id, &mut |_| {})
    }

    /// As [`Records::get`]; where finding the record means reading its line, `take` gets its value's text as that has it, maybe
    /// after texts of earlier values.
    ///
    /// # Errors
    /// As for [`Records::get`].
    pub fn get_with(&self, id: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<Option<Text>> {
        match self.overlay.get(id) {
            Some(entry) => Ok(entry.state.text().cloned()),
            None => self.below().get_with(id, take),
        }
    }

    /// What the overlay says of an id, for [`Records::restore`].
    pub fn entry(&self, id: &[u8]) -> Option<Entry> {
        self.overlay.get(id).cloned()
    }

    /// The value that the overlay gives a record, for saying where its text is.
    pub fn overlaid_text_mut(&mut self, id: &[u8]) -> Option<&mut Text> {
        Arc::make_mut(&mut self.overlay).text_mut(id)
    }

    /// Puts an overlay entry back exactly.
    pub fn restore(&mut self, id: &Id, before: Option<Entry>) {
        self.turn();
        self.touch(id);
        match before.as_ref().map(|entry| entry.state.text()) {
            Some(Some(text)) => self.schema.sees(id, text),
            Some(None) => {}
            None => self.schema.sees_base(id),
        }
        Arc::make_mut(&mut self.overlay).restore(id, before);
    }

    /// Gives a record a value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn set(&mut self, id: &Id, text: Text) -> io::Result<()> {
        self.touch(id);
        self.schema.sees(id, &text);
        let (below, overlay) = self.parts();
        overlay.set(id, text, || below.get(id).map(|found| found.is_some()))
    }

    /// As [`Records::set`], for a caller that has just looked the record up.
    pub fn set_known(&mut self, id: &Id, text: Text, exists: bool) {
        self.touch(id);
        self.schema.sees(id, &text);
        let Ok(()) =
            Arc::make_mut(&mut self.overlay).set(id, text, || Ok::<_, std::convert::Infallible>(exists));
    }

    /// Where a record stands in the overlay, for [`Records::put_back`].
    pub fn place_of(&self, id: &[u8]) -> Place {
        self.overlay.place_of(id)
    }

    /// Gives a record a value that was removed, in the place that it had.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn put_back(&mut self, id: &Id, text: Text, place: Place) -> io::Result<()> {
        self.turn();
        self.touch(id);
        self.schema.sees(id, &text);
        let (below, overlay) = self.parts();
        overlay.put_back(id, text, place, || below.get(id).map(|found| found.is_some()))
    }

    /// Removes a record.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn delete(&mut self, id: &Id) -> io::Result<()> {
        self.touch(id);
        let (below, overlay) = self.parts();
        overlay.delete(id, || below.get(id).map(|found| found.is_some()))
    }

    /// As [`Records::delete`], for a caller that has just looked the record up and found it.
    pub fn delete_known(&mut self, id: &Id) {
        self.touch(id);
        let Ok(()) = Arc::make_mut(&mut self.overlay).delete(id, || Ok::<_, std::convert::Infallible>(true));
    }

    /// Sets apart what there is now, for the checkpoint after the one under way. `relocate` is told of the overlay that the
    /// uppermost one is laid into, if something was set apart before.
    pub fn set_apart(&mut self, relocate: impl FnOnce(&Overlay)) {
        self.turn();
        let overlay = std::mem::take(&mut self.overlay);
        match &mut self.pending {
            Some(pending) => {
                relocate(pending);
                Arc::make_mut(pending).absorb(Arc::unwrap_or_clone(overlay));
            }
            None => self.pending = Some(overlay),
        }
    }

    /// Freezes what was set apart, or all there is now; later changes are on top.
    pub fn freeze(&mut self) -> View {
        self.turn();
        let pending = self.pending.take();
        let frozen = pending.unwrap_or_else(|| std::mem::take(&mut self.overlay));
        self.frozen = Some(frozen);
        self.frozen_view()
    }

    /// What is frozen, as it is by now.
    pub fn frozen_view(&self) -> View {
        let frozen = self.frozen.as_ref().map(Arc::clone).unwrap_or_default();
        View { base: Arc::clone(&self.base), values: Arc::clone(self.schema.values()), frozen }
    }

    /// Whether something is set apart.
    pub fn is_apart(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes what was set apart back to the changeable part. `relocate` is told of the overlay that the uppermost one is
    /// laid into.
    pub fn rejoin(&mut self, relocate: impl FnOnce(&Overlay)) {
        self.turn();
        if let Some(mut merged) = self.pending.take() {
            relocate(&merged);
            Arc::make_mut(&mut merged).absorb(Arc::unwrap_or_clone(std::mem::take(&mut self.overlay)));
            self.overlay = merged;
        }
    }

    /// Puts another view in the place of the frozen one.
    pub fn refreeze(&mut self, view: &View) {
        self.turn();
        self.touched.turn();
        self.frozen = Some(Arc::clone(&view.frozen));
    }

    /// Takes the frozen part back, as if it had never been frozen: to what is set apart, if anything is, else to the
    /// changeable part. `relocate` is told of the overlay that this one is laid into.
    pub fn thaw(&mut self, relocate: impl FnOnce(&Overlay)) {
        self.turn();
        if let Some(frozen) = self.frozen.take() {
            let mut merged = Arc::unwrap_or_clone(frozen);
            relocate(&merged);
            let lowest = self.pending.as_mut().unwrap_or(&mut self.overlay);
            merged.absorb(Arc::unwrap_or_clone(std::mem::take(lowest)));
            *lowest = Arc::new(merged);
        }
    }

    /// Replaces base and frozen overlay by a new base, of this schema version, that holds the same records. Returns
    /// what was replaced, so that the caller can free it elsewhere.
    pub fn rebase(&mut self, base: Base, version: u32) -> (Arc<Base>, Option<Arc<Overlay>>) {
        self.turn();
        self.touched.turn();
        self.schema.rebased(version);
        (std::mem::replace(&mut self.base, Arc::new(base)), self.frozen.take())
    }

    /// Appends `"id",value,` pairs of JSON text to `out` until it holds `limit` bytes, and says where to go on.
    /// `null,"id",` stands for a record without a value.
    ///
    /// # Errors
    /// Those of reading.
    pub fn scan(&self, cursor: Cursor, limit: usize, out: &mut Vec<u8>) -> io::Result<Cursor> {
        self.print(cursor, limit, out, |row, out| row.print_pair(out))
    }

    /// As [`Records::scan`], the ids alone: `"id",`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn scan_ids(&self, cursor: Cursor, limit: usize, out: &mut Vec<u8>) -> io::Result<Cursor> {
        self.print(cursor, limit, out, |row, out| row.print_id(out))
    }

    fn print(
        &self,
        cursor: Cursor,
        limit: usize,
        out: &mut Vec<u8>,
        print: impl Fn(&Row<'_>, &mut Vec<u8>),
    ) -> io::Result<Cursor> {
        self.visit(cursor, &mut |row| {
            print(row, out);
            out.push(b',');
            if out.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    }

    /// Visits records in order, from a cursor on, until told to stop; says where to go on.
    ///
    /// # Errors
    /// Those of reading.
    pub fn visit(
        &self,
        cursor: Cursor,
        visitor: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> io::Result<Cursor> {
        let texts = self.kept.as_ref().map_or_else(Nearby::default, Nearby::of);
        visit(texts, &self.base, &self.layers(), cursor, visitor)
    }

    /// All records as they are now, whatever changes later. Costs nothing; the first change meanwhile copies what the
    /// changeable overlay says. `kept` gets what is cut off the log from now on.
    pub fn moment(&self, kept: Arc<Kept>) -> Moment {
        let values = Some(Arc::clone(self.schema.values()));
        let layers = [values, self.frozen.clone(), self.pending.clone(), Some(Arc::clone(&self.overlay))];
        Moment { base: Arc::clone(&self.base), layers: layers.into_iter().flatten().collect(), kept }
    }

    /// As [`Records::moment`], what was set apart alone, and how many records that shows; `None` if nothing is.
    pub fn moment_apart(&self, kept: Arc<Kept>) -> Option<(Moment, usize)> {
        let pending = Some(Arc::clone(self.pending.as_ref()?));
        let values = Some(Arc::clone(self.schema.values()));
        let layers = [values, self.frozen.clone(), pending].into_iter().flatten().collect();
        Some((Moment { base: Arc::clone(&self.base), layers, kept }, self.below().count()))
    }

    /// Whether indexes can tell what records say: all values are of the version that is wanted.
    pub fn is_indexable(&self) -> bool {
        self.head.is_none() && !self.schema.is_base_old() && self.schema.pending().is_empty()
    }

    /// What the layers on top of the base say of a record: its value, or that there is none. `None` if they say nothing.
    pub fn overlaid_text(&self, id: &[u8]) -> Option<Option<Text>> {
        let layers = [Some(&self.overlay), self.pending.as_ref(), self.frozen.as_ref()];
        let entry = layers.into_iter().flatten().find_map(|layer| layer.get(id))?;
        Some(entry.state.text().cloned())
    }

    /// Whether no layer has anything to say of a record.
    pub(super) fn says_nothing_of(&self, id: &[u8]) -> bool {
        self.layers().into_iter().all(|layer| layer.get(id).is_none())
    }

    /// All that lies on top of the base.
    fn layers(&self) -> Vec<&Overlay> {
        let values = Some(&**self.schema.values());
        let layers = [values, self.frozen.as_deref(), self.pending.as_deref(), Some(&*self.overlay)];
        layers.into_iter().flatten().collect()
    }

    fn below(&self) -> Below<'_> {
        Below {
            base: &self.base,
            head: self.head.as_deref(),
            frozen: self.frozen.as_deref(),
            pending: self.pending.as_deref(),
            schema: &self.schema,
        }
    }

    fn parts(&mut self) -> (Below<'_>, &mut Overlay) {
        let Self { base, head, frozen, pending, overlay, schema, .. } = self;
        let (head, frozen, pending) = (head.as_deref(), frozen.as_deref(), pending.as_deref());
        (Below { base, head, frozen, pending, schema }, Arc::make_mut(overlay))
    }
}

/// What is under the changeable overlay.
struct Below<'a> {
    base: &'a Base,
    head: Option<&'a LogHead>,
    frozen: Option<&'a Overlay>,
    pending: Option<&'a Overlay>,
    schema: &'a Schema,
}

impl Below<'_> {
    fn count(&self) -> usize {
        let lowest = self.head.map_or(self.base.len(), LogHead::records);
        let frozen = self.frozen.map_or(lowest, |frozen| frozen.count_over(lowest));
        self.pending.map_or(frozen, |pending| pending.count_over(frozen))
    }

    fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        self.get_with(id, &mut |_| {})
    }

    fn get_with(&self, id: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<Option<Text>> {
        let entry = self.pending.and_then(|pending| pending.get(id));
        match entry.or_else(|| self.frozen.and_then(|frozen| frozen.get(id))) {
            Some(entry) => Ok(entry.state.text().cloned()),
            None => match self.head.map(|head| head.find_with(id, take)).transpose()?.flatten() {
                Some(said) => Ok(said),
                None => Ok(self.base.find_with(id, take)?.map(|text| self.schema.of_base(id, text))),
            },
        }
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

impl Moment {
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
        for (number, layer) in self.layers.iter().enumerate() {
            let above = self.layers.get(number + 1..).unwrap_or_default();
            let is_new = |id: &&Id| above.iter().all(|layer| layer.get(id).is_none());
            ids.extend(layer.ids().filter(is_new).cloned());
        }
        ids
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

    /// Visits the id of each record, and where its value is.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn visit_texts(&self, visitor: &mut dyn FnMut(&[u8], Text)) -> io::Result<()> {
        let layers: Vec<&Overlay> = self.layers.iter().map(|layer| &**layer).collect();
        visit_texts(&self.base, &layers, visitor)
    }
}
