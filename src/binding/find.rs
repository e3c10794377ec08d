//! Queries: begun at the call, carried out on libuv's pool, taken in pieces.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use napi::JsString;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use parking_lot::Mutex;

use super::CHUNK;
use super::catch::{caught, plain};
use super::store::NativeStore;
use super::tasks::Work;
use super::text;
use crate::error::Error;
use crate::json::string::escape_into;
use crate::query::{Fields, Query, Selection, Sort};
use crate::store::{Find, Found, Step, Store};

/// What is wanted of the records that a query finds.
#[napi(object)]
pub struct NativeSelection<'a> {
    /// The order, as JSON: paths, each with 1 or -1.
    pub sort: Option<JsString<'a>>,
    /// How many are passed over.
    pub skip: f64,
    /// How many are wanted; less than 0 for all.
    pub limit: f64,
    /// The fields, as JSON.
    pub fields: Option<JsString<'a>>,
    /// Only how many there are.
    pub counts: bool,
    /// The ids of the records instead of their values.
    pub ids: bool,
}

/// A query under way.
#[napi(custom_finalize)]
pub struct NativeFind {
    store: Arc<Store>,
    find: Arc<Mutex<Find>>,
    cancelled: Arc<std::sync::atomic::AtomicBool>,
    found: Arc<Mutex<Option<Rows>>>,
}

/// What was found, and is still to be taken.
struct Rows {
    effort: Effort,
    texts: Box<dyn Iterator<Item = Vec<u8>> + Send>,
}

/// How a query was carried out.
#[napi(object)]
#[derive(Clone)]
pub struct Effort {
    /// The indexes that were used.
    pub indexes: Vec<String>,
    /// How many keys of indexes were looked at.
    pub keys: f64,
    /// How many records were tried.
    pub examined: f64,
    /// How many records meet the query.
    pub matched: f64,
    /// They came in the order that was wanted.
    pub is_in_order: bool,
    /// An index is still to be made.
    pub is_index_missing: bool,
}

impl From<Found> for Rows {
    fn from(mut found: Found) -> Self {
        let effort = Effort {
            indexes: std::mem::take(&mut found.indexes),
            keys: found.keys as f64,
            examined: found.examined as f64,
            matched: found.matched as f64,
            is_in_order: found.is_in_order,
            is_index_missing: found.is_index_missing,
        };
        Self { effort, texts: Box::new(found.into_texts()) }
    }
}

#[napi]
impl NativeStore {
    /// Finds what an index leads to, if that is little, all at once: a JSON list of the values or ids. `null` if it is more, or an index
    /// that was declared is still to be made: that takes `find`.
    #[napi]
    pub fn find_few(
        &self,
        query: JsString<'_>,
        selection: NativeSelection<'_>,
    ) -> napi::Result<Option<String>> {
        let mut find = parse(query, selection)?;
        caught(|| {
            if self.store.has_head() {
                return Ok(None);
            }
            find.begin(&self.store)?;
            let found = few(&mut find, &self.store)?.filter(|found| !found.is_index_missing);
            Ok(found.map(|found| list_of(found.into_texts())))
        })
    }

    /// Begins a query, whose strings have a letter in front: `s` before what they are, `r` before the number of a pattern.
    #[napi]
    pub fn find(&self, query: JsString<'_>, selection: NativeSelection<'_>) -> napi::Result<NativeFind> {
        let find = parse(query, selection)?;
        NativeFind::begin(&self.store, find)
    }
}

/// Reads a query, whose strings have a letter in front: `s` before what they are, `r` before the number of a pattern.
pub(super) fn parse(query: JsString<'_>, selection: NativeSelection<'_>) -> napi::Result<Find> {
    let query = text::json(query)?;
    let sort = selection.sort.map(text::json).transpose()?;
    let fields = selection.fields.map(text::json).transpose()?;
    let (skip, limit, counts, ids) = (selection.skip, selection.limit, selection.counts, selection.ids);
    caught(|| {
        let selection = Selection {
            sort: sort.map(|sort| Sort::parse(&sort)).transpose()?.unwrap_or_default(),
            skip: skip as usize,
            limit: (limit >= 0.0).then_some(limit as usize),
            fields: fields.map(|fields| Fields::parse(&fields)).transpose()?.flatten(),
        };
        let find = Find::new(Query::parse(&query)?, selection, counts);
        Ok(if ids { find.for_ids() } else { find })
    })
}

