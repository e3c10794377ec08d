//! The store's class: arguments in, texts out.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Either3, Function};
use napi::{Either, Env, JsString};
use napi_derive::napi;
use parking_lot::Mutex;

use super::catch::{caught, caught_js, plain};
use super::change::coded;
use super::error::to_js;
use super::exit;
use super::handles;
use super::history::NativePosition;
use super::json;
use super::migrating::Migrating;
use super::operations::{Operations, operations};
use super::syncs::{Report, Syncs};
use super::tasks::Work;
use super::text;
use super::upkeep::Upkeep;
use super::{CHUNK, PIECE};
use crate::engine::Cursor;
use crate::error::Result;
use crate::store::{Look, Next, Pieces, Rejected, Store};

/// A store.
#[napi(custom_finalize)]
pub struct NativeStore {
    pub(super) store: Arc<Store>,
    handle: Option<f64>,
    report: String,
    /// The walk of `scan()` or of `scanIds()`.
    pieces: Mutex<Pieces>,
    pub(super) upkeep: Upkeep,
    pub(super) migrating: Mutex<Migrating>,
    syncs: Mutex<Option<Arc<Syncs>>>,
}

impl Drop for NativeStore {
    fn drop(&mut self) {
        if let Some(handle) = self.handle {
            handles::take_back(handle);
        }
    }
}

#[napi]
impl NativeStore {
    pub(super) fn new(store: Arc<Store>, report: String) -> Self {
        let handle = handles::give(&store);
        store.settle_here();
        let (pieces, upkeep, migrating, syncs) = Default::default();
        Self { store, handle, report, pieces, upkeep, migrating, syncs }
    }

    /// A store that a session holds too.
    pub(super) fn of(store: Arc<Store>) -> Self {
        Self::new(store, String::new())
    }

    /// By which number the raw calls know the store.
    #[napi]
    pub fn handle(&self) -> napi::Result<f64> {
        caught_js(|| self.handle.ok_or_else(|| napi::Error::from_reason("too many stores are open")))
    }

    /// The position behind the last operation that shows.
    #[napi]
    pub fn position(&self) -> napi::Result<String> {
        caught(|| self.store.position())
    }

    /// As `position()`, with what is known of the lines up to there.
    #[napi]
    pub fn known_position(&self) -> napi::Result<NativePosition> {
        caught(|| Ok(NativePosition { known: Arc::new(self.store.known_position()?) }))
    }

