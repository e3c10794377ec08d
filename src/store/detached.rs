//! A store whose bytes somebody else keeps: a backend in JS. The same engine drafts lines and holds the
//! state; JS carries the lines away and says whether they arrived. Changes show at once and are taken back,
//! positions included, when they did not.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use super::versions::{Versions, with_schema};
use super::{Durability, Options, State, Store};
use crate::disk::OsDisk;
use crate::engine::{Base, Engine, Id, Logged, Text};
use crate::error::{Error, Result};
use crate::format::operation::parse_line;
use crate::json::string::compare_utf16;
use crate::order;

impl Store {
    /// A store without files. `agent` writes with a Lamport clock.
    pub fn detached(agent: Option<&[u8]>, version: u32) -> Self {
        let options = Options {
            read_only: false,
            skip_load: false,
            version,
            version_given: true,
            checkpoint_threshold: f64::INFINITY,
            strict: false,
            amortised: false,
            index_from_bytes: u64::MAX,
            buffered: true,
            durability: Durability::Process,
            agent: None,
            now_ms: 0,
            progress: Arc::default(),
        };
        let versions = Versions::of_header(Some(f64::from(version)), &options);
        let engine = with_schema(Engine::new(Base::empty(), agent), &options, versions);
        let state = State { engine, versions, detached: true, ..State::unloaded() };
        let detached = Self::closed(Arc::new(OsDisk), Path::new(""), options, None);
        *detached.lock() = state;
        detached
    }

    /// Starts anew, without records and operations. The clock does not go back.
    pub fn reset(&self, agent: Option<&[u8]>) {
        let mut state = self.lock();
        let clock = state.engine.clock();
        state.engine = with_schema(Engine::new(Base::empty(), agent), &self.options, state.versions);
        state.engine.see_clock(clock);
        state.hidden = 0;
        state.buffered = 0;
    }

    /// Gives a record a value of this version without an operation.
    ///
    /// # Errors
    /// None but `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn load(&self, id: &[u8], text: &[u8], version: u32) -> Result<()> {
        let id: Id = id.into();
        let mut state = self.lock();
        state.engine.load(&id, Text::Held(text.into()), version).map_err(|source| self.read_failed(source))
    }

    /// Applies operations from one or several logs; `version` is that of lines without a mark. With `merge`, they are put into the total order (clock,
    /// agent by UTF-16 code units) first; operations of equal rank keep their order. Returns how many are
    /// not operations.
    ///
    /// # Errors
    /// None but `OPSLOG_IO` of reading, which cannot happen for held texts.
    pub fn apply_lines(&self, lines: Vec<Vec<u8>>, merge: bool, version: u32) -> Result<usize> {
        let given = lines.len();
        let mut operations: Vec<Pending> = lines.into_iter().filter_map(Pending::parse).collect();
        if merge {
            order::sort_by(&mut operations, Pending::order);
        }
        let skipped = given - operations.len();
        let mut state = self.lock();
        for operation in operations {
            let Pending { id, clock, line, data, mark, .. } = operation;
            let version = mark.unwrap_or(version);
            state.engine.see_clock(clock);
            let before = state.engine.get(&id).map_err(|source| Error::io("read", Path::new(""), source))?;
            let line = Text::Held(line.into());
            let data = data.map(|range| line.slice(range));
            state.engine.apply(Logged { id, data, line, batch: None, origin: None, version }, before);
        }
        Ok(skipped)
    }

    /// The lines of the last operations, as they are to be stored.
    pub fn last_lines(&self, count: usize) -> Vec<Vec<u8>> {
        let state = self.lock();
        let operations = state.engine.operations();
        let from = operations.len().saturating_sub(count);
        let newest = operations.get(from..).unwrap_or_default();
        newest.iter().filter_map(|operation| Some(operation.line.read().ok()?.into_owned())).collect()
    }

    /// The first change since `begin_batch` has arrived, and stays whatever becomes of the others.
    pub fn commit_first(&self) {
        self.lock().engine.commit_first();
    }

    /// Forgets the operations: a checkpoint holds them.
    pub fn forget_operations(&self) {
        let mut state = self.lock();
        let count = state.engine.operations().len();
        state.engine.forget_operations(count);
        state.unhide();
    }

    /// Removes records without an operation, because they are in an archive.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn remove(&self, ids: &[Id]) -> Result<()> {
        let mut state = self.lock();
        for id in ids {
            state.engine.unload(id).map_err(|source| self.read_failed(source))?;
        }
        Ok(())
    }
}

/// An operation that is to be applied.
struct Pending {
    id: Id,
    clock: u64,
    agent: Vec<u8>,
    data: Option<std::ops::Range<usize>>,
    mark: Option<u32>,
    line: Vec<u8>,
}

impl Pending {
    fn parse(line: Vec<u8>) -> Option<Self> {
        let parsed = parse_line(&line).ok()?;
        let id = (&*parsed.id).into();
        let clock = parsed.clock.unwrap_or(0);
        let agent = parsed.agent.as_deref().unwrap_or_default().to_vec();
        let (data, mark) = (parsed.data.clone(), parsed.version);
        Some(Self { id, clock, agent, data, mark, line })
    }

    fn order(&self, other: &Self) -> Ordering {
        self.clock.cmp(&other.clock).then_with(|| compare_utf16(&self.agent, &other.agent))
    }
}
