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
use super::moment::Moment;
use super::nearby::Nearby;
use super::overlay::{Entry, Overlay, Place};
use super::overlays::{Lower, Overlays};
use super::rows::{Row, visit};
use super::schema::Schema;
use super::slots::{Id, IdHash};
use super::text::Text;
use super::touched::Touched;
use super::view::View;

/// Base and overlays.
#[derive(Clone)]
pub struct Records {
    base: Arc<Base>,
    /// While it is there, nothing is frozen, and no caller goes through all records.
    head: Option<Arc<LogHead>>,
    overlays: Overlays,
    epoch: u64,
    schema: Schema,
    touched: Touched,
    /// What was cut off the log since, for a copy.
    kept: Option<Arc<Kept>>,
}

/// A value of a record of which the uppermost overlay says nothing.
pub struct Fresh {
    /// The record.
    pub id: Id,
    /// The hash of its id.
    pub hash: IdHash,
    /// Its value as it stands in the line.
    pub data: Text,
    /// The schema version of that.
    pub version: u32,
    /// Whether the record is there already.
    pub exists: bool,
}

/// The epochs of all records: no two are the same.
static EPOCHS: AtomicU64 = AtomicU64::new(1);

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

impl Records {
    /// Records of a snapshot, with nothing on top.
    pub fn new(base: Arc<Base>) -> Self {
        Self {
            base,
            head: None,
            overlays: Overlays::default(),
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
        self.touched.note(id, self.overlays.top().len());
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
        relocate(replayed.overlays.top());
        self.overlays.lay_over(replayed.overlays);
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
        self.overlays.top().count_over(self.below().count())
    }

    /// How many records the overlays speak of.
    pub fn overlaid(&self) -> usize {
        self.overlays.all().map(|overlay| overlay.len()).sum()
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
        match self.overlays.top().get(id) {
            Some(entry) => Ok(entry.state.text().cloned()),
            None => self.below().get_with(id, take),
        }
    }

    /// As [`Records::get`], with the id's hash; and whether the uppermost overlay says something of the id.
    ///
    /// # Errors
    /// As for [`Records::get`].
    pub fn get_hashed(&self, id: &[u8], hash: IdHash) -> io::Result<(Option<Text>, bool)> {
        match self.overlays.top().get_hashed(id, hash) {
            Some(entry) => Ok((entry.state.text().cloned(), true)),
            None => Ok((self.below().get(id)?, false)),
        }
    }

    /// Makes room for changes of so many other ids.
    pub(super) fn reserve(&mut self, more: usize) {
        self.overlays.top_mut().reserve(more);
    }

    /// What the overlay says of an id, for [`Records::restore`].
    pub fn entry(&self, id: &[u8]) -> Option<Entry> {
        self.overlays.top().get(id).cloned()
    }

    /// The value that the overlay gives a record, for saying where its text is.
    pub fn overlaid_text_mut(&mut self, id: &[u8]) -> Option<&mut Text> {
        self.overlays.top_mut().text_mut(id)
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
        self.overlays.top_mut().restore(id, before);
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

    /// As [`Records::set`], for a caller that has just looked the record up. With the hash of an id, of which the uppermost
    /// overlay says nothing.
    pub fn set_known(&mut self, id: &Id, text: Text, exists: bool, unsaid: Option<IdHash>) {
        self.touch(id);
        self.schema.sees(id, &text);
        let top = self.overlays.top_mut();
        if let Some(hash) = unsaid {
            return top.add(id, hash, text, exists);
        }
        let hash = IdHash::of(id);
        if let Some(text) = top.replace(id, hash, text) {
            top.add(id, hash, text, exists);
        }
    }

    /// Gives records values of which the uppermost overlay says nothing, each once.
    pub(super) fn set_fresh(&mut self, fresh: impl Iterator<Item = Fresh>) {
        let Self { overlays, schema, touched, .. } = self;
        let top = overlays.top_mut();
        let overlaid = top.len();
        top.add_all(fresh.map(|Fresh { id, hash, data, version, exists }| {
            let text = schema.of_line(data, version);
            touched.note(&id, overlaid);
            schema.sees(&id, &text);
            (id, hash, text, exists)
        }));
    }

    /// Where a record stands in the overlay, for [`Records::put_back`].
    pub fn place_of(&self, id: &[u8]) -> Place {
        self.overlays.top().place_of(id)
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
        let Ok(()) = self.overlays.top_mut().delete(id, || Ok::<_, std::convert::Infallible>(true));
    }

    /// Sets apart what there is now, for the checkpoint after the one under way. `relocate` is told of the overlay that the
    /// uppermost one is laid into, if something was set apart before.
    pub fn set_apart(&mut self, relocate: impl FnOnce(&Overlay)) {
        self.turn();
        self.overlays.set_apart(relocate);
    }

    /// Freezes what was set apart, or all there is now; later changes are on top.
    pub fn freeze(&mut self) -> View {
        self.turn();
        self.overlays.freeze();
        self.frozen_view()
    }

    /// What is frozen, as it is by now.
    pub fn frozen_view(&self) -> View {
        View::new(self.base(), Arc::clone(self.schema.values()), self.overlays.frozen())
    }

    /// Whether something is set apart.
    pub fn is_apart(&self) -> bool {
        self.overlays.is_apart()
    }

    /// Takes what was set apart back to the changeable part. `relocate` is told of the overlay that the uppermost one is
    /// laid into.
    pub fn rejoin(&mut self, relocate: impl FnOnce(&Overlay)) {
        self.turn();
        self.overlays.rejoin(relocate);
    }

    /// Puts another view in the place of the frozen one.
    pub fn refreeze(&mut self, view: &View) {
        self.turn();
        self.touched.turn();
        self.overlays.refreeze(view.frozen());
    }

    /// Takes the frozen part back, as if it had never been frozen: to what is set apart, if anything is, else to the
    /// changeable part. `relocate` is told of the overlay that this one is laid into.
    pub fn thaw(&mut self, relocate: impl FnOnce(&Overlay)) {
        self.turn();
        self.overlays.thaw(relocate);
    }

    /// Replaces base and frozen overlay by a new base, of this schema version, that holds the same records. Returns
    /// what was replaced, so that the caller can free it elsewhere.
    pub fn rebase(&mut self, base: Base, version: u32) -> (Arc<Base>, Option<Arc<Overlay>>) {
        self.turn();
        self.touched.turn();
        self.schema.rebased(version);
        (std::mem::replace(&mut self.base, Arc::new(base)), self.overlays.take_frozen())
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
        let layers = [self.schema.values()].into_iter().chain(self.overlays.all());
        Moment::new(self.base(), layers.cloned().collect(), kept)
    }

    /// As [`Records::moment`], what was set apart alone, and how many records that shows; `None` if nothing is.
    pub fn moment_apart(&self, kept: Arc<Kept>) -> Option<(Moment, usize)> {
        let layers = [self.schema.values()].into_iter().chain(self.overlays.set_apart_and_below()?);
        Some((Moment::new(self.base(), layers.cloned().collect(), kept), self.below().count()))
    }

    /// Whether indexes can tell what records say: all values are of the version that is wanted.
    pub fn is_indexable(&self) -> bool {
        self.head.is_none() && !self.schema.is_base_old() && self.schema.pending().is_empty()
    }

    /// What the layers on top of the base say of a record: its value, or that there is none. `None` if they say nothing.
    pub fn overlaid_text(&self, id: &[u8]) -> Option<Option<Text>> {
        let entry = self.overlays.all().rev().find_map(|layer| layer.get(id))?;
        Some(entry.state.text().cloned())
    }

    /// Whether no layer has anything to say of a record.
    pub(super) fn says_nothing_of(&self, id: &[u8]) -> bool {
        self.layers().into_iter().all(|layer| layer.get(id).is_none())
    }

    /// All that lies on top of the base.
    fn layers(&self) -> Vec<&Overlay> {
        [self.schema.values()].into_iter().chain(self.overlays.all()).map(|layer| &**layer).collect()
    }

    fn below(&self) -> Below<'_> {
        let (head, lower) = (self.head.as_deref(), self.overlays.lower());
        Below { base: &self.base, head, lower, schema: &self.schema }
    }

    fn parts(&mut self) -> (Below<'_>, &mut Overlay) {
        let Self { base, head, overlays, schema, .. } = self;
        let (lower, top) = overlays.parts();
        (Below { base, head: head.as_deref(), lower, schema }, top)
    }
}

/// What is under the overlay that changes.
struct Below<'a> {
    base: &'a Base,
    head: Option<&'a LogHead>,
    lower: Lower<'a>,
    schema: &'a Schema,
}

impl Below<'_> {
    fn count(&self) -> usize {
        let lowest = self.head.map_or(self.base.len(), LogHead::records);
        self.lower.count_over(lowest)
    }

    fn get(&self, id: &[u8]) -> io::Result<Option<Text>> {
        self.get_with(id, &mut |_| {})
    }

    fn get_with(&self, id: &[u8], take: &mut dyn FnMut(&[u8])) -> io::Result<Option<Text>> {
        match self.lower.down().find_map(|overlay| overlay.get(id)) {
            Some(entry) => Ok(entry.state.text().cloned()),
            None => match self.head.map(|head| head.find_with(id, take)).transpose()?.flatten() {
                Some(said) => Ok(said),
                None => Ok(self.base.find_with(id, take)?.map(|text| self.schema.of_base(id, text))),
            },
        }
    }
}
