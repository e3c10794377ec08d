//! One that follows: a reader, or a writer among others. What it was told is compared with what was logged.

use std::collections::HashSet;
use std::sync::Arc;

use opslog::store::{Look, Store};
use serde_json::Value;

use super::folder::own_history;
use super::trail::{Deed, Logged, in_order, records};
use crate::live::{Violation, scan};

pub struct Follower {
    pub store: Arc<Store>,
    /// The agent that it is.
    pub agent: Option<String>,
    pub loads: bool,
    /// What it has been told, or saw when it opened, or wrote itself.
    pub known: HashSet<String>,
    /// What was in the snapshot when it opened.
    sealed: HashSet<String>,
    /// What was there, and went, and may have come back by itself: it may be told or not.
    optional: HashSet<String>,
    /// Whether the folder was put back since it looked.
    is_put_back: bool,
}

impl Follower {
    /// One that has just opened, when the logs held these operations. A blind one has loaded none of them.
    pub fn new(
        store: Arc<Store>,
        agent: Option<String>,
        trail: &[Logged],
        in_logs: &[Logged],
        is_blind: bool,
    ) -> Self {
        let times = |logged: &Logged| logged.ts.clone();
        let sealed: HashSet<String> =
            trail.iter().filter(|logged| !in_logs.contains(logged)).map(times).collect();
        let known = if is_blind { sealed.clone() } else { trail.iter().map(times).collect() };
        Self { store, agent, loads: !is_blind, known, sealed, optional: HashSet::new(), is_put_back: false }
    }

    /// The folder was put back: logs may count again that it has never seen. Of other operations it may be told or not.
    pub fn put_back(&mut self, unclear: &[Logged]) {
        self.optional.extend(unclear.iter().map(|logged| logged.ts.clone()));
        self.optional.extend(std::mem::take(&mut self.sealed));
        self.is_put_back = true;
    }

    /// Takes over what others wrote.
    pub fn catch_up(&mut self, trail: &[Logged]) -> Result<(), Violation> {
        let looked = self.store.follow_at_once().and_then(|look| match look {
            Look::Done(followed) => Ok(followed),
            Look::Later(so_far) => self.store.follow_on(so_far),
        });
        let followed = looked.map_err(|error| format!("a look fails: {error}"))?;
        if followed.outdated {
            self.store.renew().map_err(|error| format!("a snapshot cannot be loaded: {error}"))?;
        }
        // What was undone may come back with a folder that is put back, and is told again then.
        self.known.retain(|ts| trail.iter().any(|logged| logged.ts == *ts));
        Ok(())
    }

    /// The times of the operations that it is told of, and the ids.
    fn hear(&self) -> Result<(Vec<String>, Vec<String>), Violation> {
        let lists = self.store.tell(self.store.take_tail(), 300);
        let (mut heard, mut ids) = (Vec::new(), Vec::new());
        for list in lists.map_err(|error| format!("telling fails: {error}"))? {
            let text = format!("[{}]", String::from_utf8_lossy(&list));
            let operations: Vec<Value> = serde_json::from_str(&text)
                .map_err(|error| format!("operations are no JSON: {error}: {text}"))?;
            let text = |operation: &Value, field| Some(operation[field].as_str()?.to_owned());
            heard.extend(operations.iter().filter_map(|operation| text(operation, "ts")));
            ids.extend(operations.iter().filter_map(|operation| text(operation, "id")));
        }
        Ok((heard, ids))
    }

    /// Looks, and compares what it shows and was told with what is there. Returns how many operations it was told of.
    pub fn look(&mut self, trail: &[Logged], fresh: &Store) -> Result<usize, Violation> {
        self.catch_up(trail)?;
        self.compare(trail, fresh)?;
        let (mut heard, ids) = self.hear()?;
        if std::mem::take(&mut self.is_put_back) {
            // What a compaction has taken along since is in no log that it knows of.
            let in_logs = own_history(fresh, None)?;
            let sealed = trail.iter().filter(|logged| !in_logs.contains(logged) && self.is_news(logged));
            let sealed: Vec<String> = sealed.map(|logged| logged.ts.clone()).collect();
            self.optional.extend(sealed);
        } else {
            self.compare_told(&ids, fresh)?;
        }
        heard.retain(|ts| !self.optional.contains(ts));
        let expected = self.expected(trail);
        if heard != expected {
            return Err(format!("{} was told of {heard:?}, not of {expected:?}", self.name()));
        }
        self.known.extend(heard);
        Ok(expected.len())
    }

    fn expected(&self, trail: &[Logged]) -> Vec<String> {
        let new = trail.iter().filter(|logged| self.is_news(logged)).collect();
        in_order(new).into_iter().map(|logged| logged.ts.clone()).collect()
    }

    fn is_news(&self, logged: &Logged) -> bool {
        let is_told = !matches!(logged.deed, Deed::Archive(_));
        is_told && !self.known.contains(&logged.ts) && !self.optional.contains(&logged.ts)
    }

    fn compare(&self, trail: &[Logged], fresh: &Store) -> Result<(), Violation> {
        let logged = records(trail);
        let mut there = scan(fresh)?;
        there.sort();
        if there != logged {
            return Err(format!("a fresh reader shows {there:?}, not {logged:?}"));
        }
        if !self.loads {
            return Ok(());
        }
        let mut shown = scan(&self.store)?;
        shown.sort();
        if shown != there {
            return Err(format!("{} shows {shown:?}, a fresh reader {there:?}", self.name()));
        }
        match self.store.counts().records == shown.len() {
            true => Ok(()),
            false => Err(format!("{} counts wrong", self.name())),
        }
    }

    /// What it was told of, a follower that has loaded nothing shows as well. Records that went to an archive stay.
    fn compare_told(&self, ids: &[String], fresh: &Store) -> Result<(), Violation> {
        for id in ids {
            let get = |store: &Store| store.get(id.as_bytes()).map_err(|error| error.to_string());
            let (shown, there) = (get(&self.store)?, get(fresh)?);
            if shown != there && there.is_some() {
                return Err(format!("{} was told of {id} and shows {shown:?}, not {there:?}", self.name()));
            }
        }
        Ok(())
    }

    pub fn name(&self) -> String {
        match (&self.agent, self.loads) {
            (Some(agent), _) => format!("agent {agent}"),
            (None, true) => "a follower".into(),
            (None, false) => "a follower that loads nothing".into(),
        }
    }
}