impl NativeFind {
    /// Begins a query of this store.
    pub(super) fn begin(store: &Arc<Store>, mut find: Find) -> napi::Result<Self> {
        caught(|| {
            // A long log is replayed on the pool.
            if !store.has_head() {
                find.begin(store)?;
            }
            let cancelled = find.cancelled();
            let (find, found) = (Arc::new(Mutex::new(find)), Arc::default());
            Ok(Self { store: Arc::clone(store), find, cancelled, found })
        })
    }
}

#[napi]
impl NativeFind {
    /// Goes on. Returns a JSON list of questions, each a pattern's number and a string; `null` when all was tried. The answers
    /// to the questions of the last step are given as a string of 0 and 1.
    #[napi]
    pub fn step(&self, answers: Option<String>) -> AsyncTask<Work> {
        let (store, find, found) = (Arc::clone(&self.store), Arc::clone(&self.find), Arc::clone(&self.found));
        let run = move || {
            let mut find = find.lock();
            if let Some(answers) = answers {
                find.oracle().answer(answers.bytes().map(|byte| byte == b'1'));
            }
            match find.step(&store)? {
                Step::Done(done) => {
                    *found.lock() = Some(done.into());
                    Ok(None)
                }
                Step::Asking => {
                    let mut out = Vec::new();
                    for (pattern, string) in find.oracle().questions() {
                        out.extend_from_slice(format!("{pattern},").as_bytes());
                        escape_into(&mut out, string);
                        out.push(b',');
                    }
                    Ok(Some(text::list(out)))
                }
            }
        };
        AsyncTask::new(Work::new(run, |questions: Option<String>| questions))
    }

    /// The next values or ids that were found, as a JSON list; `null` when there are no more.
    #[napi]
    pub fn take(&self) -> napi::Result<Option<String>> {
        caught(|| {
            let mut found = self.found.lock();
            let Some(rows) = found.as_mut() else {
                return Err(Error::Failed("the query is not done".into()));
            };
            let mut out = Vec::new();
            for text in rows.texts.by_ref() {
                push(&mut out, &text);
                if out.len() >= CHUNK {
                    break;
                }
            }
            Ok((!out.is_empty()).then(|| text::list(out)))
        })
    }

    /// Finds at once what an index leads to, if that is little. `false`: it is more, and `step` comes next.
    #[napi]
    pub fn at_once(&self) -> napi::Result<bool> {
        caught(|| {
            let Some(found) = few(&mut self.find.lock(), &self.store)? else { return Ok(false) };
            *self.found.lock() = Some(found.into());
            Ok(true)
        })
    }

    /// Whether an index is still to be made that was declared.
    #[napi]
    pub fn is_index_missing(&self) -> napi::Result<bool> {
        plain(|| self.found.lock().as_ref().is_some_and(|rows| rows.effort.is_index_missing))
    }

    /// How the query was carried out, once that is done.
    #[napi]
    pub fn effort(&self) -> napi::Result<Effort> {
        caught(|| match self.found.lock().as_ref() {
            Some(rows) => Ok(rows.effort.clone()),
            None => Err(Error::Failed("the query is not done".into())),
        })
    }

    /// Ends the query before its end.
    #[napi]
    pub fn cancel(&self) -> napi::Result<()> {
        plain(|| self.cancelled.store(true, Ordering::Relaxed))
    }
}

/// What an index leads to, if that is little.
fn few(find: &mut Find, store: &Store) -> crate::error::Result<Option<Found>> {
    if !find.is_short() {
        return Ok(None);
    }
    Ok(match find.step(store)? {
        Step::Done(found) => Some(found),
        Step::Asking => None,
    })
}

fn list_of(texts: impl Iterator<Item = Vec<u8>>) -> String {
    let mut out = Vec::new();
    texts.for_each(|text| push(&mut out, &text));
    text::list(out)
}

fn push(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(if text.is_empty() { b"null" } else { text });
    out.push(b',');
}
