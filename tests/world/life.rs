//! One world from its beginning to its end: which stores are in it, what befalls them, and what must hold once all is quiet.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use opslog::protocol::carrier::Lock;
use opslog::protocol::{Error, Facts, Options, Position, Session, When};

use super::actor::{Actor, Fetcher, Opened, follow, name, shown, told_of};
use super::carrier::Simulated;
use super::consumer::{self, Kept};
use super::faults::{Fault, count};
use super::ledger::Ledger;
use super::scheduler::{Tasks, Weather, World};

/// By what the writers of a world are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder behind a backend: kernel locks, answers that are final.
    Folder,
    /// An object store with conditional writes, whose locks run out.
    Conditional,
    /// A store with lock objects alone.
    LockObject,
}

/// How long a world goes on before it becomes quiet.
const TURNS: u64 = 260;
/// How long it may take to come to an end.
const LONGEST: u64 = 60_000;
const CONSUMER: &str = "consumer";
const FETCHER: &str = "fetcher";

/// From this seed on, object stores keep an append in an object of its own, created only if it is absent.
pub const NUMBERED: u64 = 1_000_000;

/// From this seed on, there are consumers of the history, batches are undone, and in some worlds history is pruned. Every second object
/// store keeps an append in an object of its own.
pub const HISTORY: u64 = 2_000_000;

/// From this seed on, snapshots have indexes, and a reader fetches single records.
pub const INDEXED: u64 = 3_000_000;

/// From this seed on, single writers keep operations in their logs behind a checkpoint.
pub const KEEPING: u64 = 4_000_000;

struct Plan {
    keep: usize,
    is_historian: bool,
    prunes: bool,
    kind: Kind,
    is_single: bool,
    facts: Facts,
    weather: Weather,
}

impl Plan {
    fn of(seed: u64) -> Self {
        let kind = match seed % 4 {
            0 => Kind::Folder,
            1 | 2 => Kind::Conditional,
            _ => Kind::LockObject,
        };
        let keep = if seed < KEEPING { 0 } else { 1 + (seed / 16 % 5) as usize };
        let is_single = (seed / 4).is_multiple_of(3) != (keep > 0);
        // NOTE: the worlds below have the seeds that they had before there were such stores.
        let is_historian = (HISTORY..INDEXED).contains(&seed) || keep > 0;
        let is_indexed = (INDEXED..KEEPING).contains(&seed);
        let is_numbered = kind == Kind::Conditional && seed >= NUMBERED && (!is_historian || seed % 8 > 3);
        let facts = Facts {
            kernel_lock: kind == Kind::Folder,
            conditional: kind == Kind::Conditional,
            exact_versions: kind != Kind::Folder,
            answers_are_final: kind == Kind::Folder,
            ends_batches: kind == Kind::Folder,
            keeps_notes: is_historian || is_indexed,
            is_private: false,
            deletes_logs: is_historian || is_indexed,
            deletes_snapshots: is_historian || is_indexed,
            keeps_indexes: is_indexed,
            names_by_time: false,
            compaction_lock: true,
            single_lock: true,
            whole_appends: is_numbered,
            closes_logs: is_numbered,
            tells_changes: is_numbered,
        };
        let is_conditional = kind == Kind::Conditional;
        let weather = Weather {
            per_mille: [0, 10, 30, 80, 150][(seed / 12 % 5) as usize],
            is_late: is_conditional && !(seed / 60).is_multiple_of(4),
            // Operations of a single writer have no number, so that one that comes twice cannot be told.
            is_twice: is_conditional && (!is_single || is_numbered) && !(seed / 60).is_multiple_of(4),
            is_silent: is_conditional && !(seed / 240).is_multiple_of(3),
            has_limit: seed / 240 % 3 > 1,
            // What is read behind a token of changes is as new as the token.
            is_stale: !facts.tells_changes,
        };
        let prunes = (is_historian || is_indexed) && (seed / 720).is_multiple_of(3);
        Self { keep, is_historian, prunes, kind, is_single, facts, weather }
    }
}

struct Party {
    plan: Plan,
    world: Rc<World>,
    ledger: Rc<Ledger>,
    opened: Opened,
    tasks: Tasks,
    /// The next number of a record, by the name of the writer.
    numbers: HashMap<String, Rc<RefCell<u64>>>,
    /// The stores that are alive: life and name.
    alive: Vec<(u64, String, bool)>,
    next_life: u64,
    kept: Rc<RefCell<Kept>>,
    fetcher: Fetcher,
}

