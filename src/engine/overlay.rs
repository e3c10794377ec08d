//! What the log says since the layer below it: new values, deletions, additions, in `Map` order. An update
//! keeps the record's position, delete + set moves it to the end. Each entry knows whether the layer below
//! has the id; `prev` in a line is never asked.

use std::sync::Arc;

use super::slots::{Id, IdHash, Slots};
use super::text::Text;

/// What an overlay says of one id.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whether the layer below shows a record of this id.
    pub below: bool,
    /// What became of it.
    pub state: State,
}

/// What became of a record since the layer below.
#[derive(Debug, Clone)]
pub enum State {
    /// It is gone.
    Deleted,
    /// It has a new value in its old position.
    Replaced(Text),
    /// It stands behind all records of the layer below, at this place in the sequence.
    Appended(u64, Text),
}

impl State {
    /// The value, if there is one.
    pub fn text(&self) -> Option<&Text> {
        match self {
            Self::Deleted => None,
            Self::Replaced(text) | Self::Appended(_, text) => Some(text),
        }
    }
}

/// Where a record stands: in the layer below, or at a place in the sequence behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u64);

impl Place {
    /// In the layer below, or nowhere.
    pub const BELOW: Self = Self(u64::MAX);
}

/// Changes on top of a layer.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    entries: Slots<Entry>,
    /// The slot at each place of the sequence, or [`LEFT`].
    places: Vec<u32>,
    appended: usize,
    hidden: usize,
}

/// No record stands at this place any more.
const LEFT: u32 = u32::MAX;

impl Overlay {
    /// What is said of an id, if anything.
    pub fn get(&self, id: &[u8]) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// As [`Overlay::get`], with the hash of the id.
    pub fn get_hashed(&self, id: &[u8], hash: IdHash) -> Option<&Entry> {
        self.entries.get_hashed(id, hash)
    }

    /// Makes room for changes of so many other ids.
    pub fn reserve(&mut self, more: usize) {
        self.entries.reserve(more);
        self.places.reserve(more);
    }

    /// A record's value.
    pub fn text_mut(&mut self, id: &[u8]) -> Option<&mut Text> {
        match &mut self.entries.get_mut(id)?.1.state {
            State::Deleted => None,
            State::Replaced(text) | State::Appended(_, text) => Some(text),
        }
    }

