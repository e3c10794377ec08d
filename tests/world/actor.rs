//! A process that uses a store: it opens it, works at random, and closes it. It may die at every await.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use opslog::engine::Id;
use opslog::protocol::{Change, Error, Name, Options, Session};
use opslog::retention::Limits;

use super::carrier::Simulated;
use super::consumer::{self, Kept};
use super::ledger::{Ledger, Told};
use super::scheduler::World;

pub type Opened = Rc<RefCell<HashMap<u64, Rc<Session<Simulated>>>>>;
/// The store of a process that fetches single records, while that lives.
pub type Fetcher = Rc<RefCell<Option<Rc<Session<Simulated>>>>>;

/// How many operations were undone that a checkpoint had left in the log.
pub static UNDONE_BEHIND_CHECKPOINTS: AtomicU64 = AtomicU64::new(0);

/// One process.
pub struct Actor {
    pub name: String,
    pub life: u64,
    pub options: Options,
    pub world: Rc<World>,
    pub ledger: Rc<Ledger>,
    /// The stores that are open.
    pub opened: Opened,
    pub steps: usize,
    /// The next number of a record; lives of one name share it.
    pub next: Rc<RefCell<u64>>,
    pub closes: bool,
    /// What a consumer keeps; it reads the history and does nothing else.
    pub consumes: Option<Rc<RefCell<Kept>>>,
    /// Where one that fetches single records leaves its store; it does nothing else.
    pub fetches: Option<Fetcher>,
    /// Batches are undone, and history is pruned.
    pub is_historian: bool,
    pub prunes: bool,
}

pub fn name(text: &str) -> Name {
    Arc::from(text.as_bytes())
}

pub fn shown(session: &Session<Simulated>) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    session.store().pairs().unwrap().iter().map(|(id, value)| (text(id), text(value))).collect()
}

fn told(result: &Result<(), Error>) -> Told {
    match result {
        Ok(()) => Told::Acknowledged,
        Err(error) if error.code().is_some_and(|code| code.name() == "OPSLOG_FAILED") => Told::Unknown,
        Err(_) => Told::Refused,
    }
}

impl Actor {
    pub async fn live(self, session: Rc<Session<Simulated>>) {
        let began = self.ledger.tick();
        if session.open().await.is_err() {
            return;
        }
        if let Some(kept) = &self.consumes {
            return consumer::follow(&session, kept, &self.ledger, 4 * self.steps).await;
        }
        if let Some(fetcher) = &self.fetches {
            *fetcher.borrow_mut() = Some(Rc::clone(&session));
            return self.fetch(&session).await;
        }
        let is_single = self.options.agent.is_none() && !self.options.read_only;
        if is_single {
            self.ledger.begin_term(self.life, began);
        }
        self.ledger.opened(self.life, &shown(&session));
        self.opened.borrow_mut().insert(self.life, Rc::clone(&session));
        for _ in 0..self.steps {
            self.step(&session).await;
        }
        if self.closes {
            self.opened.borrow_mut().remove(&self.life);
            let _ = session.close().await;
        }
    }

    /// Fetches records, which may fail, and looks now and then. What it finds was written at some time.
    async fn fetch(&self, session: &Session<Simulated>) {
        for _ in 0..4 * self.steps {
            let known = self.ledger.writes.borrow().len();
            if known == 0 || self.world.dice.borrow_mut().chance(200) {
                let _ = session.follow().await;
                continue;
            }
            let place = self.world.dice.borrow_mut().below(known);
            let id = self.ledger.writes.borrow()[place].id.clone();
            let Ok(Some(found)) = session.fetch(&Id::from(id.as_bytes())).await else { continue };
            let found = String::from_utf8_lossy(&found).into_owned();
            let writes = self.ledger.writes.borrow();
            if !writes.iter().any(|write| write.id == id && write.text.as_ref() == Some(&found)) {
                self.ledger.fail(format!("{id} was fetched as {found}, which was never written"));
            }
        }
    }

    async fn step(&self, session: &Rc<Session<Simulated>>) {
        let dice = self.world.dice.borrow_mut().below(100);
        if self.options.read_only {
            return self.look(session, dice < 50).await;
        }
        if self.is_historian && self.world.dice.borrow_mut().chance(60) {
            return self.undo_batch(session).await;
        }
        if self.options.keep > 0 && self.options.agent.is_none() && self.world.dice.borrow_mut().chance(80) {
            return self.undo_behind_checkpoint(session).await;
        }
        if self.prunes && self.world.dice.borrow_mut().chance(20) {
            let limits = Limits {
                checkpoints: Some(self.world.dice.borrow_mut().below(4) as u64),
                ..Limits::default()
            };
            return drop(session.prune(&limits, false, || None).await);
        }
        match dice {
            0..25 => {
                let (id, text) = self.fresh();
                self.write(session, &id, Some(&text)).await;
            }
            25..40 => self.burst(session).await,
            40..48 => {
                let id = format!("shared{}", self.world.dice.borrow_mut().below(3));
                let (_, text) = self.fresh();
                self.write(session, &id, Some(&text)).await;
            }
            48..54 => {
                if let Some(id) = self.own(session) {
                    self.write(session, &id, None).await;
                }
            }
            54..64 => drop(self.batch(session).await),
            64..74 => self.undo(session).await,
            74..84 => self.look(session, dice < 79).await,
            84..94 => drop(session.checkpoint(1000).await),
            94..97 => self.archive(session).await,
            _ => {
                // A shared record that is deleted and set again changes its place.
                let id = format!("shared{}", self.world.dice.borrow_mut().below(3));
                self.write(session, &id, None).await;
                let (_, text) = self.fresh();
                self.write(session, &id, Some(&text)).await;
            }
        }
    }

