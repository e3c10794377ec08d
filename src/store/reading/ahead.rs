//! A walk over all records in pieces. Once it proves long, another thread makes the next pieces while the store's own parses those
//! before.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::piece::Piece;
use super::read::Place;
use crate::engine::Cursor;
use crate::error::Result;
use crate::store::Store;
use crate::sync::start_once;

/// So many pieces another thread makes in one go.
const PIECES: usize = 16;
/// A walk makes so many itself: a short one does without a thread.
const ALONE: usize = 16;

/// What comes next in a walk.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A piece, see [`Piece::list`].
    Piece(Vec<u8>),
    /// What lies under the walk has changed: it begins again.
    Changed,
    /// Nothing.
    End,
}

/// A piece that was made, and where the walk goes on.
struct Made {
    list: Vec<u8>,
    next: Place,
}

/// What another thread makes; `None` while it is at it.
#[derive(Default)]
struct Making {
    made: Mutex<Option<VecDeque<Made>>>,
    ended: Condvar,
}

impl Making {
    /// What was made, once that is known: fewer pieces than it might be, or none, where one failed.
    fn wait(&self) -> VecDeque<Made> {
        let mut made = self.made.lock();
        loop {
            if let Some(made) = made.take() {
                return made;
            }
            self.ended.wait(&mut made);
        }
    }
}

/// Says what was made, whatever becomes of its thread.
struct Maker {
    making: Arc<Making>,
    made: VecDeque<Made>,
}

impl Drop for Maker {
    fn drop(&mut self) {
        *self.making.made.lock() = Some(std::mem::take(&mut self.made));
        self.making.ended.notify_one();
    }
}

/// A walk, piece by piece.
pub struct Pieces {
    place: Place,
    /// How many pieces it has made itself.
    alone: usize,
    /// The next pieces, which another thread made.
    ready: VecDeque<Made>,
    /// Those behind them.
    making: Option<Arc<Making>>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { place: (Cursor::End, 0), alone: 0, ready: VecDeque::new(), making: None }
    }
}

impl Pieces {
    /// From the first record on.
    pub fn begin() -> Self {
        Self { place: (Cursor::Base(0), 0), ..Self::default() }
    }

    /// Where it goes on.
    pub fn place(&self) -> Place {
        self.place
    }

    /// As if it had come to this place, by pieces that were made elsewhere.
    pub fn go_on_at(&mut self, place: Place) {
        *self = Self { place, ..Self::default() };
    }

    /// The next piece, of about `limit` bytes.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn next(&mut self, store: &Arc<Store>, limit: usize) -> Result<Next> {
        if self.place.0 == Cursor::End {
            return Ok(Next::End);
        }
        if self.ready.is_empty()
            && let Some(making) = self.making.take()
        {
            self.ready = making.wait();
        }
        let made = match self.ready.pop_front() {
            Some(made) => made,
            None => {
                // NOTE: what failed on the other thread fails here again, and is told.
                self.alone += 1;
                match make(store, self.place, limit)? {
                    Some(made) => made,
                    None => return Ok(Next::Changed),
                }
            }
        };
        self.place = made.next;
        self.make_ahead(store, limit);
        Ok(Next::Piece(made.list))
    }

    /// Has the pieces made that come behind those that are ready, when these come to their end.
    fn make_ahead(&mut self, store: &Arc<Store>, limit: usize) {
        let from = self.ready.back().map_or(self.place, |last| last.next);
        let is_time = self.alone >= ALONE && self.making.is_none() && self.ready.len() < PIECES / 2;
        if !is_time || from.0 == Cursor::End {
            return;
        }
        let (making, store) = (Arc::new(Making::default()), Arc::clone(store));
        let mut maker = Maker { making: Arc::clone(&making), made: VecDeque::with_capacity(PIECES) };
        let begun = start_once("opslog-walk", move || {
            let mut place = from;
            while maker.made.len() < PIECES && place.0 != Cursor::End {
                let Ok(Some(made)) = make(&store, place, limit) else { break };
                place = made.next;
                maker.made.push_back(made);
            }
        });
        if begun.is_ok() {
            self.making = Some(making);
        } else {
            // No thread is to be had: it is asked for again after as many pieces.
            self.alone = 0;
        }
    }
}

fn make(store: &Store, from: Place, limit: usize) -> Result<Option<Made>> {
    let mut piece = Piece::with_capacity(limit);
    let next = store.scan_piece(from, limit, &mut piece)?;
    Ok(next.map(|next| Made { list: piece.list(), next }))
}
