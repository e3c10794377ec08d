//! An archive without a checkpoint, for a store that does not hold all records: lock, segment, publish, then deletions in the log.
//!
//! What a failure means: until the records are deleted they are in the store, and in the segment too. So nothing is taken back, and the next
//! archive finds in the segment what is there.

/// The steps of an archive aside.
#[allow(async_fn_in_trait)] // No runtime: the carrier of a future polls it, on one thread.
pub trait Aside {
    /// Why a step failed.
    type Error;
    /// What the caller gets.
    type Made;

    /// Waits for the lock around compactions, where there are agents and such a lock: a segment is read and written anew.
    async fn lock(&mut self) -> Result<(), Self::Error>;
    /// Looks whether this writer may write.
    async fn check(&mut self) -> Result<(), Self::Error>;
    /// Writes the records to the segment, durably.
    async fn write_segment(&mut self) -> Result<(), Self::Error>;
    /// Publishes a manifest that names the segment.
    async fn publish(&mut self) -> Result<(), Self::Error>;
    /// Lets the lock go.
    async fn unlock(&mut self);
    /// Deletes the records, or leaves that to the caller.
    async fn delete(&mut self) -> Result<Self::Made, Self::Error>;
}

/// Moves records to a segment.
///
/// # Errors
/// Those of the steps.
pub async fn aside<S: Aside>(steps: &mut S) -> Result<S::Made, S::Error> {
    steps.lock().await?;
    let named = name(steps).await;
    steps.unlock().await;
    named?;
    steps.delete().await
}

async fn name<S: Aside>(steps: &mut S) -> Result<(), S::Error> {
    steps.check().await?;
    steps.write_segment().await?;
    steps.publish().await
}

#[cfg(test)]
mod tests {
    use super::super::complete;
    use super::super::script::Script;
    use super::*;

    /// An archive that notes its steps.
    struct Noted(Script);

    impl Aside for Noted {
        type Error = &'static str;
        type Made = ();

        async fn lock(&mut self) -> Result<(), &'static str> {
            self.0.step("lock")
        }
        async fn check(&mut self) -> Result<(), &'static str> {
            self.0.step("check")
        }
        async fn write_segment(&mut self) -> Result<(), &'static str> {
            self.0.step("segment")
        }
        async fn publish(&mut self) -> Result<(), &'static str> {
            self.0.step("publish")
        }
        async fn unlock(&mut self) {
            let _ = self.0.step("unlock");
        }
        async fn delete(&mut self) -> Result<(), &'static str> {
            self.0.step("delete")
        }
    }

    fn story(script: &Script) -> (Result<(), &'static str>, String) {
        let archived = complete(aside(&mut Noted(script.clone())), || "it waits");
        (archived, script.story())
    }

    #[test]
    fn the_segment_is_written_and_named_under_the_lock_and_the_records_are_deleted_behind_it() {
        let (archived, done) = story(&Script::default());
        assert_eq!((archived, done.as_str()), (Ok(()), "lock check segment publish unlock delete"));
    }

    #[test]
    fn what_fails_lets_the_lock_go_and_deletes_nothing() {
        for step in ["check", "segment", "publish"] {
            let (archived, done) = story(&Script { fails_at: Some(step), ..Script::default() });
            assert_eq!(archived, Err(step));
            assert!(done.ends_with(&format!("{step} unlock")), "{done}");
        }
        let (_, done) = story(&Script { fails_at: Some("lock"), ..Script::default() });
        assert_eq!(done, "lock");
    }
}
