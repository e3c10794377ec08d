//! Which index a query goes by, if any. Chosen under the store's lock: what the log says is taken as it is at that moment.

use std::sync::Arc;

use crate::engine::{Base, Id};
use crate::fields::{At, Broken, Overlaid, Tree};
use crate::query::{Definition, Query, Range, Search, Selection};
use crate::store::reading::fields::Fields;

/// An index that leads to so few records is always worth while.
const FEW: u64 = 64;
/// Else it must lead to a part of all records that is not larger than this.
const PART: u64 = 4;
/// So many records that the log speaks of are taken by key at most; of more, all are tried.
const MOST_BY_KEY: usize = 10_000;

/// A part of a tree, from one place up to another.
type Span = (At, At);

/// A way into an index.
pub(super) struct Way {
    /// The number of its definition.
    pub number: usize,
    /// Of which branch of the query it is.
    asked: Asked,
    /// The tree, and where in it the records stand. `None` over no records.
    pub tree: Option<(Arc<Tree>, Vec<Span>)>,
    /// Every record there is one that the query finds.
    pub is_exact: bool,
    estimate: u64,
}

/// What is searched for.
#[derive(Clone, Copy)]
enum Asked {
    All,
    Query,
    Branch(usize),
}

impl Asked {
    fn search(self, query: &Query, definition: &Definition, is_plain: bool) -> Option<Search> {
        match self {
            Self::All => Query::search_all(definition, is_plain),
            Self::Query => query.search(definition, is_plain),
            Self::Branch(branch) => query.search_branch(branch, definition, is_plain),
        }
    }
}

/// How a query is carried out.
pub(super) struct Choice {
    /// The ways, all of which lead to records.
    pub ways: Vec<Way>,
    /// The records that the log speaks of and that may be found; `None` for all of which it speaks.
    pub overlaid: Option<Vec<Id>>,
    /// The records come in the order of the index; from its end on.
    pub order: Option<bool>,
}

impl Choice {
    /// To how many records of the snapshot it leads, about.
    pub fn estimate(&self) -> u64 {
        self.ways.iter().map(|way| way.estimate).sum()
    }

    /// Every record of the snapshot to which it leads is found.
    pub fn is_exact(&self) -> bool {
        self.ways.iter().all(|way| way.is_exact)
    }
}

/// What is known when a choice is made.
pub(super) struct Known<'a> {
    pub fields: &'a Fields,
    pub base: &'a Arc<Base>,
    /// Whether the index of what the log says has followed.
    pub is_followed: bool,
    pub query: &'a Query,
    pub selection: &'a Selection,
    pub counts: bool,
}

