//! A store behind a backend in JS: the calls begin protocols, JS carries out their steps, and each turn tells what came of
//! it. Everything runs on the JS thread.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use napi::JsString;
use napi_derive::napi;

use super::catch::{caught, caught_js, plain};
use super::error::reason;
use super::json;
use super::lists::Lists;
use super::operations::{Operations, operations};
use super::session_history::Histories;
use super::snapshot_index::NativeSnapshotIndex;
use super::steps::{JsCarrier, Steps};
use super::store::NativeStore;
use super::text;
use crate::engine::Id;
use crate::engine::index::Stream;
use crate::json::string::escape_into;
use crate::protocol::{Change, Error, Facts, Failure, Name, Options, Session};

pub(super) type Task = Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>>>>;

/// A task that came to its end, and its result as JSON.
type Ended = (u32, Result<Vec<u8>, Error>);

/// How a store behind a backend is opened, and what holds for the backend.
///
/// One struct: it is an object that JS fills in.
#[napi(object)]
pub struct SessionOptions {
    /// Schema version.
    pub version: u32,
    /// Whether the program gave it.
    pub version_given: bool,
    /// Write nothing, take no lock.
    pub read_only: bool,
    /// Do not read records and operations.
    pub skip_load: bool,
    /// Changes wait in a buffer.
    pub buffered: bool,
    /// Operations until a checkpoint is due.
    pub checkpoint_threshold: f64,
    /// Closing makes a checkpoint.
    pub checkpoint_on_close: bool,
    /// So many operations stay open to `undo()` behind a checkpoint.
    pub keep_undo: u32,
    /// The threshold was not given: a large store waits until a checkpoint pays.
    pub amortised: bool,
    /// See `Facts`.
    pub kernel_lock: bool,
    /// See `Facts`.
    pub conditional: bool,
    /// See `Facts`.
    pub exact_versions: bool,
    /// See `Facts`.
    pub answers_are_final: bool,
    /// See `Facts`.
    pub ends_batches: bool,
    /// See `Facts`.
    pub keeps_notes: bool,
    /// See `Facts`.
    pub is_private: bool,
    /// See `Facts`.
    pub deletes_logs: bool,
    /// See `Facts`.
    pub deletes_snapshots: bool,
    /// See `Facts`.
    pub keeps_indexes: bool,
    /// See `Facts`.
    pub compaction_lock: bool,
    /// See `Facts`.
    pub single_lock: bool,
    /// See `Facts`.
    pub whole_appends: bool,
    /// See `Facts`.
    pub closes_logs: bool,
    /// See `Facts`.
    pub tells_changes: bool,
    /// Two random numbers below 2^32.
    pub random_high: u32,
    /// The other of them.
    pub random_low: u32,
}

/// A store behind a backend.
#[napi]
pub struct NativeSession {
    session: Rc<Session<JsCarrier>>,
    steps: Rc<Steps>,
    now_ms: Rc<Cell<i64>>,
    tasks: RefCell<Vec<(u32, Task)>>,
    next: Cell<u32>,
    ended: RefCell<Vec<Ended>>,
    lists: Rc<Lists>,
    histories: Histories,
}

/// Makes a store behind a backend, which is not open yet.
#[napi]
pub fn session_new(agent: Option<JsString<'_>>, options: SessionOptions) -> napi::Result<NativeSession> {
    let agent = agent.map(text::id).transpose()?;
    caught(|| {
        let steps = Rc::new(Steps::default());
        let now_ms = Rc::new(Cell::new(0));
        let carrier = JsCarrier {
            steps: Rc::clone(&steps),
            facts: Facts {
                kernel_lock: options.kernel_lock,
                conditional: options.conditional,
                exact_versions: options.exact_versions,
                answers_are_final: options.answers_are_final,
                ends_batches: options.ends_batches,
                keeps_notes: options.keeps_notes,
                is_private: options.is_private,
                deletes_logs: options.deletes_logs,
                deletes_snapshots: options.deletes_snapshots,
                keeps_indexes: options.keeps_indexes,
                names_by_time: true,
                compaction_lock: options.compaction_lock,
                single_lock: options.single_lock,
                whole_appends: options.whole_appends,
                closes_logs: options.closes_logs,
                tells_changes: options.tells_changes,
            },
            now_ms: Rc::clone(&now_ms),
            ticket: Cell::new(None),
            random: Cell::new((u64::from(options.random_high) << 32) | u64::from(options.random_low)),
        };
        let session = Session::new(
            carrier,
            Options {
                agent: agent.map(Name::from),
                version: u64::from(options.version),
                version_given: options.version_given,
                read_only: options.read_only,
                skip_load: options.skip_load,
                buffered: options.buffered,
                checkpoint_threshold: options.checkpoint_threshold,
                amortised: options.amortised,
                checkpoint_on_close: options.checkpoint_on_close,
                keep: options.keep_undo as usize,
            },
        );
        Ok(NativeSession {
            session: Rc::new(session),
            steps,
            now_ms,
            tasks: RefCell::default(),
            next: Cell::new(1),
            lists: Rc::default(),
            ended: RefCell::default(),
            histories: Histories::default(),
        })
    })
}