    /// How many ids something is said of.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The ids of which something is said, and what.
    pub fn entries(&self) -> impl Iterator<Item = (&Id, &Entry)> {
        self.entries.iter()
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many records there are on top of a layer with `below` records.
    pub fn count_over(&self, below: usize) -> usize {
        below.saturating_sub(self.hidden) + self.appended
    }

    /// Gives a record a value; `below` is asked only when the id is new here.
    ///
    /// # Errors
    /// Those of `below`.
    pub fn set<E>(&mut self, id: &Id, text: Text, below: impl FnOnce() -> Result<bool, E>) -> Result<(), E> {
        let hash = IdHash::of(id);
        if let Some(text) = self.replace(id, hash, text) {
            self.add(id, hash, text, below()?);
        }
        Ok(())
    }

    /// Gives a record a value of whose id something is said. If nothing is, the value comes back.
    pub fn replace(&mut self, id: &Id, hash: IdHash, text: Text) -> Option<Text> {
        let Some((slot, entry)) = self.entries.get_mut_hashed(id, hash) else { return Some(text) };
        match &mut entry.state {
            State::Replaced(old) | State::Appended(_, old) => *old = text,
            State::Deleted => {
                entry.state = State::Appended(self.places.len() as u64, text);
                self.places.push(slot);
                self.appended += 1;
            }
        }
        None
    }

    /// Gives a record a value of whose id nothing is said; `below` tells whether the layer below shows it.
    pub fn add(&mut self, id: &Id, hash: IdHash, text: Text, below: bool) {
        let next = self.places.len() as u64;
        let state = if below { State::Replaced(text) } else { State::Appended(next, text) };
        let slot = self.entries.add_hashed(Arc::clone(id), hash, Entry { below, state });
        if !below {
            self.places.push(slot);
            self.appended += 1;
        }
    }

    /// As [`Overlay::add`], for several ids, each once.
    pub fn add_all(&mut self, fresh: impl Iterator<Item = (Id, IdHash, Text, bool)>) {
        let Self { entries, places, appended, .. } = self;
        let mut next = places.len() as u64;
        let entry = |(id, hash, text, below)| {
            let state = if below { State::Replaced(text) } else { State::Appended(next, text) };
            next += u64::from(!below);
            (id, hash, Entry { below, state })
        };
        entries.add_all(fresh.map(entry), |slot, entry| {
            if !entry.below {
                places.push(slot);
                *appended += 1;
            }
        });
    }

    /// Removes a record; `below` is asked only when the id is new here.
    ///
    /// # Errors
    /// Those of `below`.
    pub fn delete<E>(&mut self, id: &Id, below: impl FnOnce() -> Result<bool, E>) -> Result<(), E> {
        match self.entries.get_mut(id) {
            Some((_, entry)) => {
                let below = entry.below;
                match std::mem::replace(&mut entry.state, State::Deleted) {
                    State::Deleted => {}
                    State::Replaced(_) => self.hidden += 1,
                    State::Appended(place, _) => self.leave(place),
                }
                if !below {
                    self.entries.remove(id);
                }
            }
            None => {
                if below()? {
                    self.hidden += 1;
                    self.entries.add(Arc::clone(id), Entry { below: true, state: State::Deleted });
                }
            }
        }
        Ok(())
    }

    /// Where a record stands.
    pub fn place_of(&self, id: &[u8]) -> Place {
        match self.get(id).map(|entry| &entry.state) {
            Some(State::Appended(place, _)) => Place(*place),
            _ => Place::BELOW,
        }
    }

    /// Where a record stands that stands at this place of a layer on top of this one, once that is laid into this one:
    /// see [`Overlay::absorb`].
    pub fn place_under(&self, id: &[u8], place: Place) -> Place {
        match place {
            Place::BELOW => self.place_of(id),
            Place(place) => Place(self.places.len() as u64 + place),
        }
    }

    /// Gives a record a value that was removed, in the place that it had; `below` is asked only when the id is new here.
    ///
    /// # Errors
    /// Those of `below`.
    pub fn put_back<E>(
        &mut self,
        id: &Id,
        text: Text,
        Place(place): Place,
        below: impl FnOnce() -> Result<bool, E>,
    ) -> Result<(), E> {
        let is_free = self.places.get(place as usize) == Some(&LEFT);
        match self.entries.get_mut(id) {
            Some((_, entry)) if matches!(entry.state, State::Deleted) && Place(place) == Place::BELOW => {
                entry.state = State::Replaced(text);
                self.hidden -= 1;
            }
            Some((slot, entry)) if matches!(entry.state, State::Deleted) && is_free => {
                entry.state = State::Appended(place, text);
                self.take(place, slot);
            }
            None if is_free => {
                let entry = Entry { below: false, state: State::Appended(place, text) };
                let slot = self.entries.add(Arc::clone(id), entry);
                self.take(place, slot);
            }
            _ => self.set(id, text, below)?,
        }
        Ok(())
    }

    /// Puts back exactly what was said of an id before, position included.
    pub fn restore(&mut self, id: &Id, before: Option<Entry>) {
        let hides = |entry: &Entry| entry.below && !matches!(entry.state, State::Replaced(_));
        if let Some(now) = self.entries.remove(id) {
            if hides(&now) {
                self.hidden -= 1;
            }
            if let State::Appended(place, _) = now.state {
                self.leave(place);
            }
        }
        if let Some(entry) = before {
            if hides(&entry) {
                self.hidden += 1;
            }
            let place = match entry.state {
                State::Appended(place, _) => Some(place),
                _ => None,
            };
            let slot = self.entries.add(Arc::clone(id), entry);
            if let Some(place) = place {
                self.take(place, slot);
            }
        }
    }

    fn take(&mut self, place: u64, slot: u32) {
        if let Some(free) = self.places.get_mut(place as usize) {
            *free = slot;
            self.appended += 1;
        }
    }

    fn leave(&mut self, place: u64) {
        if let Some(slot) = self.places.get_mut(place as usize) {
            *slot = LEFT;
            self.appended -= 1;
        }
    }

    /// Lays a later overlay, which stood on top of this one, into this one. Each of its places is behind those that there
    /// are, free ones too, so that [`Overlay::place_under`] can tell where they are.
    pub fn absorb(&mut self, later: Overlay) {
        let known = |entry: &Entry| {
            let below = entry.below;
            move || Ok::<_, std::convert::Infallible>(below)
        };
        for (id, entry) in later.entries.iter() {
            match &entry.state {
                State::Replaced(text) => {
                    let Ok(()) = self.set(id, text.clone(), known(entry));
                }
                State::Deleted | State::Appended(..) if entry.below => {
                    let Ok(()) = self.delete(id, known(entry));
                }
                State::Deleted | State::Appended(..) => {}
            }
        }
        let first = self.places.len();
        for (place, id, text) in later.appended_from(0) {
            self.places.resize(first + place as usize, LEFT);
            let Ok(()) = self.set(id, text.clone(), || Ok::<_, std::convert::Infallible>(false));
        }
        self.places.resize(first + later.places.len(), LEFT);
    }

    /// The records that stand behind the layer below, in order, from a place in the sequence on.
    pub fn appended_from(&self, place: u64) -> impl Iterator<Item = (u64, &Id, &Text)> {
        let places = self.places.get(place as usize..).unwrap_or_default();
        places.iter().zip(place..).filter_map(|(&slot, place)| {
            let (id, entry) = self.entries.at(slot)?;
            Some((place, id, entry.state.text()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn id(name: &str) -> Id {
        name.as_bytes().into()
    }

    fn text(value: &str) -> Text {
        Text::Held(value.as_bytes().into())
    }

    fn set(overlay: &mut Overlay, name: &str, value: &str, below: bool) {
        let Ok(()) = overlay.set(&id(name), text(value), || Ok::<_, Infallible>(below));
    }

    fn delete(overlay: &mut Overlay, name: &str, below: bool) {
        let Ok(()) = overlay.delete(&id(name), || Ok::<_, Infallible>(below));
    }

    fn appended(overlay: &Overlay) -> Vec<String> {
        overlay.appended_from(0).map(|(_, id, _)| String::from_utf8_lossy(id).into_owned()).collect()
    }

    #[test]
    fn update_keeps_position_and_delete_then_set_moves_to_the_end() {
        let mut overlay = Overlay::default();
        set(&mut overlay, "a", "1", false);
        set(&mut overlay, "b", "1", false);
        set(&mut overlay, "a", "2", false);
        assert_eq!(appended(&overlay), ["a", "b"]);
        delete(&mut overlay, "a", false);
        set(&mut overlay, "a", "3", false);
        assert_eq!(appended(&overlay), ["b", "a"]);
        assert_eq!(overlay.count_over(5), 7);
    }

    #[test]
    fn a_record_of_the_layer_below_that_is_deleted_and_set_again_is_hidden_there() {
        let mut overlay = Overlay::default();
        set(&mut overlay, "x", "1", true);
        assert_eq!(overlay.count_over(3), 3);
        delete(&mut overlay, "x", true);
        assert_eq!(overlay.count_over(3), 2);
        set(&mut overlay, "x", "2", true);
        assert_eq!(overlay.count_over(3), 3);
        assert_eq!(appended(&overlay), ["x"]);
    }

    #[test]
    fn restore_brings_back_position_and_count() {
        let mut overlay = Overlay::default();
        set(&mut overlay, "a", "1", false);
        set(&mut overlay, "b", "1", false);
        set(&mut overlay, "x", "1", true);
        let before: Vec<_> =
            ["a", "x", "y"].iter().map(|name| (id(name), overlay.get(name.as_bytes()).cloned())).collect();
        delete(&mut overlay, "a", false);
        delete(&mut overlay, "x", true);
        delete(&mut overlay, "y", true);
        set(&mut overlay, "y", "9", true);
        for (id, entry) in before.into_iter().rev() {
            overlay.restore(&id, entry);
        }
        assert_eq!(appended(&overlay), ["a", "b"]);
        assert_eq!(overlay.count_over(10), 12);
        assert!(overlay.get(b"y").is_none());
    }

    #[test]
    fn absorb_gives_what_applying_one_after_the_other_gives() {
        let mut first = Overlay::default();
        set(&mut first, "a", "1", false);
        set(&mut first, "b", "1", false);
        set(&mut first, "x", "1", true);
        delete(&mut first, "z", true);
        let mut later = Overlay::default();
        delete(&mut later, "a", true);
        set(&mut later, "a", "2", true);
        set(&mut later, "x", "2", true);
        set(&mut later, "z", "2", false);
        delete(&mut later, "b", true);
        first.absorb(later);
        assert_eq!(appended(&first).len(), 2);
        assert!(first.get(b"b").is_none());
        assert_eq!(first.count_over(2), 3);
        assert!(matches!(first.get(b"x"), Some(Entry { state: State::Replaced(_), .. })));
        assert!(matches!(first.get(b"z"), Some(Entry { below: true, state: State::Appended(..) })));
    }
}
