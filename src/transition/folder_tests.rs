//! Each transition of a folder's manifest, field by field.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // Tests.

use super::folder::*;
use crate::format::manifest::{Generation, LINEAGE, Manifest, Stats, parse};

const NOW: i64 = 1_700_000_000_000;
const NOW_TEXT: &str = "2023-11-14T22:13:20.000Z";

fn came(name: &str) -> Generation {
    Generation { name: name.into(), logs_ms: vec![9] }
}

fn others(text: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![(b"newer".to_vec(), text.as_bytes().to_vec())]
}

/// A single writer's, with fields of a newer version.
fn single() -> Manifest {
    Manifest {
        version: 1,
        current_snapshot: "s1".into(),
        active_ops: "l1".into(),
        active_agent_ops: None,
        archive_segments: vec!["a".into()],
        stats: Stats {
            active_records: 1,
            archived_records: 2,
            ops_count: 3,
            created: "c".into(),
            last_checkpoint: "l".into(),
            others: others("4"),
        },
        generation: 7,
        clock: 5,
        previous_ops: Some("l0".into()),
        previous_end: 6,
        departures: 2,
        superseded: vec![("s0".into(), NOW as u64 - 20_000)],
        pruned: Some(("p".into(), "2020".into())),
        log_versions: vec![("l1".into(), 2)],
        former_versions: vec![("l0".into(), 1)],
        log_ends: vec![("l".into(), 3)],
        after: vec![("l".into(), "k:10".into())],
        lineage: vec![came("known")],
        others: others("{\"x\":[1]}"),
    }
}

fn logs(named: &[(&str, &str)]) -> Vec<(String, String)> {
    named.iter().map(|(key, log)| ((*key).into(), (*log).into())).collect()
}

/// One of two agents.
fn shared() -> Manifest {
    let agents = logs(&[("sealed/l0", "l0"), ("one", "l1"), ("two", "l2")]);
    Manifest { active_agent_ops: Some(agents), ..single() }
}

fn snapshot(archived: Option<&Archived>) -> Snapshot<'_> {
    let (former, migrates) = (None, false);
    Snapshot { path: "s2", version: 3, former, records: 9, now_ms: NOW, departures: 4, migrates, archived }
}

fn segment(path: &str) -> Archived {
    Archived { segment: path.into(), added: 5 }
}

/// What every change that makes a generation does to the manifest.
fn next_generation(current: &Manifest, changed: Manifest) -> Manifest {
    Manifest { generation: 8, lineage: vec![came("new"), current.lineage[0].clone()], ..changed }
}

fn with_snapshot(current: &Manifest) -> Manifest {
    let superseded = vec![("s1".into(), NOW as u64)];
    let stats =
        Stats { active_records: 9, ops_count: 0, last_checkpoint: NOW_TEXT.into(), ..current.stats.clone() };
    let changed = Manifest {
        version: 3,
        current_snapshot: "s2".into(),
        departures: 4,
        superseded,
        stats,
        ..current.clone()
    };
    next_generation(current, changed)
}

#[test]
fn every_field_survives_the_file() {
    for manifest in [single(), shared()] {
        assert_eq!(parse(manifest.print().as_bytes()), Ok(manifest));
    }
}

#[test]
fn fields_of_stores_behind_backends_are_not_read() {
    let text = single().print().replacen('{', "{\"stamp\":\"x\",\"retired\":[],\"writer\":\"w\",", 1);
    assert_eq!(parse(text.as_bytes()), Ok(single()));
}

#[test]
fn fresh_has_the_fields_of_the_original_and_a_lineage() {
    let made = fresh("s".into(), "l".into(), "now".into(), came("new"));
    let stats = Stats { created: "now".into(), last_checkpoint: "now".into(), ..Stats::default() };
    let expected = Manifest {
        version: 1,
        current_snapshot: "s".into(),
        active_ops: "l".into(),
        stats,
        generation: 1,
        lineage: vec![came("new")],
        ..Manifest::default()
    };
    assert_eq!(made, expected);
}

