//! What a reader's look, or taking over what is behind a backend, changes in memory, to be brought back when records that
//! it found cannot be migrated: then it is as if no look had been made, and the next look finds everything again.

use crate::engine::Engine;
use crate::error::Result;
use crate::format::manifest::Manifest;
use crate::store::agents::Agents;
use crate::store::checkpoint::departures::Departures;
use crate::store::following::follower::Follower;
use crate::store::following::tail_queue::TailQueue;
use crate::store::versions::Versions;
use crate::store::{Followed, Seen, State, Store};
use crate::wal::{Standing, Writer};

/// How often a snapshot is loaded that is superseded meanwhile.
const RENEWALS: usize = 5;

/// What was in memory.
pub struct Savepoint {
    engine: Engine,
    log: Writer,
    followed: FollowedTo,
    agents: Option<Agents>,
    manifest: Manifest,
    versions: Versions,
    departures: Departures,
    counts: Counts,
}

/// How far the store had followed.
struct FollowedTo {
    follower: Follower,
    seen: Seen,
    tail_queue: TailQueue,
}

/// Numbers of [`State`] that go with the engine.
struct Counts {
    buffered: usize,
    hidden: usize,
    snapshot_bytes: u64,
    foreign: usize,
}

impl Store {
    /// Remembers what is in memory. Costs as much as the operations that are held, but not as the records.
    pub fn save(&self) -> Savepoint {
        let state = self.lock();
        let log = &state.logs.wal;
        Savepoint {
            engine: state.engine.fork(),
            log: Writer::new(
                log.path().to_path_buf(),
                log.relative().to_owned(),
                log.file().cloned(),
                log.len(),
            ),
            followed: FollowedTo {
                follower: state.following.follower.clone(),
                seen: state.following.seen.clone(),
                tail_queue: state.following.tail_queue.clone(),
            },
            agents: state.agents.clone(),
            manifest: state.manifest.clone(),
            versions: state.versions,
            departures: state.checkpoints.departures,
            counts: state.counts(),
        }
    }

    /// Brings back what was in memory; nothing was written since.
    pub fn restore(&self, savepoint: Savepoint) {
        let mut state = self.lock();
        let Savepoint { engine, log, followed, agents, manifest, versions, departures, counts } = savepoint;
        let FollowedTo { follower, seen, tail_queue } = followed;
        state.engine = engine;
        state.logs.wal = log;
        state.following.seen = seen;
        state.following.tail_queue = tail_queue;
        state.agents = agents;
        state.manifest = manifest;
        state.following.follower = follower;
        state.versions = versions;
        state.checkpoints.departures = departures;
        state.unwritten.set_buffered(counts.buffered);
        state.checkpoints.set_hidden(counts.hidden);
        state.checkpoints.set_snapshot_bytes(counts.snapshot_bytes);
        drop(state.following.take_foreign(counts.foreign));
    }

    /// Whether a reader's look would find nothing new. `false` as well where that cannot be told at once.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn is_quiet(&self) -> Result<bool> {
        let state = self.lock();
        if state.agents.is_some() {
            return self.are_agents_quiet(&state);
        }
        if !state.following.follower.is_at(&self.manifest_text()?) {
            return Ok(false);
        }
        let (standing, info) = state.logs.wal.look(&*self.disk)?;
        let is_as_long = info.map_or(0, |info| info.len) == state.logs.wal.len();
        let Some(file) = state.logs.wal.file().filter(|_| standing == Standing::Sound && is_as_long) else {
            return Ok(false);
        };
        state.following.seen.still_last(file, state.logs.wal.path())()
    }

    /// Reads all that other hands wrote since the last look, and loads a newer snapshot if that is due.
    ///
    /// # Errors
    /// As for [`Store::follow`].
    pub fn follow_whole(&self) -> Result<Followed> {
        let mut followed = self.follow()?;
        for _ in 0..RENEWALS {
            if !std::mem::take(&mut followed.outdated) {
                break;
            }
            followed.append(self.renew()?);
        }
        Ok(followed)
    }
}

impl State {
    fn counts(&self) -> Counts {
        Counts {
            buffered: self.unwritten.buffered(),
            hidden: self.checkpoints.hidden(),
            snapshot_bytes: self.checkpoints.snapshot_bytes(),
            foreign: self.following.foreign(),
        }
    }
}