impl NativeSession {
    pub(super) fn steps(&self) -> &Steps {
        &self.steps
    }

    pub(super) fn histories(&self) -> &Histories {
        &self.histories
    }

    /// Begins a protocol. Returns the number of its task.
    pub(super) fn begin(&self, task: Task) -> napi::Result<u32> {
        plain(|| {
            let number = self.next.get();
            self.next.set(number.wrapping_add(1));
            self.tasks.borrow_mut().push((number, task));
            number
        })
    }

    pub(super) fn shared(&self) -> Rc<Session<JsCarrier>> {
        Rc::clone(&self.session)
    }

    /// Polls every task until none of them goes on: one may wait for what another one does.
    fn poll(&self) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let (asked, ended) = (self.steps.count(), self.ended.borrow().len());
            let tasks = self.tasks.take();
            let mut left = Vec::with_capacity(tasks.len());
            for (number, mut task) in tasks {
                match task.as_mut().poll(&mut context) {
                    Poll::Ready(result) => self.ended.borrow_mut().push((number, result)),
                    Poll::Pending => left.push((number, task)),
                }
            }
            *self.tasks.borrow_mut() = left;
            if (asked, ended) == (self.steps.count(), self.ended.borrow().len()) {
                return;
            }
        }
    }
}

#[napi]
impl NativeSession {
    /// Records and operations, for reading.
    #[napi]
    pub fn store(&self) -> napi::Result<NativeStore> {
        plain(|| NativeStore::of(Arc::clone(self.session.store())))
    }

    /// Goes on with what can go on. Returns what came of it, as JSON.
    #[napi]
    pub fn turn(&self, now: f64) -> napi::Result<String> {
        caught(|| {
            self.now_ms.set(now as i64);
            self.poll();
            Ok(self.told())
        })
    }

    /// A part of the answer to a request: a JSON list.
    #[napi]
    pub fn part(&self, number: f64, part: JsString<'_>) -> napi::Result<()> {
        let part = text::json(part)?;
        plain(|| self.steps.part(number as u64, part))
    }

    /// A part of the answer to a request: bytes.
    #[napi]
    pub fn bytes(&self, number: f64, bytes: &[u8]) -> napi::Result<()> {
        plain(|| self.steps.part(number as u64, bytes.to_vec()))
    }

    /// What makes the index of a snapshot that is about to be written.
    #[napi]
    pub fn snapshot_index(&self) -> napi::Result<NativeSnapshotIndex> {
        plain(|| NativeSnapshotIndex::of(Stream::default()))
    }

    /// The answer to a request, as JSON.
    #[napi]
    pub fn answer(&self, number: f64, answer: JsString<'_>) -> napi::Result<()> {
        let answer = text::json(answer)?;
        plain(|| self.steps.answer(number as u64, answer))
    }

    /// The request failed.
    #[napi]
    pub fn fail(
        &self,
        number: f64,
        message: String,
        is_missing: bool,
        is_unanswered: bool,
        is_held: bool,
    ) -> napi::Result<()> {
        plain(|| {
            let number = number as u64;
            let failure = Failure { number, message, is_missing, is_unanswered, is_fenced: false };
            self.steps.fail(failure, is_held);
        })
    }

    /// The manifest, as JSON; `null` before it is known.
    #[napi]
    pub fn manifest(&self) -> napi::Result<Option<String>> {
        plain(|| self.session.manifest().map(|manifest| text::to_js(manifest.print())))
    }

    /// Sets a record, or deletes it if there is no text. Returns a ticket, negative if `carry` must be begun.
    #[napi]
    pub fn change(&self, id: JsString<'_>, text: Option<JsString<'_>>, ms: f64) -> napi::Result<f64> {
        let change = change(id, text, ms)?;
        caught_js(|| {
            let (ticket, must_carry) = self.session.change(change).map_err(refused)?;
            Ok(if must_carry { -(ticket as f64) } else { ticket as f64 })
        })
    }

