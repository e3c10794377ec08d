//! What callers were told, and what must hold because of that.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a caller was told of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet, or that it is not known.
    Unknown,
    Acknowledged,
    Refused,
}

/// A write of one record: what it becomes, `None` for "gone".
#[derive(Clone, Debug)]
pub struct Write {
    pub id: String,
    pub text: Option<String>,
    pub told: Told,
    /// The batch that it belongs to.
    pub batch: Option<u64>,
    /// When it was called and when it was acknowledged.
    pub called: u64,
    pub life: u64,
}

/// When a store was opened, and what it showed then.
struct Opening {
    at: u64,
    shown: BTreeSet<String>,
}

#[derive(Default)]
pub struct Ledger {
    openings: RefCell<HashMap<u64, Opening>>,
    pub writes: RefCell<Vec<Write>>,
    /// What each follower was told, and what it must be told: the operations that were called after it opened.
    pub followers: RefCell<HashMap<u64, Vec<String>>>,
    pub wrong: RefCell<Vec<String>>,
    /// The newest single writer, and when it had opened, if that is certain.
    term: RefCell<Option<(u64, u64)>>,
    /// When a single writer opened the store last.
    opened_last: RefCell<Option<u64>>,
    now: RefCell<u64>,
    /// Records that were to be archived.
    pub archived: RefCell<BTreeSet<String>>,
    /// Which of the writes are archives, which no operation tells of.
    pub archives: RefCell<BTreeSet<usize>>,
}

impl Ledger {
    pub fn tick(&self) -> u64 {
        *self.now.borrow_mut() += 1;
        *self.now.borrow()
    }

    /// A write is called. Returns its place.
    pub fn call(&self, life: u64, id: &str, text: Option<&str>, batch: Option<u64>) -> usize {
        let called = self.tick();
        let mut writes = self.writes.borrow_mut();
        let (id, text) = (id.to_owned(), text.map(str::to_owned));
        writes.push(Write { id, text, told: Told::Unknown, batch, called, life });
        writes.len() - 1
    }

    pub fn told(&self, place: usize, told: Told) {
        let write = {
            let mut writes = self.writes.borrow_mut();
            writes[place].told = told;
            super::scheduler::trace(|| {
                format!("{:>3} {} {:?}: {told:?}", writes[place].life, writes[place].id, writes[place].text)
            });
            writes[place].clone()
        };
        if told == Told::Acknowledged
            && let Some((life, opened)) = *self.term.borrow()
            && life != write.life
            && write.called > opened
        {
            self.fail(format!("{} was acknowledged to a writer that was replaced", write.id));
        }
    }

    /// A single writer has opened the store; it began to when `began` was. Of two that opened it at once, either may be the one
    /// that the other has replaced.
    pub fn begin_term(&self, life: u64, began: u64) {
        let now = self.tick();
        let is_behind = self.opened_last.replace(Some(now)).is_none_or(|opened| opened < began);
        *self.term.borrow_mut() = is_behind.then_some((life, now));
    }

    pub fn fail(&self, what: String) {
        self.wrong.borrow_mut().push(what);
    }

    /// A store was opened, and showed these records.
    pub fn opened(&self, life: u64, shown: &[(String, String)]) {
        let shown = shown.iter().map(|(id, text)| format!("{id} {}", text.trim_matches(['{', '}'])));
        let opening = Opening { at: self.tick(), shown: shown.collect() };
        self.openings.borrow_mut().insert(life, opening);
    }

    /// A follower has looked for the last time: it was told every operation of others that counts, and that was called after it
    /// had opened.
    pub fn has_followed(&self, life: u64, name: Option<&str>) {
        let Some(opened) = self.openings.borrow().get(&life).map(|opening| opening.at) else { return };
        let followers = self.followers.borrow();
        let told = followers.get(&life).map(Vec::as_slice).unwrap_or_default();
        let writes = self.writes.borrow();
        for write in writes.iter().filter(|write| write.told == Told::Acknowledged && write.called > opened) {
            let Some(text) = &write.text else { continue };
            // What was undone need not be told.
            let is_undone = |later: &Write| later.id == write.id && later.text.is_none();
            let is_own = name.is_some_and(|name| text.contains(&format!("\"by\":\"{name}\"")));
            let wanted = format!("{} {}", write.id, text.trim_matches(['{', '}']));
            if !is_own && !writes.iter().any(is_undone) && !told.contains(&wanted) {
                self.fail(format!("the follower of life {life} was never told of {wanted}"));
            }
        }
    }

    /// A follower was told an operation.
    pub fn follower(&self, life: u64, told: String) {
        if self.openings.borrow().get(&life).is_some_and(|opening| opening.shown.contains(&told)) {
            self.fail(format!("a follower was told of {told}, which was there when it opened"));
        }
        let mut followers = self.followers.borrow_mut();
        let known = followers.entry(life).or_default();
        if known.contains(&told) {
            self.fail(format!("a follower was told twice of {told}"));
        }
        known.push(told);
    }

    /// Checks a history that was read from the beginning of the store on: what was acknowledged is in it, unless it was undone; what was
    /// refused is not.
    pub fn check_history(&self, told: &[(String, Option<String>)]) {
        let writes = self.writes.borrow();
        let archives = self.archives.borrow();
        for write in writes.iter().filter(|write| !write.id.starts_with("shared")) {
            let Some(text) = &write.text else { continue };
            let is_told = told.iter().any(|(id, value)| *id == write.id && value.as_ref() == Some(text));
            let is_undone = |(place, later): (usize, &Write)| {
                later.id == write.id && later.text.is_none() && !archives.contains(&place)
            };
            match write.told {
                Told::Acknowledged if !is_told && !writes.iter().enumerate().any(is_undone) => {
                    self.fail(format!("the history lacks {} {text}", write.id));
                }
                Told::Refused if is_told => {
                    self.fail(format!("the history has {} {text}, which was refused", write.id))
                }
                _ => {}
            }
        }
    }

    /// Checks what a store shows once all is quiet. Records that every agent writes to are in no write here.
    pub fn check(&self, shown: &[(String, String)], who: &str) {
        let shown: BTreeMap<&str, &str> =
            shown.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
        let writes = self.writes.borrow();
        let mut possible: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
        for write in writes.iter().filter(|write| !write.id.starts_with("shared")) {
            let states = possible.entry(&write.id).or_insert_with(|| BTreeSet::from([None]));
            match write.told {
                Told::Refused => {}
                Told::Acknowledged => *states = BTreeSet::from([write.text.as_deref()]),
                Told::Unknown => drop(states.insert(write.text.as_deref())),
            }
        }
        for (id, states) in &possible {
            let found = shown.get(id).copied();
            if !states.contains(&found) {
                self.fail(format!("{who}: {id} is {found:?}, and must be one of {states:?}"));
            }
        }
        self.check_batches(&shown, who);
        for id in shown.keys().filter(|id| !id.starts_with("shared")) {
            if !possible.contains_key(id) {
                self.fail(format!("{who}: {id} was never written"));
            }
        }
    }

    /// Batches show whole, also while work goes on.
    pub fn check_batches(&self, shown: &BTreeMap<&str, &str>, who: &str) {
        let mut batches: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        for write in self.writes.borrow().iter() {
            if let Some(batch) = write.batch {
                let (all, there) = batches.entry(batch).or_default();
                *all += 1;
                *there += usize::from(shown.contains_key(write.id.as_str()));
            }
        }
        for (batch, (all, there)) in batches {
            if there != 0 && there != all {
                self.fail(format!("{who}: of batch {batch}, {there} of {all} records show"));
            }
        }
    }
}
