//! A migration by an agent, beside another that writes in the old version, and a process that dies in the middle of it:
//! the store that opens the folder afterwards migrates each record once. A migrated value stands in brackets.

use std::sync::Arc;

use opslog::disk::Disk;
use opslog::disk::sim::SimDisk;
use opslog::error::{Error, Result};
use opslog::layout;
use opslog::store::{Options, Rejected, Store};

use super::hook::HookDisk;
use super::support::*;

const MIGRATED: [&str; 4] = ["early=[3]", "late=[4]", "x=[1]", "y=[2]"];

fn agent(disk: &SimDisk, name: &str, options: Options) -> Result<Arc<Store>> {
    Ok(try_open(disk.clone(), Options { agent: Some(name.into()), ..options })?.store)
}

fn sorted(store: &Store) -> Vec<String> {
    let mut found = records(store);
    found.sort();
    found
}

fn in_brackets(store: &Store) -> Result<()> {
    migrate(store, |from, value| {
        assert!(from < 2.0 && !value.starts_with('['), "{value} from {from}");
        format!("[{value}]")
    })
    .map(drop)
}

/// Migrates what an agent finds and stores it, as the facade does. `late` is called behind each seal.
fn store_migrated(store: &Arc<Store>, mut late: impl FnMut()) -> Result<()> {
    in_brackets(store)?;
    while store.has_older_files() {
        let Some(compaction) = store.begin_compaction(NOW, None, false)? else { return Ok(()) };
        late();
        in_brackets(store)?;
        compaction.finish()?;
        store.follow()?;
        store.renew()?;
        in_brackets(store)?;
    }
    Ok(())
}

/// A folder of the old version, with an agent in it that gives none.
fn prepared() -> (SimDisk, Arc<Store>) {
    let disk = SimDisk::new();
    let old = agent(&disk, "old", options()).unwrap();
    set(&old, "x", "1");
    set(&old, "y", "2");
    old.close().unwrap();
    let beside = agent(&disk, "beside", options()).unwrap();
    set(&beside, "early", "3");
    (disk, beside)
}

/// Another agent migrates the folder, on a disk that may die. Whether it came to its end.
fn migrates(disk: &SimDisk, beside: &Arc<Store>) -> Result<()> {
    let upgraded = agent(disk, "upgraded", second())?;
    let mut is_late = true;
    store_migrated(&upgraded, || {
        if std::mem::take(&mut is_late) {
            let _ = beside.follow();
            let _ = try_set(beside, "late", "4");
        }
    })?;
    assert_eq!(sorted(&upgraded), MIGRATED);
    Ok(())
}

#[test]
fn what_an_agent_of_the_old_version_writes_during_a_migration_is_migrated_once() {
    let (disk, beside) = prepared();
    migrates(&disk, &beside).unwrap();
    let manifest = published(&disk);
    assert_eq!((manifest.version, manifest.log_versions), (2, Vec::new()));
    beside.follow().unwrap();
    beside.renew().unwrap();
    assert_eq!(sorted(&beside), MIGRATED);
    set(&beside, "later", "[5]");
    beside.compact_agents(NOW, None).unwrap();
    let reader = try_open(disk.clone(), Options { read_only: true, ..second() }).unwrap();
    assert!(!reader.report.needs_migration);
    assert_eq!(sorted(&reader.store), ["early=[3]", "late=[4]", "later=[5]", "x=[1]", "y=[2]"]);
}

