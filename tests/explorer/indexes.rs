//! Declared indexes: whatever was done to a store, and whatever became of their files, a query finds what a look at each record
//! finds, in the same order. A damaged file, and one of another snapshot, are told by `verify()`, and made again by a query that
//! comes upon the damage, or by `repair()`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::layout;
use opslog::progress::Progress;
use opslog::query::{Definition, Oracle, Query, Selection, Sort};
use opslog::repair::repair;
use opslog::store::{Find, Options, Step, Store};
use opslog::verify;

use super::live::{ROOT, Violation, scan};
use super::plan::Random;
use super::world::Dead;

/// What is declared for every store that is looked at. One alone: each write of its file is a place to crash at.
const DECLARED: &[u8] = br#"{"n":{}}"#;

/// Compares queries with the records that a store shows, as id and text.
pub fn check(store: &Store, records: &[(String, String)]) -> Result<(), Violation> {
    if !store.has_indexes() {
        let definitions = Definition::parse_all(DECLARED).map_err(|refused| refused.to_string())?;
        store.declare_indexes(definitions);
    }
    // One after the other: a store is looked at again and again.
    let turn = records.len() + middle_of(records) as usize;
    let queries = queries(records);
    let Some(query) = queries.get(turn % queries.len()) else { return Ok(()) };
    compare(store, records, query, None)?;
    compare(store, records, query, Some((r#"{"n":-1}"#, 1, 4)))
}

fn middle_of(records: &[(String, String)]) -> u64 {
    records.iter().filter_map(|(_, text)| number(text)).max().unwrap_or(0) / 2
}

fn queries(records: &[(String, String)]) -> [String; 5] {
    let middle = middle_of(records);
    let last = records.last().map_or("null", |(_, text)| text);
    let n = number(last).map_or_else(|| "null".to_owned(), |n| n.to_string());
    [
        format!(r#"{{"n":{{"$gte":{middle}}}}}"#),
        format!(r#"{{"n":{n}}}"#),
        r#"{"more.batch":"smore"}"#.to_owned(),
        r#"{"text":"sthe same in many records"}"#.to_owned(),
        "{}".to_owned(),
    ]
}

/// Damages the index of the current snapshot, and puts that of another snapshot in its place, if the folder has any: queries find what
/// they should, `verify()` tells, and the index is made again. Returns how many were looked at.
pub fn survive_damage(disk: &SimDisk, options: &Options, random: &mut Random) -> Result<u64, Violation> {
    let tree = disk.tree();
    let manifest = tree.get(&Path::new(ROOT).join(layout::MANIFEST));
    let text = manifest.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
    let is_tree = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "tree");
    let is_current = |path: &&PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        layout::snapshot_of_tree(&name).is_some_and(|snapshot| text.contains(snapshot))
    };
    let Some(path) = tree.keys().filter(is_tree).find(is_current) else { return Ok(0) };
    let sound = &tree[path];
    let mut damaged = sound.clone();
    let at = random.below(damaged.len() as u64) as usize;
    damaged[at] ^= 1 << random.below(8);
    let stale = tree.keys().filter(is_tree).filter(|other| *other != path).map(|other| tree[other].clone());
    let mut count = 0;
    for content in stale.chain([damaged]).filter(|content| content != sound) {
        let copy = disk.after_kill();
        copy.plant(path, &content).map_err(|error| format!("plant: {error}"))?;
        survive(&copy, options)
            .map_err(|what| format!("{} with byte {at} changed: {what}", path.display()))?;
        count += 1;
    }
    Ok(count)
}

fn survive(disk: &SimDisk, options: &Options) -> Result<(), Violation> {
    let open = |read_only| {
        let options = Options { read_only, ..options.clone() };
        let opened = Store::open(Arc::new(disk.clone()), Path::new(ROOT), options, &Dead);
        opened.map(|opened| opened.store).map_err(|error| format!("open: {error}"))
    };
    let look = |store: &Store| {
        let records = scan(store)?;
        for query in queries(&records) {
            compare(store, &records, &query, None)?;
            compare(store, &records, &query, Some((r#"{"n":-1}"#, 1, 4)))?;
        }
        Ok::<_, Violation>(())
    };
    let is_sound = || {
        let report = verify::verify(disk, Path::new(ROOT), &Progress::default());
        let report = report.map_err(|error| format!("verify: {error}"))?;
        Ok::<_, Violation>(
            report.damage.iter().all(|damage| damage.path.extension().is_none_or(|it| it != "tree")),
        )
    };
    if is_sound()? {
        return Err("verify() does not tell".into());
    }
    look(&*open(true)?)?;
    let writer = open(false)?;
    look(&writer)?;
    writer.build_indexes(&Progress::default()).map_err(|error| format!("build: {error}"))?;
    look(&writer)?;
    writer.close().map_err(|error| format!("close: {error}"))?;
    drop(writer);
    if !is_sound()? {
        // No query has come upon the damaged page.
        let place = (0, options.now_ms);
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        let repaired = repair(&disk, Path::new(ROOT), &Dead, place, &Arc::default());
        repaired.map_err(|error| format!("repair: {error}"))?;
    }
    if is_sound()? { Ok(()) } else { Err("the index was not made again".into()) }
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
