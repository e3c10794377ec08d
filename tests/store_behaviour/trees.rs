//! Files of declared indexes that are damaged, or another snapshot's: a query finds what a look at each record finds.

use std::path::PathBuf;
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::layout;
use opslog::query::{Definition, Query, Selection};
use opslog::store::{Find, Options, Step, Store};

use super::support::*;

const RECORDS: u64 = 400;

/// The smallest snapshot has files of indexes.
fn indexed() -> Options {
    Options { index_from_bytes: 1, ..options() }
}

fn declare(store: &Store) {
    store.declare_indexes(Definition::parse_all(br#"{"n":{}}"#).unwrap());
}

/// What is found from a number on, and whether by an index.
fn find(store: &Store, from: u64) -> (Vec<String>, bool) {
    let query = Query::parse(format!(r#"{{"n":{{"$gte":{from}}}}}"#).as_bytes()).unwrap();
    let mut find = Find::new(query, Selection::default(), false);
    find.begin(store).unwrap();
    let Step::Done(found) = find.step(store).unwrap() else { panic!("a query without patterns asks") };
    let is_by_index = !found.indexes.is_empty();
    (found.into_texts().map(|text| String::from_utf8(text.to_vec()).unwrap()).collect(), is_by_index)
}

/// The records, which begin at a number, in a snapshot, and the file of the index over it.
fn write(store: &Arc<Store>, disk: &SimDisk, first: u64) -> PathBuf {
    for n in 0..RECORDS {
        set(store, &format!("id-{n}"), &format!("{{\"n\":{}}}", first + n));
    }
    checkpoint(store).unwrap();
    declare(store);
    find(store, first + RECORDS - 15);
    let snapshot = store.manifest().current_snapshot;
    let name = snapshot.rsplit('/').next().unwrap().to_owned();
    let is_tree = |path: &PathBuf| {
        path.file_name().and_then(|file| layout::snapshot_of_tree(file.to_str()?)) == Some(name.as_str())
    };
    disk.tree().into_keys().find(is_tree).expect("a query writes the file of its index")
}

fn expected(from: u64, first: u64) -> Vec<String> {
    (first.max(from)..first + RECORDS).map(|n| format!("{{\"n\":{n}}}")).collect()
}

fn fresh(disk: &SimDisk) -> Arc<Store> {
    let store = try_open(disk.clone(), Options { read_only: true, ..indexed() }).unwrap().store;
    declare(&store);
    store
}

#[test]
fn a_damaged_page_of_an_index_is_not_believed() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    let tree = write(&store, &disk, 0);
    store.close().unwrap();
    let whole = disk.tree().remove(&tree).unwrap();
    assert_eq!(find(&fresh(&disk), 385), (expected(385, 0), true));
    for at in (4096..whole.len()).step_by(23) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x15;
        disk.plant(&tree, &damaged).unwrap();
        assert_eq!(find(&fresh(&disk), 385).0, expected(385, 0), "byte {at}");
    }
}

#[test]
fn an_index_of_another_snapshot_is_not_believed() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    let former = write(&store, &disk, 1000);
    let former = disk.tree().remove(&former).unwrap();
    let tree = write(&store, &disk, 5000);
    store.close().unwrap();
    disk.plant(&tree, &former).unwrap();
    assert_eq!(find(&fresh(&disk), 5385).0, expected(5385, 5000));
}
