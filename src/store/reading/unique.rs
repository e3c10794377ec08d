//! Unique indexes: a value that another record has is refused before anything is drafted. Only a writer that no other writes beside
//! can tell: a single one, or an agent in a transaction.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::disk::read_exact_at;
use crate::engine::{Cursor, Id};
use crate::error::{Error, NotUnique, Result};
use crate::fields::{Broken, Tree};
use crate::query::{Claims, Definition, Range};
use crate::store::{State, Store};

impl Store {
    /// Refuses a value that would not be unique.
    ///
    /// # Errors
    /// `OPSLOG_NOT_UNIQUE`; `OPSLOG_IO`, `OPSLOG_CORRUPT` of reading other records.
    pub(in crate::store) fn require_unique(&self, state: &mut State, id: &[u8], value: &[u8]) -> Result<()> {
        if !self.has_unique.load(Ordering::Acquire) || !self.is_alone(state) {
            return Ok(());
        }
        let definitions = Arc::clone(&self.fields.lock().definitions);
        // What was drafted has its values too.
        state.apply_drafts();
        for (number, definition) in definitions.iter().enumerate().filter(|(_, one)| one.is_unique()) {
            let claims = definition.claims(value);
            if claims.is_empty() {
                continue;
            }
            let Some(other) = self.owner(state, (number, definition), &claims, id)? else { continue };
            return Err(Error::NotUnique(Box::new(NotUnique {
                index: definition.name().to_owned(),
                id: String::from_utf8_lossy(id).into_owned(),
                other: String::from_utf8_lossy(&other).into_owned(),
                value: definition.shown(value),
            })));
        }
        Ok(())
    }

    /// Whether no other writer can write meanwhile.
    fn is_alone(&self, state: &State) -> bool {
        match &self.gate {
            Some(_) => self.alone.lock().is_some(),
            None => !state.engine.is_agent(),
        }
    }

    /// Another record that has in an index what one claims.
    fn owner(
        &self,
        state: &mut State,
        (number, definition): (usize, &Definition),
        claims: &Claims,
        id: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let ranges = claims.ranges();
        // NOTE: a key may have been cut, or say less than the record claims.
        let has_it = |text: &[u8]| definition.claims(text).meets(claims);
        let mut others: BTreeSet<Id> = BTreeSet::new();
        self.index_at_once(state)?;
        if let Some(overlaid) = &self.fields.lock().overlaid {
            for range in &ranges {
                overlaid.visit(number, range, false, &mut |(_, other)| {
                    if **other != *id {
                        others.insert(Id::clone(other));
                    }
                    true
                });
            }
        }
        for other in others {
            let Some(Some(text)) = state.engine.overlaid_text(&other) else { continue };
            if has_it(&text.read().map_err(|source| self.read_failed(source))?) {
                return Ok(Some(other.to_vec()));
            }
        }
        let base = state.engine.base();
        for _ in 0..2 {
            let tree = self.tree_at_once(state, number)?;
            let Some(tree) = tree else { return Ok(None) };
            match places(&tree, &ranges) {
                Ok(places) => {
                    let Some(file) = base.file() else { return Ok(None) };
                    for (offset, len) in places {
                        let line = read_exact_at(&**file, offset, len as usize);
                        let line = line.map_err(|source| self.read_failed(source))?;
                        let record = base.record(offset, &line).map_err(|source| self.read_failed(source))?;
                        let is_other = *record.id != *id && state.engine.overlaid_text(&record.id).is_none();
                        if is_other && has_it(line.get(record.data).unwrap_or_default()) {
                            return Ok(Some(record.id.into_owned()));
                        }
                    }
                    return Ok(None);
                }
                Err(Broken) => self.fields.lock().forget(&base),
            }
        }
        Err(Error::Failed("an index cannot be made".into()))
    }