impl Party {
    fn session(&self, life: u64, options: &Options) -> Rc<Session<Simulated>> {
        let carrier = Simulated {
            world: Rc::clone(&self.world),
            life,
            facts: self.plan.facts,
            reads_only: options.read_only,
            skew_ms: 0,
            number: Cell::new(0),
            next: RefCell::default(),
        };
        Rc::new(Session::new(carrier, options.clone()))
    }

    fn options(&self, writer: &str, is_reader: bool) -> Options {
        Options {
            agent: (!self.plan.is_single && !is_reader).then(|| name(writer)),
            version: 1,
            version_given: false,
            read_only: is_reader,
            skip_load: writer == FETCHER,
            buffered: false,
            checkpoint_threshold: f64::INFINITY,
            amortised: false,
            checkpoint_on_close: true,
            keep: self.plan.keep,
        }
    }

    fn start(&mut self, writer: &str, is_reader: bool) {
        self.next_life += 1;
        let life = self.next_life;
        let options = self.options(writer, is_reader);
        let session = self.session(life, &options);
        let steps = 3 + self.world.dice.borrow_mut().below(20);
        let closes = !is_reader && self.world.dice.borrow_mut().chance(700);
        let actor = Actor {
            name: writer.to_owned(),
            life,
            options,
            world: Rc::clone(&self.world),
            ledger: Rc::clone(&self.ledger),
            opened: Rc::clone(&self.opened),
            steps,
            next: Rc::clone(self.numbers.entry(writer.to_owned()).or_default()),
            closes,
            consumes: (writer == CONSUMER).then(|| Rc::clone(&self.kept)),
            fetches: (writer == FETCHER).then(|| Rc::clone(&self.fetcher)),
            is_historian: self.plan.is_historian,
            prunes: self.plan.prunes,
        };
        super::scheduler::trace(|| format!("{life:>3} starts: {writer}"));
        self.alive.push((life, writer.to_owned(), is_reader));
        self.world.spawn(life, actor.live(session));
    }

    fn kill(&mut self, which: usize) -> (String, bool) {
        let (life, writer, is_reader) = self.alive.swap_remove(which);
        self.world.kill(&mut self.tasks, life);
        self.opened.borrow_mut().remove(&life);
        if writer == FETCHER {
            self.fetcher.take();
        }
        (writer, is_reader)
    }

    fn chance(&self, per_mille: u64) -> bool {
        self.world.dice.borrow_mut().chance(per_mille)
    }

    /// What befalls the processes between two steps.
    fn befall(&mut self) {
        // One consumer at a time, which is killed more often than others.
        if self.plan.is_historian
            && let Some(which) = self.alive.iter().position(|(_, name, _)| name == CONSUMER)
            && (!self.tasks.has(&self.world, self.alive[which].0) || self.chance(20))
        {
            self.kill(which);
            self.start(CONSUMER, true);
        }
        if self.plan.facts.keeps_indexes
            && let Some(which) = self.alive.iter().position(|(_, name, _)| name == FETCHER)
            && !self.tasks.has(&self.world, self.alive[which].0)
            && self.chance(30)
        {
            self.kill(which);
            self.start(FETCHER, true);
        }
        if !self.alive.is_empty() && self.chance(8) {
            let which = self.world.dice.borrow_mut().below(self.alive.len());
            let (writer, is_reader) = self.kill(which);
            self.start(&writer, is_reader);
        }
        let readers = self.alive.iter().filter(|(_, _, is_reader)| *is_reader).count();
        if readers < 3 && self.chance(15) {
            self.start("reader", true);
        }
        // A process whose work is done is followed by another.
        if let Some(which) = self.alive.iter().position(|(life, _, is_reader)| {
            !is_reader && !self.tasks.has(&self.world, *life) && !self.opened.borrow().contains_key(life)
        }) && self.chance(100)
        {
            let (_, writer, is_reader) = self.alive.swap_remove(which);
            self.start(&writer, is_reader);
        }
        if self.plan.kind == Kind::Conditional && self.chance(12) {
            let lock = if self.plan.is_single { Lock::Single } else { Lock::Compaction };
            if self.world.inner.borrow_mut().disk.steal(lock) {
                count(Fault::Stolen);
            }
        }
        // Another store is opened in the place of one that is at work.
        let writers = self.alive.iter().filter(|(_, _, is_reader)| !is_reader).count();
        if self.plan.kind == Kind::Conditional && writers < 4 && self.chance(6) {
            let writer = match self.plan.is_single {
                true => {
                    self.world.inner.borrow_mut().disk.steal(Lock::Single);
                    count(Fault::Replaced);
                    format!("single{}", self.next_life)
                }
                false => {
                    count(Fault::SameAgent);
                    self.alive
                        .iter()
                        .find(|(_, _, is_reader)| !is_reader)
                        .map(|(_, writer, _)| writer.clone())
                        .unwrap_or_else(|| "one".to_owned())
                }
            };
            self.start(&writer, false);
        }
    }

