//! Lives of a store to whose log another hand appends meanwhile: each record must hold what its own writer wrote last,
//! at every moment, after a kill at any moment, and when the store is opened again.
//! `OPSLOG_EXPLORER_FOREIGN_REPLAY=seed` repeats what a failure names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk};
use opslog::engine::{Change, Id};
use opslog::error::Error;
use opslog::store::{Options, Rejected, Store};
use parking_lot::Mutex;

use super::hand::{Hand, Histories, records_of, value};
use super::hook::HookDisk;
use super::live::{ROOT, Violation, history, scan};
use super::plan::{FULL, Random};
use super::reader;
use super::world::Dead;

const FIRST_MS: i64 = 1_700_000_000_000;
const SEEDS: u64 = 300;
const STEPS: u64 = 30;
/// Of each life, so many moments are judged as if the process had been killed then.
const KILLS: usize = 12;

#[derive(Debug, Clone)]
enum Step {
    /// Changes one after the other; of these, the first looks at the file.
    Changes(Vec<Put>),
    Shared(Vec<Put>),
    /// A change, while an append writes only a part: of the store, or of the other hand, which ends there.
    Partly(Put, Part),
    Batch(Vec<Put>),
    Undo,
    Flush,
    Checkpoint(Vec<(u64, Vec<Put>)>),
    Backup,
    History,
    Reopen,
}

type Put = (String, Option<String>);

#[derive(Debug, Clone, Copy)]
enum Part {
    /// It says so, and can be continued.
    Short,
    /// It fails then.
    Half,
}

/// What a kill at one moment left, and what had been acknowledged by then.
struct Moment {
    disk: SimDisk,
    own: Histories,
    asked: Histories,
    others: Histories,
    late: BTreeSet<String>,
}

/// What the hook and the life share.
struct Shared {
    hand: Hand,
    /// What is in the log, as the store said.
    logged: Histories,
    moments: Vec<Moment>,
    takes_moments: bool,
    /// All that it was ever told to set, whatever became of it.
    asked: Histories,
    random: Random,
}

struct Life {
    disk: HookDisk,
    store: Arc<Store>,
    shared: Arc<Mutex<Shared>>,
    /// What the store holds, with what is only buffered.
    own: Histories,
    options: Options,
    now: i64,
    /// An undone deletion puts its record at the end until the log is read again.
    is_reordered: bool,
    /// It is in the middle of a checkpoint, which may take the lines of others over only at its end.
    is_late: bool,
}

#[derive(Default)]
struct Tally {
    lines: usize,
    kills: usize,
}

