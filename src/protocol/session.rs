//! An open store behind a carrier: its owners, and nothing else. Memory is the view's, the log the writer's, changes on their
//! way are the flight's.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::carrier::{Carrier, Error};
use super::fetch::Fetching;
use super::flight::Flight;
use super::history::History;
use super::manifests::{Known, Manifests};
use super::tail::Tail;
use super::view::{Effects, View};
use super::writer::Writer;
use crate::format::document::{Manifest, Name};
use crate::store::Store;

/// How a store is opened. Argument checks are the facade's.
///
/// One struct: its fields are options of `open()`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The agent that writes, where many may.
    pub agent: Option<Name>,
    /// The user's schema version.
    pub version: u64,
    /// Whether the program gave that version; without, it takes records as they are.
    pub version_given: bool,
    /// Nothing is written, no lock is taken.
    pub read_only: bool,
    /// Records and operations are not read; the store can only be written to.
    pub skip_load: bool,
    /// Changes wait in a buffer until it is flushed.
    pub buffered: bool,
    /// Operations after which a checkpoint is due.
    pub checkpoint_threshold: f64,
    /// A checkpoint of many records waits until there are a quarter as many operations.
    pub amortised: bool,
    /// Closing makes a checkpoint.
    pub checkpoint_on_close: bool,
    /// So many operations of a single writer stay in its log behind a checkpoint, with all of a batch.
    pub keep: usize,
}

/// What became of a change, for its caller.
#[derive(Debug)]
pub struct Settled {
    /// The number that the change was given.
    pub ticket: u64,
    /// What became of it.
    pub result: Result<(), Error>,
}

/// An open store.
///
/// One struct: the protocols are methods of it, and each field is an owner in a file of its own.
pub struct Session<C> {
    pub(super) carrier: C,
    pub(super) options: Options,
    pub(super) view: View,
    pub(super) writer: Writer,
    pub(super) flight: Flight,
    pub(super) tail: Tail,
    pub(super) manifests: Manifests,
    pub(super) history: History,
    pub(super) fetching: Fetching,
    /// The lock of the single writer.
    pub(super) lock: Cell<Option<u64>>,
}

impl<C: Carrier> Session<C> {
    /// A store that is not open yet.
    pub fn new(carrier: C, options: Options) -> Self {
        let session = token(&carrier);
        Self {
            view: View::new(options.agent.as_ref().filter(|_| !options.read_only), options.version),
            writer: Writer::new(session),
            flight: Flight::default(),
            tail: Tail::default(),
            manifests: Manifests::default(),
            history: History::default(),
            fetching: Fetching::default(),
            lock: Cell::new(None),
            carrier,
            options,
        }
    }

    /// Records and operations, for reading.
    pub fn store(&self) -> &Arc<Store> {
        self.view.store()
    }

    /// The carrier.
    pub fn carrier(&self) -> &C {
        &self.carrier
    }

    /// What the facade must know since it last asked.
    pub fn take_effects(&self) -> Effects {
        self.view.take_effects()
    }

    /// How often the own log has changed: what reads the history looks anew when this differs.
    pub fn logged_changes(&self) -> u64 {
        self.writer.own().changes()
    }

    /// Whether `follow()` tells of others: a reader, and an agent.
    pub fn is_follower(&self) -> bool {
        self.options.agent.is_some() || self.options.read_only
    }

    /// The manifest that is known.
    pub fn manifest(&self) -> Option<Rc<Manifest>> {
        self.manifests.manifest()
    }

    /// The agent that writes through this store.
    pub(super) fn agent(&self) -> Option<&Name> {
        self.options.agent.as_ref().filter(|_| !self.options.read_only)
    }

    /// Whether the single writer's lock proves that there is no other.
    pub(super) fn is_alone(&self) -> bool {
        self.agent().is_none() && (self.carrier.facts().kernel_lock || planted!("world-lock-is-proof"))
    }

    /// Whether a writer that takes over closes this one's log before it reads it: an append that succeeds counts.
    pub(super) fn is_fenced_off(&self) -> bool {
        self.agent().is_none() && self.carrier.facts().closes_logs
    }

    pub(super) fn known(&self) -> Result<Known, Error> {
        self.manifests.known().ok_or_else(missing)
    }

    /// Takes over a manifest that was read or written.
    pub(super) fn take(&self, known: Known) {
        self.manifests.see_names(&known.manifest);
        if !self.options.read_only {
            let before = self.manifest();
            if self.writer.is_at_work() && !self.is_alone() && self.is_another_at_work(&known) {
                // NOTE: the log that the manifest names is the other store's.
                self.writer.replaced();
            } else {
                let version = |log: &Name| before.as_ref().map(|before| self.log_version(before, log));
                self.writer.follow(self.agent(), before.as_deref(), &known.manifest, version);
            }
        }
        if self.agent().is_some() && !planted!("world-clock-not-raised") {
            // NOTE: the log may be another by now: what is appended to it stands above what was sealed.
            self.view.store().see_clock(known.manifest.number("clock"));
        }
        self.manifests.set(known);
    }

    /// Waits until the clock is past every name that is in use, where files are named by the time: a name that was in use
    /// would mix what is new with what was there.
    pub(super) async fn pass_names(&self) {
        if !self.carrier.facts().names_by_time {
            return;
        }
        for _ in 0..200 {
            if self.carrier.now_ms() > self.manifests.newest_name() as i64 {
                return;
            }
            self.carrier.pause(1).await;
        }
    }

    /// The time, as `toISOString` prints it.
    pub(super) fn now(&self) -> Vec<u8> {
        let mut out = Vec::new();
        crate::format::timestamp::iso_into(&mut out, self.carrier.now_ms());
        out
    }

    /// Waits longer from attempt to attempt, and not in step with others.
    pub(super) async fn pause(&self, attempt: u32) {
        let longest = 10_u64.saturating_mul(1 << attempt.min(10)).min(400);
        self.carrier.pause(self.carrier.random() % longest.max(1)).await;
    }
}

/// A text that no other store has.
pub(super) fn token(carrier: &impl Carrier) -> Name {
    Arc::from(format!("{:016x}{:016x}", carrier.random(), carrier.random()).into_bytes())
}

/// There was a manifest, and now there is none.
pub(super) fn missing() -> Error {
    Error::rule(crate::error::Code::Corrupt, "Manifest not found during refresh")
}