#[test]
fn a_migration_of_agents_that_dies_at_any_call_leaves_records_that_are_migrated_once() {
    let calls = {
        let (disk, beside) = prepared();
        let before = disk.changes();
        migrates(&disk, &beside).unwrap();
        before + 1..=disk.changes()
    };
    let mut halfway = 0;
    for call in calls {
        let (disk, beside) = prepared();
        disk.crash_after_partly(call, call * 7919);
        let _ = migrates(&disk, &beside);
        let left = disk.after_kill();
        // Whether its process lives is asked of the true system.
        let _ = left.unlink(&path(layout::COMPACT_LOCK));
        halfway += u32::from(!published(&left).log_versions.is_empty());
        let reader = try_open(left.clone(), Options { read_only: true, ..second() }).unwrap().store;
        in_brackets(&reader).unwrap();
        let expected: Vec<_> = sorted(&reader);
        assert!(expected.iter().all(|record| MIGRATED.contains(&record.as_str())), "{call}: {expected:?}");
        assert!(expected.len() >= 3, "{call}: {expected:?}");
        // A single writer, or another agent, brings it to an end.
        let single = left.after_kill();
        let opened = try_open(single.clone(), second()).unwrap();
        if opened.report.needs_migration {
            in_brackets(&opened.store).unwrap();
            checkpoint(&opened.store).unwrap();
        }
        opened.store.close().unwrap();
        let next = agent(&left, "next", second()).unwrap();
        store_migrated(&next, || {}).unwrap();
        for (disk, who) in [(&single, "single"), (&left, "agent")] {
            let reader = try_open(disk.clone(), Options { read_only: true, ..second() }).unwrap();
            assert!(!reader.report.needs_migration, "{call}, {who}");
            assert_eq!(sorted(&reader.store), expected, "{call}, {who}");
        }
    }
    assert!(halfway > 0, "no crash left lines of the old version behind a snapshot of the new one");
}

#[test]
fn an_agent_of_a_lower_version_writes_no_more_once_it_has_seen_a_newer_manifest() {
    let (disk, beside) = prepared();
    let first = Options { version: 1, version_given: true, ..options() };
    let old = agent(&disk, "first", first.clone()).unwrap();
    migrates(&disk, &beside).unwrap();
    assert!(matches!(try_set(&old, "x", "9"), Err(Rejected::NotNow)));
    old.follow().unwrap();
    let refused = |error: &Error| matches!(error, Error::NewerVersion { found: 2, given: 1 });
    assert!(matches!(try_set(&old, "x", "9"), Err(Rejected::Error(error)) if refused(&error)));
    assert!(old.compact_agents(NOW, None).is_err_and(|error| refused(&error)));
    assert!(old.undo_waiting().is_err_and(|error| refused(&error)));
    old.renew().unwrap();
    assert_eq!(sorted(&old), MIGRATED);
    old.close().unwrap();
    assert!(agent(&disk, "first", first).is_err_and(|error| refused(&error)));
}

/// What reads the logs of agents without the folder's lock, and so may do so just when a migration is published.
const READING: [&str; 3] = ["agent", "reader", "opening"];

#[test]
fn lines_of_the_new_version_are_migrated_by_none_that_reads_while_the_migration_is_published() {
    for how in READING {
        let mut came = 0;
        for call in 1..60 {
            let (disk, beside) = prepared();
            let upgraded = agent(&disk, "upgraded", second()).unwrap();
            in_brackets(&upgraded).unwrap();
            let compaction = upgraded.begin_compaction(NOW, None, false).unwrap().unwrap();
            in_brackets(&upgraded).unwrap();
            beside.follow().unwrap();
            let looking = HookDisk::of_reader(disk.clone());
            let options = match how {
                "agent" => Options { agent: Some("x".into()), ..second() },
                _ => Options { read_only: true, ..second() },
            };
            let open = || try_open(looking.clone(), options.clone()).unwrap().store;
            let known = (how != "opening").then(open);
            if let Some(x) = &known {
                in_brackets(x).unwrap();
                // A store that opened beside it has changed the manifest.
                beside.follow().unwrap();
            }
            looking.clear();
            let publishes = Arc::clone(&beside);
            looking.before(call, move || {
                compaction.finish().unwrap();
                publishes.follow().unwrap();
                publishes.renew().unwrap();
                set(&publishes, "later", "[5]");
            });
            let x = match known {
                Some(x) if how == "agent" => {
                    x.read_ahead();
                    x
                }
                Some(x) => {
                    x.follow().unwrap();
                    x
                }
                None => open(),
            };
            came += u32::from(looking.clear() >= call);
            in_brackets(&x).unwrap();
            x.follow().unwrap();
            x.renew().unwrap();
            in_brackets(&x).unwrap();
        }
        assert!(came > 3, "{how}: {came}");
    }
}