impl Known<'_> {
    fn overlaid(&self) -> Option<&Overlaid> {
        self.fields.overlaid.as_ref().filter(|_| self.is_followed)
    }

    /// Chooses. `None`: each record is tried.
    ///
    /// # Errors
    /// [`Broken`]: a tree is damaged.
    pub fn choose(&self) -> Result<Option<Choice>, Broken> {
        let mut ways = Vec::new();
        if !self.query.is_empty() {
            ways.extend(self.best(Asked::Query)?);
            if ways.is_empty() {
                for branch in 0..self.query.branches() {
                    let Some(way) = self.best(Asked::Branch(branch))? else {
                        ways.clear();
                        break;
                    };
                    ways.push(Way { is_exact: false, ..way });
                }
            }
        }
        let overlaid = self.by_key(&ways, None);
        let choice = Choice { ways, overlaid, order: None };
        let is_found = !choice.ways.is_empty();
        let all = self.fields.overlaid.as_ref().map_or(0, Overlaid::len) as u64;
        let said = choice.overlaid.as_ref().map_or(all, |ids| ids.len() as u64);
        let estimate = choice.estimate().saturating_add(said);
        let total = (self.base.len() as u64).saturating_add(all);
        let is_small = is_found && estimate <= FEW;
        let is_worth = is_small
            || is_found && (estimate.saturating_mul(PART) <= total || self.counts && choice.is_exact());
        let wants_order = !self.counts && !self.selection.sort.is_empty() && self.selection.limit.is_some();
        if wants_order && !is_small {
            let ordered = self.ordered(is_worth)?;
            if ordered.is_some() {
                return Ok(ordered);
            }
        }
        Ok(is_worth.then_some(choice))
    }

    /// The index that leads to the fewest records.
    fn best(&self, asked: Asked) -> Result<Option<Way>, Broken> {
        let mut best: Option<Way> = None;
        for number in 0..self.fields.definitions.len() {
            let Some((way, _)) = self.way(number, asked)? else { continue };
            if best.as_ref().is_none_or(|known| way.estimate < known.estimate) {
                best = Some(way);
            }
        }
        Ok(best)
    }

    /// The way of a search into an index, if it is of use and ready.
    fn way(&self, number: usize, asked: Asked) -> Result<Option<(Way, Search)>, Broken> {
        let Some(definition) = self.fields.definitions.get(number) else { return Ok(None) };
        if self.base.is_empty() {
            let way = Way { number, asked, tree: None, is_exact: false, estimate: 0 };
            return Ok(asked.search(self.query, definition, false).map(|search| (way, search)));
        }
        let Some(tree) = self.fields.tree(number, self.base) else { return Ok(None) };
        let Some(search) = asked.search(self.query, definition, tree.is_plain()) else { return Ok(None) };
        let mut places = Vec::with_capacity(search.ranges.len() + 1);
        if !tree.is_plain() && search.ranges.first().is_none_or(|range| !range.from.is_empty()) {
            // Records with too many keys have the empty one.
            places.push((At { leaf: 0, number: 0 }, tree.seek(&[0])?));
        }
        for range in &search.ranges {
            places.push((tree.seek(&range.from)?, tree.seek_past(range)?));
        }
        places.retain(|(from, to)| from < to);
        let estimate = places.iter().map(|(from, to)| tree.between(*from, *to)).sum();
        let (tree, is_exact) = (Some((Arc::clone(tree), places)), search.is_exact);
        Ok(Some((Way { number, asked, tree, is_exact, estimate }, search)))
    }

    /// An index in whose order the records are wanted. `is_strict`: it must choose the records as well.
    fn ordered(&self, is_strict: bool) -> Result<Option<Choice>, Broken> {
        let Some(overlaid) = self.overlaid() else { return Ok(None) };
        for (number, definition) in self.fields.definitions.iter().enumerate() {
            let is_plain = overlaid.is_plain(number)
                && (self.base.is_empty()
                    || self.fields.tree(number, self.base).is_some_and(|tree| tree.is_plain()));
            if !is_plain {
                continue;
            }
            let mut found = self.way(number, Asked::Query)?;
            if found.is_none() && !is_strict {
                found = self.way(number, Asked::All)?;
                found.iter_mut().for_each(|(way, _)| way.is_exact = false);
            }
            let Some((way, search)) = found else { continue };
            let Some(is_down) = Query::is_sorted(&search, definition, &self.selection.sort) else { continue };
            let ways = vec![way];
            if let Some(ids) = self.by_key(&ways, Some(is_down)) {
                return Ok(Some(Choice { ways, overlaid: Some(ids), order: Some(is_down) }));
            }
        }
        Ok(None)
    }

    /// The records that the log speaks of and to which the ways lead. In order, from the end on or not, those behind the ones
    /// that are wanted are left out.
    fn by_key(&self, ways: &[Way], order: Option<bool>) -> Option<Vec<Id>> {
        let overlaid = self.overlaid()?;
        let mut ids = Vec::new();
        for way in ways {
            let definition = self.fields.definitions.get(way.number)?;
            let is_plain = overlaid.is_plain(way.number);
            let search = way.asked.search(self.query, definition, is_plain)?;
            let is_exact = search.is_exact && (matches!(way.asked, Asked::Query) || self.query.is_empty());
            let limit = self.selection.limit.filter(|_| order.is_some() && is_exact);
            let wanted = limit.map(|limit| limit.saturating_add(self.selection.skip));
            let mut last: Option<Arc<[u8]>> = None;
            let mut take = |range: &Range| {
                overlaid.visit(way.number, range, order == Some(true), &mut |(key, id)| {
                    // NOTE: records of one key stand in another order here.
                    if wanted.is_some_and(|wanted| ids.len() >= wanted) && last.as_ref() != Some(key) {
                        return false;
                    }
                    last = Some(Arc::clone(key));
                    ids.push(Id::clone(id));
                    ids.len() <= MOST_BY_KEY
                });
            };
            if !is_plain {
                // Records with too many keys have the empty one, and no other key is before this.
                take(&Range { from: Vec::new(), to: vec![0] });
            }
            search.ranges.iter().for_each(take);
        }
        (ids.len() <= MOST_BY_KEY).then_some(ids)
    }
}