#[test]
fn succeeded_counts_and_names_the_last_generations() {
    let next = succeeded(single(), came("new"));
    assert_eq!(next, next_generation(&single(), single()));
    let mut last = next;
    for number in 0..2 * LINEAGE {
        last = succeeded(last, came(&number.to_string()));
    }
    assert_eq!((last.lineage.len(), last.generation), (LINEAGE, 8 + 2 * LINEAGE as u64));
    assert_eq!(last.lineage[0], came("63"));
}

#[test]
fn checkpointed_names_the_snapshot_and_the_logs() {
    let (next, gone) =
        checkpointed(&single(), &snapshot(None), ("l2".into(), 40, true), |_| false, came("new"));
    let expected = Manifest {
        active_ops: "l2".into(),
        previous_ops: Some("l1".into()),
        previous_end: 40,
        log_versions: Vec::new(),
        ..with_snapshot(&single())
    };
    assert_eq!((next, gone), (expected, vec!["s0".to_owned()]));
}

#[test]
fn checkpointed_leaves_an_empty_log_out_of_the_chain() {
    let (next, _) = checkpointed(&single(), &snapshot(None), ("l2".into(), 0, false), |_| true, came("new"));
    assert_eq!((next.previous_ops, next.previous_end), (Some("l0".into()), 6));
    assert_eq!(next.log_ends, single().log_ends);
}

#[test]
fn checkpointed_notes_that_nothing_of_a_log_counts_until_a_later_one_says_what_it_follows() {
    let (next, _) = checkpointed(&single(), &snapshot(None), ("l2".into(), 0, true), |_| true, came("new"));
    assert_eq!(next.log_ends, [("l".to_owned(), 3), ("l1".to_owned(), 0)]);
    let later = |is_explained: bool| {
        checkpointed(&next, &snapshot(None), ("l3".into(), 7, false), |_| is_explained, came("newer")).0
    };
    assert_eq!(later(true).log_ends, single().log_ends);
    assert_eq!(later(false).log_ends, next.log_ends);
}

#[test]
fn noted_after_says_what_the_last_logs_follow_whose_first_lines_do_not() {
    let next = noted_after(&single(), "l0:6");
    let after = |log: &str, after: &str| (log.to_owned(), after.to_owned());
    assert_eq!(next, Manifest { after: vec![after("l", "k:10"), after("l1", "l0:6")], ..single() });
    assert_eq!(noted_after(&next, "l0:7").after, [after("l", "k:10"), after("l1", "l0:7")]);
    assert_eq!((next.after_of("l1").as_deref(), next.after_of("l2")), (Some("l0:6"), None));
    let mut last = next;
    for number in 0..40 {
        last.active_ops = format!("l{number}");
        last = noted_after(&last, "k:1");
    }
    assert_eq!(
        (last.after.len(), last.after_of("l7"), last.after_of("l8")),
        (32, None, Some("k:1".to_owned()))
    );
}

#[test]
fn versions_of_logs_that_a_snapshot_of_another_version_follows_are_noted() {
    let former = || Some(("l1".to_owned(), 2));
    let (next, _) = checkpointed(
        &single(),
        &Snapshot { former: former(), ..snapshot(None) },
        ("l2".into(), 9, true),
        |_| false,
        came("new"),
    );
    assert_eq!(next.former_versions, [("l0".to_owned(), 1), ("l1".to_owned(), 2)]);
    let of_sealed = Snapshot { former: Some(("l0".to_owned(), 2)), ..snapshot(None) };
    let merged = ["l0".to_owned()];
    let before = Manifest { active_ops: "l3".into(), log_versions: Vec::new(), ..shared() };
    let (next, _) = published(&before, &of_sealed, &merged, (2, |log: &str| log == "l3"), came("new"));
    let noted = [("l0", 1), ("l0", 2), ("l1", 2), ("l2", 2), ("l3", 3)];
    assert_eq!(next.former_versions, noted.map(|(log, version)| (log.to_owned(), version)));
}

