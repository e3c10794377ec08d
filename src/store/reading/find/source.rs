//! Where a query takes records from: all of them in order, or those to which an index leads.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::candidates::{Candidate, Ordered, Place, Tags, listed, said};
use super::choice::Choice;
use crate::engine::{Cursor, Moment, Nearby, Standing, Text};
use crate::fields::Failed;
use crate::store::Store;

/// Records, from a place on.
#[derive(Clone)]
pub(super) enum Source {
    /// All of them.
    Walk(Cursor),
    /// Those of a list.
    Listed { list: Arc<[Candidate]>, next: usize, keys: u64, exact: Option<Exact> },
    /// Those of an index, in its order.
    Ordered { ordered: Box<Ordered>, is_at_end: bool, exact: Option<Exact> },
}

/// Records of the snapshot are found without a look at them, where the log says nothing of them.
type Exact = Arc<Tags>;

/// A record that a source gives.
pub(super) enum Seen<'a> {
    /// Its id and its value.
    Record(&'a [u8], &'a [u8]),
    /// The query finds it, whatever it holds.
    Certain,
}

/// What is wanted after a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// The next one.
    Next,
    /// No more for now.
    Stop,
    /// The value of this one.
    Read,
}

impl Source {
    /// Opens what an index leads to.
    ///
    /// # Errors
    /// Those of reading; `InvalidData` for an index that is damaged. `None` if it leads to too much.
    pub fn open(store: &Store, moment: &Moment, choice: &Choice) -> io::Result<Option<Self>> {
        let tree = choice.ways.first().and_then(|way| Some(Arc::clone(&way.tree.as_ref()?.0)));
        let tags = || choice.is_exact().then(|| Arc::new(Tags::of(moment, tree.as_deref())));
        let opened = match choice.order {
            None => {
                let most = if choice.is_exact() { u64::MAX } else { moment.base().len() as u64 / 2 + 1000 };
                listed(moment, choice, most).map(|found| {
                    let (list, keys) = found?;
                    Some(Self::Listed { list: list.into(), next: 0, keys, exact: tags() })
                })
            }
            Some(_) => ordered(store, moment, choice).map(|ordered| {
                let (ordered, exact) = (Box::new(ordered?), tags());
                Some(Self::Ordered { ordered, is_at_end: false, exact })
            }),
        };
        match opened {
            Ok(source) => Ok(source),
            Err(Failed::Broken) => Err(io::ErrorKind::InvalidData.into()),
            Err(Failed::Io(error)) => Err(error),
        }
    }

    pub fn is_at_end(&self) -> bool {
        match self {
            Self::Walk(cursor) => *cursor == Cursor::End,
            Self::Listed { list, next, .. } => *next >= list.len(),
            Self::Ordered { is_at_end, .. } => *is_at_end,
        }
    }

    pub fn is_walk(&self) -> bool {
        matches!(self, Self::Walk(_))
    }

    /// How many keys were looked at.
    pub fn keys(&self) -> u64 {
        match self {
            Self::Walk(_) => 0,
            Self::Listed { keys, .. } => *keys,
            Self::Ordered { ordered, .. } => ordered.keys,
        }
    }

    /// Visits records until told to stop. Says whether an index may lead to more than is wanted.
    ///
    /// # Errors
    /// Those of reading; `InvalidData` when an index does not fit the snapshot.
    pub fn visit(
        &mut self,
        moment: &Moment,
        may_be_certain: bool,
        visitor: &mut dyn FnMut(Seen<'_>) -> Visit,
    ) -> io::Result<bool> {
        let mut texts = Nearby::of(moment.kept());
        match self {
            Self::Walk(cursor) => {
                *cursor =
                    moment.visit(*cursor, |row| match visitor(Seen::Record(&row.id(), row.text())) {
                        Visit::Stop => ControlFlow::Break(()),
                        Visit::Next | Visit::Read => ControlFlow::Continue(()),
                    })?;
                Ok(false)
            }
            Self::Listed { list, next, exact, .. } => {
                let exact = exact.as_deref().filter(|_| may_be_certain);
                while let Some(candidate) = list.get(*next) {
                    *next += 1;
                    if tried(moment, candidate, exact, &mut texts, visitor)? == Visit::Stop {
                        break;
                    }
                }
                Ok(false)
            }
            Self::Ordered { ordered, is_at_end, exact, .. } => {
                let is_exact = exact.is_some();
                let exact = exact.as_deref().filter(|_| may_be_certain);
                loop {
                    let next = ordered.next_candidate().map_err(|_| io::ErrorKind::InvalidData)?;
                    let Some(candidate) = next else {
                        *is_at_end = true;
                        break;
                    };
                    if tried(moment, &candidate, exact, &mut texts, visitor)? == Visit::Stop {
                        break;
                    }
                }
                Ok(!is_exact && !*is_at_end)
            }
        }
    }
}

fn ordered(store: &Store, moment: &Moment, choice: &Choice) -> Result<Option<Ordered>, Failed> {
    let definitions = Arc::clone(&store.fields.lock().definitions);
    let Some(definition) = choice.ways.first().and_then(|way| definitions.get(way.number)) else {
        return Ok(None);
    };
    Ordered::new(choice, definition, moment, said(moment, choice)?).map(Some)
}

/// Shows one candidate to the visitor, if it is what it was when it was indexed.
fn tried(
    moment: &Moment,
    candidate: &Candidate,
    exact: Option<&Tags>,
    texts: &mut Nearby,
    visitor: &mut dyn FnMut(Seen<'_>) -> Visit,
) -> io::Result<Visit> {
    let (offset, len, tag) = match (&candidate.found, candidate.standing) {
        (Place::Line { len, tag }, Standing::Base(offset)) => (offset, *len, *tag),
        (Place::Said(id, text), _) => return Ok(visitor(Seen::Record(id, texts.read(text)?))),
        (Place::Line { .. }, Standing::Layer(..)) => return Ok(Visit::Next),
    };
    if exact.is_some_and(|tags| tags.lacks(tag)) {
        match visitor(Seen::Certain) {
            Visit::Read => {}
            visit => return Ok(visit),
        }
    }
    let base = moment.base();
    let Some(file) = base.file() else { return Err(io::ErrorKind::InvalidData.into()) };
    let text = Text::at(file, offset, len as usize);
    let line = texts.read(&text)?;
    let record = base.record(offset, line)?;
    if !moment.says_nothing_of(&record.id) {
        return Ok(Visit::Next);
    }
    Ok(visitor(Seen::Record(&record.id, line.get(record.data).unwrap_or_default())))
}
