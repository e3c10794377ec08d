//! The declared indexes of a store: trees over its snapshot, which are opened, made or written when they are wanted, and what the
//! log says since. Derived: whatever is wrong with one, records are tried one after the other, and it is made again.
//!
//! Invariant: a tree is used only with the base that it was made from. The lock of the state is taken first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::Base;
use crate::error::{Error, Result};
use crate::fields::{self, Overlaid, Tree};
use crate::layout;
use crate::progress::{Phase, Progress};
use crate::query::Definition;
use crate::store::{State, Store};

/// So many changes are looked at by the thread that asks an index.
const MOST_AT_ONCE: usize = 512;
/// A snapshot of so many records at most is indexed by the one who searches.
pub(in crate::store) const FEW: usize = 5_000;

/// The indexes.
#[derive(Default)]
pub(in crate::store) struct Fields {
    pub definitions: Arc<[Definition]>,
    /// What the trees were made from.
    base: Option<Arc<Base>>,
    trees: Vec<Slot>,
    /// The lines of the base do not stand in the order of its records: there are no trees.
    is_unfit: bool,
    pub overlaid: Option<Overlaid>,
    stopped: Arc<AtomicBool>,
}

enum Slot {
    Missing,
    /// The file is damaged: it is not opened again, and another takes its place.
    Damaged,
    Ready(Arc<Tree>),
}

impl Fields {
    /// The tree of an index over this base, if it is there. Over no records none is needed.
    pub fn tree(&self, number: usize, base: &Arc<Base>) -> Option<&Arc<Tree>> {
        match self.trees.get(number) {
            Some(Slot::Ready(tree)) if self.is_over(base) => Some(tree),
            _ => None,
        }
    }

    fn is_over(&self, base: &Arc<Base>) -> bool {
        self.base.as_ref().is_some_and(|known| Arc::ptr_eq(known, base))
    }

    /// Whether there is an index of fields, which has to follow what the log says.
    pub fn has_fields(&self) -> bool {
        self.definitions.iter().any(|definition| !definition.is_of_ids())
    }

    /// The order of ids is wanted as well.
    pub fn add_order(&mut self) {
        if !self.definitions.iter().any(Definition::is_of_ids) {
            let definitions = self.definitions.iter().cloned().chain([Definition::of_ids()]);
            self.definitions = definitions.collect();
            self.base = None;
        }
    }

    /// Whether trees are to be made.
    pub fn is_incomplete(&self, base: &Arc<Base>) -> bool {
        let is_ready = |slot: &Slot| matches!(slot, Slot::Ready(_));
        !self.definitions.is_empty()
            && !base.is_empty()
            && (!self.is_over(base) || !self.is_unfit && !self.trees.iter().all(is_ready))
    }

    /// Whether nothing can be made of a base.
    fn is_hopeless(&self, base: &Arc<Base>) -> bool {
        self.is_over(base) && self.is_unfit
    }

    /// A tree over this base was made, or cannot be.
    fn put(&mut self, number: usize, base: &Arc<Base>, tree: Option<Tree>) {
        if !self.is_over(base) {
            return;
        }
        match (tree, self.trees.get_mut(number)) {
            (Some(tree), Some(slot)) => *slot = Slot::Ready(Arc::new(tree)),
            _ => self.is_unfit = true,
        }
    }
}

impl Fields {
    /// The trees over a base are not used any more: one is damaged.
    pub fn forget(&mut self, base: &Arc<Base>) {
        if self.is_over(base) {
            self.trees.iter_mut().for_each(|slot| *slot = Slot::Damaged);
        }
    }
}

impl Store {
    /// Says which indexes there are.
    pub fn declare_indexes(&self, definitions: Vec<Definition>) {
        let mut state = self.lock();
        state.engine.touched().begin();
        drop(state);
        self.has_unique.store(definitions.iter().any(Definition::is_unique), Ordering::Release);
        *self.fields.lock() = Fields { definitions: definitions.into(), ..Fields::default() };
    }

    /// Whether there are any.
    pub fn has_indexes(&self) -> bool {
        !self.fields.lock().definitions.is_empty()
    }

    /// Whether an index that was declared is still to be made.
    pub fn wants_indexes(&self) -> bool {
        let mut state = self.lock();
        self.look_for_trees(&mut state);
        let base = state.engine.base();
        let is_behind = state.engine.is_indexable() && !self.catch_up_indexes(&mut state);
        self.fields.lock().is_incomplete(&base) || is_behind
    }

