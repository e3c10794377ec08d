//! What a reader could not tell from the lines of a log alone, and is told: cuts, and orders that no log says.

use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::store::{Options, Store};

use super::support::*;

fn indexed() -> Options {
    Options { index_from_bytes: 0, ..options() }
}

/// A look must tell of one operation that was undone, and of one like it that was made.
fn assert_made_again(reader: &Arc<Store>, id: &str) {
    let followed = reader.follow().unwrap();
    assert_eq!((followed.undone, told(reader)), (1, vec![id.to_owned()]));
}

#[test]
fn an_operation_that_is_undone_and_made_again_at_the_same_time_is_told_again() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    set(&store, "b", "1");
    let reader = reader(&disk);
    for _ in 0..3 {
        assert!(undo(&store));
        set(&store, "b", "1");
        assert_made_again(&reader, "b");
    }
}

#[test]
fn cuts_are_counted_on_by_a_writer_that_opens_by_an_index() {
    let disk = SimDisk::new();
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    set(&store, "a", "1");
    set(&store, "b", "1");
    assert!(undo(&store));
    set(&store, "b", "1");
    store.close().unwrap();
    let reader = reader(&disk);
    let store = try_open(disk.clone(), indexed()).unwrap().store;
    assert!(store.has_head());
    assert!(undo(&store));
    set(&store, "b", "1");
    assert_made_again(&reader, "b");
}

#[test]
fn a_reader_has_the_order_of_a_writer_that_undid_a_deletion_before_a_checkpoint() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for id in ["a", "b", "c"] {
        set(&store, id, "1");
    }
    let reader = reader(&disk);
    // The reader sees neither the deletion nor that it was taken back.
    delete(&store, "a");
    assert!(undo(&store));
    checkpoint(&store).unwrap();
    reader.follow().unwrap();
    assert_eq!(records(&reader), found(&disk));
    assert_eq!(records(&reader), records(&store));
}

#[test]
fn a_reader_that_did_not_see_a_record_leave_for_an_archive_and_come_back_has_it_where_the_files_have_it() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for id in ["a", "b", "c"] {
        set(&store, id, "1");
    }
    let reader = reader(&disk);
    archive(&store, &["a"]).unwrap();
    set(&store, "a", "2");
    checkpoint(&store).unwrap();
    reader.follow().unwrap();
    assert_eq!(records(&reader), found(&disk));
    assert_eq!(records(&reader), ["b=1", "c=1", "a=2"]);
}