#[test]
fn a_migration_and_an_archive_are_departures() {
    let count = |snapshot: &Snapshot<'_>| {
        checkpointed(&single(), snapshot, ("l2".into(), 0, false), |_| true, came("new")).0.departures
    };
    let archived = segment("b");
    assert_eq!(count(&snapshot(None)), 4);
    assert_eq!(count(&Snapshot { migrates: true, ..snapshot(None) }), 5);
    assert_eq!(count(&snapshot(Some(&archived))), 5);
    assert_eq!(count(&Snapshot { migrates: true, ..snapshot(Some(&archived)) }), 6);
}

#[test]
fn an_archive_with_its_checkpoint_names_the_segment_once() {
    let of = |path: &str| {
        checkpointed(
            &single(),
            &snapshot(Some(&segment(path))),
            ("l2".into(), 0, false),
            |_| true,
            came("new"),
        )
        .0
    };
    assert_eq!(of("b").archive_segments, ["a", "b"]);
    assert_eq!(of("a").archive_segments, ["a"]);
    assert_eq!(of("a").stats.archived_records, 7);
}

#[test]
fn archived_alone_changes_the_segments_and_their_count() {
    let next = archived(&single(), &segment("b"));
    let stats = Stats { archived_records: 7, ..single().stats };
    let expected = Manifest { archive_segments: vec!["a".into(), "b".into()], stats, ..single() };
    assert_eq!(next, expected);
    let full = Manifest { stats: Stats { archived_records: u64::MAX, ..single().stats }, ..single() };
    assert_eq!(archived(&full, &segment("a")).stats.archived_records, u64::MAX);
}

#[test]
fn sealed_names_the_next_logs_and_the_clock_never_goes_back() {
    let agents = logs(&[("one", "l3"), ("sealed/l1", "l1")]);
    let next_logs = |clock| NextLogs { agents: agents.clone(), own: "l3".into(), clock };
    let next = sealed(&shared(), next_logs(8), came("new"));
    let changed =
        Manifest { active_agent_ops: Some(agents.clone()), active_ops: "l3".into(), clock: 8, ..shared() };
    assert_eq!(next, next_generation(&shared(), changed));
    assert_eq!(sealed(&shared(), next_logs(3), came("new")).clock, 5);
}

#[test]
fn published_takes_the_sealed_logs_out_and_notes_the_version_of_those_that_stay() {
    let merged = ["l0".to_owned()];
    let (next, gone) =
        published(&shared(), &snapshot(None), &merged, (2, |log: &str| log == "l2"), came("new"));
    let expected = Manifest {
        active_agent_ops: Some(logs(&[("one", "l1"), ("two", "l2")])),
        log_versions: vec![("l1".into(), 2)],
        ..with_snapshot(&shared())
    };
    assert_eq!((next, gone), (expected, vec!["s0".to_owned()]));
}

#[test]
fn published_leaves_a_log_named_that_an_agent_still_appends_to() {
    let merged = ["l0".to_owned(), "l1".to_owned()];
    let (next, _) = published(&shared(), &snapshot(None), &merged, (3, |_: &str| false), came("new"));
    assert_eq!(next.active_agent_ops, Some(logs(&[("one", "l1"), ("two", "l2")])));
}

#[test]
fn logs_keep_their_version_when_the_snapshot_gets_another() {
    let noted = vec![("l0".to_owned(), 1), ("gone".to_owned(), 1)];
    let before = Manifest { log_versions: noted, ..shared() };
    let of = |before: &Manifest, versions: (u32, u32)| {
        let snapshot = Snapshot { version: versions.1, ..snapshot(None) };
        published(before, &snapshot, &[], (versions.0, |log: &str| log == "l2"), came("new")).0
    };
    let next = of(&before, (2, 3));
    assert_eq!((next.version, &next.log_versions), (3, &vec![("l0".into(), 1), ("l1".into(), 2)]));
    assert_eq!(of(&next, (3, 1)).log_versions, [("l1".into(), 2)]);
}