    fn fresh(&self) -> (String, String) {
        let mut next = self.next.borrow_mut();
        *next += 1;
        (format!("{}-{next}", self.name), format!("{{\"by\":\"{}\",\"n\":{next}}}", self.name))
    }

    /// A record that this process wrote and that shows.
    fn own(&self, session: &Session<Simulated>) -> Option<String> {
        let prefix = format!("{}-", self.name);
        let mut own: Vec<String> = shown(session).into_iter().map(|(id, _)| id).collect();
        own.retain(|id| id.starts_with(&prefix));
        let batched = self.ledger.writes.borrow();
        own.retain(|id| !batched.iter().any(|write| write.batch.is_some() && write.id == *id));
        (!own.is_empty()).then(|| own.swap_remove(self.world.dice.borrow_mut().below(own.len())))
    }

    fn change(&self, session: &Rc<Session<Simulated>>, id: &str, text: Option<&str>) -> Option<(u64, usize)> {
        let place = self.ledger.call(self.life, id, text, None);
        let change = Change {
            id: Id::from(id.as_bytes()),
            text: text.map(|text| text.as_bytes().to_vec()),
            ms: self.world.inner.borrow().clock_ms,
        };
        match session.change(change) {
            Ok((ticket, must_carry)) => {
                if must_carry {
                    let session = Rc::clone(session);
                    self.world.spawn(self.life, async move { session.carry_all().await });
                }
                Some((ticket, place))
            }
            Err(_) => {
                self.ledger.told(place, Told::Refused);
                None
            }
        }
    }

    async fn write(&self, session: &Rc<Session<Simulated>>, id: &str, text: Option<&str>) {
        let called = self.change(session, id, text);
        self.settle(session, called.into_iter().collect()).await;
    }

    async fn burst(&self, session: &Rc<Session<Simulated>>) {
        let count = 2 + self.world.dice.borrow_mut().below(4);
        let mut called = Vec::new();
        for _ in 0..count {
            let (id, text) = self.fresh();
            called.extend(self.change(session, &id, Some(&text)));
        }
        self.settle(session, called).await;
    }

