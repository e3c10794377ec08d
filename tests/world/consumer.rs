//! A consumer of the history: it keeps its position beside what it was told, dies at any step, and comes back with them. In the end it has
//! exactly the operations of the store.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opslog::history::Wanted;
use opslog::protocol::carrier::Carrier;
use opslog::protocol::{Error, Feed, Position, Present, Session};
use opslog::store::Past;

use super::carrier::Simulated;
use super::ledger::Ledger;

const PIECE: usize = 300;

/// An operation as it is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    pub position: String,
    pub agent: String,
    pub id: String,
    /// What tells it from others on this record: its value, or that it deletes, and its time.
    pub what: String,
    /// Its value; `None` for a deletion.
    pub value: Option<String>,
}

/// What a consumer keeps in one place.
#[derive(Default)]
pub struct Kept {
    pub position: Option<String>,
    pub told: Vec<Told>,
    /// How often its position was gone.
    pub gone: usize,
    /// The history is pruned meanwhile.
    pub is_pruned: bool,
}

pub fn all() -> Wanted {
    Wanted { id: None, since: None, until: None, writes: false }
}

pub fn feed(after: Option<&str>, is_reverse: bool, is_live: bool) -> Feed {
    Feed::new(all(), after.map(|after| Position::parse(after).expect("a position")), (is_reverse, is_live))
}

fn text(value: &serde_json::Value, key: &str) -> String {
    value.get(key).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
}

impl Kept {
    /// Takes a piece of the history over.
    pub fn take(&mut self, piece: &[u8], ledger: &Ledger) {
        let mut list = b"[".to_vec();
        list.extend_from_slice(piece.strip_suffix(b",").unwrap_or(piece));
        list.push(b']');
        let events: Vec<serde_json::Value> = serde_json::from_slice(&list).expect("events are JSON");
        for event in events {
            let position = text(&event, "position");
            if text(&event, "type") == "undone" {
                let (id, agent) = (text(&event, "id"), agent_of(&position));
                // NOTE: a feed that was resumed does not know which operations of others stood before.
                let exactly = self.told.iter().rposition(|told| told.position == position);
                let of_agent = |told: &Told| told.id == id && told.agent == agent;
                let found = exactly.or_else(|| self.told.iter().rposition(of_agent));
                match found {
                    Some(place) => drop(self.told.remove(place)),
                    None => {
                        ledger.fail(format!("an operation was told as undone that was not told: {event}"))
                    }
                }
                self.position = Some(text(&event, "after"));
                continue;
            }
            let value = event.get("value").map(ToString::to_string);
            let what = format!(
                "{} {} {}",
                text(&event, "type"),
                text(&event, "ts"),
                value.as_deref().unwrap_or("-")
            );
            let told = Told {
                position: position.clone(),
                agent: text(&event, "agent"),
                id: text(&event, "id"),
                what,
                value,
            };
            let is_known =
                |known: &Told| (&known.agent, &known.id, &known.what) == (&told.agent, &told.id, &told.what);
            // What was pruned cannot tell of a first copy.
            if self.told.iter().any(is_known) && !self.is_pruned {
                ledger.fail(format!("a consumer was told twice: {event}"));
            }
            self.told.push(told);
            self.position = Some(position);
        }
    }

    /// Its position is gone: it begins anew.
    fn begin_anew(&mut self) {
        self.position = None;
        self.told.clear();
        self.gone += 1;
    }
}

/// The agent of the operation at a position, which it names last.
fn agent_of(position: &str) -> String {
    let last = position.rsplit('-').next().unwrap_or_default();
    last.split('.').next().unwrap_or_default().to_owned()
}

fn is_gone(error: &Error) -> bool {
    error.code().is_some_and(|code| code.name() == "OPSLOG_POSITION_GONE")
}

/// Reads on for so many pieces.
pub async fn follow(
    session: &Rc<Session<Simulated>>,
    kept: &Rc<RefCell<Kept>>,
    ledger: &Ledger,
    pieces: usize,
) {
    let mut reading = None;
    for _ in 0..pieces {
        let feed = reading.get_or_insert_with(|| feed(kept.borrow().position.as_deref(), false, true));
        match session.next_changes(feed, PIECE).await {
            Ok(Some(piece)) => kept.borrow_mut().take(&piece, ledger),
            Ok(None) => session.carrier().pause(20).await,
            Err(error) => {
                if is_gone(&error) {
                    kept.borrow_mut().begin_anew();
                }
                reading = None;
            }
        }
    }
}

/// Reads from a position to the end.
pub async fn read(
    session: &Session<Simulated>,
    kept: &mut Kept,
    is_reverse: bool,
    ledger: &Ledger,
) -> Result<(), Error> {
    let feed = feed(kept.position.as_deref(), is_reverse, false);
    while let Some(piece) = session.next_changes(&feed, PIECE).await? {
        kept.take(&piece, ledger);
    }
    Ok(())
}

/// Reads all that there is, from the beginning.
pub async fn truth(
    session: Rc<Session<Simulated>>,
    ledger: Rc<Ledger>,
) -> Result<(Vec<Told>, Vec<Told>), Error> {
    let (mut forward, mut backward) = (Kept::default(), Kept::default());
    read(&session, &mut forward, false, &ledger).await?;
    read(&session, &mut backward, true, &ledger).await?;
    Ok((forward.told, backward.told))
}

/// Lets a consumer come to the end.
pub async fn finish(
    session: Rc<Session<Simulated>>,
    kept: Rc<RefCell<Kept>>,
    ledger: Rc<Ledger>,
) -> Result<(), Error> {
    loop {
        let mut own = kept.take();
        let read = read(&session, &mut own, false, &ledger).await;
        match read {
            Err(error) if is_gone(&error) => own.begin_anew(),
            read => {
                *kept.borrow_mut() = own;
                return read;
            }
        }
        *kept.borrow_mut() = own;
    }
}

/// The operations of each agent, in order.
pub fn by_agent(told: &[Told]) -> BTreeMap<String, Vec<(String, String)>> {
    let mut all: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for told in told {
        all.entry(told.agent.clone()).or_default().push((told.id.clone(), told.what.clone()));
    }
    all
}

/// The records behind operations, one after the other.
pub fn replayed(told: &[Told]) -> BTreeMap<String, String> {
    let mut records = BTreeMap::new();
    for told in told {
        match &told.value {
            Some(value) => records.insert(told.id.clone(), value.clone()),
            None => records.remove(&told.id),
        };
    }
    records
}

/// The records at a place.
pub fn ids_of(present: &Present, past: &Past) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut walk = past.walk(true);
    loop {
        let mut list = b"[".to_vec();
        present.store().walk_on(&mut walk, usize::MAX, &mut list).expect("readable");
        if list.len() == 1 {
            return found;
        }
        list.pop();
        list.push(b']');
        for id in serde_json::from_slice::<Vec<String>>(&list).expect("ids") {
            let value = present.store().get_past(past, id.as_bytes()).expect("readable").expect("there");
            found.insert(id, String::from_utf8_lossy(&value).into_owned());
        }
    }
}

static GONE: AtomicUsize = AtomicUsize::new(0);
static READ: AtomicUsize = AtomicUsize::new(0);

/// Counts how often positions were gone, and how many operations the histories had.
pub fn count(gone: usize, read: usize) {
    GONE.fetch_add(gone, Ordering::Relaxed);
    READ.fetch_add(read, Ordering::Relaxed);
}

/// What was counted.
pub fn counts() -> (usize, usize) {
    (GONE.load(Ordering::Relaxed), READ.load(Ordering::Relaxed))
}
