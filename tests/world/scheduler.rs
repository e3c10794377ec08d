//! The world: steps that wait to be carried out, and a seed that says which is next and what goes wrong with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::disk::{Disk, Reply, Request};
use super::faults::{Fault, count};

/// xorshift: the same seed, the same world.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.next() % 1000 < per_mille
    }
}

/// Says what happens in the one world that is replayed.
pub fn trace(what: impl FnOnce() -> String) {
    static IS_TRACED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    if *IS_TRACED.get_or_init(|| std::env::var_os("OPSLOG_WORLD_TRACE").is_some()) {
        eprintln!("{}", what());
    }
}

/// A request in a few words.
fn words(request: &Request) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match request {
        Request::Publish { text: manifest, condition } => {
            format!("Publish if {:?}: {}", condition.as_deref().map(text), text(manifest))
        }
        Request::Append { log, lines, .. } => {
            let lines: Vec<String> = lines.iter().map(|line| text(line)).collect();
            format!("Append to {}: {}", text(log), lines.join(" "))
        }
        Request::ReadLog { log } | Request::Cut { log } => {
            format!(
                "{} {}",
                if matches!(request, Request::Cut { .. }) { "Cut" } else { "ReadLog" },
                text(log)
            )
        }
        Request::LoadSnapshot { path } => format!("LoadSnapshot {}", text(path)),
        other => format!("{other:?}").chars().take(120).collect(),
    }
}

/// What a step was answered with.
#[derive(Clone, Debug)]
pub enum Answered {
    Reply(Reply),
    Failed,
    /// The time limit ran out.
    Unanswered,
}

struct Step {
    life: u64,
    request: Request,
    /// Whether the one that asked only reads.
    reads_only: bool,
}

struct Task {
    life: u64,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

/// Which faults there are in a world.
#[derive(Clone, Copy)]
pub struct Weather {
    pub per_mille: u64,
    /// Steps that failed may take effect later, or twice.
    pub is_late: bool,
    /// An append may be carried out twice although it was answered.
    pub is_twice: bool,
    /// Steps may never be answered.
    pub is_silent: bool,
    /// ... and there is a time limit.
    pub has_limit: bool,
    /// A log may be listed as it was before its last append.
    pub is_stale: bool,
}

#[derive(Default)]
pub struct Inner {
    pub disk: Disk,
    pub clock_ms: i64,
    steps: BTreeMap<u64, Step>,
    answers: BTreeMap<u64, Answered>,
    /// Requests that will be carried out sometime.
    late: Vec<Request>,
    /// Steps that are never answered: only the time limit ends them.
    silent: VecDeque<u64>,
    next: u64,
    is_calm: bool,
    spawned: Vec<Task>,
    pub turns: u64,
}

pub struct World {
    pub dice: RefCell<Dice>,
    pub inner: RefCell<Inner>,
    pub weather: Weather,
    /// A line that was appended below what was sealed.
    pub below_seal: RefCell<Option<String>>,
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> Rc<Self> {
        let inner = Inner { clock_ms: 1_700_000_000_000, ..Inner::default() };
        Rc::new(Self {
            dice: RefCell::new(Dice::new(seed)),
            inner: RefCell::new(inner),
            weather,
            below_seal: RefCell::default(),
        })
    }

    pub fn spawn(&self, life: u64, future: impl Future<Output = ()> + 'static) {
        self.inner.borrow_mut().spawned.push(Task { life, future: Box::pin(future) });
    }