    /// Waits for the answers of changes.
    async fn settle(&self, session: &Rc<Session<Simulated>>, called: Vec<(u64, usize)>) {
        let mut called: BTreeMap<u64, usize> = called.into_iter().collect();
        std::future::poll_fn(|_| {
            for settled in session.take_settled() {
                if let Some(place) = called.remove(&settled.ticket) {
                    self.ledger.told(place, told(&settled.result));
                }
            }
            if called.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Returns the places of its writes.
    async fn batch(&self, session: &Session<Simulated>) -> Vec<usize> {
        let count = 2 + self.world.dice.borrow_mut().below(3);
        let batch = self.ledger.tick();
        session.begin_batch();
        let mut places = Vec::new();
        for _ in 0..count {
            let (id, text) = self.fresh();
            places.push(self.ledger.call(self.life, &id, Some(&text), Some(batch)));
            let change = Change { id: Id::from(id.as_bytes()), text: Some(text.into_bytes()), ms: 0 };
            session.change_in_batch(change).unwrap();
        }
        let told = told(&session.commit_batch().await);
        for &place in &places {
            self.ledger.told(place, told);
        }
        places
    }

    /// Writes a record and takes that back: what is undone is the last operation, so nothing else may be on its way.
    async fn undo(&self, session: &Rc<Session<Simulated>>) {
        if let Some(id) = self.write_fresh(session).await {
            self.undo_last(session, &id).await;
        }
    }

    /// As [`Actor::undo`], with a checkpoint in between, which leaves what was written in the log.
    async fn undo_behind_checkpoint(&self, session: &Rc<Session<Simulated>>) {
        let count = 1 + self.world.dice.borrow_mut().below(self.options.keep.min(3));
        let mut written = Vec::new();
        for _ in 0..count {
            let Some(id) = self.write_fresh(session).await else { return };
            written.push(id);
        }
        let is_made = session.checkpoint(1000).await.is_ok();
        for id in written.iter().rev() {
            match self.undo_last(session, id).await {
                Told::Acknowledged if is_made => {
                    _ = UNDONE_BEHIND_CHECKPOINTS.fetch_add(1, Ordering::Relaxed)
                }
                Told::Acknowledged => {}
                Told::Refused | Told::Unknown => return,
            }
        }
    }

    /// Writes a record that there was not. `None` if that is not acknowledged.
    async fn write_fresh(&self, session: &Rc<Session<Simulated>>) -> Option<String> {
        let (id, text) = self.fresh();
        let (ticket, place) = self.change(session, &id, Some(&text))?;
        self.settle(session, vec![(ticket, place)]).await;
        let is_acknowledged = self.ledger.writes.borrow()[place].told == Told::Acknowledged;
        if is_acknowledged {
            self.check_memory(session);
        }
        is_acknowledged.then_some(id)
    }

    /// A single writer whose last write was acknowledged shows what its files say.
    fn check_memory(&self, session: &Session<Simulated>) {
        if self.options.agent.is_some() {
            return;
        }
        let inner = self.world.inner.borrow();
        let Some(stored) =
            inner.disk.manifest().filter(|stored| session.manifest().as_deref() == Some(stored))
        else {
            return;
        };
        let (found, shown) = (inner.disk.as_legacy(&stored), shown(session).into_iter().collect());
        if found != shown {
            self.ledger.fail(format!("{} shows {shown:?}, and its files say {found:?}", self.name));
        }
    }

    /// Takes the last operation back, which wrote this record.
    async fn undo_last(&self, session: &Session<Simulated>, id: &str) -> Told {
        let undo = self.ledger.call(self.life, id, None, None);
        let told = match session.undo(false).await {
            Ok(true) => Told::Acknowledged,
            Ok(false) => Told::Refused,
            Err(error) => told(&Err(error)),
        };
        self.ledger.told(undo, told);
        told
    }

    /// Writes a batch, and takes it back as a whole.
    async fn undo_batch(&self, session: &Session<Simulated>) {
        let places = self.batch(session).await;
        if self.ledger.writes.borrow()[places[0]].told != Told::Acknowledged {
            return;
        }
        let ids: Vec<String> =
            places.iter().map(|&place| self.ledger.writes.borrow()[place].id.clone()).collect();
        let undos: Vec<usize> = ids.iter().map(|id| self.ledger.call(self.life, id, None, None)).collect();
        let undone = session.undo(true).await;
        for undo in undos {
            self.ledger.told(
                undo,
                match &undone {
                    Ok(true) => Told::Acknowledged,
                    Ok(false) => Told::Refused,
                    Err(error) => told(&Err(error.clone())),
                },
            );
        }
    }

    async fn archive(&self, session: &Session<Simulated>) {
        let Some(id) = self.own(session) else { return };
        self.ledger.archived.borrow_mut().insert(id.clone());
        let place = self.ledger.call(self.life, &id, None, None);
        self.ledger.archives.borrow_mut().insert(place);
        let archived = session.archive(&[Id::from(id.as_bytes())], &name("old")).await;
        let told = match archived {
            Ok(0) => Told::Refused,
            Ok(_) => Told::Acknowledged,
            Err(error) => told(&Err(error)),
        };
        self.ledger.told(place, told);
        let is_stored = self
            .world
            .inner
            .borrow()
            .disk
            .segments
            .values()
            .any(|segment| segment.contains_key(id.as_bytes()));
        if told == Told::Acknowledged && !is_stored {
            self.ledger.fail(format!("{id} was archived and is in no segment"));
        }
    }

    async fn look(&self, session: &Session<Simulated>, tells: bool) {
        let looked = if tells { follow(session, &self.ledger, self.life).await } else { Ok(()) };
        if looked.is_ok() && self.options.read_only {
            let shown = shown(session);
            let shown = shown.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
            self.ledger.check_batches(&shown, &self.name);
        }
        // NOTE: `refresh()` lets what it shows count as told, so a follower does not call it here.
    }
}

/// Tells the ledger what a follower is told.
pub async fn follow(session: &Session<Simulated>, ledger: &Ledger, life: u64) -> Result<(), Error> {
    for line in session.follow().await? {
        ledger.follower(life, told_of(&String::from_utf8_lossy(&line)));
    }
    Ok(())
}

/// What tells an operation in the eyes of a follower: record and value.
pub fn told_of(line: &str) -> String {
    let between = |from: &str, to: &str| {
        line.split_once(from).map(|(_, rest)| rest.split(to).next().unwrap_or_default().to_owned())
    };
    let id = between("\"id\":\"", "\"").unwrap_or_default();
    let data = between("\"data\":{", "}").unwrap_or_default();
    let ts = between("\"ts\":\"", "\"").unwrap_or_default();
    if data.is_empty() { format!("{id} deleted {ts} {line}") } else { format!("{id} {data}") }
}