    /// What the file system was found to lack.
    #[napi]
    pub fn lacks(&self) -> napi::Result<Vec<&'static str>> {
        plain(|| self.store.lacks())
    }

    /// What opening found, as JSON.
    #[napi]
    pub fn report(&self) -> napi::Result<String> {
        plain(|| self.report.clone())
    }

    /// Number of records.
    #[napi]
    pub fn count(&self) -> napi::Result<f64> {
        plain(|| self.store.counts().records as f64)
    }

    /// Number of operations since the last checkpoint.
    #[napi]
    pub fn operation_count(&self) -> napi::Result<f64> {
        plain(|| self.store.counts().operations as f64)
    }

    /// Changes whenever the operations change in any other way than at their end.
    #[napi]
    pub fn history(&self) -> napi::Result<f64> {
        plain(|| self.store.history() as f64)
    }

    /// The next records in order, as a JSON list of the list of their ids, that of their values, and of the numbers of those that
    /// have none, if there are any. `null` when there are no more, the empty string when another thread has changed what lies
    /// underneath: begin again.
    #[napi]
    pub fn scan(&self, restart: bool) -> napi::Result<Option<String>> {
        caught(|| {
            let mut pieces = self.pieces.lock();
            if restart {
                *pieces = Pieces::begin();
            }
            Ok(match pieces.next(&self.store, PIECE)? {
                Next::Piece(list) => Some(text::to_js(list)),
                Next::Changed => Some(String::new()),
                Next::End => None,
            })
        })
    }

    /// As `scan`, a JSON list of ids alone. The two share a cursor.
    #[napi]
    pub fn scan_ids(&self, restart: bool) -> napi::Result<Option<String>> {
        caught(|| {
            let mut pieces = self.pieces.lock();
            if restart {
                *pieces = Pieces::begin();
            }
            if pieces.place().0 == Cursor::End {
                return Ok(None);
            }
            let mut ids = Vec::with_capacity(PIECE);
            Ok(Some(match self.store.scan_ids(pieces.place(), PIECE, &mut ids)? {
                None => String::new(),
                Some(next) => {
                    pieces.go_on_at(next);
                    text::list(ids)
                }
            }))
        })
    }

    /// Values of records of a JSON list of ids, from the first on: a JSON list of the list of values, of the numbers of those that stand for
    /// no value, and of the numbers of those that stand for no record.
    #[napi]
    pub fn values_of(&self, ids: JsString<'_>) -> napi::Result<String> {
        let ids = text::json(ids)?;
        caught(|| Ok(text::to_js(self.store.values_of(&ids, PIECE)?)))
    }

    /// Throws if a record of the snapshot was damaged since it was written.
    #[napi]
    pub fn check_snapshot(&self) -> napi::Result<()> {
        caught(|| self.store.check_snapshot())
    }

    /// Operations from one on, as a JSON list; as many as fit.
    #[napi]
    pub fn operations(&self, from: f64) -> napi::Result<Operations> {
        caught(|| {
            let mut out = Vec::new();
            self.store.operations(from as usize, CHUNK, &mut out)?;
            operations(out)
        })
    }

    /// Begins a batch.
    #[napi]
    pub fn begin_batch(&self) -> napi::Result<()> {
        caught(|| {
            self.store.begin_batch();
            Ok(())
        })
    }

    /// Begins to hold changes that share a write.
    #[napi]
    pub fn begin_shared(&self) -> napi::Result<()> {
        caught(|| {
            self.store.begin_shared();
            Ok(())
        })
    }

    /// Logs what is held. Returns what `setRecord` returns.
    #[napi]
    pub fn commit_shared(&self) -> napi::Result<f64> {
        caught_js(|| coded(self.store.commit_shared()))
    }

    /// Waits until an append can take the folder's lock. Returns what `follow` returns.
    #[napi]
    pub fn wait_for_turn(&self) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(move || store.wait_for_turn(), json::news))
    }

    /// Takes the lock of a folder of agents alone until `endAlone`, and takes over what others wrote, which is for
    /// `takeForeign`. `false`: `beginAlone` must be awaited, and this called again.
    #[napi]
    pub fn begin_alone_at_once(&self) -> napi::Result<bool> {
        caught(|| self.store.begin_alone_at_once())
    }

    /// Waits for what `beginAloneAtOnce` needs.
    #[napi]
    pub fn begin_alone(&self) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(move || store.begin_alone(), |()| ()))
    }

    /// Whether an append of another agent waits for the lock that `beginAlone` took.
    #[napi]
    pub fn holds_append_up(&self) -> napi::Result<bool> {
        plain(|| self.store.holds_append_up())
    }

    /// Gives the lock up that `beginAlone` took.
    #[napi]
    pub fn end_alone(&self) -> napi::Result<()> {
        plain(|| self.store.end_alone())
    }

    /// Reads what other agents wrote, if that needs no waiting. `true`: then `takeForeign` follows.
    #[napi]
    pub fn read_ahead(&self) -> napi::Result<bool> {
        plain(|| self.store.read_ahead())
    }

    /// Tells other agents that an append waits for the folder's lock, or waits no more: they let it pass.
    #[napi]
    pub fn append_waits(&self, waits: bool) -> napi::Result<()> {
        caught(|| self.store.append_waits(waits))
    }

    /// Logs a batch. Returns what `setRecord` returns.
    #[napi]
    pub fn commit_batch(&self) -> napi::Result<f64> {
        caught_js(|| coded(self.store.commit_batch()))
    }

    /// Takes a batch back.
    #[napi]
    pub fn abandon_batch(&self) -> napi::Result<()> {
        caught(|| {
            self.store.abandon_batch();
            Ok(())
        })
    }

    /// Takes the last operation back. Returns the ids of the records concerned as a JSON list, `null` if another
    /// agent must be waited for.
    #[napi]
    pub fn undo(&self) -> napi::Result<Option<String>> {
        caught_js(|| match self.store.undo() {
            Ok(ids) => Ok(Some(json::ids(&ids))),
            Err(Rejected::Error(error)) => Err(to_js(&error)),
            Err(Rejected::NotNow | Rejected::NotCanonical(_)) => Ok(None),
        })
    }

    /// As `undo`, for an agent, waiting for others. What they wrote is for `takeForeign`.
    #[napi]
    pub fn undo_waiting(&self) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(move || store.undo_waiting(), |ids| json::ids(&ids)))
    }

    /// As `undoWaiting`, of the whole last batch.
    #[napi]
    pub fn undo_batch(&self) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(move || store.undo_batch(), |ids| json::ids(&ids)))
    }

    /// Appends what is buffered.
    #[napi]
    pub fn flush(&self) -> napi::Result<()> {
        caught(|| self.store.flush())
    }

    /// Takes the newest buffered operation back.
    #[napi]
    pub fn take_back(&self) -> napi::Result<()> {
        caught(|| {
            self.store.take_back();
            Ok(())
        })
    }

    /// Whether the log's head is still to be replayed.
    #[napi]
    pub fn has_head(&self) -> napi::Result<bool> {
        plain(|| self.store.has_head())
    }

    /// Replays the log's head.
    #[napi]
    pub fn replay_head(&self) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(move || store.replay_head(), |()| ()))
    }

    /// Reads what other hands wrote, waiting for the lock of a folder of agents. Returns JSON, `null` if there is
    /// nothing; at once, or a promise of it if there is much to do. A number while another agent must be waited for, unless this may wait:
    /// after so many milliseconds it is to be called again.
    #[napi]
    pub fn follow(&self, may_wait: bool) -> napi::Result<Either3<Option<String>, f64, AsyncTask<Work>>> {
        let store = Arc::clone(&self.store);
        caught(|| {
            let so_far = match self.store.follow_at_once()? {
                Look::Done(followed) => return Ok(Either3::A(json::news(followed))),
                Look::Later(so_far) => so_far,
            };
            if !may_wait
                && so_far.is_empty()
                && let Some(pause) = self.store.kept_out()?
            {
                return Ok(Either3::B(pause.as_millis() as f64));
            }
            Ok(Either3::C(AsyncTask::new(Work::new(move || store.follow_on(so_far), json::news))))
        })
    }

    /// While another agent keeps this store out, after how many milliseconds to ask again; else `null`.
    #[napi]
    pub fn kept_out(&self) -> napi::Result<Option<f64>> {
        caught(|| Ok(self.store.kept_out()?.map(|pause| pause.as_millis() as f64)))
    }

    /// Loads the current snapshot in the place of an older one. Returns what `follow` returns.
    #[napi]
    pub fn renew(&self) -> AsyncTask<Work> {
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(move || store.renew(), json::followed))
    }

    /// What writes came upon that other hands wrote, as JSON; `null` if nothing.
    #[napi]
    pub fn take_foreign(&self) -> napi::Result<Option<String>> {
        caught(|| {
            let foreign = self.store.take_foreign();
            let texts: Vec<String> = foreign.into_iter().map(json::followed).collect();
            Ok((!texts.is_empty()).then(|| format!("[{}]", texts.join(","))))
        })
    }

    /// What others wrote since this was last asked, as JSON lists of operations; `null` if nothing. At once, or a promise
    /// of it if much is to be read.
    #[napi]
    pub fn take_tail(&self) -> napi::Result<Either<Option<Vec<Operations>>, AsyncTask<Work>>> {
        let store = Arc::clone(&self.store);
        caught(|| {
            let telling = store.take_tail();
            if telling.is_empty() {
                return Ok(Either::A(None));
            }
            let size = telling.size();
            let tell = move || {
                let lists = store.tell(telling, CHUNK)?;
                lists.into_iter().map(operations).collect::<Result<Vec<_>>>()
            };
            if size.is_some_and(|size| size <= CHUNK as u64) {
                return Ok(Either::A(Some(tell()?)));
            }
            Ok(Either::B(AsyncTask::new(Work::new(tell, |lists| lists))))
        })
    }

    /// What others wrote so far need not be told.
    #[napi]
    pub fn forget_tail(&self) -> napi::Result<()> {
        plain(|| self.store.forget_tail())
    }

    /// The manifest, as JSON.
    #[napi]
    pub fn manifest(&self) -> napi::Result<String> {
        caught(|| Ok(self.store.manifest().print()))
    }

    /// Has the buffer flushed when this environment ends: the process, or the worker thread.
    #[napi]
    pub fn flush_at_exit(&self, env: Env) -> napi::Result<()> {
        caught_js(|| exit::register(env, &self.store))
    }

    /// Has what was written synced in the background; `settled` hears what has become of the tickets, and of a failure.
    #[napi]
    pub fn start_syncing(&self, settled: Function<'_, Report, ()>) -> napi::Result<()> {
        caught_js(|| {
            *self.syncs.lock() = Some(Syncs::start(&self.store, &settled)?);
            Ok(())
        })
    }

    /// Asks for a sync of all that was written so far, and keeps the process alive until it is done. Returns a
    /// ticket.
    #[napi]
    pub fn ask_for_sync(&self, env: Env) -> napi::Result<f64> {
        let ticket = caught(|| self.store.ask_for_sync())?;
        if let Some(syncs) = &*self.syncs.lock() {
            syncs.keep_alive(&env)?;
        }
        Ok(ticket as f64)
    }

    /// Gives lock and files up.
    #[napi]
    pub fn close(&self) -> AsyncTask<Work> {
        self.syncs.lock().take();
        *self.pieces.lock() = Pieces::default();
        let store = Arc::clone(&self.store);
        AsyncTask::new(Work::new(move || store.close(), |()| ()))
    }
}
