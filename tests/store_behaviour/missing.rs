//! Logs that the manifest names and that are missing: told where they were not empty when they were closed.

use std::path::PathBuf;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::error::Error;
use opslog::progress::Progress;
use opslog::store::{MissingLog, Options, Store};
use opslog::verify::{Report, verify};

use super::support::*;

fn log_of(store: &Store) -> PathBuf {
    path(&store.manifest().active_ops)
}

fn missing(disk: &SimDisk, options: Options) -> Vec<MissingLog> {
    let opened = try_open(disk.clone(), options).unwrap();
    opened.store.close().unwrap();
    opened.report.missing
}

fn verified(disk: &SimDisk) -> Report {
    verify(disk, std::path::Path::new(ROOT), &Progress::default()).unwrap()
}

fn places(disk: &SimDisk) -> usize {
    verified(disk).found as usize
}

fn reads() -> Options {
    Options { read_only: true, ..options() }
}

fn as_agent(agent: &str) -> Options {
    Options { agent: Some(agent.into()), ..options() }
}

#[test]
fn a_log_that_was_not_empty_when_it_was_closed_and_is_missing_is_told_until_another_is_there() {
    for agent in [None, Some("a")] {
        let disk = SimDisk::new();
        let writes = Options { agent: agent.map(str::to_owned), ..options() };
        let store = try_open(disk.clone(), writes.clone()).unwrap().store;
        set(&store, "a", "1");
        let log = log_of(&store);
        store.close().unwrap();
        assert_eq!((missing(&disk, reads()), places(&disk)), (vec![], 0));
        assert_eq!(verified(&disk).foreign, Vec::<PathBuf>::new());
        let len = disk.info(&log).unwrap().len;
        disk.unlink(&log).unwrap();
        let told = vec![MissingLog { path: log, bytes: Some(len) }];
        assert_eq!(places(&disk), 1);
        for options in [reads(), writes.clone(), as_agent("other"), writes.clone()] {
            if options.agent.is_some() && agent.is_none() {
                continue;
            }
            let strict = Options { strict: true, ..options.clone() };
            assert!(matches!(try_open(disk.clone(), strict), Err(Error::Corrupt { .. })));
            assert_eq!(missing(&disk, options), told);
        }
        let store = try_open(disk.clone(), writes).unwrap().store;
        set(&store, "b", "2");
        store.close().unwrap();
        assert_eq!((missing(&disk, reads()), places(&disk)), (vec![], 0));
    }
}

#[test]
fn a_missing_log_of_a_single_writer_is_told_to_the_agent_and_that_of_an_agent_to_the_single_writer() {
    for (first, second) in [(options(), as_agent("a")), (as_agent("a"), options())] {
        let disk = SimDisk::new();
        let store = try_open(disk.clone(), first).unwrap().store;
        set(&store, "a", "1");
        let log = log_of(&store);
        store.close().unwrap();
        disk.unlink(&log).unwrap();
        assert_eq!(missing(&disk, second).len(), 1);
    }
}

#[test]
fn a_missing_log_is_not_told_that_was_empty_or_whose_writer_was_killed() {
    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    checkpoint(&store).unwrap();
    let log = log_of(&store);
    store.close().unwrap();
    disk.unlink(&log).unwrap();
    assert_eq!((missing(&disk, reads()), missing(&disk, options()), places(&disk)), (vec![], vec![], 0));

    let disk = SimDisk::new();
    let store = open(&disk);
    set(&store, "a", "1");
    let log = log_of(&store);
    store.close().unwrap();
    let store = open(&disk);
    store.undo().unwrap();
    let killed = disk.after_kill();
    killed.unlink(&log).unwrap();
    assert_eq!((missing(&killed, options()), places(&killed)), (vec![], 0));
}
