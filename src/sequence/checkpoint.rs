//! A checkpoint, from what was frozen to what is in force: by a single writer, or by an agent once all logs are sealed; with it, an archive.
//!
//! What a failure means: before the manifest is published the checkpoint is taken back, as if it had never begun. At the publication it is
//! uncertain unless the driver knows better. Afterwards it has been made, and nothing that fails says otherwise.

/// What became of a publication.
#[derive(Debug)]
pub enum Publication<P> {
    /// It is in force.
    InForce(P),
    /// Another writer changed the manifest: it is planned anew.
    Refused,
    /// What the snapshot stands for is not what is to be replaced any more.
    Overtaken,
}

/// A publication that failed.
#[derive(Debug)]
pub enum Unpublished<E> {
    /// It is not in force, and never will be.
    Not(E),
    /// It may be in force.
    Uncertain(E),
}

/// What was planned.
#[derive(Debug)]
pub enum Plan<P, F> {
    /// It is to be published.
    Publish(P),
    /// An earlier attempt took effect after all.
    InForce(F),
    /// As [`Publication::Overtaken`].
    Overtaken,
}

/// The steps of a checkpoint. What they need of each other they keep themselves.
#[allow(async_fn_in_trait)] // No runtime: the carrier of a future polls it, on one thread.
pub trait Steps {
    /// Why a step failed.
    type Error;
    /// A snapshot that was written.
    type Snapshot;
    /// A manifest that is to be published.
    type Plan;
    /// A manifest that is in force.
    type Published;
    /// What the caller gets.
    type Made;

    /// Fact: changes go on meanwhile, to the log in force and to the next one. So the next one is attached before the snapshot is
    /// written. Otherwise changes wait for it, and it is made when it is known what stays in it.
    fn changes_go_on(&self) -> bool;

    /// Looks whether what is to be written can be: all of one schema version.
    async fn check(&mut self) -> Result<(), Self::Error>;
    /// Writes to a segment what is to be archived, durably. `false` if nothing is.
    async fn write_segment(&mut self) -> Result<bool, Self::Error>;
    /// Notes which records the segment took out, for readers of the history.
    async fn note_archived(&mut self) -> Result<(), Self::Error>;
    /// Leaves those records out of what is written.
    fn leave_out(&mut self) -> Result<(), Self::Error>;
    /// Makes the next log, durably, after the snapshot if changes wait; a compaction has done so at its seal.
    async fn attach_next_log(&mut self, snapshot: Option<&Self::Snapshot>) -> Result<(), Self::Error>;
    /// Writes the snapshot, durably.
    async fn write_snapshot(&mut self) -> Result<Self::Snapshot, Self::Error>;
    /// Has the manifest to itself, as far as the driver can, and looks at it again: what may be published in its place?
    async fn plan(
        &mut self,
        snapshot: &Self::Snapshot,
    ) -> Result<Plan<Self::Plan, Self::Published>, Self::Error>;
    /// Publishes it. Before the step that may take effect the driver calls [`Moment::is_here`].
    async fn publish(
        &mut self,
        plan: Self::Plan,
        moment: &mut Moment,
    ) -> Result<Publication<Self::Published>, Unpublished<Self::Error>>;
    /// Goes over to it in memory. Should that fail, memory is not what is in force.
    async fn go_over(
        &mut self,
        published: Self::Published,
        snapshot: Self::Snapshot,
    ) -> Result<(), Self::Error>;
    /// Removes what nothing names any more, and says what was made. Best effort: the checkpoint has been made.
    async fn clear_away(&mut self) -> Self::Made;

    /// What was frozen counts again, what left memory is shown again, and new files go: nothing was published.
    fn take_back(&mut self);
    /// As [`Steps::take_back`], but what was published may be in force: a file that it names must not go.
    fn stop(&mut self);
    /// What the caller is told of a failure after which the publication may be in force. The driver sees to it that nothing is acknowledged
    /// until that is known.
    fn uncertain(&mut self, error: Self::Error) -> Self::Error;
}

/// How far a publication has come.
#[derive(Debug, Default)]
pub struct Moment {
    may_be_in_force: bool,
}

impl Moment {
    /// From here on, whatever happens, the manifest may be in force.
    pub fn is_here(&mut self) {
        self.may_be_in_force = true;
    }
}

/// A checkpoint under way, with what was frozen for it. Dropped before its end, by a panic too, it is taken back or stopped.
pub struct Attempt<S: Steps> {
    steps: S,
    moment: Moment,
    is_over: bool,
}

impl<S: Steps> Attempt<S> {
    /// One that is to be carried out; what it writes is frozen.
    pub fn new(steps: S) -> Self {
        Self { steps, moment: Moment::default(), is_over: false }
    }

    /// Carries it out. `None` if another writer was faster; it was taken back then.
    ///
    /// # Errors
    /// Those of the steps.
    pub async fn run(mut self) -> Result<Option<S::Made>, S::Error> {
        let steps = &mut self.steps;
        steps.check().await?;
        if steps.write_segment().await? {
            // NOTE: the segment is durable before anything says that records are there, and a note is there before they are gone.
            steps.note_archived().await?;
            steps.leave_out()?;
        }
        if steps.changes_go_on() {
            steps.attach_next_log(None).await?;
        }
        let snapshot = steps.write_snapshot().await?;
        if !steps.changes_go_on() {
            steps.attach_next_log(Some(&snapshot)).await?;
        }
        let Some(published) = self.publish(&snapshot).await? else { return Ok(None) };
        self.moment.is_here();
        if let Err(error) = self.steps.go_over(published, snapshot).await {
            return Err(self.steps.uncertain(error));
        }
        self.is_over = true;
        Ok(Some(self.steps.clear_away().await))
    }

    async fn publish(&mut self, snapshot: &S::Snapshot) -> Result<Option<S::Published>, S::Error> {
        loop {
            let plan = match self.steps.plan(snapshot).await? {
                Plan::Publish(plan) => plan,
                Plan::InForce(published) => return Ok(Some(published)),
                Plan::Overtaken => return Ok(None),
            };
            let published = self.steps.publish(plan, &mut self.moment).await;
            if !matches!(published, Ok(Publication::InForce(_)) | Err(Unpublished::Uncertain(_))) {
                self.moment.may_be_in_force = false;
            }
            match published {
                Ok(Publication::InForce(published)) => return Ok(Some(published)),
                Ok(Publication::Refused) => {}
                Ok(Publication::Overtaken) => return Ok(None),
                Err(Unpublished::Not(error)) => return Err(error),
                Err(Unpublished::Uncertain(error)) => {
                    self.moment.is_here();
                    return Err(self.steps.uncertain(error));
                }
            }
        }
    }
}

impl<S: Steps> Drop for Attempt<S> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if self.moment.may_be_in_force {
            self.steps.stop();
        } else {
            self.steps.take_back();
        }
    }
}
