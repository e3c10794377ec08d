//! A compaction among agents: lock, look, seal, then a [checkpoint](super::checkpoint) of what was sealed.
//!
//! The seal gives every agent a new log and keeps the old ones as sealed: nothing that is appended to them from then on counts. What a
//! failure means: before the seal is published its logs go, and operations that waited for the compaction are shown again. A seal that was
//! published stays: every store reads sealed logs, and the next compaction takes them along.

use super::checkpoint::{Attempt, Steps};

/// How often a compaction is tried that others overtake.
const ATTEMPTS: u32 = 5;

/// What became of a compaction that was to begin.
#[derive(Debug)]
pub enum Begun<A> {
    /// All logs are sealed.
    Sealed(A),
    /// Another agent's has taken everything along.
    NotNeeded,
    /// Another agent compacts.
    Held,
}

/// The steps up to the seal.
#[allow(async_fn_in_trait)] // No runtime: the carrier of a future polls it, on one thread.
pub trait Seal {
    /// Why a step failed.
    type Error;
    /// The manifest, for as long as it can be changed: a folder's lock held alone, or a version that a publication is compared with.
    type Turn;
    /// The logs that agents go over to.
    type Logs;
    /// A manifest that is in force.
    type Published;
    /// The checkpoint of what was sealed.
    type Attempt: Steps<Error = Self::Error>;

    /// Fact: others wait while this agent has the turn. So the next logs are made before, as far as it is known whose.
    fn others_wait(&self) -> bool;

    /// Takes the lock around compactions, where there is one. `false` if another agent has it.
    async fn lock(&mut self) -> Result<bool, Self::Error>;
    /// Whether another agent's compaction has taken along all for which this one was to be made.
    async fn is_needless(&mut self) -> Result<bool, Self::Error>;
    /// Brings to memory what others wrote, also a snapshot, or finds out above which clock the new logs begin.
    async fn look(&mut self) -> Result<(), Self::Error>;
    /// Makes the logs of agents that are known to go on.
    async fn make_logs_ahead(&mut self) -> Result<(), Self::Error>;
    /// Gets a turn, and looks whether this agent may write. `None` if there is another snapshot than the look has found.
    async fn turn(&mut self) -> Result<Option<Self::Turn>, Self::Error>;
    /// Makes the logs that are missing, durably.
    async fn make_logs(&mut self, turn: &Self::Turn) -> Result<Self::Logs, Self::Error>;
    /// Publishes the seal; `None` if another writer was faster.
    async fn publish(
        &mut self,
        turn: &Self::Turn,
        logs: Self::Logs,
    ) -> Result<Option<Self::Published>, Self::Error>;
    /// Goes over to the own new log, and freezes what the sealed ones say. Then the turn is over.
    async fn go_over(
        &mut self,
        turn: Self::Turn,
        published: Self::Published,
    ) -> Result<Self::Attempt, Self::Error>;
    /// There will be no compaction: what waited for it counts again, and files that no manifest names go.
    fn take_back(&mut self);
    /// Lets the lock around compactions go.
    async fn unlock(&mut self);
}

/// Locks, looks and seals. What is sealed is to be carried out, and the lock to be let go.
///
/// # Errors
/// Those of the steps.
pub async fn begin<S: Seal>(steps: &mut S) -> Result<Begun<Attempt<S::Attempt>>, S::Error> {
    let begun = locked(steps).await;
    if begun.is_err() {
        steps.take_back();
        steps.unlock().await;
    }
    begun
}

async fn locked<S: Seal>(steps: &mut S) -> Result<Begun<Attempt<S::Attempt>>, S::Error> {
    if !steps.lock().await? {
        return Ok(Begun::Held);
    }
    if steps.is_needless().await? {
        steps.unlock().await;
        return Ok(Begun::NotNeeded);
    }
    seal(steps).await.map(Begun::Sealed)
}

async fn seal<S: Seal>(steps: &mut S) -> Result<Attempt<S::Attempt>, S::Error> {
    loop {
        // NOTE: memory may hold what went to an archive, and be older than the snapshot: it is not to be written over that.
        steps.look().await?;
        if steps.others_wait() {
            steps.make_logs_ahead().await?;
        }
        while let Some(turn) = steps.turn().await? {
            let logs = steps.make_logs(&turn).await?;
            if let Some(published) = steps.publish(&turn, logs).await? {
                return Ok(Attempt::new(steps.go_over(turn, published).await?));
            }
        }
    }
}

/// Makes a whole compaction; one that is overtaken begins again at the look. `None` if another agent compacts, or is faster each time.
///
/// # Errors
/// Those of the steps.
pub async fn carry_out<S: Seal>(steps: &mut S) -> Result<Option<<S::Attempt as Steps>::Made>, S::Error> {
    let mut begun = begin(steps).await?;
    for attempt in 1.. {
        let Begun::Sealed(sealed) = begun else { break };
        match sealed.run().await {
            Ok(None) if attempt < ATTEMPTS => {}
            made => {
                if !matches!(made, Ok(Some(_))) {
                    steps.take_back();
                }
                steps.unlock().await;
                return made;
            }
        }
        match seal(steps).await {
            Ok(sealed) => begun = Begun::Sealed(sealed),
            Err(error) => {
                steps.take_back();
                steps.unlock().await;
                return Err(error);
            }
        }
    }
    steps.take_back();
    Ok(None)
}