#[test]
fn registered_adds_the_agent_and_seals_the_log_of_a_single_writer() {
    let next = registered(&shared(), "three", "l3", None, came("new"));
    let all = logs(&[("sealed/l0", "l0"), ("one", "l1"), ("two", "l2"), ("three", "l3")]);
    let changed = Manifest { active_agent_ops: Some(all), ..shared() };
    assert_eq!(next, next_generation(&shared(), changed));

    let single_log = Some(("sealed/l1".to_owned(), "l1".to_owned()));
    let first = registered(&single(), "one", "l3", single_log, came("new"));
    let both = logs(&[("sealed/l1", "l1"), ("one", "l3")]);
    let changed = Manifest { active_agent_ops: Some(both), active_ops: "l3".into(), ..single() };
    assert_eq!(first, next_generation(&single(), changed));
    let alone = registered(&single(), "one", "l3", None, came("new"));
    assert_eq!(alone.active_agent_ops, Some(logs(&[("one", "l3")])));
}

#[test]
fn taken_over_names_one_log_that_follows_those_of_the_agents() {
    let own = TakenOver { log: "l4", previous: Some("l2"), clock: 8 };
    let (next, gone) = taken_over(&shared(), &own, Some(&snapshot(None)), came("new"));
    let led_by = |manifest: Manifest| Manifest {
        active_ops: "l4".into(),
        active_agent_ops: None,
        log_versions: Vec::new(),
        previous_ops: Some("l2".into()),
        previous_end: 0,
        log_ends: vec![("l".into(), 3), ("l0".into(), 6)],
        departures: 3,
        ..manifest
    };
    let expected = led_by(Manifest { clock: 8, ..with_snapshot(&shared()) });
    assert_eq!((next, gone), (expected, vec!["s0".to_owned()]));
    // Without a snapshot the one that is there stays, with its version and its counts.
    let (next, gone) = taken_over(&shared(), &TakenOver { clock: 1, ..own }, None, came("new"));
    let changed = led_by(shared());
    assert_eq!((next, gone), (next_generation(&shared(), changed), Vec::new()));
}

#[test]
fn pruned_forgets_snapshots_and_keeps_the_latest_time() {
    let newest = |until: &str| Some(("p2".to_owned(), until.to_owned()));
    let next = pruned(&single(), |path| path == "s0", newest("2021"));
    let expected =
        Manifest { superseded: Vec::new(), pruned: Some(("p2".into(), "2021".into())), ..single() };
    assert_eq!(next, expected);
    assert_eq!(pruned(&single(), |_| false, newest("2019")).pruned, Some(("p2".into(), "2020".into())));
    assert_eq!(pruned(&single(), |_| false, newest("")), single());
    assert_eq!(pruned(&single(), |_| false, None), single());
}

#[test]
fn a_snapshot_goes_once_two_newer_ones_exist_and_ten_seconds_have_passed() {
    let at = |superseded: &[(&str, u64)], generation| {
        let superseded = superseded.iter().map(|(path, ms)| ((*path).to_owned(), *ms)).collect();
        let current = Manifest { superseded, generation, ..single() };
        checkpointed(&current, &snapshot(None), ("l2".into(), 0, false), |_| true, came("new"))
    };
    let now = NOW as u64;
    assert_eq!(at(&[("s0", now - 10_000)], 7).1, ["s0"]);
    assert_eq!(at(&[("s0", now - 9_999)], 7).1, [""; 0]);
    // A clock that was ahead: superseded before those that came after it, and by now.
    let (next, gone) = at(&[("s", now + 50_000), ("s0", now - 20_000)], 7);
    assert_eq!((next.superseded, gone), (vec![("s1".into(), now)], vec!["s".into(), "s0".into()]));
    // 0.8.1 wrote this manifest, and perhaps its snapshot.
    assert_eq!(at(&[], 0).0.superseded, []);
}