    fn run_until_quiet(&mut self) {
        self.world.calm();
        let end = self.world.inner.borrow().turns + LONGEST;
        while self.tasks.turn(&self.world) {
            if self.world.inner.borrow().turns > end {
                self.ledger.fail("a step waits for ever".to_owned());
                return;
            }
        }
    }

    /// Each operation is in the history once.
    fn check_logged(&self, lines: Vec<Vec<u8>>) {
        let mut known = std::collections::HashSet::new();
        for line in lines {
            let told = told_of(&String::from_utf8_lossy(&line));
            if !told.contains(" deleted ") && !known.insert(told.clone()) {
                self.ledger.fail(format!("the history has twice: {told}"));
            }
        }
    }

    /// 0.8.1 orders the operations of all logs by clock and agent alone, and shows the same records.
    fn check_legacy(&self, reader: &Session<Simulated>, expected: &[(String, String)]) {
        let weather = self.plan.weather;
        // NOTE: what arrives in a log after it was sealed stands where its clock says for 0.8.1 alone.
        if self.plan.is_single || weather.per_mille > 0 || weather.is_late || weather.is_twice {
            return;
        }
        let Some(manifest) = reader.manifest() else { return };
        let found = self.world.inner.borrow().disk.as_legacy(&manifest);
        let expected: BTreeMap<String, String> = expected.iter().cloned().collect();
        if found != expected {
            self.ledger.fail(format!("0.8.1 shows {found:?}, a fresh reader {expected:?}"));
        }
    }

    /// Runs something alone, without faults.
    fn alone<T: 'static>(&mut self, work: impl Future<Output = T> + 'static) -> Option<T> {
        let result = Rc::new(RefCell::new(None));
        let told = Rc::clone(&result);
        self.world.spawn(0, async move {
            let output = work.await;
            *told.borrow_mut() = Some(output);
        });
        self.run_until_quiet();
        result.take()
    }
}

/// Runs the world of a seed. Returns what is wrong in it.
pub fn run(seed: u64) -> Vec<String> {
    let plan = Plan::of(seed);
    let has_limit = plan.weather.has_limit || !plan.weather.is_silent;
    let world = World::new(seed, plan.weather);
    let mut party = Party {
        plan,
        world,
        ledger: Rc::default(),
        opened: Rc::default(),
        tasks: Tasks::default(),
        numbers: HashMap::new(),
        alive: Vec::new(),
        next_life: 0,
        kept: Rc::default(),
        fetcher: Rc::default(),
    };
    let writers = if party.plan.is_single { 1 } else { 1 + party.world.dice.borrow_mut().below(3) };
    for writer in ["one", "two", "three"].into_iter().take(writers) {
        party.start(writer, false);
    }
    party.start("reader", true);
    if party.plan.is_historian {
        party.kept.borrow_mut().is_pruned = party.plan.prunes;
        party.start(CONSUMER, true);
    }
    if party.plan.facts.keeps_indexes {
        party.start(FETCHER, true);
    }
    for _ in 0..TURNS {
        party.tasks.turn(&party.world);
        party.befall();
    }
    if !has_limit {
        // What is never answered is ended by the death of its process.
        while !party.alive.is_empty() {
            party.kill(0);
        }
    }
    party.run_until_quiet();
    if let Some(line) = party.world.below_seal.borrow().as_ref() {
        party.ledger.fail(format!("appended below what was sealed: {line}"));
    }
    judge(&mut party);
    let mut wrong = party.ledger.wrong.take();
    wrong.truncate(8);
    wrong
}