#[test]
fn a_store_to_whose_log_another_hand_appends_loses_nothing_of_either() {
    if let Ok(seed) = std::env::var("OPSLOG_EXPLORER_FOREIGN_REPLAY") {
        explore(seed.parse().unwrap(), &mut Tally::default()).unwrap();
        return;
    }
    if std::env::var("OPSLOG_EXPLORER_STATES").is_ok() {
        return;
    }
    let seeds = std::env::var("OPSLOG_EXPLORER_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let mut tally = Tally::default();
    for seed in 1..=seeds {
        explore(seed, &mut tally).unwrap_or_else(|violation| panic!("{violation}"));
    }
    println!("another hand wrote {} lines in {seeds} lives; {} kills", tally.lines, tally.kills);
    assert!(tally.lines as u64 > 20 * seeds, "only {} lines", tally.lines);
    assert!(tally.kills as u64 > 4 * seeds, "only {} kills", tally.kills);
}

fn explore(seed: u64, tally: &mut Tally) -> Result<(), Violation> {
    let steps = Planner { random: Random::new(seed), values: 500_000 }.steps();
    let told = |violation: Violation| {
        let plan: String = steps.iter().map(|step| format!("\n  {step:?}")).collect();
        format!("replay with OPSLOG_EXPLORER_FOREIGN_REPLAY={seed}: {violation}\nsteps:{plan}")
    };
    let mut life = Life::begin(seed).map_err(&told)?;
    for step in &steps {
        life.carry_out(step)
            .map_err(|violation| format!("{step:?}: {violation}{}", life.logs()))
            .map_err(&told)?;
    }
    life.end(tally).map_err(told)
}

impl Life {
    fn begin(seed: u64) -> Result<Self, Violation> {
        let sim = SimDisk::new();
        let disk = HookDisk::new(sim.clone());
        let mut random = Random::new(seed << 20);
        let one_in = [3, 6, 12, 30][random.below(4) as usize];
        let shared = Arc::new(Mutex::new(Shared {
            hand: Hand::new(sim.clone(), seed << 10, one_in),
            logged: Histories::new(),
            moments: Vec::new(),
            takes_moments: true,
            asked: Histories::new(),
            random: random.clone(),
        }));
        let hooked = Arc::clone(&shared);
        disk.before_every(move |_, _| hooked.lock().at_call(&sim));
        let buffered = seed.is_multiple_of(3);
        let options = Options { read_only: false, buffered, ..reader::options(FIRST_MS) };
        let store = open(&disk, &options)?;
        let own = Histories::new();
        Ok(Self { disk, store, shared, own, options, now: FIRST_MS, is_reordered: false, is_late: false })
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), Violation> {
        self.now += 7;
        match step {
            Step::Changes(puts) => {
                for (at, put) in puts.iter().enumerate() {
                    self.change(put, at == 0)?;
                    if !self.options.buffered {
                        self.note_logged();
                    }
                }
            }
            Step::Shared(puts) => {
                let before = self.own.clone();
                self.store.begin_shared();
                puts.iter().try_for_each(|put| self.change(put, false))?;
                self.store.commit_shared().map_err(|error| format!("{error:?}"))?;
                if self.own != before {
                    self.note_logged();
                }
            }
            Step::Batch(puts) => {
                let before = self.own.clone();
                self.store.begin_batch();
                puts.iter().try_for_each(|put| self.change(put, false))?;
                self.store.commit_batch().map_err(|error| format!("{error:?}"))?;
                // An empty batch does not flush what is buffered.
                if self.own != before {
                    self.note_logged();
                }
            }
            Step::Partly(put, part) => {
                // What ends with a part of a line swallows what comes behind it, until that part is taken off.
                self.shared.lock().takes_moments = false;
                self.change_partly(put, *part)?;
                self.shared.lock().takes_moments = true;
            }
            Step::Undo => self.undo()?,
            Step::Flush => {
                self.store.flush().map_err(|error| error.to_string())?;
                self.note_logged();
            }
            Step::Checkpoint(late) => self.checkpoint(late)?,
            Step::Backup => self.back_up()?,
            Step::History => drop(history(&self.store)?),
            Step::Reopen => self.reopen()?,
        }
        if !self.is_late && self.shared.lock().random.chance(3) { self.check() } else { self.check_own() }
    }

    fn change(&mut self, (id, value): &Put, looks: bool) -> Result<(), Violation> {
        let is_there = records_of(&self.own).contains_key(id);
        self.shared.lock().asked.entry(id.clone()).or_default().push(value.clone());
        let change = value.as_ref().map_or(Change::Delete, |value| Change::Set(value.as_bytes()));
        match self.store.change(change, id.as_bytes(), self.now, None, looks) {
            Ok(_) if value.is_some() || is_there => {
                self.own.entry(id.clone()).or_default().push(value.clone());
                Ok(())
            }
            Err(Rejected::Error(Error::NotFound { .. })) if value.is_none() && !is_there => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    /// What all logs hold, for a violation.
    fn logs(&self) -> String {
        let tree = self.disk.sim().tree().into_iter();
        let logs = tree.filter(|(path, _)| path.starts_with(Path::new(ROOT).join("ops")));
        logs.map(|(path, text)| format!("\n{}:\n{}", path.display(), String::from_utf8_lossy(&text)))
            .collect()
    }

    fn change_partly(&mut self, put: &Put, part: Part) -> Result<(), Violation> {
        // A line that another one has swallowed is appended again: should that fail too, the store refuses writes.
        self.check()?;
        let sim = self.disk.sim().clone();
        sim.script(match part {
            Part::Short => Fault::short_write(CallKind::Append),
            Part::Half => Fault::new(CallKind::Append, FULL).after_half(),
        });
        let before = self.own.clone();
        match self.change(put, true) {
            Ok(()) if !self.options.buffered => self.note_logged(),
            Ok(()) => {}
            Err(violation) if violation.contains("Io {") => self.own = before,
            Err(violation) => return Err(violation),
        }
        sim.heal();
        Ok(())
    }

    /// All that the store holds is in the log.
    fn note_logged(&self) {
        self.shared.lock().logged.clone_from(&self.own);
    }

    fn undo(&mut self) -> Result<(), Violation> {
        // Until it returns, it is not known whose operation it takes back.
        self.shared.lock().takes_moments = false;
        let undone = self.undo_one();
        self.shared.lock().takes_moments = true;
        undone
    }

    fn undo_one(&mut self) -> Result<(), Violation> {
        let undone = match self.store.undo() {
            Err(Rejected::NotNow) => self.store.undo_waiting(),
            Err(Rejected::Error(error)) => Err(error),
            undone => Ok(undone.unwrap_or_default()),
        };
        let undone: Vec<Id> = undone.map_err(|error| error.to_string())?;
        let Some(id) = undone.first() else { return Ok(()) };
        let id = String::from_utf8_lossy(id).into_owned();
        let mut shared = self.shared.lock();
        if let Some(values) = self.own.get_mut(&id) {
            let was_logged = shared.logged.get(&id).is_some_and(|logged| logged.len() == values.len());
            self.is_reordered |= values.pop() == Some(None);
            if was_logged {
                shared.logged.insert(id, values.clone());
            }
        } else if let Some(values) = shared.hand.written.get_mut(&id) {
            // The hand may have appended another line since: that one is forgotten here, and is still a known value.
            let forgotten = values.pop();
            self.is_reordered = true;
            shared.hand.unclear.insert(id.clone());
            shared.hand.partly.entry(id).or_default().extend(forgotten);
        }
        Ok(())
    }

    fn checkpoint(&mut self, late: &[(u64, Vec<Put>)]) -> Result<(), Violation> {
        {
            // From here on the store does not look at logs that were replaced before.
            let mut shared = self.shared.lock();
            let hand = &mut shared.hand;
            hand.oldest = hand.active_log().unwrap_or_default();
        }
        let begun = self.store.begin_checkpoint(self.now, true).map_err(|error| error.to_string())?;
        // What is buffered is flushed first.
        self.note_logged();
        let Some(begun) = begun else { return Err("no checkpoint".into()) };
        let life = Arc::new(Mutex::new((self.own.clone(), None)));
        for (nth, puts) in late.iter().cloned() {
            let (store, shared, life) =
                (Arc::clone(&self.store), Arc::clone(&self.shared), Arc::clone(&life));
            let (disk, options, now) = (self.disk.clone(), self.options.clone(), self.now);
            self.disk.before(nth, move || {
                let (own, violation) = &mut *life.lock();
                let (is_reordered, is_late) = (false, true);
                let (store, shared, disk) = (Arc::clone(&store), Arc::clone(&shared), disk.clone());
                let options = options.clone();
                let mut late = Life {
                    disk,
                    store,
                    shared,
                    own: std::mem::take(own),
                    options,
                    now,
                    is_reordered,
                    is_late,
                };
                let result = late.carry_out(&Step::Changes(puts.clone()));
                *violation = violation.take().or(result.err());
                *own = late.own;
            });
        }
        let result = begun.run();
        self.disk.clear();
        let (own, violation) = Arc::into_inner(life).ok_or("the checkpoint is not over")?.into_inner();
        self.own = own;
        match (result, violation) {
            (_, Some(violation)) => Err(format!("late: {violation}")),
            (Err(error), _) => Err(format!("the checkpoint fails: {error}")),
            _ => Ok(()),
        }
    }

    /// A copy must open, and hold nothing that was not in the store.
    fn back_up(&mut self) -> Result<(), Violation> {
        let folder = Path::new("/copies").join(self.now.to_string());
        let before = records_of(&self.shared.lock().logged);
        let mut copying = self.store.begin_backup(&folder, false).map_err(|error| error.to_string())?;
        while !copying.step(200).map_err(|error| format!("a copy fails: {error}"))?.is_complete {}
        let copy = Arc::new(self.disk.sim().after_kill());
        let options = Options { buffered: false, ..self.options.clone() };
        let opened = Store::open(copy, &folder, options, &Dead);
        let found = scan(&opened.map_err(|error| format!("a copy does not open: {error}"))?.store)?;
        let (known, partly) = {
            let shared = self.shared.lock();
            (shared.hand.written.clone(), shared.hand.partly.clone())
        };
        let is_of = |histories: &Histories, id: &String, value: &String| {
            histories.get(id).is_some_and(|values| values.iter().flatten().any(|known| known == value))
        };
        for (id, value) in &found {
            if ![&self.own, &known, &partly].iter().any(|histories| is_of(histories, id, value)) {
                return Err(format!("a copy holds {id} = {value}, which it never was"));
            }
        }
        let own = found.iter().filter(|(id, _)| id.starts_with("own")).cloned().collect();
        same("of its own records, a copy", &own, &before)
    }

    fn reopen(&mut self) -> Result<(), Violation> {
        self.store.flush().map_err(|error| error.to_string())?;
        self.note_logged();
        self.store.close().map_err(|error| format!("close: {error}"))?;
        self.now += 20_000;
        self.options.now_ms = self.now;
        self.store = open(&self.disk, &self.options)?;
        self.is_reordered = false;
        // What came too late for the store that was closed is in a log that no longer counts.
        let mut shared = self.shared.lock();
        let hand = &mut shared.hand;
        hand.unclear.append(&mut hand.late);
        hand.forget_log();
        Ok(())
    }

    fn expected_of(&self, own: &Histories) -> BTreeMap<String, String> {
        let mut expected = records_of(own);
        let shared = self.shared.lock();
        let hand = &shared.hand;
        expected.extend(records_of(&hand.written).into_iter().filter(|(id, _)| !hand.unclear.contains(id)));
        expected
    }

    /// The records of which it is clear what they must be.
    fn clear(&self, shown: &[(String, String)]) -> BTreeMap<String, String> {
        let shared = self.shared.lock();
        let hand = &shared.hand;
        shown.iter().filter(|(id, _)| !hand.unclear.contains(id)).cloned().collect()
    }

    /// What the store shows of its own records, whatever it has seen of the others.
    fn check_own(&self) -> Result<(), Violation> {
        for (id, values) in &self.own {
            let got = self.store.get(id.as_bytes()).map_err(|error| format!("get: {error}"))?;
            let expected = values.last().cloned().flatten();
            if got.as_deref() != expected.as_deref().map(str::as_bytes) {
                let got = got.map(|text| String::from_utf8_lossy(&text).into_owned());
                return Err(format!("get({id}) is {got:?}, not {expected:?}"));
            }
        }
        Ok(())
    }

    /// All that it shows, once it has looked; and what the next process would find.
    fn check(&mut self) -> Result<(), Violation> {
        let one_in = std::mem::take(&mut self.shared.lock().hand.one_in);
        let checked = self.check_quietly();
        self.shared.lock().hand.one_in = one_in;
        checked
    }

    fn check_quietly(&mut self) -> Result<(), Violation> {
        self.store.follow().map_err(|error| format!("follow: {error}"))?;
        self.shared.lock().hand.late.clear();
        let shown = scan(&self.store)?;
        same("the store", &self.clear(&shown), &self.expected_of(&self.own))?;
        self.check_own()?;
        if self.store.counts().records != shown.len() {
            return Err(format!("it counts {} records, not {}", self.store.counts().records, shown.len()));
        }
        let operations = history(&self.store)?.len();
        if operations != self.store.counts().operations {
            return Err(format!("{operations} operations"));
        }
        let logged = self.shared.lock().logged.clone();
        let copy = Arc::new(self.disk.sim().after_kill());
        let found = Store::open(copy, Path::new(ROOT), self.options.clone(), &Dead);
        let found = scan(&found.map_err(|error| format!("it does not open: {error}"))?.store)?;
        same("the next process", &self.clear(&found), &self.expected_of(&logged))?;
        if logged == self.own && !self.is_reordered && found != shown {
            return Err(format!("the next process shows them in the order {found:?}, not {shown:?}"));
        }
        Ok(())
    }

    fn end(mut self, tally: &mut Tally) -> Result<(), Violation> {
        self.reopen()?;
        self.check()?;
        let mut shared = self.shared.lock();
        shared.hand.one_in = 0;
        tally.lines += shared.hand.written.values().map(Vec::len).sum::<usize>();
        for moment in std::mem::take(&mut shared.moments) {
            tally.kills += 1;
            judge(moment, &shared.asked, &self.options)?;
        }
        Ok(())
    }
}

/// Whether a kill lost something. A step that was under way may have taken effect.
fn judge(moment: Moment, asked: &Histories, options: &Options) -> Result<(), Violation> {
    let opened = Store::open(Arc::new(moment.disk), Path::new(ROOT), options.clone(), &Dead);
    let found: BTreeMap<_, _> =
        scan(&opened.map_err(|error| format!("after a kill: {error}"))?.store)?.into_iter().collect();
    let of_others = |records: BTreeMap<String, String>| -> BTreeMap<String, String> {
        let is_other = |id: &String| id.starts_with("his") && !moment.late.contains(id);
        records.into_iter().filter(|(id, _)| is_other(id)).collect()
    };
    let expected = of_others(records_of(&moment.others));
    same("after a kill, of the other hand's records, it", &of_others(found.clone()), &expected)?;
    for (id, values) in asked {
        let now = found.get(id);
        let known = moment.own.get(id).and_then(|values| values.last()).unwrap_or(&None);
        // What was asked last by then may have been under way.
        let begun = moment.asked.get(id).map_or(0, |asked| asked.len().saturating_sub(4));
        let mut legal = [known].into_iter().chain(values.get(begun..).unwrap_or_default());
        if !legal.any(|legal| legal.as_ref() == now) {
            return Err(format!("after a kill, {id} is {now:?}; it was {known:?}"));
        }
    }
    Ok(())
}

impl Shared {
    fn at_call(&mut self, sim: &SimDisk) {
        self.hand.act();
        if self.takes_moments && self.hand.one_in > 0 && self.moments.len() < KILLS && self.random.chance(40)
        {
            let (own, others) = (self.logged.clone(), self.hand.written.clone());
            let asked = self.asked.clone();
            let late = self.hand.late.union(&self.hand.unclear).cloned().collect();
            self.moments.push(Moment { disk: sim.after_kill(), own, asked, others, late });
        }
    }
}

fn open(disk: &HookDisk, options: &Options) -> Result<Arc<Store>, Violation> {
    let opened = Store::open(Arc::new(disk.clone()), Path::new(ROOT), options.clone(), &Dead);
    opened.map(|opened| opened.store).map_err(|error| format!("it does not open: {error}"))
}

fn same(
    who: &str,
    shown: &BTreeMap<String, String>,
    expected: &BTreeMap<String, String>,
) -> Result<(), Violation> {
    if shown == expected {
        return Ok(());
    }
    let other = |id: &&String| shown.get(*id) != expected.get(*id);
    let ids: Vec<&String> = shown.keys().chain(expected.keys()).filter(other).collect();
    Err(format!("{who} shows {shown:?}, not {expected:?}: {ids:?}"))
}

struct Planner {
    random: Random,
    values: u64,
}

impl Planner {
    fn steps(&mut self) -> Vec<Step> {
        (0..STEPS).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step {
        match self.random.below(26) {
            0..=7 => Step::Changes(self.puts()),
            8..=10 => Step::Shared(self.puts()),
            11..=13 => Step::Batch(self.puts()),
            14..=16 => Step::Undo,
            17 => Step::Flush,
            18..=19 => Step::Checkpoint(self.late()),
            20 => Step::Backup,
            21 => Step::History,
            22 => Step::Partly(self.put(), Part::Short),
            23 => Step::Partly(self.put(), Part::Half),
            _ => Step::Reopen,
        }
    }

    fn late(&mut self) -> Vec<(u64, Vec<Put>)> {
        let places: Vec<u64> = (0..self.random.below(4)).map(|_| 1 + self.random.below(20)).collect();
        places.into_iter().map(|place| (place, self.puts())).collect()
    }

    fn puts(&mut self) -> Vec<Put> {
        (0..1 + self.random.below(4)).map(|_| self.put()).collect()
    }

    fn put(&mut self) -> Put {
        self.values += 1;
        let id = format!("own-{}", self.random.below(4));
        let deletes = self.random.chance(5);
        (id, (!deletes).then(|| value(self.values)))
    }
}