    /// Lets the index of what the log says follow the records, however many have changed.
    fn index_at_once(&self, state: &mut State) -> Result<()> {
        let mut failed = None;
        for _ in 0..2 {
            let followed = self.follow_with(state, usize::MAX);
            match followed {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.map_or_else(
            || Error::Failed("the indexes cannot follow the records".into()),
            |source| self.read_failed(source),
        ))
    }
}

/// Where the records of some ranges stand in the snapshot, each once.
fn places(tree: &Tree, ranges: &[Range]) -> Result<BTreeSet<(u64, u32)>, Broken> {
    let mut found = BTreeSet::new();
    for range in ranges {
        let (mut at, to) = (tree.seek(&range.from)?, tree.seek_past(range)?);
        while at < to && at.leaf < tree.leaves() {
            let leaf = tree.leaf(at.leaf)?;
            let last = if at.leaf == to.leaf { to.number } else { leaf.len() };
            for number in at.number..last {
                found.extend(leaf.get(number).map(|entry| (entry.offset, entry.len)));
            }
            (at.leaf, at.number) = (at.leaf + 1, 0);
        }
    }
    Ok(found)
}

/// Records that have the same value where a unique index was declared.
#[derive(Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The name of the index.
    pub index: String,
    /// The record that came first, and the other one.
    pub ids: (Vec<u8>, Vec<u8>),
    /// The value of the second, as JSON.
    pub value: Vec<u8>,
}

/// So many are listed.
const MOST: usize = 1000;

impl Store {
    /// Finds records that have the same value in a unique index, up to a thousand. Costs a pass over all records, and memory for
    /// each value.
    ///
    /// # Errors
    /// `OPSLOG_IO`, `OPSLOG_CORRUPT`.
    pub fn duplicates(&self, definitions: &[Definition]) -> Result<Vec<Duplicate>> {
        let moment = self.moment()?;
        let unique: Vec<&Definition> = definitions.iter().filter(|one| one.is_unique()).collect();
        let mut owners: HashMap<(usize, Vec<u8>), Id> = HashMap::new();
        // Those with too many combinations of values, which are compared with each record.
        let mut large: Vec<(usize, Id, Claims)> = Vec::new();
        let mut found = Vec::new();
        let duplicate = |number: usize, ids: (&[u8], &[u8]), text: &[u8]| -> Option<Duplicate> {
            let definition = unique.get(number)?;
            let (index, value) = (definition.name().to_owned(), definition.shown(text));
            Some(Duplicate { index, ids: (ids.0.to_vec(), ids.1.to_vec()), value })
        };
        let go_on = |found: &Vec<Duplicate>| match found.len() < MOST {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        };
        let visited = moment.visit(Cursor::Base(0), |row| {
            for (number, definition) in unique.iter().enumerate() {
                let claims = definition.claims(row.text());
                let Some(combinations) = claims.combinations() else {
                    large.push((number, Id::from(&*row.id()), claims));
                    continue;
                };
                for claim in combinations {
                    let id = row.id();
                    match owners.get(&(number, claim.clone())) {
                        Some(owner) => found.extend(duplicate(number, (owner, &id), row.text())),
                        None => drop(owners.insert((number, claim), Id::from(&*id))),
                    }
                }
            }
            go_on(&found)
        });
        visited.map_err(|source| self.read_failed(source))?;
        drop(owners);
        if large.is_empty() {
            return Ok(found);
        }
        let mut passed: HashSet<(usize, Id)> = HashSet::new();
        let visited = moment.visit(Cursor::Base(0), |row| {
            let id = row.id();
            for (number, definition) in unique.iter().enumerate() {
                let claims = definition.claims(row.text());
                for (of, other, others) in &large {
                    // Two large ones meet twice.
                    let is_known = passed.contains(&(number, Id::clone(other)));
                    if *of == number && **other != *id && !is_known && others.meets(&claims) {
                        found.extend(duplicate(number, (other, &id), row.text()));
                    }
                }
                if claims.combinations().is_none() {
                    passed.insert((number, Id::from(&*id)));
                }
            }
            go_on(&found)
        });
        visited.map_err(|source| self.read_failed(source))?;
        Ok(found)
    }
}
