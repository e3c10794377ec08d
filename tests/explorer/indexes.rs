//! Declared indexes: whatever was done to a store, and whatever became of their files, a query finds what a look at each record
//! finds, in the same order.

use opslog::query::{Definition, Oracle, Query, Selection, Sort};
use opslog::store::{Find, Step, Store};

use super::live::Violation;

/// What is declared for every store that is looked at. One alone: each write of its file is a place to crash at.
const DECLARED: &[u8] = br#"{"n":{}}"#;

/// Compares queries with the records that a store shows, as id and text.
pub fn check(store: &Store, records: &[(String, String)]) -> Result<(), Violation> {
    if !store.has_indexes() {
        let definitions = Definition::parse_all(DECLARED).map_err(|refused| refused.to_string())?;
        store.declare_indexes(definitions);
    }
    let middle = records.iter().filter_map(|(_, text)| number(text)).max().unwrap_or(0) / 2;
    let last = records.last().map_or("null", |(_, text)| text);
    let n = number(last).map_or_else(|| "null".to_owned(), |n| n.to_string());
    let queries = [
        format!(r#"{{"n":{{"$gte":{middle}}}}}"#),
        format!(r#"{{"n":{n}}}"#),
        r#"{"more.batch":"smore"}"#.to_owned(),
        r#"{"text":"sthe same in many records"}"#.to_owned(),
        "{}".to_owned(),
    ];
    // One after the other: a store is looked at again and again.
    let turn = records.len() + middle as usize;
    let Some(query) = queries.get(turn % queries.len()) else { return Ok(()) };
    compare(store, records, query, None)?;
    compare(store, records, query, Some((r#"{"n":-1}"#, 1, 4)))
}

type Wanted = (&'static str, usize, usize);

fn compare(
    store: &Store,
    records: &[(String, String)],
    text: &str,
    wanted: Option<Wanted>,
) -> Result<(), Violation> {
    let query = || Query::parse(text.as_bytes()).map_err(|refused| refused.to_string());
    let sort = |text: &str| Sort::parse(text.as_bytes()).map_err(|refused| refused.to_string());
    let tried = query()?;
    let matches = |(_, text): &&(String, String)| tried.matches(text.as_bytes(), &mut Oracle::default());
    let mut expected: Vec<&str> = records.iter().filter(matches).map(|(_, text)| text.as_str()).collect();
    let mut selection = Selection::default();
    if let Some((by, skip, limit)) = wanted {
        let by = sort(by)?;
        expected.sort_by_key(|text| by.key(text.as_bytes()));
        expected = expected.into_iter().skip(skip).take(limit).collect();
        selection = Selection { sort: by, skip, limit: Some(limit), fields: None };
    }
    let mut find = Find::new(query()?, selection, false);
    find.begin(store).map_err(|error| format!("{text}: {error}"))?;
    let found = match find.step(store).map_err(|error| format!("{text}: {error}"))? {
        Step::Done(found) => found,
        Step::Asking => return Err("a query without patterns asks".into()),
    };
    let indexes = found.indexes.clone();
    let found: Vec<String> =
        found.into_texts().map(|text| String::from_utf8_lossy(&text).into_owned()).collect();
    if found == expected {
        return Ok(());
    }
    Err(format!("{text} {wanted:?} by {indexes:?} found {found:?}, not {expected:?}"))
}

fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("{\"n\":")?;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
