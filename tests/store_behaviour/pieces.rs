//! A walk over all records in pieces gives each of them once and in order, whichever thread makes the pieces, and what fails in one is told
//! by the call that asks for it.

use std::sync::Arc;

use opslog::disk::sim::{CallKind, Fault, SimDisk};
use opslog::store::{Next, Pieces, Store};

use super::support::*;

/// Small enough that the records make many pieces.
const LIMIT: usize = 200;

/// A store of so many records, in the snapshot and in the log.
fn filled(disk: &SimDisk, count: usize) -> Arc<Store> {
    let store = open(disk);
    for n in 0..count {
        set(&store, &format!("id-{n:05}"), &format!("{{\"n\":{n}}}"));
        if n == count * 3 / 4 {
            checkpoint(&store).unwrap();
        }
    }
    store
}

/// The ids of a piece.
fn ids_in(list: &[u8]) -> Vec<String> {
    let [ids, values]: [Vec<serde_json::Value>; 2] = serde_json::from_slice(list).unwrap();
    assert_eq!(ids.len(), values.len());
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// What is left of a walk, to its end.
fn rest(pieces: &mut Pieces, store: &Arc<Store>) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        match pieces.next(store, LIMIT).unwrap() {
            Next::Piece(list) => found.extend(ids_in(&list)),
            Next::Changed => panic!("nothing has changed"),
            Next::End => return found,
        }
    }
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("id-{n:05}")).collect()
}

#[test]
fn every_record_comes_once_and_in_order() {
    for count in [0, 1, 50, 2000] {
        let store = filled(&SimDisk::new(), count);
        let mut pieces = Pieces::begin();
        assert_eq!(rest(&mut pieces, &store), expected(count));
        assert_eq!(pieces.next(&store, LIMIT).unwrap(), Next::End);
        assert_eq!(rest(&mut Pieces::begin(), &store), expected(count));
    }
}

#[test]
fn a_checkpoint_meanwhile_lets_the_walk_begin_again_behind_what_was_given() {
    let store = filled(&SimDisk::new(), 2000);
    let mut pieces = Pieces::begin();
    let mut found = Vec::new();
    for _ in 0..40 {
        if let Next::Piece(list) = pieces.next(&store, LIMIT).unwrap() {
            found.extend(ids_in(&list));
        }
    }
    checkpoint(&store).unwrap();
    // What was made before is given still.
    loop {
        match pieces.next(&store, LIMIT).unwrap() {
            Next::Piece(list) => found.extend(ids_in(&list)),
            Next::Changed => break,
            Next::End => panic!("all was made ahead"),
        }
    }
    let again = rest(&mut Pieces::begin(), &store);
    assert_eq!(again, expected(2000));
    assert_eq!(found, again[..found.len()]);
    assert!(found.len() < 2000);
}

#[test]
fn a_read_that_fails_is_told_by_the_call_that_asks_for_the_piece_and_the_walk_goes_on_later() {
    let disk = SimDisk::new();
    let store = filled(&disk, 2000);
    let mut pieces = Pieces::begin();
    let mut found = Vec::new();
    for _ in 0..30 {
        if let Next::Piece(list) = pieces.next(&store, LIMIT).unwrap() {
            found.extend(ids_in(&list));
        }
    }
    disk.script(Fault::new(CallKind::ReadAt, std::io::ErrorKind::Other).lasting());
    let error = loop {
        match pieces.next(&store, LIMIT) {
            Ok(Next::Piece(list)) => found.extend(ids_in(&list)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "OPSLOG_IO");
    disk.heal();
    found.extend(rest(&mut pieces, &store));
    assert_eq!(found, expected(2000));
}

#[test]
fn a_store_that_is_closed_during_a_walk_ends_it() {
    let store = filled(&SimDisk::new(), 2000);
    let mut pieces = Pieces::begin();
    for _ in 0..20 {
        pieces.next(&store, LIMIT).unwrap();
    }
    store.close().unwrap();
    drop(store);
    drop(pieces);
}