/// What must hold of the history.
fn judge_history(party: &mut Party, reader: &Rc<Session<Simulated>>, expected: &[(String, String)]) {
    let ledger = Rc::clone(&party.ledger);
    let read = consumer::truth(Rc::clone(reader), Rc::clone(&ledger));
    let (truth, mut backward) = match party.alone(read) {
        Some(Ok(truth)) => truth,
        other => return ledger.fail(format!("the history cannot be read: {other:?}")),
    };
    backward.reverse();
    if truth != backward {
        ledger.fail(format!("forward there is {truth:?}, backward {backward:?}"));
    }
    let finishing = consumer::finish(Rc::clone(reader), Rc::clone(&party.kept), Rc::clone(&ledger));
    let finished = party.alone(finishing);
    if !matches!(finished, Some(Ok(()))) {
        return ledger.fail(format!("a consumer cannot come to the end: {finished:?}"));
    }
    let told = party.kept.borrow().told.clone();
    consumer::count(party.kept.borrow().gone, truth.len());
    let (told, all) = (consumer::by_agent(&told), consumer::by_agent(&truth));
    for (agent, operations) in &told {
        // A consumer may have been told what was pruned since.
        let known = all.get(agent).map(Vec::as_slice).unwrap_or_default();
        let is_whole = operations.len() == known.len();
        if !(party.plan.prunes || operations.ends_with(known) && is_whole) {
            ledger.fail(format!("a consumer has of {agent:?} {operations:?}, the history {known:?}"));
        }
    }
    let is_told = |(agent, known): &(&String, &Vec<(String, String)>)| {
        let told = told.get(*agent).map(Vec::as_slice).unwrap_or_default();
        known.iter().all(|operation| told.contains(operation))
    };
    if let Some((agent, known)) = all.iter().find(|pair| !is_told(pair)) {
        ledger.fail(format!("a consumer was not told all of {agent:?}, the history {known:?}"));
    }
    if party.plan.prunes {
        return;
    }
    ledger.check_history(&truth.iter().map(|told| (told.id.clone(), told.value.clone())).collect::<Vec<_>>());
    let archived = ledger.archived.borrow().clone();
    // NOTE: what was appended again behind what others wrote is told once, where it stood first.
    let is_kept = |id: &String| !archived.contains(id) && !id.starts_with("shared");
    let now: BTreeMap<String, String> = expected.iter().filter(|(id, _)| is_kept(id)).cloned().collect();
    let replayed = |told: &[consumer::Told]| {
        let mut records = consumer::replayed(told);
        records.retain(|id, _| is_kept(id));
        records
    };
    if replayed(&truth) != now {
        ledger.fail(format!("the history leads to {:?}, and a reader shows {now:?}", replayed(&truth)));
    }
    for _ in 0..truth.len().min(3) {
        let place = party.world.dice.borrow_mut().below(truth.len());
        let (asking, position) = (Rc::clone(reader), truth[place].position.clone());
        let past = party.alone(async move {
            let present = asking.present().await?;
            let when = When::At(Position::parse(&position).expect("a position"));
            let past = asking.past(&present, &when).await?;
            let ids = consumer::ids_of(&present, &past);
            Ok::<_, Error>(ids)
        });
        let wanted = replayed(&truth[..=place]);
        match past {
            Some(Ok(mut found)) => {
                found.retain(|id, _| is_kept(id));
                if found != wanted {
                    ledger.fail(format!("at {} there is {found:?}, not {wanted:?}", truth[place].position));
                }
            }
            other => ledger.fail(format!("at {} there is nothing: {other:?}", truth[place].position)),
        }
    }
}