    /// As `change`, into the buffer. Returns how many changes wait there.
    #[napi]
    pub fn buffer(&self, id: JsString<'_>, text: Option<JsString<'_>>, ms: f64) -> napi::Result<f64> {
        let change = change(id, text, ms)?;
        caught_js(|| Ok(self.session.buffer(&change).map_err(refused)? as f64))
    }

    /// Begins a batch.
    #[napi]
    pub fn begin_batch(&self) -> napi::Result<()> {
        plain(|| self.session.begin_batch())
    }

    /// As `change`, in the batch.
    #[napi]
    pub fn change_in_batch(&self, id: JsString<'_>, text: Option<JsString<'_>>, ms: f64) -> napi::Result<()> {
        let change = change(id, text, ms)?;
        caught_js(|| self.session.change_in_batch(change).map_err(refused))
    }

    /// Takes the batch back.
    #[napi]
    pub fn abandon_batch(&self) -> napi::Result<()> {
        plain(|| self.session.abandon_batch())
    }

    // Protocols: each returns the number of a task, whose end a turn tells.

    /// Opens the store.
    #[napi]
    pub fn open(&self) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move { session.open().await.map(|()| Vec::new()) }))
    }

    /// Carries away everything that was changed.
    #[napi]
    pub fn carry(&self) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move {
            session.carry_all().await;
            Ok(Vec::new())
        }))
    }

    /// Carries the buffer away.
    #[napi]
    pub fn flush_buffer(&self) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move { session.flush_buffer().await.map(|()| Vec::new()) }))
    }

    /// Carries the buffer away that the newest change has filled.
    #[napi]
    pub fn fill_buffer(&self) -> napi::Result<u32> {
        let session = self.shared();
        let newest = session.newest_buffered();
        self.begin(Box::pin(async move { session.fill_buffer(newest).await.map(|()| Vec::new()) }))
    }

    /// Carries the buffer away, and has it made durable.
    #[napi]
    pub fn flush(&self) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move { session.flush().await.map(|()| Vec::new()) }))
    }

    /// Carries the batch away.
    #[napi]
    pub fn commit_batch(&self) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move { session.commit_batch().await.map(|()| Vec::new()) }))
    }

    /// Takes the last operation back.
    #[napi]
    pub fn undo(&self, is_batch: bool) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move {
            session.undo(is_batch).await.map(|undone| undone.to_string().into_bytes())
        }))
    }

    /// Makes a checkpoint: with `wait_ms`, waiting for another agent's; without, only if there is none.
    #[napi]
    pub fn checkpoint(&self, wait_ms: f64) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move {
            let made = match wait_ms {
                0.0 => session.checkpoint_if_free().await,
                wait_ms => session.checkpoint(wait_ms as u64).await,
            };
            made.map(|()| Vec::new())
        }))
    }

    /// Moves records, given as a JSON list of ids, to an archive segment.
    #[napi]
    pub fn archive(&self, ids: JsString<'_>, period: JsString<'_>) -> napi::Result<u32> {
        let ids = json::parse_ids(&text::json(ids)?);
        let period = Name::from(text::id(period)?);
        let session = self.shared();
        self.begin(Box::pin(async move {
            session.archive(&ids, &period).await.map(|count| count.to_string().into_bytes())
        }))
    }

    /// Reads a record that was not loaded. The task's result is a list of its value, empty for `undefined`; nothing if there is no
    /// such record.
    #[napi]
    pub fn fetch(&self, id: JsString<'_>) -> napi::Result<u32> {
        let id = Id::from(text::id(id)?);
        let session = self.shared();
        self.begin(Box::pin(async move {
            let found = session.fetch(&id).await?;
            Ok(found.map(|text| [&b"["[..], &text, b"]"].concat()).unwrap_or_default())
        }))
    }

    /// Takes over what others wrote.
    #[napi]
    pub fn refresh(&self) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move { session.refresh().await.map(|()| Vec::new()) }))
    }

    /// As `refresh`. Tells the operations of others that were not told yet.
    #[napi]
    pub fn follow(&self) -> napi::Result<u32> {
        let (session, lists) = (self.shared(), Rc::clone(&self.lists));
        self.begin(Box::pin(async move { session.follow().await.map(|lines| lists.keep(&lines)) }))
    }

    /// The operations of all logs.
    #[napi]
    pub fn logged(&self) -> napi::Result<u32> {
        let (session, lists) = (self.shared(), Rc::clone(&self.lists));
        self.begin(Box::pin(async move { session.logged().await.map(|lines| lists.keep(&lines)) }))
    }

    /// The next piece of a list that a protocol ended with the number of; `null` when there is none. When the list is
    /// `over`, what is left of it is forgotten.
    #[napi]
    pub fn piece(&self, number: u32, over: bool) -> napi::Result<Option<Operations>> {
        caught(|| self.lists.next_piece(number, over).map(operations).transpose())
    }

    /// Finishes everything, and gives the lock up.
    #[napi]
    pub fn close(&self) -> napi::Result<u32> {
        let session = self.shared();
        self.begin(Box::pin(async move { session.close().await.map(|()| Vec::new()) }))
    }
}

