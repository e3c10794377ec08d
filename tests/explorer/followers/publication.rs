//! Checkpoints and compactions, whole or with other steps between their beginning and their publication.

use opslog::engine::Id;
use opslog::error::Error;
use opslog::store::{Checkpoint, Compaction};

use super::folder::{Folder, id_of};
use super::trail::{Deed, Logged};
use crate::live::Violation;

/// A checkpoint or compaction that is not published yet.
pub struct Begun {
    /// The agent that makes it; `None` for a single writer.
    pub agent: Option<String>,
    run: Run,
    /// Where its archive stands in the order.
    rank: Option<(u64, String)>,
    /// The folder was put back since: it may be refused.
    pub is_doubtful: bool,
}

enum Run {
    Agents(Box<Compaction>),
    Single(Box<Checkpoint>),
}

fn failed(error: Error) -> Violation {
    format!("a compaction fails: {error}")
}

impl Folder {
    pub fn compact(&mut self, who: usize, archived: Option<usize>) -> Result<(), Violation> {
        if self.begun.is_some() {
            return Ok(());
        }
        self.begin(who, archived)?;
        self.finish()
    }

    pub fn begin(&mut self, who: usize, archived: Option<usize>) -> Result<(), Violation> {
        let now = self.now;
        if self.begun.is_some() {
            return Ok(());
        }
        let Some(writer) = self.writer(who).filter(|writer| writer.loads) else { return Ok(()) };
        let (agent, store) = (writer.agent.clone(), writer.store.clone());
        let id = archived.map(id_of);
        let ids = id.iter().filter(|id| store.has(id.as_bytes()).unwrap_or(false));
        let ids: Vec<Id> = ids.map(|id| id.as_bytes().into()).collect();
        if agent.is_some() {
            let archive = match ids.is_empty() {
                true => None,
                false => Some(store.choose_for_archive(ids, "2026-Q1".into()).map_err(failed)?),
            };
            let begun = store.begin_compaction(now, archive, false).map_err(failed)?;
            // What is logged from now on has a higher clock.
            let clock = store.manifest().clock;
            let rank = Some((clock, char::MAX.to_string()));
            self.begun = begun.map(|begun| Begun {
                agent,
                run: Run::Agents(Box::new(begun)),
                rank,
                is_doubtful: false,
            });
        } else if ids.is_empty() {
            let begun = store.begin_checkpoint(now, true).map_err(failed)?;
            self.begun = begun.map(|begun| Begun {
                agent,
                run: Run::Single(Box::new(begun)),
                rank: None,
                is_doubtful: false,
            });
        } else {
            let begun = store.begin_archive(ids, "2026-Q1", now).map_err(failed)?;
            begun.map_or(Ok(()), |begun| begun.run()).map_err(failed)?;
            self.note_archive(id.into_iter().collect(), None);
        }
        Ok(())
    }

    pub fn finish(&mut self) -> Result<(), Violation> {
        let Some(Begun { run, rank, is_doubtful, .. }) = self.begun.take() else { return Ok(()) };
        let archived = match run {
            Run::Agents(compaction) => compaction.finish().map(|compacted| compacted.archived),
            Run::Single(checkpoint) => checkpoint.run().map(|()| Vec::new()),
        };
        match archived {
            Ok(ids) => {
                let ids = ids.iter().map(|id| String::from_utf8_lossy(id).into_owned());
                self.note_archive(ids.collect(), rank);
                // Its log may be another one, which it could not load until now.
                if is_doubtful { self.catch_up() } else { Ok(()) }
            }
            Err(_) if is_doubtful => self.catch_up(),
            Err(error) => Err(failed(error)),
        }
    }

    fn note_archive(&mut self, ids: Vec<String>, rank: Option<(u64, String)>) {
        if !ids.is_empty() {
            let ts = format!("archive at {}", self.now);
            self.trail.push(Logged { ts, rank, deed: Deed::Archive(ids) });
        }
    }
}