    /// A step: waits until the world carries it out.
    pub async fn step(&self, life: u64, reads_only: bool, request: Request) -> Answered {
        let number = {
            let mut inner = self.inner.borrow_mut();
            inner.next += 1;
            let number = inner.next;
            inner.steps.insert(number, Step { life, request, reads_only });
            number
        };
        std::future::poll_fn(|_| match self.inner.borrow_mut().answers.remove(&number) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }

    /// No more faults; what is late arrives.
    pub fn calm(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.is_calm = true;
        let late = std::mem::take(&mut inner.late);
        for request in late {
            inner.disk.carry_out(&request);
        }
    }

    /// The process of this life is gone. Its steps have taken effect, or have not, or will.
    pub fn kill(&self, tasks: &mut Tasks, life: u64) {
        count(Fault::Death);
        trace(|| format!("{life:>3} dies"));
        tasks.0.retain(|task| task.life != life);
        let mut inner = self.inner.borrow_mut();
        inner.spawned.retain(|task| task.life != life);
        let dead: Vec<u64> =
            inner.steps.iter().filter(|(_, step)| step.life == life).map(|(number, _)| *number).collect();
        for number in dead {
            let Some(step) = inner.steps.remove(&number) else { continue };
            match self.dice.borrow_mut().below(3) {
                0 => drop(inner.disk.carry_out(&step.request)),
                1 if self.may_be_late(&step.request) => inner.late.push(step.request),
                _ => {}
            }
        }
        inner.disk.drop_locks_of(life);
    }

    fn may_be_late(&self, request: &Request) -> bool {
        self.weather.is_late
            && match request {
                Request::Publish { condition, .. } => condition.is_some(),
                Request::Append { .. } | Request::Cut { .. } | Request::CloseLog { .. } => true,
                Request::WriteSnapshot { .. } | Request::CreateLog { .. } => true,
                _ => false,
            }
    }

    /// Carries out one step, or lets something late arrive. `false` if there is nothing to do.
    fn turn(&self) -> bool {
        let mut dice = self.dice.borrow_mut();
        let inner = &mut *self.inner.borrow_mut();
        inner.turns += 1;
        if !inner.late.is_empty() && dice.chance(60) {
            let which = dice.below(inner.late.len());
            let request = inner.late.swap_remove(which);
            count(Fault::Late);
            trace(|| format!("   late: {}", words(&request)));
            inner.disk.carry_out(&request);
            return true;
        }
        if let Some(number) = inner.silent.front().copied()
            && self.weather.has_limit
            && (inner.is_calm || inner.steps.is_empty() || dice.chance(50))
        {
            inner.silent.pop_front();
            inner.answers.insert(number, Answered::Unanswered);
            return true;
        }
        let which = dice.below(inner.steps.len());
        let Some(number) = inner.steps.keys().nth(which).copied() else { return false };
        let Some(Step { request, reads_only, life }) = inner.steps.remove(&number) else { return false };
        let asked = words(&request);
        if let Request::Append { log, lines, .. } = &request
            && self.weather.per_mille == 0
            && let Some(line) = inner.disk.below_seal(log, lines)
        {
            self.below_seal.borrow_mut().get_or_insert(line);
        }
        let traced = |what: &str| trace(|| format!("{life:>3} {asked}: {what}"));
        if let Request::Pause { ms } = request {
            inner.clock_ms += ms as i64;
            inner.answers.insert(number, Answered::Reply(Reply::Nothing));
            return true;
        }
        inner.clock_ms += 1;
        if dice.chance(3) && !inner.is_calm {
            count(Fault::Clock);
            inner.clock_ms += dice.below(400_000) as i64 - 200_000;
        }
        let is_fair = inner.is_calm || matches!(request, Request::Unlock { .. });
        if is_fair || !dice.chance(self.weather.per_mille) {
            if self.weather.is_twice
                && matches!(request, Request::Append { .. })
                && dice.chance(30)
                && !inner.is_calm
            {
                count(Fault::Twice);
                inner.late.push(request.clone());
            }
            if self.weather.is_stale
                && reads_only
                && !inner.is_calm
                && let Request::ReadLog { log } = &request
                && dice.chance(30)
                && let Some(reply) = inner.disk.older(log)
            {
                count(Fault::Stale);
                inner.answers.insert(number, Answered::Reply(reply));
                return true;
            }
            let reply = inner.disk.carry_out(&request);
            traced(match &reply {
                Reply::Locked(None) | Reply::Published(None) | Reply::Fenced | Reply::Appended(false) => {
                    "refused"
                }
                _ => "done",
            });
            inner.answers.insert(number, Answered::Reply(reply));
            return true;
        }
        let is_lock = matches!(request, Request::Lock { .. });
        match dice.below(if self.weather.is_silent { 8 } else { 6 }) {
            0 | 1 => {
                count(Fault::Clean);
                traced("failed");
                inner.answers.insert(number, Answered::Failed);
            }
            2 | 3 if !is_lock => {
                count(Fault::After);
                traced("done, and failed");
                inner.disk.carry_out(&request);
                inner.answers.insert(number, Answered::Failed);
            }
            4 | 5 if self.may_be_late(&request) => {
                count(Fault::LateSent);
                traced("failed, and late");
                if self.weather.is_twice && dice.chance(300) {
                    count(Fault::Twice);
                    inner.late.push(request.clone());
                }
                inner.late.push(request);
                inner.answers.insert(number, Answered::Failed);
            }
            6 | 7 => {
                traced("silent");
                count(if self.weather.has_limit { Fault::Silent } else { Fault::SilentForEver });
                match dice.below(3) {
                    0 if !is_lock => drop(inner.disk.carry_out(&request)),
                    1 if self.may_be_late(&request) => inner.late.push(request),
                    _ => {}
                }
                inner.silent.push_back(number);
            }
            _ => {
                count(Fault::Clean);
                traced("failed");
                inner.answers.insert(number, Answered::Failed);
            }
        }
        true
    }
}

/// Futures on their way.
#[derive(Default)]
pub struct Tasks(Vec<Task>);

impl Tasks {
    fn poll(&mut self, world: &World) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.0.append(&mut world.inner.borrow_mut().spawned);
            self.0.retain_mut(|task| task.future.as_mut().poll(&mut context).is_pending());
            if world.inner.borrow().spawned.is_empty() {
                return;
            }
        }
    }

    pub fn has(&self, world: &World, life: u64) -> bool {
        let inner = world.inner.borrow();
        self.0.iter().chain(&inner.spawned).any(|task| task.life == life)
    }

    /// One turn of the world. `false` if nothing can go on.
    pub fn turn(&mut self, world: &World) -> bool {
        self.poll(world);
        if self.0.is_empty() {
            return false;
        }
        let has_moved = world.turn();
        self.poll(world);
        has_moved
    }
}