impl NativeSession {
    /// What came of a turn.
    /// What came of a turn. A turn is made for each step, and most come to little: fields that are empty are left out.
    fn told(&self) -> String {
        let mut out = b"{".to_vec();
        push_list(&mut out, "requests", self.steps.take_asked(), |out, request| {
            out.extend_from_slice(request.as_bytes());
        });
        push_list(&mut out, "settled", self.session.take_settled(), |out, settled| {
            out.extend_from_slice(format!("[{},", settled.ticket).as_bytes());
            push_result(out, settled.result.map(|()| Vec::new()));
        });
        push_list(&mut out, "ended", self.ended.take(), |out, (number, result)| {
            out.extend_from_slice(format!("[{number},").as_bytes());
            push_result(out, result);
        });
        let effects = self.session.take_effects();
        for (name, ids) in
            [("looked", &effects.looked), ("reordered", &effects.reordered), ("undone", &effects.undone)]
        {
            if !ids.is_empty() {
                push_field(&mut out, name, json::ids(ids).as_bytes());
            }
        }
        let marks =
            [("reset", effects.reset), ("history", effects.history), ("due", self.session.take_due())];
        for (name, is_so) in marks {
            if is_so {
                push_field(&mut out, name, b"true");
            }
        }
        push_field(&mut out, "logged", self.session.logged_changes().to_string().as_bytes());
        out.push(b'}');
        text::to_js(out)
    }
}

fn push_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if out.len() > 1 {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value);
}

fn push_list<T>(out: &mut Vec<u8>, name: &str, items: Vec<T>, mut print: impl FnMut(&mut Vec<u8>, T)) {
    if items.is_empty() {
        return;
    }
    push_field(out, name, b"[");
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        print(out, item);
    }
    out.push(b']');
}

/// `null,<result>]` or `<error>,null]`.
fn push_result(item: &mut Vec<u8>, result: Result<Vec<u8>, Error>) {
    match result {
        Ok(result) if result.is_empty() => item.extend_from_slice(b"null,null]"),
        Ok(result) => {
            item.extend_from_slice(b"null,");
            item.extend_from_slice(&result);
            item.push(b']');
        }
        Err(error) => {
            push_error(item, &error);
            item.extend_from_slice(b",null]");
        }
    }
}

/// By the number of the request that failed, or with code, message and path.
fn push_error(out: &mut Vec<u8>, error: &Error) {
    let (code, message, cause, path) = match error {
        Error::NotUnique(found) => {
            let error = crate::error::Error::NotUnique(found.clone());
            return out.extend_from_slice(reason(&error).as_bytes());
        }
        Error::Step(failure) => ("", "", Some(failure), None),
        Error::Rule { code, message, cause, path } => {
            (code.name(), message.as_str(), cause.as_ref(), path.as_ref())
        }
    };
    out.extend_from_slice(format!("{{\"code\":\"{code}\",\"message\":").as_bytes());
    escape_into(out, message.as_bytes());
    if let Some(path) = path {
        out.extend_from_slice(b",\"path\":");
        escape_into(out, path);
    }
    out.extend_from_slice(format!(",\"request\":{}}}", cause.map_or(0, |cause| cause.number)).as_bytes());
}

fn change(id: JsString<'_>, value: Option<JsString<'_>>, ms: f64) -> napi::Result<Change> {
    let id = Id::from(text::id(id)?);
    Ok(Change { id, text: value.map(text::json).transpose()?, ms: ms as i64 })
}

/// What a change is refused with, as the facade decodes it.
pub(super) fn refused(error: Error) -> napi::Error {
    let mut reason = Vec::new();
    push_error(&mut reason, &error);
    napi::Error::from_reason(text::to_js(reason))
}
