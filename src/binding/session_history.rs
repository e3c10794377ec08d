//! The history of a store behind a backend in JS: feeds and earlier states, each known by a number. Reading is a protocol.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use napi_derive::napi;

use super::CHUNK;
use super::catch::{caught_js, plain};
use super::history::NativeWanted;
use super::past::NativeView;
use super::prune::NativePrune;
use super::session::{NativeSession, refused};
use super::text;
use crate::error::Code;
use crate::history::Wanted;
use crate::protocol::{Deleted, Error, Feed, Position, Present, When};
use crate::store::{Past, Store};

/// The records at a place, with the store that has those of now.
type Found = (Arc<Store>, Past);

/// What is being read, by number.
#[derive(Default)]
pub struct Histories {
    last: Rc<RefCell<u32>>,
    feeds: Rc<RefCell<HashMap<u32, Rc<Feed>>>>,
    presents: Rc<RefCell<HashMap<u32, Rc<Present>>>>,
    pasts: Rc<RefCell<HashMap<u32, Found>>>,
}

fn next(last: &RefCell<u32>) -> u32 {
    let mut last = last.borrow_mut();
    *last = last.wrapping_add(1);
    *last
}

fn unknown() -> Error {
    Error::rule(Code::Failed, "this is read no more")
}

/// A JSON list of texts that are each followed by a comma.
fn list(mut texts: Vec<u8>) -> Vec<u8> {
    texts.pop();
    texts.insert(0, b'[');
    texts.push(b']');
    texts
}

fn position_of(text: &str) -> Result<Position, Error> {
    let message = || format!("{text:?} is no position of a store: pass one that the store gave");
    Position::parse(text).ok_or_else(|| Error::rule(Code::Failed, message()))
}

#[napi]
impl NativeSession {
    /// The position behind what the store shows.
    #[napi]
    pub fn position(&self) -> napi::Result<String> {
        caught_js(|| Ok(text::to_js(self.shared().position().map_err(refused)?)))
    }

    /// Whether a text is a position of a store behind a backend.
    #[napi]
    pub fn is_position(&self, text: String) -> napi::Result<bool> {
        plain(|| Position::parse(&text).is_some())
    }

    /// Begins a history. Returns its number.
    #[napi]
    pub fn changes(&self, wanted: NativeWanted<'_>) -> napi::Result<u32> {
        let id = wanted.id.map(text::id).transpose()?;
        let (order, after) = ((wanted.reverse, wanted.live), wanted.after);
        let wanted = Wanted { id, since: wanted.since, until: wanted.until, writes: false };
        caught_js(|| {
            let after = after.as_deref().map(position_of).transpose().map_err(refused)?;
            let histories = self.histories();
            let number = next(&histories.last);
            histories.feeds.borrow_mut().insert(number, Rc::new(Feed::new(wanted, after, order)));
            Ok(number)
        })
    }

    /// Reads on. The task's result is a list of changes; `null` when there are no more at the moment.
    #[napi]
    pub fn next_changes(&self, number: u32) -> napi::Result<u32> {
        let feed = self.histories().feeds.borrow().get(&number).cloned();
        let session = self.shared();
        self.begin(Box::pin(async move {
            let Some(feed) = feed else { return Ok(Vec::new()) };
            let found = session.next_changes(&feed, CHUNK).await?;
            Ok(found.map(list).unwrap_or_default())
        }))
    }

    /// Lets go of a history, or of an earlier state.
    #[napi]
    pub fn end_history(&self, number: u32) -> napi::Result<()> {
        plain(|| {
            let histories = self.histories();
            histories.feeds.borrow_mut().remove(&number);
            histories.presents.borrow_mut().remove(&number);
            histories.pasts.borrow_mut().remove(&number);
        })
    }

    /// Deletes history beyond limits. The task's result is how many files and bytes.
    #[napi]
    pub fn prune(&self, prune: NativePrune) -> napi::Result<u32> {
        let session = self.shared();
        let (limits, dry_run) = (prune.limits(), prune.dry_run);
        let feeds = Rc::clone(&self.histories().feeds);
        self.begin(Box::pin(async move {
            let needed = || feeds.borrow().values().filter_map(|feed| feed.first_needed()).min();
            let Deleted { files, bytes } = session.prune(&limits, dry_run, needed).await?;
            Ok(format!("[{files},{bytes}]").into_bytes())
        }))
    }

    /// Takes the records as they are now. The task's result is a number.
    #[napi]
    pub fn present(&self) -> napi::Result<u32> {
        let (last, presents) = (Rc::clone(&self.histories().last), Rc::clone(&self.histories().presents));
        let session = self.shared();
        self.begin(Box::pin(async move {
            let present = Rc::new(session.present().await?);
            let number = next(&last);
            presents.borrow_mut().insert(number, present);
            Ok(number.to_string().into_bytes())
        }))
    }

    /// Finds the records at a place before a present. The task's result is a number for `view`.
    #[napi]
    pub fn past(&self, number: u32, place: String, is_time: bool) -> napi::Result<u32> {
        let present = self.histories().presents.borrow_mut().remove(&number);
        let (last, pasts) = (Rc::clone(&self.histories().last), Rc::clone(&self.histories().pasts));
        let session = self.shared();
        self.begin(Box::pin(async move {
            let present = present.ok_or_else(unknown)?;
            let when = if is_time { When::Time(place) } else { When::At(position_of(&place)?) };
            let past = session.past(&present, &when).await?;
            let number = next(&last);
            pasts.borrow_mut().insert(number, (Arc::clone(present.store()), past));
            Ok(number.to_string().into_bytes())
        }))
    }

    /// The records that the snapshot under way is to hold, where those are not the records as they are now.
    #[napi]
    pub fn earlier(&self) -> napi::Result<NativeView> {
        let earlier = self.steps().take_earlier();
        caught_js(|| {
            earlier.map(|(store, past)| NativeView::of(store, past)).ok_or_else(|| refused(unknown()))
        })
    }

    /// The records that were found.
    #[napi]
    pub fn view(&self, number: u32) -> napi::Result<NativeView> {
        let found = self.histories().pasts.borrow_mut().remove(&number);
        caught_js(|| found.map(|(store, past)| NativeView::of(store, past)).ok_or_else(|| refused(unknown())))
    }
}