    /// What ends [`Store::build_indexes`] before its end, from any thread.
    pub fn stopped_indexes(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.fields.lock().stopped)
    }

    /// Makes the indexes that are missing, one after the other, and looks at what the log says. Readers and stores without files
    /// keep them in memory. Costs a pass over the snapshot and a sort for each.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT` of reading the snapshot.
    pub fn build_indexes(&self, progress: &Progress) -> Result<()> {
        let stopped = self.stopped_indexes();
        let cancelled = &*stopped;
        if self.fields.lock().definitions.iter().any(Definition::is_unique) {
            // A set cannot wait for it.
            self.replay_head()?;
        }
        loop {
            let (base, missing, path, definitions) = {
                let mut state = self.lock();
                self.look_for_trees(&mut state);
                let base = state.engine.base();
                let fields = self.fields.lock();
                let missing =
                    fields.trees.iter().position(|slot| matches!(slot, Slot::Missing | Slot::Damaged));
                if base.is_empty() || fields.is_hopeless(&base) {
                    break;
                }
                let Some(number) = missing else { break };
                let path = self.tree_path(&state, number, &fields.definitions);
                (base, number, path, Arc::clone(&fields.definitions))
            };
            let Some(definition) = definitions.get(missing) else { break };
            progress.begin(Phase::BuildIndex, base.len() as u64);
            let tree = self.made_tree(&base, definition, path, (progress, cancelled))?;
            if cancelled.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok(());
            }
            self.fields.lock().put(missing, &base, tree);
        }
        self.build_overlaid()
    }

    /// Makes the indexes over a small base for a search that would wait for them, and writes those that have files.
    pub(in crate::store) fn build_small(&self, base: &Arc<Base>) {
        let (definitions, missing) = {
            let state = self.lock();
            let fields = self.fields.lock();
            let is_missing = |number: &usize| fields.tree(*number, base).is_none();
            let is_current = Arc::ptr_eq(&state.engine.base(), base);
            let path =
                |number| (number, self.tree_path(&state, number, &fields.definitions).filter(|_| is_current));
            let missing: Vec<_> = (0..fields.definitions.len()).filter(is_missing).map(path).collect();
            (Arc::clone(&fields.definitions), missing)
        };
        let never = AtomicBool::new(false);
        for (number, path) in missing {
            let Some(definition) = definitions.get(number) else { continue };
            let Ok(built) = self.made_tree(base, definition, path, (&Progress::default(), &never)) else {
                return;
            };
            self.fields.lock().put(number, base, built);
        }
    }

    /// A tree over a base, in its file if it has one.
    fn made_tree(
        &self,
        base: &Base,
        definition: &Definition,
        path: Option<PathBuf>,
        (progress, cancelled): (&Progress, &AtomicBool),
    ) -> Result<Option<Tree>> {
        let written = path.and_then(|path| {
            let written = fields::write(&*self.disk, &path, base, definition, progress, cancelled);
            written.ok().filter(|written| *written)?;
            Tree::open(&*self.disk, &path, &**base.file()?, definition)
        });
        match written {
            Some(tree) => Ok(Some(tree)),
            // NOTE: a disk that is full, or that cannot be written to, takes no index away.
            None => fields::build(base, definition, progress, cancelled)
                .map_err(|source| self.read_failed(source)),
        }
    }

    /// The names of the indexes of a choice.
    pub(in crate::store) fn names_of(&self, numbers: &mut dyn Iterator<Item = usize>) -> Vec<String> {
        let fields = self.fields.lock();
        let mut names: Vec<String> = Vec::new();
        for definition in numbers.filter_map(|number| fields.definitions.get(number)) {
            if !names.iter().any(|name| name == definition.name()) {
                names.push(definition.name().to_owned());
            }
        }
        names
    }

    /// Looks at what the log says, from a moment on, without the lock.
    fn build_overlaid(&self) -> Result<()> {
        for _ in 0..3 {
            let (moment, at, definitions) = {
                let mut state = self.lock_replayed()?;
                if !state.engine.is_indexable() || self.catch_up_indexes(&mut state) {
                    return Ok(());
                }
                state.engine.touched().begin();
                let at = state.engine.touched().now();
                (state.moment(), at, Arc::clone(&self.fields.lock().definitions))
            };
            let Ok(overlaid) = Overlaid::of(&definitions, &moment, at) else { continue };
            let mut state = self.lock();
            self.fields.lock().overlaid = Some(overlaid);
            self.catch_up_indexes(&mut state);
        }
        Ok(())
    }

    /// Lets the index of what the log says follow the records; `false` if it cannot at once.
    pub(in crate::store) fn catch_up_indexes(&self, state: &mut State) -> bool {
        self.follow_with(state, MOST_AT_ONCE).unwrap_or(false)
    }

    /// As [`Store::catch_up_indexes`], where so many records at most are looked at. What cannot be read is looked at anew the
    /// next time.
    pub(in crate::store) fn follow_with(&self, state: &mut State, most: usize) -> std::io::Result<bool> {
        let mut fields = self.fields.lock();
        if !fields.has_fields() {
            return Ok(true);
        }
        if fields.overlaid.is_none() {
            if state.overlaid_count() > most {
                return Ok(false);
            }
            state.engine.touched().begin();
            let at = state.engine.touched().now();
            let moment = state.moment();
            let definitions = Arc::clone(&fields.definitions);
            fields.overlaid = Some(Overlaid::of(&definitions, &moment, at)?);
        }
        let Some(overlaid) = &mut fields.overlaid else { return Ok(false) };
        let followed = overlaid.follow(&mut state.engine, most);
        let can_go_on = state.engine.touched().since(overlaid.at()).is_some();
        // NOTE: half of a change may have been looked at.
        if followed.is_err() || !can_go_on {
            fields.overlaid = None;
        }
        followed
    }

    /// The tree of an index over the snapshot, which is made now if it is not there; `None` over no records.
    pub(in crate::store) fn tree_at_once(
        &self,
        state: &mut State,
        number: usize,
    ) -> Result<Option<Arc<Tree>>> {
        self.look_for_trees(state);
        let base = state.engine.base();
        if base.is_empty() {
            return Ok(None);
        }
        let known = self.fields.lock().tree(number, &base).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let definitions = Arc::clone(&self.fields.lock().definitions);
        let Some(definition) = definitions.get(number) else { return Ok(None) };
        let never = AtomicBool::new(false);
        let built = fields::build(&base, definition, &Progress::default(), &never);
        let built = built.map_err(|source| self.read_failed(source))?;
        let mut fields = self.fields.lock();
        fields.put(number, &base, built);
        fields
            .tree(number, &base)
            .cloned()
            .map(Some)
            .ok_or_else(|| Error::Failed("the snapshot holds an id twice; compact the store before it is written to with a unique index".into()))
    }

    /// Opens the trees over the snapshot, if they are there and another one was before.
    pub(in crate::store) fn look_for_trees(&self, state: &mut State) {
        let base = state.engine.base();
        let mut fields = self.fields.lock();
        if fields.definitions.is_empty() || fields.is_over(&base) {
            return;
        }
        let definitions = Arc::clone(&fields.definitions);
        fields.base = Some(Arc::clone(&base));
        fields.is_unfit = false;
        let snapshot = &state.manifest.current_snapshot;
        let found = |definition: &Definition| {
            let file = base
                .file()
                .filter(|_| state.checkpoints.snapshot_bytes() >= self.options.index_from_bytes)?;
            let path =
                self.path(&format!("{}/{}", layout::INDEX, layout::tree_name(snapshot, definition.name())));
            Tree::open(&*self.disk, &path, &**file, definition)
        };
        let slot = |definition| found(definition).map_or(Slot::Missing, |tree| Slot::Ready(Arc::new(tree)));
        fields.trees = definitions.iter().map(slot).collect();
    }

    /// Where the file of an index over the snapshot is; `None` if there is none.
    fn tree_path(&self, state: &State, number: usize, definitions: &[Definition]) -> Option<PathBuf> {
        let is_kept = !self.options.read_only
            && !state.detached
            && state.checkpoints.snapshot_bytes() >= self.options.index_from_bytes;
        let definition = definitions.get(number).filter(|_| is_kept)?;
        let name = layout::tree_name(&state.manifest.current_snapshot, definition.name());
        Some(self.path(&format!("{}/{name}", layout::INDEX)))
    }

    /// Writes the indexes over a snapshot that was just written and that no manifest names yet. Best effort.
    pub(in crate::store) fn write_trees(&self, base: &Base, bytes: u64, relative: &str) {
        let definitions = Arc::clone(&self.fields.lock().definitions);
        if bytes < self.options.index_from_bytes {
            return;
        }
        let never = AtomicBool::new(false);
        for (definition, path) in definitions.iter().zip(self.tree_paths(relative)) {
            self.options.progress.begin(Phase::BuildIndex, base.len() as u64);
            let _ = fields::write(&*self.disk, &path, base, definition, &self.options.progress, &never);
        }
    }

    /// Where the indexes over a snapshot are.
    pub(in crate::store) fn tree_paths(&self, relative: &str) -> Vec<PathBuf> {
        let definitions = Arc::clone(&self.fields.lock().definitions);
        let name = |definition: &Definition| layout::tree_name(relative, definition.name());
        definitions.iter().map(|definition| self.path(layout::INDEX).join(name(definition))).collect()
    }
}

impl State {
    fn overlaid_count(&mut self) -> usize {
        self.moment().overlaid()
    }
}