/// What is fetched is what a reader shows that has loaded everything: by one that fetched before, and by a fresh one.
fn judge_fetched(party: &mut Party, expected: &[(String, String)]) {
    let expected: BTreeMap<String, String> = expected.iter().cloned().collect();
    let written = party.ledger.writes.borrow().iter().map(|write| write.id.clone()).collect::<Vec<_>>();
    let mut ids: Vec<String> = expected.keys().cloned().chain(written).chain(["none".to_owned()]).collect();
    ids.sort();
    ids.dedup();
    let mut options = party.options(FETCHER, true);
    let mut sessions: Vec<_> = party.fetcher.take().into_iter().collect();
    for version in [1, 2] {
        options.version = version;
        party.next_life += 1;
        let session = party.session(party.next_life, &options);
        let opening = Rc::clone(&session);
        if matches!(party.alone(async move { opening.open().await }), Some(Ok(()))) {
            sessions.push(session);
        }
    }
    for (place, session) in sessions.iter().enumerate() {
        let is_last = place + 1 == sessions.len();
        let (asking, asked) = (Rc::clone(session), ids.clone());
        let found = party.alone(async move {
            asking.follow().await?;
            let mut found = BTreeMap::new();
            for id in asked {
                if let Some(text) = asking.fetch(&opslog::engine::Id::from(id.as_bytes())).await? {
                    found.insert(id, String::from_utf8_lossy(&text).into_owned());
                }
            }
            Ok::<_, Error>(found)
        });
        let migrated = |text: &String| format!("{},\"m\":1}}", text.strip_suffix('}').unwrap_or(text));
        let wanted: BTreeMap<String, String> = match is_last {
            true => expected.iter().map(|(id, text)| (id.clone(), migrated(text))).collect(),
            false => expected.clone(),
        };
        if !matches!(&found, Some(Ok(found)) if *found == wanted) {
            party.ledger.fail(format!("fetched are {found:?}, a fresh reader shows {wanted:?}"));
        }
    }
}

/// What must hold once all is quiet.
fn judge(party: &mut Party) {
    let reader_options = party.options("reader", true);
    let mut fresh = None;
    for _ in 0..2 {
        party.next_life += 1;
        let session = party.session(party.next_life, &reader_options);
        let opening = Rc::clone(&session);
        let has_opened = party.alone(async move { opening.open().await });
        if matches!(has_opened, Some(Ok(()))) {
            fresh = Some(session);
            break;
        }
        // A store that no writer ever created.
        if has_opened.is_some() {
            party.start("one", false);
            party.run_until_quiet();
        } else {
            return;
        }
    }
    let Some(reader) = fresh else { return party.ledger.fail("no reader can open the store".to_owned()) };
    let expected = shown(&reader);
    party.ledger.check(&expected, "a fresh reader");
    let logging = Rc::clone(&reader);
    let logged = party.alone(async move { logging.logged().await });
    party.check_logged(logged.and_then(Result::ok).unwrap_or_default());
    party.check_legacy(&reader, &expected);
    if party.plan.is_historian {
        judge_history(party, &reader, &expected);
    }
    if party.plan.facts.keeps_indexes {
        judge_fetched(party, &expected);
    }
    let opened: Vec<_> =
        party.opened.borrow().iter().map(|(life, session)| (*life, Rc::clone(session))).collect();
    for (life, session) in opened {
        let (following, ledger) = (Rc::clone(&session), Rc::clone(&party.ledger));
        let is_reader = session.store().operation_total() > 0 || session.manifest().is_some();
        let told = party.alone(async move { follow(&following, &ledger, life).await });
        let is_follower = session.is_follower();
        // What was pruned is told to no follower.
        if matches!(told, Some(Ok(()))) && is_follower && !party.plan.prunes {
            let agent = party.alive.iter().find(|(alive, _, is_reader)| *alive == life && !is_reader);
            party.ledger.has_followed(life, agent.map(|(_, writer, _)| writer.as_str()));
        }
        let following = Rc::clone(&session);
        let told = match is_follower {
            true => told,
            false => party.alone(async move { following.refresh().await }),
        };
        if matches!(told, Some(Ok(()))) && is_reader && shown(&session) != expected {
            let found = shown(&session);
            party
                .ledger
                .fail(format!("the store of life {life} shows {found:?}, a fresh reader {expected:?}"));
        }
    }
    // A writer opens, compacts, and the same is there.
    party.world.inner.borrow_mut().disk.steal(Lock::Single);
    party.world.inner.borrow_mut().disk.steal(Lock::Compaction);
    party.next_life += 1;
    let session = party.session(party.next_life, &party.options("last", false));
    let working = Rc::clone(&session);
    let result = party.alone(async move {
        working.open().await?;
        working.checkpoint(1000).await
    });
    if !matches!(result, Some(Ok(()))) {
        return party.ledger.fail(format!("a writer cannot open and compact: {result:?}"));
    }
    if shown(&session) != expected {
        let found = shown(&session);
        party.ledger.fail(format!("after a compaction there is {found:?}, before {expected:?}"));
    }
}
